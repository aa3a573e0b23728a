"""Confusion matrices of a run: which route, and which state of a handoff, was expected and which was found.

`runs` fills them record by record and the page draws them. They judge nothing: each expectation that names a route or a
state is one count, in the place that the scorers judge too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from evals.classifying import Classified
from evals.expected import Asked, read_turns
from evals.reading import Reading
from evals.scorers.handoffs import NO_HANDOFF, find_latest
from evals.statistics.rates import Rate, rate_of

NOTHING = "none"
SHADES = 4


class Cell(msgspec.Struct, frozen=True):
    """A count. `shade` is its share of the row, 0 for none to 4; `right` is on the diagonal."""

    count: int
    shade: int
    right: bool


class MatrixRow(msgspec.Struct, frozen=True):
    """What became of everything that should have been `label`; `rate` is the share that was."""

    label: str
    cells: Sequence[Cell]
    rate: Rate


class Matrix(msgspec.Struct, frozen=True):
    """What was expected, one row for each, and what was found, one column for each. `wrong` is off the diagonal."""

    title: str
    columns: Sequence[str]
    rows: Sequence[MatrixRow]
    count: int
    wrong: int


class Confusion:
    """Counts pairs of what was expected and what was found, over all records."""

    def __init__(self) -> None:
        self._routes: Counter[tuple[str, str]] = Counter()
        self._handoffs: Counter[tuple[str, str]] = Counter()

    def add(self, reading: Reading) -> None:
        """Count what one record's expectations name."""
        turns = list(read_turns(reading.record))
        for asked in turns:
            if asked.wanted.route is not None:
                self._routes[str(asked.wanted.route), _find_route(reading, asked, turns)] += 1
            if asked.wanted.handoff is not None:
                latest = find_latest(reading, asked.first, asked.stop)
                found = latest.data.status if latest is not None else NO_HANDOFF
                met = asked.wanted.handoff == NO_HANDOFF and found == "ended"
                self._handoffs[str(asked.wanted.handoff), NO_HANDOFF if met else found] += 1

    def matrices(self) -> list[Matrix]:
        """Those in which something was counted."""
        made = [make_matrix("Routes", self._routes), make_matrix("Handoff after the turn", self._handoffs)]
        return [matrix for matrix in made if matrix.count]


def make_matrix(title: str, counts: Mapping[tuple[str, str], int]) -> Matrix:
    """A matrix from counts of (expected, found)."""
    rows = sorted({expected for expected, _ in counts})
    columns = [*rows, *sorted({found for _, found in counts} - {*rows})]
    right = sum(n for (expected, found), n in counts.items() if expected == found)
    total = sum(counts.values())
    return Matrix(title, columns, [_make_row(row, columns, counts) for row in rows], total, total - right)


def flatten_confusion(classified: Classified) -> dict[tuple[str, str], int]:
    """The counts of labelled messages by what was expected and what was found; what never occurred is left out."""
    return {(label, found): n for label, row in classified.confusion.items() for found, n in row.items() if n}


def _make_row(label: str, columns: Sequence[str], counts: Mapping[tuple[str, str], int]) -> MatrixRow:
    found = [counts.get((label, column), 0) for column in columns]
    total = sum(found)
    cells = [
        Cell(n, -(-n * SHADES // total) if n else 0, column == label) for column, n in zip(columns, found, strict=True)
    ]
    return MatrixRow(label, cells, rate_of(counts.get((label, label), 0), total))


def _find_route(reading: Reading, asked: Asked, turns: Iterable[Asked]) -> str:
    """The route that was taken, of several the one that should not have been."""
    found = [r.data.case for r in reading.routes if asked.first <= r.index < asked.stop]
    allowed = {str(other.wanted.route) for other in turns if other.first == asked.first}
    wrong = next((case for case in found if case not in allowed), None)
    wanted = str(asked.wanted.route)
    return wrong or (wanted if wanted in found else NOTHING)
