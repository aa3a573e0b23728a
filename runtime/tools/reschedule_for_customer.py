"""Tool: the business moves a customer's appointment, and tells them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from runtime.domain import words_staff
from runtime.domain.availability import Slot
from runtime.domain.errors import Rejected
from runtime.domain.permissions import Action
from runtime.domain.spanish.formats import format_when
from runtime.store import appointments
from runtime.store.appointments import Move, Place
from runtime.store.clients import Booking
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.confirming import ask_first
from runtime.tools.finding import Wanted, find_booking, read_words, when_of
from runtime.tools.informing import load_client, note_event, tell_customer
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


class RescheduleForCustomer(msgspec.Struct, frozen=True):
    """Which one, by customer or present time; to when, in the words that were said; and with whom."""

    new_when: str
    customer: str | None = None
    when: str | None = None
    staff: str | None = None
    appointment_id: str | None = None


async def run(context: ToolContext, given: RescheduleForCustomer) -> Told:
    """Look whether the time is free and ask; then move it and tell the customer."""
    booking = await find_booking(context, Wanted(given.customer, given.when, given.appointment_id))
    service = next((each for each in context.business.services if each.id == booking.service_id), None)
    if service is None:
        raise Rejected("unknown_service", f"{booking.service} ya no se ofrece, así que no puedo moverla.")
    able = find_staff(context, service, given.staff)
    same_first = sorted(able, key=lambda member: member.id != booking.staff_id)
    resolution = resolve_when(context, _with_day(context, given.new_when, booking))
    assert resolution.starts_at is not None
    search = Search(service, same_first, moving=booking.id)
    seen = await note_versions(context, search)
    agenda = await load_agenda(context, search, resolution.starts_at)
    slots = require_slots(context, agenda, require_instant(context, agenda, resolution))
    name, before = booking.customer or words_staff.NAMELESS, when_of(context, booking)
    when = format_when(slots[0].starts_at.astimezone(context.zone), context.now_local)
    question = words_staff.ask_to_move(
        customer=name, service=booking.service, before=before, when=when, staff=slots[0].staff_name
    )
    settled = msgspec.structs.replace(given, appointment_id=str(booking.id), new_when=when)
    asked = await ask_first(context, TOOL.name, settled, question)
    if asked is not None:
        return asked
    slot = await _take_first(context, Wish(booking.id, search, slots, seen))
    await note_event(context, "appointment_moved", booking.id)
    text = words_staff.moved_for_you(service=booking.service, before=before, when=when, staff=slot.staff_name)
    told = await tell_customer(context, await load_client(context, booking.person_id), "staff_moved", text)
    return Told(
        "done",
        words_staff.moved(customer=name, service=booking.service, when=when, staff=slot.staff_name, told=told),
    )


def _with_day(context: ToolContext, words: str, booking: Booking) -> str:
    """An hour without a day stays on the appointment's own."""
    if read_words(context, words).has_day:
        return words
    return f"{when_of(context, booking).partition(',')[0]} {words}"


async def _take_first(context: ToolContext, wish: Wish) -> Slot:
    async def attempt(place: Place, ends_at: datetime) -> bool:
        move = Move(place.staff_id, place.spot_id, place.starts_at, ends_at, place.occupied_until)
        return await appointments.try_move(
            context.uow, context.organization_id, wish.appointment_id, move, now=context.now
        )

    return await take_first(context, wish, attempt)


TOOL = Tool(
    name="reschedule_for_customer",
    description=(
        "Mueve la cita de un cliente y le avisa. Antes de hacerlo pregunta y espera el sí. En `customer` y `when` pasa "
        "de quién y de qué hora es; en `new_when`, a cuándo. Todo con las palabras de la persona."
    ),
    input=RescheduleForCustomer,
    action=Action.CHANGE_APPOINTMENTS,
    run=run,
)
