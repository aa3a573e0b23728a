"""Races through the whole path, from webhook to delivery: on the virtual clock, or through real processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice
from typing import LiteralString

import aiohttp
import msgspec

from evals.live import list_sent, run_up
from runtime.adapters.system import SystemClock
from runtime.domain.errors import Broken
from runtime.domain.spanish.formats import format_when
from runtime.domain.strategies import BookingStrategy
from sim.bare_postgres import read_number
from sim.quiet_logs import silence_logs
from sim.races.databases import borrow_for_booking
from sim.races.rivals import WISH, Race, judge, name_rival, race
from sim.races.slots import ZONE, list_slots
from sim.stage import SETTINGS, open_stage
from sim.twilio.inbound import Inbound
from sim.twilio.server import HandedOver
from sim.up_record import UpRecord
from sim.virtual_time import VirtualLoop

ANSWER_LIMIT_S = 120.0
_DEADLOCKS = "select deadlocks from pg_stat_database where datname = current_database()"
_LEFT = """
select (select count(*) from inbox where state = 'accepted')
  + (select count(*) from outbox where state in ('queued', 'submitting'))
"""


class Field(msgspec.Struct, frozen=True):
    """Who runs: how many for one slot, how often, under which strategy."""

    rivals: int
    rounds: int
    strategy: BookingStrategy = BookingStrategy.LINE


def race_for_a_slot(server_url: str, field: Field, *, seed: int, tell: Callable[[str], None]) -> list[Race]:
    """Play the rounds, one line of progress for each ten."""
    rivals, rounds = field.rivals, field.rounds
    silence_logs()
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)

    async def play(url: str) -> list[Race]:
        results = []
        settings = msgspec.structs.replace(SETTINGS, booking_lock=field.strategy)
        async with open_stage(url, settings) as stage:
            for number in range(rounds):
                results.append(await race(stage, rivals=rivals, seed=seed + number))
                if (number + 1) % 10 == 0 or number + 1 == rounds:
                    tell(f"{number + 1}/{rounds} rounds: {sum(each.fair for each in results)} fair")
        return results

    try:
        with borrow_for_booking(server_url, field.strategy) as url:
            return loop.run_until_complete(play(url))
    finally:
        loop.close()


def race_for_slots(
    server_url: str, redis_url: str, field: Field, *, workers: int, tell: Callable[[str], None]
) -> list[Race]:
    """Play the rounds through web, ticker and workers as processes of their own, one line of progress for each.

    Every round is for another slot, and between people who have not written before.

    Raises:
        Broken: There are not so many slots in the time that can be booked, or something does not start.
    """
    slots = list(islice(list_slots(_now()), field.rounds))
    if len(slots) < field.rounds:
        raise Broken(f"through processes there are slots for {len(slots)} rounds at most")
    results: list[Race] = []
    chosen = {"PARLO_BOOKING_LOCK": str(field.strategy)}
    with (
        borrow_for_booking(server_url, field.strategy) as url,
        run_up(url, redis_url, workers=workers, settings=chosen) as record,
    ):
        for number, starts_at in enumerate(slots):
            started = time.monotonic()
            results.append(_Round(record, field.rivals, number, starts_at).play())
            fair = sum(each.fair for each in results)
            tell(f"{number + 1}/{field.rounds} rounds: {fair} fair, {time.monotonic() - started:.1f} s")
    return results


def _now() -> datetime:
    return SystemClock().now().astimezone(ZONE)


class _Round:
    """One slot, and those who want it."""

    def __init__(self, record: UpRecord, rivals: int, number: int, starts_at: datetime) -> None:
        self._record = record
        self._starts_at = starts_at
        self._phones = [f"+5255{number:03d}{index:05d}" for index in range(rivals)]

    def play(self) -> Race:
        """Everybody asks for the slot, and when all have been answered, everybody says yes at once."""
        deadlocks = self._count(_DEADLOCKS)
        when = format_when(self._starts_at, _now())
        wishes = [WISH.format(name=name_rival(index), when=when) for index in range(len(self._phones))]
        asyncio.run(self._say(wishes))
        self._rest()
        before = self._listen()
        asyncio.run(self._say(["sí"] * len(self._phones)))
        self._rest()
        after = self._listen()
        answers = {phone: after[phone][len(before[phone]) :] for phone in self._phones}
        booked = self._count("select count(*) from appointments where starts_at = %s", self._starts_at)
        after_all = self._count(_DEADLOCKS)
        return msgspec.structs.replace(judge(booked, answers), deadlocks=after_all - deadlocks)

    def _count(self, query: LiteralString, *parameters: object) -> int:
        return read_number(self._record.database_url, query, parameters)

    async def _say(self, words: Sequence[str]) -> None:
        to = f"whatsapp:{next(iter(self._record.numbers.values()))}"
        inbound = [
            Inbound(from_address=f"whatsapp:{phone}", to_address=to, text=text)
            for phone, text in zip(self._phones, words, strict=True)
        ]
        async with aiohttp.ClientSession() as session:
            statuses = await asyncio.gather(*(self._post(session, each) for each in inbound))
        if set(statuses) != {200}:
            raise Broken(f"the webhook answered {sorted(set(statuses))}")

    async def _post(self, session: aiohttp.ClientSession, inbound: Inbound) -> int:
        url = f"{self._record.twilio}/emulator/inbound"
        async with session.post(url, data=msgspec.json.encode(inbound)) as answer:
            return msgspec.json.decode(await answer.read(), type=HandedOver).status

    def _rest(self) -> None:
        """Wait until nothing is left to be answered or sent."""
        give_up_at = time.monotonic() + ANSWER_LIMIT_S
        while self._count(_LEFT) and time.monotonic() < give_up_at:
            time.sleep(0.1)

    def _listen(self) -> dict[str, list[str]]:
        heard: dict[str, list[str]] = {phone: [] for phone in self._phones}
        for message in list_sent(self._record):
            phone = message.to_address.removeprefix("whatsapp:")
            if phone in heard:
                heard[phone].append(message.body)
        return heard


def add_up(races: Sequence[Race]) -> dict[str, int]:
    """The rounds in figures: who won, was booked, refused and so on, over all of them."""
    fields = ("won", "booked", "refused", "polite", "unanswered", "doubly_answered", "deadlocks")
    return {
        "rounds": len(races),
        "rivals": races[0].rivals,
        "fair": sum(each.fair for each in races),
        **{field: sum(getattr(each, field) for each in races) for field in fields},
    }
