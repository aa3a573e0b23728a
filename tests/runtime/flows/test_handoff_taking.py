"""Humans answer the call: they take, put off, say no, pass on, step in unasked, or are no longer there."""

from __future__ import annotations

import pytest

from runtime.domain import words
from runtime.domain.enums import HandoffState
from runtime.domain.handoff import LOOK, NUDGES, SILENCE, SNOOZE
from runtime.flows import handoff as flow
from runtime.flows.handoff import Scene
from runtime.store import handoffs
from runtime.store.database import Database
from runtime.store.handoffs import Handoff, Human
from tests.runtime.flows.desk import Desk, Told

# Taking -----------------------------------------------------------------------------------------------


async def test_whoever_is_asked_and_takes_the_customer_has_them(database: Database) -> None:
    """The offer is settled, the clock of silence begins anew, the history says who came; no further words."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    desk.set(2)

    told = await desk.take("Lupita", "Ana")

    assert told == []
    assert await desk.states() == {"Ana": ("active", "Lupita")}
    assert await desk.outcomes("Ana") == [("Lupita", "taken")]
    times = await desk.row("Ana", "connected_at, last_human_at, unanswered_since, nudges")
    assert times == (desk.at(2), desk.at(2), desk.at(0), 0)
    markers = await desk.look("select text from messages where author = 'marker'")
    assert markers == [(words.marker_started("Lupita"),)]


async def test_taking_twice_is_taking_once(database: Database) -> None:
    """The second tap changes nothing."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    await desk.take("Lupita", "Ana")
    before = await desk.look("select * from handoffs"), await desk.look("select count(*) from messages")
    desk.set(1)

    told = await desk.take("Lupita", "Ana")

    assert told == []
    assert (await desk.look("select * from handoffs"), await desk.look("select count(*) from messages")) == before


async def test_when_another_takes_the_customer_both_sides_are_told(database: Database) -> None:
    """The customer learns who writes now, and whoever was asked need not come any more."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")

    told = await desk.take("Rosa", "Ana")

    assert desk.who(told) == [("Ana", words.joined("Rosa")), ("Lupita", words.taken_by("Rosa", "Ana"))]
    assert await desk.states() == {"Ana": ("active", "Rosa")}
    assert await desk.outcomes("Ana") == [("Lupita", "withdrawn")]


async def test_whoever_waits_in_line_can_be_taken_by_a_free_human(database: Database) -> None:
    """Somebody who had said no may think better of it."""
    desk = await Desk.open(database, "Ana", "Beto")
    await desk.ask("Ana")
    await desk.ask("Beto")
    await desk.decline("Ana")

    told = await desk.take("Lupita", "Ana")

    assert desk.who(told) == [("Ana", words.joined("Lupita"))]
    assert await desk.states() == {"Ana": ("active", "Lupita"), "Beto": ("offered", "Rosa")}


async def test_a_take_over_tells_both_humans_and_the_history(database: Database) -> None:
    """The one who had the customer hears it, the first moment of connection stays, and the marks say who left."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    await desk.take("Lupita", "Ana")
    desk.set(12)

    told = await desk.take("Rosa", "Ana")

    assert desk.who(told) == [("Ana", words.joined("Rosa")), ("Lupita", words.taken_by("Rosa", "Ana"))]
    assert await desk.row("Ana", "state::text, connected_at, last_human_at") == ("active", desk.at(0), desk.at(12))
    markers = await desk.look("select text from messages where author = 'marker' order by at, id")
    assert markers[1:] == [(words.marker_ended("Lupita", "la pasó"),), (words.marker_started("Rosa"),)]


