"""Lets a few attempts through one statement at a time, in an order that somebody else chooses.

Connections made here stop before each statement that concerns others, until `play` lets their attempt take that
step. A statement that waits for a lock (seen by `pg_blocking_pids`) leaves its attempt blocked until a step of
another frees it. Statements that concern nobody else run together with the step before them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from enum import Enum, auto
from typing import Any

import msgspec
import psycopg
from psycopg import waiting
from psycopg.abc import PQGen
from psycopg.conninfo import make_conninfo
from psycopg.errors import DeadlockDetected

from runtime.store.database import Connect
from sim.stepwise import DatabaseSwitch, LockWaits, drive, is_blocked

_POLL_MS = 1
_CONNECT_POLL_S = 0.1
_PATIENCE_S = 20.0
_OWN_WORDS = {"_commit_gen": "commit", "_rollback_gen": "rollback", "_enter_gen": "savepoint"}
"""What the driver calls the statements that it makes up itself."""


class Stuck(RuntimeError):
    """No attempt can take a step and none comes free: the server does not see what they wait for."""


class Step(msgspec.Struct, frozen=True):
    """One step of a schedule. `waits` says that it began to wait for a lock, and `woke` whom it freed."""

    attempt: int
    statement: str
    waits: bool = False
    woke: tuple[int, ...] = ()


class _State(Enum):
    RUNNING = auto()
    READY = auto()
    BLOCKED = auto()
    DONE = auto()


class _Attempt:
    """One of those who are let through."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.state = _State.RUNNING
        self.statement = ""
        self.pid = 0
        self._go = asyncio.Event()

    async def pause(self, state: _State) -> None:
        self.state = state
        self._go.clear()
        await self._go.wait()

    def go_on(self) -> None:
        self.state = _State.RUNNING
        self._go.set()


_WHO: ContextVar[_Attempt | None] = ContextVar("attempt", default=None)


class Turnstile:
    """One for each database; `connecting` is handed to `sim.stage.open_stage`.

    Attributes:
        deadlocks: How many the server had to break.
        surprises: Statements taken for private that had to wait for a lock: they should have been steps.
    """

    def __init__(self, is_shared: Callable[[str], bool]) -> None:
        self.deadlocks = 0
        self.surprises: list[str] = []
        self._is_shared = is_shared
        self._observer: psycopg.Connection[Any] | None = None
        self._attempts: list[_Attempt] = []

    def connecting(self, observer: psycopg.Connection[Any], switch: DatabaseSwitch) -> Connect:
        """Make what connects."""
        turnstile = self
        self._observer = observer

        class Cursor(psycopg.AsyncCursor[Any]):
            async def execute(self, query: Any, *args: Any, **options: Any) -> Any:
                self.connection.__dict__["asked"] = query
                return await super().execute(query, *args, **options)

        class Gated(psycopg.AsyncConnection[Any]):
            async def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
                switch.round_trips += 1
                query = self.__dict__.pop("asked", None) or _describe(gen)
                return await turnstile._pass(self, gen, _read(query, self))

        async def connect(dsn: str, **options: Any) -> psycopg.AsyncConnection[Any]:
            gen = Gated._connect_gen(make_conninfo(dsn, **options))
            connection = waiting.wait_conn(gen, _CONNECT_POLL_S)
            connection.cursor_factory = Cursor
            return connection

        return connect

    async def _pass(self, connection: psycopg.AsyncConnection[Any], gen: PQGen[Any], statement: str) -> Any:
        assert self._observer is not None
        attempt = _WHO.get()
        if attempt is None:
            return await drive(connection, gen, LockWaits(self._observer))
        shared = self._is_shared(statement)
        if shared:
            attempt.statement = statement
            await attempt.pause(_State.READY)
        attempt.pid = connection.pgconn.backend_pid

        async def park(_times: int) -> None:
            if not shared:
                self.surprises.append(statement)
            await attempt.pause(_State.BLOCKED)

        try:
            return await drive(connection, gen, LockWaits(self._observer), park=park, poll_ms=_POLL_MS)
        except DeadlockDetected:
            self.deadlocks += 1
            raise

    async def play(
        self, attempts: Sequence[Callable[[], Awaitable[None]]], choose: Callable[[Sequence[int]], int]
    ) -> list[Step]:
        """Let all attempts through to their ends.

        Args:
            attempts: None of them may raise.
            choose: Given the numbers of those who can take a step, in order, whose turn it is.

        Raises:
            Stuck: Nobody can go on.
        """
        self._attempts = [_Attempt(number) for number in range(len(attempts))]
        tasks = [asyncio.create_task(_run(one, run)) for one, run in zip(self._attempts, attempts, strict=True)]
        steps: list[Step] = []
        await self._settle()
        while ready := await self._list_ready():
            chosen = self._attempts[choose(ready)]
            statement = chosen.statement
            waiting_before = self._list_blocked()
            chosen.go_on()
            await self._settle()
            woke = await self._wake()
            freed = tuple(number for number in waiting_before if number in woke)
            blocked = chosen.state is _State.BLOCKED
            steps.append(Step(chosen.number, statement, blocked, freed))
        await asyncio.gather(*tasks)
        return steps

    async def _list_ready(self) -> list[int]:
        """Those who can take a step; where all are blocked, once the server has broken the deadlock."""
        give_up_at = time.monotonic() + _PATIENCE_S
        while True:
            ready = [each.number for each in self._attempts if each.state is _State.READY]
            if ready or not self._list_blocked():
                return ready
            if time.monotonic() > give_up_at:
                raise Stuck([each.statement for each in self._attempts])
            time.sleep(0.001)
            await self._wake()

    def _list_blocked(self) -> list[int]:
        return [each.number for each in self._attempts if each.state is _State.BLOCKED]

    async def _wake(self) -> set[int]:
        """Drive on whoever waits for no lock any more; those who did."""
        assert self._observer is not None
        woke: set[int] = set()
        found = True
        while found:
            found = False
            for each in self._attempts:
                if each.state is _State.BLOCKED and not is_blocked(self._observer, each.pid):
                    each.go_on()
                    await self._settle()
                    if each.number not in self._list_blocked():
                        woke.add(each.number)
                        found = True
        return woke

    async def _settle(self) -> None:
        """Until everybody stands before a step, waits for a lock, or is done."""
        while any(each.state is _State.RUNNING for each in self._attempts):
            await asyncio.sleep(0)


async def _run(attempt: _Attempt, run: Callable[[], Awaitable[None]]) -> None:
    _WHO.set(attempt)
    try:
        await run()
    finally:
        attempt.state = _State.DONE


def _describe(gen: Any) -> str:
    name: str = gen.__name__
    if name == "_exit_gen":
        return "rollback to savepoint" if gen.gi_frame.f_locals.get("exc_val") else "release savepoint"
    return _OWN_WORDS.get(name, name)


def _read(query: Any, connection: psycopg.AsyncConnection[Any]) -> str:
    """The statement on one line."""
    if isinstance(query, bytes):
        return " ".join(query.decode().split())
    words = query if isinstance(query, str) else str(query.as_string(connection))
    return " ".join(words.split())
