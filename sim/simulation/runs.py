"""Many seeds, in several processes, each with a database of its own. Called by `parlo simulate` and by tests."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import queue
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from multiprocessing.queues import Queue
from typing import Any

import msgspec
import psycopg
import structlog

from runtime.domain.errors import Broken
from sim.databases import borrow_copy
from sim.forsaken import end_with_parent
from sim.handoff_log import watch_handoffs
from sim.simulation.invariants import Violation
from sim.simulation.knobs import Profile
from sim.simulation.play import Ground, Outcome, play
from sim.simulation.trace import find_divergence

AGAIN_EVERY = 20
"""Each so many seeds one is played a second time, and must come out the same."""
_SILENT = 50
_WAIT_S = 600.0

Tell = Callable[[int, int, Outcome], None]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What came of many seeds.

    Attributes:
        seeds: How many were played.
        violations: Each with the seed that shows it.
        crashes: Errors nothing expected, by how often.
        played_twice: Seeds that were played again; `diverged` are those that came out differently.
        trace_hash: Over the hashes of all seeds in their order.
        virtual_s: Of all of them together, and what it took in real time.
    """

    seeds: int
    first: int
    last: int
    profile: Profile
    conversations: int
    messages: int
    sent: int
    model_calls: int
    faults: dict[str, int]
    violations: list[dict[str, Any]]
    crashes: dict[str, int]
    played_twice: int
    diverged: list[int]
    slowest_rest_s: float
    trace_hash: str
    virtual_s: float
    wall_s: float


@contextmanager
def open_ground(database_url: str) -> Iterator[Ground]:
    """Prepare a throw-away database for simulations: it keeps a log of its handoffs."""
    watch_handoffs(database_url)
    # whoever observes never waits: it would wait for somebody who cannot go on meanwhile
    with psycopg.connect(database_url, autocommit=True, options="-c lock_timeout=5000") as observer:
        yield Ground(database_url, observer)


def play_twice(ground: Ground, seed: int, profile: Profile) -> Outcome:
    """Play a seed, and again; where the two differ that is a violation too."""
    one, other = play(ground, seed, profile), play(ground, seed, profile)
    if one.trace_hash == other.trace_hash:
        return one
    detail = find_divergence(one.lines, other.lines) or "the traces hash differently"
    return msgspec.structs.replace(one, violations=[*one.violations, Violation("replay.same_hash", detail)])


def play_many(
    server_url: str, seeds: Sequence[int], profile: Profile, *, jobs: int, tell: Tell, again_every: int = AGAIN_EVERY
) -> list[Outcome]:
    """Play seeds in several processes.

    Args:
        server_url: Where throw-away databases are made.
        seeds: Each once; every `again_every`-th a second time.
        profile: Which faults there are.
        jobs: How many processes.
        tell: Called with how many are done, how many there are, and the latest.
        again_every: 0 plays none twice.

    Returns:
        In the order of the seeds.

    Raises:
        Broken: A process ended before its seeds were played.
    """
    # what a set's order would decide must be the same in every process, and is fixed when the interpreter starts
    os.environ["PYTHONHASHSEED"] = "0"
    context = multiprocessing.get_context("spawn")
    results: Queue[bytes] = context.Queue()
    twice = set(seeds[::again_every]) if again_every else set()
    outcomes: dict[int, Outcome] = {}
    with ExitStack() as stack:
        workers = []
        for number in range(min(jobs, len(seeds))):
            url = stack.enter_context(borrow_copy(server_url, f"parlo_simulation_{os.getpid()}_{number}"))
            share = [(seed, seed in twice) for seed in seeds[number::jobs]]
            worker = context.Process(target=_work, args=(url, share, profile.value, results), daemon=True)
            worker.start()
            workers.append(worker)
        while len(outcomes) < len(seeds):
            outcome = _take(results, workers)
            outcomes[outcome.seed] = outcome
            tell(len(outcomes), len(seeds), outcome)
        for worker in workers:
            worker.join()
    return [outcomes[seed] for seed in seeds]


def _take(results: Queue[bytes], workers: Sequence[Any]) -> Outcome:
    give_up_at = time.monotonic() + _WAIT_S
    while time.monotonic() < give_up_at:
        try:
            return msgspec.json.decode(results.get(timeout=1.0), type=Outcome)
        except queue.Empty:
            pass
        if any(worker.exitcode not in (None, 0) for worker in workers):
            raise Broken("a process of the simulation ended before its time; what it wrote stands above")
    raise Broken(f"nothing was played within {_WAIT_S:.0f} s")


def silence() -> None:
    """Say nothing of what killed processes leave behind, which is what is simulated."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(_SILENT))
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")


def _work(database_url: str, share: Sequence[tuple[int, bool]], profile: str, results: Queue[bytes]) -> None:
    """One process: play its seeds."""
    end_with_parent()
    silence()
    # what is imported stays: looked through after each seed it would cost a tenth of the time
    gc.freeze()
    with open_ground(database_url) as ground:
        for seed, again in share:
            outcome = play_twice(ground, seed, Profile(profile)) if again else play(ground, seed, Profile(profile))
            # the story is told by playing the seed again
            results.put(msgspec.json.encode(msgspec.structs.replace(outcome, lines=[])))


def summarize(
    outcomes: Sequence[Outcome], profile: Profile, *, wall_s: float, again_every: int = AGAIN_EVERY
) -> Summary:
    """Add up what came of all seeds."""
    faults: Counter[str] = Counter()
    crashes: Counter[str] = Counter()
    for outcome in outcomes:
        faults.update(outcome.faults)
        crashes.update(crash.partition(": ")[2] for crash in outcome.crashes)
    digest = _hash_all(outcomes)
    return Summary(
        seeds=len(outcomes),
        first=outcomes[0].seed,
        last=outcomes[-1].seed,
        profile=profile,
        conversations=sum(outcome.conversations for outcome in outcomes),
        messages=sum(outcome.messages for outcome in outcomes),
        sent=sum(outcome.sent for outcome in outcomes),
        model_calls=sum(outcome.model_calls for outcome in outcomes),
        faults=dict(sorted(faults.items())),
        violations=[
            {"seed": outcome.seed, "invariant": violation.invariant, "detail": violation.detail}
            for outcome in outcomes
            for violation in outcome.violations
        ],
        crashes=dict(crashes.most_common()),
        played_twice=len(outcomes[::again_every]) if again_every else 0,
        diverged=[
            outcome.seed
            for outcome in outcomes
            if any(violation.invariant == "replay.same_hash" for violation in outcome.violations)
        ],
        slowest_rest_s=max((outcome.rested_after_s or 0.0) for outcome in outcomes),
        trace_hash=digest,
        virtual_s=sum(outcome.virtual_s for outcome in outcomes),
        wall_s=wall_s,
    )


def _hash_all(outcomes: Sequence[Outcome]) -> str:
    return sha256("".join(outcome.trace_hash for outcome in outcomes).encode()).hexdigest()
