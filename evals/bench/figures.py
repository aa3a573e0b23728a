"""What a measurement comes to: figures, each with its unit, its number of samples, its target and how it was taken."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec


class Unit(StrEnum):
    """What a figure counts."""

    PER_SECOND = "/s"
    MILLISECONDS = "ms"
    SECONDS = "s"
    MEGABYTES = "MB"
    RATIO = "ratio"
    COUNT = ""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One number.

    Attributes:
        n: How many samples are behind it.
        how: How it was taken, in one line.
        least: It is as it should be from here on; None means there is no such target.
        most: It is as it should be up to here.
    """

    name: str
    value: float
    unit: Unit
    n: int
    how: str
    least: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether it reaches its target; None where it has none."""
        if self.least is None and self.most is None:
            return None
        enough = self.least is None or self.value >= self.least
        return enough and (self.most is None or self.value <= self.most)


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """Some figures of one thing. `notes` are lines for people; `failure` says why there are no figures."""

    name: str
    figures: Sequence[Figure] = ()
    notes: Sequence[str] = ()
    took_s: float = 0.0
    failure: str | None = None


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed (nearest rank); `values` need not be in order."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * share // 1))
    return ordered[int(rank) - 1]
