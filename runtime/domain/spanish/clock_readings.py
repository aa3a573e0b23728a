"""What the words of each clock rule mean: from a match to an hour, a range or a part of the day.

Only the table in `clock_rules` and `time_choice` use these. A reading is None where the words are no time after
all. Which half of the day a bare hour belongs to is left open here; `clock_choice` decides it by opening hours.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from runtime.domain.spanish import day_parts as parts
from runtime.domain.spanish.findings import Clock, DayPart, Half, Shape

Found = re.Match[str]


class TimeReading(msgspec.Struct, frozen=True):
    """What one rule made of its words; see `TimeFinding` for the fields."""

    shape: Shape
    first: Clock | None = None
    second: Clock | None = None
    part: DayPart | None = None
    offset_minutes: int = 0
    length_minutes: int | None = None
    approximate: bool = False
    possible: bool = True


Reader = Callable[[Found], TimeReading | None]

_FIRST_EVENING_HOUR = 5
_PARTS = {
    "matina": parts.MORNING,
    "tarde": parts.AFTERNOON,
    "tardecita": parts.LATE_AFTERNOON,
    "noche": parts.EVENING,
    "madrugada": parts.SMALL_HOURS,
    "mediodia": parts.EARLY_AFTERNOON,
    "dia": parts.EARLY_AFTERNOON,
}


def clock_pattern(name: str, *, joined_minutes: bool = True) -> str:
    """The pattern of an hour with everything that may follow it; groups are named after `name`.

    `joined_minutes` allows "4 y 20"; without it only "y media" and "y cuarto" are read, for "entre 4 y 5".
    """
    minutes = r"media|cuarto|[1-5]\d|5" if joined_minutes else r"media|cuarto"
    return (
        rf"(?<![\d:/.\-])(?P<{name}h>\d{{1,2}})(?::(?P<{name}m>[0-5]\d))?(?![\d:/.])"
        rf"(?: hora(?! de))?(?: y (?P<{name}y>{minutes})(?![\d:])(?! hora))?(?: (?:en punto|aprox))?"
        rf"(?: (?P<{name}x>am|pm))?(?: y (?P<{name}z>media|cuarto))?"
        rf"(?: (?:(?:de|en|por|a) (?:esta |la )?|esta )(?P<{name}p>matina|tarde|tardecita|noche|madrugada)"
        rf"| del (?P<{name}q>mediodia|dia)(?! \d))?(?: (?:en punto|aprox|y (?:algo|pico)))?"
    )


def clock_of(found: Found, name: str) -> Clock | None:
    """The hour of a match, None where no clock shows it."""
    groups = found.groupdict()
    hour, minute = int(groups[f"{name}h"]), int(groups.get(f"{name}m") or 0)
    joined = groups.get(f"{name}y") or groups.get(f"{name}z")
    if joined:
        minute += {"media": 30, "cuarto": 15}.get(joined) or int(joined)
    if hour > 24 or minute > 59 or (hour == 24 and minute):
        return None
    part = _PARTS.get(groups.get(f"{name}p") or groups.get(f"{name}q") or "")
    half = Half(groups[f"{name}x"]) if groups.get(f"{name}x") else None
    clock = Clock(hour, minute, half, has_colon=bool(groups.get(f"{name}m")))
    return clock if half or part is None else clock_in_part(clock, part)


def clock_in_part(clock: Clock, part: DayPart) -> Clock:
    """The half of the day that "de la tarde" and the like give to an hour; noon and midnight belong to neither."""
    if clock.half is not None or clock.hour > 12 or clock.hour == 0:
        return clock
    half = part.half
    if part is parts.EVENING and clock.hour == 12:
        return Clock(24, clock.minute)
    if part is parts.EVENING and clock.hour < _FIRST_EVENING_HOUR:
        half = Half.AM
    elif clock.hour == 12 and part is not parts.SMALL_HOURS:
        half = Half.PM
    elif part is parts.EARLY_AFTERNOON and clock.hour in (10, 11):
        half = Half.AM
    return msgspec.structs.replace(clock, half=half)


def read_point(found: Found) -> TimeReading | None:
    """Read "a las 4"; an hour that no clock shows is a point that cannot be."""
    clock = clock_of(found, "a")
    return TimeReading(Shape.POINT, first=clock) if clock else TimeReading(Shape.POINT, possible=False)


def read_sure_point(found: Found) -> TimeReading | None:
    """A point that is only one when the clock shows it: bare numbers are many things."""
    clock = clock_of(found, "a")
    return TimeReading(Shape.POINT, first=clock) if clock else None


def read_spelled_point(found: Found) -> TimeReading | None:
    """Read "a las 7 30", "a las 6 0 2 pm"."""
    hour, minute = int(found["h"]), int(found["m"].replace(" ", ""))
    if hour > 23 or minute > 59:
        return None
    clock = Clock(hour, minute, Half(found["x"]) if found["x"] else None)
    part = _PARTS.get(found["p"] or "")
    return TimeReading(Shape.POINT, first=clock_in_part(clock, part) if part else clock)


def read_minutes_to(found: Found) -> TimeReading | None:
    """Read "cuarto para las 6", "8 menos cuarto", "10 para las 5"."""
    clock = clock_of(found, "a")
    words = found["less"]
    less = 15 if words == "cuarto" else int(words)
    if clock is None or not 1 <= less <= 30:
        return None
    return TimeReading(Shape.POINT, first=_shift(clock, -less))


def read_minutes_past(found: Found) -> TimeReading | None:
    """Read "cuarto pasadas las ocho"."""
    clock = clock_of(found, "a")
    more = 15 if found["more"] == "cuarto" else int(found["more"])
    return TimeReading(Shape.POINT, first=_shift(clock, more)) if clock and more <= 59 else None


def _shift(clock: Clock, minutes: int) -> Clock:
    """A clock some minutes earlier or later; the half stays with the hour that was said, except around 12."""
    total = clock.hour * 60 + clock.minute + minutes
    hour, minute = divmod(total, 60)
    if clock.hour > 12 or clock.hour == 0:
        return Clock(hour % 24, minute)
    half = clock.half
    if clock.hour == 12 and minutes < 0 and half is not None:
        half = Half.AM if half is Half.PM else Half.PM
    return Clock((hour - 1) % 12 + 1, minute, half)


def read_range(found: Found) -> TimeReading | None:
    """Read "de 3 a 5"."""
    first, second = clock_of(found, "a"), clock_of(found, "b")
    return TimeReading(Shape.RANGE, first=first, second=second) if first and second and first != second else None


def read_range_in_numbers(found: Found) -> TimeReading | None:
    """Read "de 3-5", "1-4 pm"."""
    first, second = int(found["a"]), int(found["b"])
    if not (0 < first <= 24 and 0 < second <= 24) or first == second:
        return None
    half = Half(found["x"]) if found["x"] else None
    end = Clock(second, 0, half)
    part = _PARTS.get(found["p"] or "")
    return TimeReading(Shape.RANGE, first=Clock(first), second=clock_in_part(end, part) if part else end)


def read_from(found: Found) -> TimeReading | None:
    """Read "después de las 6"."""
    clock = clock_of(found, "a")
    return TimeReading(Shape.FROM, first=clock) if clock else None


def read_until(found: Found) -> TimeReading | None:
    """Read "antes de las 12"."""
    clock = clock_of(found, "a")
    return TimeReading(Shape.UNTIL, first=clock) if clock else None


def read_either(found: Found) -> TimeReading | None:
    """Read "a las 4 o 5": read as a choice, which the resolver asks about."""
    first, second = clock_of(found, "a"), clock_of(found, "b")
    if first is None or second is None:
        return None
    return TimeReading(Shape.POINT, first=first, second=second)


def read_part(part: DayPart) -> Reader:
    """Make a reader for one part of the day."""
    return lambda found: TimeReading(Shape.PART, part=part, approximate=part.approximate)


def read_named_part(found: Found) -> TimeReading | None:
    """Read "en la tarde" and its like."""
    part = _PARTS[found["p"]]
    return TimeReading(Shape.PART, part=part, approximate=part.approximate)


def read_noon(found: Found) -> TimeReading | None:
    """Read "a mediodía"."""
    return TimeReading(Shape.POINT, first=Clock(12, 0, Half.PM))


def read_midnight(found: Found) -> TimeReading | None:
    """Read "medianoche": the end of the day."""
    return TimeReading(Shape.POINT, first=Clock(24))


_UNIT_MINUTES = {"min": 1, "hora": 60}


def read_offset(found: Found) -> TimeReading | None:
    """Read "en dos horas"."""
    minutes = int(found["n"]) * _UNIT_MINUTES[found["unit"]]
    extra = int(found.groupdict().get("extra") or 0)
    return TimeReading(Shape.OFFSET, offset_minutes=minutes + extra) if minutes <= 72 * 60 else None


def read_ago(found: Found) -> TimeReading | None:
    """Read "hace una hora"."""
    return TimeReading(Shape.OFFSET, offset_minutes=-int(found["n"]) * _UNIT_MINUTES[found["unit"]])


def read_vague(offset_minutes: int, length_minutes: int | None) -> Reader:
    """Make a reader for a window that begins so many minutes from now."""
    return lambda found: TimeReading(
        Shape.VAGUE, offset_minutes=offset_minutes, length_minutes=length_minutes, approximate=True
    )


def read_next_hours(found: Found) -> TimeReading | None:
    """Read "la próxima hora", "las próximas 2 horas"."""
    groups = found.groupdict()
    minutes = int(groups.get("n") or 1) * _UNIT_MINUTES[groups.get("unit") or "hora"]
    return TimeReading(Shape.VAGUE, length_minutes=minutes, approximate=True)


def read_onwards_or_point(found: Found) -> TimeReading | None:
    """Read "desde las 4" and "de las 4 en adelante" as a beginning, "la de las 4" as a point."""
    is_beginning = found[0].startswith("desde") or found[0].endswith("delante")
    return read_from(found) if is_beginning else read_point(found)


def read_impossible(found: Found) -> TimeReading | None:
    """Read "a las 4:75": said as a time, and none."""
    return TimeReading(Shape.POINT, possible=False)
