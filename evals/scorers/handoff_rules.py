"""Rules for every replay: no handoff that was not asked for, and no machine answer while a human has the customer."""

from __future__ import annotations

from collections.abc import Iterator

from evals.expected import read_ends, read_turns
from evals.matching import quote
from evals.reading import Placed, Reading
from evals.verdicts import Verdict, VerdictKind
from sim.record import SendData, SendOrigin

ASKS_HUMAN = "asks-human"
TAKEN_OVER = "takeover"


def check_handoff_was_asked_for(reading: Reading) -> Iterator[Verdict]:
    """A handoff needs a customer who asks: the transcript says so by tag or by expectation."""
    if _may_hand_off(reading):
        return
    for tool in reading.tools:
        if tool.data.name == "handoff_to_human":
            reason = "handoff_to_human was called; nobody in this transcript asks for a person"
            yield Verdict("rule/handoff-asked-for", False, reason, tool.index, VerdictKind.RULE)
            return
    for handoff in reading.handoffs:
        if TAKEN_OVER not in handoff.data.reason:
            reason = "a handoff was opened; nobody in this transcript asks for a person"
            yield Verdict("rule/handoff-asked-for", False, reason, handoff.index, VerdictKind.RULE)
            return


def _may_hand_off(reading: Reading) -> bool:
    if ASKS_HUMAN in reading.record.tags:
        return True
    turns = [asked.wanted for asked in read_turns(reading.record)]
    tools = [tool.name for turn in turns for tool in [*(turn.tools or []), *(turn.tools_any_order or [])]]
    states = {turn.handoff for turn in turns} - {None, "none"}
    return bool(states) or "handoff_to_human" in tools or any(end.handoffs for end in read_ends(reading.record))


def check_silence_in_handoff(reading: Reading) -> Iterator[Verdict]:
    """While a handoff is offered or active, the customer is sent relayed words and notices, never a machine's reply.

    The turn that opened the handoff may still say so: only answers to what was written after count.
    """
    active: dict[str, int] = {}
    changes = list(reading.handoffs)
    for send in reading.sends:
        while changes and changes[0].index < send.index:
            change = changes.pop(0)
            active.pop(change.data.customer, None)
            if change.data.status in ("offered", "active"):
                active[change.data.customer] = change.index
        since = active.get(send.data.to)
        if since is None or send.data.origin is not SendOrigin.REPLY:
            continue
        if _answers_what_came_after(reading, send, since):
            reason = f"{reading.name_of(send.data.to)} was with a person and was sent {quote(send.text)}"
            yield Verdict("rule/silent-in-handoff", False, reason, send.index, VerdictKind.RULE)


def _answers_what_came_after(reading: Reading, send: Placed[SendData], since: int) -> bool:
    routed = [r.index for r in reading.routes if send.data.turn and r.data.turn == send.data.turn]
    if routed:
        return min(routed) > since
    return any(s.lane == send.data.to and since < s.index < send.index for s in reading.says)
