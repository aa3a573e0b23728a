"""Chaos with real processes: what is killed, stopped and flushed costs seconds, and breaks no promise."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from runtime.adapters.embedded import find_home, status
from sim.chaos.faults import Kind
from sim.chaos.play import Wishes
from sim.chaos.running import run_chaos
from sim.chaos.stage import Crew
from sim.chaos.strikes import Lengths

pytestmark = [pytest.mark.integration, pytest.mark.slow]

LEASE_S = 5.0
MARK = "CHAOS_TEST_MARK"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home beside the usual one, so that nobody's run is in the way; its cluster is kept for the next time."""
    return {**os.environ, "PARLO_HOME": str(find_home(os.environ) / "tests"), MARK: str(tmp_path)}


def _list_marked(environment: Mapping[str, str]) -> list[int]:
    """Processes of ours that are alive; servers do not inherit the mark."""
    mark, found = f"{MARK}={environment[MARK]}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def _list_servers(environment: Mapping[str, str]) -> list[str]:
    return [server.name for server in status(find_home(environment) / "chaos") if server.running]


def test_real_processes_are_killed_stopped_and_flushed_and_every_promise_is_kept(
    environment: Mapping[str, str],
) -> None:
    """Leases are short here, so that a stop beyond one is."""
    kinds = (Kind.WORKER_KILLED, Kind.WORKER_STOPPED, Kind.VALKEY_FLUSHED, Kind.POSTGRES_IMMEDIATE)
    wishes = Wishes(
        seconds=30.0,
        messages=110,
        seed=5,
        kinds=kinds,
        crew=Crew(settings={"PARLO_LEASE_S": str(LEASE_S)}),
        lengths=Lengths(worker_stopped_s=LEASE_S + 3, down_s=1.0),
    )
    told: list[str] = []

    outcome = run_chaos(wishes, environment, told.append)

    assert outcome.violations == [], f"{outcome.folder} has the logs and the rows"
    assert set(outcome.faults) == set(kinds)
    assert outcome.restarts["worker-1"] + outcome.restarts["worker-2"] >= 1
    assert outcome.rested_after_s is not None
    assert outcome.messages == outcome.written - (outcome.given_up - outcome.fetched)
    assert outcome.messages > 40 and outcome.sent > 40 and outcome.model_calls > 20
    assert {each.kind for each in outcome.recoveries} == set(kinds)
    assert outcome.copies == outcome.excuses
    assert Path(outcome.folder, "worker-1.log").stat().st_size > 0
    assert (_list_marked(environment), _list_servers(environment)) == ([], [])


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
async def test_a_run_that_is_interrupted_leaves_no_process_behind(environment: Mapping[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "evals.cli", "chaos", "--faults", "none",
        env=dict(environment), stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while b"customers" not in await process.stderr.readline():
            pass
    running, servers = _list_marked(environment), _list_servers(environment)

    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.communicate(), 60)

    assert len(running) >= 6 and servers == ["postgres", "valkey"]
    assert process.returncode == 130
    assert (_list_marked(environment), _list_servers(environment)) == ([], [])
