"""Rules for every replay: each customer's message is answered, once, and answers keep their order."""

from __future__ import annotations

from collections.abc import Iterator

from evals.matching import fold, quote
from evals.reading import Placed, Reading
from evals.verdicts import Verdict, VerdictKind
from sim.record import SendData, SendOrigin

CUSTOMER_ROUTE = "5"


def check_answered(reading: Reading) -> Iterator[Verdict]:
    """Whoever is routed to the customer conversation gets an answer to it, an apology at least."""
    for message in reading.messages:
        if [r.data.case for r in message.routes] != [CUSTOMER_ROUTE]:
            continue
        if not any(s.data.to == message.by and s.index > message.say for s in reading.sends):
            text = reading.record.events[message.say].text or ""
            reason = f"{reading.name_of(message.by)} was never answered after {quote(text, 60)}"
            yield Verdict("rule/answered", False, reason, message.say, VerdictKind.RULE)


def check_needless_apologies(reading: Reading) -> Iterator[Verdict]:
    """Nobody is asked for patience, or told that something broke, unless something was made to fail before."""
    for send in reading.sends:
        if send.data.origin is SendOrigin.APOLOGY and not any(fault.index < send.index for fault in reading.faults):
            reason = f"{reading.name_of(send.data.to)} was sent {quote(send.text)}, and nothing was made to fail"
            yield Verdict("rule/no-needless-apology", False, reason, send.index, VerdictKind.RULE)


def check_no_repeats(reading: Reading) -> Iterator[Verdict]:
    """No two equal messages to one person for one turn (relayed words are the writer's own business)."""
    seen: dict[tuple[str, str, str], int] = {}
    for send in reading.sends:
        if reading.is_relay(send):
            continue
        key = (_turn_of(reading, send), send.data.to, fold(send.text))
        if key in seen:
            reason = f"{reading.name_of(send.data.to)} was sent {quote(send.text)} twice for one message"
            yield Verdict("rule/no-double-answer", False, reason, send.index, VerdictKind.RULE)
        seen[key] = send.index


def check_order(reading: Reading) -> Iterator[Verdict]:
    """Answers reach a person in the order of the turns they belong to."""
    latest: dict[str, int] = {}
    for send in reading.sends:
        place = reading.turn_order.get(send.data.turn)
        if place is None:
            continue
        if place < latest.get(send.data.to, -1):
            reason = f"{reading.name_of(send.data.to)} was sent {quote(send.text)} after the answer to a later message"
            yield Verdict("rule/answers-in-order", False, reason, send.index, VerdictKind.RULE)
        latest[send.data.to] = max(place, latest.get(send.data.to, -1))


def _turn_of(reading: Reading, send: Placed[SendData]) -> str:
    """The turn, or where the record does not say: the number of messages and clock steps so far."""
    if send.data.turn:
        return send.data.turn
    stimuli = {"say", "clock", "callback", "fault"}
    return f"#{sum(e.kind in stimuli for e in reading.record.events[: send.index])}"
