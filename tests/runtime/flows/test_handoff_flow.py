"""A customer and a person: asking, waiting in line, talking, ending, and the next in line, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from runtime.domain import words
from runtime.domain.enums import HandoffState, OutboxKind
from runtime.domain.errors import IllegalTransition
from runtime.domain.handoff import LINE_LIMIT, SILENCE, HandoffEvent
from runtime.domain.ids import ConversationId
from runtime.flows import handoff as flow
from runtime.flows.handoff import Answer, Request, Scene
from runtime.store import handoffs, journal, outbox
from runtime.store.conversations import conversation_id_of
from runtime.store.database import Database
from runtime.store.handoffs import Handoff
from runtime.store.outbox import NewOutbound
from tests.runtime.twins import (
    ANA,
    BETO,
    CARLA,
    LUPITA,
    NOW,
    Salon,
    committed,
    open_salon,
    rows,
    run,
    write_and_claim,
)

ROSA = "+522220000103"
DANI = "+525512345681"
STATES = (
    "select c.their_key, h.state::text, s.name from handoffs h join conversations c on c.id = h.conversation_id"
    " left join staff s on s.id = h.staff_id order by h.requested_at, h.id"
)


def at(minutes: float) -> datetime:
    """A moment counted from the beginning of the test."""
    return NOW + timedelta(minutes=minutes)


async def arrive(database: Database, salon: Salon, *phones: str) -> None:
    """Give each phone a conversation."""
    for phone in phones:
        await write_and_claim(database, salon, phone)


async def ask(database: Database, salon: Salon, phone: str, name: str, *, minutes: float = 0, key: str = "") -> Answer:
    """A customer asks for a person, in a transaction of its own."""

    async def work(uow: Any) -> Answer:
        scene = Scene(uow, salon.ids, salon.organization_id, at(minutes))
        request = Request(conversation_id_of(salon.number, phone), name, "quiere un precio especial", ("¿me ayudas?",))
        answer = await flow.request_human(scene, request, key or f"reply:{phone}:{minutes}")
        await outbox.queue_messages(uow, salon.organization_id, None, answer.messages)
        return answer

    answer: Answer = await committed(database, salon, work)
    return answer


Step = Callable[[Scene, Handoff], Awaitable[tuple[NewOutbound, ...]]]


async def step(
    database: Database, salon: Salon, phone: str, work: Step, *, minutes: float = 5
) -> tuple[NewOutbound, ...]:
    """Do something with a customer's open handoff, as the turn and the ticker do: humans first, then the row."""

    async def inside(uow: Any) -> tuple[NewOutbound, ...]:
        await handoffs.lock_humans(uow, salon.organization_id)
        conversation_id = conversation_id_of(salon.number, phone)
        open_one = await handoffs.load_of_conversation(uow, salon.organization_id, conversation_id)
        assert open_one is not None
        told = await work(Scene(uow, salon.ids, salon.organization_id, at(minutes)), open_one)
        await outbox.queue_messages(uow, salon.organization_id, None, told)
        return told

    told: tuple[NewOutbound, ...] = await committed(database, salon, inside)
    return told


def to_whom(salon: Salon, told: tuple[NewOutbound, ...]) -> list[tuple[str, OutboxKind]]:
    """Who hears what kind of message, in order."""
    phones: dict[ConversationId, str] = {
        conversation_id_of(salon.number, phone): phone for phone in (ANA, BETO, CARLA, DANI, LUPITA, ROSA)
    }
    return [(phones[message.conversation_id], message.kind) for message in told]


async def end_by_human(scene: Scene, handoff: Handoff) -> tuple[NewOutbound, ...]:
    """The human says that they have finished."""
    return await flow.end(scene, handoff, HandoffEvent.HUMAN_ENDS)


# Asking -----------------------------------------------------------------------------------------------


