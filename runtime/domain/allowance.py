"""How often one sender may have a model asked: a bucket of calls that fills again by itself.

Pure. A bucket is one moment, until which the calls that were made are paid for: the later it lies, the emptier the
bucket; in the past, or None, it is full. `runtime.turn` and the journal ask; nothing here knows the time.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec


class Allowance(msgspec.Struct, frozen=True):
    """Calls one sender may cause.

    Attributes:
        burst: Calls in a row when nothing was asked for a while.
        per_minute: Calls a minute that come back.
    """

    burst: int
    per_minute: int

    @property
    def interval(self) -> timedelta:
        """After how long one call has come back."""
        return timedelta(minutes=1) / self.per_minute

    def next_call_at(self, paid_until: datetime | None, now: datetime) -> datetime:
        """When the next call may be made: `now`, or the moment one has come back."""
        return now if paid_until is None else max(now, paid_until - self._depth)

    def pay(self, paid_until: datetime | None, now: datetime) -> datetime:
        """The bucket after one call."""
        return (now if paid_until is None else max(paid_until, now)) + self.interval

    def leave_one(self, paid_until: datetime | None, now: datetime) -> datetime:
        """The bucket with a single call in it, or as empty as it is."""
        return now + self._depth if paid_until is None else max(paid_until, now + self._depth)

    @property
    def _depth(self) -> timedelta:
        return (self.burst - 1) * self.interval
