"""Our own phrases, each with the moment it is said at and what it means."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from runtime.domain.schedule_hours import WeekHours
from runtime.domain.spanish.dates import Resolution, ResolutionKind, resolve

PHRASES = Path(__file__).resolve().parents[3] / "fixtures" / "dates" / "frases.jsonl"
ZONE = ZoneInfo("America/Mexico_City")
HOURS = {
    "lupita": WeekHours.every_day("09:00", "19:00", closed_weekdays=[6]),
    "largo": WeekHours.every_day("07:00", "21:00"),
}
SMALLEST_SET = 300
EXACT_SHARE = 0.98


class Phrase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the set; times are local and naive, `candidates` are the beginnings of the readings."""

    text: str
    now: datetime
    hours: str
    kind: ResolutionKind
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    candidates: tuple[datetime, ...] = ()
    approximate: bool = False
    has_day: bool = True


def read_phrases() -> list[Phrase]:
    """All lines of the set."""
    lines = PHRASES.read_text(encoding="utf-8").splitlines()
    return [msgspec.json.decode(line, type=Phrase) for line in lines]


def resolve_phrase(phrase: Phrase) -> Resolution:
    """Resolve a line as the business would."""
    return resolve(phrase.text, now_local=phrase.now.astimezone(ZONE), hours=HOURS[phrase.hours])


def naive(moment: datetime | None) -> datetime | None:
    """A moment as the set writes it."""
    return None if moment is None else moment.replace(tzinfo=None)


def is_exact(phrase: Phrase, got: Resolution) -> bool:
    """Whether every part of the answer is the expected one."""
    if got.kind is not phrase.kind:
        return False
    if phrase.kind is ResolutionKind.NONE:
        return True
    if (got.approximate, got.has_day) != (phrase.approximate, phrase.has_day):
        return False
    if phrase.kind is ResolutionKind.AMBIGUOUS:
        return tuple(naive(each.starts_at) for each in got.candidates) == phrase.candidates
    return (naive(got.starts_at), naive(got.ends_at)) == (phrase.starts_at, phrase.ends_at)


def test_the_set_is_large_enough_to_mean_something() -> None:
    """At least three hundred different phrases, with every kind of answer among them."""
    phrases = read_phrases()

    distinct = {(phrase.text, phrase.now) for phrase in phrases}

    assert len(distinct) >= SMALLEST_SET
    assert {phrase.kind for phrase in phrases} == set(ResolutionKind)


def test_nearly_every_phrase_is_understood_exactly() -> None:
    """At least 98 % of the set come out with the exact kind, moments and flags."""
    phrases = read_phrases()

    different = [phrase.text for phrase in phrases if not is_exact(phrase, resolve_phrase(phrase))]

    assert len(different) <= len(phrases) * (1 - EXACT_SHARE), different


def test_no_phrase_is_confidently_misunderstood() -> None:
    """No phrase gets a definite answer that differs from the expected one: when in doubt it is asked."""
    misunderstood = [
        phrase.text
        for phrase in read_phrases()
        for got in [resolve_phrase(phrase)]
        if got.kind in (ResolutionKind.INSTANT, ResolutionKind.WINDOW)
        and (naive(got.starts_at), naive(got.ends_at)) != (phrase.starts_at, phrase.ends_at)
    ]

    assert misunderstood == []


def test_a_question_is_asked_exactly_where_the_answer_is_ambiguous() -> None:
    """AMBIGUOUS carries a Spanish question, no other kind does, and every moment is aware and local."""
    answers = [resolve_phrase(phrase) for phrase in read_phrases()]

    for got in answers:
        assert (got.question is not None) == (got.kind is ResolutionKind.AMBIGUOUS)
        assert got.question is None or (got.question.endswith("?") and "¿" in got.question)
        assert got.starts_at is None or got.starts_at.tzinfo is ZONE