async def test_the_owner_is_asked_first_and_both_are_told(database: Database) -> None:
    """The customer hears with whom, the owner hears who, why and the last words; the clock of silence runs."""
    salon = await open_salon(database)
    await arrive(database, salon, ANA)

    answer = await ask(database, salon, ANA, "Ana López")

    assert (answer.status, answer.human, answer.place) == ("connected", "Lupita", None)
    reply, alert = answer.messages
    assert to_whom(salon, answer.messages) == [(ANA, OutboxKind.REPLY), (LUPITA, OutboxKind.ALERT)]
    assert reply.body == words.connected("Lupita")
    assert alert.body == (
        "🙋 Ana López pide hablar con una persona. Motivo: quiere un precio especial.\n"
        "Lo último que se dijo:\n"
        "  Ana López: ¿me ayudas?\n"
        "Todo lo que escribas aquí le llega a Ana López. Para terminar escribe *listo*."
    )
    assert await rows(database, STATES) == [(ANA, "active", "Lupita")]
    assert await rows(database, "select due_at, last_human_at from handoffs") == [(NOW + SILENCE, NOW)]


async def test_a_busy_owner_passes_the_next_customer_to_an_admin(database: Database) -> None:
    """Owner first, then admins, each with one customer at a time."""
    salon = await open_salon(database)
    await arrive(database, salon, ANA, BETO)
    await ask(database, salon, ANA, "Ana")

    answer = await ask(database, salon, BETO, "Beto", minutes=1)

    assert (answer.status, answer.human) == ("connected", "Rosa")
    assert await rows(database, STATES) == [(ANA, "active", "Lupita"), (BETO, "active", "Rosa")]


async def test_when_everybody_is_busy_the_customer_waits_and_knows_their_place(database: Database) -> None:
    """The line is in order of asking, and nobody else is told anything yet."""
    salon = await open_salon(database)
    await arrive(database, salon, ANA, BETO, CARLA, DANI)
    for minute, (phone, name) in enumerate([(ANA, "Ana"), (BETO, "Beto")]):
        await ask(database, salon, phone, name, minutes=minute)

    third = await ask(database, salon, CARLA, "Carla", minutes=2)
    fourth = await ask(database, salon, DANI, "Dani", minutes=3)

    assert (third.status, third.place, fourth.status, fourth.place) == ("waiting", 1, "waiting", 2)
    assert [message.body for message in (*third.messages, *fourth.messages)] == [words.waiting(1), words.waiting(2)]
    waiting = await rows(database, "select due_at - requested_at from handoffs where state = 'waiting'")
    assert waiting == [(LINE_LIMIT,)] * 2


async def test_where_nobody_can_take_a_customer_a_task_is_left_once(database: Database) -> None:
    """A business without owner or admin on duty still answers, and somebody will find the task."""
    salon = await open_salon(database)
    await arrive(database, salon, ANA)
    await run(database, "update staff set active = false where role in ('owner', 'admin')")

    answers = [await ask(database, salon, ANA, "Ana", key="reply:the-same-call") for _ in range(2)]

    assert [(answer.status, answer.messages[0].body) for answer in answers] == [("unavailable", words.NO_HUMAN)] * 2
    assert await rows(database, "select kind::text, summary from tasks") == [("no_human", words.NO_HUMAN_TASK)]
    assert await rows(database, "select count(*) from handoffs") == [(0,)]
    assert await rows(database, "select count(*) from outbox") == [(1,)]


async def test_staff_and_viewers_are_never_given_a_customer(database: Database) -> None:
    """Only owners and admins take customers over; with both busy the customer waits though Karla is free."""
    salon = await open_salon(database)
    async with database.tenant(salon.organization_id) as uow:
        humans = await handoffs.lock_humans(uow, salon.organization_id)

    assert [(human.name, human.busy) for human in humans] == [("Lupita", False), ("Rosa", False)]


async def test_asking_twice_changes_nothing(database: Database) -> None:
    """Connected stays connected and in line keeps its place; nobody is alerted again."""
    salon = await open_salon(database)
    await arrive(database, salon, ANA, BETO, CARLA)
    for phone in (ANA, BETO, CARLA):
        await ask(database, salon, phone, "X")
    before = await rows(database, "select * from handoffs order by id")

    connected = await ask(database, salon, ANA, "Ana", minutes=2)
    waiting = await ask(database, salon, CARLA, "Carla", minutes=3)

    assert (connected.status, connected.human, len(connected.messages)) == ("connected", "Lupita", 1)
    assert (waiting.status, waiting.place) == ("waiting", 1)
    assert waiting.messages[0].body == words.still_waiting(1)
    assert await rows(database, "select * from handoffs order by id") == before


