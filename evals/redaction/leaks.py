"""Looks for what should be gone in what is about to be written. `find_leaks` is the last step before anything is.

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
    real = _Real(redactor)
    found: Counter[str] = Counter()
    for text in texts:
        found.update(str(kind) for kind in real.find(text))
    return dict(sorted(found.items()))


class _Real:
    """What may not be found."""

    def __init__(self, redactor: Redactor) -> None:
        self.redactor = redactor
        kinds = (Kind.PHONE, Kind.CARD, Kind.CLABE)
        self.numbers = {plain_digits(value)[-10:]: kind for kind, value in redactor.real if kind in kinds}
        self.others = {_squeeze(value): kind for kind, value in redactor.real if kind in _PLAIN}
        self.others = {value: kind for value, kind in self.others.items() if len(value) >= _SHORTEST_OTHER}
        phrases = [phrase for phrase in redactor.names.phrases if len(phrase.words) > 1 and any(phrase.kinds)]
        self.joined = {joined for each in phrases if len(joined := "".join(each.words)) >= _SHORTEST_JOINED}

    def find(self, text: str) -> Iterator[Kind]:
        yield from self._find_digits(text)
        squeezed = _squeeze(text)
        yield from (kind for value, kind in self.others.items() if value in squeezed)
        yield from self._find_names(text, squeezed)
        given = self.redactor.draws.given
        for token in given[Kind.TOKEN]:
            text = text.replace(token, "§")
        for each in collect(text, self.redactor.phones, self.redactor.suffixes):
            if each.value not in given[each.kind]:
                yield each.kind

    def _find_digits(self, text: str) -> Iterator[Kind]:
        for part in _NOT_DIGITS.split(text):
            digits = plain_digits(part)
            if len(digits) >= 10:
                yield from (kind for value, kind in self.numbers.items() if value in digits)

    def _find_names(self, text: str, squeezed: str) -> Iterator[Kind]:
        names = self.redactor.names
        tokens = list_tokens(text)
        kept = list(names.find_kept(tokens, text))
        for token in tokens:
            inside = any(start <= token.start and token.end <= end for start, end in kept)
            if not inside and names.is_name(token, text):
                yield Kind.GIVEN
        yield from (Kind.GIVEN for joined in self.joined if joined in squeezed)


_PLAIN = frozenset({Kind.EMAIL, Kind.USER_ID, Kind.RFC, Kind.CURP})


def _squeeze(text: str) -> str:
    return _NO_LETTERS.sub("", fold(text))
