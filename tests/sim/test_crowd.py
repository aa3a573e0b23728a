"""A crowd asks one business for a person at once: on the virtual clock, and what the log of it is judged by."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from runtime.domain import words
from sim.crowd import compose_world, customer_of, human_of, number_of
from sim.databases import borrow_copy
from sim.handoff_log import Change, Verdict, count_misplaced, judge_log, read_log, watch_handoffs
from sim.quiet_logs import silence_logs
from sim.scheduler import Scheduler
from sim.stage import MESSAGES_URL, Scene, open_stage
from sim.twilio.inbound import Inbound
from sim.virtual_time import VirtualLoop

NOON = datetime(2026, 1, 12, 18, 0, tzinfo=UTC)
CUSTOMERS, HUMANS = 40, 5


def change(handoff: int, state: str, human: int | None = None) -> Change:
    """A handoff that was asked for at this second comes into this state."""
    staff_id = UUID(int=human) if human is not None else None
    return Change(0, UUID(int=handoff), staff_id, state, NOON + timedelta(seconds=handoff), f"c{handoff}")


FAIR = [
    change(1, "requested"),
    change(1, "offered", 7),
    change(2, "requested"),
    change(2, "waiting"),
    change(3, "waiting"),
    change(1, "ended", 7),
    change(2, "offered", 7),
    change(2, "active", 7),
    change(2, "ended", 7),
    change(3, "offered", 7),
]


def test_a_crowd_that_is_served_one_by_one_in_order_is_found_to_be() -> None:
    """Nobody is counted twice for going from asked to active."""
    assert judge_log(FAIR) == Verdict(requested=3, doubly_served=0, overtaken=0, served=3, longest=2)


@pytest.mark.parametrize(
    ("log", "verdict"),
    [
        ([change(1, "offered", 7), change(2, "offered", 7)], Verdict(2, 1, 0, 2, 0)),
        ([change(1, "active", 7), change(2, "offered", 8), change(2, "active", 7)], Verdict(2, 1, 0, 1, 0)),
        ([change(1, "waiting"), change(2, "waiting"), change(2, "offered", 7)], Verdict(2, 0, 1, 1, 2)),
    ],
    ids=["asked-twice", "taken-twice", "passed-over"],
)
def test_each_way_of_serving_a_crowd_badly_is_seen(log: list[Change], verdict: Verdict) -> None:
    """Two customers on one human, and somebody called before who asked earlier."""
    assert judge_log(log) == verdict


def test_a_place_that_is_not_ones_own_is_seen() -> None:
    """The places told are compared with the order of requests of those in line."""
    log = [change(1, "offered", 7), change(3, "waiting"), change(2, "waiting")]

    assert count_misplaced(log, {"c2": 1, "c3": 2}) == 0
    assert count_misplaced(log, {"c2": 1, "c3": 1}) == 1
    assert count_misplaced(log, {"c2": 2, "c3": 1}) == 2
    assert count_misplaced(log, {"c2": 1}) == 1


@pytest.mark.integration
def test_a_crowd_on_the_virtual_clock_is_told_its_places_and_served_in_order(server_url: str) -> None:
    """Forty ask in the same instant, five humans end one after the other until nobody is left."""
    silence_logs()
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        with borrow_copy(server_url, f"parlo_crowd_{os.getpid()}") as url:
            watch_handoffs(url)
            places, misplaced = loop.run_until_complete(_play(url))
            verdict = judge_log(read_log(url, number_of(0)))
            with psycopg.connect(url) as connection:
                attempts = connection.execute("select sum(fence) from conversations").fetchone()
                turns = connection.execute("select count(*) from turns where state = 'done'").fetchone()
    finally:
        asyncio.set_event_loop(None)
        loop.close()

    assert (sorted(places), misplaced) == (list(range(1, CUSTOMERS - HUMANS + 1)), 0)
    assert verdict == Verdict(CUSTOMERS, 0, 0, CUSTOMERS, CUSTOMERS - HUMANS)
    assert attempts == turns, "no turn was taken up twice"


async def _play(url: str) -> tuple[list[int], int]:
    """The places that were told, and how many of them are wrong."""
    phones = [customer_of(0, number) for number in range(CUSTOMERS)]
    async with open_stage(url) as stage:
        scene = await stage.set_scene(compose_world([HUMANS]), NOON, seed=1)
        scheduler = Scheduler(scene)
        await asyncio.gather(*(_say(scene, phone, "una persona") for phone in phones))
        await scheduler.settle()
        texts = {each.to_address.removeprefix("whatsapp:"): each.body for each in scene.twilio.sent}
        lines = {words.waiting(place): place for place in range(1, CUSTOMERS)}
        places = {phone: lines[texts[phone]] for phone in phones if texts[phone] in lines}
        misplaced = count_misplaced(read_log(url, number_of(0)), places)
        for _ in range(CUSTOMERS // HUMANS):
            await scheduler.advance(scene.clock.now() + READING)
            await asyncio.gather(*(_say(scene, human_of(0, human), "listo") for human in range(HUMANS)))
            await scheduler.settle()
    return list(places.values()), misplaced


READING = timedelta(seconds=5)


async def _say(scene: Scene, phone: str, text: str) -> None:
    inbound = Inbound(from_address=f"whatsapp:{phone}", to_address=f"whatsapp:{number_of(0)}", text=text)
    assert await scene.twilio.send_inbound(MESSAGES_URL, inbound) == 200
