"""Processes of a simulation: they are killed, stopped, cut off and replaced as real ones are, in virtual time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import TypeVar
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from runtime.domain.errors import Unavailable
from runtime.domain.ids import ConversationId
from runtime.parts import Parts
from runtime.ports import Job
from runtime.store.database import LockTimeout
from sim.databases import borrow_copy
from sim.model_faults import FaultyTransport
from sim.offline_model import OfflineTransport
from sim.simulation.broker import FaultyBroker
from sim.simulation.knobs import RATES, Dice, Knob, Profile
from sim.simulation.processes import Outage, Process, Surroundings, tick_along, work_through
from sim.simulation.trace import Trace
from sim.stage import SETTINGS
from sim.stepwise import LockWaits
from sim.twilio.emulator import Account, TwilioEmulator
from sim.virtual_time import SkewedClock, VirtualClock, VirtualLoop

pytestmark = pytest.mark.integration

T = TypeVar("T")
LOCK = text("select organization_id from organizations order by 1 for update")
SOMEBODY = ConversationId(UUID("00000000-0000-7000-8000-000000000001"))


@pytest.fixture
def spare_url(server_url: str) -> Iterator[str]:
    """A database of one's own: its connections are counted and cut."""
    with borrow_copy(server_url, f"parlo_processes_{os.getpid()}") as url:
        yield url


def simulate(url: str, play: Callable[[Surroundings], Awaitable[T]], profile: Profile = Profile.NONE) -> T:
    """Play something among simulated processes, on a virtual loop."""

    async def run() -> T:
        clock = VirtualClock(datetime(2026, 3, 11, 16, tzinfo=UTC))
        trace = Trace(clock)
        dice = Dice(Random(7), 1.0, profile)
        around = Surroundings(
            database_url=url,
            observer=observer,
            clock=clock,
            trace=trace,
            dice=dice,
            twilio=TwilioEmulator(clock, seed=7, account=Account()),
            model=FaultyTransport(OfflineTransport(), clock),
            broker=FaultyBroker(dice, trace),
            settings=SETTINGS,
            seed=7,
            latency_s=0.001,
            attacks=(),
            outage=Outage(clock),
            waits=LockWaits(observer),
        )
        return await play(around)

    loop = VirtualLoop()
    with psycopg.connect(url, autocommit=True) as observer:
        try:
            return loop.run_until_complete(run())
        finally:
            loop.close()


async def lock_for(parts: Parts, seconds: float) -> None:
    """Hold the lock on all businesses for so long."""
    async with parts.database.platform() as uow:
        await uow.run(LOCK)
        await parts.clock.sleep(seconds)
        await uow.commit()


async def lock(parts: Parts) -> str:
    """Take it for a moment; what came of it."""
    try:
        await lock_for(parts, 0.0)
    except LockTimeout:
        return "gave up"
    except Unavailable:
        return "failed"
    return "got it"


@pytest.mark.parametrize(("held_s", "expected"), [(1.0, "got it"), (60.0, "gave up")])
def test_a_process_gives_a_lock_up_after_its_own_limit_in_virtual_time(
    spare_url: str, held_s: float, expected: str
) -> None:
    """Two seconds, as web has; and what comes after is sound."""

    async def play(around: Surroundings) -> tuple[str | None, float, str | None]:
        holder, rival = Process("worker", around), Process("web", around, lock_timeout_s=2.0)
        holder.start()
        rival.start()
        holding = asyncio.ensure_future(holder.run(lambda parts: lock_for(parts, held_s)))
        await asyncio.sleep(0.1)
        began_s = around.clock.elapsed_s
        first, waited_s = await rival.run(lock), around.clock.elapsed_s - began_s
        await holding
        return first, waited_s, await rival.run(lock)

    first, waited_s, then = simulate(spare_url, play)

    assert (first, then) == (expected, "got it")
    assert waited_s == pytest.approx(min(held_s, 2.0), abs=0.6)


def test_a_restart_of_the_database_cuts_everybody_off_and_ends(spare_url: str) -> None:
    """An idle connection, a new one while it is away, and all of them afterwards."""

    async def play(around: Surroundings) -> list[str | None]:
        process = Process("worker", around)
        process.start()
        seen = [await process.run(lock)]
        around.outage.begin(5.0)
        process.lose_connections()
        seen.append(await process.run(lock))
        await asyncio.sleep(5.1)
        seen += [await process.run(lock), await process.run(lock)]
        return seen

    seen = simulate(spare_url, play)

    assert seen[:2] == ["got it", "failed"]
    assert seen[3] == "got it", "the connection that was lost may be noticed once, and is then replaced"


