"""Weekly opening hours as plain values: when a location (or a person) is open, by weekday.

The date resolver and availability read these. Everything is local wall-clock time in minutes after
midnight, so a day that ends at 24:00 is representable; zones and instants are somebody else's work.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

import msgspec

MINUTES_PER_DAY = 1440
_DAYS_PER_WEEK = 7


class TimeRange(msgspec.Struct, frozen=True, order=True):
    """A stretch of one local day, in minutes after midnight: `start_minute` inclusive, `end_minute` exclusive.

    Raises:
        ValueError: On construction, unless 0 <= start < end <= 1440.
    """

    start_minute: int
    end_minute: int

    def __post_init__(self) -> None:
        if not 0 <= self.start_minute < self.end_minute <= MINUTES_PER_DAY:
            raise ValueError(f"not a range within one day: {self.start_minute}..{self.end_minute}")

    @classmethod
    def of(cls, opens: str, closes: str) -> TimeRange:
        """Build a range from "09:00" and "19:00"; "24:00" is the end of the day.

        Raises:
            ValueError: The texts are not HH:MM, or do not form a range.
        """
        return cls(_parse_minutes(opens), _parse_minutes(closes))

    def contains(self, minute: int) -> bool:
        """Whether something may begin at this minute."""
        return self.start_minute <= minute < self.end_minute


class WeekHours(msgspec.Struct, frozen=True):
    """Opening ranges for each weekday, Monday first, ordered within the day; an empty tuple is a closed day.

    `closures` are single dates on which nothing is open, whatever the weekday says.

    Raises:
        ValueError: On construction, unless there are exactly seven days.
    """

    days: tuple[tuple[TimeRange, ...], ...]
    closures: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        if len(self.days) != _DAYS_PER_WEEK:
            raise ValueError(f"a week has seven days, not {len(self.days)}")

    @classmethod
    def every_day(cls, opens: str, closes: str, *, closed_weekdays: Iterable[int] = ()) -> WeekHours:
        """The same single range on all weekdays except `closed_weekdays` (Monday is 0)."""
        closed = frozenset(closed_weekdays)
        open_range = (TimeRange.of(opens, closes),)
        return cls(tuple(() if weekday in closed else open_range for weekday in range(_DAYS_PER_WEEK)))

    def open_ranges(self, day: date) -> tuple[TimeRange, ...]:
        """The ranges of one date, in order; empty when closed."""
        if day in self.closures:
            return ()
        return self.days[day.weekday()]

    def is_open_at(self, day: date, minute: int) -> bool:
        """Whether something may begin on this date at this minute after midnight."""
        return any(open_range.contains(minute) for open_range in self.open_ranges(day))

    def span(self, day: date) -> TimeRange | None:
        """From the first opening to the last closing of a date, or None when closed."""
        ranges = self.open_ranges(day)
        if not ranges:
            return None
        return TimeRange(ranges[0].start_minute, max(each.end_minute for each in ranges))

    def usual_span(self) -> TimeRange | None:
        """From the earliest opening to the latest closing of the whole week, or None when never open."""
        ranges = [each for day in self.days for each in day]
        if not ranges:
            return None
        return TimeRange(min(each.start_minute for each in ranges), max(each.end_minute for each in ranges))


def _parse_minutes(text: str) -> int:
    hours, colon, minutes = text.partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and int(minutes) < 60):
        raise ValueError(f"not a time of day like 09:00: {text!r}")
    return int(hours) * 60 + int(minutes)


def is_within(week: WeekHours, moment_local: datetime) -> bool:
    """Whether a moment on the local clock is within the hours."""
    return week.is_open_at(moment_local.date(), moment_local.hour * 60 + moment_local.minute)


def find_next_opening(week: WeekHours, now_local: datetime) -> datetime | None:
    """The next moment of the local clock at which an opening begins, after now; None when nothing ever opens."""
    minute = now_local.hour * 60 + now_local.minute
    for ahead in range(_DAYS_PER_WEEK + 1):
        day = now_local.date() + timedelta(days=ahead)
        for opening in week.open_ranges(day):
            if ahead > 0 or opening.start_minute > minute:
                begins = time(opening.start_minute // 60, opening.start_minute % 60)
                return datetime.combine(day, begins, tzinfo=now_local.tzinfo)
    return None
