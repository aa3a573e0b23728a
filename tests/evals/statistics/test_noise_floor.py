"""What differs between two runs of one version is noise, and only more than that is a difference."""

from __future__ import annotations

import pytest

from evals.statistics.noise_floor import is_within_noise, measure_flips
from evals.statistics.rates import rate_of


def test_flips_are_counted_both_ways_with_wilsons_interval() -> None:
    first = [True] * 50 + [False] * 50
    second = [False] * 2 + [True] * 50 + [False] * 48

    assert measure_flips(first, second) == rate_of(4, 100)


def test_flips_of_one_conversation_are_not_independent() -> None:
    """Ten flips in one conversation say less than ten flips in ten."""
    first = [True] * 100
    gathered, scattered = [False] * 10 + [True] * 90, ([False] + [True] * 9) * 10
    named = [place // 10 for place in range(100)]

    one, ten = measure_flips(first, gathered, named), measure_flips(first, scattered, named)

    assert (one.hits, ten.hits) == (10, 10)
    assert one.high > ten.high + 0.1


def test_a_slice_that_flips_no_more_than_the_floor_is_not_called_changed() -> None:
    floor = rate_of(4, 100)

    assert is_within_noise(rate_of(4, 100), floor)
    assert is_within_noise(rate_of(0, 30), floor)
    assert is_within_noise(rate_of(9, 100), floor)
    assert not is_within_noise(rate_of(20, 100), floor)


def test_without_a_case_nothing_rises_above_the_noise() -> None:
    assert is_within_noise(rate_of(0, 0), rate_of(4, 100))
    assert is_within_noise(rate_of(90, 100), rate_of(0, 0))


def test_a_short_run_without_flips_is_a_high_floor() -> None:
    """No flip among ten says little: one of ten elsewhere is still noise."""
    floor = measure_flips([True] * 10, [True] * 10)

    assert is_within_noise(rate_of(1, 10), floor)
    assert not is_within_noise(rate_of(1, 10), measure_flips([True] * 100, [True] * 100))


def test_runs_of_other_cases_are_refused() -> None:
    with pytest.raises(ValueError, match="no cases"):
        measure_flips([], [])
    with pytest.raises(ValueError, match="not the same cases"):
        measure_flips([True], [True, False])
    with pytest.raises(ValueError, match="not the same cases"):
        measure_flips([True], [True], ["a", "b"])
