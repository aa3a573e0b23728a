"""Holm's correction has its published values and keeps the promise it is made for."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.statistics.slices import correct_holm


def test_holms_adjusted_p_values_are_the_textbooks() -> None:
    found = correct_holm({"booking": 0.01, "handoff": 0.04, "moving": 0.03, "asking": 0.005})

    assert found == pytest.approx({"asking": 0.02, "booking": 0.03, "moving": 0.06, "handoff": 0.06})
    assert list(found) == ["asking", "booking", "moving", "handoff"]


@given(st.lists(st.floats(0, 1), max_size=8))
def test_correcting_only_ever_raises_a_p_and_keeps_the_order(seen: list[float]) -> None:
    p_values = {str(place): p for place, p in enumerate(seen)}

    found = correct_holm(p_values)

    assert all(p_values[name] <= p <= 1 for name, p in found.items())
    assert list(found.values()) == sorted(found.values())
    assert found.keys() == p_values.keys()


def test_one_slice_needs_no_correction() -> None:
    assert correct_holm({"all": 0.03}) == {"all": 0.03}
    assert correct_holm({}) == {}


def test_among_twenty_slices_without_a_difference_hardly_ever_one_is_found() -> None:
    """Uncorrected, two of three such comparisons would report something."""
    chance = random.Random(51)
    found = naive = 0

    for _ in range(1000):
        p_values = {str(place): chance.random() for place in range(20)}
        found += min(correct_holm(p_values).values()) <= 0.05
        naive += min(p_values.values()) <= 0.05

    assert found <= 70
    assert naive >= 550


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.\.1"):
        correct_holm({"a": 1.5})
