"""What the booking tools share: find the service, the person and the moment a customer means.

Every failure is a `Rejected` with Spanish words and, where it helps, other times.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from runtime.domain.availability import (
    Agenda,
    Busy,
    Chair,
    Obstacle,
    Server,
    Slot,
    find_nearest,
    find_slots,
    list_slots_at,
    prefer_round,
    spread,
)
from runtime.domain.errors import Rejected
from runtime.domain.ids import AppointmentId, LocationId, StaffId
from runtime.domain.schedule_hours import WeekHours
from runtime.domain.spanish.dates import resolve
from runtime.domain.spanish.folding import fold_words
from runtime.domain.spanish.formats import format_date, format_hours, format_when, join_spanish
from runtime.domain.spanish.resolution import Resolution, ResolutionKind
from runtime.store.appointments import Place, is_free
from runtime.store.business import BusyQuery, BusyRow, ServiceRow, StaffRow, load_busy, week_hours
from runtime.store.calendars import name_calendars
from runtime.store.locking import Versions
from runtime.tools.base import SlotOffer, ToolContext

OFFERS = 4
"""How many times are offered at once; more is a wall of text on a phone."""
HORIZON = timedelta(days=60)
_SEARCH_DAYS = 15


def find_service(context: ToolContext, name: str) -> ServiceRow:
    """The service a name means: its own, or the only one that contains it.

    Raises:
        Rejected: `unknown_service`, with the services on offer or the ones it could be.
    """
    services = context.business.services
    matches = _match(name, [service.name for service in services])
    if len(matches) == 1:
        return services[matches[0]]
    could_be = [services[index].name for index in matches] or [service.name for service in services]
    if matches:
        question = f"¿Cuál te gustaría: {join_spanish(could_be, conjunction='o')}?"
        raise Rejected("unknown_service", f"Tenemos {join_spanish(could_be)}.", question=question)
    raise Rejected("unknown_service", f"Ese servicio no lo tenemos. Ofrecemos {join_spanish(could_be)}.")


def find_staff(context: ToolContext, service: ServiceRow, name: str | None) -> list[StaffRow]:
    """Who may serve: the person named, or everybody who does the service, in the business's order.

    Raises:
        Rejected: `unknown_staff`, `staff_does_not_do_service`.
    """
    able = [member for member in context.business.staff if member.id in service.staff_ids]
    if name is None or fold_words(name) in ("", "cualquiera", "quien sea", "el que sea", "la que sea", "me da igual"):
        return able
    members = context.business.staff
    matches = _match(name, [member.name for member in members])
    if len(matches) != 1:
        who = join_spanish([member.name for member in able])
        raise Rejected("unknown_staff", f"No encuentro a {name} en el equipo. {service.name} lo hacen: {who}.")
    chosen = members[matches[0]]
    if chosen not in able:
        who = join_spanish([member.name for member in able], conjunction="o")
        raise Rejected("staff_does_not_do_service", f"{chosen.name} no hace {service.name}. Te puede atender {who}.")
    return [chosen]


def _match(name: str, options: Sequence[str]) -> list[int]:
    """Indexes of the options a name means: the same words, else those that hold all of its words."""
    wanted = fold_words(name)
    folded = [fold_words(option) for option in options]
    exact = [index for index, option in enumerate(folded) if option == wanted]
    if exact or not wanted:
        return exact
    words = set(wanted.split())
    holding = [index for index, option in enumerate(folded) if words <= set(option.split())]
    return holding or [index for index, option in enumerate(folded) if option in wanted]


def resolve_when(context: ToolContext, when: str) -> Resolution:
    """What the customer's words for day and time amount to.

    Raises:
        Rejected: `ask_date` when they say nothing or could mean several days; `past`.
    """
    resolution = resolve(when, now_local=context.now_local, hours=context.business.week_hours)
    if resolution.kind is ResolutionKind.NONE:
        raise Rejected("ask_date", "No me quedó claro el día.", question="¿Para qué día y a qué hora te gustaría?")
    if resolution.kind is ResolutionKind.AMBIGUOUS:
        question = resolution.question or "¿Qué día exactamente?"
        raise Rejected("ask_date", "La fecha puede entenderse de varias formas.", question=question)
    assert resolution.starts_at is not None
    end = resolution.ends_at or resolution.starts_at
    if end < context.now_local:
        raise Rejected("past", "Ese momento ya pasó.", question="¿Para qué otro día te gustaría?")
    if resolution.starts_at > context.now_local + HORIZON:
        raise Rejected(
            "past", "Todavía no abrimos la agenda para esa fecha.", question="¿Te queda una fecha más cercana?"
        )
    return resolution


class Search(msgspec.Struct, frozen=True):
    """A service, who may do it, and an appointment whose own time does not count as taken."""

    service: ServiceRow
    servers: Sequence[StaffRow]
    moving: AppointmentId | None = None


async def load_agenda(context: ToolContext, search: Search, around: datetime) -> Agenda:
    """Everything that decides who is free in the days after a moment."""
    if not search.servers:
        raise Rejected("closed", f"Por ahora no agendamos {search.service.name} por aquí.")
    query = BusyQuery(
        location_id=require_location(context),
        since=min(around, context.now) - timedelta(days=1),
        until=around + timedelta(days=_SEARCH_DAYS),
        except_id=search.moving,
    )
    rows = await load_busy(context.uow, context.organization_id, query)
    return Agenda(
        zone=context.zone,
        hours=context.business.week_hours,
        closures=tuple(row.busy for row in rows if row.staff_id is None and row.spot_id is None),
        servers=tuple(
            Server(member.id, member.name, _own_hours(member), _busy_of(rows, staff_id=member.id))
            for member in search.servers
        ),
        chairs=tuple(
            Chair(spot_id, tuple(row.busy for row in rows if row.spot_id == spot_id))
            for spot_id in search.service.spot_ids
        ),
        minutes=search.service.minutes,
        buffer_minutes=search.service.buffer_minutes,
    )


def require_location(context: ToolContext) -> LocationId:
    """Where the business serves its customers.

    Raises:
        Rejected: `closed`: it has no location yet.
    """
    if context.business.location_id is None:
        raise Rejected("closed", "Por ahora no agendamos citas por aquí.")
    return context.business.location_id


def _own_hours(member: StaffRow) -> WeekHours | None:
    return week_hours(member.hours) if member.hours else None


def _busy_of(rows: Iterable[BusyRow], *, staff_id: StaffId) -> tuple[Busy, ...]:
    return tuple(row.busy for row in rows if row.staff_id == staff_id)


def require_slots(context: ToolContext, agenda: Agenda, wanted: datetime) -> tuple[Slot, ...]:
    """Every way to begin at the wanted moment.

    Raises:
        Rejected: `past`, `closed` or `slot_taken`, with the nearest other times.
    """
    found = list_slots_at(agenda, wanted, context.now)
    if not isinstance(found, Obstacle):
        return found
    raise refuse_time(context, agenda, wanted, found)


async def note_versions(context: ToolContext, search: Search) -> Versions:
    """What the strategy wants to know of the calendars before they are looked at; with most that is nothing."""
    people = [member.id for member in search.servers]
    calendars = name_calendars(context.organization_id, people, search.service.spot_ids)
    return await context.booking_lock.note(context.uow, calendars)


class Wish(msgspec.Struct, frozen=True):
    """An appointment about to be written, and the ways to have it.

    Attributes:
        appointment_id: The new one's, or of the one that is moved.
        slots: All begin at the same moment; the first that can be had is taken.
        seen: What `note_versions` gave before the calendars were looked at.
    """

    appointment_id: AppointmentId
    search: Search
    slots: tuple[Slot, ...]
    seen: Versions


async def take_first(context: ToolContext, wish: Wish, attempt: Callable[[Place, datetime], Awaitable[bool]]) -> Slot:
    """Take the first way that is still free; the strategy of `context.booking_lock` keeps rivals apart meanwhile.

    Args:
        context: Of the call.
        wish: What is wanted.
        attempt: Writes the appointment, given its place and its end; False when the database refuses.

    Raises:
        Rejected: `slot_taken`, with other times from a fresh look.
        Contended: A rival was quicker; the whole call may be tried again.
    """
    lock, service = context.booking_lock, wish.search.service
    people = [slot.staff_id for slot in wish.slots]
    chairs = [slot.spot_id for slot in wish.slots if slot.spot_id is not None]
    await lock.take(context.uow, name_calendars(context.organization_id, people, chairs), wish.seen)
    for slot in wish.slots:
        ends_at = slot.starts_at + timedelta(minutes=service.minutes)
        place = Place(slot.staff_id, slot.spot_id, slot.starts_at, ends_at + timedelta(minutes=service.buffer_minutes))
        if lock.looks_again and not await is_free(context.uow, context.organization_id, place, wish.appointment_id):
            continue
        if await attempt(place, ends_at):
            return slot
    starts_at = wish.slots[0].starts_at
    fresh = await load_agenda(context, wish.search, starts_at)
    raise refuse_time(context, fresh, starts_at, Obstacle.TAKEN)


def refuse_time(context: ToolContext, agenda: Agenda, wanted: datetime, obstacle: Obstacle) -> Rejected:
    """Why a moment cannot be had, politely, with other times."""
    nearest = find_nearest(agenda, wanted, context.now, most=OFFERS)
    slots = tuple((offer.when, offer.staff) for offer in offers(context, nearest))
    code = {
        Obstacle.PAST: "past",
        Obstacle.CLOSED: "closed",
        Obstacle.STAFF_OFF: "closed",
        Obstacle.TAKEN: "slot_taken",
    }[obstacle]
    question = "¿Te queda alguno de estos horarios?" if slots else "¿Te gustaría otro día?"
    return Rejected(code, explain(context, agenda, wanted, obstacle), question=question, slots=slots)


def explain(context: ToolContext, agenda: Agenda, wanted: datetime, obstacle: Obstacle) -> str:
    """One Spanish sentence that says why a moment is not free."""
    local = wanted.astimezone(context.zone)
    when = format_when(local, context.now_local)
    if obstacle is Obstacle.PAST:
        return f"{when} ya pasó."
    if obstacle is Obstacle.STAFF_OFF:
        who = join_spanish([server.name for server in agenda.servers], conjunction="o")
        return f"A esa hora no está {who}."
    if obstacle is Obstacle.TAKEN:
        return f"{when} ya está ocupado."
    day = format_date(local.date(), context.now_local.date())
    ranges = agenda.hours.open_ranges(local.date())
    if not ranges or any(closure.overlaps(wanted, wanted + timedelta(minutes=1)) for closure in agenda.closures):
        return f"El {day} está cerrado."
    if agenda.hours.is_open_at(local.date(), local.hour * 60 + local.minute):
        return f"A esa hora ya no alcanza el tiempo: el {day} abrimos de {format_hours(ranges)}."
    return f"El {day} abrimos de {format_hours(ranges)}."


def offers(context: ToolContext, slots: Sequence[Slot]) -> list[SlotOffer]:
    """Slots as a customer reads them."""
    return [
        SlotOffer(format_when(slot.starts_at.astimezone(context.zone), context.now_local), slot.staff_name)
        for slot in slots
    ]


def slots_within(context: ToolContext, agenda: Agenda, window: Resolution) -> list[Slot]:
    """A few free times spread over the stretch the customer named."""
    assert window.starts_at is not None and window.ends_at is not None
    found = []
    for slot in find_slots(agenda, window.starts_at, window.ends_at, context.now):
        moment = slot.starts_at.astimezone(context.zone).time()
        early = window.daily_from is not None and moment < window.daily_from
        late = window.daily_until is not None and moment >= window.daily_until
        if not early and not late:
            found.append(slot)
    return spread(prefer_round(agenda, found, 2), OFFERS)


def require_instant(context: ToolContext, agenda: Agenda, resolution: Resolution) -> datetime:
    """The one moment the customer means.

    Raises:
        Rejected: `ask_date`, with free times, when only a day or a part of one was named.
    """
    assert resolution.starts_at is not None
    if resolution.kind is ResolutionKind.INSTANT:
        return resolution.starts_at
    slots = tuple((offer.when, offer.staff) for offer in offers(context, slots_within(context, agenda, resolution)))
    raise Rejected("ask_date", "Falta la hora.", question="¿A qué hora te gustaría?", slots=slots)
