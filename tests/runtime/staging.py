"""What the durability tests share: a scene on a virtual loop, and people who write into it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import text

from runtime.domain.ids import ConversationId
from runtime.ports import Job
from runtime.settings import Settings
from runtime.store.conversations import conversation_id_of
from runtime.ticker import tick
from runtime.turn import run_conversation
from sim.scheduler import Scheduler
from sim.stage import MESSAGES_URL, SETTINGS, Scene, Stage, open_stage
from sim.twilio.inbound import Inbound
from sim.virtual_time import VirtualLoop
from sim.worlds import load_world

NOW = datetime.fromisoformat("2026-01-12T10:00:00-06:00")
BUSINESS = "+522220000001"
LUPITA = "+522220000101"
ANA = "+525512345678"

T = TypeVar("T")


def on_stage(
    database_url: str, play: Callable[[Stage], Awaitable[T]], *, settings: Settings = SETTINGS, kills: bool = False
) -> T:
    """Run a coroutine on a virtual loop, with a stage on this database.

    `kills` collects at the end what killed processes left open: else Python tells of it in the middle of another test.
    """
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)

    async def run() -> T:
        async with open_stage(database_url, settings) as stage:
            return await play(stage)

    try:
        return loop.run_until_complete(run())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
        if kills:
            gc.collect()


class Salon:
    """Estética Lupita on stage."""

    def __init__(self, stage: Stage, scene: Scene) -> None:
        self.stage = stage
        self.scene = scene
        self.scheduler = Scheduler(scene)

    @classmethod
    async def open(cls, stage: Stage, *, seed: int = 1) -> Salon:
        """A fresh seed business on a Monday morning."""
        return cls(stage, await stage.set_scene(load_world("estetica-lupita"), NOW, seed))

    async def post(self, phone: str, words: str, *, sid: str | None = None) -> int:
        """Somebody writes to the business; the webhook's answer."""
        inbound = Inbound(
            from_address=f"whatsapp:{phone}", to_address=f"whatsapp:{BUSINESS}", text=words, sid=sid, profile_name="Ana"
        )
        return await self.scene.twilio.send_inbound(MESSAGES_URL, inbound)

    async def say(self, phone: str, words: str) -> None:
        """Somebody writes, and everything that follows is done."""
        assert await self.post(phone, words) == 200
        await self.scheduler.settle()

    async def wait(self, seconds: float) -> None:
        """Time passes, with everything that falls due."""
        await self.scheduler.advance(self.scene.clock.now() + timedelta(seconds=seconds))
        await self.scheduler.settle()

    async def wait_running(self, seconds: float) -> None:
        """Time passes with everything that falls due, and is not waited for beyond that."""
        await self.scheduler.advance(self.scene.clock.now() + timedelta(seconds=seconds))

    async def tick(self) -> None:
        """What a ticker does, without the workers."""
        await tick(self.scene.parts)

    def heard(self, phone: str) -> list[str]:
        """What reached a person, in order."""
        return [each.body for each in self.scene.twilio.sent if each.to_address == f"whatsapp:{phone}"]

    async def rows(self, sql: str, **parameters: object) -> list[Any]:
        """Look into the database, over all tenants."""
        async with self.stage.database.single() as uow:
            return list(await uow.run(text(sql), parameters))

    async def count(self, sql: str) -> int:
        """The one number a query answers with."""
        return int((await self.rows(sql))[0][0])

    async def run_turn(self, phone: str) -> bool:
        """What a worker does when it is offered this person's conversation."""
        return await run_conversation(self.scene.parts, conversation_of(phone))


def conversation_of(phone: str) -> ConversationId:
    """The conversation between a person and the business."""
    return conversation_id_of(BUSINESS, phone)


__all__ = ["ANA", "BUSINESS", "LUPITA", "NOW", "Job", "Salon", "conversation_of", "on_stage"]
