"""Simulated processes: each has its own connections and dies by itself, in the middle of anything.

A process is killed at an effect, that is, where it would wait for the world: before a round trip to the database, or
around a call of the model or the provider. Its transactions are rolled back and its tasks end there. It is started
again a moment later with new connections. A stopped one (SIGSTOP) goes on where it was, after its leases have run out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import httpx2
import msgspec
import psycopg

from runtime.adapters.openai import OpenAIModel
from runtime.adapters.twilio.media import TwilioMedia
from runtime.adapters.twilio.messenger import TwilioAccount, TwilioMessenger
from runtime.bootstrap import open_parts
from runtime.domain.errors import Unavailable
from runtime.parts import Parts
from runtime.reconcile import reconcile_forever
from runtime.settings import Settings
from runtime.store.database import IDLE_LIMIT_S, open_database
from runtime.ticker import run_forever
from runtime.worker import run_job
from sim.hostile_model import Attack, HostileTransport
from sim.model_faults import FaultyTransport, ModelFaultKind
from sim.simulation.broker import FaultyBroker, Order
from sim.simulation.knobs import Dice, Knob
from sim.simulation.trace import Trace
from sim.stage import PUBLIC_URL
from sim.stepwise import DatabaseSwitch, Killed, LockWaits, is_blocked, make_connect, pass_walls
from sim.twilio.api import ApiAnswer, ApiRequest
from sim.twilio.emulator import TwilioEmulator
from sim.twilio.transport import EmulatedHttp
from sim.virtual_time import SeededIds, SkewedClock, VirtualClock, derive_seed

POOL_SIZE = 6
RESTART_S = (1.0, 3.0)
ATTACKS_AT_ONCE = 6
THINKING_S = (0.3, 3.0)
SHORTEST_PARK_S, LONGEST_PARK_S = 0.005, 0.5
_GONE_LIMIT_S = 10.0

_MODEL_FAULTS = {
    Knob.MODEL_429: ModelFaultKind.TOO_MANY,
    Knob.MODEL_500: ModelFaultKind.SERVER_ERROR,
    Knob.MODEL_TIMEOUT: ModelFaultKind.TIMEOUT,
    Knob.MODEL_GARBAGE: ModelFaultKind.GARBAGE,
    Knob.MODEL_EMPTY: ModelFaultKind.EMPTY,
    Knob.MODEL_LOOP: ModelFaultKind.LOOP,
    Knob.MODEL_BAD_ARGUMENTS: ModelFaultKind.BAD_ARGUMENTS,
    Knob.MODEL_UNKNOWN_TOOL: ModelFaultKind.UNKNOWN_TOOL,
}
_TWILIO_FAULTS = tuple(knob for knob in Knob if knob.startswith("twilio."))
_OUTCOME_UNKNOWN = (Knob.TWILIO_ACCEPTED_THEN_TIMEOUT, Knob.TWILIO_ACCEPTED_THEN_500)
_NO_REPORT = Knob.TWILIO_CALLBACK_MISSING.partition(".")[2]
UNREPORTED, UNREPORTED_S = 0.3, 60.0
"""How often a message whose answer was lost is not reported on either, and for how long."""

T = TypeVar("T")
Work = Callable[[Parts, asyncio.Event], Coroutine[Any, Any, None]]


class Surroundings(msgspec.Struct, frozen=True):
    """What all processes of one simulation share."""

    database_url: str
    observer: psycopg.Connection[Any]
    clock: VirtualClock
    trace: Trace
    dice: Dice
    twilio: TwilioEmulator
    model: FaultyTransport
    broker: FaultyBroker
    settings: Settings
    seed: int
    latency_s: float
    attacks: Sequence[Attack]
    outage: Outage
    waits: LockWaits
    walls: bool = True

    def cancel(self, backend: int) -> None:
        """Break off what a backend waits for, and wait until it has noticed."""
        self.observer.execute("select pg_cancel_backend(%s)", (backend,))
        give_up_at = time.monotonic() + _GONE_LIMIT_S
        while is_blocked(self.observer, backend) and time.monotonic() < give_up_at:
            time.sleep(0.0005)
        self.waits.settle()

    def end_backends(self, backends: list[int]) -> None:
        """Have these gone: locks go when the server notices, and when it does would be the machine's affair.

        One that itself waits for a lock would not notice at all, and is ended. Who waited for one of them runs on.
        """
        self.observer.execute("select pg_terminate_backend(pid) from unnest(%s::int[]) as pid", (backends,))
        give_up_at = time.monotonic() + _GONE_LIMIT_S
        query = "select count(*) from pg_stat_activity where pid = any(%s)"
        while backends and time.monotonic() < give_up_at:
            row = self.observer.execute(query, (backends,)).fetchone()
            if row is None or row[0] == 0:
                break
            time.sleep(0.0005)
        self.waits.leave(*backends)
        self.waits.settle()


class Outage:
    """Whether the database is being restarted, for everybody."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._until_s = 0.0

    @property
    def is_on(self) -> bool:
        """It cannot be reached at this moment."""
        return self._clock.elapsed_s < self._until_s

    def begin(self, for_s: float) -> None:
        """From now on, for so long."""
        self._until_s = self._clock.elapsed_s + for_s


