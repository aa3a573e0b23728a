"""The transition table of a handoff: complete, without dead ends, and closed to everything else."""

from __future__ import annotations

import ast
from itertools import product
from pathlib import Path

import pytest

from runtime.domain.enums import HandoffEnd, HandoffState
from runtime.domain.errors import Broken, IllegalTransition
from runtime.domain.handoff import END_REASONS, TRANSITIONS, HandoffEvent, advance

RUNTIME = Path(__file__).resolve().parents[3] / "runtime"
NOT_IN_TABLE = sorted(set(product(HandoffState, HandoffEvent)) - set(TRANSITIONS))


def test_every_state_can_be_reached_from_where_a_handoff_begins() -> None:
    """A handoff begins as a request, and from there every state is reachable."""
    reached = {HandoffState.REQUESTED}
    for _ in HandoffState:
        reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}

    assert reached == set(HandoffState)


@pytest.mark.parametrize("state", set(HandoffState) - {HandoffState.ENDED})
def test_the_end_can_be_reached_from_every_open_state(state: HandoffState) -> None:
    """Nobody is stuck in line, with an alert that nobody reads, or in a conversation."""
    reached = {state}
    for _ in HandoffState:
        reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}

    assert HandoffState.ENDED in reached
    assert any(before is state and after is not state for (before, _), after in TRANSITIONS.items())


def test_an_ended_handoff_moves_again_only_if_its_end_is_taken_back() -> None:
    """Whatever else still arrives, the end stands."""
    leaving = {event: after for (before, event), after in TRANSITIONS.items() if before is HandoffState.ENDED}

    assert leaving == {HandoffEvent.UNDO: HandoffState.ACTIVE}


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
    ending = {event for (_, event), after in TRANSITIONS.items() if after is HandoffState.ENDED}

    assert set(END_REASONS) == ending
    assert sorted(END_REASONS.values()) == sorted(HandoffEnd)


def test_every_event_is_in_the_table_and_something_causes_it() -> None:
    """No step exists on paper only: each event is named in the code that makes it happen."""
    named = set()
    for folder in (RUNTIME / "flows", RUNTIME / "answers"):
        for path in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    named |= {node.attr} if node.value.id == "HandoffEvent" else set()

    assert {event for _, event in TRANSITIONS} == set(HandoffEvent)
    assert named == {event.name for event in HandoffEvent}
