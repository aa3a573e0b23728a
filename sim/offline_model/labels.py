"""Comparing the labels of appointments and free times with what a customer says about them.

A label is what tools and prompts write: `viernes 16 de enero, 3:00 PM`. Used by `state` and `policy`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sim.offline_model.text import fold

_DAYS = "lunes|martes|mi[eé]rcoles|jueves|viernes|s[aá]bado|domingo"
LABEL = (
    rf"(?:{_DAYS}),? \d{{1,2}} de [a-z]+(?: de \d{{4}})?, (?:a las? )?\d{{1,2}}:\d{{2}} ?(?:[AP]M|[ap]m|[ap]\. ?m\.)"
)
_LABEL = re.compile(LABEL)
_CLOCK = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?(?: ?(?P<half>a\.?m|p\.?m|de la manana|de la tarde|de la noche))?")
_HOUR_WORDS = {
    **{"una": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6},
    **{"siete": 7, "ocho": 8, "nueve": 9, "diez": 10, "once": 11, "doce": 12},
}
_WEEKDAYS = ("lunes", "martes", "miercoles", "jueves", "viernes", "sabado", "domingo")


def find_labels(text: str) -> list[str]:
    """Every full label in a text, in order."""
    return _LABEL.findall(text)


def split_label(label: str) -> tuple[str, str]:
    """A label as (day, hour); the hour is empty where the label has none."""
    day, _, hour = label.rpartition(", ")
    return (day, hour) if day else (label, "")


def read_clock(time: str) -> tuple[int, int, str] | None:
    """Hour, minute and half of the day (`a`, `p` or nothing) of words like `a las 4 y media`."""
    folded = fold(time)
    for word, number in _HOUR_WORDS.items():
        folded = re.sub(rf"\b{word}\b", str(number), folded)
    match = _CLOCK.search(folded)
    if match is None:
        return None
    hour, minute = int(match.group(1)), int(match.group(2) or 0)
    if "y media" in folded:
        minute = 30
    elif "y cuarto" in folded:
        minute = 15
    half = (match.group("half") or "")[-5:]
    sign = "a" if half.startswith("a") or "anana" in half else "p" if half else ""
    if hour > 12:
        hour, sign = hour - 12, "p"
    return hour, minute, sign


def has_clock(time: str) -> bool:
    """Whether words of time name an hour, not just a part of the day."""
    if re.search(r"\b(?:despues|antes|a partir|entre)\b", fold(time)):
        return False
    return read_clock(time) is not None or "mediodia" in fold(time) or "medio dia" in fold(time)


def is_on_day(label: str, day: str, dates: Sequence[tuple[str, str]]) -> bool:
    """Whether a label lies on a day as a customer names it; `hoy` and `mañana` are looked up in the table."""
    own = fold(split_label(label)[0])
    said = fold(day)
    for date, nickname in dates:
        if nickname and re.fullmatch(rf"(?:el )?{re.escape(fold(nickname))}(?: mismo)?", said):
            return fold(date) == own
    weekday = next((name for name in _WEEKDAYS if name in said), "")
    number = re.search(r"\b(\d{1,2})\b", said)
    if weekday and weekday not in own:
        return False
    if number and not re.search(rf"\b{number.group(1)}\b", own):
        return False
    return bool(weekday or number)


def is_at_time(label: str, time: str) -> bool:
    """Whether a label's hour is the one a customer names."""
    own, said = read_clock(split_label(label)[1]), read_clock(time)
    if own is None or said is None:
        return False
    return own[:2] == said[:2] and (not said[2] or own[2] == said[2])


def shift_hour(hour: str, minutes: int) -> str:
    """A clock time some minutes later the same day: (`3:00 PM`, 60) is `4:00 PM`; nothing past midnight."""
    clock = read_clock(hour)
    if clock is None:
        return ""
    total = clock[0] % 12 * 60 + clock[1] + (720 if clock[2] == "p" else 0) + minutes
    if not 0 <= total < 1440:
        return ""
    return f"{(total // 60 - 1) % 12 + 1}:{total % 60:02d} {'PM' if total >= 720 else 'AM'}"
