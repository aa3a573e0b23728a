"""Runs measurements one after the other, each in a process of its own and for a limited time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing import TimeoutError as OutOfTime
from multiprocessing import get_context

import msgspec
from rich.console import Console

from evals.bench.accept import measure_accepting
from evals.bench.cassettes import measure_cassettes
from evals.bench.figures import Measurement
from evals.bench.flood import measure_flood
from evals.bench.ground import Ground
from evals.bench.handoff import measure_handoffs
from evals.bench.machine import describe_machine
from evals.bench.printing import BenchRun, encode_run, print_run
from evals.bench.processes import measure_processes
from evals.bench.replay import measure_replay
from evals.bench.routing import measure_routing
from evals.bench.simulation import measure_simulation
from evals.bench.start import measure_start
from evals.bench.turn import measure_turns
from evals.bench.workbench import measure_workbench
from runtime.adapters.embedded import choose_database_url, choose_redis_url
from runtime.domain.errors import ParloError

MEASUREMENTS: dict[str, Callable[[Ground], Measurement]] = {
    "route": measure_routing,
    "turn": measure_turns,
    "replay": measure_replay,
    "accept": measure_accepting,
    "memory": measure_processes,
    "handoff": measure_handoffs,
    "flood": measure_flood,
    "simulate": measure_simulation,
    "start": measure_start,
    "workbench": measure_workbench,
    "cassettes": measure_cassettes,
}
LIMIT_S = 120.0
"""Of one measurement; each keeps itself well below it."""
LONGER_S = {"handoff": 500.0, "flood": 400.0, "simulate": 300.0, "workbench": 240.0}
"""A crowd is served at the pace at which people are written to; a flood goes on for a minute, and others before
it; some simulated worlds go on for hours."""


def run_bench(names: Sequence[str], *, as_json: bool = False) -> int:
    """Take these measurements, or all of them, and show them; progress goes to standard error.

    Returns:
        0; 1 when a measurement could not be taken; 2 for a name that is none. A missed target is shown, and no error:
        a machine that others use decides it too.
    """
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        sys.stderr.write(f"parlo: no measurement {', '.join(unknown)}: there are {', '.join(MEASUREMENTS)}\n")
        return 2
    ground = Ground(
        durable_url=choose_database_url(os.environ),
        fast_url=choose_database_url(os.environ, durable=False),
        redis_url=choose_redis_url(os.environ),
    )
    machine = describe_machine({"durable": ground.durable_url, "for replays": ground.fast_url})
    chosen = [name for name in MEASUREMENTS if not names or name in names]
    run = BenchRun(machine, [_take(name, ground) for name in chosen])
    if as_json:
        sys.stdout.write(encode_run(run) + "\n")
    else:
        # in a file a line may be long
        print_run(run, Console(width=None if sys.stdout.isatty() else 200))
    return int(any(each.failure for each in run.measurements))


def _take(name: str, ground: Ground) -> Measurement:
    sys.stderr.write(f"{name} … ")
    sys.stderr.flush()
    started = time.perf_counter()
    taken = _take_apart(name, ground)
    took_s = time.perf_counter() - started
    sys.stderr.write(f"{taken.failure or 'done'}, {took_s:.1f} s\n")
    return msgspec.structs.replace(taken, took_s=took_s)


def _take_apart(name: str, ground: Ground) -> Measurement:
    # a process of its own: what one measurement leaves in memory must not weigh on the next
    limit_s = LONGER_S.get(name, LIMIT_S)
    with get_context("spawn").Pool(1) as pool:
        try:
            return pool.apply_async(MEASUREMENTS[name], (ground,)).get(limit_s)
        except OutOfTime:
            return Measurement(name=name, failure=f"not done within {limit_s:.0f} s")
        except (ParloError, AssertionError, OSError, subprocess.SubprocessError) as error:
            return Measurement(name=name, failure=f"{type(error).__name__}: {error}")
