"""Tool: is this time free, and if not, what is."""

from __future__ import annotations

import msgspec

from runtime.domain.availability import Obstacle, find_nearest, list_slots_at
from runtime.domain.enums import FlowKind
from runtime.domain.permissions import Action
from runtime.domain.spanish.formats import format_price, format_when
from runtime.domain.spanish.resolution import ResolutionKind
from runtime.store.flows import FlowStep, note_step
from runtime.tools.base import SlotOffer, Tool, ToolContext
from runtime.tools.scheduling import (
    OFFERS,
    Search,
    explain,
    find_service,
    find_staff,
    load_agenda,
    offers,
    resolve_when,
    slots_within,
)


class CheckAvailability(msgspec.Struct, frozen=True):
    """What to look for. `when` is the customer's own words for day and time."""

    service: str
    when: str | None = None
    staff: str | None = None


class Availability(msgspec.Struct, frozen=True):
    """What is free. `asked` is the moment asked for, where one was; `reason` says why it is not free."""

    status: str
    service: str
    minutes: int
    price: str
    slots: list[SlotOffer]
    asked: str | None = None
    reason: str | None = None


async def run(context: ToolContext, given: CheckAvailability) -> Availability:
    """Look, and remember that the customer is booking."""
    service = find_service(context, given.service)
    staff = find_staff(context, service, given.staff)
    step = FlowStep(context.ids.new(), context.conversation_id, FlowKind.BOOK, service.name, given.when)
    await note_step(context.uow, context.organization_id, step, now=context.now)
    price = format_price(service.price_cents)
    search = Search(service, staff)
    if not given.when:
        agenda = await load_agenda(context, search, context.now)
        nearest = find_nearest(agenda, context.now, context.now, most=OFFERS)
        return Availability("available", service.name, service.minutes, price, offers(context, nearest))
    resolution = resolve_when(context, given.when)
    assert resolution.starts_at is not None
    agenda = await load_agenda(context, search, resolution.starts_at)
    reason: str | None = None
    asked: str | None = format_when(resolution.starts_at, context.now_local)
    if resolution.kind is ResolutionKind.INSTANT:
        found = list_slots_at(agenda, resolution.starts_at, context.now)
        if not isinstance(found, Obstacle):
            slots = offers(context, found[:1])
            return Availability("available", service.name, service.minutes, price, slots, asked)
        reason = explain(context, agenda, resolution.starts_at, found)
    else:
        within = slots_within(context, agenda, resolution)
        if within:
            return Availability("available", service.name, service.minutes, price, offers(context, within))
        reason = "En ese rato ya no hay lugar."
        if not agenda.hours.open_ranges(resolution.starts_at.date()):
            reason = explain(context, agenda, resolution.starts_at, Obstacle.CLOSED)
        asked = None
    nearest = find_nearest(agenda, resolution.starts_at, context.now, most=OFFERS)
    others = offers(context, nearest)
    return Availability("unavailable", service.name, service.minutes, price, others, asked, reason)


TOOL = Tool(
    name="check_availability",
    description=(
        "Revisa si hay lugar para un servicio. En `when` pasa las palabras del cliente para el día y la hora, "
        "sin calcular fechas; sin `when` da los próximos horarios libres."
    ),
    input=CheckAvailability,
    action=Action.BE_SERVED,
    run=run,
    changes=False,
)
