"""A customer asks for a person: who is asked, in which order, at which hour, and what everybody is told."""

from __future__ import annotations

import asyncio

import pytest

from runtime.domain import words
from runtime.domain.enums import OutboxKind
from runtime.domain.handoff import LOOK, REMINDERS
from runtime.domain.ids import StaffId
from runtime.flows import handoff as flow
from runtime.flows.handoff import Request
from runtime.store import handoffs
from runtime.store.database import Database
from tests.runtime.flows.desk import Desk
from tests.runtime.twins import NOW

HOUR = 60
DAY = 24 * HOUR
TWO_TO_THREE = 4.5 * HOUR
"""Half past two: Karla is at lunch."""
TEN_AT_NIGHT = 12 * HOUR


async def test_the_owner_is_asked_first_and_both_are_told(database: Database) -> None:
    """The customer hears whom, the owner who, why and the last words; until they take it nobody has the customer."""
    desk = await Desk.open(database, "Ana")

    answer = await desk.ask("Ana")

    assert (answer.status, answer.human, answer.place) == ("connected", "Lupita", None)
    reply, alert = answer.messages
    assert [(reply.kind, reply.body), alert.kind] == [
        (OutboxKind.REPLY, words.connected("Lupita")),
        OutboxKind.ALERT,
    ]
    assert alert.body == (
        "🙋 Ana pide hablar con una persona. Motivo: quiere un precio especial.\n"
        "Lo último que se dijo:\n"
        "  Ana: ¿me ayudas?\n"
        "Contéstale aquí mismo: todo lo que escribas le llega a Ana. "
        "También puedes responder *tomar*, *15 min* o *no puedo*. Para terminar escribe *listo*."
    )
    assert await desk.states() == {"Ana": ("offered", "Lupita")}
    assert await desk.outcomes("Ana") == [("Lupita", None)]
    times = await desk.row("Ana", "offered_at, last_human_at, unanswered_since, connected_at, due_at")
    assert times == (NOW, NOW, NOW, None, NOW + REMINDERS[0])


async def test_the_alert_says_what_it_is_about_and_what_is_arranged(database: Database) -> None:
    """A model's summary, the appointments to come, and what was said by whom."""
    desk = await Desk.open(database, "Gabriela")

    answer = await desk.ask("Gabriela", summary="Le quedó mal el gelish.")

    lines = answer.messages[1].body.splitlines()
    assert lines[0].startswith("🙋 Gabriela Luna pide hablar con una persona.")
    assert lines[1] == "Resumen: Le quedó mal el gelish."
    assert lines[2].startswith("Cita: ") and lines[2].endswith("con Karla.")
    assert "  Gabriela Luna: ¿me ayudas?" in lines


async def test_a_busy_owner_passes_the_next_customer_to_an_admin(database: Database) -> None:
    """Owner first, then admins, each asked for one customer at a time."""
    desk = await Desk.open(database, "Ana", "Beto")
    await desk.ask("Ana")

    answer = await desk.ask("Beto")

    assert (answer.status, answer.human) == ("connected", "Rosa")
    assert await desk.states() == {"Ana": ("offered", "Lupita"), "Beto": ("offered", "Rosa")}


@pytest.mark.parametrize(("position", "second"), [(9, "Rosa"), (0, "Karla")])
async def test_admins_are_asked_in_the_order_the_business_gave_them(
    database: Database, position: int, second: str
) -> None:
    """Their position decides, not when they were hired."""
    desk = await Desk.open(database, "Ana", "Beto")
    await desk.promote_karla()
    await desk.change("update staff set position = 5 where name = 'Rosa'")
    await desk.change("update staff set position = :position where name = 'Karla'", position=position)

    answers = [await desk.ask(name) for name in ("Ana", "Beto")]

    assert [answer.human for answer in answers] == ["Lupita", second]