class _Line(DatabaseSwitch):
    """One life's way to the database: slow, cut, or without an answer, as the dice say."""

    def __init__(self, process: Process, life: int) -> None:
        super().__init__()
        self._process = process
        self._life = life
        self._failed: set[int] = set()
        self._committing: set[int] = set()
        self._waits_since_s: dict[int, float] = {}
        self._given_up: set[int] = set()

    @property
    def down(self) -> bool:
        """Whether the database is away at this moment."""
        return self._process.around.outage.is_on

    async def begin_round_trip(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Let time pass; then perhaps the process dies, or the connection does."""
        await self._process.reach(self._life)
        await super().begin_round_trip(connection)
        dice = self._process.around.dice
        if dice.strikes(Knob.DATABASE_CUT):
            self._process.note("its connection is cut")
            self._cut(connection)
            raise psycopg.OperationalError("the connection was cut")
        in_transaction = connection.pgconn.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        key = id(connection)
        (self._committing.add if in_transaction else self._committing.discard)(key)
        if not in_transaction:
            self._failed.discard(key)
        elif key not in self._failed and dice.strikes(Knob.DATABASE_CONFLICT):
            # what follows is the rollback, which does not fail for this
            self._failed.add(key)
            self._process.note("its transaction conflicts with another")
            raise psycopg.errors.SerializationFailure("could not serialize access")

    async def park(self, connection: psycopg.AsyncConnection[Any], times: int) -> None:
        """Look less and less often: the lock may be held by a process that sleeps. Give up where this one would."""
        key, clock = id(connection), self._process.around.clock
        if times == 1:
            self._waits_since_s[key] = clock.elapsed_s
        await asyncio.sleep(min(SHORTEST_PARK_S * 2 ** min(times - 1, 10), LONGEST_PARK_S))
        limit_s = self._process.lock_timeout_s
        if key not in self._given_up and 0 < limit_s <= clock.elapsed_s - self._waits_since_s[key]:
            # the server's own limit counts real time, which means nothing here
            self._given_up.add(key)
            self._process.note("waits no longer for a lock")
            self._process.around.cancel(connection.pgconn.backend_pid)

    def explain_cancel(
        self, connection: psycopg.AsyncConnection[Any], error: psycopg.errors.QueryCanceled
    ) -> psycopg.OperationalError:
        """What was given up here looks as if the server's own limit had been reached."""
        if id(connection) not in self._given_up:
            return error
        self._given_up.discard(id(connection))
        return psycopg.errors.LockNotAvailable("canceling statement due to lock timeout")

    def end_round_trip(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """What was asked is done; perhaps nobody learns of it."""
        super().end_round_trip(connection)
        key, dice = id(connection), self._process.around.dice
        ended = connection.pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE
        if key in self._committing and ended and dice.strikes(Knob.DATABASE_COMMIT_UNKNOWN):
            self._process.note("the outcome of a commit is lost")
            self._cut(connection)
            raise psycopg.OperationalError("the answer to the commit was lost")
        if dice.strikes(Knob.DATABASE_ANSWER_LOST):
            self._process.note("an answer of the database is lost")
            self._cut(connection)
            raise psycopg.OperationalError("the answer was lost")

    def cut_all(self) -> None:
        """Every connection is gone at once, as when the server is restarted; who has one learns of it by using it."""
        self._process.around.end_backends(self.list_backends())

    def _cut(self, connection: psycopg.AsyncConnection[Any]) -> None:
        backend = connection.pgconn.backend_pid
        connection.pgconn.finish()
        self._process.around.end_backends([backend])

    def list_backends(self) -> list[int]:
        """The server's processes behind the connections that are open."""
        return [each.pgconn.backend_pid for each in self._connections if not each.closed]


class Process:
    """One process: `start` it, `run` things in it, and it may die at any effect.

    Args:
        name: Its lane in the trace.
        around: What it shares with the others.
        work: What it does by itself, given its parts; None for a web process, which only answers.
        lock_timeout_s: How long its statements wait for a lock; 0 for ever.
        skew_s: How far its clock is ahead of the true time.
    """

    def __init__(
        self,
        name: str,
        around: Surroundings,
        work: Work | None = None,
        *,
        lock_timeout_s: float = 0.0,
        skew_s: float = 0.0,
    ) -> None:
        self.name = name
        self.lock_timeout_s = lock_timeout_s
        self.clock = SkewedClock(around.clock, skew_s)
        self.around = around
        self.parts: Parts | None = None
        self.crashes: list[str] = []
        self._work = work
        self._life = 0
        self._line: _Line | None = None
        # in the order of their beginning: a set would be cancelled in the order of addresses
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self.stopped_until_s = 0.0
        self._ended = False
        self.draining = asyncio.Event()

    def note(self, text: str) -> None:
        """Something happens to it."""
        self.around.trace.add(self.name, text)

    def start(self) -> None:
        """Begin a life, with connections of its own."""
        self._life += 1
        around, seed = self.around, derive_seed(self.around.seed, self.name, str(self._life))
        self._line = _Line(self, self._life)
        ids = SeededIds(self.clock, seed)
        account = around.twilio.account
        identity = TwilioAccount(account.account_sid, account.auth_token)
        provider = _Provider(self, self._life)
        http_client = httpx2.AsyncClient(transport=_Model(self, self._life))
        model = OpenAIModel(
            api_key="offline", base_url="http://offline/v1", clock=self.clock, ids=ids, http_client=http_client
        )
        connect = make_connect(around.observer, self._line, around.waits)
        self.parts = open_parts(
            around.settings,
            clock=self.clock,
            ids=ids,
            database=open_database(
                around.database_url,
                connect=connect if around.walls else pass_walls(connect),
                pool_size=POOL_SIZE,
                # the server's own limit counts real time, which means nothing here
                idle_limit_s=0.0,
            ),
            model=model,
            perception=model,
            messenger=TwilioMessenger(identity, PUBLIC_URL, http_client=provider),
            media=TwilioMedia(identity, download=provider),
            queue=around.broker,
        )
        if self._work is not None:
            self.draining = asyncio.Event()
            self._spawn(self._live)

    async def _live(self) -> None:
        """Do the work, and where it ends in good order begin anew as a new process would."""
        life, parts = self._life, self.parts
        assert parts is not None and self._work is not None
        await self._work(parts, self.draining)
        await parts.database.close()
        if self._life == life and not self._ended:
            # a transaction broken off in the middle ends with the process it was in
            self._cut_line()
            self.parts = None
            self.start()

    async def reach(self, life: int) -> None:
        """An effect of a life: time passes, and the process may be stopped or killed here.

        Raises:
            Killed: It was, now or meanwhile.
        """
        around = self.around
        if self._life != life or self.parts is None:
            raise Killed
        await asyncio.sleep(around.dice.random.uniform(0.5, 1.5) * around.latency_s)
        while self._life == life and self.stopped_until_s > around.clock.elapsed_s:
            await asyncio.sleep(self.stopped_until_s - around.clock.elapsed_s)
        if self._life != life or self.parts is None:
            raise Killed
        if around.dice.strikes(Knob.PROCESS_STOPPED):
            for_s = around.settings.lease_s * around.dice.random.uniform(0.5, 2.0)
            self.note(f"is stopped for {for_s:.0f} s")
            self.stopped_until_s = around.clock.elapsed_s + for_s
            self._spawn(self._lose_transactions)
            await asyncio.sleep(for_s)
            if self._life != life:
                raise Killed
        if around.dice.strikes(Knob.PROCESS_KILLED):
            self.kill()
            raise Killed

    async def _lose_transactions(self) -> None:
        """Whoever is stopped in the middle of a transaction finds it ended: the server does not wait for ever."""
        await asyncio.sleep(IDLE_LIMIT_S)
        if self._line is not None and self.stopped_until_s > self.around.clock.elapsed_s:
            idle = "select pid from pg_stat_activity where pid = any(%s) and state like 'idle in transaction%%'"
            rows = self.around.observer.execute(idle, (self._line.list_backends(),)).fetchall()
            self.around.end_backends([row[0] for row in rows])

    def lose_connections(self) -> None:
        """The database has been restarted."""
        if self._line is not None and self.parts is not None:
            self._line.cut_all()

    def drain(self) -> None:
        """As on SIGTERM: what is under way is finished, nothing new is begun, and a new process takes its place."""
        if self._work is not None and self.parts is not None:
            self.note("is replaced by a new release")
            self.draining.set()

    def kill(self) -> None:
        """End this life at once; the next begins a moment later."""
        self.note("is killed")
        self._cut_line()
        self.parts = None
        self.stopped_until_s = 0.0
        current = asyncio.current_task()
        for task in [task for task in self._tasks if task is not current]:
            task.cancel()
        self._tasks.clear()
        if not self._ended:
            asyncio.ensure_future(self._start_later())  # noqa: RUF006 - it ends by itself

    def _cut_line(self) -> None:
        assert self._line is not None
        backends = self._line.list_backends()
        self._line.kill()
        self.around.end_backends(backends)

    async def _start_later(self) -> None:
        await asyncio.sleep(self.around.dice.random.uniform(*RESTART_S))
        if self.parts is None and not self._ended:
            self.note("starts again")
            self.start()

    def _spawn(self, work: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T | None]:
        task = asyncio.ensure_future(self._contain(work))
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        return task

    async def _contain(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """Run to the end; None where the process was killed in between, or it crashed."""
        life = self._life
        try:
            return await work()
        except Killed:
            return None
        except Exception as error:  # noqa: BLE001 - a simulated process must not end the simulation
            kind = type(error).__name__
            self.note(f"crashes: {kind}: {error}"[:300])
            self.crashes.append(f"{self.name}: {kind}: {error}"[:300])
            if life == self._life and self._work is not None and self.parts is not None:
                self.kill()
            return None

    async def run(self, work: Callable[[Parts], Coroutine[Any, Any, T]]) -> T | None:
        """Do something in this process; None where it is dead, or died of it."""
        if self.parts is None:
            return None
        task = self._spawn(partial(work, self.parts))
        await asyncio.wait({task})
        return None if task.cancelled() else task.result()

    async def end(self) -> None:
        """End for good, in good order."""
        self._ended = True
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks))
        if self.parts is not None:
            await self.parts.database.close()
            self.parts = None


async def work_through(parts: Parts, draining: asyncio.Event, broker: FaultyBroker, threads: int) -> None:
    """What a worker does: jobs, so many at a time, and what could not be delivered; when it drains it takes no more."""

    async def work() -> None:
        while (order := await _take(broker, draining)) is not None:
            try:
                await run_job(parts, *order)
            except Unavailable:
                # the database is away: the row is due again in a moment
                continue

    reconciling = asyncio.ensure_future(reconcile_forever(parts))
    try:
        await _gather_until_first_failure([work() for _ in range(threads)])
    finally:
        reconciling.cancel()


async def _take(broker: FaultyBroker, draining: asyncio.Event) -> Order | None:
    taking, stopping = asyncio.ensure_future(broker.take()), asyncio.ensure_future(draining.wait())
    try:
        await asyncio.wait((taking, stopping), return_when=asyncio.FIRST_COMPLETED)
        return taking.result() if taking.done() else None
    finally:
        taking.cancel()
        stopping.cancel()


async def tick_along(parts: Parts, draining: asyncio.Event) -> None:
    """What a ticker does."""
    ticking, stopping = asyncio.ensure_future(run_forever(parts)), asyncio.ensure_future(draining.wait())
    try:
        await asyncio.wait((ticking, stopping), return_when=asyncio.FIRST_COMPLETED)
        ticking.cancel()
        await asyncio.wait((ticking,))
        if not ticking.cancelled():
            ticking.result()
    finally:
        ticking.cancel()
        stopping.cancel()


async def _gather_until_first_failure(works: list[Coroutine[Any, Any, None]]) -> None:
    """Like `asyncio.gather`, but leaves nobody running behind."""
    tasks: list[asyncio.Task[None]] = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error


class _Model(httpx2.AsyncBaseTransport):
    """A process's way to the model: it takes its time, and may fail in all its ways."""

    def __init__(self, process: Process, life: int) -> None:
        self._process = process
        self._life = life

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Ask, and be told."""
        process, around = self._process, self._process.around
        await process.reach(self._life)
        await asyncio.sleep(around.dice.random.uniform(*THINKING_S))
        knob = around.dice.pick(*_MODEL_FAULTS, Knob.MODEL_OBEYS_INJECTION)
        process.note(f"asks the model{f' ({knob})' if knob else ''}")
        model: httpx2.AsyncBaseTransport = around.model
        if knob is Knob.MODEL_OBEYS_INJECTION:
            model = HostileTransport(around.dice.random.sample(around.attacks, ATTACKS_AT_ONCE))
        elif knob is not None:
            around.model.inject(_MODEL_FAULTS[knob], times=1)
        answer = await model.handle_async_request(request)
        await process.reach(self._life)
        return answer


class _Provider(EmulatedHttp):
    """A process's way to Twilio."""

    def __init__(self, process: Process, life: int) -> None:
        super().__init__(process.around.twilio)
        self._process = process
        self._life = life

    async def _ask(self, request: ApiRequest) -> ApiAnswer:
        process, around = self._process, self._process.around
        await process.reach(self._life)
        to_address = dict(request.form).get("To")
        if to_address is not None and (knob := around.dice.pick(*_TWILIO_FAULTS)) is not None:
            around.twilio.faults.inject(knob.partition(".")[2], to_address=to_address)
            process.note(f"meets {knob}")
            if knob in _OUTCOME_UNKNOWN and around.dice.random.random() < UNREPORTED:
                # otherwise the report, which names our message, tells what the answer would have
                until = around.clock.now() + timedelta(seconds=UNREPORTED_S)
                around.twilio.faults.inject(_NO_REPORT, times=None, until=until, to_address=to_address)
        answer = await super()._ask(request)
        await process.reach(self._life)
        return answer
