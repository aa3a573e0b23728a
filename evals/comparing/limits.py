"""Limits of what answers may take and cost: measured by a comparison, judged by the gate.

`evals.comparing.gating` calls it. What is not known is never within a limit.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from evals.comparing.measuring import MeasuredLimit
from evals.comparing.policies import Tier
from evals.measures import Measure, show_value
from evals.statistics.gate import GateVerdict


class LimitLine(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one limit of a policy, and what follows: PASS, WARN, BLOCK or INCONCLUSIVE."""

    measured: MeasuredLimit
    verdict: GateVerdict
    reason: str

    @property
    def title(self) -> str:
        """How it is called where it is shown."""
        held = self.measured
        if held.ratio is not None:
            return f"{held.measure} ≤ {held.ratio:g} × before"
        return f"{held.measure} ≤ {held.allowed:g}"


def judge_limits(limits: Sequence[MeasuredLimit], *, certain: bool) -> tuple[LimitLine, ...]:
    """What each limit asks for.

    Args:
        limits: With what was measured.
        certain: The models answer the same each time, so that what is beyond a limit is so and is no chance.
    """
    return tuple(_judge(each, certain=certain) for each in limits)


def _judge(held: MeasuredLimit, *, certain: bool) -> LimitLine:
    if held.unknown:
        reason = f"{held.measure} is not known: {held.unknown}; what is not known is never within a limit"
        return LimitLine(measured=held, verdict=GateVerdict.INCONCLUSIVE, reason=reason)
    seen = f"{held.measure} is {show_value(held.measure, held.after)}"
    at_most = f"at most {show_value(held.measure, held.allowed)}"
    if held.ratio is not None:
        at_most += f", {held.ratio:g} times the {show_value(held.measure, held.before)} before"
    if not held.beyond:
        return LimitLine(measured=held, verdict=GateVerdict.PASS, reason=f"{seen}, {at_most}")
    reason = f"{seen}, and may be {at_most}"
    # the slowest answer was as slow as it was
    seen_once = held.measure is Measure.ANSWER_MAX_S and held.ratio is None
    if certain or held.surely or seen_once:
        verdict = GateVerdict.BLOCK if held.tier is Tier.CRITICAL else GateVerdict.WARN
        return LimitLine(measured=held, verdict=verdict, reason=reason)
    verdict = GateVerdict.INCONCLUSIVE if held.tier is Tier.CRITICAL else GateVerdict.PASS
    return LimitLine(measured=held, verdict=verdict, reason=f"{reason}; it may be chance")
