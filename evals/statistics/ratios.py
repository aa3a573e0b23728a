"""Two ratios of sums over the same clusters, and how sure their difference is: calls for a turn, dollars for a talk.

A mean for a turn is no mean of means: a conversation of ten turns weighs ten times one of a single turn. So sums are
divided by sums, and chance is measured by what each cluster adds to the ratio (Taylor's linearization).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from evals.statistics.means import Estimate, estimate_mean

Part = tuple[float, float]
"""What one cluster adds: to the sum above, and to the one below."""


def divide_sums(parts: Sequence[Part]) -> float | None:
    """The ratio of the sums, or None where there is nothing to divide by."""
    below = math.fsum(each for _, each in parts)
    return math.fsum(each for each, _ in parts) / below if below else None


def compare_ratios(
    before: Sequence[Part], after: Sequence[Part], *, factor: float = 1.0, confidence: float = 0.95
) -> Estimate:
    """The second ratio less `factor` times the first, with a t-interval over clusters.

    Args:
        before: Each cluster's part in the first ratio.
        after: The same cluster's part in the second, at the same place.
        factor: What the first one is multiplied by.
        confidence: How often such an interval holds the true difference, in 0..1.

    Raises:
        ValueError: No cluster, unequal lengths, or nothing to divide by.
    """
    if len(before) != len(after):
        raise ValueError(f"{len(before)} clusters before, {len(after)} after: these are not the same")
    pairs = zip(_linearize(before), _linearize(after), strict=True)
    return estimate_mean([new - factor * old for old, new in pairs], confidence=confidence)


def _linearize(parts: Sequence[Part]) -> list[float]:
    """For each cluster a value, so that their mean is the ratio and their spread that of the ratio."""
    ratio = divide_sums(parts)
    if ratio is None:
        raise ValueError("there is nothing to divide by")
    size = math.fsum(below for _, below in parts) / len(parts)
    return [ratio + (above - ratio * below) / size for above, below in parts]
