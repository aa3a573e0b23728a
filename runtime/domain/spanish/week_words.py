"""Days of the week as people speak of every week: "los sábados", "de lunes a viernes"."""

from __future__ import annotations

import re

from runtime.domain.spanish.folding import fold, fold_words
from runtime.domain.spanish.formats import WEEKDAYS

_DAYS = {fold(name): number for number, name in enumerate(WEEKDAYS)}
_DAYS |= {"sabados": 5, "domingos": 6}
_NAME = "|".join(_DAYS)
_RANGE = re.compile(rf"\b({_NAME}) a(?:l)? ({_NAME})\b")
_ONE = re.compile(rf"\b({_NAME})\b")
_GROUPS = (
    (re.compile(r"\b(?:todos los dias|diario|diariamente|toda la semana)\b"), range(7)),
    (re.compile(r"\b(?:entre semana)\b"), range(5)),
    (re.compile(r"\b(?:fin(?:es)? de semana|findes?)\b"), range(5, 7)),
)


def read_weekdays(text: str) -> tuple[int, ...]:
    """Their numbers in order, Monday 0; empty where no day is named. A range may go over the end of the week."""
    folded = fold_words(text)
    found: set[int] = set()
    for pattern, days in _GROUPS:
        if pattern.search(folded):
            found |= set(days)
    for match in _RANGE.finditer(folded):
        first, last = _DAYS[match.group(1)], _DAYS[match.group(2)]
        found |= {(first + offset) % 7 for offset in range((last - first) % 7 + 1)}
    found |= {_DAYS[match.group(1)] for match in _ONE.finditer(folded)}
    return tuple(sorted(found))


_MENTION = re.compile(rf"\b(?:de |los |las |el )?(?:{_NAME})(?: al? (?:{_NAME}))?\b")


def strip_weekdays(text: str) -> str:
    """The folded text without its days, so that hours are read alone: "de lunes a viernes de 9 a 6" is "de 9 a 6"."""
    bare = _MENTION.sub(" ", fold(text))
    for pattern, _ in _GROUPS:
        bare = pattern.sub(" ", bare)
    return " ".join(bare.split())
