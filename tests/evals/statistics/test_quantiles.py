"""A quantile is one of the values, and the interval of a difference comes from whole clusters."""

from __future__ import annotations

import random

import pytest

from evals.statistics.quantiles import Weighted, bootstrap_quantiles, find_quantile


def _weigh(*values: float) -> list[Weighted]:
    return [(value, 1.0) for value in values]


@pytest.mark.parametrize(("share", "value"), [(0.5, 5.0), (0.51, 6.0), (0.95, 10.0), (0.9, 9.0), (0.01, 1.0)], ids=str)
def test_a_quantile_is_the_least_value_that_so_many_do_not_exceed(share: float, value: float) -> None:
    """Of ten, never one between two."""
    assert find_quantile(_weigh(*range(10, 0, -1)), share) == value


def test_weights_count_and_nothing_has_no_quantile() -> None:
    assert find_quantile([(1.0, 0.5), (2.0, 0.5), (9.0, 3.0)], 0.5) == 9.0
    assert find_quantile([], 0.5) is None


def _draw(chance: random.Random, clusters: int, size: int, shift: float) -> list[list[Weighted]]:
    """Waits around each cluster's own; 5 is the median of all, before the shift."""
    return [_weigh(*(own + chance.gauss(shift, 1) for _ in range(size))) for own in _moods(chance, clusters)]


def _moods(chance: random.Random, clusters: int) -> list[float]:
    return [chance.gauss(5, 2) for _ in range(clusters)]


def test_an_interval_of_whole_clusters_holds_the_difference_and_one_of_values_does_not() -> None:
    """Thirty clusters of six on each side, and a true difference of 1."""
    chance, clustered, single = random.Random(3), 0, 0

    for _ in range(60):
        before, after = _draw(chance, 30, 6, 0), _draw(chance, 30, 6, 1)
        whole = bootstrap_quantiles(before, after, 0.5, chance=chance, draws=120)
        one, other = ([[value] for each in side for value in each] for side in (before, after))
        apart = bootstrap_quantiles(one, other, 0.5, chance=chance, draws=120)
        clustered += whole.low <= 1 <= whole.high
        single += apart.low <= 1 <= apart.high

    assert clustered >= 54
    assert single < clustered


def test_what_is_the_same_differs_by_nothing_and_a_factor_counts() -> None:
    side = [_weigh(1, 2), _weigh(3), _weigh(), _weigh(3, 3)]

    same = bootstrap_quantiles(side, side, 0.95, chance=random.Random(1))
    twice = bootstrap_quantiles(side, side, 0.95, factor=2, chance=random.Random(1))

    assert (same.low, same.high) == (0.0, 0.0)
    assert (twice.low, twice.high) == (-3.0, -2.0)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ([[], []], [[(1.0, 1.0)], []], "no values"),
        ([[(1.0, 1.0)]], [[(1.0, 1.0)]], "two clusters"),
        ([[], []], [[]], "not the same"),
    ],
    ids=["empty", "one", "lengths"],
)
def test_what_cannot_be_drawn_is_refused(
    before: list[list[Weighted]], after: list[list[Weighted]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap_quantiles(before, after, 0.5, chance=random.Random(1))
