"""Tool: put the customer through to a person. What it says is the turn's only answer."""

from __future__ import annotations

import msgspec

from runtime.domain import words
from runtime.domain.enums import Author
from runtime.domain.errors import Rejected
from runtime.domain.permissions import Action
from runtime.domain.spanish.folding import clean_text
from runtime.domain.spanish.mentions_person import mentions_person
from runtime.flows.handoff import Request, Scene, request_human
from runtime.store.journal import load_messages
from runtime.tools.base import Tool, ToolContext

_LONGEST_REASON = 200
_LONGEST_SUMMARY = 400
_LOOK_BACK = 8


class HandoffToHuman(msgspec.Struct, frozen=True):
    """Why the customer wants a person, in a few words, and what was talked about, in one or two sentences."""

    reason: str = ""
    summary: str = ""


class HandedOff(msgspec.Struct, frozen=True):
    """`connected` with whom, `waiting` at which place in line, or `unavailable`."""

    status: str
    human: str | None = None
    place: int | None = None


async def run(context: ToolContext, given: HandoffToHuman) -> HandedOff:
    """Connect, or join the line.

    Raises:
        Rejected: Nothing the customer wrote lately has to do with a person, however hard their question.
    """
    if not mentions_person(await _list_said(context), [member.name for member in context.business.staff]):
        raise Rejected("not_requested", "El cliente no ha pedido hablar con una persona: contéstale tú.")
    scene = Scene(context.uow, context.ids, context.organization_id, context.now, context.business.name, context.zone)
    request = Request(
        conversation_id=context.conversation_id,
        reason=_flatten(given.reason, _LONGEST_REASON) or words.ASKED_FOR_A_PERSON,
        summary=_flatten(given.summary, _LONGEST_SUMMARY) or None,
        last_words=context.said,
    )
    answer = await request_human(scene, request, f"reply:{context.call_key}")
    context.outgoing.extend(answer.messages)
    return HandedOff(answer.status, answer.human, answer.place)


async def _list_said(context: ToolContext) -> list[str]:
    """What the customer wrote lately: a "sí, por favor" belongs to what was said before."""
    history = await load_messages(context.uow, context.organization_id, context.conversation_id, most=_LOOK_BACK)
    return [*context.said, *(each.text for each in history if each.author is Author.CUSTOMER)]


def _flatten(text: str, limit: int) -> str:
    """A model's words as one short line, so that they cannot pass for a part of the alert."""
    return " ".join(clean_text(text, limit=limit).text.split())


TOOL = Tool(
    name="handoff_to_human",
    description=(
        "Comunica al cliente con una persona del negocio. Úsala solo cuando el cliente lo pide explícitamente; "
        "nunca por iniciativa propia, por difícil que sea la pregunta."
    ),
    input=HandoffToHuman,
    action=Action.BE_SERVED,
    run=run,
    ends_turn=True,
)
