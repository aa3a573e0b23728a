"""Tool: cancel one of the customer's own appointments."""

from __future__ import annotations

import msgspec

from runtime.domain import words
from runtime.domain.permissions import Action
from runtime.domain.spanish.formats import format_when
from runtime.store import appointments, flows
from runtime.tools.base import Tool, ToolContext
from runtime.tools.own_appointments import require_own
from runtime.tools.telling import tell_the_business


class CancelAppointment(msgspec.Struct, frozen=True):
    """Which one. The id was shown by `get_my_appointments` or in the prompt."""

    appointment_id: str
    reason: str | None = None


class Cancelled(msgspec.Struct, frozen=True):
    """What was cancelled."""

    status: str
    service: str
    when: str
    staff: str


async def run(context: ToolContext, given: CancelAppointment) -> Cancelled:
    """Cancel it and tell the business."""
    own = await require_own(context, given.appointment_id)
    await appointments.cancel(context.uow, context.organization_id, own.id, now=context.now)
    await flows.complete(context.uow, context.organization_id, context.conversation_id, now=context.now)
    when = format_when(own.starts_at.astimezone(context.zone), context.now_local)
    text = words.booking_cancelled(
        customer=context.customer.name or words.NAMELESS, service=own.service, when=when, staff=own.staff
    )
    await tell_the_business(context, "appointment_cancelled", own.id, own.staff_id, text)
    return Cancelled("cancelled", own.service, when, own.staff)


TOOL = Tool(
    name="cancel_appointment",
    description="Cancela una cita del cliente, cuando él ya confirmó que quiere cancelarla.",
    input=CancelAppointment,
    action=Action.BE_SERVED,
    run=run,
)
