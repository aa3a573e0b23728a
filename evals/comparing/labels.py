"""Labelled messages of two runs side by side: which are taken for what they are since, and which no longer.

`evals.comparing.comparison` calls it. Their rate is their own, never mixed with the conversations'. A policy may name
the messages of a task as a metric; a run that has none is then not comparable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgspec

from evals.classifying import Task
from evals.comparing.alignment import Change
from evals.comparing.metrics import MetricChange
from evals.comparing.policies import LABEL_METRICS, Policy
from evals.labelled import LabelledMessage, LabelledTask, read_labelled_tasks
from evals.statistics.mcnemar import compare_counts
from evals.statistics.noise_floor import measure_flips
from evals.statistics.pairs import PairedDifference, compare_pairs


class Flip(msgspec.Struct, frozen=True):
    """A message that was right and is wrong (broken), or the other way round (fixed)."""

    task: Task
    id: str
    text: str
    label: str
    before: str
    after: str
    change: Change


class LabelledComparison(msgspec.Struct, frozen=True):
    """The labelled messages of both runs.

    Attributes:
        pass_rate: Of messages that are taken for what they are; each group is a cluster, or each message without one.
        flips: The broken ones first.
        metrics: The same by task, as a policy names them.
        models: All that classified them.
    """

    compared: int
    broken: int
    fixed: int
    pass_rate: PairedDifference
    flips: tuple[Flip, ...]
    metrics: tuple[MetricChange, ...] = ()
    models: tuple[str, ...] = ()


def compare_labelled(first: Path, second: Path, reasons: list[str]) -> LabelledComparison | None:
    """Compare two runs' labelled messages; None where there are none in both.

    Args:
        first: The run's directory.
        second: Likewise.
        reasons: Gets a line for what one of them lacks: a message that is not there is never a pass.
    """
    tasks = read_labelled_tasks(first), read_labelled_tasks(second)
    ours, theirs = _by_key(tasks[0]), _by_key(tasks[1])
    for name, lacking in (("first", len(theirs.keys() - ours.keys())), ("second", len(ours.keys() - theirs.keys()))):
        if lacking:
            reasons.append(f"missing in the {name} run: {lacking} labelled messages; evaluate it anew")
    shared = [key for key in ours if key in theirs]
    if not shared:
        return None
    flips = [flip for key in shared if (flip := _find_flip(key[0], ours[key], theirs[key]))]
    flips.sort(key=lambda flip: flip.change is not Change.BROKEN)
    broken = sum(flip.change is Change.BROKEN for flip in flips)
    pairs = {key: (ours[key], theirs[key]) for key in shared}
    return LabelledComparison(
        len(shared),
        broken,
        len(flips) - broken,
        compare_pairs(*_list_rights(pairs.values()), _list_clusters(pairs.values())),
        tuple(flips),
        tuple(
            _describe_task(metric, [pair for key, pair in pairs.items() if key[0] is task])
            for metric, task in LABEL_METRICS.items()
            if any(key[0] is task for key in shared)
        ),
        tuple(sorted({task.model for each in tasks for task in each})),
    )


def explain_missing(policy: Policy, labelled: LabelledComparison | None) -> Iterator[str]:
    """Why a policy that names labelled messages says nothing about two runs without them: they are not let through."""
    there = {each.metric for each in labelled.metrics} if labelled else set()
    for _, _, metric in policy.list_metrics():
        if metric.metric in LABEL_METRICS and metric.metric not in there:
            lacking = f"{metric.metric} is in the policy, and the two runs share no such messages"
            yield f"{lacking}: evaluate a suite that has them, with --messages"


_Pair = tuple[LabelledMessage, LabelledMessage]


def _describe_task(metric: str, pairs: Sequence[_Pair]) -> MetricChange:
    before, after = _list_rights(pairs)
    clusters = _list_clusters(pairs)
    grouped = any(ours.group is not None for ours, _ in pairs)
    return MetricChange(
        metric=metric,
        tag=None,
        conversations=len(pairs),
        pairs=compare_pairs(before, after, clusters),
        worse=sum(new < old for old, new in zip(before, after, strict=True)),
        better=sum(new > old for old, new in zip(before, after, strict=True)),
        flips=measure_flips([each > 0 for each in before], [each > 0 for each in after], clusters if grouped else None),
        lost=0,
        p=_count_groups(before, after, clusters) if grouped else None,
    )


def _list_rights(pairs: Collection[_Pair]) -> tuple[list[float], list[float]]:
    return [float(ours.right) for ours, _ in pairs], [float(theirs.right) for _, theirs in pairs]


def _list_clusters(pairs: Collection[_Pair]) -> list[str | int]:
    """A message's group; without one it is a cluster of its own."""
    return [number if ours.group is None else ours.group for number, (ours, _) in enumerate(pairs)]


def _count_groups(before: Sequence[float], after: Sequence[float], clusters: Sequence[str | int]) -> float:
    """McNemar's p of groups, each of which counts once, by the way in which most of its flips went."""
    sums: dict[str | int, float] = {}
    for old, new, cluster in zip(before, after, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + new - old
    fell, rose = (sum(sign * each > 0 for each in sums.values()) for sign in (-1, 1))
    return compare_counts(fell, rose, len(sums)).p


_Key = tuple[Task, str, int]


def _by_key(tasks: Sequence[LabelledTask]) -> dict[_Key, LabelledMessage]:
    """By task, id, and which of several messages with that id it is."""
    seen: Counter[tuple[Task, str]] = Counter()
    found: dict[_Key, LabelledMessage] = {}
    for task in tasks:
        for message in task.messages:
            found[task.task, message.id, seen[task.task, message.id]] = message
            seen[task.task, message.id] += 1
    return found


def _find_flip(task: Task, before: LabelledMessage, after: LabelledMessage) -> Flip | None:
    if before.right == after.right:
        return None
    change = Change.FIXED if after.right else Change.BROKEN
    return Flip(task, before.id, before.text, before.label, before.predicted, after.predicted, change)
