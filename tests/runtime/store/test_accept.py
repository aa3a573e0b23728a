"""Accepting a message: once, for whoever it is for, and never without somebody to look at it later."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import msgspec
import pytest

from runtime.domain.enums import InboxState, TurnState
from runtime.domain.ids import PLATFORM, TurnId
from runtime.store import conversations
from runtime.store.conversations import Arrival, Closing, Pending, conversation_id_of
from runtime.store.database import Database
from tests.runtime.twins import (
    ANA,
    BETO,
    BURST,
    LEASE,
    NOW,
    Salon,
    arrival,
    claim_turn,
    digest_rows,
    open_salon,
    rows,
    write_and_claim,
)

DUE = "select due_at, quiet_until, lease_until from conversations"


def after(seconds: float) -> datetime:
    """A moment counted from the beginning of the test."""
    return NOW + timedelta(seconds=seconds)


async def accept(database: Database, message: Arrival) -> bool:
    """What the webhook does."""
    async with database.single() as uow:
        return bool(await conversations.accept(uow, [message], burst=BURST))


def closing(pending: list[Pending]) -> Closing:
    """A turn that ends well."""
    return Closing(pending[0].turn_id, InboxState.DONE, TurnState.DONE, "5", "test")


async def test_a_message_is_stored_with_a_conversation_that_is_due_after_the_quiet_period(database: Database) -> None:
    """One statement leaves the message, whose conversation it is, and when to look at it."""
    salon = await open_salon(database)
    assert await accept(database, arrival(salon, ANA, "hola", sid="SM1"))

    stored = await rows(
        database, "select sid, body, payload, state::text, turn_id, received_at, organization_id from inbox"
    )
    assert stored == [("SM1", "hola", {"Body": "hola"}, "accepted", None, NOW, salon.organization_id)]
    assert await rows(database, DUE) == [(after(1.5), after(1.5), None)]
    assert await rows(database, "select id, our_key, their_key, person_id from conversations") == [
        (conversation_id_of(salon.number, ANA), salon.number, ANA, None)
    ]


async def test_a_sid_that_was_already_there_changes_nothing(database: Database) -> None:
    """The provider may deliver a message as often as it likes, later and with other words."""
    salon = await open_salon(database)
    assert await accept(database, arrival(salon, ANA, "hola", sid="SM1"))
    before = await digest_rows(database)

    again = await accept(database, arrival(salon, ANA, "otra cosa", sid="SM1", at=after(3)))

    assert not again
    assert await digest_rows(database) == before


async def test_a_sid_repeated_from_another_sender_or_to_another_number_changes_nothing(database: Database) -> None:
    """A sid names one message for ever, whatever else is claimed with it."""
    salon = await open_salon(database)
    assert await accept(database, arrival(salon, ANA, sid="SM1"))
    before = await digest_rows(database)

    assert not await accept(database, arrival(salon, BETO, sid="SM1"))
    assert await digest_rows(database) == before


async def test_the_same_sid_delivered_twice_at_once_is_stored_once(database: Database) -> None:
    """Eight deliveries of one message in the same moment: one of them is new, none fails."""
    salon = await open_salon(database)
    message = arrival(salon, ANA, sid="SM1")

    news = await asyncio.gather(*(accept(database, message) for _ in range(8)))

    assert sorted(news) == [False] * 7 + [True]
    assert await rows(database, "select count(*) from inbox") == [(1,)]


async def test_first_messages_of_one_person_at_once_share_a_conversation(database: Database) -> None:
    """Two concurrent first messages must not become two conversations that nobody can tell apart."""
    salon = await open_salon(database)

    news = await asyncio.gather(*(accept(database, arrival(salon, ANA, sid=f"SM{number}")) for number in range(8)))

    assert all(news)
    assert await rows(database, "select count(*) from conversations") == [(1,)]
    assert await rows(database, "select count(*), count(distinct conversation_id) from inbox") == [(8, 1)]


async def test_a_burst_pushes_the_moment_on_up_to_its_limit(database: Database) -> None:
    """Each bubble within the quiet period gives a second and a half more, but six seconds are the most."""
    salon = await open_salon(database)
    moments = []
    for seconds in (0, 1, 2, 3, 4, 5, 5.9):
        await accept(database, arrival(salon, ANA, at=after(seconds)))
        moments.append((await rows(database, DUE))[0][0])

    assert moments == [after(1.5), after(2.5), after(3.5), after(4.5), after(5.5), after(6), after(6)]


async def test_a_message_after_the_answer_begins_a_quiet_period_of_its_own(database: Database) -> None:
    """What comes a minute after the turn has ended is counted from there, with a limit of its own."""
    salon = await open_salon(database)
    claimed, pending, _ = await write_and_claim(database, salon, ANA)
    async with database.tenant(salon.organization_id) as uow:
        await conversations.hold(uow, claimed.organization_id, claimed.id, claimed.fence)
        await conversations.close_turn(uow, claimed, closing(pending), now=after(5))
        await uow.commit()

    await accept(database, arrival(salon, ANA, at=after(60)))
    await accept(database, arrival(salon, ANA, at=after(61)))

    assert await rows(database, DUE) == [(after(62.5), after(62.5), None)]


async def test_a_message_that_waits_to_be_taken_up_is_not_put_off_by_the_next(database: Database) -> None:
    """While every worker is busy people go on writing: the conversation stays due from its first burst on."""
    salon = await open_salon(database)
    for seconds in (0, 20, 40):
        await accept(database, arrival(salon, ANA, at=after(seconds)))

    assert (await rows(database, DUE))[0][0] <= after(6)


async def test_a_message_delivered_late_does_not_pull_the_moment_back(database: Database) -> None:
    """Two web processes' clocks may differ: a burst is never cut short by the one that is behind."""
    salon = await open_salon(database)
    await accept(database, arrival(salon, ANA, at=after(1)))
    await accept(database, arrival(salon, ANA, at=after(0)))

    assert (await rows(database, DUE))[0][1] == after(2.5)


