"""Tool: staff say something to a customer, in the business's name."""

from __future__ import annotations

import msgspec

from runtime.domain import words_staff
from runtime.domain.enums import Author, OutboxKind
from runtime.domain.errors import Rejected
from runtime.domain.ids import OutboxId
from runtime.domain.permissions import Action
from runtime.domain.spanish.folding import clean_text
from runtime.domain.templates import BUSINESS_ANSWERED, clean_value
from runtime.store import clients
from runtime.store.clients import Client
from runtime.store.journal import NewEvent, NewMessage, add_events, add_messages
from runtime.store.outbox import NewOutbound
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.confirming import ask_first
from runtime.tools.finding import Wanted, find_booking, find_client
from runtime.tools.informing import load_client

LONGEST_MESSAGE = 1000


class SendMessageToCustomer(msgspec.Struct, frozen=True):
    """To whom: by name or phone, or by the time of an appointment; and what, ready to be read by the customer."""

    message: str = ""
    customer: str | None = None
    when: str | None = None


async def run(context: ToolContext, given: SendMessageToCustomer) -> Told:
    """Ask first; then send. Outside the 24 hours the words wait behind a template, and whoever sent them is told."""
    words = clean_text(given.message, limit=LONGEST_MESSAGE).text
    if not words:
        raise Rejected("invalid_arguments", "Falta el mensaje.", question=words_staff.EMPTY_MESSAGE)
    client = await _find(context, given)
    name = client.name or words_staff.NAMELESS
    if client.opted_out:
        raise Rejected("opted_out", words_staff.opted_out(name))
    if client.key is None:
        raise Rejected("unreachable", words_staff.unreachable(name))
    settled = msgspec.structs.replace(given, message=words, customer=client.key, when=None)
    asked = await ask_first(context, TOOL.name, settled, words_staff.ask_to_send(name, words))
    if asked is not None:
        return asked
    await _send(context, client, words)
    return Told("done", words_staff.sent(name))


async def _find(context: ToolContext, given: SendMessageToCustomer) -> Client:
    """By name or number; where that leaves several or none and a time was said, by the appointment."""
    if given.when and given.when.strip():
        booking = await find_booking(context, Wanted(given.customer, given.when))
        client = await load_client(context, booking.person_id)
        if client is not None:
            return client
    if not given.customer or not given.customer.strip():
        raise Rejected("unknown_customer", "Falta a quién.", question=words_staff.ASK_CUSTOMER)
    return await find_client(context, given.customer)


async def _send(context: ToolContext, client: Client, words: str) -> None:
    organization_id, now = context.organization_id, context.now
    to = await clients.ensure_chat(context.uow, organization_id, client.person_id, now=now)
    if to is None:
        raise Rejected("unreachable", words_staff.unreachable(client.name or words_staff.NAMELESS))
    member = context.require_member()
    message = NewOutbound(
        id=OutboxId(context.ids.new()),
        conversation_id=to,
        kind=OutboxKind.RELAY,
        dedupe_key=f"staff_message:{context.call_key}",
        body=words,
        at=now,
        counterpart_id=context.conversation_id,
        template=BUSINESS_ANSWERED.name,
        template_values=(clean_value(client.name or "qué tal"), clean_value(context.business.name)),
    )
    context.outgoing.append(message)
    said = NewMessage(context.ids.new(), to, Author.HUMAN, words, now, member.id)
    await add_messages(context.uow, organization_id, None, [said])
    event = NewEvent(context.ids.new(), "staff_message", now, to, client.person_id, {"staff_id": str(member.id)})
    await add_events(context.uow, organization_id, [event])


TOOL = Tool(
    name="send_message_to_customer",
    description=(
        "Le manda un mensaje de WhatsApp a un cliente en nombre del negocio; antes pregunta y espera el sí. En "
        "`customer` pasa el nombre o el teléfono; en `when`, la hora de su cita si así lo nombraron; en `message`, el "
        "texto tal como lo debe leer el cliente, de tú."
    ),
    input=SendMessageToCustomer,
    action=Action.MESSAGE_CUSTOMERS,
    run=run,
)