async def test_whoever_is_on_duty_is_asked_before_whoever_is_not(database: Database) -> None:
    """The owner may have the afternoon off: an admin who is there goes first."""
    desk = await Desk.open(database, "Ana", "Beto")
    await _give_hours(desk, "Lupita", (0, 9 * 60, 12 * 60))
    desk.set(TWO_TO_THREE)

    answer = await desk.ask("Ana")

    assert answer.human == "Rosa"
    assert answer.messages[0].body == words.connected("Rosa")


async def test_while_a_colleague_on_duty_is_only_busy_nobody_is_called_in_from_home(database: Database) -> None:
    """The customer waits in line: somebody is there and will be free."""
    desk = await Desk.open(database, "Ana", "Beto")
    await _give_hours(desk, "Lupita", (0, 9 * 60, 12 * 60))
    desk.set(TWO_TO_THREE)
    await desk.ask("Ana")

    answer = await desk.ask("Beto")

    assert (answer.status, answer.place) == ("waiting", 1)
    assert await desk.states() == {"Ana": ("offered", "Rosa"), "Beto": ("waiting", None)}


@pytest.mark.parametrize(
    ("minutes", "opens"),
    [
        pytest.param(TEN_AT_NIGHT, "mañana martes 13 de enero a las 9:00 AM", id="tomorrow"),
        pytest.param(DAY - 4 * HOUR, "las 9:00 AM", id="later-today"),
        pytest.param(5 * DAY + TEN_AT_NIGHT, "el lunes 19 de enero a las 9:00 AM", id="after-the-weekend"),
    ],
)
async def test_when_everybody_is_off_duty_the_owner_is_asked_and_the_customer_is_told_honestly(
    database: Database, minutes: float, opens: str
) -> None:
    """The customer reads that nobody is there and when somebody will be."""
    desk = await Desk.open(database, "Ana")
    desk.set(minutes)

    answer = await desk.ask("Ana")

    assert answer.human == "Lupita"
    assert answer.messages[0].body == words.connected_off_hours("Lupita", opens)


async def test_where_nobody_ever_opens_no_hour_is_promised(database: Database) -> None:
    """A business without hours still has an owner to ask."""
    desk = await Desk.open(database, "Ana")
    await desk.change("delete from location_hours")

    answer = await desk.ask("Ana")

    assert answer.messages[0].body == words.connected_off_hours("Lupita", None)


async def test_when_everybody_is_busy_the_customer_waits_and_knows_their_place(database: Database) -> None:
    """The line is in order of asking, and nobody else is told anything yet."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla", "Dani")
    for name in ("Ana", "Beto"):
        await desk.ask(name)

    third = await desk.ask("Carla")
    desk.set(1)
    fourth = await desk.ask("Dani")

    assert (third.status, third.place, fourth.status, fourth.place) == ("waiting", 1, "waiting", 2)
    assert [each.body for each in (*third.messages, *fourth.messages)] == [words.waiting(1), words.waiting(2)]
    waiting = await desk.look("select due_at - requested_at from handoffs where state = 'waiting'")
    assert waiting == [(LOOK,)] * 2


async def test_where_nobody_may_take_a_customer_a_task_is_left_once(database: Database) -> None:
    """A business without owner or admin still answers, and somebody will find the task."""
    desk = await Desk.open(database, "Ana")
    await desk.change("update staff set active = false where role in ('owner', 'admin')")

    answers = [await desk.ask("Ana", key="reply:the-same-call") for _ in range(2)]

    assert [(answer.status, answer.messages[0].body) for answer in answers] == [("unavailable", words.NO_HUMAN)] * 2
    assert await desk.look("select kind::text, summary from tasks") == [("no_human", words.NO_HUMAN_TASK)]
    assert await desk.look("select count(*) from handoffs") == [(0,)]
    assert await desk.look("select count(*) from outbox") == [(1,)]


async def test_staff_and_viewers_are_never_given_a_customer(database: Database) -> None:
    """Only owners and admins take customers over: with both busy the customer waits though Karla is free."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla")
    answers = [await desk.ask(name) for name in ("Ana", "Beto", "Carla")]

    async with database.tenant(desk.salon.organization_id) as uow:
        humans = await handoffs.lock_humans(uow, desk.salon.organization_id)

    assert [human.name for human in humans] == ["Lupita", "Rosa"]
    assert [answer.human for answer in answers] == ["Lupita", "Rosa", None]


