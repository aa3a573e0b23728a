"""Stores messages that come in at the same time together: one statement and one commit for all of them.

A message alone is stored at once; nobody is waited for. While the statements under way take their time, what comes
in meanwhile gathers, and goes with the next one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol

from sqlalchemy.exc import IntegrityError

from runtime.domain.errors import Unavailable
from runtime.domain.ids import InboxId
from runtime.store import conversations
from runtime.store.conversations import Arrival
from runtime.store.database import LockTimeout, UnitOfWork

LANES = 3
"""Statements under way at once: one that waits for a conversation's lock does not hold up the others."""
TRIES = 3
"""Of one statement, where rows that two processes add at once get in each other's way."""
MOST = 32
"""Messages in one statement."""

_Waiting = tuple[Arrival, asyncio.Future[bool]]


class Singles(Protocol):
    """What is needed of a database: statements that are transactions by themselves."""

    def single(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """See `Database.single`."""
        ...


class Intake:
    """The way into the inbox. Belongs to one event loop.

    Args:
        database: Where to.
        burst: How long messages in a row may put off their answer.
    """

    def __init__(self, database: Singles, burst: timedelta) -> None:
        self._database = database
        self._burst = burst
        self._waiting: deque[_Waiting] = deque()
        self._lanes: set[asyncio.Task[None]] = set()

    async def store(self, arrival: Arrival) -> bool:
        """Store one message.

        Returns:
            False when its sid was already there.

        Raises:
            Unavailable: The database is down; nothing was stored, or the answer was lost.
        """
        told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrival, told))
        if len(self._lanes) < LANES:
            self._lanes.add(asyncio.ensure_future(self._run_lane()))
        return await told

    async def _run_lane(self) -> None:
        lane = asyncio.current_task()
        assert lane is not None, "a lane is a task"
        try:
            await self._drain()
        finally:
            # in the step that found nothing more: whoever comes in the next one must not rely on this lane
            self._lanes.discard(lane)

    async def _drain(self) -> None:
        while batch := self._take():
            try:
                await self._store(batch)
            except BaseException as error:
                # a lane that is cancelled with its loop must not leave anybody waiting
                _fail(batch, Unavailable("not stored") if isinstance(error, asyncio.CancelledError) else error)
                if not isinstance(error, Exception):
                    raise

    def _take(self) -> list[_Waiting]:
        """The longest waiting, and of each conversation one: a statement changes a row only once."""
        taken: dict[tuple[str, str], _Waiting] = {}
        later: list[_Waiting] = []
        while self._waiting and len(taken) < MOST:
            waiting = self._waiting.popleft()
            key = (waiting[0].our_key, waiting[0].their_key)
            if key in taken:
                later.append(waiting)
            else:
                taken[key] = waiting
        self._waiting.extendleft(reversed(later))
        return list(taken.values())

    async def _store(self, batch: Sequence[_Waiting]) -> None:
        try:
            new = await self._write([arrival for arrival, _ in batch])
        except Exception as error:
            if len(batch) == 1 or (isinstance(error, Unavailable) and not isinstance(error, LockTimeout)):
                raise
            # one of them cannot be stored, or waits for a lock: the others must not pay for it
            await asyncio.gather(*(self._store_alone(one) for one in batch))
            return
        for arrival, told in batch:
            if not told.done():
                told.set_result(arrival.inbox_id in new)

    async def _store_alone(self, one: _Waiting) -> None:
        try:
            await self._store([one])
        except Exception as error:  # noqa: BLE001 - it is raised where somebody waits for it
            _fail([one], error)

    async def _write(self, arrivals: Sequence[Arrival]) -> set[InboxId]:
        for left in reversed(range(TRIES)):
            try:
                async with self._database.single() as uow:
                    return await conversations.accept(uow, arrivals, burst=self._burst)
            except IntegrityError:
                # somebody's first two messages, stored by two processes: Postgres lets them meet in one unique index
                # and refuses in the next; by now the conversation is there to be found
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")


def _fail(batch: Sequence[_Waiting], error: BaseException) -> None:
    for _, told in batch:
        if not told.done():
            told.set_exception(error)
