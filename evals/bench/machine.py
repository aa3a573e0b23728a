"""What the figures were taken on: cores, load, versions, how durable Postgres is, and how fast one core is just now."""

from __future__ import annotations

import os
import platform
import time

import msgspec

from sim.bare_postgres import PostgresFacts, read_facts

_LOOPS = 400_000


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """The machine at the beginning of a run.

    Attributes:
        load: Of the last minute, before anything was measured.
        core_loops_per_s: Turns of a fixed Python loop a second of CPU time: compare CPU figures of two runs by it.
        postgres: Of the durable server, which `accept` uses, and the one for replays, which does not wait for disks.
    """

    system: str
    cores: int
    load: float
    python: str
    core_loops_per_s: float
    postgres: dict[str, PostgresFacts]


def describe_machine(servers: dict[str, str]) -> Machine:
    """Look at this machine and at these Postgres servers."""
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        cores=len(os.sched_getaffinity(0)),
        load=os.getloadavg()[0],
        python=platform.python_version(),
        core_loops_per_s=measure_core(),
        postgres={name: read_facts(url) for name, url in servers.items()},
    )


def measure_core() -> float:
    """How many turns of a fixed Python loop a second of this core's time buys."""
    started = time.process_time()
    seen: dict[int, str] = {}
    for turn in range(_LOOPS):
        seen[turn & 255] = str(turn)
    return _LOOPS / (time.process_time() - started)
