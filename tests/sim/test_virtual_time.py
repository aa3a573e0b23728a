"""Time that takes no time: the loop jumps, refuses to wait for nothing, and ids follow from a seed."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from sim.virtual_time import NothingScheduled, SeededIds, VirtualClock, VirtualLoop, derive_seed

T = TypeVar("T")
START = datetime.fromisoformat("2026-01-12T10:00:00-06:00")
WEEK_S = 7 * 24 * 3600.0


def play(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a virtual loop of its own."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def test_a_week_passes_in_no_time_and_exactly() -> None:
    """The clock shows the moment that was waited for, and the machine's clock hardly moved."""

    async def wait() -> datetime:
        clock = VirtualClock(START)
        await clock.sleep(WEEK_S)
        return clock.now()

    started = time.perf_counter()
    reached = play(wait())

    assert reached == START + timedelta(days=7)
    assert reached.tzinfo is UTC
    assert time.perf_counter() - started < 5


def test_sleepers_wake_in_the_order_of_their_moments() -> None:
    """Whoever sleeps least wakes first, at its own moment, however they were started."""

    async def race() -> list[tuple[str, float]]:
        clock, woken = VirtualClock(START), []

        async def sleep(name: str, seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append((name, clock.elapsed_s))

        await asyncio.gather(sleep("c", 1800), sleep("a", 0.001), sleep("b", 60))
        return woken

    woken = play(race())

    assert [name for name, _ in woken] == ["a", "b", "c"]
    assert [moment for _, moment in woken] == pytest.approx([0.001, 60, 1800])


def test_a_time_out_is_virtual_too() -> None:
    """A deadline of thirty-five seconds is over at once, and cancels what it should."""

    async def wait() -> float:
        clock = VirtualClock(START)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(35):
                await clock.sleep(3600)
        return clock.elapsed_s

    assert play(wait()) == pytest.approx(35)


def test_waiting_for_something_that_nobody_will_do_is_refused() -> None:
    """A deadlock of the simulated program is an error that says so, not a test that hangs."""

    async def wait() -> None:
        await asyncio.Event().wait()

    loop = VirtualLoop()
    waiting = loop.create_task(wait())
    with pytest.raises(NothingScheduled, match="nothing is scheduled"):
        loop.run_until_complete(waiting)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(waiting)
    loop.close()


def test_virtual_time_stands_still_while_a_real_socket_is_waited_for() -> None:
    """Postgres answers in real time: a timer of an hour does not fire before it has."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    answer_later = threading.Timer(0.2, theirs.sendall, [b"row"])

    async def query() -> tuple[bytes, float, bool]:
        loop, clock = asyncio.get_running_loop(), VirtualClock(START)
        timer = asyncio.ensure_future(clock.sleep(3600))
        answer_later.start()
        data = await loop.sock_recv(ours, 10)
        elapsed_s, fired = clock.elapsed_s, timer.done()
        timer.cancel()
        return data, elapsed_s, fired

    with ours, theirs:
        assert play(query()) == (b"row", 0.0, False)
    answer_later.join()


def test_two_clocks_on_one_loop_each_begin_at_their_own_moment() -> None:
    """A stage serves one conversation after the other, each from its own beginning."""

    async def both() -> tuple[datetime, datetime]:
        first = VirtualClock(START)
        await first.sleep(60)
        second = VirtualClock(START)
        await second.sleep(5)
        return first.now(), second.now()

    assert play(both()) == (START + timedelta(seconds=65), START + timedelta(seconds=5))


# Ids and chance ----------------------------------------------------------------------------------------------


async def _draw(seed: int, count: int = 200) -> list[object]:
    clock = VirtualClock(START)
    ids = SeededIds(clock, seed)
    drawn: list[object] = []
    for number in range(count):
        drawn += [ids.new(), ids.jitter()]
        if number % 7 == 0:
            await clock.sleep(0.0004)
    return drawn


def test_ids_and_chance_follow_from_the_seed_alone() -> None:
    """The same seed gives the same ids and delays, another seed others."""
    assert play(_draw(1)) == play(_draw(1))
    assert set(map(str, play(_draw(1)))).isdisjoint(map(str, play(_draw(2))))


def test_ids_are_of_version_seven_and_each_is_later_than_the_last() -> None:
    """Ordering by id is ordering by creation, within one millisecond too, and the id says when it was made."""

    async def many() -> list[Any]:
        clock = VirtualClock(START)
        ids = SeededIds(clock, 3)
        made = [ids.new() for _ in range(5000)]
        await clock.sleep(60)
        return [*made, ids.new()]

    made = play(many())

    assert made == sorted(set(made))
    assert {(each.version, each.variant) for each in made} == {(7, "specified in RFC 4122")}
    assert datetime.fromtimestamp((made[0].int >> 80) / 1000, UTC) == START
    assert datetime.fromtimestamp((made[-1].int >> 80) / 1000, UTC) == START + timedelta(seconds=60)


def test_a_seed_for_one_purpose_tells_nothing_of_another() -> None:
    """Drawing more for one purpose does not move what another one draws."""
    seeds = {derive_seed(seed, purpose, key) for seed in (0, 1) for purpose in ("ids", "twilio") for key in ("", "a")}

    assert len(seeds) == 8
    assert derive_seed(1, "ids") == derive_seed(1, "ids")
    assert all(0 <= seed < 2**64 for seed in seeds)