async def test_whoever_becomes_free_by_a_take_over_is_asked_for_the_next_in_line(database: Database) -> None:
    """Rosa had said no to Carla and takes Ana over: Lupita is free now, and Carla waits for nobody else."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla")
    await desk.ask("Ana")
    await desk.take("Lupita", "Ana")
    await desk.ask("Carla")
    await desk.decline("Carla")
    desk.set(12)

    told = await desk.take("Rosa", "Ana")

    assert await desk.states() == {"Ana": ("active", "Rosa"), "Carla": ("offered", "Lupita")}
    assert desk.who(told)[2] == ("Carla", words.connected("Lupita"))


async def test_a_human_may_take_a_customer_who_did_not_ask_and_give_them_back(database: Database) -> None:
    """A conversation without a handoff gets one whose origin is the human; it ends like any other."""
    desk = await Desk.open(database, "Ana")

    async def take_unasked(scene: Scene, humans: list[Human]) -> Told:
        _, told = await flow.take_unasked(scene, desk.chat("Ana"), await desk.find(scene, "Rosa"))
        return told

    told = await desk.do(take_unasked)
    taken = await desk.row("Ana", "state::text, origin::text, reason, unanswered_since, due_at")
    given_back = await desk.end("Ana")

    assert desk.who(told) == [("Ana", words.joined("Rosa"))]
    assert taken == ("active", "human", words.TAKEN_OVER, None, desk.at(0) + SILENCE)
    assert desk.who(given_back)[0] == ("Ana", words.ended_for_customer("Rosa"))


# Saying no --------------------------------------------------------------------------------------------


async def test_a_no_asks_the_next_human(database: Database) -> None:
    """The customer hears who comes instead."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")

    told = await desk.decline("Ana")

    assert [name for name, _ in desk.who(told)] == ["Ana", "Rosa"]
    assert desk.who(told)[0] == ("Ana", words.connected("Rosa"))
    assert await desk.states() == {"Ana": ("offered", "Rosa")}
    assert await desk.outcomes("Ana") == [("Lupita", "declined"), ("Rosa", None)]


async def test_when_all_have_said_no_the_customer_is_told_and_a_task_is_left(database: Database) -> None:
    """Nobody is asked twice, and nobody waits for people who will not come."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    await desk.decline("Ana")

    told = await desk.decline("Ana")

    assert desk.who(told) == [("Ana", words.GAVE_UP)]
    assert await desk.row("Ana", "state::text, end_reason::text, due_at") == ("ended", "unanswered", None)
    assert await desk.look("select kind::text, summary from tasks") == [("unanswered", words.UNANSWERED_TASK)]


async def test_after_a_no_the_customer_waits_for_whoever_is_only_busy(database: Database) -> None:
    """Rosa has not said no: the customer goes back to the line, hears their place, and gets her."""
    desk = await Desk.open(database, "Ana", "Beto")
    await desk.ask("Ana")
    await desk.ask("Beto")

    told = await desk.decline("Ana")
    waits = await desk.states()
    ended = await desk.end("Beto")

    assert desk.who(told) == [("Ana", words.back_in_line(1))]
    assert waits["Ana"] == ("waiting", None)
    assert desk.who(ended)[2:][0] == ("Ana", words.connected("Rosa"))
    assert (await desk.states())["Ana"] == ("offered", "Rosa")


async def test_whoever_says_no_to_one_is_free_for_the_next_in_line(database: Database) -> None:
    """Lupita cannot take Ana; Carla, whom she has not been asked for, waits no longer."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla")
    for name in ("Ana", "Beto", "Carla"):
        await desk.ask(name)

    told = await desk.decline("Ana")

    assert await desk.states() == {
        "Ana": ("waiting", None),
        "Beto": ("offered", "Rosa"),
        "Carla": ("offered", "Lupita"),
    }
    assert [name for name, _ in desk.who(told)] == ["Ana", "Carla", "Lupita"]


# Putting off ------------------------------------------------------------------------------------------


