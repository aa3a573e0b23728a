"""A handoff ends: by a word, by silence, by the customer; the next in line is served; the end is taken back."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from evals.bench.wire import WireCounter
from runtime.domain import words
from runtime.domain.handoff import SILENCE, UNDO, HandoffEvent
from runtime.flows import handoff as flow
from runtime.store import handoffs
from runtime.store.database import Database, open_database
from sim.seeding import clear_world
from tests.runtime.flows.desk import Desk

KARLA_IS_OUT = 4.5 * 60
"""Minutes after ten: from two to three she is not there."""


async def have(desk: Desk, **humans: str) -> None:
    """Each customer asks in turn, and whoever is named takes them."""
    for customer, human in humans.items():
        await desk.ask(customer)
        await desk.take(human, customer)


# How it ends ------------------------------------------------------------------------------------------


async def test_the_human_ends_it_and_both_are_told(database: Database) -> None:
    """The row says how and when, the history where the person left, and the human is free again."""
    desk = await Desk.open(database, "Ana", "Beto")
    await have(desk, Ana="Lupita")
    desk.set(5)

    told = await desk.end("Ana")

    assert desk.who(told) == [("Ana", words.ended_for_customer("Lupita")), ("Lupita", words.ended_for_human("Ana"))]
    assert await desk.row("Ana", "state::text, end_reason::text, ended_at, due_at") == (
        "ended",
        "human",
        desk.at(5),
        None,
    )
    markers = await desk.look("select text from messages where author = 'marker' order by at, id")
    assert markers == [(words.marker_started("Lupita"),), (words.marker_ended("Lupita", "cerró la conversación"),)]
    assert (await desk.ask("Beto")).human == "Lupita"


async def test_half_an_hour_of_silence_ends_it_to_the_second(database: Database) -> None:
    """Both learn that the time ran out, not that somebody closed the conversation."""
    desk = await Desk.open(database, "Ana")
    await have(desk, Ana="Lupita")
    await desk.say("Lupita", "Ana", "hola")

    before = await desk.wait_until(30 - 1 / 60)
    then = await desk.wait_until(30)

    assert before == []
    assert sorted(then) == [("Ana", words.TIMED_OUT_FOR_CUSTOMER), ("Lupita", words.timed_out_for_human("Ana"))]
    assert await desk.row("Ana", "end_reason::text, ended_at") == ("timeout", desk.at(30))
    assert await desk.look("select count(*) from tasks") == [(0,)], "somebody had answered"


async def test_silence_without_a_single_answer_leaves_a_task(database: Database) -> None:
    """Taken, but not a word to the customer: somebody has to look for them."""
    desk = await Desk.open(database, "Ana")
    await have(desk, Ana="Lupita")

    await desk.wait_until(30)

    assert await desk.row("Ana", "end_reason::text, first_answer_at") == ("timeout", None)
    assert await desk.look("select kind::text, summary from tasks") == [("unanswered", words.UNANSWERED_TASK)]


LEAVING = [
    pytest.param(HandoffEvent.CUSTOMER_LEAVES, words.LEFT_THE_LINE, "customer", id="leaves"),
    pytest.param(HandoffEvent.OPT_OUT, words.OPTED_OUT_IN_HANDOFF, "opted_out", id="opts-out"),
]


@pytest.mark.parametrize(("event", "text", "reason"), LEAVING)
async def test_a_customer_who_goes_from_the_line_moves_the_others_up(
    database: Database, event: HandoffEvent, text: str, reason: str
) -> None:
    """Only the customer is told; no human ever heard of them."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla", "Dani")
    for minute, name in enumerate(("Ana", "Beto", "Carla", "Dani")):
        desk.set(minute)
        await desk.ask(name)

    told = await desk.end("Carla", event)

    assert desk.who(told) == [("Carla", text)]
    assert await desk.row("Carla", "end_reason::text") == (reason,)
    assert (await desk.ask("Dani")).place == 1


