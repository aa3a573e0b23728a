"""What happened in a simulation, as one list of lines: to be hashed, compared, and read lane by lane."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

import msgspec

from runtime.ports import Clock

LANE_WIDTH = 14


class Line(msgspec.Struct, frozen=True):
    """One thing that happened: how long after the beginning, to whom, and what."""

    at_s: float
    lane: str
    text: str


class Trace:
    """Collects lines, and hashes them as they come."""

    def __init__(self, clock: Clock) -> None:
        self.lines: list[Line] = []
        self._clock = clock
        self._starts_at = clock.now()
        self._hash = hashlib.sha256()

    def add(self, lane: str, text: str) -> None:
        """Something happens now."""
        line = Line(round((self._clock.now() - self._starts_at).total_seconds(), 6), lane, text)
        self._hash.update(f"{line.at_s:.6f} {lane} {text}\n".encode())
        self.lines.append(line)

    @property
    def digest(self) -> str:
        """SHA-256 over everything so far, in hex."""
        return self._hash.hexdigest()


def render_story(lines: Sequence[Line], starts_at: datetime) -> str:
    """The lines for a person to read: the time since the beginning, the lane, what happened."""
    shown = [f"begins {starts_at.isoformat()}"]
    for line in lines:
        minutes, seconds = divmod(line.at_s, 60)
        flat = " ".join(line.text.split())
        shown.append(f"{int(minutes):4d}:{seconds:06.3f}  {line.lane:<{LANE_WIDTH}}  {flat}")
    return "\n".join(shown)


def find_divergence(one: Sequence[Line], other: Sequence[Line]) -> str | None:
    """The first line in which two plays of one seed differ; None where they do not."""
    for number, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return f"line {number}: {mine} | {theirs}"
    if len(one) != len(other):
        return f"one has {len(one)} lines, the other {len(other)}"
    return None
