"""What changed between two texts, word by word, as markup for the page. Called by `comparisons`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from markupsafe import Markup

from evals.report.text import SHOWN_AT_ALL, mark_up

_WORD = re.compile(r"\w+|\s+|[^\w\s]")


def mark_changes(before: str, after: str) -> tuple[Markup, Markup]:
    """Both texts, escaped, with the words that went marked in the first and those that came in the second.

    Texts longer than the page shows are cut, and say so.
    """
    old, new = _WORD.findall(before[:SHOWN_AT_ALL]), _WORD.findall(after[:SHOWN_AT_ALL])
    kept: tuple[list[Markup], list[Markup]] = [], []
    for same, was, now in _join_gaps(old, new):
        kept[0].append(_mark(was, "" if same else "del"))
        kept[1].append(_mark(now, "" if same else "ins"))
    marked = [Markup("").join(parts) + _tell_rest(text) for parts, text in zip(kept, (before, after), strict=True)]
    return marked[0], marked[1]


def mark_whole(text: str, tag: str) -> Markup:
    """A text that is there on one side only: all of it within this element."""
    return _mark([text[:SHOWN_AT_ALL]], tag) + _tell_rest(text)


def _join_gaps(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[bool, list[str], list[str]]]:
    """Runs of words that are the same or not; a gap between two changed words belongs to the change."""
    was: list[str] = []
    now: list[str] = []
    for kind, i, j, k, m in SequenceMatcher(None, old, new).get_opcodes():
        if kind == "equal" and not ((was or now) and "".join(old[i:j]).isspace()):
            if was or now:
                yield False, was, now
            yield True, [*old[i:j]], [*new[k:m]]
            was, now = [], []
        else:
            was, now = [*was, *old[i:j]], [*now, *new[k:m]]
    if was or now:
        yield False, was, now


def _mark(words: Sequence[str], tag: str) -> Markup:
    text = mark_up("".join(words))
    return Markup(f"<{tag}>{text}</{tag}>") if tag and text else text


def _tell_rest(text: str) -> str:
    left = len(text) - SHOWN_AT_ALL
    return f" … {left:,} more characters in events.jsonl" if left > 0 else ""
