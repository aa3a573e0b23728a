"""Postgres one statement at a time: the single point that every round trip of a simulation passes.

psycopg's `AsyncConnection.wait` is replaced by one that drives a statement to its end before any
other task runs, so that the order of statements is the simulation's and not the machine's. A
statement that waits for a lock (seen by `pg_blocking_pids`) is parked in virtual time instead, so
that whoever holds the lock can go on. When a lock is let go, those that were parked for it run on by themselves:
nothing else is asked until each of them has ended or waits again, or the machine's pace would decide what is seen.
"""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, cast

import psycopg
from psycopg import waiting
from psycopg.abc import PQGen
from psycopg.conninfo import make_conninfo

from runtime.ports import Clock
from runtime.store.database import Connect

_POLL_MS = 5
_PARK_S = 0.005
_CONNECT_POLL_S = 0.1
_LOOK_AGAIN_S = 0.0002
_FOR_AN_END, _FOR_A_TURN = "transactionid", "tuple"
"""What somebody who wants a row waits for: the end of who has it, or of the wait of who is next."""
_WAITS = """
select pid, wait_event, pg_blocking_pids(pid) from pg_stat_activity where pid = any(%s) and state = 'active'
"""


class Killed(BaseException):
    """The simulated process ends here, as by `kill -9`: its open transactions are rolled back, it does nothing more."""


