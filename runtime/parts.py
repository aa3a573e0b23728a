"""What every step of a message's way needs: the database and the ports, put together in `bootstrap`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from runtime.domain.errors import Unavailable
from runtime.domain.ids import ConversationId
from runtime.ports import Clock, Ids, Job, MediaSource, Messenger, Model, Perception, Queue
from runtime.settings import Settings
from runtime.store.database import Database
from runtime.store.intake import Intake
from runtime.store.locking import BOOKING_LOCKS, CONVERSATION_LOCKS, BookingLock, ConversationLock

T = TypeVar("T")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 2.0
"""Between two tries of what is insisted on."""


@dataclass(frozen=True)
class Parts:
    """The database, the outside world, and the settings."""

    database: Database
    intake: Intake
    clock: Clock
    ids: Ids
    model: Model
    perception: Perception
    messenger: Messenger
    media: MediaSource
    queue: Queue
    settings: Settings

    @property
    def booking_lock(self) -> BookingLock:
        """How rivals for one calendar are kept apart."""
        return BOOKING_LOCKS[self.settings.booking_lock]

    @property
    def conversation_lock(self) -> ConversationLock:
        """How workers on one conversation are kept apart."""
        return CONVERSATION_LOCKS[self.settings.conversation_lock]

    def after(self, seconds: float) -> datetime:
        """The moment this many seconds from now."""
        return self.clock.now() + timedelta(seconds=seconds)

    async def hand_over(self, job: Job, conversation_id: ConversationId) -> bool:
        """Give an id to the broker; False when it is down, which loses nothing: due rows are offered again."""
        try:
            await self.queue.enqueue(job, conversation_id)
        except Unavailable:
            return False
        return True

    async def insist(self, write: Callable[[], Awaitable[T]], *, until: datetime) -> T:
        """Write as soon as the database takes it, for as long as what is written about is leased.

        Whoever lives on while the database is away gives back what they hold when it returns. To let the lease run
        out instead would cost whoever waits for an answer most of a minute.

        Args:
            write: May be done again after an answer that was lost.
            until: When the lease runs out.

        Raises:
            Unavailable: The database did not take it in time.
        """
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return await write()
            except Unavailable:
                if self.after(pause_s) >= until:
                    raise
            await self.clock.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
