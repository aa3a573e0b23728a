"""The parts of a day as people name them in Mexico, relative to the opening hours where they depend on them.

The clock rules find them; the resolver asks here for their minutes. Lunch ("la comida") is from two to four.
"""

from __future__ import annotations

from runtime.domain.schedule_hours import MINUTES_PER_DAY, TimeRange
from runtime.domain.spanish.findings import DayPart, Half

_NOON = 720
_DEFAULT_DAY = TimeRange(540, 1140)

OPENING, CLOSING = -1, -2
"""Stand-ins for the minutes at which the business opens and closes on the day in question."""

MORNING = DayPart("morning", OPENING, _NOON, Half.AM)
LATE_MORNING = DayPart("late_morning", 600, _NOON, Half.AM)
EARLY = DayPart("early", OPENING, OPENING, Half.AM, approximate=True)
FIRST_HOUR = DayPart("first_hour", OPENING, OPENING, Half.AM)
AFTERNOON = DayPart("afternoon", _NOON, 1200, Half.PM)
EARLY_AFTERNOON = DayPart("early_afternoon", _NOON, 960, Half.PM)
LATE_AFTERNOON = DayPart("late_afternoon", 960, 1140, Half.PM, approximate=True)
EVENING = DayPart("evening", 1080, MINUTES_PER_DAY, Half.PM)
AFTERNOON_EVENING = DayPart("afternoon_evening", 1020, 1260, Half.PM)
SMALL_HOURS = DayPart("small_hours", 0, 360, Half.AM)
BEFORE_LUNCH = DayPart("before_lunch", OPENING, 840, approximate=True)
LUNCH = DayPart("lunch", 840, 960, Half.PM, approximate=True)
AFTER_LUNCH = DayPart("after_lunch", 900, 1080, Half.PM, approximate=True)
AFTER_WORK = DayPart("after_work", 1080, CLOSING, Half.PM, approximate=True)
AFTER_SCHOOL = DayPart("after_school", 840, 1020, Half.PM, approximate=True)
LAST_HOUR = DayPart("last_hour", CLOSING, CLOSING, Half.PM, approximate=True)

_EARLY_MINUTES = 180
_FIRST_HOUR_MINUTES = 60
_LAST_HOUR_MINUTES = 120


def part_minutes(part: DayPart, span: TimeRange | None) -> TimeRange:
    """When a part of the day is, kept within opening hours as long as something of it remains.

    `span` is the opening span of the day, None for a closed day.
    """
    day = span or _DEFAULT_DAY
    whole = _absolute(part, day)
    if span is None:
        return whole
    start, end = max(whole.start_minute, span.start_minute), min(whole.end_minute, span.end_minute)
    return TimeRange(start, end) if start < end else whole


def _absolute(part: DayPart, day: TimeRange) -> TimeRange:
    if part is FIRST_HOUR:
        return _within_day(day.start_minute, day.start_minute + _FIRST_HOUR_MINUTES)
    if part is EARLY:
        return _within_day(day.start_minute, day.start_minute + _EARLY_MINUTES)
    if part is LAST_HOUR:
        return _within_day(day.end_minute - _LAST_HOUR_MINUTES, day.end_minute)
    start = day.start_minute if part.from_minute == OPENING else part.from_minute
    end = day.end_minute if part.until_minute == CLOSING else part.until_minute
    # A shop that opens at noon still has a "mañana" to ask for: it is simply closed then.
    return _within_day(min(start, 540) if start >= end and part.from_minute == OPENING else start, max(end, start + 60))


def _within_day(start: int, end: int) -> TimeRange:
    bounded = min(max(start, 0), MINUTES_PER_DAY - 1)
    return TimeRange(bounded, min(max(end, bounded + 1), MINUTES_PER_DAY))
