"""What a judge says of two runs' replies, and whether it may decide: never without a calibration that fits.

`evals.comparing.comparison` measures, `evals.comparing.gating` decides. A judge errs, so that a difference of what it
passes is smaller than the true one: the margin is made smaller by as much, taken at the lower ends of what is known
of the judge (Rogan and Gladen's correction, on the side of caution).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from evals.comparing.policies import JudgeMetric, Tier
from evals.judging.calibrating import (
    CALIBRATIONS_DIRECTORY,
    Calibration,
    choose_calibrations,
    explain_distrust,
    read_calibrations,
)
from evals.judging.judgements import Judgement, choose_subjects, read_judgements
from evals.judging.opening import name_judge
from evals.judging.rubrics import load_rubric
from evals.run_directory import RunReader
from evals.statistics.gate import GateVerdict, decide_gate
from evals.statistics.pairs import PairedDifference, compare_pairs

Key = tuple[str, str, str]


class JudgedChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge says of the replies of two runs.

    Attributes:
        metric: As the policy has it.
        conversations: Judged whole in both runs.
        unjudged: Replies without a verdict in conversations that have one in either run.
        pairs: Of the share of a conversation's replies that pass, as the judge sees it; None where there are none.
        informedness: TPR + TNR - 1 at the lower ends of their intervals; what a true difference shrinks to at most.
        distrust: Why the judge may not decide; nothing where it may.
    """

    metric: JudgeMetric
    conversations: int
    unjudged: int
    pairs: PairedDifference | None
    informedness: float | None
    distrust: str = ""


class JudgeLine(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one judge of a policy, and what follows."""

    change: JudgedChange
    verdict: GateVerdict
    reason: str

    @property
    def title(self) -> str:
        """How it is called where it is shown."""
        return f"{self.change.metric.rubric} by {name_judge(self.change.metric.model)}"


def compare_judged(
    first: RunReader, second: RunReader, judges: Sequence[JudgeMetric], folder: Path = CALIBRATIONS_DIRECTORY
) -> tuple[JudgedChange, ...]:
    """What each judge of a policy says; nothing is asked of anybody, `parlo judge` has done that before.

    Args:
        first: The run before.
        second: The run that is to replace it.
        judges: Of the policy.
        folder: Where calibrations are kept.

    Raises:
        msgspec.DecodeError: A file of judgements or of a calibration is not one of ours.
    """
    if not judges:
        return ()
    known = read_calibrations(folder)
    runs = [(_list_replies(run), read_judgements(run.path)) for run in (first, second)]
    return tuple(_compare(metric, runs, known) for metric in judges)


def judge_judged(changes: Sequence[JudgedChange]) -> tuple[JudgeLine, ...]:
    """What each judge asks for."""
    return tuple(_judge(each) for each in changes)


def _list_replies(run: RunReader) -> dict[str, list[tuple[str, int, str]]]:
    """By conversation, each reply's key, event and what a judge is shown."""
    found: dict[str, list[tuple[str, int, str]]] = defaultdict(list)
    for each in choose_subjects(run):
        found[each.key.partition("#")[0]].append((each.key, each.event, each.subject.digest))
    return dict(found)


def _compare(
    metric: JudgeMetric,
    runs: Sequence[tuple[dict[str, list[tuple[str, int, str]]], list[Judgement]]],
    known: Sequence[Calibration],
) -> JudgedChange:
    rubric, model = load_rubric(metric.rubric), name_judge(metric.model)
    key = rubric.reference, rubric.digest, model
    verdicts = [
        {
            (it.conversation, it.event, it.subject): it
            for it in judged
            if (it.rubric, it.rubric_digest, it.model) == key and it.passed is not None
        }
        for _, judged in runs
    ]
    shares = [dict(_share(replies, found)) for (replies, _), found in zip(runs, verdicts, strict=True)]
    begun = {name for each in shares for name in each}
    both = sorted(name for name in begun if all(each.get(name) is not None for each in shares))
    unjudged = sum(
        place not in found
        for (replies, _), found in zip(runs, verdicts, strict=True)
        for name in begun
        for place in replies.get(name, ())
    )
    answered_by = {it.answered_by for found in verdicts for it in found.values()}
    distrust = explain_distrust(known, key, answered_by, metric.trusted) or ""
    fitting = choose_calibrations(known, key, metric.trusted)
    informed = [it.test.figures.tpr.low + it.test.figures.tnr.low - 1 for it in fitting]
    pairs = None
    if both:
        before, after = ([each[name] or 0.0 for name in both] for each in shares)
        pairs = compare_pairs(before, after)
    return JudgedChange(
        metric=metric,
        conversations=len(both),
        unjudged=unjudged,
        pairs=pairs,
        informedness=min(informed) if informed else None,
        distrust=distrust,
    )


def _share(
    replies: dict[str, list[tuple[str, int, str]]], verdicts: dict[tuple[str, int, str], Judgement]
) -> Iterator[tuple[str, float | None]]:
    """The share of its replies that pass, of each conversation that has a verdict; None where one is missing."""
    for name, places in replies.items():
        found = [verdicts.get(place) for place in places]
        if any(found):
            said = [it.passed is True for it in found if it is not None]
            yield name, sum(said) / len(said) if len(said) == len(found) else None


def _judge(change: JudgedChange) -> JudgeLine:
    verdict, reason = _decide(change)
    tier = change.metric.tier
    if tier is Tier.ADVISORY:
        verdict = GateVerdict.PASS
    elif tier is Tier.SUPPORTING:
        verdict = GateVerdict.WARN if verdict is GateVerdict.BLOCK else GateVerdict.PASS
    return JudgeLine(change=change, verdict=verdict, reason=reason)


def _decide(change: JudgedChange) -> tuple[GateVerdict, str]:
    metric, pairs = change.metric, change.pairs
    if change.distrust:
        return GateVerdict.INCONCLUSIVE, change.distrust
    if pairs is None or change.unjudged:
        missing = f"{change.unjudged} replies have" if change.unjudged else "no reply has"
        no = "no" if change.unjudged else "a"
        return (
            GateVerdict.INCONCLUSIVE,
            f"{missing} {no} verdict: `parlo judge RUN --rubric {metric.rubric}` of both runs",
        )
    if change.informedness is None or change.informedness <= 0:
        return GateVerdict.INCONCLUSIVE, "the judge may be no better than chance"
    margin = metric.margin * change.informedness
    decided, lost = decide_gate(pairs, margin), -pairs.difference.mean
    seen = f"{pairs.before:.1%} of replies pass, now {pairs.after:.1%}, in {change.conversations} conversations"
    if decided.verdict is GateVerdict.BLOCK:
        return (
            GateVerdict.BLOCK,
            f"{seen}: lost more than {margin:.3f}, which is {metric.margin:g} as this judge sees it",
        )
    if lost > margin:
        return GateVerdict.INCONCLUSIVE, f"{seen}: lost more than {margin:.3f}; it may be chance"
    return GateVerdict.PASS, seen
