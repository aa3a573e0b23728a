"""Names in texts: which words of an export are somebody's name, and where they stand in what people wrote.

A known name is found whole in any spelling, and each of its words alone: with a capital anywhere, in small letters
unless it is a word of its own ("rosa", "abril", "alma"). To replace a colour is better than to name a customer.
`Redactor` and the leak check share these rules; nothing here decides what stands in for a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import msgspec

from evals.redaction.draws import Kind
from evals.redaction.lists import COMMON, FAMILY, GENERIC, GIVEN, PARTICLES, TALK
from evals.redaction.shapes import INVISIBLE
from runtime.domain.spanish.folding import fold
from runtime.domain.spanish.formats import MONTHS

_MARKS = f"\u0300-\u036f{INVISIBLE}"
_WORD = re.compile(rf"[^\W\d_](?:[{_MARKS}]*[^\W\d_])*[\u0300-\u036f]*|\d+")
_BETWEEN = re.compile(r"[\W_]{0,6}")
_HIDDEN = re.compile(f"[{INVISIBLE}]")
_REPEATED = re.compile(r"(.)\1{2,}")
_MONTHS = frozenset(MONTHS)
_DATE_BEFORE = re.compile(r"(?:\d|primero)\s*(?:de\s+)?$", re.IGNORECASE)
_DAY_BEFORE = re.compile(r"(?:^|\W)(?:el|este|del|al|los|pr[oó]ximo|cada|y|o|,)\s*$", re.IGNORECASE)
_DATE_AFTER = re.compile(r"\s*\d")
_SHORTEST_ALONE = 3


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a database says about who is who.

    Attributes:
        people: Names of customers and staff.
        profiles: What people call themselves; may be anything.
        businesses: Names of businesses.
        addresses: Of their locations.
        phones: Every number and user id, in any spelling.
        services: What can be booked: these words stay.
    """

    people: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    businesses: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    services: tuple[str, ...] = ()


class Token(NamedTuple):
    """A word or a number of a text."""

    start: int
    end: int
    text: str
    folded: str


class Phrase(NamedTuple):
    """Words that belong together, and what each of them is; None for those that stay."""

    words: tuple[str, ...]
    kinds: tuple[Kind | None, ...]


