"""A rule for every replay: no time of day that nobody gave.

A time in an answer is known from the business's hours, from what people wrote, from what a tool gave, from an
appointment the customer has, from a known time beside it plus a service's length, or from the clock. The rule is
generous: each number that a person writes may be an hour, morning and afternoon. What it finds is a time that comes
from nowhere, as models invent them when they do not look into the calendar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from evals.matching import quote
from evals.reading import Reading
from evals.scorers.inventions import list_answers
from evals.verdicts import Verdict, VerdictKind
from runtime.domain.spanish.phrase import read_phrase

DAY = 24 * 60
_CLOCK = re.compile(
    r"(?<![\d:.$/-])(?P<h>\d{1,2})(?::(?P<m>[0-5]\d))?\s?(?P<x>[ap]\.?\s?m\b\.?)?(?![\d:])",
    re.IGNORECASE,
)
_HOURLESS = re.compile(
    r"\b(?:a|de|desde|hasta|entre|y|tipo) las? (?P<h>\d{1,2})(?![\d:/])(?! ?[ap]\.?\s?m\b)", re.IGNORECASE
)
_ISO = re.compile(r"T(?P<h>[0-2]\d):(?P<m>[0-5]\d)")
_NUMBER = re.compile(
    r"(?<![\d:])(?:(?P<to>\d{1,2}|cuarto) para las? )?(?P<h>\d{1,2})(?::(?P<m>[0-5]\d))?(?!\d)"
    r"(?: (?:y|con) (?P<y>media|cuarto|\d{1,2})(?!\d))?"
)
_NAMED = {"mediodia": 12, "medio dia": 12, "medianoche": 0}
_PARTS = {"media": 30, "cuarto": 15}


def check_times(reading: Reading) -> Iterator[Verdict]:
    """A time of day in an answer is one of the business's, or was named before by a person, a tool or the clock."""
    record = reading.record
    if not record.clock_times:
        # an old record, or a world without hours: nothing to hold the answers against
        return
    for send in list_answers(reading):
        named = list(_find_times(send.text))
        if not named:
            continue
        known = _list_known(reading, send.index) | _read_clock(record.started_at, send.t)
        begins = {minute for _, readings in named for minute in readings & known}
        ends = {(minute + length) % DAY for minute in begins for length in record.durations}
        for words, readings in named:
            if not (known | ends) & readings:
                reason = f"{words} is nobody's time, in {quote(send.text, 80)}"
                yield Verdict("rule/no-invented-time", False, reason, send.index, VerdictKind.RULE)


def _find_times(text: str) -> Iterator[tuple[str, frozenset[int]]]:
    """Times of day in a text of ours with the minutes of the day each may mean; a bare number is none."""
    for found in _CLOCK.finditer(text):
        if found["m"] is not None or found["x"] is not None:
            yield found.group().strip(" ."), _read(int(found["h"]), int(found["m"] or 0), found["x"])
    for found in _HOURLESS.finditer(text):
        yield found.group().strip(), _read(int(found["h"]), 0, None)


def _read(hour: int, minute: int, half: str | None) -> frozenset[int]:
    if half is not None and 1 <= hour <= 12:
        return frozenset({(hour % 12 + (12 if half[0] in "pP" else 0)) * 60 + minute})
    if hour > 12:
        return frozenset({hour % 24 * 60 + minute})
    return frozenset({hour % 24 * 60 + minute, (hour + 12) % 24 * 60 + minute})


def _list_known(reading: Reading, before: int) -> set[int]:
    known = {int(each[:2]) * 60 + int(each[3:]) for each in reading.record.clock_times}
    for tool in reading.tools:
        if tool.index < before:
            given = msgspec.json.encode(tool.data.result).decode()
            known |= {minute for _, readings in _find_times(given) for minute in readings}
            known |= {int(found["h"]) * 60 + int(found["m"]) for found in _ISO.finditer(given)}
    for say in reading.says:
        if say.index < before:
            known |= _read_said(" ".join([say.text, *(str(file.get("says", "")) for file in say.data.media)]))
    return known


def _read_said(text: str) -> set[int]:
    """Every time that a person's words may mean, their numbers spelled or not; each number may be an hour."""
    phrase = read_phrase(text)
    minutes = {hour * 60 for word, hour in _NAMED.items() if word in phrase}
    for found in _NUMBER.finditer(phrase):
        if int(found["h"]) <= 24:
            whole = int(found["h"]) * 60
            minutes |= {whole, whole + _count(found["m"]), whole + _count(found["y"]), whole - _count(found["to"])}
    return {(minute + half) % DAY for minute in minutes for half in (0, DAY // 2)}


def _count(words: str | None) -> int:
    return (_PARTS.get(words) or int(words)) if words else 0


def _read_clock(started_at: str, t: float) -> set[int]:
    """The local time at which something was sent, a minute more or less."""
    try:
        now = datetime.fromisoformat(started_at) + timedelta(seconds=t)
    except ValueError:
        return set()
    minute = now.hour * 60 + now.minute
    return {(minute + off) % DAY for off in (-1, 0, 1)}