async def test_two_who_ask_in_the_same_instant_never_share_a_human(database: Database) -> None:
    """The second request waits for the first one's transaction and then sees that the owner is taken."""
    salon = await open_salon(database)
    await arrive(database, salon, ANA, BETO)
    async with database.tenant(salon.organization_id) as uow:
        scene = Scene(uow, salon.ids, salon.organization_id, NOW)
        first = await flow.request_human(scene, Request(conversation_id_of(salon.number, ANA), "Ana", "x"), "reply:1")
        rival = asyncio.ensure_future(ask(database, salon, BETO, "Beto"))
        await asyncio.sleep(0.15)
        assert not rival.done()
        await uow.commit()

    assert (first.human, (await rival).human) == ("Lupita", "Rosa")


async def test_a_crowd_that_asks_at_once_is_served_one_each_and_lines_up(database: Database) -> None:
    """Eight customers, two people: two conversations and a line of six different places."""
    salon = await open_salon(database)
    phones = [f"+5255000000{number:02d}" for number in range(8)]
    await arrive(database, salon, *phones)

    answers = await asyncio.gather(*(ask(database, salon, phone, phone) for phone in phones))

    assert sorted(answer.human for answer in answers if answer.human) == ["Lupita", "Rosa"]
    assert sorted(answer.place for answer in answers if answer.place) == [1, 2, 3, 4, 5, 6]


# Talking ------------------------------------------------------------------------------------------------


async def test_a_customers_words_reach_the_human_with_a_name_each_once_and_in_order(database: Database) -> None:
    """Two bubbles are two relays; the same two again are no new messages."""
    salon = await open_salon(database)
    await arrive(database, salon, ANA)
    await ask(database, salon, ANA, "Ana")
    await run(database, "update people set profile_name = 'Ana' where id in (select person_id from conversations)")
    lines = [("in-1", "hola"), ("in-2", "[nota de voz]")]

    async def relay(scene: Scene, handoff: Handoff) -> tuple[NewOutbound, ...]:
        return await flow.relay_to_human(scene, handoff, lines)

    told = await step(database, salon, ANA, relay)
    await step(database, salon, ANA, relay)

    assert [message.body for message in told] == ["Ana: hola", "Ana: [nota de voz]"]
    assert to_whom(salon, told) == [(LUPITA, OutboxKind.RELAY)] * 2
    assert await rows(database, "select body from outbox where kind = 'relay' order by id") == [
        ("Ana: hola",),
        ("Ana: [nota de voz]",),
    ]


async def test_a_customer_who_writes_does_not_keep_the_clock_of_silence_from_running(database: Database) -> None:
    """Only the human's own words count: asking "¿hola?" every ten minutes must not keep a customer mute for ever."""
    salon = await open_salon(database)
    await arrive(database, salon, ANA)
    await ask(database, salon, ANA, "Ana")

    async def relay(scene: Scene, handoff: Handoff) -> tuple[NewOutbound, ...]:
        return await flow.relay_to_human(scene, handoff, [("in-1", "¿hola?")])

    await step(database, salon, ANA, relay, minutes=20)

    assert await rows(database, "select due_at from handoffs") == [(NOW + SILENCE,)]


async def test_a_humans_words_reach_the_customer_unchanged_and_count_the_silence_anew(database: Database) -> None:
    """The customer reads the business speaking; the history knows who it was."""
    salon = await open_salon(database)
    await arrive(database, salon, ANA)
    await ask(database, salon, ANA, "Ana")

    async def relay(scene: Scene, handoff: Handoff) -> tuple[NewOutbound, ...]:
        return await flow.relay_to_customer(scene, handoff, [("in-1", "Te hago 10%"), ("in-2", "¿vienes?")])

    told = await step(database, salon, ANA, relay, minutes=20)

    assert [message.body for message in told] == ["Te hago 10%", "¿vienes?"]
    assert to_whom(salon, told) == [(ANA, OutboxKind.RELAY)] * 2
    assert await rows(database, "select due_at, last_human_at from handoffs") == [(at(20) + SILENCE, at(20))]
    async with database.tenant(salon.organization_id) as uow:
        conversation_id = conversation_id_of(salon.number, ANA)
        history = await journal.load_messages(uow, salon.organization_id, conversation_id, most=2)
    assert [(each.author, each.staff_name, each.text) for each in history] == [
        ("human", "Lupita", "Te hago 10%"),
        ("human", "Lupita", "¿vienes?"),
    ]


