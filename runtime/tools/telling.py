"""Tell the owner and the member of staff what a customer changed, in the tool's own transaction."""

from __future__ import annotations

from runtime.domain.enums import OutboxKind
from runtime.domain.ids import AppointmentId, OutboxId, StaffId
from runtime.store import people
from runtime.store.journal import NewEvent, add_events
from runtime.store.outbox import NewOutbound
from runtime.tools.base import ToolContext


async def tell_the_business(
    context: ToolContext, event: str, appointment_id: AppointmentId, staff_id: StaffId, text: str
) -> None:
    """Queue one notice for each owner and for the person who serves, and append the event.

    Repeating the call repeats nothing: the notices are keyed by the call.
    """
    told = await people.find_recipients(context.uow, context.organization_id, [staff_id], owners=True)
    for recipient in told:
        to = await people.ensure_conversation(context.uow, context.organization_id, recipient, now=context.now)
        key = f"{event}:{context.call_key}:{recipient.staff_id}"
        context.outgoing.append(NewOutbound(OutboxId(context.ids.new()), to, OutboxKind.NOTICE, key, text, context.now))
    new = NewEvent(context.ids.new(), event, context.now, context.conversation_id, appointment_id)
    await add_events(context.uow, context.organization_id, [new])
