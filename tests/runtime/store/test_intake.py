"""Messages that come in together are stored together, and none pays for another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest_asyncio
from sqlalchemy import text

from runtime.domain.errors import Unavailable
from runtime.store.conversations import conversation_id_of
from runtime.store.database import Database, LockTimeout, UnitOfWork, open_database
from runtime.store.intake import LANES, Intake
from tests.runtime.twins import ANA, BETO, BURST, NOW, Salon, arrival, open_salon, rows, write_and_claim

PHONES = [f"+5255000000{number:02d}" for number in range(40)]
STORED = "select sid from inbox order by sid"


@pytest_asyncio.fixture
async def impatient(database: Database, database_url: str) -> AsyncIterator[Database]:
    """The database as the web process opens it: a lock is not waited for long."""
    opened = open_database(database_url, pool_size=5, lock_timeout_s=0.2)
    yield opened
    await opened.close()


async def store_all(into: Intake, salon: Salon, phones: list[str]) -> list[bool | BaseException]:
    """One message from each phone, all at once."""
    messages = [arrival(salon, phone, sid=f"SM{number:02d}") for number, phone in enumerate(phones)]
    return await asyncio.gather(*(into.store(message) for message in messages), return_exceptions=True)


class Counting:
    """The database, counting the statements that store something."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statements = 0

    @asynccontextmanager
    async def single(self) -> AsyncIterator[UnitOfWork]:
        """One more statement."""
        self.statements += 1
        async with self._database.single() as uow:
            yield uow


async def test_forty_people_who_write_at_once_are_stored_in_a_few_statements(database: Database) -> None:
    """Each is new, each has its own conversation, and there are as many commits as batches."""
    salon = await open_salon(database)
    counting = Counting(database)

    told = await store_all(Intake(counting, BURST), salon, PHONES)

    assert told == [True] * 40
    assert await rows(database, "select count(*), count(distinct conversation_id) from inbox") == [(40, 40)]
    assert counting.statements <= 5


async def test_one_alone_waits_for_nobody(database: Database) -> None:
    """Without company a message is stored at once, and a repeated sid says so."""
    salon = await open_salon(database)
    into = Intake(database, BURST)

    assert await into.store(arrival(salon, ANA, sid="SM1"))
    assert not await into.store(arrival(salon, ANA, sid="SM1"))


async def test_messages_of_one_conversation_and_copies_of_one_sid_may_come_together(database: Database) -> None:
    """A burst whose bubbles arrive in the same instant, and the provider's impatient repeats, beside others."""
    salon = await open_salon(database)
    into = Intake(database, BURST)
    bubbles = [arrival(salon, ANA, f"{number}", sid=f"SMA{number}") for number in range(6)]
    repeats = [arrival(salon, BETO, "hola", sid="SMB") for _ in range(6)]
    stolen = [arrival(salon, phone, "hola", sid="SMB") for phone in PHONES[:3]]

    told = await asyncio.gather(*(into.store(message) for message in (*bubbles, *repeats, *stolen)))

    assert told[:6] == [True] * 6
    assert sum(told[6:]) == 1
    assert await rows(database, STORED) == [*((f"SMA{number}",) for number in range(6)), ("SMB",)]
    assert len(await rows(database, "select id from conversations")) == 2


async def test_one_that_cannot_be_stored_takes_no_other_with_it(database: Database) -> None:
    """A statement fails as a whole, so each of its messages gets another chance alone."""
    salon = await open_salon(database)
    into = Intake(database, BURST)
    good = [arrival(salon, phone, sid=f"SM{number}") for number, phone in enumerate(PHONES[:5])]
    bad = msgspec.structs.replace(arrival(salon, ANA, sid="SMX"), body="\0")

    told = await asyncio.gather(*(into.store(each) for each in (*good[:2], bad, *good[2:])), return_exceptions=True)

    assert [told[0], told[1], *told[3:]] == [True] * 5
    assert isinstance(told[2], Exception)
    assert len(await rows(database, STORED)) == 5


