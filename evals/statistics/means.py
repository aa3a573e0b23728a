"""A mean with its standard error and interval, for cases that stand alone or hang together in clusters.

Called for one version's score, and by `pairs` for the differences of two. The cluster is what is drawn at random: the
conversation for scores of turns, the business for scores of conversations. Never rates of few trials: see `rates`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import msgspec

from evals.statistics.distributions import check_share, student_t_quantile


class Estimate(msgspec.Struct, frozen=True):
    """A mean of `n` values in `clusters` clusters, with its standard error and interval.

    Of a single value or cluster nothing is known about chance: `se` is infinite and the interval is everything. An
    `se` of 0 says that no spread was seen, not that there is none.
    """

    mean: float
    se: float
    low: float
    high: float
    n: int
    clusters: int


def estimate_mean(
    values: Sequence[float], clusters: Sequence[Hashable] | None = None, *, confidence: float = 0.95
) -> Estimate:
    """The mean, with an interval by Student's t on n - 1 or, clustered, on C - 1 degrees of freedom.

    Args:
        values: One for each case.
        clusters: For each case the cluster it belongs to; without it every case is one of its own.
        confidence: How often such an interval holds the true mean, in 0..1.

    Raises:
        ValueError: No value, a value that is not finite, or unequal lengths.
    """
    check_share("confidence", confidence)
    sums = sum_clusters(values, clusters)
    n, groups = len(values), len(sums)
    mean = math.fsum(values) / n
    if groups < 2:
        return Estimate(mean, math.inf, -math.inf, math.inf, n, groups)
    spread = math.fsum((total - size * mean) ** 2 for total, size in sums)
    se = math.sqrt(groups / (groups - 1) * spread) / n
    half = student_t_quantile((1 + confidence) / 2, groups - 1) * se
    return Estimate(mean, se, mean - half, mean + half, n, groups)


def sum_clusters(values: Sequence[float], clusters: Sequence[Hashable] | None = None) -> list[tuple[float, int]]:
    """The sum and the size of each cluster, in the order of their first cases.

    Raises:
        ValueError: No value, a value that is not finite, or unequal lengths.
    """
    if not values:
        raise ValueError("there are no values")
    if not all(map(math.isfinite, values)):
        raise ValueError("every value must be a finite number")
    if clusters is None:
        return [(float(value), 1) for value in values]
    if len(clusters) != len(values):
        raise ValueError(f"{len(values)} values, but {len(clusters)} clusters named")
    members: dict[Hashable, list[float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        members.setdefault(cluster, []).append(value)
    return [(math.fsum(each), len(each)) for each in members.values()]
