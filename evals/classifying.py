"""Measures the two classifiers of a handoff on labelled messages, through the code that production runs.

`parlo classify` calls `read_labelled`, `classify` and, unless JSON is wanted, `evals.classification_table`. A message
is cleaned as the inbox cleans it, then judged by `runtime.agent.owner_intent` or heard by
`runtime.agent.asks_human`. Nothing here knows what a label means.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path

import msgspec

from evals.statistics.rates import rate_of
from runtime.agent.asks_human import hear_by
from runtime.agent.owner_intent import Ask, Intent, judge_by
from runtime.domain.errors import Unavailable
from runtime.domain.whatsapp import clean_text
from runtime.ports import Model, ModelAnswer, ModelRequest
from runtime.settings import Settings
from sim.jsonlines import JsonLine, read_json_lines
from sim.problems import MalformedInput, Problem

TELL_EVERY = 100
"""Rows between two lines of progress."""


class Task(StrEnum):
    """What is classified."""

    OWNER_INTENT = "owner-intent"
    ASKS_HUMAN = "asks-human"


LABELS: dict[Task, tuple[str, ...]] = {
    Task.OWNER_INTENT: tuple(Intent),
    Task.ASKS_HUMAN: ("true", "false"),
}


class Labelled(msgspec.Struct, frozen=True):
    """A row of the file: what is classified, what it should be, and the object as it was given."""

    line: int
    text: str
    label: str
    history: tuple[str, ...]
    staff: tuple[str, ...]
    given: dict[str, object]


class Verdict(msgspec.Struct, frozen=True):
    """What one message was taken for, by which layer, in how many milliseconds."""

    predicted: str
    decided_by: str
    ms: float
    notes: dict[str, object] = {}


class Figure(msgspec.Struct, frozen=True):
    """`n` of `of` with a 95 % interval. `rate` is None where there was nothing to count."""

    n: int
    of: int
    rate: float | None
    interval: tuple[float, float]


class ClassFigures(msgspec.Struct, frozen=True):
    """One label. The interval of F1 is that of TP / (TP + FP + FN), which is a rate and grows with F1."""

    precision: Figure
    recall: Figure
    f1: Figure
    support: int


class Classified(msgspec.Struct, frozen=True):
    """All that `parlo classify --json` prints."""

    task: Task
    model: str
    prompt: str
    n: int
    accuracy: Figure
    confusion: dict[str, dict[str, int]]
    per_class: dict[str, ClassFigures]
    costs: dict[str, Figure]
    decided_by: dict[str, Figure]
    ms: dict[str, float]
    mistakes: list[dict[str, object]]
    rows: list[dict[str, object]]


def read_labelled(path: Path, task: Task, *, split: str | None = None) -> list[Labelled]:
    """The rows of a JSON Lines file, of one split or of all.

    Raises:
        MalformedInput: With every fault and its line; or there is no row.
    """
    rows: list[Labelled] = []
    problems: list[Problem] = []
    for item in read_json_lines(path):
        try:
            if isinstance(item, Problem):
                problems.append(item)
            elif split is None or item.value.get("split") == split:
                rows.append(_read_row(item, task))
        except _BadField as bad:
            problems.append(Problem(str(path), item.number if isinstance(item, JsonLine) else 0, bad.field, str(bad)))
    if not rows and not problems:
        problems.append(Problem(str(path), message="no rows" if split is None else f"no rows of the split {split!r}"))
    if problems:
        raise MalformedInput(problems)
    return rows


class _BadField(Exception):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _read_row(item: JsonLine, task: Task) -> Labelled:
    text, label = item.value.get("text"), item.value.get("label")
    if not isinstance(text, str):
        raise _BadField("text", "missing" if text is None else "must be text")
    if isinstance(label, bool):
        label = str(label).lower()
    if not isinstance(label, str) or label not in LABELS[task]:
        raise _BadField("label", f"must be one of {', '.join(LABELS[task])}; it is {item.value.get('label')!r}")
    return Labelled(item.number, text, label, _read_texts(item, "history"), _read_texts(item, "staff"), item.value)


def _read_texts(item: JsonLine, field: str) -> tuple[str, ...]:
    value = item.value.get(field) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _BadField(field, "must be a list of texts")
    return tuple(value)


def asking(model: Model) -> Ask:
    """A way to ask a model that takes an outage for an answer without text, as the journal does."""

    async def ask(request: ModelRequest) -> ModelAnswer:
        try:
            return await model.complete(request)
        except Unavailable:
            return ModelAnswer(None, (), "outage", request.model, 0, 0)

    return ask


async def classify(
    rows: Sequence[Labelled], task: Task, settings: Settings, model: Model, *, tell: Callable[[str], None]
) -> Classified:
    """Classify every row, in order, and count.

    Args:
        rows: At least one.
        task: Which classifier.
        settings: Names the model and the prompts.
        model: Answers what the rules leave open.
        tell: Gets a line now and then while it goes on.
    """
    ask = asking(model)
    verdicts = []
    for done, row in enumerate(rows, start=1):
        began = time.perf_counter()
        predicted, decided_by, notes = await _decide(row, task, settings, ask)
        verdicts.append(Verdict(predicted, decided_by, round((time.perf_counter() - began) * 1000, 3), notes))
        if done % TELL_EVERY == 0:
            tell(f"classified {done} of {len(rows)}")
    prompt = settings.owner_intent_prompt if task is Task.OWNER_INTENT else settings.asks_human_prompt
    return count_up(task, (settings.classifier_model, prompt), rows, verdicts)


async def _decide(row: Labelled, task: Task, settings: Settings, ask: Ask) -> tuple[str, str, dict[str, object]]:
    text = clean_text(row.text)
    if task is Task.ASKS_HUMAN:
        heard = await hear_by(ask, settings, text, row.staff)
        return str(heard.asks).lower(), heard.decided_by, {}
    judgement = await judge_by(ask, settings, text, row.history)
    notes: dict[str, object] = {"unsure": judgement.unsure, "ask_to_end": judgement.ask_to_end}
    return judgement.intent, judgement.decided_by, notes


def count_up(task: Task, names: tuple[str, str], rows: Sequence[Labelled], verdicts: Sequence[Verdict]) -> Classified:
    """All figures of rows and what they were taken for; `names` are those of model and prompt."""
    pairs = Counter((row.label, verdict.predicted) for row, verdict in zip(rows, verdicts, strict=True))
    shown = [_show(task, row, verdict) for row, verdict in zip(rows, verdicts, strict=True)]
    wrong = [row.label != verdict.predicted for row, verdict in zip(rows, verdicts, strict=True)]
    labels = LABELS[task]
    times = sorted(verdict.ms for verdict in verdicts)
    layers = sorted({verdict.decided_by for verdict in verdicts})
    return Classified(
        task=task,
        model=names[0],
        prompt=names[1],
        n=len(rows),
        accuracy=count_figure(wrong.count(False), len(rows)),
        confusion={label: {other: pairs[label, other] for other in labels} for label in labels},
        per_class={label: _count_class(pairs, label) for label in labels},
        costs=_count_costs(pairs) if task is Task.OWNER_INTENT else {},
        decided_by={
            layer: _count_where(wrong, [verdict.decided_by == layer for verdict in verdicts]) for layer in layers
        },
        ms={"p50": _quantile(times, 0.5), "p95": _quantile(times, 0.95)},
        mistakes=[row for row, bad in zip(shown, wrong, strict=True) if bad],
        rows=shown,
    )


def _show(task: Task, row: Labelled, verdict: Verdict) -> dict[str, object]:
    predicted: object = verdict.predicted if task is Task.OWNER_INTENT else verdict.predicted == "true"
    judged = {"line": row.line, "predicted": predicted, "decided_by": verdict.decided_by, "ms": verdict.ms}
    return {**row.given, **judged, **verdict.notes}


def _count_class(pairs: Counter[tuple[str, str]], label: str) -> ClassFigures:
    hit = pairs[label, label]
    given = sum(n for (truth, _), n in pairs.items() if truth == label)
    taken = sum(n for (_, predicted), n in pairs.items() if predicted == label)
    either = rate_of(hit, given + taken - hit)
    f1 = None if either.share is None else _dice(either.share)
    return ClassFigures(
        precision=count_figure(hit, taken),
        recall=count_figure(hit, given),
        f1=Figure(hit, either.n, f1, (_dice(either.low), _dice(either.high))),
        support=given,
    )


def _dice(jaccard: float) -> float:
    return round(2 * jaccard / (1 + jaccard), 4)


def _count_costs(pairs: Counter[tuple[str, str]]) -> dict[str, Figure]:
    """What mistakes do to people.

    A false end loses a promise, a missed end keeps the assistant away, a false relay leaks words to the customer,
    and what is withheld never reaches them.
    """
    end, relay = Intent.END, Intent.RELAY

    def share(bad: Callable[[str, str], bool], among: Callable[[str], bool]) -> Figure:
        hits = sum(n for (truth, predicted), n in pairs.items() if among(truth) and bad(truth, predicted))
        return count_figure(hits, sum(n for (truth, _), n in pairs.items() if among(truth)))

    return {
        "false_end": share(lambda _, predicted: predicted == end, lambda truth: truth != end),
        "missed_end": share(lambda _, predicted: predicted != end, lambda truth: truth == end),
        "false_relay": share(lambda _, predicted: predicted == relay, lambda truth: truth != relay),
        "withheld": share(lambda _, predicted: predicted != relay, lambda truth: truth == relay),
    }


def _count_where(wrong: Sequence[bool], counted: Sequence[bool]) -> Figure:
    right = [not bad for bad, here in zip(wrong, counted, strict=True) if here]
    return count_figure(sum(right), len(right))


def count_figure(hits: int, n: int) -> Figure:
    """So many of so many, with Wilson's interval."""
    rate = rate_of(hits, n)
    share = None if rate.share is None else round(rate.share, 4)
    return Figure(hits, n, share, (round(rate.low, 4), round(rate.high, 4)))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The nearest rank; 0 of nothing."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0
