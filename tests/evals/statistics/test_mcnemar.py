"""McNemar's exact test has the values that one can add up on paper."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.statistics.mcnemar import compare_counts, compare_outcomes


@pytest.mark.parametrize(
    ("broken", "mended", "p", "p_worse"),
    [
        (5, 0, 0.0625, 0.03125),
        (6, 0, 0.03125, 0.015625),
        (8, 2, 0.109375, 0.0546875),
        (9, 1, 0.021484375, 0.0107421875),
        (0, 5, 0.0625, 1.0),
        (3, 3, 1.0, 0.65625),
        (0, 0, 1.0, 1.0),
    ],
)
def test_small_counts_have_their_exact_p(broken: int, mended: int, p: float, p_worse: float) -> None:
    found = compare_counts(broken, mended, 50)

    assert (found.p, found.p_worse) == (p, p_worse)


def test_five_discordant_cases_can_never_be_significant_both_ways() -> None:
    every = [compare_counts(broken, total - broken, 20).p for total in range(6) for broken in range(total + 1)]

    assert min(every) == 0.0625
    assert compare_counts(4, 0, 20).p_worse > 0.05 >= compare_counts(5, 0, 20).p_worse


def test_the_mid_p_takes_half_of_what_was_seen_away() -> None:
    """8 : 2 has 45 of 1024 ways."""
    assert compare_counts(8, 2, 50).p_mid == pytest.approx(0.109375 - 45 / 1024)
    assert compare_counts(2, 2, 50).p_mid == 1.0
    assert compare_counts(0, 0, 50).p_mid == 1.0


def test_effect_and_error_are_those_of_the_paired_difference() -> None:
    found = compare_counts(8, 2, 100)

    assert found.effect == pytest.approx(-0.06)
    assert found.se == pytest.approx(math.sqrt(10 - 36 / 100) / 100)
    assert (found.broken, found.mended, found.n) == (8, 2, 100)


def test_outcomes_are_counted_case_by_case() -> None:
    before = [True, True, False, False, True]
    after = [True, False, True, True, False]

    found = compare_outcomes(before, after)

    assert (found.broken, found.mended, found.n) == (2, 2, 5)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 40))
def test_a_p_is_a_probability_and_does_not_care_which_version_is_called_a(b: int, c: int, further: int) -> None:
    found, turned = compare_counts(b, c, b + c + further), compare_counts(c, b, b + c + further)

    assert 0 < found.p_mid <= found.p <= 1
    assert found.p == turned.p
    assert found.effect == -turned.effect
    assert 0 < found.p_worse <= 1


def test_the_exact_test_cries_wolf_no_oftener_than_it_says() -> None:
    """Same versions, a flip rate of a tenth: both p values below 0.05 in at most one of twenty comparisons."""
    chance = random.Random(21)
    runs = 3000
    both = one = 0

    for _ in range(runs):
        flips = sum(chance.random() < 0.1 for _ in range(60))
        broken = sum(chance.random() < 0.5 for _ in range(flips))
        found = compare_counts(broken, flips - broken, 60)
        both += found.p <= 0.05
        one += found.p_worse <= 0.05

    assert both / runs <= 0.05
    assert one / runs <= 0.05


def test_what_is_no_count_of_cases_is_refused() -> None:
    for broken, mended, n in ((-1, 0, 5), (0, -1, 5), (3, 3, 5), (0, 0, 0)):
        with pytest.raises(ValueError, match="is not a count"):
            compare_counts(broken, mended, n)
    with pytest.raises(ValueError, match="not the same cases"):
        compare_outcomes([True], [True, False])
