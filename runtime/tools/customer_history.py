"""Tool: what the business knows of a customer."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from runtime.domain import words_staff
from runtime.domain.enums import AppointmentStatus
from runtime.domain.permissions import Action
from runtime.domain.spanish.formats import format_phone
from runtime.store import clients
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.finding import find_client, when_of

_YEARS = timedelta(days=730)
_MOST = 8


class CustomerHistory(msgspec.Struct, frozen=True):
    """Of whom, by name or phone."""

    customer: str


async def run(context: ToolContext, given: CustomerHistory) -> Told:
    """Visits, missed appointments, and the latest ones."""
    client = await find_client(context, given.customer)
    since, until = context.now - _YEARS, context.now + _YEARS
    everything = await clients.list_bookings(context.uow, context.organization_id, since=since, until=until)
    theirs = [each for each in everything if each.person_id == client.person_id]
    visits = sum(each.status is AppointmentStatus.COMPLETED for each in theirs)
    missed = sum(each.status is AppointmentStatus.NO_SHOW for each in theirs)
    lines = [
        words_staff.visit_line(when_of(context, each), each.service, each.staff, each.status)
        for each in theirs[-_MOST:]
    ]
    phone = format_phone(client.key) if client.key else None
    name = client.name or words_staff.NAMELESS
    return Told("told", words_staff.history(name, phone, visits, missed, lines))


TOOL = Tool(
    name="customer_history",
    description="Dice qué visitas y citas ha tenido un cliente. En `customer` pasa el nombre o el teléfono.",
    input=CustomerHistory,
    action=Action.SEE_CUSTOMERS,
    run=run,
    changes=False,
)
