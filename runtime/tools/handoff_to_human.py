"""Tool: put the customer through to a person. What it says is the turn's only answer."""

from __future__ import annotations

import msgspec

from runtime.domain import words
from runtime.domain.spanish.folding import clean_text
from runtime.flows.handoff import Request, Scene, request_human
from runtime.tools.base import CUSTOMERS, Tool, ToolContext

_LONGEST_REASON = 200


class HandoffToHuman(msgspec.Struct, frozen=True):
    """Why the customer wants a person, in a few words."""

    reason: str = ""


class HandedOff(msgspec.Struct, frozen=True):
    """`connected` with whom, `waiting` at which place in line, or `unavailable`."""

    status: str
    human: str | None = None
    place: int | None = None


async def run(context: ToolContext, given: HandoffToHuman) -> HandedOff:
    """Connect, or join the line."""
    scene = Scene(context.uow, context.ids, context.organization_id, context.now)
    reason = " ".join(clean_text(given.reason, limit=_LONGEST_REASON).text.split())
    request = Request(
        conversation_id=context.conversation_id,
        customer_name=context.customer.name or context.customer.profile_name or words.NAMELESS,
        reason=reason or words.ASKED_FOR_A_PERSON,
        last_words=context.said,
    )
    answer = await request_human(scene, request, f"reply:{context.call_key}")
    context.outgoing.extend(answer.messages)
    return HandedOff(answer.status, answer.human, answer.place)


TOOL = Tool(
    name="handoff_to_human",
    description=(
        "Comunica al cliente con una persona del negocio. Úsala solo cuando el cliente lo pide explícitamente; "
        "nunca por iniciativa propia, por difícil que sea la pregunta."
    ),
    input=HandoffToHuman,
    allowed=CUSTOMERS,
    run=run,
    ends_turn=True,
)
