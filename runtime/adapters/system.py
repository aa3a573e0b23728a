"""The machine's own clock and chance: the only place where time and randomness are real."""

from __future__ import annotations

import asyncio
import os
import random
import time
from datetime import UTC, datetime
from uuid import UUID


class SystemClock:
    """Wall-clock time."""

    def now(self) -> datetime:
        """The present moment."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        await asyncio.sleep(seconds)


class SystemIds:
    """UUIDs of version 7: unique between processes, ordered within one."""

    def __init__(self) -> None:
        self._random = random.Random(os.urandom(16))
        self._last = 0

    def new(self) -> UUID:
        """A fresh id. The 12 bits after the millisecond count within it, so one process's ids are in order."""
        stamp = max(time.time_ns() // 1_000_000 << 12, self._last + 1)
        self._last = stamp
        high = (stamp >> 12) << 16 | 0x7000 | (stamp & 0xFFF)
        low = (0b10 << 62) | int.from_bytes(os.urandom(8)) >> 2
        return UUID(int=high << 64 | low)

    def jitter(self) -> float:
        """A number in [0, 1)."""
        return self._random.random()