async def test_a_message_to_a_number_of_nobodys_belongs_to_the_platform(database: Database) -> None:
    """It is kept like any other, with a conversation that will be answered, and no business is touched."""
    salon = await open_salon(database)
    number = "+525511112222"
    lost = msgspec.structs.replace(arrival(salon, ANA), our_key=number, our_address=f"whatsapp:{number}")

    assert await accept(database, lost)

    found = await rows(
        database,
        "select i.organization_id, c.organization_id, ch.kind::text, c.our_address, c.due_at from inbox i"
        " join conversations c on c.id = i.conversation_id join channels ch on ch.id = c.channel_id",
    )
    assert found == [(PLATFORM, PLATFORM, "unknown", "whatsapp:+525511112222", after(1.5))]


async def test_the_latest_spelling_of_an_address_is_the_one_that_is_answered(database: Database) -> None:
    """Raw addresses are for answering: a person who changes from +521 to +52 is answered where they write from."""
    salon = await open_salon(database)
    await accept(database, msgspec.structs.replace(arrival(salon, ANA), their_address="whatsapp:+5215512345678"))
    await accept(database, arrival(salon, ANA, at=after(30)))

    assert await rows(database, "select their_address, last_inbound_at from conversations") == [
        (f"whatsapp:{ANA}", after(30))
    ]


async def test_a_message_during_a_turn_leaves_the_lease_alone(database: Database) -> None:
    """Whoever holds the conversation keeps it; the new message waits for the turn's end."""
    salon = await open_salon(database)
    claimed, _, _ = await write_and_claim(database, salon, ANA)

    await accept(database, arrival(salon, ANA, "y otra cosa", at=after(10)))

    assert await rows(database, DUE) == [(claimed.lease_until, after(11.5), claimed.lease_until)]


async def test_a_message_after_a_lost_lease_wakes_the_conversation_at_once(database: Database) -> None:
    """A worker that died does not make the next message wait for its lease to be noticed."""
    salon = await open_salon(database)
    await write_and_claim(database, salon, ANA)
    much_later = NOW + LEASE + timedelta(seconds=60)

    await accept(database, arrival(salon, ANA, at=much_later))

    assert (await rows(database, DUE))[0][0] <= much_later + timedelta(seconds=1.5)


# A message that comes in while a turn ends: the lost wake-up ---------------------------------------------


async def _settle(*waiting: asyncio.Task[object]) -> None:
    """Let tasks run until they wait for a lock, for real."""
    await asyncio.sleep(0.15)
    assert not any(task.done() for task in waiting)


async def _wakes_up(database: Database, salon: Salon) -> bool:
    """The second message will be found, and answered by a turn of its own."""
    ((due_at, _, _),) = await rows(database, DUE)
    assert due_at is not None, "nobody will ever look at the second message"
    _, pending, _ = await claim_turn(database, salon, ANA, at=max(due_at, after(20)))
    return [message.body for message in pending] == ["segundo"]