@pytest.mark.parametrize(("event", "text", "reason"), LEAVING)
@pytest.mark.parametrize("taken", [False, True])
async def test_a_customer_who_goes_sets_the_human_free_for_the_next(
    database: Database, event: HandoffEvent, text: str, reason: str, taken: bool
) -> None:
    """Asked or talking, the human hears of it, and the next in line gets them."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla")
    for name in ("Ana", "Beto", "Carla"):
        await desk.ask(name)
    if taken:
        await desk.take("Lupita", "Ana")

    told = desk.who(await desk.end("Ana", event))

    human = {
        HandoffEvent.CUSTOMER_LEAVES: words.left_for_human("Ana"),
        HandoffEvent.OPT_OUT: words.opted_out_for_human("Ana", "baja"),
    }
    assert told[:3] == [("Ana", text), ("Lupita", human[event]), ("Carla", words.connected("Lupita"))]
    assert await desk.row("Ana", "state::text, end_reason::text") == ("ended", reason)
    assert await desk.outcomes("Ana") == [("Lupita", "taken" if taken else "withdrawn")]
    assert (await desk.states())["Carla"] == ("offered", "Lupita")


async def test_a_human_may_end_what_they_were_only_asked_for(database: Database) -> None:
    """It was settled by telephone: the offer is withdrawn and both are told."""
    desk = await Desk.open(database, "Ana")
    await desk.ask("Ana")

    told = await desk.end("Ana")

    assert [name for name, _ in desk.who(told)] == ["Ana", "Lupita"]
    assert await desk.outcomes("Ana") == [("Lupita", "withdrawn")]
    assert await desk.look("select count(*) from messages where author = 'marker'") == [(0,)]


# The next in line -------------------------------------------------------------------------------------


async def test_whoever_waited_longest_is_connected_next_in_the_order_of_the_line(database: Database) -> None:
    """Each end serves one more of the line, with whichever human became free."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla", "Dani")
    for minute, name in enumerate(("Ana", "Beto", "Dani", "Carla")):
        desk.set(minute)
        await desk.ask(name)

    first = await desk.end("Beto")
    second = await desk.end("Ana")
    third = await desk.end("Dani")

    assert [name for name, _ in desk.who(first)[2:]] == ["Dani", "Rosa"]
    assert desk.who(first)[2] == ("Dani", words.connected("Rosa"))
    assert [name for name, _ in desk.who(second)[2:]] == ["Carla", "Lupita"]
    assert len(third) == 2, "nobody waits any more"


async def test_the_line_passes_over_somebody_whom_everybody_free_has_refused(database: Database) -> None:
    """Lupita said no to Carla, who waits for Rosa: Dani, who came later, gets Lupita."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla", "Dani")
    await have(desk, Beto="Lupita")
    await desk.ask("Ana")
    await desk.end("Beto")
    await desk.ask("Carla")
    await desk.decline("Carla")
    desk.set(1)
    await desk.ask("Dani")

    assert await desk.states() == {
        "Beto": ("ended", "Lupita"),
        "Ana": ("offered", "Rosa"),
        "Carla": ("waiting", None),
        "Dani": ("offered", "Lupita"),
    }
    ended = await desk.end("Ana")
    assert desk.who(ended)[2] == ("Carla", words.connected("Rosa"))


async def test_a_line_that_nobody_can_be_called_for_costs_the_same_however_long_it_is(
    database: Database, database_url: str
) -> None:
    """Karla is free but off duty while others are there: an end does not look at everybody who waits."""
    statements = {}
    for waiting in (["Carla", "Dani"], ["Carla", "Dani", "Eva"]):
        await clear_world(database)
        desk = await Desk.open(database, "Ana", "Beto", *waiting)
        await desk.promote_karla()
        desk.set(KARLA_IS_OUT)
        for name in ("Ana", "Beto", *waiting):
            await desk.ask(name)
        with WireCounter(database_url) as counter:
            desk.database = open_database(counter.url, pool_size=1)
            await desk.end("Ana")
            statements[len(waiting)] = counter.take().statements
            await desk.database.close()
        desk.database = database

    assert (await desk.states())["Carla"] == ("offered", "Lupita")
    assert (await desk.states())["Dani"] == ("waiting", None)
    assert statements[3] == statements[2]


async def test_the_line_is_not_given_to_a_human_who_has_left_the_business(database: Database) -> None:
    """When the owner's last handoff ends after she has gone, the next in line waits for somebody who is there."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla")
    for name in ("Ana", "Beto", "Carla"):
        await desk.ask(name)
    await desk.change("update staff set active = false where name = 'Lupita'")

    await desk.end("Ana")
    still_waiting = await desk.states()
    await desk.end("Beto")

    assert still_waiting["Carla"] == ("waiting", None)
    assert (await desk.states())["Carla"] == ("offered", "Rosa")


