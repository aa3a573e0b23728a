"""What a plain-text turn costs: CPU of our own code from accept to the last report, and its statements, one by one.

One warmed process goes through the steps that web, ticker and worker take: accept with its signature check, offer,
claim, route, agent, finish, deliver through the Twilio SDK, status callbacks. The model answers at its port without
thinking; the emulated provider's own time is taken off. HTTP and the broker are not in it: `memory` has the processes.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import uvloop

from evals.bench.figures import Figure, Measurement, Unit
from evals.bench.ground import START, WORLD, Ground, fresh_database, seed
from evals.bench.wire import Traffic, WireCounter
from runtime.adapters.absent import AbsentMedia
from runtime.adapters.system import SystemIds
from runtime.adapters.twilio.messenger import TwilioAccount, TwilioMessenger
from runtime.adapters.twilio.signature import SignatureChecker
from runtime.bootstrap import open_parts
from runtime.ports import Job, ModelAnswer, ModelRequest
from runtime.store.database import Database, open_database
from runtime.ticker import tick
from runtime.turn import run_conversation
from runtime.webhook import OK, receive
from sim.quiet_logs import silence_logs
from sim.stage import MESSAGES_URL, PUBLIC_URL, SETTINGS, LocalQueue
from sim.twilio.emulator import Account, TwilioEmulator
from sim.twilio.inbound import Inbound
from sim.twilio.transport import EmulatedHttp
from sim.worlds import load_world

PEOPLE = 20
TURNS = 300
COUNTED = 20
MOST_MS = 10.0
STEPS = ("accept", "offer", "turn", "reports")
"""`turn` holds the delivery too, which the same worker does."""

T = TypeVar("T")


def measure_turns(ground: Ground) -> Measurement:
    """Take the turns of people who have written before; the first one of each warms everything up."""
    silence_logs()
    with fresh_database(ground.fast_url, "turn") as url:
        uvloop.run(seed(url))
        traffic = uvloop.run(count_turns(url))
        cost_ms = uvloop.run(_time_turns(url))
    how = f"process_time of one warmed process, {PEOPLE} people who write by turns, model and provider taken off"
    total = Figure(
        name="CPU of a plain-text turn",
        value=sum(cost_ms.values()),
        unit=Unit.MILLISECONDS,
        n=TURNS,
        how=how,
        most=MOST_MS,
    )
    steps = [
        Figure(name=f"  {step}", value=cost_ms[step], unit=Unit.MILLISECONDS, n=TURNS, how="its share")
        for step in STEPS
    ]
    how = "seen on the wire, per turn, after the statements are prepared"
    counts = [
        Figure(name=f"{name} per turn", value=count / COUNTED, unit=Unit.COUNT, n=COUNTED, how=how)
        for name, count in (
            ("statements", traffic.statements),
            ("round trips", traffic.round_trips),
            ("transactions", traffic.transactions),
            ("commits that write", traffic.commits),
        )
    ]
    length = traffic.statements // COUNTED
    notes = ["one turn's statements:", *(f"  {text}" for text in traffic.texts[-length:])]
    return Measurement(name="turn", figures=[total, *steps, *counts], notes=notes)


async def _time_turns(url: str) -> dict[str, float]:
    """Milliseconds of CPU a turn, by step."""
    database = open_database(url)
    try:
        desk = _Desk(database, START + timedelta(days=1))
        for number in range(2 * PEOPLE):
            await desk.take_turn(number)
        desk.spent_s = dict.fromkeys(STEPS, 0.0)
        for number in range(TURNS):
            await desk.take_turn(number)
        return {step: spent_s / TURNS * 1000 for step, spent_s in desk.spent_s.items()}
    finally:
        await database.close()


async def count_turns(url: str) -> Traffic:
    """What `COUNTED` turns send to the database, of people who have each written before; the world is there already."""
    with WireCounter(url) as counter:
        # one connection of each pool, so that every statement is soon prepared
        database = open_database(counter.url, pool_size=1)
        try:
            desk = _Desk(database, START)
            for number in range(PEOPLE):
                await desk.take_turn(number)
            counter.take()
            for number in range(COUNTED):
                await desk.take_turn(number)
            return counter.take()
        finally:
            await database.close()


class _SteppedClock:
    """The port `Clock`, moved on by hand: nobody waits for a quiet period."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class _InstantModel:
    """The port `Model`: an answer in words that costs nothing."""

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        return ModelAnswer("¡Hola! ¿En qué te puedo ayudar?", (), "stop", request.model, 900, 12)


