"""Paired differences: the error pairing leaves, intervals that hold, and a guard for what few cases cannot show."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.statistics.mcnemar import compare_counts
from evals.statistics.means import estimate_mean
from evals.statistics.pairs import PairedDifference, compare_pairs, guard_limits

_PAIRS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 5)), min_size=2, max_size=25)


def _spell(broken: int, mended: int, n: int) -> PairedDifference:
    before = [1.0] * broken + [0.0] * mended + [1.0] * (n - broken - mended)
    after = [0.0] * broken + [1.0] * mended + [1.0] * (n - broken - mended)
    return compare_pairs(before, after)


@given(_PAIRS)
def test_pairing_takes_what_both_versions_share_out_of_the_error(pairs: list[tuple[float, float, int]]) -> None:
    """SE² = SE_A² + SE_B² - 2 r SE_A SE_B; the last term is twice their covariance over n."""
    before, after = [a for a, _, _ in pairs], [b for _, b, _ in pairs]
    n, mean_a, mean_b = len(pairs), math.fsum(before) / len(pairs), math.fsum(after) / len(pairs)
    covariance = math.fsum((a - mean_a) * (b - mean_b) for a, b in zip(before, after, strict=True)) / (n - 1)

    found = compare_pairs(before, after)

    expected = estimate_mean(before).se ** 2 + estimate_mean(after).se ** 2 - 2 * covariance / n
    assert found.difference.se**2 == pytest.approx(expected, abs=1e-9)
    assert found.difference.mean == pytest.approx(found.after - found.before, abs=1e-9)


def test_of_outcomes_the_error_is_mcnemars() -> None:
    """But for n / (n - 1), as for every variance of a sample."""
    found, exact = _spell(8, 2, 100), compare_counts(8, 2, 100)

    assert found.difference.mean == pytest.approx(exact.effect)
    assert found.difference.se == pytest.approx(exact.se * math.sqrt(100 / 99))


def test_a_change_that_helps_hard_and_easy_cases_alike_is_seen_in_few_of_them() -> None:
    before = [place / 20 for place in range(20)]
    after = [score + 0.05 + 0.002 * (-1) ** place for place, score in enumerate(before)]

    found = compare_pairs(before, after, span=2.0)

    assert found.difference.low > 0.04
    assert estimate_mean(after).low < estimate_mean(before).high


@pytest.mark.parametrize(("clusters", "correlation"), [(25, 0.0), (25, 0.4)])
def test_a_paired_interval_holds_the_true_difference_as_often_as_it_says(clusters: int, correlation: float) -> None:
    """Five turns a conversation, both versions right and wrong on much the same ones."""
    chance = random.Random(61)
    named = [place // 5 for place in range(clusters * 5)]
    held = 0

    for _ in range(400):
        moods = [chance.gauss(0, 0.1 * math.sqrt(correlation)) for _ in range(clusters)]
        before = [chance.uniform(0.3, 0.7) for _ in named]
        gains = [0.02 + moods[cluster] + chance.gauss(0, 0.1 * math.sqrt(1 - correlation)) for cluster in named]
        after = [score + gain for score, gain in zip(before, gains, strict=True)]
        found = compare_pairs(before, after, named, span=2.0).difference
        held += found.low <= 0.02 <= found.high

    assert 366 <= held <= 394


def test_clusters_that_change_together_are_seen_in_the_error() -> None:
    """The error without them stands beside it, three times too small."""
    before = [1.0] * 100
    after = [0.0] * 10 + [1.0] * 90
    named = [place // 10 for place in range(100)]

    found = compare_pairs(before, after, named)

    assert found.difference.se > 3 * found.naive_se


@pytest.mark.parametrize("n", [5, 20, 100, 1000])
def test_where_none_differs_the_guard_leaves_the_width_of_wilsons_interval(n: int) -> None:
    """z² / (n + z²) for each side, by Student's t instead of z."""
    low, high = guard_limits([0.0] * n)

    z_squared = 1.96**2
    assert -low == high
    assert z_squared / (n + z_squared) <= high <= 1.45 * z_squared / (n + z_squared)


def test_the_guard_counts_whole_clusters() -> None:
    """Ten conversations of twenty turns are ten."""
    named = [place // 20 for place in range(200)]

    assert guard_limits([0.0] * 200, named) == pytest.approx(guard_limits([0.0] * 10))


def test_turns_that_only_repeat_their_conversation_leave_the_guard_as_it_is() -> None:
    gains = [0.1, -0.3, 0.0, 0.2, 0.5, -0.1]
    repeated = [gain for gain in gains for _ in range(4)]

    assert guard_limits(repeated, [place // 4 for place in range(24)]) == pytest.approx(guard_limits(gains))


def test_with_many_differences_the_guard_is_hardly_felt() -> None:
    found = _spell(150, 150, 1000)

    assert found.guarded_low == pytest.approx(found.difference.low, abs=0.001)
    assert found.guarded_high == pytest.approx(found.difference.high, abs=0.001)


@given(_PAIRS)
def test_guarded_limits_are_never_narrower_and_stay_within_the_span(pairs: list[tuple[float, float, int]]) -> None:
    found = compare_pairs([a for a, _, _ in pairs], [b for _, b, _ in pairs], [c for _, _, c in pairs])

    assert -1 <= found.guarded_low <= max(found.difference.low, -1)
    assert min(found.difference.high, 1) <= found.guarded_high <= 1


@pytest.mark.parametrize(("n", "broken"), [(60, 0.03), (150, 0.02), (400, 0.01)])
def test_guarded_limits_hold_a_rare_loss_where_plain_ones_do_not(n: int, broken: float) -> None:
    """A loss of one to three points is often not seen even once, and then a plain interval is a point at nothing."""
    chance = random.Random(62)
    held = held_plain = 0

    for _ in range(500):
        losses = sum(chance.random() < broken for _ in range(n))
        found = _spell(losses, 0, n)
        held += found.guarded_low <= -broken
        held_plain += found.difference.low <= -broken

    assert held / 500 >= 0.95
    assert held_plain / 500 <= held / 500 - 0.03


def test_of_one_cluster_nothing_is_known() -> None:
    found = compare_pairs([0.0, 1.0], [1.0, 1.0], ["a", "a"])

    assert (found.guarded_low, found.guarded_high, found.difference.se) == (-1.0, 1.0, math.inf)


def test_other_cases_and_impossible_differences_are_refused() -> None:
    with pytest.raises(ValueError, match="not the same cases"):
        compare_pairs([1.0], [1.0, 0.0])
    with pytest.raises(ValueError, match="no values"):
        compare_pairs([], [])
    with pytest.raises(ValueError, match="larger than the span"):
        compare_pairs([0.0, 0.0], [3.0, 0.0])
    with pytest.raises(ValueError, match="span must be positive"):
        guard_limits([0.0, 0.0], span=0.0)
    with pytest.raises(ValueError, match="finite"):
        compare_pairs([math.nan, 0.0], [0.0, 0.0])
