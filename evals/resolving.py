"""Dates by the file: phrases resolved as a business of these hours would, and scored where their meaning is given.

`parlo resolve-date --file` calls it. What it resolves with is production's resolver alone; no database, no model.
Three figures are kept apart, since they cost differently: what is asked about costs a message, and what is wrong
without asking costs an appointment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from evals.statistics.rates import Rate, rate_of
from runtime.domain.schedule_hours import TimeRange, WeekHours
from runtime.domain.spanish.dates import Resolution, ResolutionKind, resolve
from sim.fields import Fault, decode_value
from sim.jsonlines import read_json_lines
from sim.problems import MalformedInput, Problem
from sim.worlds import ClockTime

USUAL = ("09:00", "20:00")
"""Hours of a business that are not told."""
MOST_TOLD = 20


class Kind(StrEnum):
    """What a phrase comes to."""

    INSTANT = "instant"
    WINDOW = "window"
    ASK = "ask"
    NONE = "none"


class Phrase(msgspec.Struct, frozen=True, kw_only=True):
    """A row: words, when and where they were written, and, to be scored, what they mean.

    Attributes:
        now: ISO 8601; local to `tz` unless it has an offset.
        opens: When the business opens on every day, with `closes`; null for usual hours.
        tz: Its time zone.
        kind: What is meant, with `start` and, of a window, `end`: local, or with an offset.
    """

    text: str
    now: str
    opens: ClockTime | None = None
    closes: ClockTime | None = None
    tz: str = "America/Mexico_City"
    kind: Kind | None = None
    start: str | None = None
    end: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """What became of a row. An instant has no end; what is asked about, and what is none, has neither.

    Attributes:
        why: The question for the customer, or which rules of the resolver decided.
    """

    kind: Kind
    start: str | None
    end: str | None
    why: str


class Outcome(StrEnum):
    """An answer beside what is meant."""

    EXACT = "exact"
    ASKED = "asked"
    MISSED = "missed"
    WRONG = "wrong without asking"


class Scored(msgspec.Struct, frozen=True):
    """A row that did not come out exactly."""

    line: int
    text: str
    outcome: Outcome
    wanted: str
    got: str


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """All rows whose meaning is given.

    Attributes:
        exact: Kind and moments as meant.
        asked: A question where a day and time was meant.
        missed: Nothing was found where something was meant, or should have been asked.
        wrong: A day and time that was not meant, and no question: of the rows, those that cost an appointment.
        not_exact: Each of the others.
    """

    rows: int
    exact: Rate
    asked: Rate
    missed: Rate
    wrong: Rate
    not_exact: tuple[Scored, ...]


class Row(msgspec.Struct, frozen=True):
    """A phrase with its line and all that was checked of it."""

    line: int
    phrase: Phrase
    now: datetime
    hours: WeekHours


def read_phrases(path: Path) -> list[Row]:
    """All rows of a file.

    Raises:
        MalformedInput: With every fault and its line.
    """
    rows: list[Row] = []
    problems: list[Problem] = []
    for item in read_json_lines(path):
        if isinstance(item, Problem):
            problems.append(item)
            continue
        found = _read_row(item.number, item.value)
        if isinstance(found, Row):
            rows.append(found)
        else:
            problems += [Problem(str(path), item.number, fault.path, fault.message) for fault in found]
    if not rows and not problems:
        problems.append(Problem(str(path), message="has no rows"))
    if problems:
        raise MalformedInput(problems)
    return rows


def _read_row(line: int, value: dict[str, object]) -> Row | list[Fault]:
    phrase = decode_value({name: each for name, each in value.items() if name in Phrase.__struct_fields__}, Phrase)
    if isinstance(phrase, list):
        return phrase
    faults = []
    try:
        zone = ZoneInfo(phrase.tz)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return [Fault("tz", f"{phrase.tz!r} is no time zone")]
    try:
        now = _read_moment(phrase.now, zone)
    except (ValueError, OverflowError):
        return [Fault("now", f"{phrase.now!r} is no ISO 8601 date and time")]
    if (phrase.opens is None) is not (phrase.closes is None):
        faults.append(Fault("closes" if phrase.closes is None else "opens", "`opens` and `closes` go together"))
    opens, closes = (phrase.opens, phrase.closes) if phrase.opens and phrase.closes else USUAL
    if not opens < closes:
        faults.append(Fault("closes", f"{closes} is not after {opens}; no day crosses midnight"))
    for name in ("start", "end"):
        said = getattr(phrase, name)
        try:
            if said is not None:
                _read_moment(said, zone)
        except (ValueError, OverflowError):
            faults.append(Fault(name, f"{said!r} is no ISO 8601 date and time"))
    if faults:
        return faults
    return Row(line, phrase, now, WeekHours(((TimeRange.of(opens, closes),),) * 7))


def _read_moment(text: str, zone: ZoneInfo) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def answer_row(row: Row) -> Answer:
    """Resolve one row; what is over is asked about, as the tools do."""
    return _answer(resolve(row.phrase.text, now_local=row.now, hours=row.hours), row.now)


def _answer(found: Resolution, now: datetime) -> Answer:
    if found.kind is ResolutionKind.AMBIGUOUS:
        return Answer(Kind.ASK, None, None, found.question or found.reason)
    if found.kind is ResolutionKind.NONE or found.starts_at is None:
        return Answer(Kind.NONE, None, None, found.reason or "nothing found")
    if (found.ends_at or found.starts_at) <= now:
        return Answer(Kind.ASK, None, None, f"{found.starts_at.isoformat()} is over ({found.reason})")
    end = found.ends_at.isoformat() if found.kind is ResolutionKind.WINDOW and found.ends_at else None
    return Answer(Kind(found.kind.value), found.starts_at.isoformat(), end, found.reason)


def score_rows(rows: Sequence[Row], answers: Iterable[Answer]) -> Scores:
    """Hold answers against what is meant; rows that do not say are left out."""
    outcomes: list[Outcome] = []
    others = []
    for row, answer in zip(rows, answers, strict=True):
        if row.phrase.kind is None:
            continue
        outcome = _judge(row, answer)
        outcomes.append(outcome)
        if outcome is not Outcome.EXACT:
            wanted = _show(row.phrase.kind, row.phrase.start, row.phrase.end)
            got = _show(answer.kind, answer.start, answer.end)
            others.append(Scored(row.line, row.phrase.text, outcome, wanted, got))
    shares = {each: rate_of(outcomes.count(each), len(outcomes)) for each in Outcome}
    return Scores(
        rows=len(outcomes),
        exact=shares[Outcome.EXACT],
        asked=shares[Outcome.ASKED],
        missed=shares[Outcome.MISSED],
        wrong=shares[Outcome.WRONG],
        not_exact=tuple(others),
    )


def _judge(row: Row, answer: Answer) -> Outcome:
    wanted = row.phrase
    if answer.kind is wanted.kind and all(
        _is_same(said, got, row) for said, got in ((wanted.start, answer.start), (wanted.end, answer.end))
    ):
        return Outcome.EXACT
    if answer.kind is Kind.ASK:
        return Outcome.ASKED
    return Outcome.MISSED if answer.kind is Kind.NONE else Outcome.WRONG


def _is_same(said: str | None, got: str | None, row: Row) -> bool:
    """Whether a moment is the one that is meant; what is not said may be anything."""
    if said is None:
        return True
    zone = row.now.tzinfo
    assert isinstance(zone, ZoneInfo)
    return got is not None and _read_moment(said, zone) == datetime.fromisoformat(got)


def _show(kind: Kind, start: str | None, end: str | None) -> str:
    return " ".join(filter(None, [kind.value, (start or "")[:16], "to" if end else "", (end or "")[:16]]))


def describe_scores(scores: Scores) -> list[str]:
    """A line for each figure, and one for each row that did not come out exactly."""
    lines = [f"{scores.rows} rows whose meaning is given"]
    for name, rate in (
        ("exact", scores.exact),
        ("asked", scores.asked),
        ("missed", scores.missed),
        ("wrong without asking", scores.wrong),
    ):
        share = 0.0 if rate.share is None else rate.share
        lines.append(f"{name:<21} {rate.hits:>5}  {share:6.1%}  (95 % interval {rate.low:.1%} to {rate.high:.1%})")
    worst = sorted(scores.not_exact, key=lambda each: (each.outcome is not Outcome.WRONG, each.line))
    lines += [
        f"  line {each.line}: {each.outcome}: {each.text!r} is {each.wanted}, got {each.got}"
        for each in worst[:MOST_TOLD]
    ]
    if len(worst) > MOST_TOLD:
        lines.append(f"  … and {len(worst) - MOST_TOLD} more; --json has all of them")
    return lines
