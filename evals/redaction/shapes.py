"""Finds what its shape tells: phones in any spelling, user ids, e-mail, cards, CLABE, RFC, CURP, URLs, streets.

`Redactor` replaces what is found, the leak check looks for it again. What merely looks alike is kept apart first:
dates and times, ids of rows and of the provider.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from evals.redaction.draws import Kind, clabe_digit, luhn_digit
from runtime.domain.identity import canonical_key
from runtime.domain.spanish.folding import fold

INVISIBLE = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"


class Found(NamedTuple):
    """A value in a text; `value` is its canonical form."""

    start: int
    end: int
    kind: Kind
    value: str


_MONTH = r"(?:0[1-9]|1[0-2])"
_DAY = r"(?:0[1-9]|[12]\d|3[01])"
KEPT = re.compile(
    r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"
    r"|\b[A-Z]{2}[0-9a-f]{32}\b"
    rf"|(?<![\d/-])(?:19|20)\d{{2}}-{_MONTH}-{_DAY}"
    r"(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?)?(?!\d)"
    rf"|(?<![\d/-])(?:{_DAY}|[1-9])[/-](?:{_MONTH}|[1-9])[/-](?:\d{{4}}|\d{{2}})(?![\d/-])"
    r"|\b\d{1,2}:\d{2}(?::\d{2})?(?!\d)"
)
"""Dates, times, ids of rows and of the provider: they stay."""

_URL = re.compile(r"(?:https?://|www\.|wa\.me/|api\.whatsapp\.com/)[^\s<>\"']+", re.IGNORECASE)
_EMAIL = re.compile(rf"(?<![\w.+-])[^\W_][\w.+-]*[{INVISIBLE}]?@[{INVISIBLE}]?[\w-]+(?:\.[\w-]+)+")
_USER_ID = re.compile(r"\b[A-Z]{2}\.(?:ENT\.)?(?=[A-Za-z]*\d)[A-Za-z0-9]{6,128}\b")
_CURP = re.compile(r"(?<![^\W_])[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d(?![^\W_])", re.IGNORECASE)
_RFC = re.compile(r"(?<![^\W_])[A-ZÑ&]{3,4}[ -]?\d{6}[ -]?[A-Z0-9]{3}(?![^\W_])", re.IGNORECASE)
_HANDLE = re.compile(r"(?<![\w.])@[A-Za-z][\w.]{2,29}(?<!\.)")

_GAP = rf"[\s().\-/·\u00a0\u2010-\u2015\u2212{INVISIBLE}]{{0,4}}"
_RUN = re.compile(rf"[+＋]?{_GAP}\d(?:{_GAP}\d)*")
_LONGEST = 18
_GROUP = re.compile(r"\d+")
_PHONE_GROUPS = frozenset(
    [
        (1,) * 10,
        (2, 2, 2, 2, 2),
        (2, 3, 5),
        (2, 4, 4),
        (2, 4, 2, 2),
        (2, 8),
        (3, 3, 2, 2),
        (3, 3, 4),
        (3, 4, 3),
        (3, 7),
        (4, 3, 3),
        (4, 6),
        (5, 5),
        (6, 4),
    ]
)
"""How people group ten digits; others are taken for prices and times unless the number is a known one."""

_STREET = re.compile(
    r"(?<![^\W_])(?P<kind>calle|c\.|av\.?|ave\.?|avenida|blvd\.?|boulevard|bulevar|calz\.?|calzada|priv\.?|privada|cda\.?|"
    r"cerrada|prol\.?|prolongaci[oó]n|andador|circuito|carretera|paseo)\s+"
    r"(?P<name>(?:(?!a\s+las?\b|de\s+\d|entre\b|esquina\b|con\b)[^\W\d_]+\.?\s+){0,4}?(?:[^\W\d_]+\.?|\d{1,3}))"
    r"(?P<between>\s*,?\s*(?:#|n[oº°]\.?|n[uú]m(?:ero)?\.?)?\s*)(?P<number>\d{1,5})(?!\d|:|\s*(?:de|hrs?|am|pm|pesos)\b)",
    re.IGNORECASE,
)
_COLONY = re.compile(
    r"(?<![^\W_])(?P<kind>[Cc]ol\.|COL\.|[Cc]olonia|COLONIA|[Ff]racc\.|[Ff]raccionamiento)\s+"
    r"(?P<name>[A-ZÁÉÍÓÚÑ][^\W\d_]+(?:\s+(?:de\s+|del\s+|la\s+|las\s+|los\s+)*[A-ZÁÉÍÓÚÑ][^\W\d_]+){0,2})"
)
_POSTCODE = re.compile(r"(?<![^\W_])(?:c\.?\s?p\.?|c[oó]digo postal)\s*:?\s*(?P<number>\d{5})(?!\d)", re.IGNORECASE)


def plain_digits(text: str) -> str:
    """The decimal digits of a text, of whatever script, as 0 to 9."""
    return "".join(str(unicodedata.decimal(char)) for char in text if char.isdecimal())


def find_urls(text: str) -> Iterator[tuple[int, int]]:
    """Where addresses of pages stand, without the full stop after them."""
    for found in _URL.finditer(text):
        yield found.start(), found.start() + len(found[0].rstrip(".,;:!?)"))


def find_shapes(text: str) -> Iterator[Found]:
    """What is neither a number nor a street, in order of its kinds."""
    for pattern, kind in ((_EMAIL, Kind.EMAIL), (_HANDLE, Kind.HANDLE), (_USER_ID, Kind.USER_ID)):
        for found in pattern.finditer(text):
            value = fold(found[0]) if kind is not Kind.USER_ID else found[0]
            yield Found(found.start(), found.end(), kind, value.replace(" ", ""))
    for pattern, kind in ((_CURP, Kind.CURP), (_RFC, Kind.RFC)):
        for found in pattern.finditer(text):
            bare = re.sub(r"[ -]", "", found[0]).upper()
            if kind is Kind.CURP or _is_day(bare[-9:-3]):
                yield Found(found.start(), found.end(), kind, bare)


def _is_day(digits: str) -> bool:
    return 1 <= int(digits[2:4]) <= 12 and 1 <= int(digits[4:]) <= 31


def find_numbers(text: str, known: frozenset[str], suffixes: dict[str, str]) -> Iterator[Found]:
    """Phones, cards and CLABEs.

    Args:
        text: Where.
        known: Phones that are real, as E.164: they are recognised however their digits are grouped.
        suffixes: Their last digits without the area, which people in the same town leave out.
    """
    for run in _RUN.finditer(text):
        groups = [(run.start() + each.start(), run.start() + each.end()) for each in _GROUP.finditer(run[0])]
        plus = any(char in "+＋" for char in run[0][:5])
        index = 0
        while index < len(groups):
            found = _find_from(text, groups, index, plus=plus and index == 0, known=known, suffixes=suffixes)
            if found is None:
                index += 1
                continue
            yield found[0]
            index = found[1]


def _find_from(
    text: str,
    groups: list[tuple[int, int]],
    first: int,
    *,
    plus: bool,
    known: frozenset[str],
    suffixes: dict[str, str],
) -> tuple[Found, int] | None:
    """The longest value that begins at a group of digits, and the group after it."""
    for stop in range(min(len(groups), first + _LONGEST), first, -1):
        start, end = groups[first][0], groups[stop - 1][1]
        lengths = tuple(end - start for start, end in groups[first:stop])
        digits = plain_digits(text[start:end])
        kind_value = _judge(digits, lengths, plus=plus, known=known, suffixes=suffixes)
        if kind_value is None and len(lengths) == 1 and len(digits) >= 10:
            # no price is so long; whatever it is, somebody could be told by it
            kind_value = Kind.TOKEN, digits
        if kind_value:
            return Found(start, end, *kind_value), stop
    return None


def _judge(
    digits: str, lengths: tuple[int, ...], *, plus: bool, known: frozenset[str], suffixes: dict[str, str]
) -> tuple[Kind, str] | None:
    if len(digits) > _LONGEST:
        return None
    whole = len(lengths) == 1
    if len(digits) == 18 and (whole or clabe_digit(digits[:17]) == digits[17]):
        return Kind.CLABE, digits
    if len(digits) == 16 and (whole or lengths == (4,) * 4):
        return Kind.CARD, digits
    if len(digits) == 15 and digits[:2] in ("34", "37") and luhn_digit(digits[:-1]) == digits[-1]:
        return Kind.CARD, digits
    if digits in suffixes:
        return Kind.PHONE, suffixes[digits]
    key = canonical_key(f"+{digits}" if plus else digits)
    if key is None or len(digits) < 10:
        return None
    mexican = key.value.startswith("+52")
    plain = whole or plus or lengths in _PHONE_GROUPS or (mexican and len(digits) > 10)
    return (Kind.PHONE, key.value) if plain or key.value in known else None


def find_streets(text: str) -> Iterator[tuple[int, int, Kind]]:
    """Parts of addresses that a rule can tell: names of streets and colonies, numbers and postcodes."""
    for found in _STREET.finditer(text):
        yield found.start("name"), found.end("name"), Kind.STREET
        yield found.start("number"), found.end("number"), Kind.NUMBER
    for found in _COLONY.finditer(text):
        yield found.start("name"), found.end("name"), Kind.STREET
    for found in _POSTCODE.finditer(text):
        yield found.start("number"), found.end("number"), Kind.NUMBER
