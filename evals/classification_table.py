"""Classified messages in the terminal, for `parlo classify` and `parlo eval`; it only prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evals.classifying import ClassFigures, Classified, Figure
from evals.labelled import LabelledTask


def print_labelled(tasks: Sequence[LabelledTask], console: Console | None = None) -> None:
    """What a suite's labelled messages were taken for in a run: the figures alone, a line for each label."""
    console = console or Console(highlight=False, soft_wrap=True)
    for task in tasks:
        console.print(Text(f"{task.task}: {len(task.messages)} labelled messages, {_show(task.accuracy)} right"))
        for label, figures in task.per_class.items():
            console.print(Text(f"  {label}: {_show_class(figures)}"))
        if task.asked.n:
            console.print(Text(f"  counted apart: {task.asked.n} relayed and asked whether it is over"))


def _show_class(figures: ClassFigures) -> str:
    named = (("precision", figures.precision), ("recall", figures.recall), ("F1", figures.f1))
    return " · ".join(f"{name} {_show(figure)}" for name, figure in named) + f" · {figures.support} messages"


def print_classified(classified: Classified, console: Console | None = None) -> None:
    """Figures first, then every mistake."""
    console = console or Console()
    by = f" by {classified.model} with {classified.prompt}"
    console.print(Text(f"{classified.task}: {classified.n} messages{by}, {_show(classified.accuracy)} right"))
    console.print(_tabulate_classes(classified))
    console.print(_tabulate_confusion(classified))
    console.print(_tabulate_figures("cost", classified.costs) if classified.costs else "")
    console.print(_tabulate_figures("decided by, right", classified.decided_by))
    console.print(Text(f"{classified.ms['p50']:.1f} ms for half of them, {classified.ms['p95']:.1f} ms for 95 %"))
    for row in classified.mistakes:
        console.print(Text(f"line {row['line']}: {row['label']} taken for {row['predicted']} ({row['decided_by']})"))
        console.print(Text(f"  {str(row['text'])[:200]!r}"))


def _tabulate_classes(classified: Classified) -> Table:
    table = Table("label", "precision", "recall", "F1", "messages")
    for label, figures in classified.per_class.items():
        shown = (_show(figure) for figure in (figures.precision, figures.recall, figures.f1))
        table.add_row(label, *shown, str(figures.support))
    return table


def _tabulate_confusion(classified: Classified) -> Table:
    table = Table("is ↓ taken for →", *classified.confusion)
    for label, taken in classified.confusion.items():
        table.add_row(label, *(str(n) for n in taken.values()))
    return table


def _tabulate_figures(title: str, figures: dict[str, Figure]) -> Table:
    table = Table(title, "rate", "messages")
    for name, figure in figures.items():
        table.add_row(name, _show(figure), f"{figure.n} of {figure.of}")
    return table


def _show(figure: Figure) -> str:
    if figure.rate is None:
        return "–"
    low, high = figure.interval
    return f"{figure.rate:.1%} ({low:.1%} to {high:.1%})"
