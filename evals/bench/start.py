"""How long a newcomer waits: `demo` from nothing running until the first conversation is scored."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evals.bench.figures import Figure, Measurement, Unit
from evals.bench.ground import Ground
from evals.run_directory import RUNS_DIRECTORY, SCORES_FILE
from runtime.adapters.embedded import stop_postgres, stop_valkey
from runtime.domain.errors import Broken

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 50.0
MOST_S = 15.0
POLL_S = 0.02


def measure_start(_ground: Ground) -> Measurement:
    """Start `demo` twice in an empty home: the first makes the Postgres, the second finds it stopped."""
    with tempfile.TemporaryDirectory(prefix="parlo-bench-") as folder:
        place = Path(folder)
        try:
            first_s = _wait_for_a_score(place)
            _stop_servers(place)
            again_s = _wait_for_a_score(place)
        finally:
            _stop_servers(place)
    how = "process start to the first line of scores.jsonl; packages in the page cache, byte code as it is found"
    figures = [
        Figure(name=f"demo, {what}", value=value, unit=Unit.SECONDS, n=1, how=how, most=MOST_S)
        for what, value in (("nothing there", first_s), ("servers stopped", again_s))
    ]
    return Measurement(name="start", figures=figures)


def _wait_for_a_score(place: Path) -> float:
    home = place / ".parlo"
    environment = os.environ | {"PARLO_HOME": str(home), "PYTHONPATH": str(ROOT)}
    for name in ("DATABASE_URL", "REDIS_URL"):
        environment.pop(name, None)
    runs = place / RUNS_DIRECTORY
    known = set(runs.glob(f"*/{SCORES_FILE}"))
    started = time.perf_counter()
    with _demo(environment, place) as process:
        while time.perf_counter() - started < LIMIT_S:
            if any(path.stat().st_size for path in set(runs.glob(f"*/{SCORES_FILE}")) - known):
                return time.perf_counter() - started
            if process.poll() is not None:
                raise Broken(f"demo ended with {process.returncode} before anything was scored")
            time.sleep(POLL_S)
    raise Broken(f"nothing was scored within {LIMIT_S:.0f} s")


@contextmanager
def _demo(environment: dict[str, str], place: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "evals.cli", "demo"]
    with (place / "demo.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=place, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _stop_servers(place: Path) -> None:
    home = place / ".parlo"
    if home.exists():
        stop_postgres(home)
        stop_valkey(home)
