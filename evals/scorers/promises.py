"""Rule for every replay: never say what is not committed.

A sentence that tells a customer their appointment is booked, moved or cancelled needs a tool result
that says so, in the same turn or before. A booking's time, where the answer names times, is among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from evals.matching import fold, quote
from evals.reading import Placed, Reading
from evals.verdicts import Verdict, VerdictKind
from sim.record import SendData, ToolData

RULE = "rule/nothing-uncommitted"

_SENTENCE = re.compile(r"(?<=[.!?\n])\s+")
_NOT_A_PROMISE = re.compile(
    r"\?|\b(?:no|sin|aún|todavía|si|cuando|para que|una vez|antes de|ya tenías|ya tienes|ya estaba|pendiente)\b"
)
_TIME = re.compile(r"\b\d{1,2}:\d{2}\s*[ap]\.?\s?m\b")


class Claim(msgspec.Struct, frozen=True):
    """Words that claim an effect, and the tools that can have had it."""

    effect: str
    words: re.Pattern[str]
    tools: frozenset[str]


CLAIMS = (
    Claim(
        "cancelled",
        re.compile(
            r"\bcita\b[^.?!]{0,60}\bcancelad[ao]\b|\bcancelé\b[^.?!]{0,30}\bcita\b"
            r"|\bcancelad[ao]\b[^.?!]{0,20}\b(?:tu|la) cita\b"
        ),
        frozenset({"cancel_appointment"}),
    ),
    Claim(
        "moved",
        re.compile(
            r"\bcita\b[^.?!]{0,40}\b(?:reagendad[ao]|reprogramad[ao]|movid[ao]|cambiad[ao])\b"
            r"|\b(?:moví|cambié|reagendé|reprogramé)\b[^.?!]{0,20}\bcita\b"
        ),
        frozenset({"reschedule_appointment"}),
    ),
    Claim(
        "booked",
        re.compile(
            r"\b(?:cita|lugar|reservación)\b[^.?!]{0,60}\b(?:agendad[ao]|reservad[ao]|confirmad[ao]|apartad[ao])\b"
            r"|\b(?:agendad[ao]|reservad[ao]|confirmad[ao])\b[^.?!]{0,20}\b(?:tu|la) cita\b"
            r"|\b(?:agendé|reservé|confirmé|aparté|agendamos)\b[^.?!]{0,20}\b(?:cita|lugar)\b|\bquedaste agendad[ao]\b"
        ),
        frozenset({"book_appointment", "reschedule_appointment"}),
    ),
)


def check_promises(reading: Reading) -> Iterator[Verdict]:
    """One broken verdict for each sentence that claims what no tool had done by then."""
    for send in reading.sends:
        if not reading.is_customer(send.data.to) or reading.is_relay(send):
            continue
        for claim, sentence in find_claims(send.text):
            problem = _explain_missing_effect(reading, send, claim)
            if problem is not None:
                reason = f"{quote(sentence)}: {problem}"
                yield Verdict(RULE, False, reason, send.index, VerdictKind.RULE)


def find_claims(text: str) -> list[tuple[Claim, str]]:
    """The sentences of an answer that claim an effect. Questions, conditions and denials claim nothing."""
    found: list[tuple[Claim, str]] = []
    for sentence in _SENTENCE.split(text):
        folded = fold(sentence)
        claim = next((c for c in CLAIMS if c.words.search(folded)), None)
        if claim is not None and not _NOT_A_PROMISE.search(folded):
            found.append((claim, sentence))
    return found


def _explain_missing_effect(reading: Reading, send: Placed[SendData], claim: Claim) -> str | None:
    done = _find_effects(reading, send, claim)
    if not done:
        if claim.effect == "booked" and _knew_of_one(reading, send):
            return None
        return f"no appointment had been {claim.effect} for {reading.name_of(send.data.to)}"
    if claim.effect == "cancelled":
        return None
    said = [_squeeze(time) for time in _TIME.findall(fold(send.text))]
    booked = [t for tool in done for t in _times_in(tool)]
    if said and booked and not set(said) & set(booked):
        return f"it names {', '.join(said)}, but the appointment is at {', '.join(booked)}"
    return None


def _find_effects(reading: Reading, send: Placed[SendData], claim: Claim) -> list[ToolData]:
    earlier = [t for t in reading.tools if t.index < send.index and t.data.ok and t.data.name in claim.tools]
    return [t.data for t in earlier if reading.customer_of(t) in ("", send.data.to)]


def _knew_of_one(reading: Reading, send: Placed[SendData]) -> bool:
    """The customer had an appointment that no tool call of this replay made, or was just shown theirs."""
    to = send.data.to
    own = [t for t in reading.tools if t.data.ok and reading.customer_of(t) in ("", to)]
    shown = any(
        t.data.name == "get_my_appointments" and isinstance(t.data.result, dict) and t.data.result.get("appointments")
        for t in own
        if t.index < send.index
    )
    made = sum(t.data.name == "book_appointment" for t in own)
    rows = sum(a.customer == to for a in reading.record.final.appointments)
    return shown or rows > made


def _times_in(tool: ToolData) -> list[str]:
    when = tool.result.get("when") if isinstance(tool.result, dict) else None
    return [_squeeze(t) for t in _TIME.findall(fold(when))] if isinstance(when, str) else []


def _squeeze(time: str) -> str:
    return re.sub(r"[\s.]", "", time)
