"""The file that moves the clock of everything `parlo up` runs: made, read and written here, read by `ShiftedClock`.

`sim.up` makes it before it starts anything; the Simulate page moves it. It stays between two runs, because rows of
those times stay too: in one database time never goes back.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from runtime.adapters.embedded import find_home
from runtime.adapters.shifted_clock import OFFSET_BYTES, ShiftedClock
from runtime.domain.errors import Rejected

LONGEST_MOVE_S = 366 * 86_400.0
FURTHEST_S = 20 * 366 * 86_400.0
"""Times far beyond it cannot be written down everywhere; nobody needs them."""


def clock_path(environment: Mapping[str, str]) -> Path:
    """Where this home keeps its clock."""
    return find_home(environment) / "clock"


class ClockFile:
    """One clock file, and the time it makes.

    Args:
        path: Made, at real time, if it is not there or cannot be used.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file() or path.stat().st_size < OFFSET_BYTES:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes(OFFSET_BYTES))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), OFFSET_BYTES)
        self._offset = memoryview(self._map).cast("d")
        if not (math.isfinite(self._offset[0]) and 0 <= self._offset[0] <= FURTHEST_S):
            self._offset[0] = 0.0
        self.path = path
        self.clock = ShiftedClock(path)

    def move(self, seconds: float) -> datetime:
        """Move everybody's time forward; the new time.

        Raises:
            Rejected: Back, not at all, or more than a year at once.
        """
        if not 0 < seconds <= LONGEST_MOVE_S or self.clock.offset_s + seconds > FURTHEST_S:
            raise Rejected("clock_move", "El reloj sólo avanza, y a lo mucho un año de una vez.")
        self._offset[0] = self.clock.offset_s + seconds
        return self.clock.now()

    def reach(self, moment: datetime) -> None:
        """Be at least at this moment: what a database already holds must not lie in the future."""
        behind_s = (moment - self.clock.now()).total_seconds()
        if behind_s > 0:
            self._offset[0] = min(self.clock.offset_s + behind_s, FURTHEST_S)
