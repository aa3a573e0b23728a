"""Carries out the faults of a schedule on what runs, and notes when each began and when what it took away was back."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from random import Random
from signal import SIGCONT, SIGKILL, SIGSTOP
from typing import Any

import msgspec
import psycopg

from sim.chaos.faults import Kind, Planned, Struck
from sim.chaos.model import FAILURES
from sim.chaos.servers import Shutdown, port_of
from sim.chaos.stage import Stage
from sim.supervising import Child
from sim.twilio.faults import FaultKind

SLOW_S = 0.1
"""How long the slow proxy keeps each piece: 200 ms for a round trip."""
_BLOWS = frozenset(
    {
        Kind.WORKER_KILLED,
        Kind.WEB_KILLED,
        Kind.TICKER_KILLED,
        Kind.VALKEY_FLUSHED,
        Kind.POSTGRES_TERMINATED,
        Kind.PROXY_CUT,
    }
)
"""Over when they are dealt: what follows is recovery."""
_TWILIO_FAILURES = (FaultKind.SERVER_ERROR, FaultKind.OVERLOADED, FaultKind.ERROR_AFTER_ACCEPT)
"""In the first half; in the other nothing is answered but 503, its list of messages neither."""
_SETTLED_S = 0.5
"""After it a statement that a stopped process had sent is done."""
_IN_HAND = "select id::text from outbox where state = 'submitting' and lease_until is not null"

Tell = Callable[[str], None]


class Lengths(msgspec.Struct, frozen=True):
    """How long what lasts goes on, in seconds.

    Attributes:
        worker_stopped_s: Longer than its lease.
        web_stopped_s: Longer than the provider tries to bring a message.
        outage_s: Of a slow or silent network, and of a vendor that fails.
        down_s: Of a server between its end and its start, at most.
    """

    worker_stopped_s: float
    ticker_stopped_s: float = 15.0
    web_stopped_s: float = 20.0
    outage_s: float = 10.0
    down_s: float = 6.0


class Strikes:
    """Does what a schedule says.

    Attributes:
        struck: What was done.
        in_hand: Messages, by the ids of their rows, that a worker may have had in its hand when it was stopped.
            Each may be sent once more: by whoever takes over, and by the worker when it wakes up.
    """

    def __init__(self, stage: Stage, random: Random, lengths: Lengths, tell: Tell) -> None:
        self.struck: list[Struck] = []
        self.in_hand: set[str] = set()
        self._stage = stage
        self._random = random
        self._lengths = lengths
        self._tell = tell
        self._stopped: set[str] = set()
        # two faults of one family wait for each other
        self._busy: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._acts: dict[Kind, Callable[[], Awaitable[str]]] = {
            Kind.WORKER_KILLED: self._kill_worker,
            Kind.WORKER_STOPPED: self._stop_worker,
            Kind.WEB_KILLED: self._kill_webs,
            Kind.WEB_STOPPED: self._stop_webs,
            Kind.TICKER_KILLED: self._kill_ticker,
            Kind.TICKER_STOPPED: self._stop_ticker,
            Kind.VALKEY_FLUSHED: self._flush_valkey,
            Kind.VALKEY_KILLED: self._kill_valkey,
            Kind.POSTGRES_FAST: lambda: self._restart_postgres(Shutdown.FAST),
            Kind.POSTGRES_IMMEDIATE: lambda: self._restart_postgres(Shutdown.IMMEDIATE),
            Kind.POSTGRES_TERMINATED: self._terminate_backends,
            Kind.PROXY_SLOW: self._slow_down,
            Kind.PROXY_STALLED: self._stall,
            Kind.PROXY_CUT: self._cut,
            Kind.MODEL_FAILING: self._fail_model,
            Kind.TWILIO_FAILING: self._fail_twilio,
        }

    async def run(self, schedule: Sequence[Planned]) -> None:
        """Strike each at its time, and return when all is there again."""
        async with asyncio.TaskGroup() as group:
            for planned in schedule:
                group.create_task(self._strike(planned))

    async def _strike(self, planned: Planned) -> None:
        await asyncio.sleep(planned.at_s)
        kind = planned.kind
        # a worker is killed while another is stopped
        async with self._busy[kind if kind is Kind.WORKER_KILLED else kind.partition(".")[0]]:
            began_at = self._now()
            detail = await self._acts[kind]()
            back_at = began_at if kind in _BLOWS else self._now()
            self.struck.append(Struck(kind, began_at, back_at, detail))
        self._tell(f"{kind}: {detail}" + (f", {back_at - began_at:.1f} s" if back_at > began_at else ""))

    def _now(self) -> float:
        return self._stage.clock.now().timestamp()

    # -- processes ----------------------------------------------------------------------------------------------

    async def _choose(self, kind: str) -> Child:
        """One that runs; waited for where none does."""
        while True:
            children = self._stage.list_children(kind)
            running = [it for it in children if it.pid is not None and it.name not in self._stopped]
            if running:
                return self._random.choice(running)
            await asyncio.sleep(_SETTLED_S)

    async def _kill_worker(self) -> str:
        return _kill(await self._choose("worker"))

    async def _kill_ticker(self) -> str:
        return _kill(await self._choose("ticker"))

    async def _kill_webs(self) -> str:
        return ", ".join(_kill(web) for web in self._stage.list_children("web"))

    async def _stop_webs(self) -> str:
        webs = self._stage.list_children("web")
        for web in webs:
            web.send(SIGSTOP)
        try:
            await asyncio.sleep(self._lengths.web_stopped_s)
        finally:
            for web in webs:
                web.send(SIGCONT)
        return ", ".join(f"{web.name} ({web.pid})" for web in webs)

    async def _stop_worker(self) -> str:
        return await self._stop(await self._choose("worker"), self._lengths.worker_stopped_s)

    async def _stop_ticker(self) -> str:
        return await self._stop(await self._choose("ticker"), self._lengths.ticker_stopped_s)

    async def _stop(self, child: Child, seconds: float) -> str:
        pid = child.pid
        self._stopped.add(child.name)
        child.send(SIGSTOP)
        try:
            await asyncio.sleep(_SETTLED_S)
            self.in_hand |= await self._look_in_hands()
            await asyncio.sleep(seconds - _SETTLED_S)
        finally:
            child.send(SIGCONT)
            self._stopped.discard(child.name)
        return f"{child.name} ({pid})"

    async def _look_in_hands(self) -> set[str]:
        async with self._busy["postgres"]:
            return await asyncio.to_thread(_read_in_hand, self._stage.servers.database_url)

    # -- servers ------------------------------------------------------------------------------------------------

    def _draw_down_s(self) -> float:
        return self._random.uniform(0.0, self._lengths.down_s)

    async def _flush_valkey(self) -> str:
        await self._stage.servers.flush_valkey()
        return "all keys and scripts"

    async def _kill_valkey(self) -> str:
        await self._stage.servers.kill_valkey(self._draw_down_s())
        self._stage.broker.upstream_port = port_of(self._stage.servers.redis_url)
        return "killed and started"

    async def _restart_postgres(self, shutdown: Shutdown) -> str:
        await self._stage.servers.restart_postgres(shutdown, self._draw_down_s())
        self._stage.database.upstream_port = port_of(self._stage.servers.database_url)
        return "stopped and started"

    async def _terminate_backends(self) -> str:
        return f"{await self._stage.servers.terminate_backends()} backends"

    # -- network and vendors ------------------------------------------------------------------------------------

    async def _slow_down(self) -> str:
        self._stage.database.delay_s = SLOW_S
        await asyncio.sleep(self._lengths.outage_s)
        self._stage.database.delay_s = 0.0
        return f"{2 * SLOW_S * 1000:.0f} ms a round trip to Postgres"

    async def _stall(self) -> str:
        proxies = (self._stage.database, self._stage.broker)
        for proxy in proxies:
            proxy.stall()
        await asyncio.sleep(self._lengths.outage_s)
        for proxy in proxies:
            proxy.resume()
        return "nothing passes to Postgres and Valkey"

    async def _cut(self) -> str:
        return f"{self._stage.database.cut()} connections to Postgres, {self._stage.broker.cut()} to Valkey"

    async def _fail_model(self) -> str:
        before = self._stage.model.struck.total()
        self._stage.model.failure = self._random.choice(FAILURES)
        await asyncio.sleep(self._lengths.outage_s)
        failure, self._stage.model.failure = self._stage.model.failure, None
        return f"{failure} to {self._stage.model.struck.total() - before} requests"

    async def _fail_twilio(self) -> str:
        faults = self._stage.twilio.faults
        before, kind = faults.struck.total(), self._random.choice(_TWILIO_FAILURES)
        half_s = self._lengths.outage_s / 2
        for failure in (kind, FaultKind.DOWN):
            faults.inject(failure, times=None, until=self._stage.clock.now() + timedelta(seconds=half_s))
            await asyncio.sleep(half_s)
        return f"{kind}, then down, to {faults.struck.total() - before} requests"


def _kill(child: Child) -> str:
    pid = child.pid
    child.send(SIGKILL)
    return f"{child.name} ({pid})"


def _read_in_hand(url: str) -> set[str]:
    connection: psycopg.Connection[Any]
    with psycopg.connect(url, autocommit=True) as connection:
        return {row[0] for row in connection.execute(_IN_HAND)}
