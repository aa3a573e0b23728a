"""The answer of the date resolver: what a customer's words for a day and a time amount to.

The tools, the offline model and `parlo resolve-date` read these values; only `dates.resolve` makes them.
Every moment here is aware and local (in the business's zone).
"""

from __future__ import annotations

from datetime import datetime, time
from enum import StrEnum

import msgspec


class ResolutionKind(StrEnum):
    """What the words determine."""

    INSTANT = "instant"
    WINDOW = "window"
    AMBIGUOUS = "ambiguous"
    NONE = "none"


class Candidate(msgspec.Struct, frozen=True):
    """One possible reading: a moment (`ends_at` is None) or a stretch of time."""

    starts_at: datetime
    ends_at: datetime | None = None


class Resolution(msgspec.Struct, frozen=True):
    """A resolved phrase.

    Attributes:
        kind: INSTANT has `starts_at` only; WINDOW has both ends (`ends_at` exclusive); AMBIGUOUS has a
            `question` and usually `candidates` (the likeliest first, also in `starts_at`/`ends_at`); NONE has
            neither.
        approximate: The person said "como a las 4", "ahorita" or the like.
        has_day: The text itself names a day ("a las 5" does not: today or tomorrow was assumed).
        has_time: The text itself says something about the time of day, be it only "en la tarde".
        reason: Names of the rules that fired, for developers; never shown to a customer.
        question: Mexican Spanish, naming full dates; only with AMBIGUOUS.
        daily_from, daily_until: For a WINDOW over several days, the part of each day that is meant
            ("la próxima semana en la tarde"), local wall-clock times; None where the whole day is.
    """

    kind: ResolutionKind
    reason: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    approximate: bool = False
    has_day: bool = False
    has_time: bool = False
    candidates: tuple[Candidate, ...] = ()
    question: str | None = None
    daily_from: time | None = None
    daily_until: time | None = None


class Description(msgspec.Struct, frozen=True):
    """A resolution in words and plain text values, for the command line."""

    kind: ResolutionKind
    summary: str
    reason: str
    starts_at: str | None
    ends_at: str | None
    approximate: bool
    has_day: bool
    has_time: bool
    question: str | None
    candidates: tuple[str, ...]
