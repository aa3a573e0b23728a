"""What goes wrong in a chaos run, when, and how soon that must be over. `sim.chaos.strikes` does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from random import Random

import msgspec

from runtime.domain.errors import Broken


class Kind(StrEnum):
    """What may happen, by what it happens to."""

    WORKER_KILLED = "worker.killed"
    WORKER_STOPPED = "worker.stopped"
    WEB_KILLED = "web.killed"
    WEB_STOPPED = "web.stopped"
    TICKER_KILLED = "ticker.killed"
    TICKER_STOPPED = "ticker.stopped"
    VALKEY_FLUSHED = "valkey.flushed"
    VALKEY_KILLED = "valkey.killed"
    POSTGRES_FAST = "postgres.fast"
    POSTGRES_IMMEDIATE = "postgres.immediate"
    POSTGRES_TERMINATED = "postgres.terminated"
    PROXY_SLOW = "proxy.slow"
    PROXY_STALLED = "proxy.stalled"
    PROXY_CUT = "proxy.cut"
    MODEL_FAILING = "model.failing"
    TWILIO_FAILING = "twilio.failing"


BOUNDS_S: Mapping[Kind, float] = {
    Kind.WORKER_KILLED: 60.0,
    Kind.VALKEY_FLUSHED: 15.0,
    Kind.POSTGRES_FAST: 30.0,
    Kind.POSTGRES_IMMEDIATE: 30.0,
}
"""How soon all that was written by then must be answered: after the blow, or after the server is back."""

LASTING = (Kind.WORKER_STOPPED, Kind.TICKER_STOPPED, Kind.WEB_STOPPED)
"""Kinds that go on for long while others strike; they come first."""
LONGEST_GAP_S = 12.0
"""On average between two of them; a short run has them closer, so that it has one of each."""
_USED = 0.85
"""Which part of a run is for the first of each kind, where it is short."""


class Planned(msgspec.Struct, frozen=True):
    """A fault that will strike, so many seconds after the beginning."""

    at_s: float
    kind: Kind


class Struck(msgspec.Struct, frozen=True):
    """A fault that struck. Moments are seconds since 1970.

    Attributes:
        back_at: When what was taken away was there again; of a kill, when it was made.
        detail: Which process, how many connections.
    """

    kind: Kind
    began_at: float
    back_at: float
    detail: str


def draw_schedule(random: Random, kinds: Sequence[Kind], seconds: float) -> list[Planned]:
    """When which fault strikes: each kind once, in any order, and then whichever.

    Args:
        random: Of the seed.
        kinds: Which there are; none gives no faults.
        seconds: How long the first phase lasts. Nothing begins in its last tenth.
    """
    if not kinds:
        return []
    first = random.sample(kinds, len(kinds))
    first.sort(key=lambda kind: kind not in LASTING)
    gap_s = min(LONGEST_GAP_S, seconds * _USED / len(kinds))
    planned: list[Planned] = []
    at_s = gap_s / 2
    while at_s < seconds * 0.9 or len(planned) < len(first):
        kind = first[len(planned)] if len(planned) < len(first) else random.choice(kinds)
        planned.append(Planned(min(at_s, seconds), kind))
        at_s += random.uniform(0.5, 1.5) * gap_s
    return planned


def read_kinds(text: str) -> tuple[Kind, ...]:
    """The kinds of a list with commas: names, families such as `postgres`, `all` or `none`.

    Raises:
        Broken: There is no such kind.
    """
    wanted = [word.strip() for word in text.split(",") if word.strip()]
    if unknown := [word for word in wanted if word not in {"all", "none"} and not _find(word)]:
        raise Broken(f"no faults are called {', '.join(unknown)} (known: all, none, {', '.join(Kind)})")
    chosen = {kind for word in wanted for kind in (Kind if word == "all" else _find(word))}
    return tuple(kind for kind in Kind if kind in chosen)


def _find(word: str) -> list[Kind]:
    return [kind for kind in Kind if word in (kind, kind.partition(".")[0])]
