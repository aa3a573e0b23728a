"""Strategies: how rivals for a calendar, and workers on a conversation, are kept apart.

One struct for each strategy, chosen by setting; the tools, the agent loop and the turn ask it and know none by
name. `parlo race` measures them against each other, on a throw-away database where it takes away the constraints
that a strategy is to do without. The defaults are what the scores say, see docs/locking.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec
from sqlalchemy import text

from runtime.domain.ids import ConversationId, OrganizationId
from runtime.domain.strategies import BookingStrategy, ConversationStrategy
from runtime.store import conversations
from runtime.store.calendars import Calendars, advance_versions, key_of, lock_keys, lock_rows, read_versions
from runtime.store.conversations import Claim
from runtime.store.database import Database, UnitOfWork

RETRIES = 8
"""How often a tool call that was broken off is tried again at once; then its turn is postponed."""

Versions = Mapping[UUID, str]


async def _note_nothing(_uow: UnitOfWork, _calendars: Calendars) -> Versions:
    return {}


async def _take_nothing(_uow: UnitOfWork, _calendars: Calendars, _seen: Versions) -> None:
    return


async def _take_rows(uow: UnitOfWork, calendars: Calendars, _seen: Versions) -> None:
    await lock_rows(uow, calendars)


async def _take_keys(uow: UnitOfWork, calendars: Calendars, _seen: Versions) -> None:
    await lock_keys(uow, calendars)


class BookingLock(msgspec.Struct, frozen=True):
    """How those who write into one calendar are kept apart.

    Attributes:
        note: Called before a calendar is looked at; what it gives is handed to `take`.
        take: Called once before the first appointment is written, with all calendars that may be tried. It may wait,
            or raise `Contended`.
        looks_again: What was seen before `take` is looked at once more after it; no constraint would refuse.
        serializable: The tool's transaction is one.
        retries: How often a call that was broken off is tried again at once.
    """

    name: BookingStrategy
    note: Callable[[UnitOfWork, Calendars], Awaitable[Versions]] = _note_nothing
    take: Callable[[UnitOfWork, Calendars, Versions], Awaitable[None]] = _take_nothing
    looks_again: bool = False
    serializable: bool = False
    retries: int = 0


BOOKING_LOCKS: Mapping[BookingStrategy, BookingLock] = {
    lock.name: lock
    for lock in (
        BookingLock(BookingStrategy.NONE),
        BookingLock(BookingStrategy.EXCLUSION, retries=RETRIES),
        BookingLock(BookingStrategy.ROW, take=_take_rows, looks_again=True),
        BookingLock(BookingStrategy.ADVISORY, take=_take_keys, looks_again=True),
        BookingLock(BookingStrategy.VERSION, note=read_versions, take=advance_versions, retries=RETRIES),
        BookingLock(BookingStrategy.SERIALIZABLE, serializable=True, retries=RETRIES),
        BookingLock(BookingStrategy.LINE, take=_take_rows),
    )
}
"""Every one there is; only `exclusion` and `line` lean on the constraints."""


class Claiming(Protocol):
    """Takes a conversation up, or gives None where there is nothing to take."""

    async def __call__(
        self, uow: UnitOfWork, conversation_id: ConversationId, *, now: datetime, lease_until: datetime
    ) -> Claim | None:
        """See `runtime.store.conversations.claim`."""
        ...


@asynccontextmanager
async def _guard_nothing(_database: Database, _conversation_id: ConversationId) -> AsyncIterator[bool]:
    yield True


_TRY_KEY = text("select pg_try_advisory_xact_lock(:key)")


@asynccontextmanager
async def _guard_by_key(database: Database, conversation_id: ConversationId) -> AsyncIterator[bool]:
    """A connection is kept for as long as the turn takes; when its process dies the lock is free at once."""
    async with database.platform() as uow:
        result = await uow.run(_TRY_KEY, {"key": key_of(conversation_id)})
        yield bool(result.scalar_one())


class ConversationLock(msgspec.Struct, frozen=True):
    """How workers on one conversation are kept apart.

    Attributes:
        guard: Around the whole turn; False when another has the conversation.
        claim: Takes the conversation up, in a short transaction.
        hold: Begins each transaction that writes; raises `LeaseLost` when somebody newer has the conversation, and
            gives whether a person has it by now.
    """

    name: ConversationStrategy
    claim: Claiming
    hold: Callable[[UnitOfWork, OrganizationId, ConversationId, int], Awaitable[bool]]
    guard: Callable[[Database, ConversationId], AbstractAsyncContextManager[bool]] = _guard_nothing


CONVERSATION_LOCKS: Mapping[ConversationStrategy, ConversationLock] = {
    lock.name: lock
    for lock in (
        ConversationLock(ConversationStrategy.NONE, conversations.claim_blindly, conversations.look),
        ConversationLock(
            ConversationStrategy.ADVISORY, conversations.claim_blindly, conversations.look, guard=_guard_by_key
        ),
        ConversationLock(ConversationStrategy.LEASE, conversations.claim, conversations.hold),
    )
}
"""Every one there is."""
