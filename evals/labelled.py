"""Labelled messages of a suite in a run: classified through production's code, kept in `labelled.json`.

`evals.evaluating` classifies them and `evals.replaying` writes the file; scoreboard and comparison read it. How a
message is classified and counted is `evals.classifying`'s affair, as for `parlo classify`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from evals.classifying import ClassFigures, Classified, Figure, Task, classify, count_figure
from evals.datasets import Suite, Utterance
from evals.models import open_model
from evals.run_directory import replace_file
from runtime.settings import Settings

LABELLED_FILE = "labelled.json"


class LabelledMessage(msgspec.Struct, frozen=True):
    """One message: its id in the suite, what it is and what it was taken for.

    `asked` is true where it was relayed and its author asked whether the handoff is over. Messages of one `group`, such
    as one conversation, hang together: a comparison takes them for one cluster.
    """

    id: str
    text: str
    label: str
    predicted: str
    decided_by: str
    asked: bool = False
    group: str | None = None

    @property
    def right(self) -> bool:
        """Whether it was taken for what it is."""
        return self.predicted == self.label


class LabelledTask(msgspec.Struct, frozen=True):
    """All messages of one task, in the suite's order, with their figures.

    Attributes:
        asked: How many of them had their author asked whether the handoff is over. Counted apart: asking is neither
            a label nor a mistake.
    """

    task: Task
    model: str
    prompt: str
    accuracy: Figure
    per_class: dict[str, ClassFigures]
    asked: Figure
    messages: tuple[LabelledMessage, ...]


def classify_suite(suite: Suite, settings: Settings) -> tuple[LabelledTask, ...]:
    """Classify a suite's labelled messages with the prompts of these settings and the offline model."""
    chosen, model = open_model(settings, None)
    found = []
    for task in Task:
        items = [item for each in suite.utterances if each.task is task for item in each.items]
        if items:
            rows = [item.row for item in items]
            found.append(_collect(items, asyncio.run(classify(rows, task, chosen, model, tell=_tell_nobody))))
    return tuple(found)


def _tell_nobody(line: str) -> None:
    """Thousands take a few seconds: not worth a line each hundred."""


def _collect(items: list[Utterance], classified: Classified) -> LabelledTask:
    messages = tuple(_describe(item, row) for item, row in zip(items, classified.rows, strict=True))
    return LabelledTask(
        classified.task,
        classified.model,
        classified.prompt,
        classified.accuracy,
        classified.per_class,
        count_figure(sum(each.asked for each in messages), len(messages)),
        messages,
    )


def _describe(item: Utterance, row: dict[str, object]) -> LabelledMessage:
    predicted, group = row["predicted"], item.row.given.get("group")
    return LabelledMessage(
        id=item.id,
        text=item.row.text,
        label=item.row.label,
        predicted=str(predicted).lower() if isinstance(predicted, bool) else str(predicted),
        decided_by=str(row["decided_by"]),
        asked=row.get("ask_to_end") is True,
        group=None if group is None else str(group),
    )


def write_labelled(run: Path, tasks: tuple[LabelledTask, ...]) -> None:
    """Put the results into a run's directory, whole or not at all."""
    replace_file(run / LABELLED_FILE, msgspec.json.format(msgspec.json.encode(tasks), indent=1) + b"\n")


def read_labelled_tasks(run: Path) -> tuple[LabelledTask, ...]:
    """The results of a run; none where its suite has no labelled messages."""
    path = run / LABELLED_FILE
    return msgspec.json.decode(path.read_bytes(), type=tuple[LabelledTask, ...]) if path.exists() else ()
