"""Two or three workers that are given one conversation: orders of their steps, and what the customer hears.

An attempt is `runtime.turn.run_conversation` as a worker runs it, delivery included, against the offline model and
the emulated provider. Its steps are the round trips that touch the conversation and what hangs on it. There are
more orders than can be played, so they are drawn by chance up to a stated number.
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from itertools import permutations

import msgspec
from sqlalchemy import text

from runtime.domain.ids import ConversationId
from runtime.domain.strategies import ConversationStrategy
from runtime.domain.words import APOLOGY, HOLDING
from runtime.parts import Parts
from runtime.ports import Clock
from runtime.store.conversations import conversation_id_of
from runtime.turn import run_conversation
from sim.quiet_logs import silence_logs
from sim.races.databases import borrow_for_conversation
from sim.races.figures import Interleavings
from sim.races.interleaving import Tell, Verdict, interleave
from sim.races.schedules import Walk
from sim.races.turnstile import Turnstile
from sim.scheduler import Scheduler
from sim.stage import MESSAGES_URL, SETTINGS, Scene, Stage, open_stage
from sim.twilio.inbound import Inbound
from sim.virtual_time import VirtualLoop
from sim.worlds import World, load_world

WORLD = "estetica-lupita"
STARTS = datetime.fromisoformat("2026-01-12T10:00:00-06:00")
PHONE = "+525512345678"
WORDS = "hola, ¿tienen lugar para un gelish el jueves?"
MORE_WORDS = "o mejor el viernes"
DEADLOCK_MS = 20
Ways = tuple[str, ...]
SCENARIOS: tuple[Ways, ...] = (("work", "work"), ("work", "work late"), ("work", "write"), ("work", "work", "write"))
LATE = timedelta(seconds=60)
"""Beyond the lease of whoever claimed at the start: as if that one had been stopped."""
_QUIET = timedelta(seconds=2)

_SHARED = re.compile(
    r"^(commit|rollback)|pg_try_advisory"
    r"|\b(update|into|delete from) (conversations|inbox|turns|steps|messages|flows|outbox)\b"
    r"|^select .*\bfrom (steps|messages|conversations c left join handoffs)\b",
    re.IGNORECASE,
)
_LEFT = text("select count(*) from inbox where state = 'accepted'")
_BURIED = text("select count(*) from inbox where state = 'dead'")
_WRITTEN = text("select count(*) from inbox")
_REMEMBERED = text("select count(*) from messages where author = 'customer'")
_FLOWS = text("select kind, state, service, wanted from flows order by kind, state, service, wanted")


def play_conversations(
    server_url: str,
    strategy: ConversationStrategy,
    tell: Tell,
    orders: int,
    scenarios: Sequence[Ways] = SCENARIOS,
) -> list[Interleavings]:
    """Play scenarios under a strategy, on a database of its own.

    Args:
        server_url: The server.
        strategy: What keeps the workers apart.
        tell: Takes lines of progress.
        orders: How many orders of each scenario.
        scenarios: Which; all by default.
    """
    silence_logs()
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        with borrow_for_conversation(server_url, strategy, deadlock_ms=DEADLOCK_MS) as url:
            return loop.run_until_complete(_play(url, strategy, tell, orders, scenarios))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _play(
    url: str, strategy: ConversationStrategy, tell: Tell, orders: int, scenarios: Sequence[Ways]
) -> list[Interleavings]:
    settings = msgspec.structs.replace(SETTINGS, conversation_lock=strategy)
    turnstile = Turnstile(lambda statement: statement == "rollback to savepoint" or bool(_SHARED.search(statement)))
    results = []
    async with open_stage(url, settings, connecting=turnstile.connecting) as stage:
        for ways in scenarios:
            scenario = _Workers(stage, ways)
            await scenario.learn_flows()
            results.append(await interleave(turnstile, scenario, Walk(orders), tell))
    return results


class _LateClock:
    """The port `Clock`, so much later than another."""

    def __init__(self, clock: Clock, by: timedelta) -> None:
        self._clock = clock
        self._by = by

    def now(self) -> datetime:
        """The other's moment and the difference."""
        return self._clock.now() + self._by

    async def sleep(self, seconds: float) -> None:
        """As the other."""
        await self._clock.sleep(seconds)


