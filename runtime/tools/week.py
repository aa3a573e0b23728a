"""What staff say of every week: which days, and from when to when."""

from __future__ import annotations

from datetime import datetime

from runtime.domain import words_staff
from runtime.domain.errors import Rejected
from runtime.domain.schedule_hours import MINUTES_PER_DAY, TimeRange, WeekHours
from runtime.domain.spanish.dates import resolve
from runtime.domain.spanish.folding import fold_words
from runtime.domain.spanish.resolution import ResolutionKind
from runtime.domain.spanish.week_words import read_weekdays, strip_weekdays
from runtime.tools.base import ToolContext

_ANY_HOUR = WeekHours.every_day("06:00", "23:00")
_HALF_A_DAY = MINUTES_PER_DAY // 2
_OPENING = frozenset({"abrimos", "abre", "abro", "abrir", "abran", "entro", "empiezo"})
_CLOSING = frozenset({"cerramos", "cierra", "cierro", "cerrar", "cierran", "salgo", "termino"})


def read_days(words: str) -> tuple[int, ...]:
    """Days of every week, Monday 0.

    Raises:
        Rejected: `ask_day` where none is named.
    """
    days = read_weekdays(words)
    if not days:
        raise Rejected("ask_day", "Faltan los días.", question="¿Qué días de la semana?")
    return days


def read_hours(context: ToolContext, words: str, now: tuple[TimeRange, ...]) -> tuple[TimeRange, ...]:
    """The hours of a weekday: both ends, or one of them where there are some `now`.

    Raises:
        Rejected: `ask_hours`; `invalid_hours` where they end before they begin, or go over midnight.
    """
    early = context.now_local.replace(hour=5, minute=0)
    resolution = resolve(strip_weekdays(words), now_local=early, hours=_ANY_HOUR)
    if resolution.kind is ResolutionKind.NONE or resolution.starts_at is None or not resolution.has_time:
        raise Rejected("ask_hours", "No me quedaron claras las horas.", question=words_staff.ASK_SPAN)
    starts_at, ends_at = resolution.starts_at, resolution.ends_at
    if ends_at is not None:
        if ends_at.date() != starts_at.date() or ends_at <= starts_at:
            raise Rejected("invalid_hours", words_staff.INVALID_HOURS, question=words_staff.ASK_SPAN)
        return (TimeRange(_minute(starts_at), _minute(ends_at)),)
    return _move_one_end(now, words, _minute(starts_at))


def _move_one_end(ranges: tuple[TimeRange, ...], words: str, minute: int) -> tuple[TimeRange, ...]:
    said = set(fold_words(words).split())
    if not ranges or not (said & _OPENING or said & _CLOSING):
        raise Rejected("ask_hours", "Falta una de las dos horas.", question=words_staff.ASK_SPAN)
    opens, closes = ranges[0].start_minute, ranges[-1].end_minute
    if said & _CLOSING:
        closes = minute if minute > opens else minute + _HALF_A_DAY
    else:
        opens = minute if minute < closes else minute - _HALF_A_DAY
    if not 0 <= opens < closes <= MINUTES_PER_DAY:
        raise Rejected("invalid_hours", words_staff.INVALID_HOURS, question=words_staff.ASK_SPAN)
    kept = [each for each in ranges if each.end_minute > opens and each.start_minute < closes]
    first, last = kept[0], kept[-1]
    middle = kept[1:-1]
    if first is last:
        return (TimeRange(opens, closes),)
    return (TimeRange(opens, first.end_minute), *middle, TimeRange(last.start_minute, closes))


def _minute(moment: datetime) -> int:
    return moment.hour * 60 + moment.minute
