"""Looks for what should be gone in what is about to be written. It is the last step before anything is.

It trusts the redactor with nothing but the list of what is real: every real value is looked for without regard to case,
accents, gaps or invisible characters, and whatever still has the shape of a number or address must be a stand-in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from evals.redaction.draws import Kind
from evals.redaction.redactor import Redactor, collect
from evals.redaction.shapes import plain_digits
from evals.redaction.words import list_tokens
from runtime.domain.spanish.folding import fold

_NOT_DIGITS = re.compile(r"[^\W\d_]+|[,;:|\n]")
_NO_LETTERS = re.compile(r"[^a-z0-9]+")
_SHORTEST_JOINED = 8
_SHORTEST_OTHER = 6


def find_leaks(texts: Iterable[str], redactor: Redactor) -> dict[str, int]:
    """How many values of which kind are still there; empty where none is. Never says which."""
    return dict(sorted(LeakSearch(redactor).count(texts).items()))


class LeakSearch:
    """Looks for what is real in one part of an export after the other; there may be thousands of values."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._numbers: list[tuple[Kind, str]] = []
        self._plain: list[tuple[Kind, str]] = []
        for kind, value in redactor.real:
            if kind in (Kind.PHONE, Kind.CARD, Kind.CLABE):
                self._numbers.append((kind, plain_digits(value)[-10:]))
            elif kind in _PLAIN and len(plain := _squeeze(value)) >= _SHORTEST_OTHER:
                self._plain.append((kind, plain))
        for phrase in redactor.names.phrases:
            joined = "".join(phrase.words)
            if len(phrase.words) > 1 and len(joined) >= _SHORTEST_JOINED:
                self._plain.append((Kind.GIVEN, joined))

    def count(self, texts: Iterable[str]) -> Counter[str]:
        """How many values of which kind are in these texts, which the redactor has replaced already."""
        given = list(texts)
        found: Counter[str] = Counter()
        names, shapes = _find_names(given, self._redactor), _find_shapes(given, self._redactor)
        for kind in (*self._find_values(given), *names, *shapes):
            found[kind] += 1
        return found

    def _find_values(self, texts: list[str]) -> Iterator[Kind]:
        """What is real, in any spelling. The texts are searched as one."""
        digits = "|".join(plain_digits(part) for text in texts for part in _NOT_DIGITS.split(text))
        squeezed = "|".join(_squeeze(text) for text in texts)
        for where, needles in ((digits, self._numbers), (squeezed, self._plain)):
            for kind, needle in needles:
                yield from [kind] * where.count(needle)


def _find_names(texts: list[str], redactor: Redactor) -> Iterator[Kind]:
    """Single words that are somebody's name, where they stand for nobody else's service or month."""
    names = redactor.names
    for text in texts:
        tokens = list_tokens(text)
        kept = list(names.find_kept(tokens, text))
        for token in tokens:
            inside = any(start <= token.start and token.end <= end for start, end in kept)
            if not inside and names.is_name(token, text):
                yield Kind.GIVEN


def _find_shapes(texts: list[str], redactor: Redactor) -> Iterator[Kind]:
    """Whatever looks like a number or address of somebody's and is no stand-in."""
    given = redactor.draws.given
    for text in texts:
        bare = text
        for token in given[Kind.TOKEN]:
            bare = bare.replace(token, "§")
        for each in collect(bare, redactor.phones, redactor.suffixes):
            if each.value not in given[each.kind]:
                yield each.kind


_PLAIN = frozenset({Kind.EMAIL, Kind.USER_ID, Kind.RFC, Kind.CURP})


def _squeeze(text: str) -> str:
    return _NO_LETTERS.sub("", fold(text))
