"""Plays a scenario in every order of its steps and counts what goes wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from sim.races.figures import Interleavings, Story
from sim.races.schedules import Schedule, Walk, count_switches
from sim.races.turnstile import Step, Turnstile


class Verdict(msgspec.Struct, frozen=True):
    """What an order came to. `anomalies` are kinds, each once; `outcomes` one for each attempt, for people."""

    anomalies: tuple[str, ...]
    outcomes: tuple[str, ...]
    retried: int = 0
    put_off: int = 0


class Scenario(Protocol):
    """A few attempts at one thing, which can be begun anew as often as needed."""

    @property
    def name(self) -> str:
        """As the figures have it."""
        ...

    async def reset(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """Put the world back to where it begins; the attempts."""
        ...

    async def judge(self) -> Verdict:
        """Look at what is left when all have ended."""
        ...


Tell = Callable[[str], None]
_TELL_EVERY = 100


async def interleave(turnstile: Turnstile, scenario: Scenario, walk: Walk, tell: Tell) -> Interleavings:
    """Play every order of a walk.

    Args:
        turnstile: Of the connections that the attempts use.
        scenario: What is played.
        walk: Which orders; a new one.
        tell: Takes a line of progress now and then.
    """
    attempts = await scenario.reset()
    # once in a row, one after the other: what is only done the first time is done, and plans are made
    for attempt in attempts:
        await attempt()
    tally = _Tally(scenario.name, len(attempts))
    turnstile.deadlocks, turnstile.surprises = 0, []
    for schedule in walk:
        attempts = await scenario.reset()
        steps = await turnstile.play(attempts, schedule.choose)
        tally.add(schedule, steps, await scenario.judge())
        if (walk.played + 1) % _TELL_EVERY == 0:
            tell(f"  {scenario.name}: {walk.played + 1} orders, {tally.wrong} with an anomaly")
    return tally.total(walk, turnstile)


class _Tally:
    """The figures while they are counted."""

    def __init__(self, scenario: str, attempts: int) -> None:
        self.wrong = 0
        self._scenario = scenario
        self._attempts = attempts
        self._anomalies: Counter[str] = Counter()
        self._retried = 0
        self._put_off = 0
        self._waits = 0
        self._worst: Story | None = None

    def add(self, schedule: Schedule, steps: list[Step], verdict: Verdict) -> None:
        self._anomalies.update(verdict.anomalies)
        self._retried += verdict.retried
        self._put_off += verdict.put_off
        self._waits += sum(step.waits for step in steps)
        if not verdict.anomalies:
            return
        self.wrong += 1
        switches = count_switches(schedule.choices)
        if self._worst is None or (switches, len(steps)) < (self._worst.switches, len(self._worst.steps)):
            self._worst = Story(self._scenario, verdict.anomalies, verdict.outcomes, tuple(steps), switches)

    def total(self, walk: Walk, turnstile: Turnstile) -> Interleavings:
        return Interleavings(
            scenario=self._scenario,
            attempts=self._attempts,
            played=walk.played,
            of_at_most=walk.most,
            complete=walk.complete,
            wrong=self.wrong,
            anomalies=dict(sorted(self._anomalies.items())),
            deadlocks=turnstile.deadlocks,
            retried=self._retried,
            put_off=self._put_off,
            waits=self._waits,
            diverged=walk.diverged,
            surprises=len(turnstile.surprises),
            worst=self._worst,
        )
