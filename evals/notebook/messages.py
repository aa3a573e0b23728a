"""Classified messages in a notebook: each with what it was taken for, the confusion, and what mistakes cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from evals.classifying import Classified, Figure
from evals.notebook.frames import Columns, make_frame
from evals.notebook.showing import Card, show_share

if TYPE_CHECKING:
    import pandas as pd

ROWS: Columns = {
    "line": "int64",
    "text": "str",
    "label": "str",
    "predicted": "str",
    "right": "bool",
    "decided_by": "str",
    "unsure": "bool",
    "ask_to_end": "bool",
    "hard": "bool",
    "split": "str",
    "ms": "float64",
}
CLASSES: Columns = {
    "label": "str",
    "measure": "str",
    "hits": "int64",
    "n": "int64",
    "rate": "float64",
    "low": "float64",
    "high": "float64",
}
COSTS: Columns = {
    "mistake": "str",
    "hits": "int64",
    "n": "int64",
    "rate": "float64",
    "low": "float64",
    "high": "float64",
}


class Messages(Card):
    """Labelled messages and what production's code took them for.

    Attributes:
        classified: As `parlo classify --json` prints it.
    """

    def __init__(self, classified: Classified) -> None:
        self.classified = classified

    def __len__(self) -> int:
        return self.classified.n

    def frame(self) -> pd.DataFrame:
        """One row for each message.

        Columns: line int64, text str, label str, predicted str, right bool, decided_by str (rule, model or fallback),
        unsure bool, ask_to_end bool, hard bool (no rule decides it), split str, ms float64.
        """
        return make_frame(ROWS, (_read_row(row) for row in self.classified.rows))

    def confusion(self) -> pd.DataFrame:
        """Counts, int64: a row for each label that is, a column for each it was taken for."""
        import pandas as pd

        labels = list(self.classified.confusion)
        counts = [[self.classified.confusion[label][other] for other in labels] for label in labels]
        return pd.DataFrame(counts, index=pd.Index(labels, name="is"), columns=pd.Index(labels, name="taken for"))

    def per_class(self) -> pd.DataFrame:
        """Precision, recall and F1.

        Columns: label str, measure str, hits int64, n int64, rate float64 (NaN: nothing to count), low float64, high
        float64 (95 %).
        """
        rows = (
            (label, name, *_read_figure(getattr(figures, name)))
            for label, figures in self.classified.per_class.items()
            for name in ("precision", "recall", "f1")
        )
        return make_frame(CLASSES, rows)

    def costs(self) -> pd.DataFrame:
        """What mistakes do to people, for owners' messages; empty for others.

        Columns: mistake str (false_end, missed_end, false_relay, withheld), hits int64, n int64, rate float64, low
        float64, high float64 (95 %).
        """
        return make_frame(COSTS, ((name, *_read_figure(each)) for name, each in self.classified.costs.items()))

    def mistakes(self) -> pd.DataFrame:
        """The rows of `frame` that are not right, numbered anew."""
        found = self.frame()
        return found[~found["right"]].reset_index(drop=True)

    def _title(self) -> str:
        found = self.classified
        return f"{found.n} messages, {found.task.value}, by {found.model} with {found.prompt}"

    def _rows(self) -> Iterable[tuple[str, str]]:
        yield "right", _show(self.classified.accuracy)
        yield from ((name.replace("_", " "), _show(each)) for name, each in self.classified.costs.items())
        yield from ((f"by {layer}, right", _show(each)) for layer, each in self.classified.decided_by.items())


def _show(figure: Figure) -> str:
    return f"{figure.n} of {figure.of}: {show_share(figure.rate, *figure.interval)}"


def _read_figure(figure: Figure) -> tuple[object, ...]:
    rate = float("nan") if figure.rate is None else figure.rate
    return figure.n, figure.of, rate, *figure.interval


def _read_row(row: dict[str, object]) -> tuple[object, ...]:
    label, predicted = (str(row[name]).lower() for name in ("label", "predicted"))
    notes = (bool(row.get(name, False)) for name in ("unsure", "ask_to_end", "hard"))
    place = row["line"], row["text"], label, predicted, label == predicted, str(row["decided_by"])
    return *place, *notes, str(row.get("split", "")), row["ms"]