def test_an_idle_process_is_killed_and_begins_again(spare_url: str) -> None:
    """One that has no connection open has none to cut."""

    async def play(around: Surroundings) -> list[str]:
        process = Process("ticker", around, tick_along)
        process.start()
        process.kill()
        await asyncio.sleep(5.0)
        alive = process.parts is not None
        await process.end()
        return [line.text for line in around.trace.lines] + [str(alive)]

    assert simulate(spare_url, play) == ["is killed", "starts again", "True"]


def test_a_killed_process_finishes_nothing_and_lets_its_locks_go(spare_url: str) -> None:
    """Somebody who waits for what it held gets it at once."""

    async def play(around: Surroundings) -> tuple[str | None, float]:
        victim, rival = Process("web-1", around), Process("web-2", around)
        victim.start()
        rival.start()
        holding = asyncio.ensure_future(victim.run(lambda parts: lock_for(parts, 600.0)))
        await asyncio.sleep(0.1)
        waiting = asyncio.ensure_future(rival.run(lock))
        await asyncio.sleep(1.0)
        victim.kill()
        await holding
        return await waiting, around.clock.elapsed_s

    got, at_s = simulate(spare_url, play)

    assert got == "got it"
    assert at_s < 10.0


def test_a_worker_that_is_replaced_ends_what_it_is_at_and_its_successor_goes_on(spare_url: str) -> None:
    """No job is done by two, and none that comes later is missed."""

    async def play(around: Surroundings) -> list[str]:
        worker = Process("worker", around, lambda parts, draining: work_through(parts, draining, around.broker, 1))
        worker.start()
        first = worker.parts
        await around.broker.enqueue(Job.RUN_CONVERSATION, SOMEBODY)
        await asyncio.sleep(0.0005)
        worker.drain()
        await asyncio.sleep(1.0)
        replaced = worker.parts is not first and worker.parts is not None
        await around.broker.enqueue(Job.DELIVER, SOMEBODY)
        await asyncio.sleep(1.0)
        left = around.broker.waiting
        await worker.end()
        return [*(line.text for line in around.trace.lines), f"replaced {replaced}", f"{left} left"]

    assert simulate(spare_url, play) == ["is replaced by a new release", "replaced True", "0 left"]


def test_what_a_replaced_process_held_is_let_go_with_it(spare_url: str) -> None:
    """A transaction that its successor broke off in the middle would else keep its locks, and belong to nobody."""

    async def play(around: Surroundings) -> tuple[str | None, float]:
        held: list[asyncio.Task[None]] = []

        async def hold_until_told(parts: Parts, draining: asyncio.Event) -> None:
            if not held:
                held.append(asyncio.ensure_future(lock_for(parts, 600.0)))
            await draining.wait()
            held[0].cancel()

        victim, rival = Process("victim", around, hold_until_told), Process("rival", around, lock_timeout_s=60.0)
        victim.start()
        rival.start()
        await asyncio.sleep(0.1)
        waiting = asyncio.ensure_future(rival.run(lock))
        await asyncio.sleep(1.0)
        victim.drain()
        return await waiting, around.clock.elapsed_s

    got, at_s = simulate(spare_url, play)

    assert got == "got it"
    assert at_s < 10.0


def test_clocks_may_differ_but_not_in_how_fast_they_go(spare_url: str) -> None:
    """One half a second ahead stays half a second ahead."""

    async def play(around: Surroundings) -> list[float]:
        wrong = SkewedClock(around.clock, 0.5)
        before = (wrong.now() - around.clock.now()).total_seconds()
        await wrong.sleep(60.0)
        return [before, (wrong.now() - around.clock.now()).total_seconds(), around.clock.elapsed_s]

    assert simulate(spare_url, play) == [0.5, 0.5, 60.0]


def test_every_knob_has_a_rate_and_belongs_to_a_profile() -> None:
    """A knob without a rate never strikes, and one without a profile cannot be looked at alone."""
    families = {knob.partition(".")[0] for knob in Knob}

    assert set(RATES) == set(Knob)
    assert families == {profile.value for profile in Profile} - {Profile.ALL, Profile.NONE}
    assert all(0 < rate < 1 for rate in RATES.values())


def test_dice_strike_only_with_what_is_wanted_and_only_while_things_go_wrong() -> None:
    """Counted when they strike."""
    dice = Dice(Random(1), 3.0, Profile.MODEL)
    struck = [knob for _ in range(300) for knob in Knob if dice.strikes(knob)]
    dice.on = False
    after = [knob for _ in range(300) for knob in Knob if dice.strikes(knob)]

    assert {knob.partition(".")[0] for knob in struck} == {"model"}
    assert dice.struck.total() == len(struck)
    assert after == []
