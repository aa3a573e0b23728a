"""A few processes that do the same thing at the same instant, each with many actors on connections of its own.

`open_crew` starts them once; each job goes to all of them, and `Shift.begin` lets the rounds of a job begin together.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any, Protocol, TypeVar

import msgspec
import psycopg
from psycopg.abc import PQGen
from psycopg.errors import DeadlockDetected

from runtime.domain.errors import Broken
from runtime.store.database import Connect
from sim.forsaken import end_with_parent
from sim.quiet_logs import silence_logs
from sim.races.figures import Crowd

S = TypeVar("S")
PROCESSES = 4
_PATIENCE_S = 120.0


ATTEMPTS = 48
"""At least so many of each crowd, so that there is something to take percentiles of."""


class Crowds(msgspec.Struct, frozen=True):
    """Which crowds: their sizes, small to large, and at least so many rounds of each."""

    sizes: tuple[int, ...]
    rounds: int

    def count_rounds(self, size: int) -> int:
        """How many rounds a crowd of this size plays."""
        return max(self.rounds, ATTEMPTS // size)

    def take_turns(self, strategies: Sequence[S]) -> Iterator[tuple[int, bool, S]]:
        """Size, whether each wants a thing of its own, and strategy: crowd by crowd, each begun by another strategy."""
        for turn, (size, alone) in enumerate(product(self.sizes, (False, True))):
            first = turn % len(strategies)
            for strategy in (*strategies[first:], *strategies[:first]):
                yield size, alone, strategy


class Try(msgspec.Struct, frozen=True):
    """One actor's attempt. Moments are on the machine's one monotonic clock, in seconds."""

    actor: int
    round: int
    began_s: float
    ended_s: float
    told: str
    tries: int = 1

    @property
    def took_ms(self) -> float:
        """How long it took, its own tries and waits included."""
        return (self.ended_s - self.began_s) * 1000


class Done(msgspec.Struct, frozen=True):
    """What one process has to say of a job."""

    tries: list[Try]
    deadlocks: int


class Job(Protocol):
    """Something to be done by every process; it is pickled."""

    async def run(self, shift: Shift) -> list[Try]:
        """Do this process's part."""
        ...


class Shift:
    """One process's part of a job.

    Attributes:
        number: Of this process, from 0.
        processes: How many there are.
        deadlocks: How many the server had to break on connections made by `connect`.
    """

    def __init__(self, number: int, processes: int, barrier: Barrier) -> None:
        self.number = number
        self.processes = processes
        self.deadlocks = 0
        self._barrier = barrier

    def share(self, actors: int) -> list[int]:
        """Those of so many actors that are this process's."""
        return [actor for actor in range(actors) if actor % self.processes == self.number]

    def begin(self) -> None:
        """Wait until every process is here."""
        self._barrier.wait(_PATIENCE_S)

    @property
    def connect(self) -> Connect:
        """Connects as the runtime does, and counts deadlocks."""
        shift = self

        class Counted(psycopg.AsyncConnection[Any]):
            async def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
                try:
                    return await super().wait(gen, interval, timeout)
                except DeadlockDetected:
                    shift.deadlocks += 1
                    raise

        return Counted.connect


async def time_try(actor: int, number: int, attempt: Callable[[], Awaitable[tuple[str, int]]]) -> Try:
    """Measure one attempt; it gives what was told, and after how many tries."""
    began_s = time.monotonic()
    told, tries = await attempt()
    return Try(actor, number, began_s, time.monotonic(), told, tries)


def _serve(number: int, processes: int, barrier: Barrier, connection: Connection) -> None:
    end_with_parent()
    silence_logs()
    while (job := connection.recv()) is not None:
        shift = Shift(number, processes, barrier)
        try:
            tries = asyncio.run(job.run(shift))
        except Exception as error:  # noqa: BLE001 - told to the parent, which raises it
            barrier.abort()
            connection.send(f"{type(error).__name__}: {error}")
        else:
            connection.send(Done(tries, shift.deadlocks))


class Crew:
    """The processes. Open with `open_crew`."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._connections = connections

    def do(self, job: Job) -> Done:
        """Have all processes do a job, and put together what they say.

        Raises:
            Broken: One of them failed.
        """
        for connection in self._connections:
            connection.send(job)
        answers = [connection.recv() for connection in self._connections]
        failed = [answer for answer in answers if isinstance(answer, str)]
        if failed:
            raise Broken(f"a process of the race failed: {failed[0]}")
        return Done([each for answer in answers for each in answer.tries], sum(answer.deadlocks for answer in answers))


@contextmanager
def open_crew(processes: int = PROCESSES) -> Iterator[Crew]:
    """Start the processes, for as long as they are used."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(processes)
    connections, workers = [], []
    for number in range(processes):
        ours, theirs = context.Pipe()
        worker = context.Process(target=_serve, args=(number, processes, barrier, theirs), daemon=True)
        worker.start()
        connections.append(ours)
        workers.append(worker)
    try:
        yield Crew(connections)
        for connection in connections:
            connection.send(None)
        for worker in workers:
            worker.join(_PATIENCE_S)
    finally:
        for worker in workers:
            worker.terminate()


def describe_crowd(done: Done, *, actors: int, places: int, wrong: int) -> Crowd:
    """The figures of one job."""
    tries = sorted(done.tries, key=lambda each: each.took_ms)
    rounds = sorted({each.round for each in tries})
    walls = [_measure_wall([each for each in tries if each.round == number]) for number in rounds]
    means = [
        _mean([each.took_ms for each in tries if each.actor == actor]) for actor in sorted({e.actor for e in tries})
    ]
    wins = [sum(each.told == "done" for each in tries if each.actor == actor) for actor in range(actors)]
    return Crowd(
        actors=actors,
        places=places,
        rounds=len(rounds),
        won=sum(wins),
        refused=sum(each.told == "refused" for each in tries),
        put_off=sum(each.told == "put_off" for each in tries),
        retried=sum(each.tries - 1 for each in tries),
        wrong=wrong + sum(each.told == "broken" for each in tries),
        deadlocks=done.deadlocks,
        p50_ms=round(_pick(tries, 0.50), 1),
        p95_ms=round(_pick(tries, 0.95), 1),
        p99_ms=round(_pick(tries, 0.99), 1),
        per_s=round(len(tries) / sum(walls), 1),
        fairness=round(sum(means) ** 2 / (len(means) * sum(each * each for each in means)), 3),
        most_wins=max(wins),
    )


def _measure_wall(tries: Sequence[Try]) -> float:
    return max(each.ended_s for each in tries) - min(each.began_s for each in tries)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _pick(tries: Sequence[Try], part: float) -> float:
    """The quantile by nearest rank, of tries in the order of their time."""
    return tries[min(len(tries) - 1, int(part * len(tries)))].took_ms
