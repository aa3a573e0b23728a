"""What conversations took and cost in two runs, side by side, and how sure a difference is.

A comparison fills it, one conversation at a time, from those that ran in both; `evals.comparing.limits` judges what a
policy limits. Each conversation is a cluster, and its trials weigh together as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec

from evals.comparing.policies import Limit, Policy, Tier
from evals.comparing.trials import Trials
from evals.measures import QUANTILES, Measure, Measured, Share, find_value, measure_conversation, share_measure
from evals.reading import Reading
from evals.run_directory import RunReader
from evals.statistics.quantiles import bootstrap_quantiles
from evals.statistics.ratios import compare_ratios
from evals.statistics.resampling import Interval
from sim.virtual_time import derive_seed

CONFIDENCE = 0.95
_NEARLY = 1e-9
"""A third three times is not quite one where it is a float."""


class MeasureChange(msgspec.Struct, frozen=True, kw_only=True):
    """One measure over the conversations that ran in both runs.

    Attributes:
        before: In the first run; None where it is not known.
        after: In the second; likewise.
        difference: After less before, or None.
        interval: Of the difference, 95 %; None where it is not known, of a maximum, and of a single conversation.
        unknown: Why a side is not known; nothing where both are.
    """

    measure: Measure
    unit: str
    conversations: int
    before: float | None
    after: float | None
    difference: float | None
    interval: Interval | None
    unknown: str = ""


class MeasuredLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A limit of a policy with what it holds for; a `max` and a `max_ratio` are two of them.

    Attributes:
        ratio: Of the measure before, that the measure may reach; None for one that is limited by itself.
        allowed: What it may be at most, in the measure's unit; None where the first run does not say.
        before: Of the first run.
        after: Of the second.
        surely: Whether more than chance is beyond, with room for the other limits; a maximum never shows that.
        unknown: Why it cannot be told; nothing where it can.
    """

    measure: Measure
    tier: Tier
    ratio: float | None
    allowed: float | None
    before: float | None
    after: float | None
    surely: bool = False
    unknown: str = ""

    @property
    def beyond(self) -> bool:
        """Whether more was seen than is allowed."""
        return self.after is not None and self.allowed is not None and self.after > self.allowed * (1 + _NEARLY)


class MeasureTally:
    """Measures the same conversations in two runs.

    Args:
        first: The run before.
        second: The one that is to replace it; its seed decides what a bootstrap draws.
    """

    def __init__(self, first: RunReader, second: RunReader) -> None:
        self._runs = first, second
        self._measured: tuple[list[list[Measured]], list[list[Measured]]] = [], []

    def add(self, trials: tuple[Trials, Trials]) -> None:
        """Count one conversation, of which each run has a trial that ran."""
        for run, each, found in zip(self._runs, trials, self._measured, strict=True):
            found.append([measure_conversation(Reading(run.read(trial.place))) for trial in each.scored])

    def list_changes(self) -> tuple[MeasureChange, ...]:
        """Each measure before and after; none where no conversation ran in both."""
        return tuple(self._describe(measure) for measure in Measure) if self._measured[0] else ()

    def hold(self, policy: Policy) -> tuple[MeasuredLimit, ...]:
        """The limits of a policy, in its order, with what they hold for."""
        wanted = [(limit, ratio) for limit in policy.limits for ratio in _list_kinds(limit)]
        blocking = sum(limit.tier is Tier.CRITICAL for limit, _ in wanted)
        return tuple(self._hold(limit, ratio, blocking) for limit, ratio in wanted)

    def _share(self, measure: Measure) -> tuple[list[Share], list[Share]]:
        before, after = ([share_measure(measure, trials) for trials in side] for side in self._measured)
        return before, after

    def _describe(self, measure: Measure) -> MeasureChange:
        before, after = self._share(measure)
        (old, why_old), (new, why_new) = find_value(measure, before), find_value(measure, after)
        known = old is not None and new is not None
        return MeasureChange(
            measure=measure,
            unit=measure.unit,
            conversations=len(before),
            before=old,
            after=new,
            difference=new - old if old is not None and new is not None else None,
            interval=self._estimate(measure, before, after) if known else None,
            unknown="; ".join(
                f"in the {name} run {why}" for name, why in (("first", why_old), ("second", why_new)) if why
            ),
        )

    def _hold(self, limit: Limit, ratio: float | None, blocking: int) -> MeasuredLimit:
        measure = limit.measure
        before, after = self._share(measure)
        (old, why_old), (new, why_new) = find_value(measure, before), find_value(measure, after)
        allowed = limit.max if ratio is None else None if old is None else old * ratio
        found = MeasuredLimit(
            measure=measure,
            tier=limit.tier,
            ratio=ratio,
            allowed=allowed,
            before=old,
            after=new,
            unknown=f"in the second run {why_new}"
            if why_new
            else f"in the first run {why_old}"
            if allowed is None
            else "",
        )
        if not found.beyond:
            return found
        if ratio is None:
            # held against a run in which each conversation has just what is allowed
            before = [Share(part=(allowed or 0.0, 1.0), times=((allowed or 0.0, 1.0),)) for _ in after]
        # twice their number leaves room for the primary metric, as with the critical ones
        confidence = 1 - (1 - CONFIDENCE) / (2 * max(1, blocking))
        factor = 1.0 if ratio is None else ratio
        interval = self._estimate(measure, before, after, factor=factor, confidence=confidence)
        return msgspec.structs.replace(found, surely=interval is not None and interval.low > 0)

    def _estimate(
        self,
        measure: Measure,
        before: Sequence[Share],
        after: Sequence[Share],
        *,
        factor: float = 1.0,
        confidence: float = CONFIDENCE,
    ) -> Interval | None:
        """The interval of after less `factor` times before, both of which are known."""
        if measure is Measure.ANSWER_MAX_S or len(before) < 2:
            return None
        if measure not in QUANTILES:
            found = compare_ratios(
                [each.part for each in before], [each.part for each in after], factor=factor, confidence=confidence
            )
            return Interval(found.low, found.high)
        old, new = [each.times for each in before], [each.times for each in after]
        if old == new and factor == 1:
            # whatever is drawn is the same on both sides
            return Interval(0.0, 0.0)
        chance = Random(derive_seed(self._runs[1].info.seed, "measures", measure))
        return bootstrap_quantiles(old, new, QUANTILES[measure], chance=chance, factor=factor, confidence=confidence)


def _list_kinds(limit: Limit) -> list[float | None]:
    """None for the limit by itself, and the ratio, of those that are given."""
    found: list[float | None] = [] if limit.max is None else [None]
    return found if limit.max_ratio is None else [*found, limit.max_ratio]