class NameBook:
    """The names of one export.

    Attributes:
        words: Each single word that is a name, with what it is.
        accented: Those that the database spells with accents.
        phrases: What is found as a whole, longest first.
        joined: What is also found in one word.
    """

    def __init__(self, known: Known, texts: Iterable[str]) -> None:
        self.words: dict[str, Kind] = {}
        self.accented: set[str] = set()
        self.joined: dict[str, Phrase] = {}
        self._phrases: dict[tuple[str, ...], Phrase] = {}
        self._lower: set[str] = set()
        for name in known.people:
            self._add_person(name)
        for name in known.profiles:
            self._add_profile(name)
        for text in texts:
            self._add_mentioned(text)
        for name in known.businesses:
            self._add_phrase(name, Kind.BRAND)
        for address in known.addresses:
            self._add_phrase(address, Kind.STREET)
            for part in address.split(","):
                self._add_phrase(part, Kind.STREET, within=address)
                # "estamos en Juárez 123"
                self._add_phrase(_drop_generic(part), Kind.STREET, within=address)
        self._add_joined()
        self.kept = [tuple(token.folded for token in list_tokens(name)) for name in known.services]
        self.kept = [each for each in self.kept if each and not self._lower.intersection(each)]
        self.phrases = sorted(self._phrases.values(), key=lambda phrase: (-len(phrase.words), phrase.words))
        self._by_first: dict[str, list[Phrase]] = {}
        for phrase in self.phrases:
            self._by_first.setdefault(phrase.words[0], []).append(phrase)

    def _add_person(self, name: str) -> None:
        tokens = [token for token in list_tokens(name) if not token.text.isdecimal()]
        for index, token in enumerate(tokens):
            if token.folded in PARTICLES or len(token.folded) < 2:
                continue
            self._add_word(token, _kind_of(token.folded, first=index == 0))
            if token.folded not in COMMON | TALK and len(token.folded) >= _SHORTEST_ALONE:
                self._lower.add(token.folded)
        self._add_phrase(name, Kind.GIVEN)

    def _add_profile(self, name: str) -> None:
        tokens = [token for token in list_tokens(name) if not token.text.isdecimal()]
        for token in tokens:
            is_name = token.folded in GIVEN or token.folded in FAMILY
            if is_name or (len(tokens) == 1 and token.folded not in TALK | GENERIC and len(token.folded) > 2):
                self._add_word(token, _kind_of(token.folded, first=token is tokens[0]))
                if is_name and token.folded not in COMMON:
                    self._lower.add(token.folded)
        if len(tokens) > 1 and not all(token.folded in TALK | PARTICLES | COMMON for token in tokens):
            self._add_phrase(name, Kind.BRAND)

    def _add_mentioned(self, text: str) -> None:
        """Somebody nobody knows, as people speak of them: "mi hermana Fernanda Ruiz"."""
        before_is_name = False
        for token in list_tokens(text):
            capital = token.text[0].isupper() and not token.text.isupper()
            given = token.folded in GIVEN and token.folded not in COMMON
            family = before_is_name and token.folded in FAMILY
            before_is_name = capital and (given or family or token.folded in self.words)
            if before_is_name and self._known_form(token.folded) == token.folded:
                self._add_word(token, _kind_of(token.folded, first=given))

    def _add_word(self, token: Token, kind: Kind) -> None:
        self.words.setdefault(token.folded, kind)
        if token.text.lower() != token.folded:
            self.accented.add(token.folded)

    def _add_phrase(self, name: str, kind: Kind, *, within: str = "") -> None:
        tokens = list_tokens(name)
        words = tuple(token.folded for token in tokens)
        kinds = tuple(self._kind_in(word, kind) for word in words)
        if words and any(kinds) and not (within and len(words) < 2):
            self._phrases.setdefault(words, Phrase(words, kinds))

    def _kind_in(self, word: str, kind: Kind) -> Kind | None:
        if word.isdecimal():
            return Kind.NUMBER
        if word in self.words:
            return self.words[word]
        if word in PARTICLES or (kind in (Kind.BRAND, Kind.STREET) and word in GENERIC):
            return None
        return kind

    def _add_joined(self) -> None:
        """Full names as they are written in one word: "analopez"."""
        for phrase in list(self._phrases.values()):
            joined = "".join(phrase.words)
            if len(phrase.words) > 1 and len(joined) >= 6 and joined.isalpha():
                self.joined.setdefault(joined, phrase)
                self._phrases.setdefault((joined,), Phrase((joined,), (Kind.JOINED,)))

    def find_kept(self, tokens: list[Token], text: str) -> Iterator[tuple[int, int]]:
        """Where names of services stand."""
        for index in range(len(tokens)):
            for words in self.kept:
                if _match(tokens, index, words, text):
                    yield tokens[index].start, tokens[index + len(words) - 1].end

    def find_names(self, tokens: list[Token], text: str) -> Iterator[tuple[Token, Kind]]:
        """Every word of a text that has to be replaced, with what it is."""
        index = 0
        while index < len(tokens):
            phrase = self._find_phrase(tokens, index, text)
            if phrase is not None:
                parts = tokens[index : index + len(phrase.words)]
                yield from ((token, kind) for token, kind in zip(parts, phrase.kinds, strict=True) if kind)
                index += len(parts)
                continue
            token = tokens[index]
            if self.is_name(token, text):
                folded = self._known_form(token.folded)
                yield token._replace(folded=folded), self.words[folded]
            index += 1

    def _find_phrase(self, tokens: list[Token], index: int, text: str) -> Phrase | None:
        for phrase in self._by_first.get(tokens[index].folded, ()):
            one = len(phrase.words) == 1 and phrase.words[0] in self.words
            if not one and _match(tokens, index, phrase.words, text):
                return phrase
        return None

    def is_name(self, token: Token, text: str) -> bool:
        """Whether a word alone is to be taken for a name, where it stands."""
        folded = self._known_form(token.folded)
        if folded not in self.words or folded.isdecimal():
            return False
        if any(char.isupper() for char in token.text) or not any(char.islower() for char in token.text):
            return not (folded in COMMON and _is_date(token, folded, text))
        return folded in self._lower

    def _known_form(self, folded: str) -> str:
        if folded in self.words:
            return folded
        shorter = _REPEATED.sub(r"\1", folded)
        if shorter in self.words:
            return shorter
        for ending in ("ita", "ito"):
            stem = folded.removesuffix(ending)
            for vowel in ("a", "o", ""):
                if stem != folded and len(stem) > 1 and stem + vowel in self.words:
                    return stem + vowel
        return folded


def list_tokens(text: str) -> list[Token]:
    """The words and numbers of a text. Marks and invisible characters inside a word are part of it."""
    return [
        Token(found.start(), found.end(), found[0], fold(_HIDDEN.sub("", found[0]))) for found in _WORD.finditer(text)
    ]


def _drop_generic(part: str) -> str:
    """An address without the kind of its street."""
    named = [token for token in list_tokens(part) if token.folded not in GENERIC]
    return part[named[0].start :] if named else ""


def _match(tokens: list[Token], index: int, words: tuple[str, ...], text: str) -> bool:
    parts = tokens[index : index + len(words)]
    if len(parts) < len(words) or any(part.folded != word for part, word in zip(parts, words, strict=True)):
        return False
    gaps = pairwise(parts)
    return all(_BETWEEN.fullmatch(text, before.end, after.start) for before, after in gaps)


def _kind_of(folded: str, *, first: bool) -> Kind:
    if folded in GIVEN:
        return Kind.GIVEN_F if GIVEN[folded] == "f" else Kind.GIVEN_M
    if folded in FAMILY or not first:
        return Kind.FAMILY
    return Kind.GIVEN


def _is_date(token: Token, folded: str, text: str) -> bool:
    """A month or a day, and nobody's name: "3 de Abril", "Abril 3", "el Domingo"."""
    before, after = text[: token.start], text[token.end :]
    if folded in _MONTHS:
        return bool(_DATE_BEFORE.search(before) or _DATE_AFTER.match(after))
    return folded == "domingo" and bool(_DAY_BEFORE.search(before) or _DATE_AFTER.match(after))
