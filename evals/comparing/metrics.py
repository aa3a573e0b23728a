"""Scorer by scorer, what two runs of one suite made of the same conversations.

A comparison fills it, one conversation at a time; the gate judges by it. A conversation counts for a scorer with the
share of its verdicts that were met, so that a long conversation weighs no more than a short one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import msgspec

from evals.comparing.policies import PASS_RATE
from evals.comparing.trials import Trials
from evals.statistics.noise_floor import measure_flips
from evals.statistics.pairs import PairedDifference, compare_pairs
from evals.statistics.rates import Rate
from evals.verdicts import Verdict, VerdictKind


class MetricChange(msgspec.Struct, frozen=True, kw_only=True):
    """One scorer over the conversations that it scored in both runs; of labelled messages, over the messages.

    Attributes:
        metric: The scorer's name, or `conversations` for the pass rate.
        tag: Only conversations that have it; None for all.
        pairs: None where no conversation was scored in both.
        worse: Conversations whose share of met verdicts fell.
        better: Those in which it rose.
        flips: Both, of all.
        lost: Conversations that only the first run has scored.
        p: Exact and two-sided, where cases hang together and so `worse` and `better` would tell it wrongly; else None.
    """

    metric: str
    tag: str | None
    conversations: int
    pairs: PairedDifference | None
    worse: int
    better: int
    flips: Rate
    lost: int
    p: float | None = None


class MetricTally:
    """Gathers shares by scorer, and by scorer and tag where that was asked for."""

    def __init__(self, wanted: Collection[tuple[str, str | None]] = ()) -> None:
        self._tagged = [(metric, tag) for metric, tag in wanted if tag is not None]
        self._shares: dict[tuple[str, str | None], tuple[list[float], list[float]]] = {key: ([], []) for key in wanted}
        self._lost: Counter[tuple[str, str | None]] = Counter()

    def add(self, tags: Collection[str], rates: tuple[float, float], trials: tuple[Trials, Trials]) -> None:
        """Count one conversation that ran in both, by the share of its trials that passed and by its scorers."""
        first, second = (average_shares(each) for each in trials)
        first[PASS_RATE], second[PASS_RATE] = rates
        for metric, share in first.items():
            for key in self._list_keys(metric, tags):
                if metric not in second:
                    self._lost[key] += 1
                    continue
                before, after = self._shares.setdefault(key, ([], []))
                before.append(share)
                after.append(second[metric])

    def list_changes(self) -> tuple[MetricChange, ...]:
        """One for each scorer, and for each slice of one that was asked for, by name."""
        keys = sorted({*self._shares, *self._lost}, key=lambda key: (key[0], key[1] or ""))
        return tuple(self._describe(*key) for key in keys)

    def _list_keys(self, metric: str, tags: Collection[str]) -> list[tuple[str, str | None]]:
        return [(metric, None), *((name, tag) for name, tag in self._tagged if name == metric and tag in tags)]

    def _describe(self, metric: str, tag: str | None) -> MetricChange:
        before, after = self._shares.get((metric, tag), ([], []))
        pairs = list(zip(before, after, strict=True))
        return MetricChange(
            metric=metric,
            tag=tag,
            conversations=len(pairs),
            pairs=compare_pairs(before, after) if pairs else None,
            worse=sum(new < old for old, new in pairs),
            better=sum(new > old for old, new in pairs),
            flips=_count_flips(before, after),
            lost=self._lost[metric, tag],
        )


def average_shares(trials: Trials) -> dict[str, float]:
    """By scorer, the mean of its shares over the trials in which it scored something."""
    found: dict[str, list[float]] = {}
    for trial in trials.scored:
        for scorer, share in share_by_scorer(trial.verdicts).items():
            found.setdefault(scorer, []).append(share)
    return {scorer: sum(shares) / len(shares) for scorer, shares in found.items()}


def share_by_scorer(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """Of each scorer's verdicts, which share was met; without scorers that scored nothing."""
    met: dict[str, list[bool]] = {}
    for verdict in verdicts:
        if verdict.value is not None and verdict.kind is not VerdictKind.INFRASTRUCTURE:
            met.setdefault(verdict.scorer, []).append(verdict.met)
    return {scorer: sum(found) / len(found) for scorer, found in met.items()}


def _count_flips(before: Sequence[float], after: Sequence[float]) -> Rate:
    if not before:
        return Rate(0, 0, 0.0, 1.0)
    return measure_flips([False] * len(before), [old != new for old, new in zip(before, after, strict=True)])
