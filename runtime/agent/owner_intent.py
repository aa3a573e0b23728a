"""What a human in a handoff means by a message: for the customer, the end, or something for the assistant alone.

`runtime.answers` asks `judge` about every message of such a human; `parlo classify` asks `judge_by` without a journal.
Three layers: words that can mean only one thing, the model, and a guard that does not let the model end a handoff
or hold a message back against what the text itself says. Whatever is not clear is relayed: a lost promise costs
more than a stray "terminé".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

import msgspec

from runtime.agent.fencing import defuse, fence
from runtime.agent.journal import Journal
from runtime.agent.prompts import load_prompt
from runtime.domain.spanish.folding import fold, fold_words
from runtime.domain.spanish.owner_words import (
    addresses_customer,
    carries_content,
    closes_with_order,
    ends_by_order,
    forbids_assistant,
    hands_back,
    instructs_assistant,
    is_end_command,
    is_own_business,
    is_small_talk,
    orders_assistant,
    promises_customer,
    read_address,
    says_not_yet,
    speaks_of_an_end,
    speaks_of_business,
)
from runtime.ports import ChatMessage, ChatRole, ModelAnswer, ModelRequest
from runtime.settings import Settings

_BEFORE_A_NAME = frozenset(
    [
        "a",
        "con",
        "de",
        "del",
        "para",
        "por",
        "la",
        "el",
        "don",
        "dona",
        "senora",
        "senor",
        "y",
        "e",
        "lo",
        "le",
        "que",
        "sobre",
        "contra",
    ]
)
HISTORY_LINES = 6
HISTORY_WIDTH = 160
"""Characters of one line of history; the end is cut."""

Ask = Callable[[ModelRequest], Awaitable[ModelAnswer]]
"""Asks a model; a model that is down is an answer without text."""


class Intent(StrEnum):
    """For the customer; said to Parlo, over; said to Parlo, and the handoff goes on."""

    RELAY = "relay"
    END = "end"
    ASIDE = "aside"


class DecidedBy(StrEnum):
    """Which layer had the last word."""

    RULE = "rule"
    MODEL = "model"
    FALLBACK = "fallback"


class Judgement(msgspec.Struct, frozen=True):
    """What is done with a message.

    Attributes:
        unsure: It was not clear; the human should be told how to end.
        ask_to_end: It was judged an end and carries something for the customer: relay it, then ask whether to end.
    """

    intent: Intent
    decided_by: DecidedBy
    unsure: bool = False
    ask_to_end: bool = False


def judge_by_rule(text: str) -> Judgement | None:
    """The judgement of words that can mean only one thing; None for everything else."""
    if is_end_command(text) or closes_with_order(text) or hands_back(text):
        return Judgement(Intent.END, DecidedBy.RULE)
    if is_small_talk(text):
        return Judgement(Intent.RELAY, DecidedBy.RULE)
    said = read_address(text)
    if said is None:
        sure = (is_own_business(text) and not _may_end(text)) or forbids_assistant(text)
        return Judgement(Intent.ASIDE, DecidedBy.RULE) if sure else None
    if ends_by_order(said):
        return Judgement(Intent.END, DecidedBy.RULE)
    if not text.lstrip().startswith("/") and (promises_customer(said) or _may_end(said)):
        return None
    return Judgement(Intent.ASIDE, DecidedBy.RULE)


async def judge(journal: Journal, settings: Settings, text: str, history: Sequence[str] = ()) -> Judgement:
    """Judge one message of a human's; never fails for the model's sake.

    Args:
        journal: Of the turn at work: the model is asked through it.
        settings: Which model and prompt.
        text: The message as it was typed.
        history: The last turns, oldest first, each with who spoke: `Ana: …` (the customer), `Yo: …` (the human).
    """

    async def ask(request: ModelRequest) -> ModelAnswer:
        return await journal.ask(request, tolerate_outage=True, about=text)

    return await judge_by(ask, settings, text, history)


async def judge_by(ask: Ask, settings: Settings, text: str, history: Sequence[str] = ()) -> Judgement:
    """As `judge`, with any way to ask a model."""
    by_rule = judge_by_rule(text)
    if by_rule is not None and not (by_rule.intent is Intent.ASIDE and _is_namesake(text, history)):
        return by_rule
    answer = await ask(_make_request(settings, text, history))
    word = fold_words(answer.text or "")
    if word not in tuple(Intent):
        return Judgement(Intent.RELAY, DecidedBy.FALLBACK, unsure=True)
    if _is_namesake(text, history):
        return _guard(Intent(word), text)
    if Intent(word) is Intent.RELAY and (_is_told_parlo(text) or is_own_business(text)):
        return Judgement(Intent.ASIDE, DecidedBy.MODEL)
    if Intent(word) is not Intent.RELAY and _calls_customer(text, history):
        return Judgement(Intent.RELAY, DecidedBy.MODEL, unsure=True)
    return _guard(Intent(word), text)


def _may_end(said: str) -> bool:
    """Whether words to the assistant could be a way to end that no rule knows; a question or a "not yet" is none."""
    return "?" not in said and speaks_of_an_end(said) and not says_not_yet(said)


def _guard(said: Intent, text: str) -> Judgement:
    """The model's word, unless the text itself speaks against it."""
    if said is Intent.END and says_not_yet(text):
        return _guard(Intent.ASIDE, text)
    if said is Intent.END and carries_content(text):
        return Judgement(Intent.RELAY, DecidedBy.MODEL, ask_to_end=True)
    if said is Intent.END and not speaks_of_an_end(text):
        return Judgement(Intent.RELAY, DecidedBy.MODEL, unsure=True)
    if said is Intent.ASIDE and not _is_for_parlo(text):
        return Judgement(Intent.RELAY, DecidedBy.MODEL, unsure=True)
    return Judgement(said, DecidedBy.MODEL, unsure=said is Intent.RELAY and orders_assistant(text))


