"""Redrawn and flipped clusters give the intervals and p values that they promise."""

from __future__ import annotations

import math
import random
from itertools import product

import pytest

from evals.statistics.resampling import Interval, bootstrap_mean, bootstrap_mean_bca, flip_signs

_SKEWED = [1.0, 1.0, 2.0, 2.0, 3.0, 4.0, 6.0, 9.0, 15.0, 30.0]


def _draw_clustered(chance: random.Random, clusters: int, size: int, shared: float) -> tuple[list[float], list[int]]:
    """Values around 0 of variance 1, of which clusters share a part."""
    named = [place // size for place in range(clusters * size)]
    moods = [chance.gauss(0, math.sqrt(shared)) for _ in range(clusters)]
    return [moods[cluster] + chance.gauss(0, math.sqrt(1 - shared)) for cluster in named], named


def test_percentiles_and_bca_of_skewed_values_are_where_another_program_finds_them() -> None:
    """Reference: 200,000 draws, 2.9 to 13.3 by percentiles and 3.5 to 15.8 by BCa, far out in the tail."""
    plain = bootstrap_mean(_SKEWED, chance=random.Random(1), draws=10_000)
    bca = bootstrap_mean_bca(_SKEWED, chance=random.Random(1), draws=10_000)

    assert (plain.low, plain.high) == pytest.approx((2.9, 13.3), abs=0.35)
    assert bca.low == pytest.approx(3.5, abs=0.2)
    assert bca.high == pytest.approx(15.8, abs=0.7)


@pytest.mark.parametrize("bootstrap", [bootstrap_mean, bootstrap_mean_bca])
def test_the_same_seed_gives_the_same_interval(bootstrap: type) -> None:
    first = bootstrap(_SKEWED, chance=random.Random(5), draws=200)

    assert bootstrap(_SKEWED, chance=random.Random(5), draws=200) == first
    assert bootstrap(_SKEWED, chance=random.Random(6), draws=200) != first


@pytest.mark.parametrize("bootstrap", [bootstrap_mean, bootstrap_mean_bca])
def test_a_bootstrap_of_whole_clusters_holds_the_mean_and_one_of_cases_does_not(bootstrap: type) -> None:
    """Twenty-five clusters of four with a correlation of 0.7."""
    chance = random.Random(31)
    held_clustered = held_plain = 0

    for _ in range(120):
        values, named = _draw_clustered(chance, 25, 4, 0.7)
        clustered: Interval = bootstrap(values, named, chance=chance, draws=150)
        plain: Interval = bootstrap(values, chance=chance, draws=100)
        held_clustered += clustered.low <= 0 <= clustered.high
        held_plain += plain.low <= 0 <= plain.high

    assert 105 <= held_clustered <= 119
    assert held_plain <= 98


def test_the_sign_flip_p_is_the_share_of_all_ways_to_flip() -> None:
    differences = [0.3, -0.1, 0.5, 0.2, 0.4, -0.2, 0.6, 0.1]
    observed = abs(sum(differences))
    ways = [abs(sum(a * b for a, b in zip(differences, signs, strict=True))) for signs in product((-1, 1), repeat=8)]
    exact = sum(way >= observed - 1e-12 for way in ways) / 256

    p = flip_signs(differences, chance=random.Random(1))

    assert p == pytest.approx(exact, abs=0.01)


def test_a_p_of_flips_is_never_zero_and_of_no_difference_it_is_one() -> None:
    assert flip_signs([1.0] * 60, chance=random.Random(1), flips=1000) == 1 / 1001
    assert flip_signs([0.0] * 9, chance=random.Random(1), flips=1000) == 1.0
    assert flip_signs([0.1, 0.2, -0.3], chance=random.Random(1), flips=1000) == 1.0


def test_of_binary_outcomes_the_sign_flip_p_is_mcnemars() -> None:
    """8 : 2 among fifty; cases without a difference say nothing."""
    differences = [-1.0] * 8 + [1.0] * 2 + [0.0] * 40

    assert flip_signs(differences, chance=random.Random(2)) == pytest.approx(0.109375, abs=0.012)


def test_a_p_of_flips_is_uniform_where_nothing_differs_but_only_if_clusters_flip_together() -> None:
    """Twenty clusters of five with a correlation of 0.5: flipped one by one, half of the significant ones are false."""
    chance = random.Random(32)
    together, alone = [], []

    for _ in range(300):
        values, named = _draw_clustered(chance, 20, 5, 0.5)
        together.append(flip_signs(values, named, chance=chance, flips=200))
        alone.append(flip_signs(values, chance=chance, flips=100))

    for level in (0.05, 0.25, 0.5, 0.75):
        allowed = 3.3 * math.sqrt(level * (1 - level) / 300)
        assert sum(p <= level for p in together) / 300 == pytest.approx(level, abs=allowed)
    assert sum(p <= 0.05 for p in alone) / 300 > 0.12


def test_where_all_agree_the_interval_is_a_point() -> None:
    """Which is why the gate does not rest on it."""
    assert bootstrap_mean([0.5] * 5, chance=random.Random(1), draws=100) == Interval(0.5, 0.5)
    assert bootstrap_mean_bca([0.5] * 5, chance=random.Random(1), draws=100) == Interval(0.5, 0.5)


@pytest.mark.parametrize("bootstrap", [bootstrap_mean, bootstrap_mean_bca])
def test_what_cannot_be_redrawn_is_refused(bootstrap: type) -> None:
    with pytest.raises(ValueError, match="two clusters"):
        bootstrap([0.1, 0.2], ["a", "a"], chance=random.Random(1))
    with pytest.raises(ValueError, match="no values"):
        bootstrap([], chance=random.Random(1))
    with pytest.raises(ValueError, match="too few"):
        bootstrap([0.1, 0.2], chance=random.Random(1), draws=99)
    with pytest.raises(ValueError, match="confidence"):
        bootstrap([0.1, 0.2], chance=random.Random(1), draws=100, confidence=1.0)


def test_what_cannot_be_flipped_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        flip_signs([], chance=random.Random(1))
    with pytest.raises(ValueError, match="too few"):
        flip_signs([0.1], chance=random.Random(1), flips=10)
    with pytest.raises(ValueError, match="1 values, but 2 clusters"):
        flip_signs([0.1], ["a", "b"], chance=random.Random(1))
