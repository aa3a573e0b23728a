"""Quantiles of values that hang together in clusters, and a bootstrap of their difference: how long answers take.

Whole clusters are drawn, never single values of one. Chance is the caller's `random.Random`. A maximum has no such
interval: what is drawn anew never goes beyond what was seen.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from itertools import chain

from evals.statistics.distributions import check_share
from evals.statistics.resampling import Interval, pick_quantile

Weighted = tuple[float, float]
"""A value and its weight, above 0."""


def find_quantile(values: Sequence[Weighted], share: float) -> float | None:
    """The smallest value that so large a share of the weight does not exceed; None where there is none.

    It is one that was seen, never one between two.
    """
    if not values:
        return None
    ordered = sorted(values)
    wanted, passed = share * sum(weight for _, weight in ordered), 0.0
    for value, weight in ordered:
        passed += weight
        if passed >= wanted - 1e-9:
            return value
    return ordered[-1][0]


def bootstrap_quantiles(  # noqa: PLR0913 - two samples, and how they are drawn
    before: Sequence[Sequence[Weighted]],
    after: Sequence[Sequence[Weighted]],
    share: float,
    *,
    chance: random.Random,
    factor: float = 1.0,
    draws: int = 1000,
    confidence: float = 0.95,
) -> Interval:
    """The percentile interval of the second quantile less `factor` times the first, over redrawn clusters.

    Args:
        before: Each cluster's values in the first sample, perhaps none.
        after: The same cluster's in the second, at the same place.
        share: Which quantile, in 0..1.
        chance: Draws the clusters.
        factor: What the first quantile is multiplied by.
        draws: How often; a draw without any value on one of the sides is no draw.
        confidence: How often such an interval holds the true difference, in 0..1.

    Raises:
        ValueError: Fewer than two clusters, unequal lengths, or no value on one of the sides.
    """
    check_share("confidence", confidence)
    if len(before) != len(after):
        raise ValueError(f"{len(before)} clusters before, {len(after)} after: these are not the same")
    if len(before) < 2:
        raise ValueError("a bootstrap needs at least two clusters")
    if not any(before) or not any(after):
        raise ValueError("there are no values")
    sides = _Side(before), _Side(after)
    places = range(len(before))
    found = []
    for _ in range(draws):
        drawn = Counter(chance.choices(places, k=len(before)))
        counts = [drawn[place] for place in places]
        old, new = (side.find(counts, share) for side in sides)
        if old is not None and new is not None:
            found.append(new - factor * old)
    tail = (1 - confidence) / 2
    found.sort()
    return Interval(pick_quantile(found, tail), pick_quantile(found, 1 - tail))


class _Side:
    """One sample in the order of its values, sorted once for all draws."""

    def __init__(self, clusters: Sequence[Sequence[Weighted]]) -> None:
        self._sums = [sum(weight for _, weight in cluster) for cluster in clusters]
        self._ordered = sorted(
            chain.from_iterable(
                ((value, weight, place) for value, weight in cluster) for place, cluster in enumerate(clusters)
            )
        )

    def find(self, counts: Sequence[int], share: float) -> float | None:
        """The quantile where each cluster is there so many times."""
        total = sum(each * count for each, count in zip(self._sums, counts, strict=True))
        if not total:
            return None
        wanted, passed, last = share * total - 1e-9, 0.0, 0.0
        for value, weight, place in self._ordered:
            if counts[place]:
                passed += weight * counts[place]
                last = value
                if passed >= wanted:
                    break
        return last