async def test_one_whose_conversation_is_locked_holds_nobody_up(impatient: Database, database: Database) -> None:
    """A transaction that hangs keeps its own conversation's messages out, to be brought again, and nobody else's."""
    salon = await open_salon(database)
    await write_and_claim(database, salon, ANA)
    into = Intake(impatient, BURST)
    async with database.platform() as uow:
        lock = text("select from conversations where id = :id for update")
        await uow.run(lock, {"id": conversation_id_of(salon.number, ANA)})
        told = await store_all(into, salon, [ANA, *PHONES])

    assert isinstance(told[0], LockTimeout)
    assert told[1:] == [True] * 40
    assert await into.store(arrival(salon, ANA, sid="SM00"))


async def test_without_a_database_everybody_is_told(database: Database) -> None:
    """Nobody is left waiting when the connection is refused, and the next ones are stored again."""
    salon = await open_salon(database)
    nowhere = open_database("postgresql://nobody@127.0.0.1:1/nothing")
    into = Intake(nowhere, BURST)

    told = await store_all(into, salon, PHONES)
    again = await store_all(into, salon, PHONES[:1])
    await nowhere.close()

    assert {type(each) for each in (*told, *again)} == {Unavailable}
    assert await rows(database, STORED) == []


async def test_a_caller_who_gives_up_breaks_nothing_for_the_others(database: Database) -> None:
    """A request that timed out is forgotten; what it brought is stored all the same and will come again."""
    salon = await open_salon(database)
    into = Intake(database, BURST)
    impatient = asyncio.ensure_future(into.store(arrival(salon, ANA, sid="SM1")))
    patient = asyncio.ensure_future(into.store(arrival(salon, BETO, sid="SM2")))
    await asyncio.sleep(0)
    impatient.cancel()

    assert await patient
    assert not await into.store(arrival(salon, ANA, sid="SM1"))


class Gated:
    """Statements that all wait for one gate, and store whatever they are given."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    @asynccontextmanager
    async def single(self) -> AsyncIterator[Any]:
        """A statement that is under way until the gate opens."""
        yield self

    async def run(self, _statement: object, _parameters: object) -> list[object]:
        """Nothing is new, which nobody here asks."""
        await self.gate.wait()
        return []


async def test_a_message_that_comes_as_all_statements_end_is_not_left_lying(database: Database) -> None:
    """Between the last look of the last statement and its end nobody may rely on it."""
    salon = await open_salon(database)
    gated = Gated()
    into = Intake(gated, BURST)
    early = [asyncio.ensure_future(into.store(arrival(salon, PHONES[0])))]
    for phone in PHONES[1:LANES]:
        # one for each statement
        await asyncio.sleep(0)
        early.append(asyncio.ensure_future(into.store(arrival(salon, phone))))
    await asyncio.sleep(0.01)

    gated.gate.set()
    # its first step comes right behind those in which the statements end
    late = asyncio.ensure_future(into.store(arrival(salon, PHONES[LANES])))

    assert await asyncio.wait_for(asyncio.gather(*early, late), 2.0) == [False] * (LANES + 1)


async def test_two_processes_that_store_the_same_messages_in_other_orders_do_not_deadlock(database: Database) -> None:
    """Both take the same twenty conversations and sids, one from the front and one from the back, again and again."""
    salon = await open_salon(database)
    for turn in range(5):
        at = NOW + timedelta(minutes=turn)
        messages = [arrival(salon, phone, sid=f"SM{turn}-{number}", at=at) for number, phone in enumerate(PHONES[:20])]
        forward, backward = Intake(database, BURST), Intake(database, BURST)
        told = await asyncio.gather(
            *(forward.store(message) for message in messages), *(backward.store(message) for message in messages[::-1])
        )
        assert sum(told) == 20


async def test_first_messages_that_several_processes_store_at_once_are_all_stored(
    database: Database, database_url: str
) -> None:
    """Each process has connections of its own; one conversation for each person, and nobody is refused.

    Without another try two of a hundred people have a message refused: rows meet in one unique index and are refused
    by the next.
    """
    salon = await open_salon(database)
    opened = [open_database(database_url, pool_size=2) for _ in range(6)]
    intakes = [Intake(each, BURST) for each in opened]

    told = []
    for number in range(250):
        phone = f"+525511{number:06d}"
        messages = (into.store(arrival(salon, phone)) for into in intakes)
        told += await asyncio.gather(*messages, return_exceptions=True)
    for each in opened:
        await each.close()

    assert [each for each in told if each is not True] == []
    assert await rows(database, "select count(*)::int from conversations where their_key like '+525511%'") == [(250,)]
