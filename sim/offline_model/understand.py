"""Understanding one message of a customer: intents, service, words of time, people, choices.

`understand` is a pure function of the text and of the names in the prompt; it knows nothing of what
was said before. `state` and `policy` decide what it means in the conversation.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from runtime.domain.spanish.asks_person import asks_for_person
from sim.offline_model.context import Context
from sim.offline_model.lexicon import PATTERNS, Intent
from sim.offline_model.names import (
    find_bare_name,
    find_first_name,
    find_name,
    find_other_person,
    find_staff,
    find_stranger,
    is_first_name,
)
from sim.offline_model.services import ServiceMatch, find_services, mentions_appointment_of
from sim.offline_model.text import fold, split_words
from sim.offline_model.when import When, find_when

_ORDINALS = {
    **{"primera": 1, "primer": 1, "primero": 1, "1ra": 1, "1ro": 1, "1era": 1, "1er": 1, "uno": 1, "first": 1},
    **{"segunda": 2, "segundo": 2, "2da": 2, "2do": 2, "dos": 2, "second": 2},
    **{"tercera": 3, "tercero": 3, "tercer": 3, "3ra": 3, "3ro": 3, "tres": 3, "tre": 3, "third": 3},
    **{"cuarta": 4, "cuarto": 4, "4ta": 4, "4to": 4, "cuatro": 4, "cinco": 5, "quinta": 5},
    **{"ultima": -1, "ultimo": -1, "last": -1},
}
_ORDINAL = "|".join(_ORDINALS)
_CHOICE = re.compile(
    rf"\b(?:la|el|lo|opcion|numero|num|the|con la|con el) (?:opcion |numero |num |de )?(?P<word>{_ORDINAL}|[1-9])"
    r"(?: opcion| one)?(?![\d:/]| (?:de (?:la|enero|febrero|marzo|abril|mayo|junio|julio|agosto|sep|oct|nov|dic)|"
    r"y media|am\b|pm\b|vez))\b"
)
_BARE_CHOICE = re.compile(
    rf"^\W*(?:a ver |quiero |#|opcion |numero )*(?P<word>{_ORDINAL}|[1-9])(?: por favor)?[\s.)!]*$"
)
_THAT = re.compile(r"^\W*(?:si,? )?(?:quiero )?(?:esa|ese|eso|esta|este|la que dices|ese mero|esa mera)\b")
_HALF_DAY = re.compile(r"^\W*(?:de |a |en |por |la |del? )*(a\.?m|p\.?m|am|pm)\b\.?")
_SHIFT = re.compile(
    r"\b(?P<many>media|una|un|1|dos|2|tres|3|(?:10|15|20|30|40|45)) ?(?P<unit>hrs?|horas?|h|minutos?|mins?|"
    r"rato)\b(?: y (?P<half>media))?"
    r"(?: (?P<way>mas temprano|antes|mas tarde|despues|adelante|atras))?"
)
_QUESTION_START = re.compile(
    r"[?¿]|^\W*(?:(?:y|oye|oiga|hola|disculpa|perdon|una pregunta|buen[oa]s? \w+),? )*(?:que|cuanto|cuantos|"
    r"cuando|donde|como|quien|cual|hay|tienen?s?|hacen|"
    r"aceptan|atienden|abren|cierran|puedo|se puede)\b"
)
_FIX_TARGET = re.compile(
    r"\b(?:la|el|mi)? ?(?P<what>hora|horario|dia|fecha|servicio|nombre|estilista|barbero|persona)\b"
)


class Understanding(msgspec.Struct, frozen=True):
    """One message, understood on its own. Absent things are empty.

    Attributes:
        choice: A place in a list, from 1; -1 is the last; 0 is none.
        is_that: The customer points at what was just offered (`esa`).
        half_day: `AM` or `PM` when the message is nothing but that.
        minutes: How far an appointment is to be moved within its day, negative for earlier; 0 is not said.
        of_other: Whose appointment is spoken of when it is somebody else's.
        change: What the customer says is to be changed (`hora`, `dia`, `servicio` …).
    """

    text: str
    folded: str
    intents: frozenset[Intent]
    when: When
    service: ServiceMatch
    staff: str = ""
    stranger: str = ""
    name: str = ""
    bare_name: str = ""
    first_name: str = ""
    whom: str = ""
    whom_name: str = ""
    choice: int = 0
    is_that: bool = False
    half_day: str = ""
    minutes: int = 0
    of_other: str = ""
    change: str = ""
    is_question: bool = False

    def has(self, *intents: Intent) -> bool:
        """Whether the message carries any of these intents."""
        return not self.intents.isdisjoint(intents)

    @property
    def has_when(self) -> bool:
        """Whether the message names a day or an hour."""
        return bool(self.when.days or self.when.times)


def understand(text: str, context: Context) -> Understanding:
    """Read one message against the names the prompt gives."""
    return _understand(text[:2000], context.service_names, context.staff, context.customer)


@lru_cache(maxsize=4096)
def _understand(text: str, names: tuple[str, ...], staff: tuple[str, ...], customer: str) -> Understanding:
    folded = fold(text)
    when = find_when(text)
    intents = _find_intents(folded, when.rest, text)
    if asks_for_person(text, staff):
        intents |= {Intent.PERSON}
    name = find_name(text)
    named_staff = "" if name and not re.search(r"\bcon\b", folded) else find_staff(text, staff)
    whom, whom_name = find_other_person(text)
    if name and customer and fold(name) != fold(customer) and re.search(r"\ba(?:l)? nombre de\b", folded):
        name, whom, whom_name = "", name, name
    if fold(whom_name) and fold(whom_name) in (fold(customer), *(fold(person) for person in staff)):
        whom, whom_name = "", ""
    match = re.search(_FIX_TARGET, folded)
    service = find_services(_without(when.rest, name), names)
    if service.best or service.candidates:
        intents.discard(Intent.OUT_OF_SCOPE)
    return Understanding(
        text=text,
        folded=folded,
        intents=frozenset(intents),
        when=when,
        service=service,
        staff=named_staff,
        stranger="" if named_staff else find_stranger(text),
        name=name,
        bare_name="" if named_staff else find_bare_name(text),
        first_name="" if named_staff else find_first_name(text),
        whom=whom,
        whom_name=whom_name,
        choice=_find_choice(folded),
        is_that=_THAT.search(folded) is not None,
        half_day=_find_half_day(folded),
        minutes=_find_shift(folded, intents),
        of_other=_find_owner(folded, text, customer, staff),
        change=match.group("what") if match else "",
        is_question=_QUESTION_START.search(folded) is not None,
    )


def _find_intents(folded: str, rest: str, text: str) -> set[Intent]:
    found = {intent for intent, pattern in PATTERNS if pattern.search(folded)}
    if Intent.THUMBS not in found and text.strip() and not re.search(r"[\w?]", text) and len(text.strip()) <= 8:
        found.add(Intent.THUMBS) if re.search("[\U0001f44d\U0001f44c\U0001f64c\u2705\u2764]", text) else None
    if Intent.BYE in found and rest != folded and re.search(r"\bhasta (?:manana|el)", folded):
        found -= {Intent.BYE} if len(split_words(folded)) > 4 else set()
    if Intent.RUNNING_LATE in found and re.search(r"\b(?:puedo|podria|se puede|hay problema si)\b", folded):
        found.discard(Intent.RUNNING_LATE)
    if Intent.MOVE in found or Intent.RUNNING_LATE in found:
        found.discard(Intent.CANCEL) if not re.search(r"\bcancel", folded) else None
    if Intent.CANCEL in found and re.search(r"\bno (?:la |me |lo |quiero |voy a |vayas a )*(?:cancel|quit)", folded):
        found.discard(Intent.CANCEL)
    if Intent.HOURS in found and Intent.AVAILABILITY in found:
        found.discard(Intent.HOURS)
    if Intent.FORGET in found and Intent.CANCEL in found and "cita" in folded:
        found.discard(Intent.FORGET)
    return found


def _find_choice(folded: str) -> int:
    match = _BARE_CHOICE.match(folded) or _CHOICE.search(folded)
    if match is None:
        return 0
    word = match.group("word")
    return _ORDINALS.get(word) or (int(word) if word.isdigit() else 0)


def _find_half_day(folded: str) -> str:
    match = _HALF_DAY.match(folded)
    if match is None:
        return ""
    return "AM" if match.group(1).startswith("a") else "PM"


def _find_shift(folded: str, intents: set[Intent]) -> int:
    match = _SHIFT.search(folded)
    if match is None or not intents & {Intent.MOVE, Intent.LATER, Intent.EARLIER}:
        return 0
    count = {"media": 0, "una": 1, "un": 1, "dos": 2, "tres": 3}.get(match.group("many"))
    if count is None:
        count = int(match.group("many"))
    if match.group("unit").startswith("m"):
        minutes = count
    else:
        minutes = 30 if match.group("many") == "media" else count * 60 + (30 if match.group("half") else 0)
    is_earlier = re.search(r"\b(?:antes|mas temprano|adelant\w*)\b", folded) is not None
    return -minutes if is_earlier else minutes


def _find_owner(folded: str, text: str, customer: str, staff: tuple[str, ...]) -> str:
    """Whose appointment it is when a name follows `la cita de` that is not the customer's own."""
    name = mentions_appointment_of(folded)
    own = set(split_words(fold(customer)))
    people = {word for person in staff for word in split_words(fold(person))}
    is_capital = re.search(rf"\b{name.capitalize()}\b", text) is not None if name else False
    if not name or name in own | people or not (is_first_name(name) or is_capital):
        return ""
    return name.capitalize()


def _without(rest: str, name: str) -> str:
    """A text without the customer's own name, which may look like a service (`soy Mecha`)."""
    return rest.replace(fold(name), " ") if name else rest
