"""Who may start a server, and whether one lives: two file locks, which the system drops when their holder dies.

`start.lock` is held by the one command that starts or stops a server; others wait for it. `alive.lock` is inherited by
the server itself and all its processes, so it is free exactly when none of them is left. That holds after kill -9,
with a process id used again by somebody else, and in a folder that was moved or copied, where a pid file deceives.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Each server writes its own; the first line is the process id.
PID_FILES = ("postmaster.pid", "valkey.pid")


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Wait for, then hold this lock."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def claim_life(directory: Path) -> int | None:
    """The descriptor of `alive.lock`, to be passed to a new server and then closed; None when a server lives."""
    lock = os.open(directory / "alive.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def is_alive(directory: Path) -> bool:
    """Whether any process of this folder's server is left."""
    lock = claim_life(directory)
    if lock is None:
        return True
    os.close(lock)
    return False


def read_pid(directory: Path) -> int | None:
    """The process id a server wrote, which means something only while the server is alive."""
    for name in PID_FILES:
        try:
            return int((directory / "data" / name).read_text(encoding="utf-8").split("\n", 1)[0])
        except (OSError, ValueError):
            continue
    return None


def end_server(directory: Path, signals: tuple[signal.Signals, ...], *, patience_s: float = 10) -> bool:
    """Send each signal in turn until the server is gone; False when it stays. Call with `start.lock` held."""
    for one in signals:
        give_up_at = time.monotonic() + patience_s
        sent = False
        while time.monotonic() < give_up_at:
            if not is_alive(directory):
                return True
            pid = read_pid(directory)
            if pid is not None and not sent:
                try:
                    os.kill(pid, one)
                except ProcessLookupError:
                    # Its main process is dead and the others are about to notice.
                    pid = None
                sent = pid is not None
            time.sleep(0.01)
    return not is_alive(directory)