async def test_whoever_puts_a_customer_off_keeps_them_and_the_customer_is_told(database: Database) -> None:
    """No reminder for a quarter of an hour, then one; the human's word counts against the silence."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    desk.set(1)

    told = await desk.snooze("Ana")
    until_then = await desk.wait_until(15.9)
    woken = await desk.wait_until(16)

    assert desk.who(told) == [("Ana", words.snoozed_for_customer("Lupita"))]
    assert await desk.row("Ana", "state::text, last_human_at") == ("offered", desk.at(1))
    assert until_then == []
    assert woken == [("Lupita", words.reminder("Ana", 16))]


async def test_whoever_is_woken_has_time_to_answer_before_the_next_is_asked(database: Database) -> None:
    """The steps of an offer begin anew: six minutes after waking it is the next one's turn."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    desk.set(1)
    await desk.snooze("Ana")

    first = await desk.wait_until(21.9)
    then = await desk.wait_until(22)

    assert [name for name, _ in first] == ["Lupita"], "one reminder, as they are woken"
    assert sorted(name for name, _ in then) == ["Ana", "Lupita", "Rosa"]
    assert await desk.states() == {"Ana": ("offered", "Rosa")}


async def test_a_customer_can_be_put_off_again(database: Database) -> None:
    """Each time for a quarter of an hour from the word."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    await desk.snooze("Ana")
    await desk.wait_until(15)

    await desk.snooze("Ana")

    assert await desk.row("Ana", "snoozed_until") == (desk.at(15) + SNOOZE,)


# Passing on -------------------------------------------------------------------------------------------


async def test_a_customer_is_passed_on_to_a_free_human(database: Database) -> None:
    """The other is asked as if anew, the customer hears the name, and whoever passed them on is free."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    await desk.take("Lupita", "Ana")
    desk.set(5)

    told = await desk.pass_on("Ana", "Rosa")

    assert [name for name, _ in desk.who(told)] == ["Ana", "Rosa"]
    assert desk.who(told)[0] == ("Ana", words.connected("Rosa"))
    assert await desk.states() == {"Ana": ("offered", "Rosa")}
    assert await desk.row("Ana", "offered_at, last_human_at") == (desk.at(5), desk.at(5))
    assert await desk.outcomes("Ana") == [("Lupita", "taken"), ("Rosa", None)]


async def test_whoever_is_passed_a_customer_and_says_no_gives_them_back_to_who_is_free(database: Database) -> None:
    """Lupita passed Ana on, Rosa says no: Lupita did not say no, so she is asked."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    await desk.take("Lupita", "Ana")
    await desk.pass_on("Ana", "Rosa")

    await desk.decline("Ana")

    assert await desk.states() == {"Ana": ("offered", "Lupita")}


# No longer there --------------------------------------------------------------------------------------

GONE = [
    pytest.param("update staff set active = false where name = 'Lupita'", id="deactivated"),
    pytest.param("update staff set role = 'staff' where name = 'Lupita'", id="demoted"),
]


@pytest.mark.parametrize("gone", GONE)
@pytest.mark.parametrize("taken", [False, True])
async def test_a_human_who_leaves_is_replaced_at_once(database: Database, gone: str, taken: bool) -> None:
    """Whatever program wrote it, the handoff is due that moment: the next is asked, and all three are told."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    if taken:
        await desk.take("Lupita", "Ana")
    desk.set(1)

    await desk.change(gone)
    heard = await desk.wait_until(1)

    assert {name for name, _ in heard} == {"Lupita", "Ana", "Rosa"} and len(heard) == 3
    assert ("Lupita", words.removed_for_human("Ana")) in heard and ("Ana", words.connected("Rosa")) in heard
    assert await desk.states() == {"Ana": ("offered", "Rosa")}
    assert await desk.outcomes("Ana") == [("Lupita", "taken" if taken else "removed"), ("Rosa", None)]
    marks = await desk.look("select text from messages where author = 'marker' and text like 'terminó%'")
    assert marks == ([(words.marker_ended("Lupita", "ya no atiende aquí"),)] if taken else [])


async def test_when_the_last_human_leaves_the_customer_is_told_and_a_task_is_left(database: Database) -> None:
    """Nobody is left to wait for."""
    desk = await Desk.open(database, "Ana")
    await desk.change("update staff set active = false where name = 'Rosa'")
    await desk.ask("Ana")

    await desk.change("update staff set active = false where name = 'Lupita'")
    heard = await desk.wait_until(0)

    assert heard == [("Lupita", words.removed_for_human("Ana")), ("Ana", words.GAVE_UP)]
    assert await desk.look("select kind::text from tasks") == [("unanswered",)]


