"""What several trials of the same conversations tell: pass^k for each k, with intervals that stay honest.

`evals.summary` calls it. A trial whose harness broke is no trial; a conversation that has fewer than k left is left
out of pass^k and counted.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from evals.statistics.pairs import guard_limits
from evals.statistics.repeats import pass_hat_k


class PassHat(msgspec.Struct, frozen=True):
    """The chance that k tries of a conversation all pass, with a 95 % interval over conversations, all in 0..1.

    Attributes:
        cases: Conversations it is over.
        left_out: Those with fewer than k scored trials.
    """

    k: int
    rate: float
    low: float
    high: float
    cases: int
    left_out: int


def estimate_pass_hats(scored: Sequence[tuple[int, int]], trials: int) -> list[PassHat]:
    """pass^k for k = 1 to the number of trials, of what can be estimated.

    Args:
        scored: (passed, scored trials) of each conversation.
        trials: How often each one was replayed.
    """
    found = []
    for k in range(1, trials + 1):
        enough = [(hits, n) for hits, n in scored if n >= k]
        if enough:
            found.append(_estimate(enough, k, len(scored) - len(enough)))
    return found


def _estimate(cases: Sequence[tuple[int, int]], k: int, left_out: int) -> PassHat:
    estimate = pass_hat_k(cases, k)
    # where all conversations agree a t-interval has no width: as in Wilson's, a few of each kind are added
    each = [2 * pass_hat_k([case], k).mean - 1 for case in cases]
    low, high = ((limit + 1) / 2 for limit in guard_limits(each))
    return PassHat(
        k=k,
        rate=estimate.mean,
        low=max(0.0, min(low, estimate.low)),
        high=min(1.0, max(high, estimate.high)),
        cases=len(cases),
        left_out=left_out,
    )