async def test_a_customer_who_writes_while_in_line_hears_their_place(database: Database) -> None:
    """One answer for a burst, and no human is disturbed."""
    salon = await open_salon(database)
    await arrive(database, salon, ANA, BETO, CARLA)
    for phone in (ANA, BETO, CARLA):
        await ask(database, salon, phone, "X")

    async def relay(scene: Scene, handoff: Handoff) -> tuple[NewOutbound, ...]:
        return await flow.relay_to_human(scene, handoff, [("in-1", "¿ya?"), ("in-2", "¿hola?")])

    told = await step(database, salon, CARLA, relay)

    assert to_whom(salon, told) == [(CARLA, OutboxKind.REPLY)]
    assert told[0].body == words.still_waiting(1)


# Ending -------------------------------------------------------------------------------------------------


async def test_the_human_ends_it_and_both_are_told(database: Database) -> None:
    """The row says how and when, the history where the person left, and the human is free again."""
    salon = await open_salon(database)
    await arrive(database, salon, ANA)
    await ask(database, salon, ANA, "Ana")

    told = await step(database, salon, ANA, end_by_human)

    assert to_whom(salon, told) == [(ANA, OutboxKind.NOTICE), (LUPITA, OutboxKind.NOTICE)]
    assert [message.body for message in told] == [
        words.ended_for_customer("Lupita"),
        words.ended_for_human(words.NAMELESS),
    ]
    assert await rows(database, "select state::text, end_reason::text, ended_at, due_at from handoffs") == [
        ("ended", "human", at(5), None)
    ]
    markers = await rows(database, "select text from messages where author = 'marker' order by at, id")
    assert markers == [(words.marker_started("Lupita"),), (words.marker_ended("Lupita", "cerró la conversación"),)]


async def test_thirty_minutes_of_silence_end_it_with_words_of_their_own(database: Database) -> None:
    """Both learn that the time ran out, not that somebody closed the conversation."""
    salon = await open_salon(database)
    await arrive(database, salon, ANA)
    await ask(database, salon, ANA, "Ana")
    async with database.single() as uow:
        early = await handoffs.find_silent(uow, now=at(29.9), most=10)
        late = await handoffs.find_silent(uow, now=at(30), most=10)

    async def fall_silent(scene: Scene, handoff: Handoff) -> tuple[NewOutbound, ...]:
        return await flow.end(scene, handoff, HandoffEvent.SILENCE)

    told = await step(database, salon, ANA, fall_silent, minutes=30)

    assert early == [] and [each.organization_id for each in late] == [salon.organization_id]
    assert [message.body for message in told] == [
        words.TIMED_OUT_FOR_CUSTOMER,
        words.timed_out_for_human(words.NAMELESS),
    ]
    assert await rows(database, "select end_reason::text from handoffs") == [("timeout",)]


async def test_whoever_waited_longest_is_connected_next_in_the_order_of_the_line(database: Database) -> None:
    """Each end serves one more of the line, with whichever human became free."""
    salon = await open_salon(database)
    await arrive(database, salon, ANA, BETO, CARLA, DANI)
    for minute, phone in enumerate([ANA, BETO, DANI, CARLA]):
        await ask(database, salon, phone, phone, minutes=minute)

    first = await step(database, salon, BETO, end_by_human, minutes=10)
    second = await step(database, salon, ANA, end_by_human, minutes=11)
    third = await step(database, salon, DANI, end_by_human, minutes=12)

    assert to_whom(salon, first)[2:] == [(DANI, OutboxKind.NOTICE), (ROSA, OutboxKind.ALERT)]
    assert to_whom(salon, second)[2:] == [(CARLA, OutboxKind.NOTICE), (LUPITA, OutboxKind.ALERT)]
    assert len(third) == 2, "nobody waits any more"
    assert first[2].body == words.connected("Rosa")
    assert await rows(database, "select due_at from handoffs where state = 'active'") == [(at(11) + SILENCE,)]


