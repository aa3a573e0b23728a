"""Replaces everything in a text that says who somebody is by its stand-in.

Texts are cut in layers: what stays (dates, ids, services) is set aside first, then what a shape tells, then names. All
texts of an export are looked through before anything is replaced, so that no stand-in is anybody's real value and the
order of texts makes no difference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from urllib.parse import urlsplit

import phonenumbers

from evals.redaction.draws import NAMES, Draws, Kind
from evals.redaction.shapes import (
    KEPT,
    Found,
    find_numbers,
    find_shapes,
    find_streets,
    find_urls,
    plain_digits,
)
from evals.redaction.words import Known, NameBook, list_tokens
from runtime.domain.identity import AddressKind, canonical_key
from runtime.domain.spanish.folding import fold

SHORTEST_SALT = 12
"""Bytes. A shorter one could be guessed."""

_SOCIAL = re.compile(
    r"(?:facebook|instagram|tiktok|twitter|linkedin|youtube|maps|goo|t\.me|fb|ig|linktr)", re.IGNORECASE
)
_URL_PART = re.compile(r"[^/?&=#.+%:@]+")

Piece = tuple[str, bool]
"""A part of a text, and whether it is finished."""

Replace = Callable[[str], Iterable[tuple[int, int, str]]]


class Redactor:
    """The stand-ins of one export. Made by `make_redactor`.

    Attributes:
        known: What it was given.
        names: The names it looks for.
        draws: Every stand-in it has handed out.
        phones: Real numbers, as E.164.
        suffixes: Their last digits without the area code.
    """

    def __init__(self, salt: bytes, known: Known, names: NameBook, real: Sequence[tuple[Kind, str]]) -> None:
        self.known = known
        self.names = names
        self.real = tuple(real)
        self.phones = frozenset(value for kind, value in real if kind is Kind.PHONE)
        self.suffixes = _cut_suffixes(self.phones)
        forbidden = {fold(value) if kind in NAMES else value for kind, value in real}
        self.draws = Draws(salt, forbidden | names.words.keys())
        for kind, value in sorted(set(real)):
            if kind not in (Kind.NUMBER, Kind.TOKEN, Kind.JOINED):
                self.draws.stand_in(kind, value)

    def redact(self, text: str) -> str:
        """The text with stand-ins."""
        pieces = _run(text, self._layers())
        return "".join(part for part, _ in pieces)

    def redact_address(self, address: str) -> str:
        """A phone or user id as the provider writes it, with whatever stands before it."""
        prefix, colon, bare = address.rpartition(":")
        key = canonical_key(bare)
        if key is None:
            return self.redact(address)
        kind = Kind.PHONE if key.kind is AddressKind.PHONE else Kind.USER_ID
        if key.kind is AddressKind.SHORT_CODE:
            return address
        return prefix + colon + self._render(kind, key.value, bare)

    def redact_name(self, name: str) -> str:
        """A name as a database has it: every word of it, however it is written there."""
        pieces = _run(name, [self._replace_names, self._replace_known, *self._layers()])
        return "".join(part for part, _ in pieces)

    def redact_place(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Another point of the country for a point."""
        made = self.draws.stand_in(Kind.PLACE, f"{latitude:.4f},{longitude:.4f}")
        other_latitude, _, other_longitude = made.partition(",")
        return float(other_latitude), float(other_longitude)

    def redact_value(self, value: object) -> object:
        """Every text in a decoded JSON value."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, list | tuple):
            return [self.redact_value(each) for each in value]
        if isinstance(value, dict):
            return {key: self.redact_value(each) for key, each in value.items()}
        return value

    def _layers(self) -> list[Replace]:
        return [
            lambda text: ((found.start(), found.end(), found[0]) for found in KEPT.finditer(text)),
            lambda text: (
                (start, end, text[start:end]) for start, end in self.names.find_kept(list_tokens(text), text)
            ),
            lambda text: ((start, end, self._redact_url(text[start:end])) for start, end in find_urls(text)),
            *(self._shape_layers()),
            self._replace_numbers,
            self._replace_names,
            self._replace_streets,
        ]

    def _shape_layers(self) -> Iterator[Replace]:
        def only(kind: Kind) -> Replace:
            return lambda text: self._replace_found(text, (f for f in find_shapes(text) if f.kind is kind))

        for kind in (Kind.EMAIL, Kind.HANDLE, Kind.USER_ID, Kind.CURP, Kind.RFC):
            yield only(kind)

    def _replace_numbers(self, text: str) -> Iterator[tuple[int, int, str]]:
        return self._replace_found(text, find_numbers(text, self.phones, self.suffixes))

    def _replace_found(self, text: str, found: Iterable[Found]) -> Iterator[tuple[int, int, str]]:
        for each in found:
            yield each.start, each.end, self._render(each.kind, each.value, text[each.start : each.end])

    def _replace_names(self, text: str) -> Iterator[tuple[int, int, str]]:
        for token, kind in self.names.find_names(list_tokens(text), text):
            yield token.start, token.end, self._render(kind, token.folded, token.text)

    def _replace_known(self, text: str) -> Iterator[tuple[int, int, str]]:
        for token in list_tokens(text):
            kind = self.names.words.get(token.folded)
            if kind is not None:
                yield token.start, token.end, self._render(kind, token.folded, token.text)

    def _replace_streets(self, text: str) -> Iterator[tuple[int, int, str]]:
        for start, end, kind in find_streets(text):
            yield start, end, self._render(kind, fold(text[start:end]), text[start:end])

    def _redact_url(self, url: str) -> str:
        """The host stays unless it says whose it is; phones, tokens and what a social network calls somebody go."""
        whole = url if "//" in url else f"//{url}"
        path_at = len(url) - len(whole) + whole.find("/", whole.find("//") + 2)
        host = urlsplit(whole).hostname or ""
        if path_at < len(url) - len(whole) or "/" not in whole[whole.find("//") + 2 :]:
            return url if "?" not in url else self._redact_parts(url)
        head, rest = url[:path_at], url[path_at:]
        if _SOCIAL.search(host) or "?" in rest:
            return head + self._redact_parts(rest)
        return head + _URL_PART.sub(lambda part: self._redact_part(part[0], always=False), rest)

    def _redact_parts(self, rest: str) -> str:
        return _URL_PART.sub(lambda part: self._redact_part(part[0], always=True), rest)

    def _redact_part(self, part: str, *, always: bool) -> str:
        key = canonical_key(part) if len(plain_digits(part)) == len(part) >= 10 else None
        if key is not None and key.kind is AddressKind.PHONE:
            return self._render(Kind.PHONE, key.value, part)
        secret = len(part) >= 12 and any(char.isdigit() for char in part)
        if secret or (always and len(part) > 3 and part not in ("phone", "send", "text", "https", "http")):
            return self.draws.stand_in(Kind.TOKEN, part)
        return self.redact(part) if part.isalpha() else part

    def _render(self, kind: Kind, value: str, spelled: str) -> str:
        """The stand-in in the spelling of what it replaces."""
        if kind is Kind.NUMBER:
            return self.draws.stand_in(kind, value)
        if kind is Kind.JOINED:
            parts = zip(self.names.joined[value].words, self.names.joined[value].kinds, strict=True)
            made = "".join(fold(self.draws.stand_in(each, word)) if each else word for word, each in parts)
            return _copy_case(spelled, made.title())
        made = self.draws.stand_in(kind, value)
        if kind is Kind.PHONE:
            country = 3 if value.startswith("+52") else len(value) - _national_length(value)
            return _respell(spelled, made[country:])
        if kind in (Kind.CARD, Kind.CLABE):
            return _respell(spelled, made)
        if kind in (Kind.CURP, Kind.RFC):
            return _respell_like(spelled, made)
        if kind in NAMES:
            plain = value in self.names.accented and fold(spelled) == spelled.lower()
            return _copy_case(spelled, fold(made, keep_enye=True).title() if plain else made)
        return made


def make_redactor(salt: bytes, known: Known, texts: Iterable[str]) -> Redactor:
    """Look through a whole export.

    Args:
        salt: Secret; whoever has it can repeat the export.
        known: What the database says about who is who.
        texts: Every text that will be redacted.

    Raises:
        ValueError: The salt is so short that it could be guessed.
    """
    if len(salt) < SHORTEST_SALT:
        raise ValueError(f"a salt needs {SHORTEST_SALT} bytes or more")
    given = sorted({*texts, *known.businesses, *known.addresses})
    names = NameBook(known, given)
    real: set[tuple[Kind, str]] = set()
    for raw in known.phones:
        key = canonical_key(raw)
        if key is not None and key.kind is not AddressKind.SHORT_CODE:
            real.add((Kind.PHONE if key.kind is AddressKind.PHONE else Kind.USER_ID, key.value))
    real |= {(kind, word) for word, kind in names.words.items()}
    for phrase in names.phrases:
        real |= {(kind, word) for kind, word in zip(phrase.kinds, phrase.words, strict=True) if kind}
    phones = frozenset(value for kind, value in real if kind is Kind.PHONE)
    suffixes = _cut_suffixes(phones)
    collected = {(each.kind, each.value) for text in given for each in collect(text, phones, suffixes)}
    return Redactor(salt, known, names, sorted(real | collected))


def collect(text: str, phones: frozenset[str], suffixes: dict[str, str]) -> Iterator[Found]:
    """Everything that a shape tells in a text, as the leak check sees it: with nothing set aside but dates and ids."""
    bare = KEPT.sub(lambda found: "§" * len(found[0]), text)
    shapes = list(find_shapes(bare))
    yield from shapes
    for found in find_numbers(bare, phones, suffixes):
        # the digits of a CURP, an e-mail or a user id are no number of their own
        if not any(each.start < found.end and found.start < each.end for each in shapes):
            yield found


def _run(text: str, layers: Sequence[Replace]) -> list[Piece]:
    pieces: list[Piece] = [(text, False)]
    for layer in layers:
        pieces = [piece for part, done in pieces for piece in ([(part, True)] if done else _apply(part, layer))]
    return pieces


def _apply(text: str, layer: Replace) -> Iterator[Piece]:
    at = 0
    for start, end, replacement in sorted(layer(text)):
        if start < at:
            continue
        yield text[at:start], False
        yield replacement, True
        at = end
    yield text[at:], False


def _cut_suffixes(phones: frozenset[str]) -> dict[str, str]:
    """The last seven or eight digits of Mexican numbers, where they mean one of them only."""
    found: dict[str, list[str]] = {}
    for phone in phones:
        if phone.startswith("+52") and len(phone) == 13:
            area = 2 if phone[3:5] in ("55", "56", "33", "81") else 3
            found.setdefault(phone[3 + area :], []).append(phone)
    return {digits: those[0] for digits, those in found.items() if len(those) == 1}


def _national_length(value: str) -> int:
    return len(value) - 1 - len(str(phonenumbers.parse(value, None).country_code))


def _respell(spelled: str, digits: str) -> str:
    """The text with the last of its digits exchanged; where it has fewer, the last of the new ones."""
    places = [index for index, char in enumerate(spelled) if char.isdecimal()]
    chars = list(spelled)
    for place, digit in zip(reversed(places), reversed(digits), strict=False):
        chars[place] = digit
    return "".join(chars)


def _respell_like(spelled: str, made: str) -> str:
    """Letter for letter, with the gaps and the case of what is replaced."""
    others = iter(made)
    return "".join(
        char if char in " -" else (each.lower() if char.islower() else each)
        for char in spelled
        for each in ([""] if char in " -" else [next(others, "")])
    )


def _copy_case(spelled: str, made: str) -> str:
    letters = [char for char in spelled if char.isalpha()]
    if len(letters) > 1 and all(char.isupper() for char in letters):
        return made.upper()
    return made.lower() if letters and all(char.islower() for char in letters) else made
