"""Play seeds with a mutant on until an invariant notices it, each hunt in one of several processes.

`parlo mutants` calls `hunt_all`. The seed that caught one is played once more without it: what fails then too was not
the mutant's doing.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.queues import Queue
from typing import Any

import msgspec

from runtime.domain.errors import Broken
from sim.databases import borrow_copy
from sim.forsaken import end_with_parent
from sim.simulation.invariants import Violation
from sim.simulation.mutants import MUTANTS, Mutant
from sim.simulation.mutants.switches import Reached
from sim.simulation.play import Ground, Outcome, play
from sim.simulation.runs import open_ground, silence

_WAIT_S = 3600.0


class Catch(msgspec.Struct, frozen=True, kw_only=True):
    """How a mutant was noticed.

    Attributes:
        also: Other invariants that the same seed breached.
        sound: What the same seed breaches without the mutant; must be nothing.
        sound_hash: Of the same seed's story without it, played by the process that had broken something before.
    """

    seed: int
    invariant: str
    detail: str
    also: list[str]
    sound: list[Violation]
    sound_hash: str = ""


class Hunt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of hunting one mutant.

    Attributes:
        played: How many seeds were played with it on.
        reached: Whether what it breaks was come to in one of them.
        unexpected: Invariants that were breached by it, but are not those expected to notice.
        failure: Why it could not be hunted: it finds nothing to break, or a play broke off.
    """

    mutant: str
    breaks: str
    within: int
    played: int
    wall_s: float
    reached: bool = True
    catch: Catch | None = None
    unexpected: list[str] = []
    failure: str | None = None

    @property
    def is_caught(self) -> bool:
        """Noticed by whom it should be, in a seed that is sound without it."""
        return self.catch is not None and not self.catch.sound and self.failure is None


@contextmanager
def turn_on(mutant: Mutant, ground: Ground) -> Iterator[Reached]:
    """Break what a mutant breaks, for as long as the context lasts. What it does to the database stays.

    Raises:
        Broken: One of its switches finds nothing to break.
    """
    with ExitStack() as stack:
        try:
            reached = [stack.enter_context(switch.turn_on(ground.observer)) for switch in mutant.switches]
        except Broken as error:
            raise Broken(f"{mutant.name}: {error}") from error
        yield lambda: all(each() for each in reached)


def hunt(server_url: str, mutant: Mutant, seeds: Sequence[int], name: str) -> Hunt:
    """Play seeds with a mutant on until it is noticed, and the one that noticed it without.

    Args:
        server_url: Where throw-away databases are made; one is broken, another is not.
        mutant: Which one.
        seeds: In this order.
        name: Of the databases.
    """
    began = time.monotonic()
    played, reached = 0, False
    unexpected: list[str] = []
    catch, failure = None, None
    try:
        with (
            borrow_copy(server_url, f"{name}_broken") as url,
            open_ground(url) as ground,
            turn_on(mutant, ground) as ask_reached,
        ):
            for seed in seeds:
                outcome = play(ground, seed, mutant.profile)
                played, reached = played + 1, ask_reached()
                unexpected += [each for each in _name(outcome) if each not in mutant.noticed_by]
                if (catch := _read_catch(mutant, outcome)) is not None:
                    break
        if catch is not None:
            with borrow_copy(server_url, f"{name}_sound") as url, open_ground(url) as ground:
                sound = play(ground, catch.seed, mutant.profile)
            catch = msgspec.structs.replace(catch, sound=sound.violations, sound_hash=sound.trace_hash)
        elif not reached:
            failure = f"{mutant.name}: what it breaks was never come to"
    except Exception as error:  # noqa: BLE001 - one that cannot be hunted must not end the others' hunt
        failure = f"{type(error).__name__}: {error}"
    return Hunt(
        mutant=mutant.name,
        breaks=mutant.breaks,
        within=len(seeds),
        played=played,
        wall_s=time.monotonic() - began,
        reached=reached,
        catch=catch,
        unexpected=sorted(set(unexpected)),
        failure=failure,
    )


def _name(outcome: Outcome) -> list[str]:
    return [violation.invariant for violation in outcome.violations]


def _read_catch(mutant: Mutant, outcome: Outcome) -> Catch | None:
    for violation in outcome.violations:
        if violation.invariant in mutant.noticed_by:
            also = sorted({each for each in _name(outcome) if each != violation.invariant})
            return Catch(seed=outcome.seed, invariant=violation.invariant, detail=violation.detail, also=also, sound=[])
    return None


def hunt_all(
    server_url: str,
    mutants: Sequence[Mutant],
    seeds: Sequence[int] | None,
    *,
    jobs: int,
    tell: Callable[[Hunt], None],
) -> list[Hunt]:
    """Hunt mutants in several processes.

    Args:
        server_url: Where throw-away databases are made.
        mutants: Each once.
        seeds: Which to play; None for each one's own.
        jobs: How many processes.
        tell: Called with each hunt as it ends.

    Returns:
        In the order of the mutants.

    Raises:
        Broken: A process ended before its hunt did.
    """
    # as in `runs.play_many`: what a set's order would decide must be the same in every process
    os.environ["PYTHONHASHSEED"] = "0"
    context = multiprocessing.get_context("spawn")
    orders: Queue[tuple[str, list[int]] | None] = context.Queue()
    results: Queue[bytes] = context.Queue()
    for mutant in mutants:
        own = range(mutant.first_seed, mutant.first_seed + mutant.within)
        orders.put((mutant.name, list(own if seeds is None else seeds)))
    workers = []
    for number in range(min(jobs, len(mutants))):
        orders.put(None)
        name = f"parlo_mutants_{os.getpid()}_{number}"
        worker = context.Process(target=_work, args=(server_url, name, orders, results), daemon=True)
        worker.start()
        workers.append(worker)
    hunts: dict[str, Hunt] = {}
    while len(hunts) < len(mutants):
        ended = _take(results, workers)
        hunts[ended.mutant] = ended
        tell(ended)
    for worker in workers:
        worker.join()
    return [hunts[mutant.name] for mutant in mutants]


def _take(results: Queue[bytes], workers: Sequence[Any]) -> Hunt:
    give_up_at = time.monotonic() + _WAIT_S
    while time.monotonic() < give_up_at:
        try:
            return msgspec.json.decode(results.get(timeout=1.0), type=Hunt)
        except queue.Empty:
            pass
        if any(worker.exitcode not in (None, 0) for worker in workers):
            raise Broken("a process of the hunt ended before its time; what it wrote stands above")
    raise Broken(f"no hunt ended within {_WAIT_S:.0f} s")


def _work(server_url: str, name: str, orders: Queue[tuple[str, list[int]] | None], results: Queue[bytes]) -> None:
    """One process: hunt what is ordered until nothing is left."""
    end_with_parent()
    silence()
    while (order := orders.get()) is not None:
        mutant, seeds = order
        results.put(msgspec.json.encode(hunt(server_url, MUTANTS[mutant], seeds, name)))
