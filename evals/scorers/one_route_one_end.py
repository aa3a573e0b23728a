"""Rules for every replay: one route and one final state for each message, and no server error."""

from __future__ import annotations

from collections.abc import Iterator

from evals.matching import list_fields, quote
from evals.reading import Inbound, Reading
from evals.verdicts import Verdict, VerdictKind

FINAL_STATES = frozenset({"done", "ignored", "dead"})


def check_one_route(reading: Reading) -> Iterator[Verdict]:
    """Every stored message has exactly one route."""
    for message in reading.messages:
        if len(message.routes) != 1:
            cases = ", ".join(r.data.case for r in message.routes) or "none"
            reason = f"{_describe(reading, message)} has {len(message.routes)} routes: {cases}"
            yield _broken("rule/one-route", reason, message)


def check_one_final_state(reading: Reading) -> Iterator[Verdict]:
    """Every stored message has exactly one inbox row, and the row is in a final state."""
    rule = "rule/one-final-state"
    counts = reading.record.final.inbox
    for state in sorted(set(counts) - FINAL_STATES):
        if counts[state]:
            yield Verdict(rule, False, f"{counts[state]} messages are still {state}", None, VerdictKind.RULE)
    if reading.final_messages:
        for message in reading.messages:
            if len(message.states) != 1 or message.states[0] not in FINAL_STATES:
                states = ", ".join(message.states) or "no row"
                yield _broken(rule, f"{_describe(reading, message)} ended as: {states}", message)
    elif sum(counts.values()) != len(reading.messages):
        reason = f"{len(reading.messages)} messages came in, the inbox holds {list_fields(dict(counts))}"
        yield Verdict(rule, False, reason, None, VerdictKind.RULE)


def check_server_errors(reading: Reading) -> Iterator[Verdict]:
    """The webhook never answers 5xx, but for 503 while the database is made to fail."""
    for answer in reading.answers:
        status = answer.data.status
        excused = status == 503 and any(f.data.target == "database" and f.index < answer.index for f in reading.faults)
        if status >= 500 and not excused:
            reason = f"the webhook answered {status}"
            yield Verdict("rule/no-server-error", False, reason, answer.index, VerdictKind.RULE)


def _describe(reading: Reading, message: Inbound) -> str:
    text = reading.record.events[message.say].text or ""
    return f"{reading.name_of(message.by)}'s {quote(text, 40) if text.strip() else 'message without text'}"


def _broken(rule: str, reason: str, message: Inbound) -> Verdict:
    return Verdict(rule, False, reason, message.say, VerdictKind.RULE)
