"""What the words of each day rule mean: from a match and a scene to the dates it may stand for.

Only the table in `day_rules` uses these. A reading is None where the words are no date after all. Conventions
of Mexico: weeks begin on Monday, dates are day/month, "ocho días" is a week and "quince días" two.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

import msgspec

from runtime.domain.spanish import calendar_math as calendar
from runtime.domain.spanish.date_words import MONTH_NUMBERS, WEEKDAY_NUMBERS
from runtime.domain.spanish.findings import Days, Scene
from runtime.domain.spanish.formats import MONTHS

MAX_RELATIVE_DAYS = 730
_LONGEST_STRETCH = 366

Found = re.Match[str]


class DayReading(msgspec.Struct, frozen=True):
    """What one rule made of its words; see `DayFinding` for the fields."""

    options: tuple[Days, ...]
    weekday: int | None = None
    drop_past: bool = False
    hour: int | None = None
    past: date | None = None
    preface: str = ""


def _group(found: Found, name: str) -> str | None:
    """A group that not every pattern of the rule has."""
    return found.groupdict().get(name)


def _days(*options: Days | date | None) -> DayReading | None:
    kept = tuple(Days.one(each) if isinstance(each, date) else each for each in options if each is not None)
    return DayReading(kept) if kept else None


def _missing_day(day: int, month: int) -> DayReading:
    return DayReading((), preface=f"El {day} de {MONTHS[month - 1]} no existe.")


def read_numeric(found: Found, scene: Scene) -> DayReading | None:
    """Read "20/03/2026"; month first only where nothing else is possible."""
    day, month, year = int(found["dd"]), int(found["mm"]), int(found["yyyy"])
    year += 2000 if year < 100 else 0
    if month > 12 >= day:
        day, month = month, day
    if not (1 <= month <= 12 and 1 <= day <= 31 and 2000 <= year < 2100):
        return None
    exact = calendar.date_or_none(year, month, day)
    return _missing_day(day, month) if exact is None else _days(exact)


def read_numeric_without_year(found: Found, scene: Scene) -> DayReading | None:
    """Read "20/03"."""
    day, month = int(found["dd"]), int(found["mm"])
    if month > 12 >= day:
        day, month = month, day
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return _day_of_month(day, month, scene)


def read_named(found: Found, scene: Scene) -> DayReading | None:
    """Read "16 de enero" and "16 de enero de 2027"."""
    day, month, year = int(found["dd"]), MONTH_NUMBERS[found["mo"]], _group(found, "yy")
    if day < 1:
        return None
    if day > 31:
        return _missing_day(day, month)
    if year is None:
        return _day_of_month(day, month, scene)
    exact = calendar.date_or_none(int(year), month, day)
    return _missing_day(day, month) if exact is None else _days(exact)


def _day_of_month(day: int, month: int, scene: Scene) -> DayReading:
    """A day and month without a year: the next one; where the last one is recent, the year has to be confirmed."""
    upcoming = calendar.next_month_day(scene.today, month, day)
    if upcoming is None:
        return _missing_day(day, month)
    latest = calendar.date_or_none(upcoming.year - 1, month, day)
    just_over = latest is not None and (scene.today - latest).days <= calendar.RECENT_PAST_DAYS
    preface = f"El {day} de {MONTHS[month - 1]} ya pasó." if just_over and upcoming > scene.today else ""
    return DayReading((Days.one(upcoming),), past=latest if preface else None, preface=preface)


def read_days_of_month(found: Found, scene: Scene) -> DayReading | None:
    """Read "del 19 al 20 de noviembre": both days in the month that is named last."""
    month = MONTH_NUMBERS[found["mo"]]
    return _month_range(
        int(found["d1"]), int(found["d2"]), calendar.next_month_day(scene.today, month, int(found["d2"]))
    )


def _month_range(first: int, last: int, last_date: date | None) -> DayReading | None:
    if last_date is None or first > last:
        return None
    first_date = calendar.date_or_none(last_date.year, last_date.month, first)
    return None if first_date is None else _days(Days(first_date, last_date))


def read_days_of_next_month(found: Found, scene: Scene) -> DayReading | None:
    """Read "del 4 al 23 del próximo mes"."""
    start = calendar.next_month_start(scene.today)
    return _month_range(
        int(found["d1"]), int(found["d2"]), calendar.date_or_none(start.year, start.month, int(found["d2"]))
    )


def read_day_range(found: Found, scene: Scene) -> DayReading | None:
    """Read "del 5 al 10": in the coming days, maybe across the end of the month."""
    first, last = int(found["d1"]), int(found["d2"])
    if not (1 <= first <= 31 and 1 <= last <= 31):
        return None
    start = calendar.next_day_number(scene.today, first)
    end = None if start is None else calendar.next_day_number(start, last)
    return None if start is None or end is None else _days(Days(start, end))


def read_day_of_this_month(found: Found, scene: Scene) -> DayReading | None:
    """Read "el 15 de este mes"."""
    return _day_in_month(int(found["dd"]), scene.today.replace(day=1))


def read_day_of_next_month(found: Found, scene: Scene) -> DayReading | None:
    """Read "el 5 del mes que viene"."""
    return _day_in_month(int(found["dd"]), calendar.next_month_start(scene.today))


def _day_in_month(day: int, month_start: date) -> DayReading | None:
    if not 1 <= day <= 31:
        return None
    exact = calendar.date_or_none(month_start.year, month_start.month, day)
    return _missing_day(day, month_start.month) if exact is None else _days(exact)


_ORDINALS = {"primer": 1, "1": 1, "segundo": 2, "2": 2, "tercer": 3, "3": 3, "cuarto": 4, "4": 4, "ultimo": -1}


def read_nth_weekday(found: Found, scene: Scene) -> DayReading | None:
    """Read "el último sábado del mes", "el primer lunes de febrero"."""
    weekday, nth = WEEKDAY_NUMBERS[found["wd"]], _ORDINALS[found["nth"]]
    month = _group(found, "mo")
    if month:
        month_start = calendar.month_start_of(scene.today, MONTH_NUMBERS[month])
    elif _group(found, "next"):
        month_start = calendar.next_month_start(scene.today)
    else:
        month_start = scene.today.replace(day=1)
    exact = calendar.nth_weekday(month_start, weekday, nth)
    if exact is not None and exact < scene.today and not month and not _group(found, "next"):
        exact = calendar.nth_weekday(calendar.next_month_start(scene.today), weekday, nth)
    return _days(exact)


def read_weekday_next_week(found: Found, scene: Scene) -> DayReading | None:
    """Read "el martes de la próxima semana"."""
    return _days(calendar.next_monday(scene.today) + timedelta(days=WEEKDAY_NUMBERS[found["wd"]]))


def read_weekday_this_week(found: Found, scene: Scene) -> DayReading | None:
    """Read "el miércoles de esta semana"."""
    return _days(calendar.monday_of(scene.today) + timedelta(days=WEEKDAY_NUMBERS[found["wd"]]))


def read_week_of(found: Found, scene: Scene) -> DayReading | None:
    """Read "la semana del 18"."""
    day = calendar.next_day_number(scene.today, int(found["dd"]))
    return None if day is None else _days(calendar.week_of(day))


def read_weekday_in_eight(found: Found, scene: Scene) -> DayReading | None:
    """Read "del viernes en ocho": a week after the coming one; "en quince", two weeks."""
    weeks = 1 if found["n"] == "8" else 2
    return _days(calendar.coming_weekday(scene.today, WEEKDAY_NUMBERS[found["wd"]]) + timedelta(weeks=weeks))


def read_day_in_eight(found: Found, scene: Scene) -> DayReading | None:
    """Read "de hoy en ocho"."""
    weeks = 1 if found["n"] == "8" else 2
    return _days(scene.today + timedelta(weeks=weeks, days=int(found["day"] == "manana")))


def read_next_weekday(found: Found, scene: Scene) -> DayReading | None:
    """Read "el próximo viernes": some mean the coming one, some that of next week; often they are the same."""
    weekday = WEEKDAY_NUMBERS[found["wd"]]
    coming = calendar.coming_weekday(scene.today, weekday)
    of_next_week = calendar.next_monday(scene.today) + timedelta(days=weekday)
    return _days(coming) if coming == of_next_week else _days(coming, of_next_week)


def read_other_weekday(found: Found, scene: Scene) -> DayReading | None:
    """Read "el otro viernes": a week after the coming one for most, and never sure."""
    coming = calendar.coming_weekday(scene.today, WEEKDAY_NUMBERS[found["wd"]])
    return _days(coming + timedelta(weeks=1), coming)


def read_last_weekday(found: Found, scene: Scene) -> DayReading | None:
    """Read "el lunes pasado"."""
    weekday = WEEKDAY_NUMBERS[found["wd"]]
    return _days(
        calendar.coming_weekday(scene.today, weekday) - timedelta(weeks=2 if scene.today.weekday() == weekday else 1)
    )


def read_coming_weekday(found: Found, scene: Scene) -> DayReading | None:
    """Read "este viernes que viene"."""
    return _days(calendar.coming_weekday(scene.today, WEEKDAY_NUMBERS[found["wd"]]))


def read_weekday_and_number(found: Found, scene: Scene) -> DayReading | None:
    """Read "viernes 16": the date whose weekday that is; otherwise both halves are offered, and maybe an hour."""
    weekday, number = WEEKDAY_NUMBERS[found["wd"]], int(found["dd"])
    if not 1 <= number <= 31:
        return None
    nearest = calendar.next_day_number(scene.today, number)
    matching = calendar.next_day_number(scene.today, number, weekday=weekday)
    if nearest is not None and matching is not None and (matching - nearest).days <= 31 and nearest == matching:
        return DayReading((Days.one(matching),))
    coming = calendar.coming_weekday(scene.today, weekday)
    options = tuple(Days.one(each) for each in (coming, nearest) if each is not None)
    return DayReading(options, hour=number if _group(found, "plain") is not None and number <= 12 else None)


def read_weekday(found: Found, scene: Scene) -> DayReading | None:
    """A bare weekday is the coming one; on that very weekday it may also be today, while today is not over."""
    weekday = WEEKDAY_NUMBERS[found["wd"]]
    coming = calendar.coming_weekday(scene.today, weekday)
    if scene.today.weekday() != weekday:
        return DayReading((Days.one(coming),), weekday=weekday)
    return DayReading((Days.one(scene.today), Days.one(coming)), weekday=weekday, drop_past=True)


def read_in_days(found: Found, scene: Scene) -> DayReading | None:
    """Read "en tres días", "dentro de dos semanas", "dos días después de mañana"."""
    number, unit = int(found["n"]), found["unit"]
    if unit == "mes":
        return _days(calendar.add_months(scene.today, number)) if number <= 24 else None
    days = number * 7 if unit == "semana" else {8: 7, 15: 14}.get(number, number)
    base = scene.today + timedelta(days=int(_group(found, "base") == "manana"))
    return _days(base + timedelta(days=days)) if days <= MAX_RELATIVE_DAYS else None


def read_days_ago(found: Found, scene: Scene) -> DayReading | None:
    """Read "hace dos días"."""
    days = int(found["n"]) * (7 if found["unit"] == "semana" else 1)
    return _days(scene.today - timedelta(days=days)) if days <= MAX_RELATIVE_DAYS else None


def relative(days: int) -> Callable[[Found, Scene], DayReading | None]:
    """Make a reader for a fixed distance from today."""
    return lambda found, scene: _days(scene.today + timedelta(days=days))


def read_tomorrow_or_after(found: Found, scene: Scene) -> DayReading | None:
    """Read "mañana o pasado"."""
    return _days(scene.today + timedelta(days=1), scene.today + timedelta(days=2))


def read_next_days(found: Found, scene: Scene) -> DayReading | None:
    """Read "los próximos 3 días"."""
    number, unit = int(found["n"]), found["unit"]
    days = number * {"dia": 1, "semana": 7, "mes": 31}[unit]
    if days > _LONGEST_STRETCH:
        return None
    end = calendar.add_months(scene.today, number) if unit == "mes" else scene.today + timedelta(days=days)
    return _days(Days(scene.today + timedelta(days=1), end))


def read_week_or_month(found: Found, scene: Scene) -> DayReading | None:
    """Read "la próxima semana", "este mes", "a finales de mes"."""
    days = calendar.period(found["period"], _group(found, "slice"), scene.today)
    return _days(days)


def read_weekend(found: Found, scene: Scene) -> DayReading | None:
    """Read "el fin de semana", "el próximo fin"."""
    coming = calendar.weekend_of(scene.today)
    following = Days(coming.first + timedelta(weeks=1), coming.last + timedelta(weeks=1))
    if found["other"]:
        return _days(following, coming)
    if found["next"] or found["after"]:
        same = calendar.monday_of(coming.last) == calendar.next_monday(scene.today)
        return _days(coming) if same else _days(coming, following)
    return _days(Days(max(coming.first, scene.today), coming.last))


def read_weekend_of_next_week(found: Found, scene: Scene) -> DayReading | None:
    """Read "el fin de semana de la próxima semana"."""
    monday = calendar.next_monday(scene.today)
    return _days(Days(monday + timedelta(days=5), monday + timedelta(days=6)))


def read_working_days(found: Found, scene: Scene) -> DayReading | None:
    """Read "entre semana": what is left of the working week, or the next one."""
    weekday = scene.today.weekday()
    if weekday >= 4:
        monday = calendar.next_monday(scene.today)
        return _days(Days(monday, monday + timedelta(days=4)))
    return _days(Days(scene.today, scene.today + timedelta(days=4 - weekday)))


def read_month(found: Found, scene: Scene) -> DayReading | None:
    """Read "en febrero"."""
    start = calendar.month_start_of(scene.today, MONTH_NUMBERS[found["mo"]])
    return _days(Days(max(start, scene.today), calendar.month_end(start)))


def read_day_number(found: Found, scene: Scene) -> DayReading | None:
    """Read "el 15"."""
    day = int(found["dd"])
    if not 1 <= day <= 31:
        return None
    nearest = calendar.next_day_number(scene.today, day)
    if nearest is not None and calendar.date_or_none(scene.today.year, scene.today.month, day) is None:
        return DayReading((Days.one(nearest),), preface=f"Este mes no tiene día {day}.")
    return _days(nearest)


def read_either_day_number(found: Found, scene: Scene) -> DayReading | None:
    """Read "el 20 o 21"."""
    first, second = int(found["d1"]), int(found["d2"])
    if not (1 <= first <= 31 and 1 <= second <= 31):
        return None
    return _days(calendar.next_day_number(scene.today, first), calendar.next_day_number(scene.today, second))


def read_last_day_of_month(found: Found, scene: Scene) -> DayReading | None:
    """Read "el último día del mes"."""
    return _days(calendar.month_end(scene.today))


def read_payday(found: Found, scene: Scene) -> DayReading | None:
    """Read "la quincena": payday and the two days after it."""
    payday = calendar.next_payday(scene.today)
    return _days(Days(payday, payday + timedelta(days=2)))


def read_fortnight(found: Found, scene: Scene) -> DayReading | None:
    """Read "la segunda quincena de este mes"."""
    start = calendar.next_month_start(scene.today) if _group(found, "next") else scene.today.replace(day=1)
    if found["nth"] in ("1", "primera"):
        return _days(Days(start, start.replace(day=15)))
    return _days(Days(start.replace(day=16), calendar.month_end(start)))


def read_long_weekend(found: Found, scene: Scene) -> DayReading | None:
    """Read "el puente": three days, one of which has to be chosen."""
    monday = calendar.next_holiday_monday(scene.today)
    return _days(monday - timedelta(days=2), monday - timedelta(days=1), monday)


HOLIDAYS = {
    "anio nuevo": (1, 1),
    "dia de reyes": (1, 6),
    "san valentin": (2, 14),
    "dia del amor": (2, 14),
    "dia del nino": (4, 30),
    "dia de las madres": (5, 10),
    "dia de la madre": (5, 10),
    "dia de muertos": (11, 2),
    "nochebuena": (12, 24),
    "navidad": (12, 25),
    "nochevieja": (12, 31),
}


def read_holiday(found: Found, scene: Scene) -> DayReading | None:
    """Read "el día de las madres"."""
    month, day = HOLIDAYS[found["holiday"]]
    return _days(calendar.next_month_day(scene.today, month, day))
