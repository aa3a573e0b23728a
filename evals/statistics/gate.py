"""The gate's rule: may version B replace version A? A pure function of what a paired comparison found.

`parlo gate` calls it. It compares nothing itself and reads no run; a doubt is never a PASS.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from evals.statistics.distributions import normal_quantile
from evals.statistics.pairs import PairedDifference

LEAST_CLUSTERS = 10
"""With fewer clusters neither a standard error nor Student's t is to be trusted, and nothing is decided."""
MOST_CLUSTERS = 1_000_000
"""Whoever needs more than this to settle a question is told that more will not settle it."""


class GateVerdict(StrEnum):
    """How a gate ends. WARN: really worse, but within the margin."""

    PASS = "PASS"
    WARN = "WARN"
    BLOCK = "BLOCK"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_COMPARABLE = "NOT_COMPARABLE"


EXIT_CODES = {
    GateVerdict.PASS: 0,
    GateVerdict.WARN: 0,
    GateVerdict.BLOCK: 100,
    GateVerdict.INCONCLUSIVE: 101,
    GateVerdict.NOT_COMPARABLE: 101,
}
"""What a program that gates ends with; 100 and 101 are no code of a crash or of wrong usage."""


class GateDecision(msgspec.Struct, frozen=True):
    """A verdict, why, and where it is open how many further clusters (and cases in them) would probably settle it."""

    verdict: GateVerdict
    reason: str
    further_clusters: int | None = None
    further_cases: int | None = None

    @property
    def exit_code(self) -> int:
        """What a program that gates ends with."""
        return EXIT_CODES[self.verdict]


def decide_gate(
    pairs: PairedDifference | None,
    margin: float,
    *,
    broken_must_pass: Sequence[str] = (),
    incomparable: Sequence[str] = (),
    least_clusters: int = LEAST_CLUSTERS,
) -> GateDecision:
    """Decide by the paired interval and a margin that were named beforehand.

    A PASS rests on the guarded lower limit, which a handful of identical cases cannot lift above a small margin; a
    BLOCK on the plain upper one. Runs that cannot be compared come first, then must-pass cases, then the interval.

    Args:
        pairs: The comparison of the primary metric; None where no case could be compared.
        margin: The loss that is tolerated, in the metric's own units, more than 0.
        broken_must_pass: Names of must-pass cases that A passed and B does not.
        incomparable: Why the runs cannot be compared: other cases, another judge, another cassette policy, ….
        least_clusters: With fewer of them the interval decides nothing; at least 2.

    Raises:
        ValueError: A margin that is not positive and finite, or `least_clusters` below 2.
    """
    if not (0 < margin < math.inf):
        raise ValueError(f"the margin must be positive and finite, not {margin}")
    if least_clusters < 2:
        raise ValueError(f"at least 2 clusters are needed for an interval, not {least_clusters}")
    if incomparable:
        return GateDecision(GateVerdict.NOT_COMPARABLE, "cannot be compared: " + "; ".join(incomparable))
    if broken_must_pass:
        return GateDecision(GateVerdict.BLOCK, "broken that must pass: " + ", ".join(broken_must_pass))
    if pairs is None:
        return GateDecision(GateVerdict.INCONCLUSIVE, "no case could be compared")
    return _decide_by_interval(pairs, margin, least_clusters)


def _decide_by_interval(pairs: PairedDifference, margin: float, least_clusters: int) -> GateDecision:
    found, low, high = pairs.difference, pairs.guarded_low, pairs.difference.high
    if found.clusters < least_clusters:
        reason = f"too few to decide: {found.clusters} of at least {least_clusters} independent conversations or groups"
        return _leave_open(pairs, reason, count_further_clusters(pairs, margin, least_clusters))
    seen = f"{found.mean:+.3f}, {pairs.confidence * 100:g} % interval {low:+.3f} to {high:+.3f}"
    if high < 0 and found.mean < -margin:
        return GateDecision(GateVerdict.BLOCK, f"worse, as seen by more than the margin of {margin:g}: {seen}")
    if low > -margin and high < 0:
        return GateDecision(GateVerdict.WARN, f"worse, but within the margin of {margin:g}: {seen}")
    if low > -margin:
        return GateDecision(GateVerdict.PASS, f"not worse by the margin of {margin:g}: {seen}")
    reason = f"neither a loss of more than {margin:g} nor its absence is shown: {seen}"
    return _leave_open(pairs, reason, count_further_clusters(pairs, margin, least_clusters))


def _leave_open(pairs: PairedDifference, reason: str, further: int | None) -> GateDecision:
    if further is None:
        return GateDecision(GateVerdict.INCONCLUSIVE, f"{reason}; more of the same would not settle it")
    size = pairs.difference.n / pairs.difference.clusters
    return GateDecision(GateVerdict.INCONCLUSIVE, reason, further, math.ceil(further * size))


def count_further_clusters(
    pairs: PairedDifference, margin: float, least_clusters: int = LEAST_CLUSTERS, power: float = 0.8
) -> int | None:
    """How many further clusters would settle it, should they be like those seen.

    With them the interval keeps away from the margin, or from zero where the loss seen is beyond the margin, in
    `power` of all repetitions. None where no number would, or more than a million.

    Raises:
        ValueError: A margin that is not positive, or a power outside 0..1.
    """
    if margin <= 0:
        raise ValueError(f"the margin must be positive, not {margin}")
    found, sure = pairs.difference, normal_quantile((1 + pairs.confidence) / 2)
    away = -found.mean if found.mean < -margin else found.mean + margin
    if away <= 0:
        return None
    # A single cluster shows no spread: then this is the least it can take.
    spread = found.se * math.sqrt(found.clusters) if found.clusters > 1 else 0.0
    needed = max(float(least_clusters), ((sure + normal_quantile(power)) * spread / away) ** 2)
    if found.mean >= -margin:
        needed = max(needed, _count_for_guard(found.mean, spread, margin, sure, pairs.span))
    if needed > MOST_CLUSTERS:
        return None
    return max(1, math.ceil(needed) - found.clusters)


def _count_for_guard(mean: float, spread: float, margin: float, sure: float, span: float) -> float:
    """The number of clusters from which the guarded lower limit lies above -margin, all else as seen."""

    def is_enough(clusters: float) -> bool:
        weight = clusters + sure**2
        centre = mean * clusters / weight
        seen = clusters * (spread**2 + (mean - centre) ** 2)
        return centre - sure * math.sqrt(seen + sure**2 * (span**2 + centre**2)) / weight > -margin

    low, high = 1.0, 2.0
    while not is_enough(high):
        if high > MOST_CLUSTERS:
            return math.inf
        low, high = high, high * 2
    while high - low > 0.5:
        middle = (low + high) / 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
