"""Lets a person on the page speak: through the emulator to the real webhook, signed, in the order they wrote.

It remembers what the page sent and how the webhook answered, which the database cannot know of a message that was
refused. It remembers for as long as `parlo up` runs.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

import msgspec

from runtime.ports import Clock
from sim.twilio.emulator import TwilioEmulator
from sim.twilio.inbound import Inbound

MOST_REMEMBERED = 2000


class Spoken(msgspec.Struct):
    """A message handed to the webhook. `status` is None while it has not answered, 0 where nobody did."""

    sid: str
    form: dict[str, str]
    at: datetime
    status: int | None = None


class Speaker:
    """Hands people's messages over.

    Args:
        emulator: Keeps the files, signs, and posts.
        webhook_url: Where messages are posted.
        clock: When they were written.
        tell: Called whenever there is something new to show.
    """

    def __init__(self, emulator: TwilioEmulator, webhook_url: str, clock: Clock, tell: Callable[[], None]) -> None:
        self.spoken: dict[str, Spoken] = {}
        self._emulator = emulator
        self._webhook_url = webhook_url
        self._clock = clock
        self._tell = tell
        # the network keeps no order between two connections: one message of a person at a time
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[None]] = set()

    def speak(self, inbound: Inbound) -> str:
        """Hand a message over in the background; its sid."""
        form = self._emulator.compose_inbound(inbound)
        spoken = Spoken(form["MessageSid"], form, self._clock.now())
        self.spoken[spoken.sid] = spoken
        if len(self.spoken) > MOST_REMEMBERED:
            del self.spoken[next(iter(self.spoken))]
        task = asyncio.ensure_future(self._hand_over(spoken, inbound.from_address))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._tell()
        return spoken.sid

    async def wait(self) -> None:
        """Until everything said so far was handed over."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        """Let nothing go on in the background."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _hand_over(self, spoken: Spoken, sender: str) -> None:
        sink = self._emulator.sink
        async with self._turns[sender]:
            headers = self._emulator.sign(self._webhook_url, spoken.form)
            spoken.status = await sink(self._webhook_url, spoken.form, headers) if sink else 0
        self._tell()
