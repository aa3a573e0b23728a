"""A clock that jumps: an event loop whose waiting takes no time, and ids that come from a seed.

Thirty minutes of silence cost microseconds. The loop still talks to real sockets (Postgres): while one
is waited for, virtual time stands still.
"""

from __future__ import annotations

import asyncio
import selectors
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from uuid import UUID

from runtime.ports import Clock

_REAL_WAIT_S = 5.0


class NothingScheduled(RuntimeError):
    """Every task waits and nothing will ever wake one: a deadlock in the simulated program."""


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for a timer, moves the loop's time on to it."""

    loop: VirtualLoop | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        # one registered file is the loop's own wake-up pipe; any other is a real socket in use
        if not ready and timeout != 0 and len(self.get_map()) > 1:
            ready = super().select(_REAL_WAIT_S)
        if not ready and timeout != 0 and self.loop is not None:
            if timeout is None:
                raise NothingScheduled("every task waits, and nothing is scheduled")
            self.loop.elapsed_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on which `sleep` and time-outs take no real time."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Seconds since the loop began."""
        return self.elapsed_s


class VirtualClock:
    """The port `Clock` on a virtual loop."""

    def __init__(self, starts_at: datetime) -> None:
        self._starts_at = starts_at.astimezone(UTC)
        self._loop = asyncio.get_running_loop()
        self._zero_s = self._loop.time()

    @property
    def elapsed_s(self) -> float:
        """Virtual seconds since the clock's start."""
        return self._loop.time() - self._zero_s

    def now(self) -> datetime:
        """The present virtual moment, to the microsecond."""
        return self._starts_at + timedelta(microseconds=round(self.elapsed_s * 1_000_000))

    async def sleep(self, seconds: float) -> None:
        """Let others run until this much virtual time has passed."""
        await asyncio.sleep(seconds)


class SkewedClock:
    """The port `Clock` of a machine whose clock is wrong: `skew_s` seconds ahead of the true one."""

    def __init__(self, clock: VirtualClock, skew_s: float) -> None:
        self._clock = clock
        self._skew = timedelta(seconds=skew_s)

    def now(self) -> datetime:
        """What this clock shows."""
        return self._clock.now() + self._skew

    async def sleep(self, seconds: float) -> None:
        """Let others run until this much virtual time has passed."""
        await self._clock.sleep(seconds)


def derive_seed(seed: int, purpose: str, key: str = "") -> int:
    """A seed for one purpose, independent of every other purpose's."""
    return int.from_bytes(sha256(f"{seed}|{purpose}|{key}".encode()).digest()[:8])


class SeededIds:
    """The port `Ids` from a seed: UUIDs of version 7 whose time is the virtual clock's."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._random = Random(seed)
        self._last = 0

    def new(self) -> UUID:
        """A fresh id, later than every one before."""
        stamp = max(int(self._clock.now().timestamp() * 1000) << 12, self._last + 1)
        self._last = stamp
        high = (stamp >> 12) << 16 | 0x7000 | (stamp & 0xFFF)
        low = (0b10 << 62) | self._random.getrandbits(62)
        return UUID(int=high << 64 | low)

    def jitter(self) -> float:
        """A number in [0, 1)."""
        return self._random.random()
