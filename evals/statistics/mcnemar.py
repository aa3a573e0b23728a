"""McNemar's exact test: two versions on the same cases, each case right or wrong.

Only the discordant cases tell the versions apart, so they are shown beside every p. Assumes that cases are
independent; where they hang together, `pairs` has the clustered interval and `resampling` the clustered test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from evals.statistics.distributions import coin_point, coin_tail


class McNemar(msgspec.Struct, frozen=True, kw_only=True):
    """Two versions, A and B, on the same `n` cases.

    Attributes:
        n: All cases, concordant ones too.
        broken: b, cases that A had right and B has wrong.
        mended: c, cases that A had wrong and B has right.
        effect: (c - b) / n, what B has gained.
        se: Standard error of the effect.
        p: Exact, two-sided: how often mere chance splits the discordant cases at least so unevenly.
        p_worse: Exact, one-sided: how often it breaks at least so many of them. What a gate asks.
        p_mid: The two-sided p with half the weight on what was seen; less conservative.
    """

    n: int
    broken: int
    mended: int
    effect: float
    se: float
    p: float
    p_worse: float
    p_mid: float


def compare_counts(broken: int, mended: int, n: int) -> McNemar:
    """McNemar's test from the counts of discordant cases among `n`.

    Raises:
        ValueError: No case, a negative count, or more discordant cases than cases.
    """
    if n < 1 or broken < 0 or mended < 0 or broken + mended > n:
        raise ValueError(f"{broken} broken and {mended} mended of {n} cases is not a count")
    discordant, fewer = broken + mended, min(broken, mended)
    doubled = 2 * coin_tail(discordant - fewer, discordant)
    return McNemar(
        n=n,
        broken=broken,
        mended=mended,
        effect=(mended - broken) / n,
        se=math.sqrt(discordant - (broken - mended) ** 2 / n) / n,
        p=min(1.0, doubled),
        p_worse=coin_tail(broken, discordant),
        p_mid=min(1.0, doubled - coin_point(fewer, discordant)),
    )


def compare_outcomes(before: Sequence[bool], after: Sequence[bool]) -> McNemar:
    """McNemar's test from the outcomes of A and of B, the same case at the same place.

    Raises:
        ValueError: No case, or unequal lengths.
    """
    if len(before) != len(after):
        raise ValueError(f"{len(before)} outcomes before, {len(after)} after: these are not the same cases")
    pairs = list(zip(before, after, strict=True))
    return compare_counts(
        sum(old and not new for old, new in pairs), sum(new and not old for old, new in pairs), len(pairs)
    )
