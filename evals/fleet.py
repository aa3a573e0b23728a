"""Spreads a suite over a fleet of workers: shards go out by the broker, records come back in the suite's order.

What is merged is the same to the byte as what one process would have written, but for real time: a seed decides
everything, and shards are taken in one after the other. `parlo eval --engine dramatiq` uses it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from evals.replaying import ReplayPlan
from evals.version import describe_code
from runtime.adapters.shard_queue import ShardQueue
from runtime.adapters.system import SystemClock
from runtime.agent.prompts import load_prompt
from runtime.domain.errors import Unavailable
from runtime.settings import Settings
from sim.databases import drop_copy
from sim.fleet.shards import Place, Shelf, Staging, Work
from sim.fleet.worker import name_database
from sim.record import ConversationRecord
from sim.stage import describe_prompts
from sim.theatre import Trial

SHARD = 20
"""Conversations in a shard: enough that its rows and messages do not count, few enough to be lost with a worker."""
LOOK_S = 0.1
OFFER_AGAIN_S = 10.0
"""A shard that nobody has taken up by then is offered again: a broker may have forgotten it."""
COMPLAIN_S = 30.0


@contextmanager
def play_on_fleet(
    plan: ReplayPlan, trials: Sequence[Trial], redis_url: str, *, workers: int, shard: int = SHARD
) -> Iterator[Iterator[ConversationRecord]]:
    """The records of a plan, replayed by a fleet.

    Args:
        plan: Its Postgres is the fleet's too.
        trials: What of it is to be replayed.
        redis_url: The fleet's broker.
        workers: How many workers to start on this machine and stop afterwards; with 0 there are others.
        shard: Conversations in a shard.
    """
    run_id = f"{plan.created}-{socket.gethostname()}-{os.getpid()}"
    crew = _Crew(plan.server_url, redis_url, workers)
    with Shelf(plan.server_url) as shelf:
        works = list(_cut(plan.settings, trials, shard))
        shelf.give_out(run_id, works, SystemClock().now())
        try:
            yield _Coordinator(shelf, ShardQueue(redis_url), crew, run_id).take_in(len(works))
        finally:
            crew.stop()
            shelf.drop_run(run_id)


def _cut(settings: Settings, trials: Sequence[Trial], size: int) -> Iterator[Work]:
    staging = _describe_staging(settings)
    for begins in range(0, len(trials), size):
        yield Work(trials=tuple(trials[begins : begins + size]), staging=staging)


def _describe_staging(settings: Settings) -> Staging:
    used = [load_prompt(reference, settings.prompt_drafts) for reference in describe_prompts(settings)]
    return Staging(
        settings=msgspec.structs.replace(settings, prompt_drafts=None, openai_api_key=None),
        drafts={prompt.reference: prompt.text for prompt in used} if settings.prompt_drafts else {},
        code_version=describe_code(),
    )


class _Coordinator:
    """Offers shards until they are done, and takes their records in."""

    def __init__(self, shelf: Shelf, queue: ShardQueue, crew: _Crew, run_id: str) -> None:
        self._shelf = shelf
        self._queue = queue
        self._crew = crew
        self._run_id = run_id
        self._clock = SystemClock()
        self._offered: dict[int, float] = {}
        self._looked = 0.0
        self._last_taken = time.monotonic()

    def take_in(self, shards: int) -> Iterator[ConversationRecord]:
        """Every record, in the plan's order."""
        for number in range(shards):
            place = Place(self._run_id, number)
            yield from self._wait_for(place)
            self._shelf.drop(place)
        self._queue.close()

    def _wait_for(self, place: Place) -> Sequence[ConversationRecord]:
        while True:
            records = self._shelf.fetch(place)
            if records is not None:
                self._last_taken = time.monotonic()
                return records
            if time.monotonic() - self._looked > 1.0:
                self._looked = time.monotonic()
                self._look_after()
                reason = self._shelf.explain_given_up(place, self._clock.now())
                if reason is not None:
                    return self._give_up(place, reason)
            time.sleep(LOOK_S)

    def _look_after(self) -> None:
        self._crew.keep_up()
        now = time.monotonic()
        for number in self._shelf.list_idle(self._run_id, self._clock.now()):
            if now - self._offered.get(number, -OFFER_AGAIN_S) < OFFER_AGAIN_S:
                continue
            try:
                self._queue.offer(str(Place(self._run_id, number)))
            except Unavailable as error:
                self._complain(f"{error}; waiting for it")
                return
            self._offered[number] = now
        if now - self._last_taken > COMPLAIN_S:
            self._complain("no shard is done yet; is a `parlo eval-worker` running with this broker and this Postgres?")

    def _complain(self, text: str) -> None:
        self._last_taken = time.monotonic()
        sys.stderr.write(f"parlo: {text}\n")

    def _give_up(self, place: Place, reason: str) -> list[ConversationRecord]:
        """Conversations that nobody lived through: counted, never scored."""
        return [
            ConversationRecord(
                id=each.transcript.id,
                title=each.transcript.header.title,
                tags=list(each.transcript.header.tags),
                mode=each.mode,
                file=each.transcript.file,
                seed=each.seed,
                trial=each.number,
                failure=reason,
            )
            for each in self._shelf.read_work(place).trials
        ]


class _Crew:
    """Workers of this machine; one that ends is replaced, so that a shard gets all its tries."""

    def __init__(self, server_url: str, redis_url: str, size: int) -> None:
        self._environment = os.environ | {"DATABASE_URL": server_url, "REDIS_URL": redis_url}
        self._server_url = server_url
        self._pids: list[int] = []
        self._processes = [self._start() for _ in range(size)]

    def keep_up(self) -> None:
        """Start another worker in the place of one that ended."""
        for place, process in enumerate(self._processes):
            if process.poll() is not None:
                _close_pipe(process)
                self._processes[place] = self._start()

    def stop(self) -> None:
        """Have all of them end."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _close_pipe(process)
        for pid in self._pids:
            drop_copy(self._server_url, name_database(pid))

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "evals.cli", "eval-worker", "--with-parent"]
        # Ctrl-C is the coordinator's, which stops them in order; the pipe tells them should it be killed
        process = subprocess.Popen(
            command,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._pids.append(process.pid)
        return process


def _close_pipe(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
