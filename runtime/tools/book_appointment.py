"""Tool: book a time for the customer."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from runtime.domain import words
from runtime.domain.availability import Obstacle, Slot
from runtime.domain.ids import AppointmentId, CustomerId
from runtime.domain.spanish.formats import format_price, format_when
from runtime.store import appointments, flows, people
from runtime.store.appointments import NewAppointment
from runtime.tools.base import CUSTOMERS, Tool, ToolContext
from runtime.tools.customer_name import settle_name
from runtime.tools.scheduling import (
    Search,
    find_service,
    find_staff,
    load_agenda,
    lock_calendars_of,
    refuse_time,
    require_instant,
    require_location,
    require_slots,
    resolve_when,
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
    agenda = await load_agenda(context, search, resolution.starts_at)
    starts_at = require_instant(context, agenda, resolution)
    slots = require_slots(context, agenda, starts_at)
    name = settle_name(context, given.customer_name)
    customer_id = await people.ensure_customer(
        context.uow, context.organization_id, context.person_id, new_id=CustomerId(context.ids.new()), now=context.now
    )
    if name != context.customer.name:
        await people.rename_customer(context.uow, context.organization_id, customer_id, name)
    appointment_id, slot = await _take_first(context, search, customer_id, slots)
    when = format_when(slot.starts_at.astimezone(context.zone), context.now_local)
    price = format_price(service.price_cents)
    booked = Booked("booked", appointment_id, service.name, when, slot.staff_name, price, service.minutes)
    await flows.complete(context.uow, context.organization_id, context.conversation_id, now=context.now)
    text = words.new_booking(customer=name, service=service.name, when=when, staff=slot.staff_name)
    await tell_the_business(context, "appointment_booked", appointment_id, slot.staff_id, text)
    return booked


async def _take_first(
    context: ToolContext, search: Search, customer_id: CustomerId, slots: tuple[Slot, ...]
) -> tuple[AppointmentId, Slot]:
    service = search.service
    await lock_calendars_of(context, slots)
    for slot in slots:
        ends_at = slot.starts_at + timedelta(minutes=service.minutes)
        new = NewAppointment(
            id=AppointmentId(context.ids.new()),
            location_id=require_location(context),
            customer_id=customer_id,
            service_id=service.id,
            staff_id=slot.staff_id,
            spot_id=slot.spot_id,
            starts_at=slot.starts_at,
            ends_at=ends_at,
            occupied_until=ends_at + timedelta(minutes=service.buffer_minutes),
            price_cents=service.price_cents,
        )
        if await appointments.try_add(context.uow, context.organization_id, new, now=context.now):
            return new.id, slot
    fresh = await load_agenda(context, search, slots[0].starts_at)
    raise refuse_time(context, fresh, slots[0].starts_at, Obstacle.TAKEN)


TOOL = Tool(
    name="book_appointment",
    description=(
        "Agenda la cita cuando el cliente ya confirmó servicio, día y hora. En `when` pasa las palabras del cliente "
        "o el horario que se le ofreció. Necesita el nombre del cliente si todavía no se conoce."
    ),
    input=BookAppointment,
    allowed=CUSTOMERS,
    run=run,
)
