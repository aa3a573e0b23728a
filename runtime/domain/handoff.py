"""The states of a handoff, the only ways between them, and when each is seen to next.

Pure: the store keeps the state, the flow moves it, the ticker does what `plan` says is due.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from runtime.domain.enums import HandoffEnd, HandoffState
from runtime.domain.errors import IllegalTransition

SILENCE = timedelta(minutes=30)
"""How long no human may say a word before the assistant takes the conversation back."""
LINE_LIMIT = timedelta(hours=2)
"""How long a customer may stand in line before they are told that nobody came."""
LOOK = timedelta(minutes=5)
"""How often the line is looked at for somebody who has come on duty since."""
SNOOZE = timedelta(minutes=15)
"""How long a human may put off a customer they were asked to take."""
UNDO = timedelta(seconds=30)
"""How long an end can be taken back."""
REMINDERS = (timedelta(minutes=3), timedelta(minutes=6), timedelta(minutes=15))
"""After being offered a customer: a reminder, the next human's turn, and a last reminder where there is no next."""
NUDGES = (timedelta(minutes=10), timedelta(minutes=20))
"""After a customer's word that nobody answers: a reminder, and a word to the next human."""


class HandoffEvent(StrEnum):
    """What moves a handoff on."""

    QUEUE = "queue"
    OFFER = "offer"
    TAKE = "take"
    DECLINE = "decline"
    SNOOZE = "snooze"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    PASS_ON = "pass_on"
    TAKE_OVER = "take_over"
    HUMAN_LEFT = "human_left"
    HUMAN_ENDS = "human_ends"
    UNDO = "undo"
    SILENCE = "silence"
    GIVE_UP = "give_up"
    CUSTOMER_LEAVES = "customer_leaves"
    OPT_OUT = "opt_out"
    SUSPEND = "suspend"


_S, _E = HandoffState, HandoffEvent

TRANSITIONS: dict[tuple[HandoffState, HandoffEvent], HandoffState] = {
    (_S.REQUESTED, _E.QUEUE): _S.WAITING,
    (_S.REQUESTED, _E.OFFER): _S.OFFERED,
    (_S.REQUESTED, _E.TAKE): _S.ACTIVE,
    (_S.WAITING, _E.OFFER): _S.OFFERED,
    (_S.WAITING, _E.TAKE): _S.ACTIVE,
    (_S.WAITING, _E.GIVE_UP): _S.ENDED,
    (_S.OFFERED, _E.TAKE): _S.ACTIVE,
    (_S.OFFERED, _E.DECLINE): _S.WAITING,
    (_S.OFFERED, _E.SNOOZE): _S.OFFERED,
    (_S.OFFERED, _E.EXPIRE): _S.WAITING,
    (_S.OFFERED, _E.WITHDRAW): _S.WAITING,
    (_S.OFFERED, _E.HUMAN_LEFT): _S.WAITING,
    (_S.OFFERED, _E.HUMAN_ENDS): _S.ENDED,
    (_S.OFFERED, _E.SILENCE): _S.ENDED,
    (_S.ACTIVE, _E.PASS_ON): _S.OFFERED,
    (_S.ACTIVE, _E.TAKE_OVER): _S.ACTIVE,
    (_S.ACTIVE, _E.HUMAN_LEFT): _S.WAITING,
    (_S.ACTIVE, _E.HUMAN_ENDS): _S.ENDED,
    (_S.ACTIVE, _E.SILENCE): _S.ENDED,
    (_S.ENDED, _E.UNDO): _S.ACTIVE,
    **{
        (state, event): _S.ENDED
        for state in (_S.WAITING, _S.OFFERED, _S.ACTIVE)
        for event in (_E.CUSTOMER_LEAVES, _E.OPT_OUT, _E.SUSPEND)
    },
}

END_REASONS: dict[HandoffEvent, HandoffEnd] = {
    HandoffEvent.HUMAN_ENDS: HandoffEnd.HUMAN,
    HandoffEvent.SILENCE: HandoffEnd.TIMEOUT,
    HandoffEvent.GIVE_UP: HandoffEnd.UNANSWERED,
    HandoffEvent.CUSTOMER_LEAVES: HandoffEnd.CUSTOMER,
    HandoffEvent.OPT_OUT: HandoffEnd.OPTED_OUT,
    HandoffEvent.SUSPEND: HandoffEnd.SUSPENDED,
}


def advance(state: HandoffState, event: HandoffEvent) -> HandoffState:
    """The state after an event.

    Raises:
        IllegalTransition: The table has no such step.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"a handoff that is {state} cannot {event}") from None


class Step(StrEnum):
    """What is done when a handoff's time has come."""

    REMIND = "remind"
    ESCALATE = "escalate"
    WAKE = "wake"
    NUDGE = "nudge"
    CALL_NEXT = "call_next"
    LOOK = "look"
    SILENCE = "silence"
    GIVE_UP = "give_up"


class Times(msgspec.Struct, frozen=True):
    """The moments that decide what happens next to an open handoff.

    Attributes:
        offered_at: When the human it is offered to was asked.
        last_human_at: The last word of any human, or the first offer: silence is counted from here.
        unanswered_since: The customer's first word that no human has answered, or None.
        snoozed_until: When the human wants to be asked again, or None.
        nudges: How many steps were done since the offer, since `unanswered_since`, or in line.
    """

    state: HandoffState
    requested_at: datetime
    offered_at: datetime | None = None
    last_human_at: datetime | None = None
    unanswered_since: datetime | None = None
    snoozed_until: datetime | None = None
    nudges: int = 0


class Plan(msgspec.Struct, frozen=True):
    """The next step of a handoff and its moment."""

    at: datetime
    step: Step


_OFFERED_STEPS = (Step.REMIND, Step.ESCALATE, Step.REMIND)
_ACTIVE_STEPS = (Step.NUDGE, Step.CALL_NEXT)


def plan(times: Times) -> Plan | None:
    """What happens next if nobody says anything; None once it has ended."""
    if times.state is HandoffState.ENDED:
        return None
    if times.state in (HandoffState.REQUESTED, HandoffState.WAITING):
        # somebody who comes back to the line after a long conversation waits from there
        since = times.last_human_at or times.requested_at
        look, limit = since + LOOK * (times.nudges + 1), since + LINE_LIMIT
        return Plan(look, Step.LOOK) if look < limit else Plan(limit, Step.GIVE_UP)
    silent = Plan((times.last_human_at or times.requested_at) + SILENCE, Step.SILENCE)
    earlier = _plan_offered(times) if times.state is HandoffState.OFFERED else _plan_active(times)
    return earlier if earlier is not None and earlier.at < silent.at else silent


def is_silent(times: Times, now: datetime) -> bool:
    """No human has said a word for so long that nothing but the end is left to do."""
    with_human = times.state in (HandoffState.OFFERED, HandoffState.ACTIVE)
    return with_human and (times.last_human_at or times.requested_at) + SILENCE <= now


def _plan_offered(times: Times) -> Plan | None:
    if times.snoozed_until is not None:
        return Plan(times.snoozed_until, Step.WAKE)
    if times.offered_at is None or times.nudges >= len(REMINDERS):
        return None
    return Plan(times.offered_at + REMINDERS[times.nudges], _OFFERED_STEPS[times.nudges])


def _plan_active(times: Times) -> Plan | None:
    if times.unanswered_since is None or times.nudges >= len(NUDGES):
        return None
    # whoever took the customer only then has their own time to answer
    since = max(times.unanswered_since, times.last_human_at or times.unanswered_since)
    return Plan(since + NUDGES[times.nudges], _ACTIVE_STEPS[times.nudges])
