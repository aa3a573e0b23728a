"""Ends a worker process of `multiprocessing` when the process that began it is gone, however it went.

Without it whoever kills a long run leaves its workers behind, which go on for hours. Called first thing by the workers
of simulations, hunts and races.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from multiprocessing.connection import wait


def end_with_parent() -> None:
    """From now on end at once when the parent has ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_for_the_end, args=(parent.sentinel,), name="parent", daemon=True).start()


def _wait_for_the_end(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