async def test_asking_twice_changes_nothing(database: Database) -> None:
    """Called stays called and in line keeps its place; nobody is alerted again."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla")
    for name in ("Ana", "Beto", "Carla"):
        await desk.ask(name)
    await desk.take("Lupita", "Ana")
    before = await desk.look("select * from handoffs order by id"), await desk.look("select * from handoff_offers")
    desk.set(2)

    again = [await desk.ask(name) for name in ("Ana", "Beto", "Carla")]

    assert [(each.status, each.human, each.place) for each in again] == [
        ("connected", "Lupita", None),
        ("connected", "Rosa", None),
        ("waiting", None, 1),
    ]
    assert [len(each.messages) for each in again] == [1, 1, 1]
    assert again[2].messages[0].body == words.still_waiting(1)
    assert (
        await desk.look("select * from handoffs order by id"),
        await desk.look("select * from handoff_offers"),
    ) == before


async def test_two_who_ask_in_the_same_instant_never_share_a_human(database: Database) -> None:
    """The second request waits for the first one's transaction and then sees that the owner is asked."""
    desk = await Desk.open(database, "Ana", "Beto")
    async with database.tenant(desk.salon.organization_id) as uow:
        first = await flow.request_human(desk.scene(uow), Request(desk.chat("Ana"), "x"), "reply:1")
        rival = asyncio.ensure_future(desk.ask("Beto"))
        await asyncio.sleep(0.15)
        assert not rival.done()
        await uow.commit()

    assert (first.human, (await rival).human) == ("Lupita", "Rosa")


async def test_a_crowd_that_asks_at_once_is_served_one_each_and_lines_up(database: Database) -> None:
    """Five customers, two people: two alerts and a line of three different places."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla", "Dani", "Eva")

    answers = await asyncio.gather(*(desk.ask(name) for name in ("Ana", "Beto", "Carla", "Dani", "Eva")))

    assert sorted(answer.human for answer in answers if answer.human) == ["Lupita", "Rosa"]
    assert sorted(answer.place for answer in answers if answer.place) == [1, 2, 3]


async def test_a_turn_that_had_to_wait_for_its_turn_joins_the_line_at_its_end(database: Database) -> None:
    """Dani's turn looked at the clock first and got the lock last: Carla keeps the place she was told."""
    desk = await Desk.open(database, "Ana", "Beto", "Carla", "Dani", "Eva")
    for name in ("Ana", "Beto"):
        await desk.ask(name)

    places = []
    for seconds, name in ((3, "Carla"), (1, "Dani"), (2, "Eva")):
        desk.set(seconds / 60)
        places.append((await desk.ask(name)).place)
    told = await desk.end("Ana")

    assert places == [1, 2, 3]
    assert desk.who(told)[2] == ("Carla", words.connected("Lupita"))
    assert await desk.look("select count(distinct requested_at) from handoffs where state = 'waiting'") == [(2,)]


async def _give_hours(desk: Desk, name: str, *hours: tuple[int, int, int]) -> None:
    """Hours of one's own: weekday, opening and closing minute."""
    staff_id: StaffId = desk.salon.staff[name]
    for weekday, opens, closes in hours:
        await desk.change(
            "insert into staff_hours (organization_id, staff_id, weekday, opens_minute, closes_minute)"
            " values (:org, :staff, :weekday, :opens, :closes)",
            org=desk.salon.organization_id,
            staff=staff_id,
            weekday=weekday,
            opens=opens,
            closes=closes,
        )
