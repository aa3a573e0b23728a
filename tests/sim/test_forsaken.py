"""Worker processes end with whoever began them."""

from __future__ import annotations

import os
import subprocess
import sys
import time

PROGRAM = """
import multiprocessing, sys, time
from sim.forsaken import end_with_parent

def work():
    end_with_parent()
    time.sleep(600)

if __name__ == "__main__":
    worker = multiprocessing.get_context("spawn").Process(target=work, daemon=True)
    worker.start()
    print(worker.pid, flush=True)
    time.sleep(600)
"""


def test_a_worker_ends_when_whoever_began_it_is_killed(tmp_path: object) -> None:
    """By kill -9, after which nobody can tell it anything."""
    script = os.path.join(str(tmp_path), "program.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write(PROGRAM)
    parent = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": os.getcwd()}
    )
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    time.sleep(0.5)

    parent.kill()
    parent.wait()

    give_up_at = time.monotonic() + 20
    while _is_alive(worker) and time.monotonic() < give_up_at:
        time.sleep(0.05)
    assert not _is_alive(worker)
    parent.stdout.close()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        return stat.read().rpartition(")")[2].split()[0] != "Z"