class _Workers:
    """The scenario: each attempt works on the conversation, now or when a lease has run out, or writes to it."""

    def __init__(self, stage: Stage, ways: Sequence[str]) -> None:
        self.name = " + ".join(ways)
        self._stage = stage
        self._ways = ways
        self._world: World = load_world(WORLD)
        self._number = str(self._world.business.channel)
        self._scene: Scene | None = None
        self._broken: list[str] = []
        self._flows: set[tuple[object, ...]] = set()

    async def learn_flows(self) -> None:
        """What the customer may be in the middle of: what it comes to when one attempt ends before the next begins."""
        for order in permutations(range(len(self._ways))):
            attempts = await self.reset()
            for number in order:
                await attempts[number]()
            assert self._scene is not None
            await Scheduler(self._scene).settle()
            self._flows.add(await self._read_flows())

    async def _read_flows(self) -> tuple[object, ...]:
        async with self._stage.database.single() as uow:
            return tuple(tuple(row) for row in await uow.run(_FLOWS))

    async def reset(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """A customer has written and is waiting."""
        self._scene = scene = await self._stage.set_scene(self._world, STARTS, seed=1)
        self._broken = []
        await self._write(scene, WORDS)
        await scene.clock.sleep(_QUIET.total_seconds())
        conversation_id = conversation_id_of(self._number, PHONE)
        return [self._attempt(scene, way, conversation_id) for way in self._ways]

    def _attempt(self, scene: Scene, way: str, conversation_id: ConversationId) -> Callable[[], Awaitable[None]]:
        if way == "write":
            return lambda: self._write(scene, MORE_WORDS)
        parts = scene.parts
        if way == "work late":
            parts = dataclasses.replace(parts, clock=_LateClock(parts.clock, LATE))
        return lambda: self._work(parts, conversation_id)

    async def _work(self, parts: Parts, conversation_id: ConversationId) -> None:
        try:
            await run_conversation(parts, conversation_id)
        except Exception as error:  # noqa: BLE001 - the edge of a worker, which would go on with the next job
            self._broken.append(type(error).__name__)

    async def _write(self, scene: Scene, words: str) -> None:
        inbound = Inbound(from_address=f"whatsapp:{PHONE}", to_address=f"whatsapp:{self._number}", text=words)
        status = await scene.twilio.send_inbound(MESSAGES_URL, inbound)
        if status != 200:
            self._broken.append(f"webhook {status}")

    async def judge(self) -> Verdict:
        """Let everything come to rest as the ticker would, then see what the customer has heard."""
        assert self._scene is not None
        await Scheduler(self._scene).settle()
        async with self._stage.database.single() as uow:
            left = (await uow.run(_LEFT)).scalar_one()
            buried = (await uow.run(_BURIED)).scalar_one()
            written = (await uow.run(_WRITTEN)).scalar_one()
            remembered = (await uow.run(_REMEMBERED)).scalar_one()
        heard = [each.body for each in self._scene.twilio.sent if each.to_address == f"whatsapp:{PHONE}"]
        answers = [body for body in heard if body not in (HOLDING, APOLOGY)]
        found = {
            "lost_message": bool(left or buried) or not answers,
            "double_answer": len(answers) > written or len(set(answers)) < len(answers),
            "double_effect": remembered != written,
            "lost_update": await self._read_flows() not in self._flows,
            "needless_apology": len(answers) < len(heard),
            "broken": bool(self._broken),
        }
        outcome = f"{len(answers)} answers, {len(heard) - len(answers)} apologies, {left} messages left"
        broken = (f"broken off: {', '.join(self._broken)}",) if self._broken else ()
        return Verdict(tuple(name for name, there_is in found.items() if there_is), (outcome, *broken))
