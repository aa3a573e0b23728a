"""What the day rules and the clock rules hand to the resolver: plain values, not yet moments.

Positions are offsets in the text that `phrase.read_phrase` returned.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum, auto

import msgspec

from runtime.domain.schedule_hours import WeekHours


class Scene(msgspec.Struct, frozen=True):
    """When and where something is said: `now` is naive local time, seconds cut off."""

    now: datetime
    hours: WeekHours

    @property
    def today(self) -> date:
        """The local date of `now`."""
        return self.now.date()


class Days(msgspec.Struct, frozen=True, order=True):
    """A run of dates, both ends included; one date when they are equal."""

    first: date
    last: date

    @classmethod
    def one(cls, day: date) -> Days:
        """A single date."""
        return cls(day, day)

    @property
    def is_single(self) -> bool:
        """Whether this is one date."""
        return self.first == self.last


class DayFinding(msgspec.Struct, frozen=True):
    """Words that name a day or several.

    Attributes:
        options: The possible readings, likeliest first; several mean that the words are ambiguous, none that
            the day does not exist.
        weekday: Set where the words are a bare weekday, which may only qualify another date.
        drop_past: Readings that are over by now are dropped while another one remains.
        hour: The number after a weekday may be an hour instead of a date ("viernes 5").
        past: The same day and month of this year, where it is over but recent; its weekday can confirm it.
        preface: Spanish, put before the question when one has to be asked.
        weak: Only counts where nothing else names a day.
    """

    rule: str
    start: int
    end: int
    options: tuple[Days, ...]
    weekday: int | None = None
    drop_past: bool = False
    hour: int | None = None
    past: date | None = None
    preface: str = ""
    weak: bool = False


class Half(StrEnum):
    """Which half of the day a clock hour belongs to."""

    AM = auto()
    PM = auto()


class Clock(msgspec.Struct, frozen=True):
    """An hour as it was said: 0..24, with the half of the day where the words tell it.

    `has_colon` marks "12:30", which is taken by the book where "12" alone is not.
    """

    hour: int
    minute: int = 0
    half: Half | None = None
    has_colon: bool = False


class Shape(StrEnum):
    """What a time of day is: a point, a stretch, or a distance from now."""

    POINT = auto()
    RANGE = auto()
    FROM = auto()
    UNTIL = auto()
    PART = auto()
    OFFSET = auto()
    VAGUE = auto()


class DayPart(msgspec.Struct, frozen=True):
    """A named part of the day. The functions of hours are in `day_parts`."""

    name: str
    from_minute: int
    until_minute: int
    half: Half | None = None
    approximate: bool = False


class TimeFinding(msgspec.Struct, frozen=True):
    """Words that name a time of day; which fields are set depends on the shape.

    Attributes:
        first: POINT, RANGE, FROM, UNTIL.
        second: RANGE.
        part: PART; elsewhere the part of the day said with the hour, if it was.
        offset_minutes: OFFSET and VAGUE: how long after now it begins.
        length_minutes: VAGUE: how long the window is; None is until closing.
        possible: False where the words are a time that no clock shows ("a las 25").
    """

    rule: str
    start: int
    end: int
    shape: Shape
    first: Clock | None = None
    second: Clock | None = None
    part: DayPart | None = None
    offset_minutes: int = 0
    length_minutes: int | None = None
    approximate: bool = False
    weak: bool = False
    possible: bool = True
