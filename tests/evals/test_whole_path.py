"""Rivals for one slot, through real processes."""

from __future__ import annotations

import os

import pytest

from evals.whole_path import Field, race_for_slots
from runtime.adapters.embedded import choose_redis_url
from sim.races.rivals import judge

pytestmark = [pytest.mark.integration, pytest.mark.slow]

WON, LOST = "Tu cita quedó agendada.", "Las 5:00 PM ya está ocupado.\n1) 6:00 PM"


def test_rivals_who_meet_in_real_processes_are_answered_politely(
    server_url: str,
) -> None:
    """Web, ticker, two workers, broker and provider: of twenty at once one gets the slot and nineteen other times."""
    races = race_for_slots(
        server_url, choose_redis_url(os.environ), Field(rivals=20, rounds=1), workers=2, tell=lambda _line: None
    )

    assert races[0].fair, races
    assert (races[0].rivals, races[0].booked, races[0].polite) == (20, 1, 19)


@pytest.mark.parametrize(
    ("booked", "answers"),
    [
        (2, {"a": [WON], "b": [LOST]}),
        (1, {"a": [WON], "b": [WON]}),
        (1, {"a": [WON], "b": []}),
        (1, {"a": [WON], "b": [LOST, LOST]}),
        (1, {"a": [WON], "b": ["Las 5:00 PM ya está ocupado."]}),
        (1, {"a": [WON], "b": ["Estoy tardando un poco más."]}),
        (0, {"a": [LOST], "b": [LOST]}),
    ],
    ids=["booked-twice", "told-twice", "unanswered", "doubly", "no-other-times", "put-off", "nobody"],
)
def test_a_round_is_fair_only_with_one_winner_and_polite_answers(booked: int, answers: dict[str, list[str]]) -> None:
    """Each way in which a round can go wrong is one that is seen."""
    assert judge(1, {"a": [WON], "b": [LOST]}).fair
    assert not judge(booked, answers).fair