class _TimedHttp(EmulatedHttp):
    """The way to the emulator, with a stopwatch for what is spent there."""

    spent_s = 0.0

    async def request(self, *given: Any, **named: Any) -> Any:  # the SDK's signature, passed through
        started = time.process_time()
        response = await super().request(*given, **named)
        self.spent_s += time.process_time() - started
        return response


class _Webhook(msgspec.Struct, frozen=True):
    url: str
    form: dict[str, str]
    headers: dict[str, str]


class _Desk:
    """The runtime of one process, and a stopwatch for each of its steps."""

    def __init__(self, database: Database, starts_at: datetime) -> None:
        self.spent_s = dict.fromkeys(STEPS, 0.0)
        self._clock = _SteppedClock(starts_at)
        self._reports: list[_Webhook] = []
        ids = SystemIds()
        self._twilio = TwilioEmulator(self._clock, seed=ids.new().int, account=Account(), sink=self._keep_report)
        account = self._twilio.account
        self._http = _TimedHttp(self._twilio)
        self._queue = LocalQueue()
        self._checker = SignatureChecker(PUBLIC_URL, (account.auth_token,))
        self._parts = open_parts(
            SETTINGS,
            clock=self._clock,
            ids=ids,
            database=database,
            model=_InstantModel(),
            messenger=TwilioMessenger(
                TwilioAccount(account.account_sid, account.auth_token), PUBLIC_URL, http_client=self._http
            ),
            media=AbsentMedia(),
            queue=self._queue,
        )
        self._world = load_world(WORLD)

    async def take_turn(self, number: int) -> None:
        """One person writes, is answered, and the provider reports on the answer."""
        inbound = Inbound(
            from_address=f"whatsapp:+52155{10_000_000 + number % PEOPLE}",
            to_address=f"whatsapp:{self._world.business.channel}",
            text="hola, buenos días",
        )
        form = self._twilio.compose_inbound(inbound)
        await self._receive("accept", _Webhook(MESSAGES_URL, form, self._twilio.sign(MESSAGES_URL, form)))
        self._clock.moment += timedelta(seconds=2)
        await self._time("offer", tick(self._parts))
        while jobs := self._queue.take_all():
            for job, conversation_id in jobs:
                assert job is Job.RUN_CONVERSATION, "nobody else is told anything"
                await self._time("turn", run_conversation(self._parts, conversation_id))
        self._clock.moment += timedelta(seconds=5)
        await self._twilio.deliver_due()
        assert self._reports, "nothing was sent, or nobody reports on it"
        for report in self._reports:
            await self._receive("reports", report)
        self._reports.clear()

    async def _receive(self, step: str, webhook: _Webhook) -> None:
        split = urlsplit(webhook.url)
        path = f"{split.path}?{split.query}" if split.query else split.path
        status = await self._time(
            step, receive(self._parts, self._checker, path, list(webhook.form.items()), webhook.headers)
        )
        assert status == OK

    async def _time(self, step: str, work: Awaitable[T]) -> T:
        elsewhere_s = self._http.spent_s
        started = time.process_time()
        result = await work
        self.spent_s[step] += time.process_time() - started - (self._http.spent_s - elsewhere_s)
        return result

    async def _keep_report(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> int:
        self._reports.append(_Webhook(url, dict(form), dict(headers)))
        return OK
