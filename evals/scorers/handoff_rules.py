"""Rules for every replay: no handoff that was not asked for, and no machine answer while a human has the customer."""

from __future__ import annotations

from collections.abc import Iterator

from evals.expected import read_ends, read_turns
from evals.matching import quote
from evals.reading import Placed, Reading
from evals.verdicts import Verdict, VerdictKind
from runtime.agent.asks_human import hear_by_rule
from sim.record import SendData, SendOrigin

ASKS_HUMAN = "asks-human"
TAKEN_OVER = "takeover"
HANDS_OFF = "handoff_to_human"


def check_handoff_was_asked_for(reading: Reading) -> Iterator[Verdict]:
    """A handoff needs a customer who asks: in words no rule doubts, or the transcript says so by tag or expectation.

    A transcript that expects nothing, such as one from production, does not say. There a customer who speaks of a
    person without asking outright is left to whoever labels it, and only a handoff out of nowhere breaks the rule.
    """
    if _may_hand_off(reading):
        return
    labelled = bool(reading.record.expectations)
    calls = [tool for tool in reading.tools if tool.data.name == HANDS_OFF]
    opened = [(tool.index, reading.customer_of(tool), f"{HANDS_OFF} was called") for tool in calls]
    rows = [it for it in reading.handoffs if TAKEN_OVER not in it.data.reason]
    opened += [(it.index, it.data.customer, "a handoff was opened") for it in rows]
    for index, customer, what in opened:
        heard = [hear_by_rule(words, _list_staff(reading)) for words in _list_said(reading, customer, index)]
        if any(each.asks if each is not None else not labelled for each in heard):
            continue
        reason = f"{what}; nobody in this transcript asks for a person"
        yield Verdict("rule/handoff-asked-for", False, reason, index, VerdictKind.RULE)
        return


def _list_said(reading: Reading, customer: str, before: int) -> Iterator[str]:
    """What a customer wrote or said aloud so far; everybody's, where it is not known whose handoff it is."""
    for say in reading.says:
        if say.index < before and (say.lane == customer or (not customer and reading.is_customer(say.lane))):
            yield say.text
            yield from (str(file["says"]) for file in say.data.media if file.get("says"))
            if say.data.button is not None:
                yield str(say.data.button.get("text", ""))


def _list_staff(reading: Reading) -> tuple[str, ...]:
    people = reading.record.people
    return tuple(it.name for key, it in people.items() if it.name and not reading.is_customer(key))


def _may_hand_off(reading: Reading) -> bool:
    if ASKS_HUMAN in reading.record.tags:
        return True
    turns = [asked.wanted for asked in read_turns(reading.record)]
    tools = [tool.name for turn in turns for tool in [*(turn.tools or []), *(turn.tools_any_order or [])]]
    states = {turn.handoff for turn in turns} - {None, "none"}
    return bool(states) or HANDS_OFF in tools or any(end.handoffs for end in read_ends(reading.record))


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
