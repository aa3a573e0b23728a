"""Simulated processes: each has its own connections and dies by itself, in the middle of anything.

A process is killed at an effect, that is, where it would wait for the world: before a round trip to the database, or
around a call of the model or the provider. Its transactions are rolled back and its tasks end there. It is started
again a moment later with new connections. A stopped one (SIGSTOP) goes on where it was, after its leases have run out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
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
from runtime.settings import Settings
from runtime.store.database import open_database
from runtime.ticker import run_forever
from runtime.worker import run_job
from sim.model_faults import FaultyTransport, ModelFaultKind
from sim.simulation.broker import FaultyBroker
from sim.simulation.knobs import Dice, Knob
from sim.simulation.trace import Trace
from sim.stage import PUBLIC_URL
from sim.stepwise import DatabaseSwitch, Killed, make_connect
from sim.twilio.api import ApiAnswer, ApiRequest
from sim.twilio.emulator import TwilioEmulator
from sim.twilio.transport import EmulatedHttp
from sim.virtual_time import SeededIds, VirtualClock, derive_seed

POOL_SIZE = 6
RESTART_S = (1.0, 3.0)
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

T = TypeVar("T")


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


class _Line(DatabaseSwitch):
    """One life's way to the database: slow, cut, or without an answer, as the dice say."""

    def __init__(self, process: Process, life: int) -> None:
        super().__init__()
        self._process = process
        self._life = life
        self._failed: set[int] = set()

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
        if not in_transaction:
            self._failed.discard(key)
        elif key not in self._failed and dice.strikes(Knob.DATABASE_CONFLICT):
            # what follows is the rollback, which does not fail for this
            self._failed.add(key)
            self._process.note("its transaction conflicts with another")
            raise psycopg.errors.SerializationFailure("could not serialize access")

    async def park(self, times: int) -> None:
        """Look less and less often: the lock may be held by a process that sleeps."""
        await asyncio.sleep(min(SHORTEST_PARK_S * 2 ** min(times - 1, 10), LONGEST_PARK_S))

    def end_round_trip(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """What was asked is done; perhaps nobody learns of it."""
        super().end_round_trip(connection)
        if self._process.around.dice.strikes(Knob.DATABASE_ANSWER_LOST):
            self._process.note("an answer of the database is lost")
            self._cut(connection)
            raise psycopg.OperationalError("the answer was lost")

    def _cut(self, connection: psycopg.AsyncConnection[Any]) -> None:
        backend = connection.pgconn.backend_pid
        connection.pgconn.finish()
        self._process.wait_until_gone([backend])

    def list_backends(self) -> list[int]:
        """The server's processes behind the connections that are open."""
        return [each.pgconn.backend_pid for each in self._connections if not each.closed]


class Process:
    """One process: `start` it, `run` things in it, and it may die at any effect.

    Args:
        name: Its lane in the trace.
        around: What it shares with the others.
        work: What it does by itself, given its parts; None for a web process, which only answers.
    """

    def __init__(
        self, name: str, around: Surroundings, work: Callable[[Parts], Coroutine[Any, Any, None]] | None = None
    ) -> None:
        self.name = name
        self.around = around
        self.parts: Parts | None = None
        self.crashes: list[str] = []
        self._work = work
        self._life = 0
        self._line: _Line | None = None
        # in the order of their beginning: a set would be cancelled in the order of addresses
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._stopped_until_s = 0.0
        self._ended = False

    def note(self, text: str) -> None:
        """Something happens to it."""
        self.around.trace.add(self.name, text)

    def start(self) -> None:
        """Begin a life, with connections of its own."""
        self._life += 1
        around, seed = self.around, derive_seed(self.around.seed, self.name, str(self._life))
        self._line = _Line(self, self._life)
        ids = SeededIds(around.clock, seed)
        account = around.twilio.account
        identity = TwilioAccount(account.account_sid, account.auth_token)
        provider = _Provider(self, self._life)
        http_client = httpx2.AsyncClient(transport=_Model(self, self._life))
        self.parts = open_parts(
            around.settings,
            clock=around.clock,
            ids=ids,
            database=open_database(
                around.database_url, connect=make_connect(around.observer, self._line), pool_size=POOL_SIZE
            ),
            model=OpenAIModel(
                api_key="offline", base_url="http://offline/v1", clock=around.clock, ids=ids, http_client=http_client
            ),
            messenger=TwilioMessenger(identity, PUBLIC_URL, http_client=provider),
            media=TwilioMedia(identity, download=provider),
            queue=around.broker,
        )
        if self._work is not None:
            self._spawn(self._work(self.parts))

    async def reach(self, life: int) -> None:
        """An effect of a life: time passes, and the process may be stopped or killed here.

        Raises:
            Killed: It was, now or meanwhile.
        """
        around = self.around
        if self._life != life or self.parts is None:
            raise Killed
        await asyncio.sleep(around.dice.random.uniform(0.5, 1.5) * around.latency_s)
        while self._life == life and self._stopped_until_s > around.clock.elapsed_s:
            await asyncio.sleep(self._stopped_until_s - around.clock.elapsed_s)
        if self._life != life or self.parts is None:
            raise Killed
        if around.dice.strikes(Knob.PROCESS_STOPPED):
            for_s = around.settings.lease_s * around.dice.random.uniform(0.5, 2.0)
            self.note(f"is stopped for {for_s:.0f} s")
            self._stopped_until_s = around.clock.elapsed_s + for_s
            await asyncio.sleep(for_s)
            if self._life != life:
                raise Killed
        if around.dice.strikes(Knob.PROCESS_KILLED):
            self.kill()
            raise Killed

    def kill(self) -> None:
        """End this life at once; the next begins a moment later."""
        assert self._line is not None
        self.note("is killed")
        backends = self._line.list_backends()
        self._line.kill()
        self.wait_until_gone(backends)
        self.parts = None
        self._stopped_until_s = 0.0
        current = asyncio.current_task()
        for task in [task for task in self._tasks if task is not current]:
            task.cancel()
        self._tasks.clear()
        if not self._ended:
            asyncio.ensure_future(self._start_later())  # noqa: RUF006 - it ends by itself

    async def _start_later(self) -> None:
        await asyncio.sleep(self.around.dice.random.uniform(*RESTART_S))
        if self.parts is None and not self._ended:
            self.note("starts again")
            self.start()

    def wait_until_gone(self, backends: list[int]) -> None:
        """Locks go when the server notices: without waiting for it, when they go would be the machine's affair.

        One that itself waits for a lock would not notice at all, and is ended.
        """
        self.around.observer.execute("select pg_terminate_backend(pid) from unnest(%s) as pid", (backends,))
        give_up_at = time.monotonic() + _GONE_LIMIT_S
        query = "select count(*) from pg_stat_activity where pid = any(%s)"
        while backends and time.monotonic() < give_up_at:
            row = self.around.observer.execute(query, (backends,)).fetchone()
            if row is None or row[0] == 0:
                return
            time.sleep(0.0005)

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T | None]:
        task = asyncio.ensure_future(self._contain(work))
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        return task

    async def _contain(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Run to the end; None where the process was killed in between, or it crashed."""
        life = self._life
        try:
            return await work
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
        task = self._spawn(work(self.parts))
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


async def work_through(parts: Parts, broker: FaultyBroker, threads: int) -> None:
    """What a worker does: jobs, so many at a time."""

    async def work() -> None:
        while True:
            job, conversation_id = await broker.take()
            try:
                await run_job(parts, job, conversation_id)
            except Unavailable:
                # the database is away: the row is due again in a moment
                continue

    await _gather_until_first_failure([work() for _ in range(threads)])


async def tick_along(parts: Parts) -> None:
    """What a ticker does."""
    await run_forever(parts)


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
        knob = around.dice.pick(*_MODEL_FAULTS)
        if knob is not None:
            around.model.inject(_MODEL_FAULTS[knob], times=1)
        process.note(f"asks the model{f' ({knob})' if knob else ''}")
        answer = await around.model.handle_async_request(request)
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
        answer = await super()._ask(request)
        await process.reach(self._life)
        return answer
