"""A broker that forgets, repeats and mixes up what it is told: nothing may be built on it."""

from __future__ import annotations

import asyncio

from runtime.domain.errors import Unavailable
from runtime.domain.ids import ConversationId
from runtime.ports import Job
from sim.simulation.knobs import Dice, Knob
from sim.simulation.trace import Trace

FLUSH_EVERY_S = 10.0

Order = tuple[Job, ConversationId]


class FaultyBroker:
    """The port `Queue`, shared by all processes; workers take from it."""

    def __init__(self, dice: Dice, trace: Trace) -> None:
        self._dice = dice
        self._trace = trace
        self._waiting: list[Order] = []
        self._arrived = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many jobs nobody has taken."""
        return len(self._waiting)

    async def enqueue(self, job: Job, conversation_id: ConversationId) -> None:
        """Keep a job; or refuse it, keep it twice, or put it before others.

        Raises:
            Unavailable: It is refused.
        """
        if self._dice.strikes(Knob.BROKER_REFUSED):
            raise Unavailable("the broker refuses")
        place = len(self._waiting)
        if self._waiting and self._dice.strikes(Knob.BROKER_REORDERED):
            place = self._dice.random.randrange(len(self._waiting))
        self._waiting.insert(place, (job, conversation_id))
        if self._dice.strikes(Knob.BROKER_DUPLICATED):
            self._waiting.append((job, conversation_id))
        self._arrived.set()

    async def take(self) -> Order:
        """The next job, as soon as there is one."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.pop(0)

    async def flush_now_and_then(self) -> None:
        """Lose everything from time to time, as a restart without a disk does; until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            if self._waiting and self._dice.strikes(Knob.BROKER_FLUSHED):
                self._trace.add("broker", f"forgets {len(self._waiting)} jobs")
                self._waiting.clear()
