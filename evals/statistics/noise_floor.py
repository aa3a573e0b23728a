"""The noise floor: how many cases come out differently though nothing was changed.

One version runs against itself, once for each release of a model. Until two versions differ in more cases than that,
a comparison does not call them different. In a lane where every answer is recorded the floor is nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from evals.statistics.rates import Rate, rate_of, rate_of_clusters


def measure_flips(first: Sequence[bool], second: Sequence[bool], clusters: Sequence[Hashable] | None = None) -> Rate:
    """The share of cases whose outcome differs between two runs, with its interval; A against A, it is the floor.

    Args:
        first: One run's outcomes.
        second: The other's, the same case at the same place.
        clusters: For each case the cluster it belongs to; without it every case is one of its own.

    Raises:
        ValueError: No case, or unequal lengths.
    """
    if not first:
        raise ValueError("there are no cases")
    if len(first) != len(second) or (clusters is not None and len(clusters) != len(first)):
        raise ValueError("outcomes and clusters differ in number: these are not the same cases")
    if clusters is None:
        return rate_of(sum(old != new for old, new in zip(first, second, strict=True)), len(first))
    counts: dict[Hashable, tuple[int, int]] = {}
    for old, new, cluster in zip(first, second, clusters, strict=True):
        flips, n = counts.get(cluster, (0, 0))
        counts[cluster] = (flips + (old != new), n + 1)
    return rate_of_clusters(list(counts.values()))


def is_within_noise(flips: Rate, floor: Rate) -> bool:
    """Whether a flip rate is one that mere noise has, being no higher than the floor's interval reaches.

    Without a case on either side nothing rises above the noise.
    """
    return flips.share is None or flips.share <= floor.high
