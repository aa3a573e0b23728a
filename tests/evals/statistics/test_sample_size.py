"""Numbers of cases are the published ones, and they have the power they promise."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.statistics.mcnemar import compare_counts
from evals.statistics.means import estimate_mean
from evals.statistics.sample_size import (
    count_cases,
    count_cases_mcnemar,
    count_useful_repeats,
    find_detectable_difference,
    find_detectable_difference_mcnemar,
)


@pytest.mark.parametrize(("difference", "cases"), [(0.03, 969), (0.05, 349), (0.10, 88)])
def test_a_paired_comparison_needs_as_many_cases_as_published(difference: float, cases: int) -> None:
    """With a variance of 1/9. For ten points 87.2: published as 87, here rounded up, as 87 fall short of the power."""
    assert count_cases(difference, 1 / 9) == cases
    assert count_cases(-difference, 1 / 9) == cases


@pytest.mark.parametrize(
    ("discordant", "difference", "two_sided", "cases"),
    [
        (0.10, 0.05, True, 312),
        (0.10, 0.05, False, 246),
        (0.20, 0.05, True, 626),
        (0.05, 0.03, True, 434),
        (0.20, 0.10, True, 155),
    ],
)
def test_mcnemars_test_needs_as_many_cases_as_published(
    discordant: float, difference: float, two_sided: bool, cases: int
) -> None:
    """One-sided 245.2: published as 245, here rounded up."""
    assert count_cases_mcnemar(difference, discordant, two_sided=two_sided) == cases


def test_tries_of_each_case_take_away_noise_and_nothing_else() -> None:
    once, often = count_cases(0.05, 0.1, noise=0.2), count_cases(0.05, 0.1, noise=0.2, repeats=4)

    assert once == count_cases(0.05, 0.3)
    assert often == count_cases(0.05, 0.15)
    assert count_cases(0.05, 0.1, noise=0.2, repeats=10_000) >= count_cases(0.05, 0.1)


def test_beyond_the_ratio_of_noise_to_spread_further_cases_help_more() -> None:
    assert count_useful_repeats(0.2, 0.05) == 4
    assert count_useful_repeats(0.0, 0.05) == 1


@given(st.floats(0.01, 0.5), st.floats(0.01, 1.0))
def test_the_detectable_difference_undoes_the_number_of_cases(difference: float, spread: float) -> None:
    cases = count_cases(difference, spread)

    assert find_detectable_difference(cases, spread) <= difference * (1 + 1e-9)
    if cases > 2:
        assert find_detectable_difference(cases - 1, spread) > difference * (1 - 1e-9)


@given(st.floats(0.02, 1.0), st.floats(0.05, 1.0), st.booleans())
def test_mcnemars_detectable_difference_undoes_the_number_of_cases(
    discordant: float, part: float, two_sided: bool
) -> None:
    cases = count_cases_mcnemar(discordant * part, discordant, two_sided=two_sided)

    found = find_detectable_difference_mcnemar(cases, discordant, two_sided=two_sided)

    assert found is not None
    assert found <= discordant * part * (1 + 1e-9)


@pytest.mark.parametrize(("cases", "discordant"), [(1000, 0.1), (500, 0.4)])
def test_the_blunt_rule_of_three_over_the_root_is_roughly_right(cases: int, discordant: float) -> None:
    """2.8 / sqrt(b + c) is the detectable difference as a share of the discordant cases."""
    found = find_detectable_difference_mcnemar(cases, discordant)

    assert found is not None
    assert found / discordant == pytest.approx(2.8 / math.sqrt(cases * discordant), rel=0.05)


def test_a_handful_of_cases_shows_not_even_the_largest_difference() -> None:
    assert find_detectable_difference_mcnemar(20, 0.05) is None
    assert find_detectable_difference_mcnemar(1, 1.0, two_sided=False) is None


def test_so_many_cases_have_the_promised_power_on_scores() -> None:
    chance = random.Random(41)
    cases = count_cases(0.1, 1 / 9)

    seen = sum(estimate_mean([chance.gauss(0.1, 1 / 3) for _ in range(cases)]).low > 0 for _ in range(1000))

    assert 760 <= seen <= 840


def test_so_many_cases_have_the_promised_power_on_outcomes() -> None:
    """The mid-p test comes nearest to the formula, which is one of large samples."""
    chance = random.Random(42)
    cases = count_cases_mcnemar(0.1, 0.2)
    seen = 0

    for _ in range(800):
        drawn = chance.choices(("broken", "mended", "same"), (0.15, 0.05, 0.8), k=cases)
        seen += compare_counts(drawn.count("broken"), drawn.count("mended"), cases).p_mid <= 0.05

    assert 608 <= seen <= 680


def test_what_has_no_size_is_refused() -> None:
    with pytest.raises(ValueError, match="difference of nothing"):
        count_cases(0.0, 0.1)
    with pytest.raises(ValueError, match="no variances"):
        count_cases(0.1, -0.1)
    with pytest.raises(ValueError, match="at least once"):
        count_cases(0.1, 0.1, repeats=0)
    with pytest.raises(ValueError, match="power"):
        count_cases(0.1, 0.1, power=1.0)
    with pytest.raises(ValueError, match="alpha"):
        count_cases(0.1, 0.1, alpha=0.0)
    with pytest.raises(ValueError, match="show nothing"):
        find_detectable_difference(0, 0.1)
    with pytest.raises(ValueError, match="no variances"):
        count_useful_repeats(0.1, 0.0)


@pytest.mark.parametrize(("difference", "discordant"), [(0.0, 0.1), (0.2, 0.1), (0.1, 1.1), (0.1, -0.1)])
def test_what_no_pairs_can_show_is_refused(difference: float, discordant: float) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        count_cases_mcnemar(difference, discordant)


def test_a_share_of_discordant_cases_is_a_share() -> None:
    with pytest.raises(ValueError, match="no share"):
        find_detectable_difference_mcnemar(100, 0.0)
    with pytest.raises(ValueError, match="show nothing"):
        find_detectable_difference_mcnemar(0, 0.1)
