"""A crowd that books at the same instant, from real processes: one slot for all, or one for each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from itertools import islice

import msgspec
from sqlalchemy import text

from runtime.adapters.absent import AbsentMedia, AbsentMessenger, AbsentModel
from runtime.adapters.system import SystemIds
from runtime.bootstrap import open_parts
from runtime.domain.spanish.formats import format_when
from runtime.domain.strategies import BookingStrategy
from runtime.parts import Parts
from runtime.store.database import Connect, Database, open_database
from sim.races.booking import CLEAR, OVERLAPS, STARTS, WORLD
from sim.races.crew import Crew, Crowds, Shift, Try, describe_crowd, time_try
from sim.races.databases import borrow_for_booking
from sim.races.figures import Crowd
from sim.races.interleaving import Tell
from sim.races.seats import SERVICE, STAFF, Seat, take_seats
from sim.races.slots import ZONE, list_slots
from sim.seeding import seed_world
from sim.stage import SETTINGS, LocalQueue
from sim.worlds import load_world

_BOOKED = text("select count(*) from appointments")


def crowd_bookings(
    crew: Crew, server_url: str, strategies: Sequence[BookingStrategy], tell: Tell, crowds: Crowds
) -> dict[BookingStrategy, list[Crowd]]:
    """Let crowds book, each strategy on a database of its own.

    Crowd by crowd and not strategy by strategy, so that what else the machine does is in the way of all.
    """
    results: dict[BookingStrategy, list[Crowd]] = {strategy: [] for strategy in strategies}
    with ExitStack() as stack:
        urls = {each: stack.enter_context(borrow_for_booking(server_url, each)) for each in strategies}
        seats = {each: asyncio.run(_prepare(url, each, max(crowds.sizes))) for each, url in urls.items()}
        for size, alone, strategy in crowds.take_turns(strategies):
            url = urls[strategy]
            asyncio.run(_clear(url))
            job = BookingJob(url, strategy, seats[strategy][:size], crowds.count_rounds(size), alone=alone)
            done = crew.do(job)
            won = sum(each.told == "done" for each in done.tries)
            wrong = asyncio.run(_count_wrong(url, won))
            crowd = describe_crowd(done, actors=size, places=size if alone else 1, wrong=wrong)
            results[strategy].append(crowd)
            tell(f"  {strategy}, {size} actors, {crowd.places} slots: p95 {crowd.p95_ms} ms, {crowd.per_s}/s")
    return results


class BookingJob(msgspec.Struct, frozen=True):
    """Every seat books in each round; with `alone` each a slot of its own, else all the same."""

    url: str
    strategy: BookingStrategy
    seats: list[Seat]
    rounds: int
    alone: bool

    async def run(self, shift: Shift) -> list[Try]:
        """This process's seats book, round after round."""
        mine = shift.share(len(self.seats))
        parts = _open_parts(self.url, self.strategy, pool_size=len(mine) + 1, connect=shift.connect)
        slots = list(islice(list_slots(_NOW), self.rounds * (len(self.seats) if self.alone else 1)))
        tries: list[Try] = []
        try:
            await asyncio.gather(*(_warm(parts.database, self.seats[actor]) for actor in mine))
            for number in range(self.rounds):
                shift.begin()
                began = (self._book(parts, actor, number, slots) for actor in mine)
                tries += await asyncio.gather(*began)
        finally:
            await parts.database.close()
        return tries

    async def _book(self, parts: Parts, actor: int, number: int, slots: Sequence[datetime]) -> Try:
        at = slots[number * len(self.seats) + actor] if self.alone else slots[number]
        when = format_when(at, _NOW)

        async def attempt() -> tuple[str, int]:
            outcome = await self.seats[actor].call(
                parts, "book_appointment", service=SERVICE, when=when, staff=STAFF, customer_name="Ana"
            )
            return outcome.told, outcome.tries

        return await time_try(actor, number, attempt)


_NOW = STARTS.astimezone(ZONE)


class _StandingClock:
    """The port `Clock`: always the same moment."""

    def now(self) -> datetime:
        """The moment the race is held."""
        return STARTS

    async def sleep(self, seconds: float) -> None:
        """Really."""
        await asyncio.sleep(seconds)


def _open_parts(url: str, strategy: BookingStrategy, *, pool_size: int, connect: Connect | None = None) -> Parts:
    return open_parts(
        msgspec.structs.replace(SETTINGS, booking_lock=strategy),
        clock=_StandingClock(),
        ids=SystemIds(),
        database=open_database(url, pool_size=pool_size, connect=connect),
        model=AbsentModel(),
        messenger=AbsentMessenger(),
        media=AbsentMedia(),
        queue=LocalQueue(),
    )


async def _warm(database: Database, seat: Seat) -> None:
    """Connect, as somebody who has worked for long has."""
    async with database.tenant(seat.claimed.organization_id) as uow:
        await asyncio.sleep(0.05)
        await uow.commit()


async def _prepare(url: str, strategy: BookingStrategy, actors: int) -> list[Seat]:
    parts = _open_parts(url, strategy, pool_size=1)
    world = load_world(WORLD)
    try:
        await seed_world(parts.database, world, ids=parts.ids, now=STARTS)
        phones = [f"+5255{number:08d}" for number in range(actors)]
        return await take_seats(parts, str(world.business.channel), phones)
    finally:
        await parts.database.close()


async def _clear(url: str) -> None:
    database = open_database(url, pool_size=1)
    async with database.single() as uow:
        await uow.run(CLEAR)
    await database.close()


async def _count_wrong(url: str, won: int) -> int:
    """Overlaps, and customers who were told of a row that is not there, or not told of one that is."""
    database = open_database(url, pool_size=1)
    async with database.single() as uow:
        overlaps = int((await uow.run(OVERLAPS)).scalar_one())
        booked = int((await uow.run(_BOOKED)).scalar_one())
    await database.close()
    return overlaps + abs(booked - won)
