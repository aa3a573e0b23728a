"""Tool: move one of the customer's own appointments."""

from __future__ import annotations

from datetime import datetime

import msgspec

from runtime.domain import words
from runtime.domain.availability import Slot
from runtime.domain.errors import Rejected
from runtime.domain.permissions import Action
from runtime.domain.spanish.formats import format_when
from runtime.store import appointments, flows
from runtime.store.appointments import Move, Place
from runtime.tools.base import Tool, ToolContext
from runtime.tools.own_appointments import require_own
from runtime.tools.scheduling import (
    Search,
    Wish,
    find_staff,
    load_agenda,
    note_versions,
    require_instant,
    require_slots,
    resolve_when,
    take_first,
)
from runtime.tools.telling import tell_the_business


class RescheduleAppointment(msgspec.Struct, frozen=True):
    """Which one and to when. `when` is the customer's own words, or a time that was offered."""

    appointment_id: str
    when: str
    staff: str | None = None


class Rescheduled(msgspec.Struct, frozen=True):
    """The appointment before and after."""

    status: str
    service: str
    before: str
    when: str
    staff: str


async def run(context: ToolContext, given: RescheduleAppointment) -> Rescheduled:
    """Move it, with the same person if they are free then, else the first who is."""
    own = await require_own(context, given.appointment_id)
    service = next((each for each in context.business.services if each.id == own.service_id), None)
    if service is None:
        raise Rejected("unknown_service", f"{own.service} ya no se ofrece, así que no puedo moverla.")
    staff = find_staff(context, service, given.staff)
    same_person_first = sorted(staff, key=lambda member: member.id != own.staff_id)
    resolution = resolve_when(context, given.when)
    assert resolution.starts_at is not None
    search = Search(service, same_person_first, moving=own.id)
    seen = await note_versions(context, search)
    agenda = await load_agenda(context, search, resolution.starts_at)
    starts_at = require_instant(context, agenda, resolution)
    slots = require_slots(context, agenda, starts_at)
    slot = await _take_first(context, Wish(own.id, search, slots, seen))
    before = format_when(own.starts_at.astimezone(context.zone), context.now_local)
    when = format_when(slot.starts_at.astimezone(context.zone), context.now_local)
    await flows.complete(context.uow, context.organization_id, context.conversation_id, now=context.now)
    customer = context.customer.name or words.NAMELESS
    text = words.booking_moved(customer=customer, service=own.service, before=before, when=when, staff=slot.staff_name)
    await tell_the_business(context, "appointment_moved", own.id, slot.staff_id, text)
    return Rescheduled("rescheduled", own.service, before, when, slot.staff_name)


async def _take_first(context: ToolContext, wish: Wish) -> Slot:
    async def attempt(place: Place, ends_at: datetime) -> bool:
        move = Move(place.staff_id, place.spot_id, place.starts_at, ends_at, place.occupied_until)
        return await appointments.try_move(
            context.uow, context.organization_id, wish.appointment_id, move, now=context.now
        )

    return await take_first(context, wish, attempt)


TOOL = Tool(
    name="reschedule_appointment",
    description=(
        "Mueve una cita del cliente a otro día u hora que él ya aceptó. En `when` pasa sus palabras "
        "o el horario que se le ofreció."
    ),
    input=RescheduleAppointment,
    action=Action.BE_SERVED,
    run=run,
)
