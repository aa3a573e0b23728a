"""Quantiles and tails agree with printed tables and with what is exact."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.statistics.distributions import (
    coin_point,
    coin_tail,
    incomplete_beta,
    normal_quantile,
    student_t_cdf,
    student_t_quantile,
)


@pytest.mark.parametrize(
    ("df", "quantile"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (10, 2.228), (20, 2.086), (30, 2.042), (60, 2.000), (120, 1.980)],
)
def test_students_t_has_the_quantiles_of_every_printed_table(df: int, quantile: float) -> None:
    assert student_t_quantile(0.975, df) == pytest.approx(quantile, abs=5e-4)


@pytest.mark.parametrize("probability", [0.001, 0.025, 0.2, 0.5, 0.9, 0.995])
def test_students_t_is_exact_where_there_is_a_closed_form(probability: float) -> None:
    """One degree of freedom is Cauchy's distribution; two have a square root."""
    one = math.tan(math.pi * (probability - 0.5))
    two = (2 * probability - 1) * math.sqrt(2 / (4 * probability * (1 - probability)))

    assert student_t_quantile(probability, 1) == pytest.approx(one, rel=1e-9, abs=1e-9)
    assert student_t_quantile(probability, 2) == pytest.approx(two, rel=1e-9, abs=1e-9)


def test_with_many_degrees_of_freedom_t_is_normal() -> None:
    assert student_t_quantile(0.975, 1e6) == pytest.approx(normal_quantile(0.975), abs=1e-5)


@given(st.floats(0.001, 0.999), st.integers(1, 500))
def test_a_quantile_is_where_its_probability_lies(probability: float, df: int) -> None:
    assert student_t_cdf(student_t_quantile(probability, df), df) == pytest.approx(probability, abs=1e-9)


@given(st.integers(0, 60), st.integers(1, 60))
def test_the_incomplete_beta_function_is_a_binomial_tail(successes: int, flips: int) -> None:
    """I_1/2(k, n - k + 1) is the chance of at least k heads: two ways to the same number."""
    successes = min(successes, flips)
    exact = 1.0 if successes == 0 else incomplete_beta(0.5, successes, flips - successes + 1)

    assert coin_tail(successes, flips) == pytest.approx(exact, rel=1e-10)


def test_the_incomplete_beta_function_ends_at_nothing_and_all() -> None:
    assert (incomplete_beta(0.0, 2, 3), incomplete_beta(1.0, 2, 3)) == (0.0, 1.0)
    assert incomplete_beta(0.3, 1, 1) == pytest.approx(0.3)


def test_thousands_of_flips_are_still_exact() -> None:
    assert coin_tail(2500, 5000) == pytest.approx(0.5 + coin_point(2500, 5000) / 2, rel=1e-12)
    assert coin_tail(0, 5000) == 1.0


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, 1.1, math.nan])
def test_nothing_is_as_sure_as_zero_or_one(probability: float) -> None:
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        normal_quantile(probability)
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        student_t_quantile(probability, 5)


def test_what_is_no_count_or_no_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="degrees of freedom"):
        student_t_cdf(1.0, 0)
    with pytest.raises(ValueError, match="flips"):
        coin_tail(0, -1)
    with pytest.raises(ValueError, match="not a count"):
        coin_point(-1, 3)
    with pytest.raises(ValueError, match="incomplete beta"):
        incomplete_beta(1.5, 1, 1)
