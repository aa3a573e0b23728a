"""How objects show themselves: as text in a terminal, as a little HTML in a notebook, both from the same rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_CELL = 'style="text-align:left;vertical-align:top;white-space:pre-wrap;max-width:60em"'


class Card:
    """A title and rows of two texts. Subclasses give `_title` and `_rows`, and get every way of being shown.

    Text that people wrote is escaped wherever it becomes HTML.
    """

    def _title(self) -> str:
        raise NotImplementedError

    def _rows(self) -> Iterable[tuple[str, str]]:
        raise NotImplementedError

    def __repr__(self) -> str:
        rows = list(self._rows())
        width = max((len(name) for name, _ in rows), default=0)
        lines = [self._title()]
        for name, words in rows:
            first, *others = words.splitlines() or [""]
            lines.append(f"  {name:<{width}}  {first}".rstrip())
            lines += [f"  {'':<{width}}  {line}".rstrip() for line in others]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th {_CELL}>{escape(name)}</th><td {_CELL}>{escape(words)}</td></tr>" for name, words in self._rows()
        )
        return f"<div><b>{escape(self._title())}</b><table>{rows}</table></div>"


class Talk(Card):
    """A conversation to be read: who, and what they said or did, line by line.

    Attributes:
        id: Of the conversation.
        title: What it is about.
        lines: Pairs of who and what, in order.
    """

    def __init__(self, identifier: str, title: str, lines: Sequence[tuple[str, str]]) -> None:
        self.id = identifier
        self.title = title
        self.lines = tuple(lines)

    def _title(self) -> str:
        return f"{self.id}: {self.title}" if self.title else self.id

    def _rows(self) -> Iterable[tuple[str, str]]:
        return self.lines


def show_share(share: float | None, low: float, high: float) -> str:
    """A share with its interval, in percent."""
    return "–" if share is None else f"{share:.1%} ({low:.1%} to {high:.1%})"
