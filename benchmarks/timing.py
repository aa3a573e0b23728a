"""How long a dialogue takes. It needs nothing that is not Python's, since each contender has packages of its own."""

from __future__ import annotations

import time
from collections.abc import Callable


def time_dialogues(play: Callable[[int], None], dialogues: int, warm_up: int) -> float:
    """Seconds a dialogue; `play` takes how many."""
    play(warm_up)
    started = time.perf_counter()
    play(dialogues)
    return (time.perf_counter() - started) / dialogues