async def test_somebody_who_joins_the_line_as_a_human_becomes_free_is_not_left_waiting(database: Database) -> None:
    """An end that has not committed yet and a new request see each other, whichever comes first."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla")
    await have(desk, Ana="Lupita", Beto="Rosa")
    async with database.tenant(desk.salon.organization_id) as uow:
        await handoffs.lock_humans(uow, desk.salon.organization_id)
        open_one = await handoffs.load_of_conversation(uow, desk.salon.organization_id, desk.chat("Ana"))
        assert open_one is not None
        await flow.end(desk.scene(uow), open_one, HandoffEvent.HUMAN_ENDS)
        joining = asyncio.ensure_future(desk.ask("Carla"))
        await asyncio.sleep(0.15)
        assert not joining.done()
        await uow.commit()

    assert ((await joining).status, (await joining).human) == ("connected", "Lupita")


# Taking it back ---------------------------------------------------------------------------------------


async def test_an_end_can_be_taken_back_within_half_a_minute(database: Database) -> None:
    """The customer hears that the human is still there; the silence counts anew; it can be ended again."""
    desk = await Desk.open(database, "Ana")
    await have(desk, Ana="Lupita")
    desk.set(5)
    await desk.end("Ana")
    desk.set(5.5)

    told = await desk.undo("Lupita")
    row = await desk.row("Ana", "state::text, connected_at, last_human_at, due_at, reopened, ended_at, end_reason")
    again = await desk.end("Ana")

    assert told is not None and desk.who(told) == [("Ana", words.resumed_for_customer("Lupita"))]
    assert row[:3] == ("active", desk.at(0), desk.at(5.5)) and row[4:] == (1, None, None)
    assert len(again) == 2
    assert await desk.look("select count(*) from outbox where dedupe_key like 'handoff-ended%'") == [(4,)]


async def test_the_half_minute_counts_until_the_word_was_written(database: Database) -> None:
    """A message that was written in time and read late still counts; one a moment later does not."""
    desk = await Desk.open(database, "Ana")
    await have(desk, Ana="Lupita")
    await desk.end("Ana")
    desk.set(2)

    late = await desk.undo("Lupita", written_at=desk.at(0) + UNDO + timedelta(microseconds=1))
    in_time = await desk.undo("Lupita", written_at=desk.at(0) + UNDO)

    assert late is None
    assert in_time is not None


async def test_whoever_was_offered_meanwhile_goes_to_another_free_human(database: Database) -> None:
    """Beto was just offered to Lupita, who takes her end back: he is given to Karla, who is free."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla")
    await have(desk, Ana="Lupita", Carla="Rosa")
    await desk.ask("Beto")
    await desk.end("Ana")
    await desk.promote_karla()

    told = await desk.undo("Lupita")

    assert told is not None
    assert [name for name, _ in desk.who(told)] == ["Beto", "Ana", "Beto", "Karla"]
    assert await desk.states() == {
        "Ana": ("active", "Lupita"),
        "Beto": ("offered", "Karla"),
        "Carla": ("active", "Rosa"),
    }
    assert await desk.outcomes("Beto") == [("Lupita", "withdrawn"), ("Karla", None)]


async def test_whoever_was_offered_meanwhile_goes_back_to_the_line_where_nobody_is_free(database: Database) -> None:
    """They hear their place, and are asked for again later: withdrawn is not refused."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla")
    await have(desk, Ana="Lupita", Carla="Rosa")
    await desk.ask("Beto")
    await desk.end("Ana")

    told = await desk.undo("Lupita")
    await desk.end("Ana")

    assert told is not None and desk.who(told)[0] == ("Beto", words.back_in_line(1))
    assert (await desk.states())["Beto"] == ("offered", "Lupita")


async def test_an_end_is_not_taken_back_from_under_another_handoff(database: Database) -> None:
    """The customer asked again and is with somebody, or the human has taken the next: both stay as they are."""
    desk = await Desk.open(database, "Ana", "Beto")
    await have(desk, Ana="Lupita")
    await desk.end("Ana")
    await desk.ask("Ana")
    again = await desk.undo("Lupita")
    await desk.end("Ana", HandoffEvent.CUSTOMER_LEAVES)
    await have(desk, Beto="Lupita")

    taken = await desk.undo("Lupita")

    assert again is None
    assert taken is None
    assert await desk.states() == {"Ana": ("ended", "Lupita"), "Beto": ("active", "Lupita")}


async def test_only_an_end_of_ones_own_can_be_taken_back(database: Database) -> None:
    """Not the other human's, not one by silence, and none at all before the first."""
    desk = await Desk.open(database, "Ana", "Beto")
    nothing = await desk.undo("Lupita")
    await have(desk, Ana="Lupita", Beto="Rosa")
    await desk.end("Ana", HandoffEvent.CUSTOMER_LEAVES)
    await desk.end("Beto")

    assert nothing is None
    assert await desk.undo("Lupita") is None
    assert await desk.undo("Rosa") is not None


async def test_a_customer_who_opted_out_after_the_end_is_left_in_peace(database: Database) -> None:
    """Who wants no more messages is not brought back to a person by a slip of that person's."""
    desk = await Desk.open(database, "Ana")
    await have(desk, Ana="Lupita")
    await desk.end("Ana")
    await desk.change("update people set opted_out_at = now()")

    assert await desk.undo("Lupita") is None


def test_the_times_of_an_end_are_as_they_are_told() -> None:
    """Half an hour, half a minute."""
    assert (timedelta(minutes=30), timedelta(seconds=30)) == (SILENCE, UNDO)
