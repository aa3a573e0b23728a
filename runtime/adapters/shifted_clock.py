"""A clock that can be moved forward from outside, for `parlo up`: real time plus what a small file says.

`runtime.bootstrap` chooses it where `PARLO_CLOCK_FILE` is set, which production never does. Every process maps the same
file into memory, so all see a move at once and reading the time costs no system call. Waiting stays real.
"""

from __future__ import annotations

import asyncio
import math
import mmap
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runtime.domain.errors import Broken

OFFSET_BYTES = 8
"""One float64 in this machine's own byte order: how many seconds to add to real time."""


class ShiftedClock:
    """Real time plus the offset in a file. Only ever forward: an offset that shrinks or is no number is passed over.

    Args:
        path: A file of at least eight bytes, which somebody else writes.

    Raises:
        Broken: It cannot be read, or is too short.
    """

    def __init__(self, path: str | Path) -> None:
        try:
            with Path(path).open("rb") as file:
                self._map = mmap.mmap(file.fileno(), OFFSET_BYTES, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise Broken(f"the clock's file {path} cannot be used: {error}") from error
        # an aligned read of eight bytes is one instruction: nobody sees half of a write
        self._offset = memoryview(self._map).cast("d")
        self._largest_s = 0.0

    @property
    def offset_s(self) -> float:
        """How far ahead of real time it is, in seconds."""
        read = self._offset[0]
        if math.isfinite(read) and read > self._largest_s:
            self._largest_s = read
        return self._largest_s

    def now(self) -> datetime:
        """The present moment of everybody who reads this file."""
        return datetime.now(UTC) + timedelta(seconds=self.offset_s)

    async def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        await asyncio.sleep(seconds)
