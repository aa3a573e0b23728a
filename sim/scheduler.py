"""Moves a scene on: runs what production's ticker offers and its workers do, and jumps the clock between.

`settle` goes on until nothing is left to do; `advance` lets virtual time pass with every timer that
falls into it. The order of everything is the virtual clock's.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from runtime.domain.errors import Unavailable
from runtime.domain.ids import ConversationId
from runtime.outbox import deliver
from runtime.ports import Job
from runtime.store.due import NextDue, look_ahead
from runtime.ticker import tick
from runtime.turn import run_conversation
from sim.stage import Scene

SETTLE_LIMIT_S = 600.0
"""Retries with growing waits are part of settling; more than this is not coming to rest."""


class NeverRests(RuntimeError):
    """Work was still due after the limit: the system keeps itself busy."""


class Scheduler:
    """Runs one scene."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._parts = scene.parts
        self._clock = scene.clock
        self._seen: tuple[int, NextDue] | None = None

    async def settle(self, limit_s: float = SETTLE_LIMIT_S) -> None:
        """Go on until no message waits to be answered or sent, and no report of one is due.

        Raises:
            NeverRests: There was still work after `limit_s` virtual seconds.
        """
        limit = self._clock.now() + timedelta(seconds=limit_s)
        while True:
            own = await self._next_own(work_only=True)
            await self._play_provider(own or limit)
            if own is None:
                return
            if own > limit:
                raise NeverRests(f"work is still due {limit_s:.0f} s after the last message")
            await self._tick_at(own)

    async def advance(self, until: datetime) -> None:
        """Let time pass up to a moment, doing everything that falls due on the way."""
        while True:
            own = await self._next_own(work_only=False)
            if own is None or own > until:
                break
            await self._play_provider(own)
            await self._tick_at(own)
        await self._play_provider(until)
        await self._sleep_until(until)

    async def _next_own(self, *, work_only: bool) -> datetime | None:
        """When one of the runtime's own rows is due; None when nothing is planned."""
        await self._run_jobs()
        try:
            due = await self._look_ahead()
        except Unavailable:
            # switched off by a fault of the scenario: look again in a moment
            return self._clock.now() + timedelta(seconds=1)
        return due.work if work_only else due.first

    async def _look_ahead(self) -> NextDue:
        switch = self._scene.stage.switch
        if self._seen is not None and self._seen[0] == switch.round_trips and not switch.down:
            # nobody has asked the database for anything since, so nothing has changed
            return self._seen[1]
        async with self._parts.database.single() as uow:
            due = await look_ahead(uow)
        self._seen = (switch.round_trips, due)
        return due

    async def _play_provider(self, until: datetime) -> None:
        """Let the emulated provider do what it does by itself up to a moment; its reports plan no work of ours."""
        while (due := self._scene.twilio.next_due_at()) is not None and due <= until:
            await self._sleep_until(due)
            await self._scene.twilio.deliver_due()

    async def _tick_at(self, due: datetime) -> None:
        await self._sleep_until(due)
        try:
            await tick(self._parts)
        except Unavailable:
            return
        await self._run_jobs()

    async def _sleep_until(self, moment: datetime) -> None:
        wait_s = (moment - self._clock.now()).total_seconds()
        if wait_s > 0:
            # a microsecond more, since the loop's time is a float and must not fall short of the moment
            await self._clock.sleep(wait_s + 1e-6)

    async def _run_jobs(self) -> None:
        while jobs := self._scene.queue.take_all():
            await asyncio.gather(*(self._run(job, conversation_id) for job, conversation_id in jobs))

    async def _run(self, job: Job, conversation_id: ConversationId) -> None:
        try:
            if job is Job.RUN_CONVERSATION:
                await run_conversation(self._parts, conversation_id)
            else:
                await deliver(self._parts, conversation_id)
        except Unavailable:
            # what a worker would do: let go, and wait to be offered the work again
            return
