"""Intervals of rates agree with published values and always hold their rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.statistics.rates import rate_of, rate_of_clusters


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)],
)
def test_wilsons_interval_has_its_published_values(hits: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, table I, method 3, to four places."""
    rate = rate_of(hits, n)

    assert (round(rate.low, 4), round(rate.high, 4)) == (low, high)


def test_of_nothing_nothing_is_known() -> None:
    """No trial, no share, the widest interval."""
    assert (rate_of(0, 0).share, rate_of(0, 0).low, rate_of(0, 0).high) == (None, 0.0, 1.0)


def test_more_hits_than_trials_is_an_error() -> None:
    """A miscount is told, not drawn."""
    with pytest.raises(ValueError, match="5 of 3"):
        rate_of(5, 3)


def test_clusters_that_stand_or_fall_together_count_as_one_trial_each() -> None:
    """Ten conversations of ten verdicts that all agree know no more than ten trials."""
    clustered = rate_of_clusters([(10, 10)] * 6 + [(0, 10)] * 4)
    independent = rate_of(60, 100)

    assert clustered.high - clustered.low > 2.5 * (independent.high - independent.low)
    assert rate_of_clusters([(10, 10)] * 10).low == pytest.approx(rate_of(10, 10).low)


@given(st.lists(st.integers(0, 6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=12))
def test_an_interval_always_holds_its_share(clusters: list[tuple[int, int]]) -> None:
    """Whatever is counted, low ≤ share ≤ high, all within 0 and 1."""
    rate = rate_of_clusters(clusters)

    assert 0.0 <= rate.low <= (rate.share if rate.share is not None else 0.5) <= rate.high <= 1.0