async def test_somebody_who_joins_the_line_as_a_human_becomes_free_is_not_left_waiting(database: Database) -> None:
    """An end that has not committed yet and a new request see each other, whichever comes first."""
    salon = await open_salon(database)
    await arrive(database, salon, ANA, BETO, CARLA)
    await ask(database, salon, ANA, "Ana")
    await ask(database, salon, BETO, "Beto")
    async with database.tenant(salon.organization_id) as uow:
        await handoffs.lock_humans(uow, salon.organization_id)
        conversation_id = conversation_id_of(salon.number, ANA)
        open_one = await handoffs.load_of_conversation(uow, salon.organization_id, conversation_id)
        assert open_one is not None
        await end_by_human(Scene(uow, salon.ids, salon.organization_id, at(5)), open_one)
        joining = asyncio.ensure_future(ask(database, salon, CARLA, "Carla", minutes=5))
        await asyncio.sleep(0.15)
        assert not joining.done()
        await uow.commit()

    assert ((await joining).status, (await joining).human) == ("connected", "Lupita")


async def test_a_row_that_has_moved_on_is_not_moved_again(database: Database) -> None:
    """Both changes compare the state they read; a stale one changes nothing and does not pass unnoticed."""
    salon = await open_salon(database)
    await arrive(database, salon, ANA)
    await ask(database, salon, ANA, "Ana")
    async with database.tenant(salon.organization_id) as uow:
        org = salon.organization_id
        read = await handoffs.load_of_conversation(uow, org, conversation_id_of(salon.number, ANA))
        assert read is not None
        with pytest.raises(IllegalTransition):
            await handoffs.connect(uow, org, read, salon.staff["Rosa"], now=at(1))
        await handoffs.end(uow, org, read, HandoffEvent.HUMAN_ENDS, now=at(1))
        stale = msgspec.structs.replace(read, state=HandoffState.WAITING)
        with pytest.raises(AssertionError):
            await handoffs.connect(uow, org, stale, salon.staff["Rosa"], now=at(2))
        with pytest.raises(AssertionError):
            await handoffs.end(uow, org, read, HandoffEvent.SILENCE, now=at(2))
        await uow.commit()

    assert await rows(database, "select state::text, end_reason::text, ended_at from handoffs") == [
        ("ended", "human", at(1))
    ]


async def test_a_human_who_leaves_the_business_does_not_leave_the_customer_stranded(database: Database) -> None:
    """The handoff of somebody who is no longer active can still be relayed to, and ended by silence."""
    salon = await open_salon(database)
    await arrive(database, salon, ANA)
    await ask(database, salon, ANA, "Ana")
    await run(database, "update staff set active = false where name = 'Lupita'")

    async def relay(scene: Scene, handoff: Handoff) -> tuple[NewOutbound, ...]:
        return await flow.relay_to_human(scene, handoff, [("in-1", "¿hola?")])

    async def fall_silent(scene: Scene, handoff: Handoff) -> tuple[NewOutbound, ...]:
        return await flow.end(scene, handoff, HandoffEvent.SILENCE)

    relayed = await step(database, salon, ANA, relay)
    told = await step(database, salon, ANA, fall_silent, minutes=30)

    assert to_whom(salon, relayed) == [(LUPITA, OutboxKind.RELAY)]
    assert to_whom(salon, told)[0] == (ANA, OutboxKind.NOTICE)
    assert await rows(database, STATES) == [(ANA, "ended", "Lupita")]


async def test_the_line_is_not_given_to_a_human_who_has_left_the_business(database: Database) -> None:
    """When the owner's last handoff ends after she has gone, the next in line waits for somebody who is there."""
    salon = await open_salon(database)
    await arrive(database, salon, ANA, BETO, CARLA)
    for minute, phone in enumerate([ANA, BETO, CARLA]):
        await ask(database, salon, phone, phone, minutes=minute)
    await run(database, "update staff set active = false where name = 'Lupita'")

    await step(database, salon, ANA, end_by_human)
    still_waiting = await rows(database, STATES)
    await step(database, salon, BETO, end_by_human, minutes=6)

    assert still_waiting[2] == (CARLA, "waiting", None)
    assert (await rows(database, STATES))[2] == (CARLA, "active", "Rosa")
