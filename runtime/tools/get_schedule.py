"""Tool: the appointments of a day, of whoever writes, of a colleague or of the whole business; or what comes next."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import msgspec

from runtime.domain import words_staff
from runtime.domain.enums import StaffRole
from runtime.domain.ids import StaffId
from runtime.domain.permissions import Action
from runtime.domain.spanish.folding import fold_words
from runtime.domain.spanish.formats import format_date, format_time
from runtime.store import absences, clients
from runtime.store.absences import Absence, AbsenceQuery
from runtime.store.business import StaffRow
from runtime.store.clients import Booking
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.finding import find_member, read_words, when_of

_EVERYBODY = frozenset({"todos", "todas", "todo", "negocio", "todo el negocio", "el negocio", "completa", "general"})
_MOST_DAYS = 7


class GetSchedule(msgspec.Struct, frozen=True):
    """Which day, in the words that were said; whose: "mía", "todos" or a name; or only what comes next."""

    day: str | None = None
    whose: str | None = None
    only_next: bool = False


async def run(context: ToolContext, given: GetSchedule) -> Told:
    """Tell the day in order of time, with what is blocked."""
    member = _choose_member(context, given.whose)
    if given.only_next:
        return Told("told", await _tell_next(context, member))
    days = _choose_days(context, given.day)
    told = [await _tell_day(context, member, day) for day in days]
    return Told("told", "\n\n".join(told))


def _choose_member(context: ToolContext, whose: str | None) -> StaffRow | None:
    """Whose; None is the whole business, as it is for an owner or admin who does not say."""
    said = fold_words(whose or "")
    if said in _EVERYBODY:
        return None
    if said:
        return find_member(context, "yo" if said in ("mia", "mio", "mis citas", "propia") else whose)
    member = context.require_member()
    return member if member.role is StaffRole.STAFF else None


def _choose_days(context: ToolContext, words: str | None) -> list[date]:
    if words is None or not words.strip():
        return [context.now_local.date()]
    resolution = read_words(context, words)
    assert resolution.starts_at is not None
    first = resolution.starts_at.date()
    last = (resolution.ends_at - timedelta(microseconds=1)).date() if resolution.ends_at else first
    count = min((last - first).days + 1, _MOST_DAYS)
    return [first + timedelta(days=offset) for offset in range(count)]


async def _tell_day(context: ToolContext, member: StaffRow | None, day: date) -> str:
    since = datetime.combine(day, time(), tzinfo=context.zone)
    until = datetime.combine(day + timedelta(days=1), time(), tzinfo=context.zone)
    found = await clients.list_bookings(context.uow, context.organization_id, since=since, until=until)
    lines = [
        (each.starts_at, _line_of(context, each)) for each in found if member is None or each.staff_id == member.id
    ]
    who = [each.id for each in context.business.staff] if member is None else [member.id]
    query = AbsenceQuery(who, context.business.location_id, since, until)
    away = await absences.list_absences(context.uow, context.organization_id, query)
    lines += [(each.starts_at, _blocked_line(context, each)) for each in away]
    told = [line for _, line in sorted(lines)]
    today = context.now_local.date()
    name = member.name if member else None
    return words_staff.schedule(format_date(day, today), name, told, today=day == today)


def _line_of(context: ToolContext, booking: Booking) -> str:
    at = format_time(booking.starts_at.astimezone(context.zone))
    name = booking.customer or words_staff.NAMELESS
    return words_staff.appointment_line(at, booking.service, name, booking.staff, booking.status)


def _blocked_line(context: ToolContext, absence: Absence) -> str:
    begins, ends = (each.astimezone(context.zone) for each in (absence.starts_at, absence.ends_at))
    who = _name_of(context, absence.staff_id)
    return words_staff.blocked_line(f"{format_time(begins)} a {format_time(ends)}", who, absence.reason)


def _name_of(context: ToolContext, staff_id: StaffId | None) -> str:
    return next((each.name for each in context.business.staff if each.id == staff_id), context.business.name)


async def _tell_next(context: ToolContext, member: StaffRow | None) -> str:
    """The next that has not begun; of the own calendar where there is something in it."""
    until = context.now + timedelta(days=60)
    found = await clients.list_bookings(context.uow, context.organization_id, since=context.now, until=until)
    coming = [each for each in found if each.is_open and each.starts_at >= context.now]
    who = member or context.require_member()
    own = [each for each in coming if each.staff_id == who.id]
    chosen = own or ([] if member is not None else coming)
    if not chosen:
        return words_staff.nothing_next(member.name if member else None)
    first = chosen[0]
    name = first.customer or words_staff.NAMELESS
    return words_staff.next_appointment(when_of(context, first), first.service, name, first.staff)


TOOL = Tool(
    name="get_schedule",
    description=(
        "Muestra la agenda de un día: la propia, la de alguien del equipo o la de todo el negocio. En `day` pasa las "
        "palabras de la persona. Con `only_next` dice nada más qué sigue."
    ),
    input=GetSchedule,
    action=Action.SEE_SCHEDULE,
    run=run,
    changes=False,
)
