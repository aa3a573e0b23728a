"""The one short question to ask when words for a day or time can mean several things; it always names full dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from runtime.domain.spanish.formats import format_date, format_time, join_spanish
from runtime.domain.spanish.resolution import Candidate

_MAX_NAMED = 4


def ask_which(candidates: Sequence[Candidate], now_local: datetime) -> str:
    """Ask for one of the readings: "¿Te refieres al viernes 16 de enero o al viernes 23 de enero?"."""
    today = now_local.date()
    named = list(candidates[:_MAX_NAMED])
    days = list(dict.fromkeys(each.starts_at.date() for each in named))
    spans = list(dict.fromkeys(_time_label(each) for each in named))
    if len(days) == 1 and len(spans) > 1:
        return f"¿Te refieres {_to_day(days[0], today)} {join_spanish(spans, conjunction='o')}?"
    if len(spans) == 1:
        at = f", {spans[0]}" if named[0].ends_at is None else ""
        return f"¿Te refieres {join_spanish([_to_day(day, today) for day in days], conjunction='o')}{at}?"
    return f"¿Te refieres {join_spanish([_full_label(each, today) for each in named], conjunction='o')}?"


def ask_day(preface: str) -> str:
    """Ask for any day, after saying what was wrong with the one named."""
    return f"{preface} ¿Qué día te queda bien?".strip()


def ask_day_between(first: date, last: date, today: date) -> str:
    """Ask for one day of a stretch."""
    return f"¿Qué día te queda bien, del {format_date(first, today)} al {format_date(last, today)}?"


def ask_time(day: date | None, today: date) -> str:
    """Ask for an hour, on a day if one is known."""
    on_day = f" el {format_date(day, today)}" if day is not None else ""
    return f"¿A qué hora te queda bien{on_day}?"


def _to_day(day: date, today: date) -> str:
    return f"a hoy {format_date(day, today)}" if day == today else f"al {format_date(day, today)}"


def _time_label(candidate: Candidate) -> str:
    if candidate.ends_at is None:
        return _at(candidate.starts_at)
    return f"de {format_time(candidate.starts_at)} a {format_time(candidate.ends_at)}"


def _at(moment_local: datetime) -> str:
    return f"a la{'s' if moment_local.hour % 12 != 1 else ''} {format_time(moment_local)}"


def _full_label(candidate: Candidate, today: date) -> str:
    day = _to_day(candidate.starts_at.date(), today)
    return f"{day} {_at(candidate.starts_at)}" if candidate.ends_at is None else day
