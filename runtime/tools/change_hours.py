"""Tool: when the business opens and closes, week after week."""

from __future__ import annotations

from datetime import datetime

import msgspec

from runtime.domain import words_staff
from runtime.domain.errors import Rejected
from runtime.domain.permissions import Action
from runtime.domain.schedule_hours import MINUTES_PER_DAY, TimeRange, WeekHours
from runtime.domain.spanish.dates import resolve
from runtime.domain.spanish.folding import fold_words
from runtime.domain.spanish.formats import WEEKDAYS, format_hours, join_spanish
from runtime.domain.spanish.resolution import ResolutionKind
from runtime.domain.spanish.week_words import read_weekdays
from runtime.store import workplace
from runtime.store.business import HoursRow
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.confirming import PutHours, note_undo
from runtime.tools.scheduling import require_location

_ANY_HOUR = WeekHours.every_day("06:00", "23:00")
_HALF_A_DAY = MINUTES_PER_DAY // 2
_OPENING = frozenset({"abrimos", "abre", "abro", "abrir", "abran"})
_CLOSING = frozenset({"cerramos", "cierra", "cierro", "cerrar", "cierran"})


class ChangeHours(msgspec.Struct, frozen=True):
    """Which days and which hours, in the words that were said; or that nobody opens on those days."""

    days: str
    hours: str | None = None
    closed: bool = False


async def run(context: ToolContext, given: ChangeHours) -> Told:
    """Change the week; for half a minute it can be taken back."""
    days = read_weekdays(given.days)
    if not days:
        raise Rejected("ask_day", "Faltan los días.", question="¿Qué días de la semana?")
    location_id = require_location(context)
    before = tuple(context.business.hours)
    after = [row for row in before if row.weekday not in days]
    told = []
    for day in days:
        ranges = () if given.closed else _read_hours(context, given.hours or "", day)
        after += [HoursRow(day, each.start_minute, each.end_minute) for each in ranges]
        told.append(f"{WEEKDAYS[day]}: {format_hours(ranges)}")
    await workplace.put_hours(context.uow, context.organization_id, location_id, after)
    await note_undo(context, TOOL.name, given, [PutHours(location_id, before)])
    return Told("done", words_staff.hours_changed(join_spanish(told)))


def _read_hours(context: ToolContext, words: str, day: int) -> tuple[TimeRange, ...]:
    """The hours of a weekday: both ends, or one of them where the day is open already.

    Raises:
        Rejected: `ask_hours`; `invalid_hours` where they end before they begin, or go over midnight.
    """
    early = context.now_local.replace(hour=5, minute=0)
    resolution = resolve(words, now_local=early, hours=_ANY_HOUR)
    if resolution.kind is ResolutionKind.NONE or resolution.starts_at is None or not resolution.has_time:
        raise Rejected("ask_hours", "No me quedaron claras las horas.", question=words_staff.ASK_SPAN)
    starts_at, ends_at = resolution.starts_at, resolution.ends_at
    if ends_at is not None:
        if ends_at.date() != starts_at.date() or ends_at <= starts_at:
            raise Rejected("invalid_hours", words_staff.INVALID_HOURS, question=words_staff.ASK_SPAN)
        return (TimeRange(_minute(starts_at), _minute(ends_at)),)
    return _move_one_end(context.business.week_hours.days[day], words, _minute(starts_at))


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


TOOL = Tool(
    name="change_hours",
    description=(
        "Cambia el horario de cada semana. En `days` pasa los días y en `hours` las horas, con las palabras de la "
        "persona; con `closed`, esos días ya no se abre. Para un solo día usa `block_time`."
    ),
    input=ChangeHours,
    action=Action.CHANGE_HOURS,
    run=run,
)
