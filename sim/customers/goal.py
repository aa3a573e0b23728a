"""What a recorded customer wants, and how they write: read from the final rows, else the tools, else their lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from statistics import median

import msgspec

from runtime.domain.identity import canonical_key
from runtime.domain.spanish.asks_person import asks_for_person
from runtime.domain.spanish.folding import expand_chat_spelling, fold
from runtime.domain.spanish.formats import format_when
from sim.divergence import Details, list_details
from sim.transcripts import End, Participant, Say, Transcript, list_participants

_CANCELS = re.compile(r"\b(?:cancel\w+|ya no (?:voy|puedo) (?:a )?ir|no (?:voy a )?pod\w+ ir)\b")
_MOVES = re.compile(r"\b(?:cambi\w+|muev\w+|mover|pas\w+|recorr\w+) (?:mi|la) cita\b|\breagend\w+")
_FEWEST, _MOST = 3, 8
_BRIEF_WORDS = 4


class Want(StrEnum):
    """What somebody writes for."""

    BOOK = "book"
    MOVE = "move"
    CANCEL = "cancel"
    PERSON = "person"
    ASK = "ask"


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to have reached.

    Attributes:
        service, staff: As the business calls them; empty where any will do, or where that is not recorded.
        when: As the system spells a moment, "martes 13 de enero, 4:00 PM"; empty likewise.
        questions: What they still want to know, in order.
        patience: Lines they write before they give up.
    """

    want: Want
    name: str = ""
    service: str = ""
    staff: str = ""
    when: str = ""
    questions: tuple[str, ...] = ()
    patience: int = _FEWEST


class Style(msgspec.Struct, frozen=True):
    """How somebody writes: in capitals, without capitals, without accents and opening marks, in few words."""

    shouts: bool = False
    small: bool = False
    bare: bool = False
    brief: bool = False

    def dress(self, text: str) -> str:
        """A line as this person would type it."""
        if self.bare:
            text = text.translate(str.maketrans("áéíóúÁÉÍÓÚ", "aeiouAEIOU", "¿¡"))
        if self.small:
            text = text.lower()
        return text.upper() if self.shouts else text


def read_style(lines: Iterable[str]) -> Style:
    """The manner of some lines; of none, an ordinary one."""
    texts = [line for line in lines if any(char.isalpha() for char in line)]
    if not texts:
        return Style()
    whole = "".join(texts)
    return Style(
        shouts=whole == whole.upper(),
        small=whole == whole.lower(),
        bare=not set(whole.lower()) & set("áéíóú¿¡"),
        brief=median(len(text.split()) for text in texts) <= _BRIEF_WORDS,
    )


def read_goal(transcript: Transcript, person: str, index: int) -> Goal:
    """What `person` wants who has said everything before `index`."""
    participant = list_participants(transcript)[person]
    lines = [event for event in transcript.events if isinstance(event, Say) and event.by == person]
    left = [e.text for e in transcript.events[index:] if isinstance(e, Say) and e.by == person]
    found = _read_rows(transcript, participant) or _read_tools(transcript) or _read_lines([it.text for it in lines])
    questions = tuple(text for text in left if "?" in text) if found.want is Want.ASK else ()
    patience = min(_MOST, max(_FEWEST, len(left) + 2))
    return msgspec.structs.replace(found, name=participant.name, questions=questions, patience=patience)


def _read_rows(transcript: Transcript, person: Participant) -> Goal | None:
    """What the final rows have that the world had not, or have no more."""
    end = next((event for event in reversed(transcript.events) if isinstance(event, End)), None)
    if end is None:
        return None
    business, now = transcript.world.business, transcript.header.now.replace(tzinfo=None)
    names = {each.key: each.name for each in business.staff}
    key = canonical_key(person.address)
    had = {
        (each.service, names.get(each.staff, each.staff), each.starts_at)
        for each in business.appointments
        if key is not None and canonical_key(f"whatsapp:{each.phone}") == key and each.status == "confirmed"
    }
    has = {
        (each.service, names.get(each.staff, each.staff), each.starts_at)
        for each in end.appointments or ()
        if each.customer == person.key and each.status == "confirmed"
    }
    gained, lost = sorted(has - had), sorted(had - has) if end.appointments is not None else []
    if gained:
        return _make_goal(Want.MOVE if lost else Want.BOOK, gained[0], now)
    if lost:
        return _make_goal(Want.CANCEL, lost[0], now)
    if any(each.customer == person.key for each in end.handoffs or ()):
        return Goal(want=Want.PERSON)
    return None


def _make_goal(want: Want, row: tuple[str, str, str], now: datetime) -> Goal:
    service, staff, starts_at = row
    return Goal(want=want, service=service, staff=staff, when=format_when(datetime.fromisoformat(starts_at), now))


_WANT_OF_TOOL = {
    "book_appointment": Want.BOOK,
    "reschedule_appointment": Want.MOVE,
    "cancel_appointment": Want.CANCEL,
    "handoff_to_human": Want.PERSON,
}


def _read_tools(transcript: Transcript) -> Goal | None:
    """The last change that was recorded."""
    changes: dict[str, Details] = list_details(transcript.events)
    if not changes:
        return None
    tool, details = list(changes.items())[-1]
    return Goal(
        want=_WANT_OF_TOOL[tool],
        service=details.get("service", ""),
        staff=details.get("staff", ""),
        when=details.get("when", ""),
    )


def _read_lines(lines: Sequence[str]) -> Goal:
    folded = [fold(expand_chat_spelling(line)) for line in lines]
    if any(asks_for_person(line) for line in lines):
        return Goal(want=Want.PERSON)
    if any(_CANCELS.search(line) for line in folded):
        return Goal(want=Want.CANCEL)
    if any(_MOVES.search(line) for line in folded):
        return Goal(want=Want.MOVE)
    return Goal(want=Want.ASK)
