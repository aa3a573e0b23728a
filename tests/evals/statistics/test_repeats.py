"""pass^k and pass@k are unbiased; what most programs print instead is not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.statistics.repeats import pass_at_k, pass_hat_k


def _expect(trials: int, p: float, estimates: list[float]) -> float:
    """The exact expectation over all counts of successes."""
    return sum(
        math.comb(trials, hits) * p**hits * (1 - p) ** (trials - hits) * estimates[hits] for hits in range(trials + 1)
    )


@pytest.mark.parametrize(("p", "true", "biased"), [(0.5, 0.0625, 0.166), (0.8, 0.410, 0.549), (0.9, 0.656, 0.751)])
def test_the_estimate_is_unbiased_where_a_power_of_the_rate_flatters(p: float, true: float, biased: float) -> None:
    ours = [pass_hat_k([(hits, 4)], 4).mean for hits in range(5)]
    plugged_in = [(hits / 4) ** 4 for hits in range(5)]

    assert _expect(4, p, ours) == pytest.approx(p**4, rel=1e-12)
    assert p**4 == pytest.approx(true, abs=5e-4)
    assert _expect(4, p, plugged_in) == pytest.approx(biased, abs=5e-4)


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0.0, 1.0))
def test_both_estimates_are_unbiased_for_every_k_and_n(k: int, further: int, p: float) -> None:
    n = k + further - 1
    every = range(n + 1)

    assert _expect(n, p, [pass_hat_k([(hits, n)], k).mean for hits in every]) == pytest.approx(p**k, abs=1e-9)
    assert _expect(n, p, [pass_at_k([(hits, n)], k).mean for hits in every]) == pytest.approx(
        1 - (1 - p) ** k, abs=1e-9
    )


def test_tasks_may_have_different_numbers_of_trials() -> None:
    tasks = [(4, 4), (2, 4), (3, 5), (0, 6)]

    found = pass_hat_k(tasks, 2)

    assert found.mean == pytest.approx((1 + 1 / 6 + 3 / 10 + 0) / 4)
    assert found.n == 4


def test_the_standard_error_is_taken_over_tasks() -> None:
    """Three tasks of 1, 1/6 and 0: their standard deviation over the root of three."""
    found = pass_hat_k([(4, 4), (2, 4), (1, 4)], 2)

    shares = [1, 1 / 6, 0]
    mean = sum(shares) / 3
    deviation = math.sqrt(sum((share - mean) ** 2 for share in shares) / 2)
    assert found.se == pytest.approx(deviation / math.sqrt(3))


@given(st.lists(st.tuples(st.integers(0, 8), st.just(8)), min_size=1, max_size=9), st.integers(1, 7))
def test_more_tries_make_all_harder_and_one_easier(tasks: list[tuple[int, int]], k: int) -> None:
    assert pass_hat_k(tasks, k + 1).mean <= pass_hat_k(tasks, k).mean + 1e-12
    assert pass_at_k(tasks, k + 1).mean >= pass_at_k(tasks, k).mean - 1e-12
    assert pass_hat_k(tasks, 1).mean == pytest.approx(pass_at_k(tasks, 1).mean)


@pytest.mark.parametrize(
    ("tasks", "k", "complaint"),
    [
        ([], 1, "no tasks"),
        ([(1, 2)], 0, "at least 1"),
        ([(3, 2)], 1, "3 of 2"),
        ([(-1, 2)], 1, "-1 of 2"),
        ([(4, 4), (2, 3)], 4, "one has 3"),
    ],
)
def test_what_cannot_be_estimated_is_refused(tasks: list[tuple[int, int]], k: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        pass_hat_k(tasks, k)
    with pytest.raises(ValueError, match=complaint):
        pass_at_k(tasks, k)
