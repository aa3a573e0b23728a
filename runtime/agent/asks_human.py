"""Whether a customer asks for a person: sure words first, and where words could mean it, the model.

`runtime.answers` asks `hear` after the assistant has answered in words; `parlo classify` asks `hear_by` without a
journal. What decides without a model is in `runtime.domain.spanish`: an explicit request is a yes, and a message in
which nobody is spoken of is a no. Nothing here reads the conversation before the message.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from runtime.agent.fencing import fence
from runtime.agent.journal import Journal
from runtime.agent.owner_intent import Ask, DecidedBy
from runtime.agent.prompts import load_prompt
from runtime.domain.spanish.asks_person import asks_for_person, takes_it_back
from runtime.domain.spanish.folding import fold_words
from runtime.domain.spanish.handoff_commands import is_asking
from runtime.domain.spanish.mentions_person import mentions_person
from runtime.ports import ChatMessage, ChatRole, ModelAnswer, ModelRequest
from runtime.settings import Settings

_YES, _NO = "si", "no"


class Heard(msgspec.Struct, frozen=True):
    """Whether a person was asked for, and which layer says so."""

    asks: bool
    decided_by: DecidedBy


def hear_by_rule(text: str, staff: Sequence[str] = ()) -> Heard | None:
    """Yes to an explicit request, no where nobody is spoken of, None for all between.

    Args:
        text: The message as it was typed; bubbles joined by line breaks.
        staff: Names of the people of the business.
    """
    if is_asking(text) or asks_for_person(text, tuple(staff)):
        return Heard(True, DecidedBy.RULE)
    return None if mentions_person([text], staff) else Heard(False, DecidedBy.RULE)


async def hear(journal: Journal, settings: Settings, text: str, staff: Sequence[str] = ()) -> Heard:
    """Hear one message of a customer's; never fails for the model's sake.

    Args:
        journal: Of the turn at work: the model is asked through it.
        settings: Which model and prompt.
        text: The message as it was typed; bubbles joined by line breaks.
        staff: Names of the people of the business.
    """

    async def ask(request: ModelRequest) -> ModelAnswer:
        return await journal.ask(request, tolerate_outage=True, about=text)

    return await hear_by(ask, settings, text, staff)


async def hear_by(ask: Ask, settings: Settings, text: str, staff: Sequence[str] = ()) -> Heard:
    """As `hear`, with any way to ask a model. A model that is down or says anything else has heard nothing."""
    by_rule = hear_by_rule(text, staff)
    if by_rule is not None:
        return by_rule
    word = fold_words((await ask(_make_request(settings, text))).text or "")
    if word not in (_YES, _NO):
        return Heard(False, DecidedBy.FALLBACK)
    return Heard(word == _YES and not takes_it_back(text), DecidedBy.MODEL)


def _make_request(settings: Settings, text: str) -> ModelRequest:
    prompt = load_prompt(settings.asks_human_prompt, settings.prompt_drafts)
    return ModelRequest(
        purpose="asks_human",
        model=settings.classifier_model,
        messages=(ChatMessage(ChatRole.SYSTEM, prompt.text), ChatMessage(ChatRole.USER, fence(text))),
        max_tokens=10,
        timeout_s=settings.model_timeout_s / 2,
    )
