"""What a human in a handoff means: relay to the customer, or end.

The model is asked first. When it is down or says something else, fixed words alone end the handoff
and everything else is relayed: a lost promise costs more than a stray "terminé".
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from runtime.agent.journal import Journal
from runtime.agent.prompts import load_prompt
from runtime.domain.spanish.folding import fold_words
from runtime.ports import ChatMessage, ChatRole, ModelRequest
from runtime.settings import Settings

END_WORDS = frozenset(
    {"listo", "lista", "ya termine", "termine", "terminar", "terminado", "fin", "/fin", "finalizar", "ya quedo"}
)
"""Alone in a message these end a handoff even with the model down (folded)."""


class Intent(StrEnum):
    """For the customer, or for Parlo."""

    RELAY = "relay"
    END = "end"


class Judgement(msgspec.Struct, frozen=True):
    """An intent, and whether somebody should be told how to end because it was not clear."""

    intent: Intent
    unsure: bool


def judge_without_model(text: str) -> Judgement:
    """The fall-back: the fixed words alone end, everything else is relayed and the human is told how to end."""
    if fold_words(text.strip(" .!¡")) in END_WORDS:
        return Judgement(Intent.END, unsure=False)
    return Judgement(Intent.RELAY, unsure=True)


async def judge(journal: Journal, settings: Settings, text: str) -> Judgement:
    """Ask the model about one message; never fails for the model's sake."""
    prompt = load_prompt(settings.owner_intent_prompt)
    # a space, so that what is left of two marks cannot make a third
    fenced = text.replace("<<<", " ").replace(">>>", " ")
    request = ModelRequest(
        purpose="owner_intent",
        model=settings.classifier_model,
        messages=(ChatMessage(ChatRole.SYSTEM, prompt.text), ChatMessage(ChatRole.USER, f"<<<{fenced}>>>")),
        max_tokens=10,
        timeout_s=settings.model_timeout_s / 2,
    )
    answer = await journal.ask(request, tolerate_outage=True)
    word = fold_words(answer.text or "").strip(" .")
    if word in (Intent.RELAY, Intent.END):
        return Judgement(Intent(word), unsure=False)
    return judge_without_model(text)
