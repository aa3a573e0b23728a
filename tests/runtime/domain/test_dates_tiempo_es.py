"""Spanish time expressions of other projects, as a measure from outside; skipped where the data is not there.

The set is mostly Spanish of Spain and knows no opening hours, so a bare hour counts as right when the clock face
agrees. Ranges that have begun are cut off at the present by us and not by them: those count too. Rows on whose
convention the libraries themselves disagree are counted apart and have no floor.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from runtime.domain.schedule_hours import WeekHours
from runtime.domain.spanish.dates import Candidate, Resolution, ResolutionKind, resolve

ZONE = ZoneInfo("America/Mexico_City")
HOURS = WeekHours.every_day("09:00", "20:00")
SOME_DAY = datetime(2016, 11, 7)  # noqa: DTZ001 - the data is local time without a zone
POINT_TYPES = ("date", "time", "datetime")


class Value(msgspec.Struct, frozen=True):
    """One accepted reading of an expression."""

    start: str | None = None
    end: str | None = None
    grain: str | None = None


class Expected(msgspec.Struct, frozen=True):
    """One expression found in the text."""

    type: str
    values: tuple[Value, ...] = ()


class Case(msgspec.Struct, frozen=True):
    """A line of the data."""

    text: str
    reference: str | None = None
    results: tuple[Expected, ...] = ()
    near_future: bool = False
    convention: tuple[str, ...] = ()


def test_points_in_time_are_mostly_read_as_other_libraries_read_them(shared_data: Path) -> None:
    """Single dates and times in the near future: right (or right on the clock face) in most rows, wrong in few."""
    counts = count_outcomes(shared_data, points=True)

    total = counts.total()
    assert total > 300
    assert counts["right"] + counts["clock_face"] >= 0.89 * total, counts
    assert counts["wrong"] <= 0.03 * total, counts


def test_ranges_are_read_as_other_libraries_read_them_more_often_than_not(shared_data: Path) -> None:
    """Ranges differ by habit ("dentro de" is a range for some), so the floor is lower."""
    counts = count_outcomes(shared_data, points=False)

    total = counts.total()
    assert total > 200
    assert counts["right"] + counts["clock_face"] >= 0.63 * total, counts
    assert counts["wrong"] <= 0.16 * total, counts


def count_outcomes(shared_data: Path, *, points: bool) -> Counter[str]:
    """Score every row with one expression of the wanted sort and no disputed convention."""
    lines = (shared_data / "tiempo_es" / "casos.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [msgspec.json.decode(line, type=Case) for line in lines]
    counts: Counter[str] = Counter()
    for case in cases:
        if not case.near_future or case.convention or len(case.results) != 1:
            continue
        if (case.results[0].type in POINT_TYPES) == points:
            counts[judge(case)] += 1
    return counts


def judge(case: Case) -> str:
    """One of right, clock_face, wrong, asked, asked_wrong, none."""
    now = datetime.fromisoformat(case.reference[:19]) if case.reference else SOME_DAY
    got = resolve(case.text, now_local=now.replace(tzinfo=ZONE), hours=HOURS)
    if got.kind is ResolutionKind.NONE:
        return "none"
    best = max((match(each, case.results[0], now) for each in readings(got)), default=0)
    if got.kind is ResolutionKind.AMBIGUOUS:
        return "asked" if best else "asked_wrong"
    return ("wrong", "clock_face", "right")[best]


def readings(got: Resolution) -> tuple[Candidate, ...]:
    """All readings of an answer."""
    if got.candidates or got.starts_at is None:
        return got.candidates
    return (Candidate(got.starts_at, got.ends_at),)


def match(got: Candidate, expected: Expected, now: datetime) -> int:
    """2 for the same, 1 for the same on the clock face, 0 for another time."""
    start = got.starts_at.replace(tzinfo=None)
    end = got.ends_at.replace(tzinfo=None) if got.ends_at else None
    best = 0
    for value in expected.values:
        if value.start is None:
            continue
        begins = 2 if is_cut_off(start, value.start, now) else match_start(start, value, expected.type, now)
        ends = 2 if value.end is None or expected.type in POINT_TYPES else match_end(end, value.end)
        best = max(best, min(begins, ends))
    return best


def is_cut_off(start: datetime, wanted: str, now: datetime) -> bool:
    """Whether we begin now because the wanted range has begun already."""
    if start != now:
        return False
    begins = moment_of(wanted, now)
    return begins <= now or (is_time(wanted) and begins.hour < 12 and begins + timedelta(hours=12) <= now)


def match_start(start: datetime, value: Value, kind: str, now: datetime) -> int:
    """Compare beginnings: by date for dates, to the minute for times."""
    wanted = moment_of(value.start or "", now)
    if kind in ("date", "date_range") or value.grain == "day":
        return 2 * (start.date() == wanted.date())
    if not is_time(value.start or "") and start.date() != wanted.date():
        return 0
    return same_minute(start, wanted)


def match_end(end: datetime | None, wanted: str) -> int:
    """Compare ends; a calendar range ends on its last day or on the midnight after it."""
    if end is None:
        return 0
    moment = moment_of(wanted, end)
    if not is_time(wanted) and "T" not in wanted:
        return 2 * (end.date() in (moment.date(), moment.date() - timedelta(days=1)))
    if "T" in wanted and moment.time() == time() and end.time() != time():
        return 2 * (end.date() in (moment.date(), moment.date() - timedelta(days=1)))
    return same_minute(end, moment)


def same_minute(one: datetime, other: datetime) -> int:
    """2 for the same minute of the day, 1 twelve hours apart."""
    if (one.hour, one.minute) == (other.hour, other.minute):
        return 2
    return int(one.minute == other.minute and one.hour % 12 == other.hour % 12)


def is_time(text: str) -> bool:
    """Whether a value is a time of day alone."""
    return "-" not in text


def moment_of(text: str, now: datetime) -> datetime:
    """A value of the data as a moment; a time of day is today's."""
    if is_time(text):
        return datetime.combine(now.date(), time.fromisoformat(text[:8]))
    return datetime.fromisoformat(text[:19]) if "T" in text else datetime.combine(date.fromisoformat(text), time())
