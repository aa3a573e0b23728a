"""Conversations that did not run in one of two runs: left out of both, and tolerated up to a share that a policy names.

`evals.comparing.gating` calls it. What did not run never passes: it is counted and named, whatever is tolerated, and a
conversation that must pass has to have run.
"""

from __future__ import annotations

import msgspec

from evals.comparing.comparison import Comparison
from evals.statistics.gate import GateVerdict

_MOST_NAMED = 5


class Absences(msgspec.Struct, frozen=True, kw_only=True):
    """Those that are missing from the pairs, and what follows.

    Attributes:
        ids: Of the conversations, each trial of which broke its harness in the first run or in the second.
        share: Of all conversations, in 0..1.
        tolerated: The share that the policy puts up with.
        verdict: PASS where it is put up with, or INCONCLUSIVE.
    """

    ids: tuple[str, ...]
    share: float
    tolerated: float
    verdict: GateVerdict
    reason: str


def judge_absences(comparison: Comparison, tolerated: float) -> Absences | None:
    """What conversations that did not run mean for a gate; None where all did."""
    gone, must_pass = comparison.not_run, comparison.must_pass_not_run
    if not gone:
        return None
    share = len(gone) / len(comparison.cases)
    if must_pass:
        verdict, reason = GateVerdict.INCONCLUSIVE, f"must pass and did not run in one of the two: {_name(must_pass)}"
    elif share <= tolerated:
        left_out = f"{len(gone)} did not run in one of the two and are left out of both"
        verdict, reason = GateVerdict.PASS, f"{left_out} ({share:.1%}, tolerated {tolerated:.1%}): {_name(gone)}"
    else:
        verdict = GateVerdict.INCONCLUSIVE
        allowed = f" ({share:.1%}, tolerated {tolerated:.1%})" if tolerated else ""
        reason = (
            f"{len(gone)} conversations did not run in one of the two{allowed}, and what did not run never passes: "
            f"{_name(gone)}"
        )
    return Absences(ids=tuple(gone), share=share, tolerated=tolerated, verdict=verdict, reason=reason)


def _name(ids: tuple[str, ...]) -> str:
    return ", ".join(ids[:_MOST_NAMED]) + (f" and {len(ids) - _MOST_NAMED} more" if len(ids) > _MOST_NAMED else "")
