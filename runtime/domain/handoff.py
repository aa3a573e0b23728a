"""The states of a handoff and the only ways between them."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from runtime.domain.enums import HandoffEnd, HandoffState
from runtime.domain.errors import IllegalTransition

SILENCE = timedelta(minutes=30)
"""How long a human may say nothing before the assistant takes the conversation back."""

LINE_LIMIT = timedelta(hours=2)
"""How long a customer may stand in line before they are told that nobody came."""


class HandoffEvent(StrEnum):
    """What moves a handoff on."""

    CONNECT = "connect"
    HUMAN_ENDS = "human_ends"
    SILENCE = "silence"
    CUSTOMER_LEAVES = "customer_leaves"


TRANSITIONS: dict[tuple[HandoffState, HandoffEvent], HandoffState] = {
    (HandoffState.WAITING, HandoffEvent.CONNECT): HandoffState.ACTIVE,
    (HandoffState.WAITING, HandoffEvent.CUSTOMER_LEAVES): HandoffState.ENDED,
    (HandoffState.ACTIVE, HandoffEvent.HUMAN_ENDS): HandoffState.ENDED,
    (HandoffState.ACTIVE, HandoffEvent.SILENCE): HandoffState.ENDED,
    (HandoffState.ACTIVE, HandoffEvent.CUSTOMER_LEAVES): HandoffState.ENDED,
}

END_REASONS: dict[HandoffEvent, HandoffEnd] = {
    HandoffEvent.HUMAN_ENDS: HandoffEnd.HUMAN,
    HandoffEvent.SILENCE: HandoffEnd.TIMEOUT,
    HandoffEvent.CUSTOMER_LEAVES: HandoffEnd.CUSTOMER,
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
