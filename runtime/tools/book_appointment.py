"""Tool: book a time for the customer."""

from __future__ import annotations

from datetime import datetime

import msgspec

from runtime.domain import words
from runtime.domain.availability import Slot
from runtime.domain.ids import AppointmentId, CustomerId
from runtime.domain.permissions import Action
from runtime.domain.spanish.formats import format_price, format_when
from runtime.store import appointments, flows, people
from runtime.store.appointments import NewAppointment, Place
from runtime.tools.base import Tool, ToolContext
from runtime.tools.customer_name import settle_name
from runtime.tools.scheduling import (
    Search,
    Wish,
    find_service,
    find_staff,
    load_agenda,
    note_versions,
    require_instant,
    require_location,
    require_slots,
    resolve_when,
    take_first,
)
from runtime.tools.telling import tell_the_business


class BookAppointment(msgspec.Struct, frozen=True):
    """What to book. `when` is the customer's own words, or a time that was offered."""

    service: str
    when: str
    staff: str | None = None
    customer_name: str | None = None


class Booked(msgspec.Struct, frozen=True):
    """The appointment, as the customer is told of it."""

    status: str
    appointment_id: AppointmentId
    service: str
    when: str
    staff: str
    price: str
    minutes: int


async def run(context: ToolContext, given: BookAppointment) -> Booked:
    """Book the first person who is free at that moment; the database has the last word."""
    service = find_service(context, given.service)
    staff = find_staff(context, service, given.staff)
    resolution = resolve_when(context, given.when)
    assert resolution.starts_at is not None
    search = Search(service, staff)
    seen = await note_versions(context, search)
    agenda = await load_agenda(context, search, resolution.starts_at)
    starts_at = require_instant(context, agenda, resolution)
    slots = require_slots(context, agenda, starts_at)
    name = settle_name(context, given.customer_name)
    customer_id = await people.ensure_customer(
        context.uow, context.organization_id, context.person_id, new_id=CustomerId(context.ids.new()), now=context.now
    )
    if name != context.customer.name:
        await people.rename_customer(context.uow, context.organization_id, customer_id, name)
    appointment_id = AppointmentId(context.ids.new())
    slot = await _take_first(context, Wish(appointment_id, search, slots, seen), customer_id)
    when = format_when(slot.starts_at.astimezone(context.zone), context.now_local)
    price = format_price(service.price_cents)
    booked = Booked("booked", appointment_id, service.name, when, slot.staff_name, price, service.minutes)
    await flows.complete(context.uow, context.organization_id, context.conversation_id, now=context.now)
    text = words.new_booking(customer=name, service=service.name, when=when, staff=slot.staff_name)
    await tell_the_business(context, "appointment_booked", appointment_id, slot.staff_id, text)
    return booked


async def _take_first(context: ToolContext, wish: Wish, customer_id: CustomerId) -> Slot:
    location_id, service = require_location(context), wish.search.service

    async def attempt(place: Place, ends_at: datetime) -> bool:
        new = NewAppointment(
            id=wish.appointment_id,
            location_id=location_id,
            customer_id=customer_id,
            service_id=service.id,
            staff_id=place.staff_id,
            spot_id=place.spot_id,
            starts_at=place.starts_at,
            ends_at=ends_at,
            occupied_until=place.occupied_until,
            price_cents=service.price_cents,
        )
        return await appointments.try_add(context.uow, context.organization_id, new, now=context.now)

    return await take_first(context, wish, attempt)


TOOL = Tool(
    name="book_appointment",
    description=(
        "Agenda la cita cuando el cliente ya confirmó servicio, día y hora. En `when` pasa las palabras del cliente "
        "o el horario que se le ofreció. Necesita el nombre del cliente si todavía no se conoce."
    ),
    input=BookAppointment,
    action=Action.BE_SERVED,
    run=run,
)
