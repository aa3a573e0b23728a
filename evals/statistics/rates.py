"""Rates with Wilson's interval: so many of so many, and how sure that is. Used by scoreboard and report; no I/O."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

Z_95 = 1.959963984540054


class Rate(msgspec.Struct, frozen=True):
    """`hits` of `n` with a 95 % interval, all shares in 0..1; of nothing, the interval is everything."""

    hits: int
    n: int
    low: float
    high: float

    @property
    def share(self) -> float | None:
        """The rate itself, or None where there was nothing to count."""
        return self.hits / self.n if self.n else None


def rate_of(hits: int, n: int) -> Rate:
    """Wilson's interval for independent trials.

    Raises:
        ValueError: More hits than trials, or a negative number.
    """
    low, high = _wilson(hits, n, float(n))
    return Rate(hits, n, low, high)


def rate_of_clusters(clusters: Sequence[tuple[int, int]]) -> Rate:
    """Wilson's interval for (hits, trials) of each conversation, whose trials hang together.

    The number of trials is divided by the design effect (clustered over binomial variance). Where
    all clusters agree there is no variance to measure it by: then each conversation counts once.
    """
    used = [(h, n) for h, n in clusters if n]
    hits, total, groups = sum(h for h, _ in used), sum(n for _, n in used), len(used)
    if total == 0:
        return rate_of(0, 0)
    share = hits / total
    binomial = share * (1 - share) / total
    if groups < 2 or binomial == 0:
        effective = float(groups)
    else:
        spread = sum((h - n * share) ** 2 for h, n in used) * groups / (groups - 1) / total**2
        effective = min(float(total), total * binomial / spread) if spread else float(total)
    low, high = _wilson(hits, total, max(effective, 1.0))
    return Rate(hits, total, low, high)


def _wilson(hits: int, n: int, effective: float) -> tuple[float, float]:
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} of {n} is not a rate")
    if n == 0:
        return 0.0, 1.0
    share, z2 = hits / n, Z_95**2
    middle = (share + z2 / (2 * effective)) / (1 + z2 / effective)
    half = Z_95 * math.sqrt(share * (1 - share) / effective + z2 / (4 * effective**2)) / (1 + z2 / effective)
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))