async def test_a_human_who_leaves_while_the_other_is_busy_sends_the_customer_back_to_the_line(
    database: Database,
) -> None:
    """Their place is that of the moment they asked, before whoever came later."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla")
    for minute, name in enumerate(("Ana", "Beto", "Carla")):
        desk.set(minute)
        await desk.ask(name)
    await desk.take("Lupita", "Ana")

    await desk.change("update staff set active = false where name = 'Lupita'")
    heard = await desk.wait_until(3)

    assert heard == [("Lupita", words.removed_for_human("Ana")), ("Ana", words.back_in_line(1))]
    assert await desk.row("Ana", "state::text, due_at") == ("waiting", desk.at(2) + LOOK)


async def test_a_change_of_staff_that_leaves_them_in_charge_disturbs_nobody(database: Database) -> None:
    """An owner who becomes an admin keeps the customer."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    before = await desk.row("Ana", "due_at")

    await desk.change("update staff set role = 'admin' where name = 'Lupita'")

    assert await desk.row("Ana", "due_at") == before


async def test_who_leaves_and_comes_back_before_anybody_looked_keeps_the_customer(database: Database) -> None:
    """The reason no longer holds: the next step is planned again, and nobody hears of it."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")
    before = await desk.row("Ana", "*")

    await desk.change("update staff set active = false where name = 'Lupita'")
    await desk.change("update staff set active = true where name = 'Lupita'")
    heard = await desk.wait_until(0)

    assert heard == []
    assert await desk.row("Ana", "*") == before


async def test_who_comes_back_to_the_business_is_asked_for_whoever_waits(database: Database) -> None:
    """A second person who may take customers shortens the line at once, whatever program made them one."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla")
    for name in ("Ana", "Beto", "Carla"):
        await desk.ask(name)

    await desk.promote_karla()
    heard = await desk.wait_until(0)

    assert sorted(name for name, _ in heard) == ["Carla", "Karla"]
    assert (await desk.states())["Carla"] == ("offered", "Karla")


async def test_a_business_that_is_suspended_ends_all_its_handoffs_at_once(database: Database) -> None:
    """The humans are told; the customers hear of the suspension when they write. Nobody in line is offered."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla")
    for name in ("Ana", "Beto", "Carla"):
        await desk.ask(name)
    await desk.take("Lupita", "Ana")

    await desk.change("update organizations set status = 'suspended' where name = 'Estética Lupita'")
    heard = await desk.wait_until(0)

    assert sorted(heard) == [
        ("Lupita", words.suspended_for_human("Ana")),
        ("Rosa", words.suspended_for_human("Beto")),
    ]
    reasons = await desk.look("select state::text, end_reason::text, due_at from handoffs")
    assert reasons == [("ended", "suspended", None)] * 3
    assert await desk.outcomes("Beto") == [("Rosa", "withdrawn")]


# The rows ---------------------------------------------------------------------------------------------


async def test_a_row_that_has_moved_on_is_not_moved_again(database: Database) -> None:
    """A step compares the state it read; a stale one changes nothing and does not pass unnoticed."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")

    async def work(scene: Scene, read: Handoff) -> Told:
        await flow.take(scene, read, await desk.find(scene, "Lupita"))
        with pytest.raises(AssertionError):
            await handoffs.note(scene.uow, scene.organization_id, read, {"nudges": 7})
        with pytest.raises(AssertionError):
            await flow.decline(scene, read)
        return ()

    await desk.step("Ana", work)

    assert await desk.row("Ana", "state::text, nudges") == (HandoffState.ACTIVE, 0)


def test_a_customer_is_left_alone_after_the_first_nudge() -> None:
    """Ten minutes: from then on another human may step in."""
    assert NUDGES[0].total_seconds() == 600
