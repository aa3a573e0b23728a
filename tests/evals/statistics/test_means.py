"""A mean's interval holds what it says, and one that ignores clusters does not."""

from __future__ import annotations

import math
import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.statistics.means import Estimate, estimate_mean

_SCORES = st.lists(st.tuples(st.floats(-5, 5), st.integers(0, 4)), min_size=2, max_size=25)


def _holds(estimate: Estimate, value: float) -> bool:
    return estimate.low <= value <= estimate.high


def test_a_mean_of_few_numbers_is_what_one_finds_by_hand() -> None:
    """1, 2, 3, 4: variance 5/3, t(3) = 3.182."""
    found = estimate_mean([1, 2, 3, 4])

    assert (found.mean, found.n, found.clusters) == (2.5, 4, 4)
    assert found.se == pytest.approx(math.sqrt(5 / 3 / 4))
    assert found.high - found.mean == pytest.approx(3.18245 * found.se, rel=1e-5)


def test_the_error_of_a_rate_is_the_binomial_one() -> None:
    """But for n / (n - 1), as for every variance of a sample."""
    found = estimate_mean([1.0] * 30 + [0.0] * 70)

    assert found.se == pytest.approx(math.sqrt(0.3 * 0.7 / 100 * 100 / 99))


@given(_SCORES)
def test_clusters_of_one_are_no_clusters(scores: list[tuple[float, int]]) -> None:
    values = [value for value, _ in scores]

    assert estimate_mean(values, range(len(values))).se == pytest.approx(estimate_mean(values).se, abs=1e-9)


@given(_SCORES.filter(lambda scores: len({cluster for _, cluster in scores}) > 1))
def test_the_clustered_error_adds_the_cross_products_inside_clusters(scores: list[tuple[float, int]]) -> None:
    values, clusters = [value for value, _ in scores], [cluster for _, cluster in scores]
    n, groups = len(values), len(set(clusters))
    mean = math.fsum(values) / n
    crossed = 2 * math.fsum(
        (a - mean) * (b - mean)
        for (a, one), (b, other) in combinations(zip(values, clusters, strict=True), 2)
        if one == other
    )

    plain, clustered = estimate_mean(values), estimate_mean(values, clusters)

    expected = (plain.se**2 * (n - 1) / n + crossed / n**2) * groups / (groups - 1)
    assert clustered.se**2 == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("clusters", [None, ["a"]])
def test_of_one_value_nothing_is_known_about_chance(clusters: list[str] | None) -> None:
    found = estimate_mean([0.7], clusters)

    assert (found.mean, found.se, found.low, found.high) == (0.7, math.inf, -math.inf, math.inf)


def test_of_one_cluster_nothing_is_known_about_chance() -> None:
    assert estimate_mean([0.1, 0.2, 0.9], ["a", "a", "a"]).se == math.inf


@pytest.mark.parametrize("n", [5, 30])
def test_an_interval_of_independent_values_holds_the_mean_as_often_as_it_says(n: int) -> None:
    chance = random.Random(11)

    held = sum(_holds(estimate_mean([chance.gauss(3, 2) for _ in range(n)]), 3) for _ in range(1000))

    assert 930 <= held <= 970


def test_an_interval_that_ignores_clusters_holds_the_mean_far_too_seldom() -> None:
    """Thirty conversations of eight turns with an intra-cluster correlation of 0.3; the clustered one is right."""
    chance = random.Random(12)
    named = [place // 8 for place in range(240)]
    held_clustered = held_plain = 0

    for _ in range(400):
        moods = [chance.gauss(0, math.sqrt(0.3)) for _ in range(30)]
        values = [moods[cluster] + chance.gauss(0, math.sqrt(0.7)) for cluster in named]
        held_clustered += _holds(estimate_mean(values, named), 0)
        held_plain += _holds(estimate_mean(values), 0)

    assert 368 <= held_clustered <= 392
    assert held_plain <= 328


def test_more_confidence_is_a_wider_interval() -> None:
    assert estimate_mean([1, 2, 3], confidence=0.99).low < estimate_mean([1, 2, 3], confidence=0.9).low


def test_what_has_no_mean_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        estimate_mean([])
    with pytest.raises(ValueError, match="finite"):
        estimate_mean([1.0, math.nan])
    with pytest.raises(ValueError, match="2 values, but 1 cluster"):
        estimate_mean([1.0, 2.0], ["a"])
    with pytest.raises(ValueError, match="confidence"):
        estimate_mean([1.0, 2.0], confidence=95)
