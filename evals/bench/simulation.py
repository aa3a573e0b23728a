"""How fast worlds with faults are played: seeds a second, and how much faster than the clock of those in them."""

from __future__ import annotations

import os
import time

from evals.bench.figures import Figure, Measurement, Unit, percentile
from evals.bench.ground import Ground
from sim.databases import borrow_copy
from sim.simulation.knobs import Profile
from sim.simulation.play import Outcome, play
from sim.simulation.runs import open_ground, silence

SEEDS = range(1001, 1013)
LEAST_PACE = 60.0
"""Virtual seconds a second below which the worlds of a night would not fit into it."""


def measure_simulation(ground: Ground) -> Measurement:
    """Play seeds one after the other in this process, all faults on; one before, for what is loaded once."""
    silence()
    outcomes: list[Outcome] = []
    took: list[float] = []
    name = f"parlo_bench_simulation_{os.getpid()}"
    with borrow_copy(ground.fast_url, name) as url, open_ground(url) as played_on:
        play(played_on, SEEDS.start - 1, Profile.ALL)
        for seed in SEEDS:
            started = time.perf_counter()
            outcomes.append(play(played_on, seed, Profile.ALL))
            took.append(time.perf_counter() - started)
    broken = [str(violation) for outcome in outcomes for violation in outcome.violations]
    wall_s = sum(took)
    how = f"{len(SEEDS)} seeds, one process, every fault"
    return Measurement(
        name="simulate",
        figures=[
            _figure("seeds a second", len(SEEDS) / wall_s, Unit.PER_SECOND, how),
            _figure("conversations a second", _sum(outcomes, "conversations") / wall_s, Unit.PER_SECOND, how),
            _figure("faults a second", sum(sum(it.faults.values()) for it in outcomes) / wall_s, Unit.PER_SECOND, how),
            _figure("virtual to real time", _sum(outcomes, "virtual_s") / wall_s, Unit.RATIO, how, least=LEAST_PACE),
            _figure("a seed, 95 of 100", percentile(took, 0.95), Unit.SECONDS, how),
        ],
        failure=f"promises were broken: {'; '.join(broken[:3])}" if broken else None,
    )


def _sum(outcomes: list[Outcome], field: str) -> float:
    return float(sum(getattr(outcome, field) for outcome in outcomes))


def _figure(name: str, value: float, unit: Unit, how: str, least: float | None = None) -> Figure:
    return Figure(name=name, value=value, unit=unit, n=len(SEEDS), how=how, least=least)
