"""What a race has shown: how often the orders of steps went wrong, and how the crowd fared."""

from __future__ import annotations

import msgspec

from sim.races.turnstile import Step


class Story(msgspec.Struct, frozen=True):
    """One schedule that went wrong. `switches` is how often the turn went from one attempt to another."""

    scenario: str
    anomalies: tuple[str, ...]
    outcomes: tuple[str, ...]
    steps: tuple[Step, ...]
    switches: int


class Interleavings(msgspec.Struct, frozen=True):
    """The orders that were played of one scenario.

    Attributes:
        of_at_most: How many orders there are of the longest ways seen, if nobody ever waited for another.
        complete: Every order was played.
        wrong: How many orders had an anomaly.
        anomalies: How many orders had each kind.
        retried: Tries beyond the first, in all.
        put_off: Attempts that were postponed after their last try.
        waits: Steps that had to wait for a lock.
        diverged: Orders that could not be replayed; more than none is a fault of the measurement.
        surprises: Statements that waited though they were taken for nobody else's concern; likewise.
        worst: The shortest story of an anomaly.
    """

    scenario: str
    attempts: int
    played: int
    of_at_most: int
    complete: bool
    wrong: int
    anomalies: dict[str, int]
    deadlocks: int
    retried: int
    put_off: int
    waits: int
    diverged: int
    surprises: int
    worst: Story | None = None


class Crowd(msgspec.Struct, frozen=True):
    """How one crowd fared.

    Attributes:
        actors: How many at once, each on a connection of its own.
        places: How many different things they wanted.
        won: Attempts that got what they wanted.
        refused: Attempts that were refused politely.
        put_off: Attempts that were postponed after their last try.
        wrong: Anomalies in what is left in the database.
        deadlocks: What the server had to break.
        per_s: Attempts that ended in a second.
        fairness: Jain's index of the actors' mean times: 1 is that all wait alike.
        most_wins: How many the luckiest actor won, of the rounds there were.
    """

    actors: int
    places: int
    rounds: int
    won: int
    refused: int
    put_off: int
    retried: int
    wrong: int
    deadlocks: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    per_s: float
    fairness: float
    most_wins: int
