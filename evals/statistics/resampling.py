"""Bootstrap intervals and the sign-flip test: for scores that are neither right nor wrong but somewhere between.

Whole clusters are drawn or flipped, never single cases of one. Chance is the caller's `random.Random`: the same seed
gives the same figure.
"""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Sequence
from itertools import compress

import msgspec

from evals.statistics.distributions import check_share, normal_cdf, normal_quantile
from evals.statistics.means import sum_clusters

_BITS = bytes.maketrans(b"01", b"\x00\x01")


class Interval(msgspec.Struct, frozen=True):
    """Both ends of an interval."""

    low: float
    high: float


def bootstrap_mean(
    values: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    chance: random.Random,
    draws: int = 2000,
    confidence: float = 0.95,
) -> Interval:
    """The percentile interval of the mean: what lies in the middle of the means of redrawn clusters.

    Raises:
        ValueError: No value, unequal lengths, fewer than two clusters, or fewer than 100 draws.
    """
    means = _draw_means(_read_clusters(values, clusters), chance, draws)
    tail = _take_tail(confidence)
    return Interval(pick_quantile(means, tail), pick_quantile(means, 1 - tail))


def bootstrap_mean_bca(
    values: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    chance: random.Random,
    draws: int = 2000,
    confidence: float = 0.95,
) -> Interval:
    """The bias-corrected and accelerated interval: better than percentiles where the values are skewed.

    The acceleration comes from leaving out one cluster at a time. Where all clusters agree, the interval is a point.

    Raises:
        ValueError: No value, unequal lengths, fewer than two clusters, or fewer than 100 draws.
    """
    sums = _read_clusters(values, clusters)
    means = _draw_means(sums, chance, draws)
    tail = _take_tail(confidence)
    total, n = math.fsum(each for each, _ in sums), len(values)
    observed = total / n
    # Ties count half, or a score with few values would look biased.
    below = sum(mean < observed for mean in means) + sum(mean == observed for mean in means) / 2
    bias = normal_quantile(min(max(below, 0.5), draws - 0.5) / draws)
    left_out = [(total - part) / (n - size) for part, size in sums]
    centre = math.fsum(left_out) / len(left_out)
    squares = math.fsum((centre - each) ** 2 for each in left_out)
    bend = math.fsum((centre - each) ** 3 for each in left_out) / (6 * squares**1.5) if squares else 0.0

    def adjust(probability: float) -> float:
        shifted = bias + normal_quantile(probability)
        if bend * shifted >= 1:  # so skewed that nothing lies beyond
            return 1.0 if shifted > 0 else 0.0
        return normal_cdf(bias + shifted / (1 - bend * shifted))

    return Interval(pick_quantile(means, adjust(tail)), pick_quantile(means, adjust(1 - tail)))


def flip_signs(
    differences: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    chance: random.Random,
    flips: int = 10_000,
) -> float:
    """The two-sided p of the sign-flip permutation test: (hits + 1) / (flips + 1).

    If the versions are the same, a cluster's differences could as well have come out the other way round, all together.

    Raises:
        ValueError: No difference, unequal lengths, or fewer than 100 flips.
    """
    _check_draws(flips)
    totals = [abs(total) for total, _ in sum_clusters(differences, clusters)]
    observed = abs(math.fsum(total for total, _ in sum_clusters(differences, clusters)))
    moving = [total for total in totals if total]
    whole = math.fsum(moving)
    # Sums in another order differ in their last digits; as extreme is as extreme.
    limit = observed - 1e-9 * whole
    hits = sum(abs(2 * _draw_subset_sum(moving, chance) - whole) >= limit for _ in range(flips)) if moving else flips
    return (hits + 1) / (flips + 1)


def _take_tail(confidence: float) -> float:
    check_share("confidence", confidence)
    return (1 - confidence) / 2


def _read_clusters(values: Sequence[float], clusters: Sequence[Hashable] | None) -> list[tuple[float, int]]:
    sums = sum_clusters(values, clusters)
    if len(sums) < 2:
        raise ValueError("a bootstrap needs at least two clusters")
    return sums


def _draw_means(sums: Sequence[tuple[float, int]], chance: random.Random, draws: int) -> list[float]:
    _check_draws(draws)
    means = []
    for _ in range(draws):
        drawn = chance.choices(sums, k=len(sums))
        means.append(math.fsum(total for total, _ in drawn) / sum(size for _, size in drawn))
    return sorted(means)


def _draw_subset_sum(totals: Sequence[float], chance: random.Random) -> float:
    """The sum of a subset, each element in it by the toss of a coin."""
    bits = f"{chance.getrandbits(len(totals)):0{len(totals)}b}".encode().translate(_BITS)
    return math.fsum(compress(totals, bits))


def pick_quantile(ordered: Sequence[float], probability: float) -> float:
    """A quantile of at least two values in ascending order, linear between the two neighbours."""
    place = probability * (len(ordered) - 1)
    below = min(int(place), len(ordered) - 2)
    return ordered[below] + (place - below) * (ordered[below + 1] - ordered[below])


def _check_draws(draws: int) -> None:
    if draws < 100:
        raise ValueError(f"{draws} draws are too few for anything; 2000 or more are usual")
