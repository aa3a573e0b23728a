"""Tell a customer what the business did with their appointment, in the tool's own transaction."""

from __future__ import annotations

from runtime.domain.enums import OutboxKind
from runtime.domain.ids import AppointmentId, OutboxId, PersonId
from runtime.domain.templates import BUSINESS_CHANGED, clean_value
from runtime.store import clients
from runtime.store.clients import Client
from runtime.store.journal import NewEvent, add_events
from runtime.store.outbox import NewOutbound
from runtime.tools.base import ToolContext


async def load_client(context: ToolContext, person_id: PersonId) -> Client | None:
    """Who this is and how they are reached."""
    everybody = await clients.list_clients(context.uow, context.organization_id)
    return next((each for each in everybody if each.person_id == person_id), None)


def can_be_told(client: Client | None) -> bool:
    """Whether they have a number and have not asked for silence."""
    return client is not None and client.key is not None and not client.opted_out


async def tell_customer(context: ToolContext, client: Client | None, event: str, text: str) -> bool:
    """Queue the notice, once for the call; False where they cannot be told."""
    if client is None or not can_be_told(client):
        return False
    to = await clients.ensure_chat(context.uow, context.organization_id, client.person_id, now=context.now)
    if to is None:
        return False
    notice = NewOutbound(
        id=OutboxId(context.ids.new()),
        conversation_id=to,
        kind=OutboxKind.NOTICE,
        dedupe_key=f"{event}:{context.call_key}:customer",
        body=text,
        at=context.now,
        template=BUSINESS_CHANGED.name,
        template_values=(clean_value(client.name or "qué tal"), clean_value(context.business.name), clean_value(text)),
    )
    context.outgoing.append(notice)
    return True


async def note_event(context: ToolContext, event: str, appointment_id: AppointmentId) -> None:
    """Append that staff did it, and who."""
    data = {"staff_id": str(context.require_member().id)}
    new = NewEvent(context.ids.new(), event, context.now, context.conversation_id, appointment_id, data)
    await add_events(context.uow, context.organization_id, [new])
