"""Two or three customers who want the same hour of the same person: every order of their steps.

An attempt is one call of a tool as production runs it, from the lock of the conversation to the commit. Its steps
are the round trips that concern a rival: looking at the calendar, locking, writing, rolling back, committing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import text

from runtime.domain.strategies import BookingStrategy
from runtime.store.database import Database
from sim.quiet_logs import silence_logs
from sim.races.databases import borrow_for_booking
from sim.races.figures import Interleavings
from sim.races.interleaving import Tell, Verdict, interleave
from sim.races.schedules import Walk
from sim.races.seats import SERVICE, STAFF, Outcome, Seat, Told, take_seats
from sim.races.turnstile import Turnstile
from sim.stage import SETTINGS, Scene, Stage, open_stage
from sim.virtual_time import VirtualLoop
from sim.worlds import load_world

WORLD = "estetica-lupita"
STARTS = datetime.fromisoformat("2026-01-12T10:00:00-06:00")
WANTED = "jueves 15 de enero a las 5 de la tarde"
OWN = ("jueves 15 de enero a las 11 de la mañana", "viernes 16 de enero a las 11 de la mañana")
DEADLOCK_MS = 20
Ways = tuple[str, ...]
SCENARIOS: tuple[Ways, ...] = (
    ("book", "book"),
    ("book", "move"),
    ("move", "move"),
    ("book", "book", "move"),
    ("book", "book", "quit"),
)
PAIR = 2
PAIR_LIMIT = 4000
"""More than two attempts have ever had; a bound only so that nothing can run for ever."""

_SHARED = re.compile(
    r"^(commit|rollback)"
    r"|^select staff_id, spot_id, starts_at, occupied_until"
    r"|^select not exists \( select from appointments"
    r"|^(insert into|update) appointments"
    r"|from staff .* for no key update|pg_advisory_xact_lock|xmin",
    re.IGNORECASE,
)
_SNAPSHOT = re.compile(r"^select c\.fence|^select exists \(select from handoffs")
"""The first statement of the transaction: a serializable one sees what was committed before it."""

CLEAR = text(
    """
    with a as (delete from appointments), o as (delete from outbox), s as (delete from steps),
      e as (delete from events) select
    """
)
_WRITTEN = text(
    """
    select id, customer_id, staff_id, spot_id, starts_at, occupied_until from appointments
    where status in ('pending', 'confirmed', 'completed', 'no_show') order by starts_at, id
    """
)
OVERLAPS = text(
    """
    select count(*) from appointments one join appointments other
      on other.organization_id = one.organization_id and other.id > one.id
      and (other.staff_id = one.staff_id or other.spot_id = one.spot_id)
      and other.starts_at < one.occupied_until and other.occupied_until > one.starts_at
    where one.status in ('pending', 'confirmed', 'completed', 'no_show')
      and other.status in ('pending', 'confirmed', 'completed', 'no_show')
    """
)
"""Pairs of appointments that share a person or a chair at the same time."""


def play_bookings(
    server_url: str, strategy: BookingStrategy, tell: Tell, trios: int, scenarios: Sequence[Ways] = SCENARIOS
) -> list[Interleavings]:
    """Play scenarios under a strategy, on a database of its own.

    Args:
        server_url: The server.
        strategy: What keeps the attempts apart.
        tell: Takes lines of progress.
        trios: How many orders of three attempts are played; 0 leaves them out. Those of two all are.
        scenarios: Which; all by default.
    """
    silence_logs()
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        with borrow_for_booking(server_url, strategy, deadlock_ms=DEADLOCK_MS) as url:
            return loop.run_until_complete(_play(url, strategy, tell, trios, scenarios))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _play(
    url: str, strategy: BookingStrategy, tell: Tell, trios: int, scenarios: Sequence[Ways]
) -> list[Interleavings]:
    settings = msgspec.structs.replace(SETTINGS, booking_lock=strategy)
    turnstile = Turnstile(lambda statement: _is_shared(statement, strategy))
    results = []
    async with open_stage(url, settings, connecting=turnstile.connecting) as stage:
        for ways in scenarios:
            limit = PAIR_LIMIT if len(ways) == PAIR else trios
            if limit:
                scenario = await _open_scenario(stage, ways)
                results.append(await interleave(turnstile, scenario, Walk(limit), tell))
    return results


def _is_shared(statement: str, strategy: BookingStrategy) -> bool:
    if strategy is BookingStrategy.SERIALIZABLE and _SNAPSHOT.search(statement):
        return True
    return bool(_SHARED.search(statement)) or statement == "rollback to savepoint"


class _Contest:
    """The scenario: each attempt books the wanted hour, moves its customer's own appointment there, or gives up.

    To give up is to book and be killed before the commit.
    """

    def __init__(self, stage: Stage, scene: Scene, seats: Sequence[Seat], ways: Sequence[str]) -> None:
        self.name = " + ".join(ways)
        self._stage = stage
        self._scene = scene
        self._seats = seats
        self._ways = ways
        self._outcomes: dict[int, Outcome] = {}
        self._own: dict[int, str] = {}

    async def reset(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """Empty calendars but for the appointments that will be moved."""
        async with self._stage.database.single() as uow:
            await uow.run(CLEAR)
        self._outcomes.clear()
        for number, (seat, way) in enumerate(zip(self._seats, self._ways, strict=True)):
            seat.open_journal(self._scene.parts, quits=way == "quit")
            if way == "move":
                await self._give_own(number, seat)
        return [self._attempt(number) for number in range(len(self._seats))]

    async def _give_own(self, number: int, seat: Seat) -> None:
        made = await seat.call(
            self._scene.parts,
            "book_appointment",
            service=SERVICE,
            when=OWN[number % 2],
            staff=STAFF,
            customer_name="Ana",
        )
        assert made.told is Told.DONE, made
        self._own[number] = str(made.appointment_id)

    def _attempt(self, number: int) -> Callable[[], Awaitable[None]]:
        seat, parts = self._seats[number], self._scene.parts

        async def run() -> None:
            if self._ways[number] == "move":
                own = self._own[number]
                outcome = await seat.call(parts, "reschedule_appointment", appointment_id=own, when=WANTED, staff=STAFF)
            else:
                outcome = await seat.call(
                    parts, "book_appointment", service=SERVICE, when=WANTED, staff=STAFF, customer_name="Ana"
                )
            self._outcomes[number] = outcome

        return run

    async def judge(self) -> Verdict:
        """Compare what everybody was told with the rows."""
        outcomes = [self._outcomes[number] for number in range(len(self._seats))]
        anomalies = await find_anomalies(self._stage.database, outcomes, self._own)
        return Verdict(
            anomalies,
            tuple(f"{way}: {each.told}" for way, each in zip(self._ways, outcomes, strict=True)),
            retried=sum(each.tries - 1 for each in outcomes),
            put_off=sum(each.told is Told.PUT_OFF for each in outcomes),
        )


_WANTED_AT = datetime.fromisoformat("2026-01-15T17:00:00-06:00")


async def find_anomalies(database: Database, outcomes: Sequence[Outcome], own: Mapping[int, str]) -> tuple[str, ...]:
    """What must never be, each kind once: see docs/locking.md for what they mean."""
    async with database.single() as uow:
        overlaps = (await uow.run(OVERLAPS)).scalar_one()
        rows = list(await uow.run(_WRITTEN))
    there = {row.id for row in rows if row.starts_at == _WANTED_AT}
    told = [each for each in outcomes if each.told is Told.DONE]
    found = {
        "overlap": overlaps > 0,
        "told_without_row": any(each.appointment_id not in there for each in told),
        "row_without_telling": bool(there - {each.appointment_id for each in told}),
        "slot_lost": not there and all(each.told is not Told.PUT_OFF for each in outcomes),
        "own_lost": len({str(row.id) for row in rows} & set(own.values())) < len(own),
        "impolite": any(each.told is Told.REFUSED and not each.polite for each in outcomes),
        "broken": any(each.told is Told.BROKEN for each in outcomes),
    }
    return tuple(name for name, there_is in found.items() if there_is)


async def _open_scenario(stage: Stage, ways: Sequence[str]) -> _Contest:
    world = load_world(WORLD)
    scene = await stage.set_scene(world, STARTS, seed=1)
    phones = [f"+5255{number:08d}" for number in range(len(ways))]
    seats = await take_seats(scene.parts, str(world.business.channel), phones)
    return _Contest(stage, scene, seats, ways)
