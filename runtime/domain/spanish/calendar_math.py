"""Calendar arithmetic for the day rules: no text, no clock, no time zones.

Every function is total over the dates that the rules pass (years 2000 to 2100 or so) and answers None for a
date that does not exist.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta

from runtime.domain.spanish.findings import Days

RECENT_PAST_DAYS = 60


def date_or_none(year: int, month: int, day: int) -> date | None:
    """The date, or None where the calendar has none."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def coming_weekday(today: date, weekday: int) -> date:
    """The next date with this weekday, never today."""
    return today + timedelta(days=(weekday - today.weekday() - 1) % 7 + 1)


def monday_of(day: date) -> date:
    """The Monday of the same week."""
    return day - timedelta(days=day.weekday())


def next_monday(today: date) -> date:
    """The Monday on which the next week begins."""
    return monday_of(today) + timedelta(weeks=1)


def week_of(day: date) -> Days:
    """Monday to Sunday around a date."""
    return Days(monday_of(day), monday_of(day) + timedelta(days=6))


def weekend_of(today: date) -> Days:
    """The Saturday and Sunday of this week."""
    return Days(monday_of(today) + timedelta(days=5), monday_of(today) + timedelta(days=6))


def month_end(day: date) -> date:
    """The last date of the same month."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def next_month_start(today: date) -> date:
    """The first date of the next month."""
    return month_end(today) + timedelta(days=1)


def month_start_of(today: date, month: int) -> date:
    """The first date of the next such month; of the current one while it lasts."""
    return date(today.year + (1 if month < today.month else 0), month, 1)


def add_months(day: date, months: int) -> date:
    """The same day number some months later, or the last date of a shorter month."""
    years, month_index = divmod(day.month - 1 + months, 12)
    start = date(day.year + years, month_index + 1, 1)
    return start.replace(day=min(day.day, month_end(start).day))


def next_month_day(today: date, month: int, day: int) -> date | None:
    """The next date with this month and day, today included; None where no year has it."""
    for year in range(today.year, today.year + 9):
        exact = date_or_none(year, month, day)
        if exact is not None and exact >= today:
            return exact
    return None


def next_day_number(today: date, day: int, *, weekday: int | None = None) -> date | None:
    """The next date with this day number (and weekday, if given) within a year, today included."""
    start = today.replace(day=1)
    for _ in range(13):
        exact = date_or_none(start.year, start.month, day)
        if exact is not None and exact >= today and weekday in (None, exact.weekday()):
            return exact
        start = next_month_start(start)
    return None


def nth_weekday(month_start: date, weekday: int, nth: int) -> date | None:
    """The nth such weekday of a month, the last one for -1; None where there is none."""
    if nth < 0:
        last = month_end(month_start)
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    exact = month_start + timedelta(days=(weekday - month_start.weekday()) % 7 + 7 * (nth - 1))
    return exact if exact.month == month_start.month else None


def next_payday(today: date) -> date:
    """The 15th or the last of the month, whichever comes next, today included."""
    middle = today.replace(day=15)
    return middle if today <= middle else month_end(today)


def next_holiday_monday(today: date) -> date:
    """The Monday of the next long weekend by law: first of February, third of March, third of November."""
    for year in (today.year, today.year + 1):
        for month, nth in ((2, 1), (3, 3), (11, 3)):
            monday = nth_weekday(date(year, month, 1), 0, nth)
            if monday is not None and monday >= today:
                return monday
    return next_monday(today)


def period(words: str, part: str | None, today: date) -> Days:
    """The week or month that the words name, or a part of it ("principios", "finales").

    It begins no earlier than today, except for what is said to be past.
    """
    whole = _month(words, today) if "mes" in words else _week(words, today)
    if part is None or part == "resto":
        return whole
    length = (whole.last - whole.first).days + 1
    if part.startswith("medi"):
        return Days(whole.first + timedelta(days=length // 3 - (length < 8)), whole.last - timedelta(days=length // 3))
    if part.startswith("fin"):
        return Days(whole.last - timedelta(days=3 if length < 8 else 6), whole.last)
    return Days(whole.first, whole.first + timedelta(days=2 if length < 8 else 6))


_NEXT_WORDS = ("proxim", "siguiente", "otr", "viene", "entra", "sigue")


def _week(words: str, today: date) -> Days:
    week = week_of(today)
    if "pasada" in words:
        return Days(week.first - timedelta(weeks=1), week.last - timedelta(weeks=1))
    if any(word in words for word in _NEXT_WORDS):
        return Days(week.first + timedelta(weeks=1), week.last + timedelta(weeks=1))
    return Days(today, week.last)


def _month(words: str, today: date) -> Days:
    if any(word in words for word in _NEXT_WORDS):
        start = next_month_start(today)
        return Days(start, month_end(start))
    return Days(today, month_end(today))