class DatabaseSwitch:
    """Lets a scenario take the database away, or kill the process at a chosen round trip.

    Attributes:
        dead: The process was killed and none has been started in its place.
        round_trips: How many there were since the start; every wait for the server is one.
        kill_before: The round trip at which the process is killed, counted like `round_trips`; None is never.
        kill_after: The same, but the server still does what it was asked: the answer is what is lost.
        lose_after: The round trip whose answer a living process does not get: its connection is cut. None is never.
    """

    def __init__(self) -> None:
        self.round_trips = 0
        self.dead = False
        self.kill_before: int | None = None
        self.kill_after: int | None = None
        self.lose_after: int | None = None
        self._connections: list[psycopg.AsyncConnection[Any]] = []
        self._clock: Clock | None = None
        self._until: datetime | None = None

    @property
    def down(self) -> bool:
        """Whether the database is away at this moment."""
        return self._clock is not None and (self._until is None or self._clock.now() < self._until)

    async def begin_round_trip(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Something is about to be asked of the server: let it pass, or fail it as a network or a kill would."""
        if self.down:
            raise psycopg.OperationalError("the database is switched off")
        if self.dead:
            raise Killed
        self.round_trips += 1
        if self.round_trips == self.kill_before:
            raise self.kill()

    async def park(self, connection: psycopg.AsyncConnection[Any], times: int) -> None:
        """A statement still waits for a lock, so many times looked at already: let others run meanwhile."""
        await _park(times)

    def explain_cancel(
        self, connection: psycopg.AsyncConnection[Any], error: psycopg.errors.QueryCanceled
    ) -> psycopg.OperationalError:
        """A statement was broken off: what whoever asked for it is told."""
        return error

    def end_round_trip(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """The server has answered: let the answer pass, or lose it."""
        if self.round_trips == self.kill_after:
            raise self.kill()
        if self.round_trips == self.lose_after:
            self.lose_after = None
            connection.pgconn.finish()
            raise psycopg.OperationalError("the answer was lost")

    def take_down(self, clock: Clock, until: datetime | None) -> None:
        """Take the database away until a moment, or until it is brought back."""
        self._clock, self._until = clock, until

    def adopt(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Count a connection as the process's own."""
        self._connections = [each for each in self._connections if not each.closed] + [connection]

    def kill(self) -> Killed:
        """Cut every connection of the process, as the system does when it ends; raise what this returns."""
        for connection in self._connections:
            connection.pgconn.finish()
        self._connections.clear()
        self.kill_before = self.kill_after = None
        self.dead = True
        return Killed()

    def bring_back(self) -> None:
        """The database can be reached again, by a process that is alive."""
        self._clock = None
        self.dead = False


def make_connect(observer: psycopg.Connection[Any], switch: DatabaseSwitch, waits: LockWaits | None = None) -> Connect:
    """A replacement for `psycopg.AsyncConnection.connect` whose connections run stepwise.

    Args:
        observer: A connection of its own, in autocommit, that looks for lock waits.
        switch: Whether the database can be reached.
        waits: To be shared by all that run in one loop; by default these connections are the only ones.
    """
    shared = LockWaits(observer) if waits is None else waits

    class Asking(psycopg.AsyncCursor[Any]):
        async def execute(self, *arguments: Any, **options: Any) -> Any:
            while True:
                try:
                    return await super().execute(*arguments, **options)
                except TieBroken:
                    await switch.park(cast("Stepwise", self.connection), 1)

    class Stepwise(psycopg.AsyncConnection[Any]):
        async def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
            await switch.begin_round_trip(self)
            pid = self.pgconn.backend_pid
            alone = self.pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE
            try:
                result = await drive(self, gen, shared, park=partial(switch.park, self), alone=alone)
            except psycopg.errors.QueryCanceled as error:
                explained = shared.explain(pid, error, alone=alone)
                raise (switch.explain_cancel(self, error) if explained is error else explained) from error
            switch.end_round_trip(self)
            return result

    async def connect(dsn: str, **options: Any) -> psycopg.AsyncConnection[Any]:
        if switch.down:
            raise psycopg.OperationalError("the database is switched off")
        if switch.dead:
            raise Killed
        # the blocking twin of what psycopg does: connecting is one step too, and lets nobody run in between
        gen = Stepwise._connect_gen(make_conninfo(dsn, **options))
        connection = waiting.wait_conn(gen, _CONNECT_POLL_S)
        connection.cursor_factory = Asking
        switch.adopt(connection)
        return connection

    return connect


def pass_walls(connect: Connect) -> Connect:
    """The same by the platform's role throughout: no policy keeps tenants apart, only the code's filters."""

    async def connect_past(dsn: str, *, options: str, **others: Any) -> psycopg.AsyncConnection[Any]:
        return await connect(dsn, options=options.replace("role=parlo_app", "role=parlo_platform"), **others)

    return connect_past


async def _park(_times: int) -> None:
    await asyncio.sleep(_PARK_S)


class TieBroken(psycopg.errors.QueryCanceled):
    """A statement was broken off, since two would have been woken at once and the machine had chosen between them."""


class LockWaits:
    """The statements of one loop that wait for locks. Who lets a lock go wakes those that wait for it.

    They run on by themselves then, in real time. So nothing else is asked until each has ended or waits again; and no
    two may wait for what one transaction has, or they would race when it ends: the later is broken off. Alone in its
    transaction it is asked again after a while, which nobody notices; else it looks as if the server had refused it.

    Args:
        observer: A connection of its own, in autocommit.

    Attributes:
        ties: How many transactions had to be broken off.
    """

    def __init__(self, observer: psycopg.Connection[Any]) -> None:
        self.ties = 0
        self._observer = observer
        self._alone: dict[int, bool] = {}
        self._broken_off: set[int] = set()

    def enter(self, pid: int, *, alone: bool) -> None:
        """A backend's statement waits; `alone` says that it is a transaction of its own."""
        self._alone.setdefault(pid, alone)

    def is_waiting(self, pid: int) -> bool:
        """Whether this backend waits for a lock."""
        return is_blocked(self._observer, pid)

    def leave(self, *pids: int) -> None:
        """These wait no more."""
        for pid in pids:
            self._alone.pop(pid, None)

    def settle(self) -> None:
        """Wait until each statement that waits has ended, or waits for a lock again; and break ties."""
        while self._alone:
            rows = self._observer.execute(_WAITS, (list(self._alone),)).fetchall()
            if any(not blockers for _pid, _event, blockers in rows):
                time.sleep(_LOOK_AGAIN_S)
                continue
            loser = self._find_tied({pid: (event, frozenset(blockers)) for pid, event, blockers in rows})
            if loser is None:
                return
            self._broken_off.add(loser)
            self._observer.execute("select pg_cancel_backend(%s)", (loser,))
            while is_blocked(self._observer, loser):
                time.sleep(_LOOK_AGAIN_S)

    def _find_tied(self, waiting: Mapping[int, tuple[str | None, frozenset[int]]]) -> int | None:
        """One of two that would be woken by one commit.

        They wait for its end both, or one of them for its turn behind the other: where the row was changed, that turn
        is given up with the wait, and each goes after the new row.
        """
        order = {pid: place for place, pid in enumerate(self._alone)}
        ends = {pid: blockers for pid, (event, blockers) in waiting.items() if event == _FOR_AN_END}
        for pid, (event, blockers) in waiting.items():
            if event == _FOR_AN_END:
                tied = {other for other, others in ends.items() if others & blockers}
            else:
                tied = {pid, *blockers.intersection(ends)} if event == _FOR_A_TURN else set()
            if len(tied) > 1:
                # rather one that can be asked again, rather one that came later
                return max(tied, key=lambda each: (self._alone[each], order[each]))
        return None

    def explain(self, pid: int, error: psycopg.errors.QueryCanceled, *, alone: bool) -> psycopg.OperationalError:
        """What whoever asked is told of a statement that was broken off."""
        if pid not in self._broken_off:
            return error
        self._broken_off.discard(pid)
        if alone:
            return TieBroken(str(error))
        self.ties += 1
        return psycopg.errors.SerializationFailure("could not serialize access")


async def drive(
    connection: psycopg.AsyncConnection[Any],
    gen: PQGen[Any],
    waits: LockWaits,
    *,
    park: Callable[[int], Awaitable[None]] = _park,
    poll_ms: int = _POLL_MS,
    alone: bool = False,
) -> Any:
    """Bring a statement to its end before any other task runs.

    Args:
        connection: The statement's.
        gen: What psycopg would do.
        waits: Of all statements that run in this loop.
        park: Awaited while the statement waits for a lock, with how often it has been.
        poll_ms: How long to wait for an answer before lock waits are looked for.
        alone: It is a transaction of its own.
    """
    poller = select.poll()
    pid, times = connection.pgconn.backend_pid, 0
    try:
        wanted = next(gen)
        while True:
            poller.register(connection.pgconn.socket, _events(wanted))
            events = poller.poll(poll_ms if times == 0 else 0)
            if not events:
                waits.enter(pid, alone=alone)
                waits.settle()
                if waits.is_waiting(pid):
                    times += 1
                    await park(times)
                    continue
                # it has its answer, or the first bytes of it, on the way
                events = poller.poll(poll_ms)
            if events:
                waits.leave(pid)
                times = 0
                wanted = gen.send(_ready(events[0][1]))
    except StopIteration as stop:
        waits.settle()
        return stop.value
    finally:
        waits.leave(pid)


def _events(wanted: waiting.Wait) -> int:
    return (select.POLLIN if wanted & waiting.Wait.R else 0) | (select.POLLOUT if wanted & waiting.Wait.W else 0)


def _ready(events: int) -> waiting.Ready:
    readable = events & (select.POLLIN | select.POLLHUP | select.POLLERR)
    value = (waiting.Ready.R if readable else 0) | (waiting.Ready.W if events & select.POLLOUT else 0)
    return waiting.Ready(value)


def is_blocked(observer: psycopg.Connection[Any], pid: int) -> bool:
    """Whether this backend waits for a lock that another one has or waits for."""
    row = observer.execute("select cardinality(pg_blocking_pids(%s)) > 0", (pid,)).fetchone()
    return bool(row and row[0])