async def test_a_message_accepted_while_the_turn_is_closing_wakes_the_conversation_again(database: Database) -> None:
    """First the turn closes, then the message is stored: accept waits for the lock and sees the lease gone."""
    salon = await open_salon(database)
    claimed, pending, _ = await write_and_claim(database, salon, ANA, "primero")
    async with database.tenant(salon.organization_id) as uow:
        await conversations.hold(uow, claimed.organization_id, claimed.id, claimed.fence)
        await conversations.close_turn(uow, claimed, closing(pending), now=after(5))
        accepting = asyncio.ensure_future(accept(database, arrival(salon, ANA, "segundo", at=after(5))))
        await _settle(accepting)
        await uow.commit()
    assert await accepting

    assert await _wakes_up(database, salon)


async def test_a_turn_that_closes_while_a_message_is_accepted_sees_it(database: Database) -> None:
    """First the message is stored, then the turn closes: closing waits for the lock and counts the message."""
    salon = await open_salon(database)
    claimed, pending, _ = await write_and_claim(database, salon, ANA, "primero")

    async def close() -> None:
        async with database.tenant(salon.organization_id) as uow:
            await conversations.hold(uow, claimed.organization_id, claimed.id, claimed.fence)
            await conversations.close_turn(uow, claimed, closing(pending), now=after(5))
            await uow.commit()

    async with database.platform() as uow:
        assert await conversations.accept(uow, [arrival(salon, ANA, "segundo", at=after(5))], burst=BURST)
        ending = asyncio.ensure_future(close())
        await _settle(ending)
        await uow.commit()
    await ending

    assert await _wakes_up(database, salon)


async def test_a_message_accepted_between_looking_and_closing_is_not_overlooked(database: Database) -> None:
    """The turn holds the row before the message is stored and closes after: accept comes in second and wakes it."""
    salon = await open_salon(database)
    claimed, pending, _ = await write_and_claim(database, salon, ANA, "primero")
    async with database.tenant(salon.organization_id) as uow:
        await conversations.hold(uow, claimed.organization_id, claimed.id, claimed.fence)
        accepting = asyncio.ensure_future(accept(database, arrival(salon, ANA, "segundo", at=after(5))))
        await _settle(accepting)
        await conversations.close_turn(uow, claimed, closing(pending), now=after(5))
        await uow.commit()
    assert await accepting

    assert await _wakes_up(database, salon)


@pytest.mark.parametrize("seed", range(3))
async def test_many_messages_against_many_turns_leave_none_behind(database: Database, seed: int) -> None:
    """Thirty messages while a worker claims and closes as fast as it can: each belongs to exactly one ended turn."""
    salon = await open_salon(database)
    total = 30
    written = asyncio.Event()

    async def write() -> None:
        for number in range(total):
            message = arrival(salon, ANA, f"{number}", at=after(number * 10))
            await accept(database, message)
            if (number + seed) % 3 == 0:
                await asyncio.sleep(0)
        written.set()

    async def work() -> None:
        clock = 0.0
        while True:
            last_round = written.is_set()
            clock += 1000
            async with database.platform() as uow:
                claimed = await conversations.claim(
                    uow, conversation_id_of(salon.number, ANA), now=after(clock), lease_until=after(clock + 1)
                )
                if claimed is not None:
                    turn_id = TurnId(salon.ids.new())
                    pending = await conversations.open_turn(uow, claimed, turn_id=turn_id, now=after(clock))
                    if not pending:
                        await conversations.release(uow, claimed, due_at=None)
                await uow.commit()
            if claimed is not None and pending:
                async with database.tenant(salon.organization_id) as uow:
                    await conversations.hold(uow, claimed.organization_id, claimed.id, claimed.fence)
                    await conversations.close_turn(uow, claimed, closing(pending), now=after(clock))
                    await uow.commit()
            elif last_round:
                return
            await asyncio.sleep(0)

    await asyncio.gather(write(), work())

    assert await rows(database, "select state::text, count(*), count(turn_id) from inbox group by 1") == [
        ("done", total, total)
    ]
    assert await rows(database, "select count(*) from turns where state <> 'done'") == [(0,)]
    assert await rows(database, "select due_at, lease_until from conversations") == [(None, None)]
