"""What every step of a message's way needs: the database and the ports, put together in `bootstrap`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from runtime.domain.errors import Unavailable
from runtime.domain.ids import ConversationId
from runtime.ports import Clock, Ids, Job, MediaSource, Messenger, Model, Queue
from runtime.settings import Settings
from runtime.store.database import Database
from runtime.store.intake import Intake


@dataclass(frozen=True)
class Parts:
    """The database, the outside world, and the settings."""

    database: Database
    intake: Intake
    clock: Clock
    ids: Ids
    model: Model
    messenger: Messenger
    media: MediaSource
    queue: Queue
    settings: Settings

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
