"""Races of the locking strategies against each other: every order of steps, crowds, and the whole path.

`parlo race` calls this; `evals.race_table` and `evals.race_chart` show what it gives.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from enum import StrEnum
from typing import TypeVar

import msgspec

from evals.whole_path import Field, add_up, race_for_a_slot, race_for_slots
from runtime.domain.strategies import BookingStrategy, ConversationStrategy
from runtime.settings import Settings
from sim.races.booking import play_bookings
from sim.races.booking_crowd import crowd_bookings
from sim.races.conversation import play_conversations
from sim.races.conversation_crowd import crowd_conversations
from sim.races.crew import Crew, Crowds, open_crew
from sim.races.figures import Crowd, Interleavings

SIZES = (2, 8, 32)


class Part(StrEnum):
    """What a race can consist of."""

    ORDERS = "orders"
    LOAD = "load"
    PATH = "path"


class RacePlan(msgspec.Struct, frozen=True):
    """What is to be raced.

    Attributes:
        parts: Which measurements.
        actors: The largest crowd; the smaller sizes are played too.
        rounds: Of the whole path, and at least so many of each crowd.
        orders: Of three attempts, and of a conversation's two, that many are played.
        processes: Real worker processes for the whole path; 0 plays it on the virtual clock.
        seed: Of the whole path on the virtual clock.
    """

    server_url: str
    redis_url: str
    parts: frozenset[Part]
    actors: int
    rounds: int
    orders: int
    processes: int = 0
    seed: int = 0

    @property
    def sizes(self) -> tuple[int, ...]:
        """The crowds, small to large."""
        return (*(size for size in SIZES if size < self.actors), self.actors)


class Score(msgspec.Struct, frozen=True):
    """One strategy. Figures of a part that was not played are 0 or empty.

    Attributes:
        default: Production's.
        interleavings: Orders played.
        complete: Every order of each pair of attempts was played.
        anomalies: Orders with one, wrong rows and answers under load, and rounds of the whole path that were unfair.
        kinds: In how many orders each kind of anomaly was seen.
        deadlocks: That the server had to break, in all parts.
        put_off: Attempts postponed after their last try.
        p50_ms: Of the largest crowd at one thing, like p95 and p99.
        throughput: Attempts a second of the largest crowd, each at a thing of its own.
        fairness: Jain's index of the actors' mean times, the lowest of all crowds.
        path: The whole path's rounds added up, for booking.
    """

    name: str
    default: bool
    interleavings: int
    complete: bool
    anomalies: int
    kinds: dict[str, int]
    deadlocks: int
    retries: int
    refused: int
    put_off: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    throughput: float
    fairness: float
    scenarios: list[Interleavings]
    crowds: list[Crowd]
    path: dict[str, int] | None = None


class RaceReport(msgspec.Struct, frozen=True):
    """All strategies that were raced."""

    race: str
    parts: list[str]
    strategies: list[Score]

    @property
    def good(self) -> bool:
        """Nothing went wrong but where nobody keeps the rivals apart, and there it was seen by what can see it."""
        naive = [each for each in self.strategies if each.name == "none"]
        others = [each for each in self.strategies if each.name != "none"]
        # on the virtual clock a transaction of the whole path runs in one go, whatever keeps rivals apart
        telling = {Part.ORDERS, Part.LOAD} & set(self.parts)
        return (not telling or all(each.anomalies > 0 for each in naive)) and not any(each.anomalies for each in others)


Tell = Callable[[str], None]
S = TypeVar("S", bound=StrEnum)


def race_booking(plan: RacePlan, strategies: Sequence[BookingStrategy], tell: Tell) -> RaceReport:
    """Race the booking strategies."""
    orders = _play_orders(plan, strategies, play_bookings, tell)
    crowds = _play_crowds(plan, strategies, crowd_bookings, tell)
    scores = []
    for each in strategies:
        path = _play_path(plan, each, tell) if Part.PATH in plan.parts else None
        scores.append(_score(each, Settings().booking_lock, orders.get(each, []), crowds.get(each, []), path))
    return RaceReport("booking", sorted(plan.parts), scores)


def race_conversation(plan: RacePlan, strategies: Sequence[ConversationStrategy], tell: Tell) -> RaceReport:
    """Race the conversation strategies; they have no part `path`."""
    orders = _play_orders(plan, strategies, play_conversations, tell)
    crowds = _play_crowds(plan, strategies, crowd_conversations, tell)
    default = Settings().conversation_lock
    scores = [_score(each, default, orders.get(each, []), crowds.get(each, []), None) for each in strategies]
    return RaceReport("conversation", sorted(plan.parts), scores)


def _play_orders(
    plan: RacePlan, strategies: Sequence[S], play: Callable[[str, S, Tell, int], list[Interleavings]], tell: Tell
) -> dict[S, list[Interleavings]]:
    """Strategies side by side, a process each: how long it takes is no figure here."""
    if Part.ORDERS not in plan.parts:
        return {}
    if len(strategies) == 1:
        return {strategies[0]: play(plan.server_url, strategies[0], tell, plan.orders)}
    results = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(os.cpu_count() or 1, len(strategies)), mp_context=context) as pool:
        waiting = {each: pool.submit(play, plan.server_url, each, _tell_nobody, plan.orders) for each in strategies}
        for strategy, future in waiting.items():
            results[strategy] = future.result()
            played, wrong = (sum(getattr(it, name) for it in results[strategy]) for name in ("played", "wrong"))
            tell(f"  {strategy}: {played} orders, {wrong} with an anomaly")
    return results


def _tell_nobody(_line: str) -> None:
    return


def _play_crowds(
    plan: RacePlan,
    strategies: Sequence[S],
    play: Callable[[Crew, str, Sequence[S], Tell, Crowds], dict[S, list[Crowd]]],
    tell: Tell,
) -> dict[S, list[Crowd]]:
    if Part.LOAD not in plan.parts:
        return {}
    with open_crew() as crew:
        return play(crew, plan.server_url, strategies, tell, Crowds(plan.sizes, plan.rounds))


def _play_path(plan: RacePlan, strategy: BookingStrategy, tell: Tell) -> dict[str, int]:
    field = Field(plan.actors, plan.rounds, strategy)
    if plan.processes:
        races = race_for_slots(plan.server_url, plan.redis_url, field, workers=plan.processes, tell=tell)
    else:
        races = race_for_a_slot(plan.server_url, field, seed=plan.seed, tell=tell)
    return add_up(races)


def _score(
    name: str,
    default: str,
    orders: list[Interleavings],
    crowds: list[Crowd],
    path: dict[str, int] | None,
) -> Score:
    kinds: Counter[str] = Counter()
    for scenario in orders:
        kinds.update(scenario.anomalies)
    together = next((each for each in reversed(crowds) if each.places == 1), None)
    unfair = path["rounds"] - path["fair"] if path else 0
    return Score(
        name=name,
        default=name == default,
        interleavings=sum(each.played for each in orders),
        complete=all(each.complete for each in orders if each.attempts == len(("one", "other"))),
        anomalies=sum(each.wrong for each in orders) + sum(each.wrong for each in crowds) + unfair,
        kinds=dict(sorted(kinds.items())),
        deadlocks=sum(each.deadlocks for each in orders)
        + sum(each.deadlocks for each in crowds)
        + (path["deadlocks"] if path else 0),
        retries=sum(each.retried for each in orders) + sum(each.retried for each in crowds),
        refused=sum(each.refused for each in crowds),
        put_off=sum(each.put_off for each in orders) + sum(each.put_off for each in crowds),
        p50_ms=together.p50_ms if together else 0.0,
        p95_ms=together.p95_ms if together else 0.0,
        p99_ms=together.p99_ms if together else 0.0,
        throughput=crowds[-1].per_s if crowds else 0.0,
        fairness=min((each.fairness for each in crowds), default=0.0),
        scenarios=orders,
        crowds=crowds,
        path=path,
    )
