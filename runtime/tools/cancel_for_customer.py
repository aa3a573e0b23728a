"""Tool: the business cancels a customer's appointment, and tells them."""

from __future__ import annotations

import msgspec

from runtime.domain import words_staff
from runtime.domain.errors import Rejected
from runtime.domain.permissions import Action
from runtime.store import appointments
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.confirming import ask_first
from runtime.tools.finding import Wanted, find_booking, when_of
from runtime.tools.informing import load_client, note_event, tell_customer


class CancelForCustomer(msgspec.Struct, frozen=True):
    """Which one: by customer or time or both in the words that were said."""

    customer: str | None = None
    when: str | None = None
    appointment_id: str | None = None


async def run(context: ToolContext, given: CancelForCustomer) -> Told:
    """Ask first; then cancel and tell the customer."""
    booking = await find_booking(context, Wanted(given.customer, given.when, given.appointment_id))
    name, when = booking.customer or words_staff.NAMELESS, when_of(context, booking)
    question = words_staff.ask_to_cancel(customer=name, service=booking.service, when=when)
    settled = msgspec.structs.replace(given, appointment_id=str(booking.id))
    asked = await ask_first(context, TOOL.name, settled, question)
    if asked is not None:
        return asked
    if not await appointments.cancel(context.uow, context.organization_id, booking.id, now=context.now):
        raise Rejected("not_found", words_staff.NO_SUCH_APPOINTMENT)
    await note_event(context, "appointment_cancelled", booking.id)
    text = words_staff.cancelled_for_you(service=booking.service, when=when)
    told = await tell_customer(context, await load_client(context, booking.person_id), "staff_cancelled", text)
    return Told("done", words_staff.cancelled(customer=name, service=booking.service, when=when, told=told))


TOOL = Tool(
    name="cancel_for_customer",
    description=(
        "Cancela la cita de un cliente y le avisa. Antes de hacerlo pregunta y espera el sí. En `customer` y `when` "
        "pasa el nombre y la hora tal como los dijo la persona."
    ),
    input=CancelForCustomer,
    action=Action.CHANGE_APPOINTMENTS,
    run=run,
)
