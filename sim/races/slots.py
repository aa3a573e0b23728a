"""Hours that rivals may want: when Karla of the seed business does nails and has nothing else to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/Mexico_City")
HOURS = (9, 10, 11, 12, 13, 15, 16, 17, 18)
SATURDAY = 5
CLOSED = (2, 2)
"""A holiday of the seed business, month and day."""


def list_slots(now: datetime) -> Iterator[datetime]:
    """Every hour that can be booked from a moment on, local, the nearest first."""
    for days in range(2, 60):
        day = now.date() + timedelta(days=days)
        if day.weekday() < SATURDAY and (day.month, day.day) != CLOSED:
            for hour in HOURS:
                yield datetime(day.year, day.month, day.day, hour, tzinfo=ZONE)