def _is_told_parlo(text: str) -> bool:
    """Whether the assistant is called by its name, and nothing that follows speaks to the customer."""
    said = read_address(text)
    return said is not None and not promises_customer(said)


def _is_for_parlo(text: str) -> bool:
    """Whether nothing in a message speaks against its being an aside."""
    if instructs_assistant(text) or _is_told_parlo(text):
        return True
    return speaks_of_business(text) and not addresses_customer(text)


def _is_namesake(text: str, history: Sequence[str]) -> bool:
    """Whether it is the customer who is called as the message begins: somebody may be named Parlo."""
    return not text.lstrip().startswith("/") and not _list_speakers(history).isdisjoint({"parlo", "asistente"})


def _calls_customer(text: str, history: Sequence[str]) -> bool:
    """Whether a message calls the customer by name at its end: "qué pasó Chuy", not "ya quedé con Chuy"."""
    *before, last = ["", *fold_words(text).split(" ")]
    return last in _list_speakers(history) - {"yo"} and before[-1] not in _BEFORE_A_NAME


def _list_speakers(history: Sequence[str]) -> set[str]:
    """First names, folded."""
    return {fold(line.partition(":")[0]).split(" ")[0] for line in history if ":" in line}


def _make_request(settings: Settings, text: str, history: Sequence[str]) -> ModelRequest:
    prompt = load_prompt(settings.owner_intent_prompt, settings.prompt_drafts)
    lines = [_cut(defuse(" ".join(line.split())), HISTORY_WIDTH) for line in history[-HISTORY_LINES:]]
    before = "\n".join(["Últimos mensajes:", *lines, "", "El mensaje:", ""]) if lines else ""
    return ModelRequest(
        purpose="owner_intent",
        model=settings.classifier_model,
        messages=(ChatMessage(ChatRole.SYSTEM, prompt.text), ChatMessage(ChatRole.USER, before + fence(text))),
        max_tokens=10,
        timeout_s=settings.model_timeout_s / 2,
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
