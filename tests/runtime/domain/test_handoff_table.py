"""The transition table of a handoff: complete, without dead ends, and closed to everything else."""

from __future__ import annotations

from itertools import product

import pytest

from runtime.domain.enums import HandoffEnd, HandoffState
from runtime.domain.errors import Broken, IllegalTransition
from runtime.domain.handoff import END_REASONS, TRANSITIONS, HandoffEvent, advance

FINAL = {HandoffState.ENDED}
BEGINNINGS = {HandoffState.WAITING, HandoffState.ACTIVE}
NOT_IN_TABLE = sorted(set(product(HandoffState, HandoffEvent)) - set(TRANSITIONS))


def test_every_state_can_be_reached_from_where_a_handoff_begins() -> None:
    """A handoff begins in line or with a person, and from there every state is reachable."""
    reached = set(BEGINNINGS)
    for _ in HandoffState:
        reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}

    assert reached == set(HandoffState)


@pytest.mark.parametrize("state", sorted(set(HandoffState) - FINAL))
def test_every_state_but_the_final_one_can_be_left(state: HandoffState) -> None:
    """Nobody is stuck in line or in a conversation."""
    assert any(before is state and after is not state for (before, _), after in TRANSITIONS.items())


@pytest.mark.parametrize("event", HandoffEvent)
def test_an_ended_handoff_never_moves_again(event: HandoffEvent) -> None:
    """The end is final, whatever still arrives."""
    with pytest.raises(IllegalTransition):
        advance(HandoffState.ENDED, event)


@pytest.mark.parametrize(("step", "after"), sorted(TRANSITIONS.items()))
def test_a_step_of_the_table_leads_where_the_table_says(
    step: tuple[HandoffState, HandoffEvent], after: HandoffState
) -> None:
    """`advance` is the table and nothing more."""
    assert advance(*step) is after


@pytest.mark.parametrize(("state", "event"), NOT_IN_TABLE)
def test_a_step_that_is_not_in_the_table_is_refused_by_name(state: HandoffState, event: HandoffEvent) -> None:
    """A person in line cannot fall silent, and so on: the error names state and event for a developer."""
    with pytest.raises(IllegalTransition, match=f"{state} cannot {event}") as raised:
        advance(state, event)

    assert isinstance(raised.value, Broken)


def test_every_event_that_ends_a_handoff_has_one_reason_of_its_own() -> None:
    """The stored reason tells the endings apart, and there is no reason without an event."""
    ending = {event for (_, event), after in TRANSITIONS.items() if after in FINAL}

    assert set(END_REASONS) == ending
    assert sorted(END_REASONS.values()) == sorted(HandoffEnd)
