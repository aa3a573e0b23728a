"""Ends this process when the one that started it is gone, however it went.

`parlo up` starts its processes with a pipe as standard input and never writes to it. When `up` dies, be it by
kill -9, the system closes the pipe, and whoever reads it knows. That works on every system, for any depth.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

GRACE_S = 25.0


def end_with_parent() -> None:
    """From now on end as if told to (SIGTERM) once standard input is closed, and by force if that takes too long."""
    threading.Thread(target=_wait_for_the_end, name="parent", daemon=True).start()


def _wait_for_the_end() -> None:
    try:
        while os.read(sys.stdin.fileno(), 1024):
            pass
    except OSError:
        # unreadable is as good as closed
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)
