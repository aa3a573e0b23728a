"""Strategies by themselves: chosen by setting, and what each does to a rival's calendar."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from runtime.domain.errors import Broken
from runtime.domain.strategies import BookingStrategy, ConversationStrategy
from runtime.settings import Settings, read_settings
from runtime.store.calendars import Calendars, name_calendars
from runtime.store.conversations import conversation_id_of
from runtime.store.database import Contended, Database, UnitOfWork
from runtime.store.locking import BOOKING_LOCKS, CONVERSATION_LOCKS
from tests.runtime.twins import ANA, BETO, Salon, open_salon

WAITING = [BookingStrategy.ROW, BookingStrategy.ADVISORY, BookingStrategy.LINE]


def calendars_of(salon: Salon, *staff: str) -> Calendars:
    """These people and the first chair."""
    return name_calendars(salon.organization_id, [salon.staff[name] for name in staff], [salon.spots["Silla 1"]])


async def write(database: Database, salon: Salon, work: Callable[[UnitOfWork], Awaitable[None]]) -> None:
    """Do something in a transaction of its own."""
    async with database.tenant(salon.organization_id) as uow:
        await work(uow)
        await uow.commit()


def test_every_strategy_is_there_under_its_name_and_the_defaults_are_line_and_lease() -> None:
    """What can be set can be had."""
    assert list(BOOKING_LOCKS) == list(BookingStrategy)
    assert list(CONVERSATION_LOCKS) == list(ConversationStrategy)
    assert (Settings().booking_lock, Settings().conversation_lock) == ("line", "lease")


def test_a_strategy_is_set_by_name_and_a_name_that_is_none_is_refused() -> None:
    """At start-up, not at the first booking."""
    chosen = read_settings({"PARLO_BOOKING_LOCK": "row", "PARLO_CONVERSATION_LOCK": "advisory"})

    assert (chosen.booking_lock, chosen.conversation_lock) == (BookingStrategy.ROW, ConversationStrategy.ADVISORY)
    with pytest.raises(Broken, match="booking_lock"):
        read_settings({"PARLO_BOOKING_LOCK": "hope"})


@pytest.mark.parametrize("strategy", WAITING)
async def test_who_wants_the_same_chair_waits_and_who_wants_another_person_does_not(
    database: Database, strategy: BookingStrategy
) -> None:
    """The second is let in when the first has ended."""
    salon = await open_salon(database)
    lock, order = BOOKING_LOCKS[strategy], list[str]()
    shared = calendars_of(salon, "Lupita")
    other = name_calendars(salon.organization_id, [salon.staff["Karla"]], [salon.spots["Silla 2"]])

    async def take(uow: UnitOfWork) -> None:
        await lock.take(uow, shared, {})
        order.append("second")

    async with database.tenant(salon.organization_id) as first:
        await lock.take(first, shared, {})
        second = asyncio.create_task(write(database, salon, take))
        await write(database, salon, lambda uow: lock.take(uow, other, {}))
        await asyncio.sleep(0.1)
        order.append("first")
        await first.commit()
    await second

    assert order == ["first", "second"]


async def test_a_version_that_was_advanced_meanwhile_is_refused(database: Database) -> None:
    """Whoever noted it before has to look again; whoever notes it now may write."""
    salon = await open_salon(database)
    lock, calendars = BOOKING_LOCKS[BookingStrategy.VERSION], calendars_of(salon, "Lupita", "Karla")
    async with database.tenant(salon.organization_id) as uow:
        stale = await lock.note(uow, calendars)
    await write(database, salon, lambda uow: lock.take(uow, calendars, stale))

    with pytest.raises(Contended, match="written into"):
        await write(database, salon, lambda uow: lock.take(uow, calendars, stale))

    async with database.tenant(salon.organization_id) as uow:
        await lock.take(uow, calendars, await lock.note(uow, calendars))
        await uow.commit()


async def test_two_who_wait_for_a_version_are_told_apart_when_the_first_commits(database: Database) -> None:
    """The second waits in the update, finds another version, and is refused."""
    salon = await open_salon(database)
    lock, calendars = BOOKING_LOCKS[BookingStrategy.VERSION], calendars_of(salon, "Lupita")
    async with database.tenant(salon.organization_id) as first:
        seen = await lock.note(first, calendars)
        await lock.take(first, calendars, seen)
        second = asyncio.create_task(write(database, salon, lambda uow: lock.take(uow, calendars, seen)))
        await asyncio.sleep(0.1)
        assert not second.done()
        await first.commit()

    with pytest.raises(Contended):
        await second


async def test_a_conversation_with_an_advisory_lock_is_free_at_once_when_its_connection_is_gone(
    database: Database,
) -> None:
    """One at a time, others are turned away without waiting, and another conversation is not touched."""
    salon = await open_salon(database)
    guard = CONVERSATION_LOCKS[ConversationStrategy.ADVISORY].guard
    mine, other = (conversation_id_of(salon.number, phone) for phone in (ANA, BETO))

    async with guard(database, mine) as first, guard(database, mine) as second, guard(database, other) as third:
        assert (first, second, third) == (True, False, True)

    async with guard(database, mine) as again:
        assert again
