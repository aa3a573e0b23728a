"""From local wall-clock times to aware moments, daylight saving included.

Only the resolver uses this. A wall-clock time that the clocks skip moves forward by as much as they do; one
that happens twice is the first of the two.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from runtime.domain.schedule_hours import MINUTES_PER_DAY


def local_moment(day: date, minute: int, zone: tzinfo) -> datetime:
    """The aware moment at a number of minutes after a local midnight; 1440 and more are the next day."""
    extra_days, rest = divmod(minute, MINUTES_PER_DAY)
    wall = datetime.combine(day + timedelta(days=extra_days), time(rest // 60, rest % 60), tzinfo=zone)
    return wall.astimezone(UTC).astimezone(zone)


def shift_moment(moment_local: datetime, minutes: int) -> datetime:
    """A moment so many minutes of real time later, in the same zone."""
    return (moment_local.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(moment_local.tzinfo)


def minute_of_day(moment_local: datetime) -> int:
    """Minutes after midnight on the wall clock."""
    return moment_local.hour * 60 + moment_local.minute


def time_of_minute(minute: int) -> time:
    """The wall-clock time of a minute after midnight; the end of the day is its last minute."""
    bounded = min(minute, MINUTES_PER_DAY - 1)
    return time(bounded // 60, bounded % 60)
