"""Labelled messages of two runs side by side: which are taken for what they are since, and which no longer.

`evals.comparing.comparison` calls it. Their rate is their own, never mixed with the conversations'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from evals.classifying import Task
from evals.comparing.alignment import Change
from evals.labelled import LabelledMessage, LabelledTask, read_labelled_tasks
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
        pass_rate: Of messages that are taken for what they are, each one a cluster of its own; for a gate.
        flips: The broken ones first.
    """

    compared: int
    broken: int
    fixed: int
    pass_rate: PairedDifference
    flips: tuple[Flip, ...]


def compare_labelled(first: Path, second: Path, reasons: list[str]) -> LabelledComparison | None:
    """Compare two runs' labelled messages; None where there are none in both.

    Args:
        first: The run's directory.
        second: Likewise.
        reasons: Gets a line for what one of them lacks: a message that is not there is never a pass.
    """
    ours, theirs = _by_key(read_labelled_tasks(first)), _by_key(read_labelled_tasks(second))
    for name, lacking in (("first", len(theirs.keys() - ours.keys())), ("second", len(ours.keys() - theirs.keys()))):
        if lacking:
            reasons.append(f"missing in the {name} run: {lacking} labelled messages; evaluate it anew")
    shared = [key for key in ours if key in theirs]
    if not shared:
        return None
    flips = [flip for key in shared if (flip := _find_flip(key[0], ours[key], theirs[key]))]
    flips.sort(key=lambda flip: flip.change is not Change.BROKEN)
    broken = sum(flip.change is Change.BROKEN for flip in flips)
    rights = [[float(side[key].right) for key in shared] for side in (ours, theirs)]
    return LabelledComparison(
        len(shared), broken, len(flips) - broken, compare_pairs(rights[0], rights[1]), tuple(flips)
    )


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
