"""One contender of `benchmarks.turns` in a process of its own: prints seconds a dialogue on its last line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module

WARM_UP = 10


def main(name: str, turns: int, dialogues: int) -> None:
    """Play dialogues of this many turns."""
    # only the one that is measured is imported
    measure: Callable[[int, int, int], float] = import_module(f"benchmarks.{name}_dialogues").measure
    sys.stdout.write(f"\n{measure(turns, dialogues, WARM_UP)}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
