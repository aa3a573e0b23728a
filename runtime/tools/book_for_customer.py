"""Tool: staff book for a customer, who is told, or for somebody who just came in."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from runtime.domain import words_staff
from runtime.domain.availability import Slot
from runtime.domain.enums import AppointmentStatus
from runtime.domain.errors import Rejected
from runtime.domain.identity import canonical_key
from runtime.domain.ids import AppointmentId, CustomerId, PersonId
from runtime.domain.permissions import Action
from runtime.domain.spanish.formats import format_price, format_when
from runtime.store import appointments, clients, people
from runtime.store.appointments import NewAppointment, Place
from runtime.store.clients import Client
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.confirming import PutStatus, ask_first, note_undo
from runtime.tools.customer_name import clean_name
from runtime.tools.finding import list_fitting
from runtime.tools.informing import can_be_told, note_event, tell_customer
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

_STEP = timedelta(minutes=5)


class BookForCustomer(msgspec.Struct, frozen=True):
    """For whom, what and when, in the words that were said. Who just came in needs neither a name nor a time."""

    service: str
    when: str | None = None
    customer: str | None = None
    phone: str | None = None
    staff: str | None = None
    walk_in: bool = False


async def run(context: ToolContext, given: BookForCustomer) -> Told:
    """Ask first where the customer will be told; otherwise it can be taken back for half a minute."""
    service = find_service(context, given.service)
    own_first = sorted(find_staff(context, service, given.staff), key=lambda each: each.id != _own_id(context))
    client = await _find_client(context, given)
    search = Search(service, own_first)
    seen = await note_versions(context, search)
    starts_at, slots = await _find_slots(context, given, search)
    name = (client.name if client else None) or _name_of(given)
    when = format_when(starts_at.astimezone(context.zone), context.now_local)
    phone = client.key if client else given.phone
    if can_be_told(client) or (client is None and phone):
        settled = msgspec.structs.replace(
            given, when=when, service=service.name, phone=phone, customer=name, walk_in=False
        )
        question = words_staff.ask_to_book(customer=name, service=service.name, when=when, staff=slots[0].staff_name)
        asked = await ask_first(context, TOOL.name, settled, question)
        if asked is not None:
            return asked
    if client is None:
        client = await _add_client(context, given)
    wish = Wish(AppointmentId(context.ids.new()), search, slots, seen)
    slot = await _take_first(context, wish, await _ensure_customer(context, client, name))
    await note_event(context, "appointment_booked", wish.appointment_id)
    price = format_price(service.price_cents)
    text = words_staff.booked_for_you(service=service.name, when=when, staff=slot.staff_name, price=price)
    told = await tell_customer(context, client, "staff_booked", text)
    if not told:
        way = PutStatus(wish.appointment_id, AppointmentStatus.CONFIRMED, AppointmentStatus.CANCELLED)
        await note_undo(context, TOOL.name, given, [way])
    return Told(
        "done",
        words_staff.booked(customer=name, service=service.name, when=when, staff=slot.staff_name, told=told),
    )


def _own_id(context: ToolContext) -> object:
    return context.member.id if context.member else None


def _name_of(given: BookForCustomer) -> str:
    if given.customer and given.customer.strip():
        return clean_name(given.customer)
    if given.walk_in:
        return words_staff.WALK_IN
    raise Rejected("name_needed", "Falta el nombre.", question="¿A nombre de quién queda la cita?")


async def _find_client(context: ToolContext, given: BookForCustomer) -> Client | None:
    """Whom the business knows by this number, or by this name; None for somebody new."""
    if given.phone and given.phone.strip():
        if canonical_key(given.phone) is None:
            raise Rejected("invalid_arguments", "Ese teléfono no se entiende.", question=words_staff.ASK_CUSTOMER)
        found = await list_fitting(context, given.phone)
    elif given.customer and given.customer.strip():
        found = await list_fitting(context, given.customer)
    else:
        found = []
    return found[0] if found else None


async def _add_client(context: ToolContext, given: BookForCustomer) -> Client:
    key = canonical_key(given.phone) if given.phone else None
    person_id = PersonId(context.ids.new())
    value = key.value if key else None
    await clients.add_person(context.uow, context.organization_id, person_id, key=value, now=context.now)
    return Client(person_id, None, value, opted_out=False)


async def _ensure_customer(context: ToolContext, client: Client, name: str) -> CustomerId:
    customer_id = await people.ensure_customer(
        context.uow, context.organization_id, client.person_id, new_id=CustomerId(context.ids.new()), now=context.now
    )
    if client.name is None:
        await people.rename_customer(context.uow, context.organization_id, customer_id, name)
    return customer_id


async def _find_slots(
    context: ToolContext, given: BookForCustomer, search: Search
) -> tuple[datetime, tuple[Slot, ...]]:
    """Who is free at the moment that is meant; whoever came in is served now."""
    if given.walk_in and not (given.when or "").strip():
        past = timedelta(seconds=context.now.timestamp() % _STEP.total_seconds())
        starts_at = context.now - past + (_STEP if past else timedelta())
        agenda = await load_agenda(context, search, starts_at)
    else:
        resolution = resolve_when(context, given.when or "")
        assert resolution.starts_at is not None
        agenda = await load_agenda(context, search, resolution.starts_at)
        starts_at = require_instant(context, agenda, resolution)
    return starts_at, require_slots(context, agenda, starts_at)


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
    name="book_for_customer",
    description=(
        "Agenda a nombre de un cliente; si tiene WhatsApp, antes pregunta y luego le avisa. Con `walk_in`, para quien "
        "llegó sin cita: es ahora mismo. En `when` pasa las palabras de la persona."
    ),
    input=BookForCustomer,
    action=Action.BOOK_FOR_CUSTOMERS,
    run=run,
)
