"""What a short line of a customer is, and what a message of the system asks: by a few words of Mexican Spanish.

Used by the rules of divergence and by the simulated customer. Where a text can be read in several ways it is read as
the one that fits: a divergence that is none costs a score, one that is missed is only late.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from runtime.domain.spanish.folding import expand_chat_spelling, fold, fold_words

_YES = re.compile(r"si+p?i?|simon|claro|confirmo|afirmativo|dale")
_ALSO_YES = re.compile(r"ok(?:ay)?|va|vale|sale|perfecto|listo|correcto|adelante|orale|arre")
_BESIDE_YES = re.compile(
    r"por|favor|asi|esta|bien|perfecto|de|acuerdo|que|es|eso|correcto|muy|pues|la|lo|claro|ok|va|sale|gracias|muchas|"
    r"(?:agenda|aparta|reserva|confirma|cancela|mueve|cambia)l[ao]|esa|hora"
)
_COMMAND = re.compile(r"\b(?:agenda|aparta|reserva|confirma|cancela|mueve|cambia)l[ao]\b")
_NO = re.compile(r"no+|nop|nel|nones")
_BESIDE_NO = re.compile(r"mejor|asi|siempre|ya|todavia|esa|ese|por|el|momento")
_THUMB = "\N{THUMBS UP SIGN}"

_QUESTION = re.compile(r"[^.!?¿\n]*\?")
_OPENS = re.compile(
    r"^(?:y |o |entonces |bueno )*(?:(?:a|para|de|con|en|por) )?"
    r"(?:que|cual|cuales|cuando|quien|quienes|como|donde|cuant[oa]s?)\b"
)
_AS_GOOD_AS_CLOSED = re.compile(r"que te parece|como (?:la )?ves|que dices")
_NAME = re.compile(r"\bnombre\b|te llamas|con quien tengo el gusto|a quien (?:anoto|agendo)")
_SERVICE = re.compile(r"\bservicio|te gustaria hacerte|te vas a hacer|(?:que|cual) (?:tipo de )?(?:corte|cita)\b")
_WHEN = re.compile(r"\b(?:dia|hora|horario|cuando|fecha)s?\b")

_ORDINALS = {"primer": 1, "segund": 2, "tercer": 3, "cuart": 4}
_NUMBER = re.compile(r"(?:la|el|opcion|numero|quiero|mejor)?(?: (?:la|el|opcion|numero))* ?(\d)(?: por favor)?")
_ORDINAL = re.compile(
    r"(?:(?:la|el|quiero|mejor|esa|ese) )*(primer|segund|tercer|cuart)[ao]?(?: (?:opcion|por favor))*"
)
_DEFINITE = re.compile(r"^(?:(?:mejor|entonces|pues|ok|bueno|quiero|va) )*(?:la|el|esa|ese) (?:de|del) (.+)$")
_LITTLE = frozenset(
    (
        "a",
        "al",
        "de",
        "del",
        "el",
        "en",
        "la",
        "las",
        "lo",
        "los",
        "y",
        "que",
        "manana",
        "tarde",
        "noche",
        "por",
        "favor",
    )
)
_LISTED = re.compile(r"^\s*(\d)[).]", re.MULTILINE)
_CLOCK = re.compile(r"\b(?:a|de) las? (\d{1,2})(?::(\d{2})| y (media))?")
_MOST_WORDS = 7


class Asks(StrEnum):
    """What a question wants."""

    YES_OR_NO = "yes or no"
    NAME = "a name"
    SERVICE = "a service"
    WHEN = "a day or time"
    SOMETHING = "something else"


class Pick(msgspec.Struct, frozen=True):
    """A choice by its `number`, or by `words` that name one of several things."""

    number: int | None = None
    words: tuple[str, ...] = ()


def says_yes(text: str) -> bool:
    """Whether a whole line is a yes; "ok" or "va" are not enough, since they also acknowledge a statement."""
    words = fold_words(expand_chat_spelling(text)).split()
    return (
        0 < len(words) <= _MOST_WORDS
        and any(_YES.fullmatch(word) for word in words)
        and all(_YES.fullmatch(word) or _BESIDE_YES.fullmatch(word) for word in words)
    )


def says_no(text: str) -> bool:
    """Whether a whole line is a no; not "no, gracias", which also ends a conversation."""
    words = fold_words(expand_chat_spelling(text)).split()
    return (
        0 < len(words) <= _MOST_WORDS
        and _NO.fullmatch(words[0]) is not None
        and all(_NO.fullmatch(word) or _BESIDE_NO.fullmatch(word) for word in words)
    )


def agrees(text: str) -> bool:
    """Whether a whole line is a yes of any kind."""
    words = fold_words(expand_chat_spelling(text)).split()
    if not words:
        return _THUMB in text
    return says_yes(text) or (
        len(words) <= _MOST_WORDS
        and _ALSO_YES.fullmatch(words[0]) is not None
        and all(any(known.fullmatch(word) for known in (_YES, _ALSO_YES, _BESIDE_YES)) for word in words)
    )


def commands(text: str) -> bool:
    """Whether a line tells to do something, as "sí, cancélala" does."""
    return _COMMAND.search(fold_words(text)) is not None


def thanks(text: str) -> bool:
    """Whether a line says thank you."""
    return "gracias" in fold_words(expand_chat_spelling(text)).split()


def list_asked(texts: Iterable[str]) -> list[Asks]:
    """What the questions of some messages want, in order."""
    return [_classify(fold_words(found)) for text in texts for found in _QUESTION.findall(text)]


def _classify(question: str) -> Asks:
    if _AS_GOOD_AS_CLOSED.search(question):
        return Asks.YES_OR_NO
    if _NAME.search(question):
        return Asks.NAME
    if not _OPENS.search(question):
        return Asks.YES_OR_NO
    if _SERVICE.search(question):
        return Asks.SERVICE
    return Asks.WHEN if _WHEN.search(question) else Asks.SOMETHING


def read_pick(text: str) -> Pick | None:
    """The choice that a whole line is: "la 2", "el primero", "la del jueves", "la de las 5"; None where it is none."""
    words = fold_words(expand_chat_spelling(text))
    if len(words.split()) > _MOST_WORDS:
        return None
    if (found := _NUMBER.fullmatch(words)) is not None:
        return Pick(number=int(found[1]))
    if (found := _ORDINAL.fullmatch(words)) is not None:
        return Pick(number=_ORDINALS[found[1]])
    if (found := _DEFINITE.match(words)) is not None:
        named = tuple(word for word in found[1].split() if word not in _LITTLE)
        return Pick(words=named) if named else None
    return None


def list_numbers(texts: Iterable[str]) -> list[int]:
    """The numbers of the numbered lines in some messages."""
    return [int(number) for text in texts for number in _LISTED.findall(text)]


def read_clock(text: str) -> str | None:
    """The time of day a line names, as our messages spell it without its half: "5:30"; None where it names none."""
    found = _CLOCK.search(fold(expand_chat_spelling(text)))
    if found is None:
        return None
    return f"{int(found[1])}:{found[2] or ('30' if found[3] else '00')}"


def mentions(texts: Sequence[str], word: str) -> bool:
    """Whether a word, or a time such as "5:30", stands in some messages, whatever its case and accents."""
    return any(re.search(rf"(?<![\w:]){re.escape(fold(word))}(?!\w)", fold(text)) for text in texts)
