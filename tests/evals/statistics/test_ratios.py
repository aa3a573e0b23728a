"""A ratio of sums weighs by size, and the interval of two of them holds what it says."""

from __future__ import annotations

import random

import pytest

from evals.statistics.means import estimate_mean
from evals.statistics.ratios import Part, compare_ratios, divide_sums


def test_sums_are_divided_and_not_ratios_averaged() -> None:
    """Nine calls in ten turns and two in one are eleven in eleven."""
    assert divide_sums([(9, 10), (2, 1)]) == 1.0
    assert divide_sums([(0, 0)]) is None


def test_the_difference_is_that_of_the_ratios_whatever_the_factor() -> None:
    """By hand: 12/6 less 1.5 times 4/4."""
    found = compare_ratios([(1, 2), (3, 2)], [(2, 2), (10, 4)], factor=1.5)

    assert found.mean == pytest.approx(12 / 6 - 1.5)
    assert found.low < found.mean < found.high


def test_over_bases_of_one_it_is_a_paired_mean() -> None:
    """Then the ratio is a mean, and its interval Student's."""
    before, after = [3.0, 1.0, 4.0, 1.0], [5.0, 9.0, 2.0, 6.0]

    found = compare_ratios([(each, 1) for each in before], [(each, 1) for each in after])

    assert found == estimate_mean([new - old for old, new in zip(before, after, strict=True)])


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [([(1.0, 1.0)], [], "not the same"), ([(1.0, 0.0)], [(1.0, 1.0)], "nothing to divide by")],
    ids=["lengths", "no-base"],
)
def test_what_cannot_be_compared_is_refused(before: list[Part], after: list[Part], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare_ratios(before, after)


def test_the_interval_holds_the_true_difference_as_often_as_it_says() -> None:
    """Forty conversations of one to eight turns, some of which take more calls; 0.25 more a turn in the second run."""
    chance, held = random.Random(11), 0

    for _ in range(400):
        before, after = [], []
        for _ in range(40):
            turns, rate = chance.randint(1, 8), chance.uniform(0.5, 1.5)
            calls = [sum(chance.random() < rate / 2 for _ in range(2 * turns)) for _ in range(2)]
            before.append((float(calls[0]), float(turns)))
            after.append((calls[1] + 0.25 * turns, float(turns)))
        found = compare_ratios(before, after)
        held += found.low <= 0.25 <= found.high

    assert 365 <= held <= 395
