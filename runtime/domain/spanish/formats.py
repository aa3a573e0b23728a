"""How Parlo writes dates, times, money, durations and lists in Mexican Spanish.

Every text for a person uses these, and the date resolver reads each of them back exactly. The tables are
our own because four lines of names do not justify loading a locale library in every process.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time

from runtime.domain.schedule_hours import MINUTES_PER_DAY, TimeRange
from runtime.domain.spanish.folding import fold

WEEKDAYS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
MONTHS = (
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
)

_TWO_DIGIT_AREAS = ("33", "55", "56", "81")


def format_date(day: date, today: date) -> str:
    """Write "viernes 16 de enero"; the year only where it is not the current one: "viernes 15 de enero de 2027"."""
    words = f"{WEEKDAYS[day.weekday()]} {day.day} de {MONTHS[day.month - 1]}"
    return words if day.year == today.year else f"{words} de {day.year}"


def format_time(moment: time | datetime) -> str:
    """Write "3:00 PM": twelve hours, no leading zero."""
    return f"{moment.hour % 12 or 12}:{moment.minute:02d} {'AM' if moment.hour < 12 else 'PM'}"


def format_when(moment_local: datetime, now_local: datetime) -> str:
    """Write "viernes 16 de enero, 3:00 PM": the one spelling of an appointment's moment, in replies and prompts."""
    return f"{format_date(moment_local.date(), now_local.date())}, {format_time(moment_local)}"


def format_now(now_local: datetime) -> str:
    """Write "lunes 12 de enero de 2026, 10:00 AM": always with the year."""
    day = now_local.date()
    return f"{WEEKDAYS[day.weekday()]} {day.day} de {MONTHS[day.month - 1]} de {day.year}, {format_time(now_local)}"


def format_price(cents: int) -> str:
    """Write "$150", "$1,250", "$1,250.50" from an amount in cents."""
    pesos, rest = divmod(abs(cents), 100)
    sign = "-" if cents < 0 else ""
    return f"{sign}${pesos:,}" if rest == 0 else f"{sign}${pesos:,}.{rest:02d}"


def format_duration(minutes: int) -> str:
    """Write "45 min", "1 h", "1 h 30 min"."""
    hours, rest = divmod(minutes, 60)
    if hours == 0:
        return f"{rest} min"
    return f"{hours} h" if rest == 0 else f"{hours} h {rest} min"


def format_hours(ranges: Sequence[TimeRange]) -> str:
    """Write "9:00 AM a 7:00 PM", several joined by " y ", or "cerrado" for none."""
    if not ranges:
        return "cerrado"
    return " y ".join(f"{_format_minute(each.start_minute)} a {_format_minute(each.end_minute)}" for each in ranges)


def format_phone(key: str) -> str:
    """Write "55 1234 5678" from "+525512345678"; an identity that is no Mexican phone comes back as it is."""
    national = key[3:]
    if not (key.startswith("+52") and len(national) == 10 and national.isdecimal()):
        return key
    if national.startswith(_TWO_DIGIT_AREAS):
        return f"{national[:2]} {national[2:6]} {national[6:]}"
    return f"{national[:3]} {national[3:6]} {national[6:]}"


def join_spanish(items: Sequence[str], *, conjunction: str = "y") -> str:
    """Write "a, b y c"; "y" becomes "e" before the sound i, "o" becomes "u" before the sound o. Empty for no items."""
    if not items:
        return ""
    if len(items) == 1:
        return items[0]
    return f"{', '.join(items[:-1])} {_conjunction_before(conjunction, items[-1])} {items[-1]}"


def _conjunction_before(conjunction: str, word: str) -> str:
    sound = fold(word).lstrip("¿¡\"'(")
    if conjunction == "y" and sound.startswith(("i", "hi")) and not sound.startswith(("hie", "hia", "io", "ia")):
        return "e"
    if conjunction == "o" and (sound.startswith(("o", "ho", "8", "80")) or sound.split(":")[0].split(" ")[0] == "11"):
        return "u"
    return conjunction


def _format_minute(minute: int) -> str:
    wrapped = minute % MINUTES_PER_DAY
    return format_time(time(wrapped // 60, wrapped % 60))
