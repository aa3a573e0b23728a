"""Tool: write down that a customer came, or did not."""

from __future__ import annotations

from typing import Literal

import msgspec

from runtime.domain import words_staff
from runtime.domain.enums import AppointmentStatus
from runtime.domain.errors import Rejected
from runtime.domain.permissions import Action
from runtime.store import clients
from runtime.store.journal import NewEvent, add_events
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.confirming import PutStatus, note_undo
from runtime.tools.finding import Wanted, find_booking, when_of


class MarkAppointment(msgspec.Struct, frozen=True):
    """Which one, by customer or time or both in the words that were said, and what became of it."""

    outcome: Literal["completed", "no_show"]
    customer: str | None = None
    when: str | None = None


async def run(context: ToolContext, given: MarkAppointment) -> Told:
    """Mark it; for half a minute it can be taken back."""
    booking = await find_booking(context, Wanted(given.customer, given.when), held=True)
    status = AppointmentStatus(given.outcome)
    completed = status is AppointmentStatus.COMPLETED
    name = booking.customer or words_staff.NAMELESS
    if booking.status is status:
        return Told("told", words_staff.marked_already(name, completed=completed))
    if booking.starts_at > context.now:
        raise Rejected("not_yet", words_staff.NOT_YET)
    change = ((booking.status,), status)
    if not await clients.set_status(context.uow, context.organization_id, booking.id, change, now=context.now):
        raise Rejected("not_found", words_staff.NO_SUCH_APPOINTMENT)
    new = NewEvent(context.ids.new(), f"appointment_{status}", context.now, context.conversation_id, booking.id)
    await add_events(context.uow, context.organization_id, [new])
    await note_undo(context, TOOL.name, given, [PutStatus(booking.id, status, booking.status)])
    when = when_of(context, booking)
    return Told("done", words_staff.marked(completed=completed, customer=name, service=booking.service, when=when))


TOOL = Tool(
    name="mark_appointment",
    description=(
        "Anota si un cliente llegó a su cita (`completed`) o no llegó (`no_show`). En `customer` y `when` pasa el "
        "nombre y la hora tal como los dijo la persona."
    ),
    input=MarkAppointment,
    action=Action.MARK_ATTENDANCE,
    run=run,
)
