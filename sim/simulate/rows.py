"""What the database knows of the messages on the page: one statement, in a transaction that may only read.

An engineer looking at production reads the same rows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from runtime.domain.enums import InboxState, OutboxKind, OutboxState, TurnState
from runtime.store.database import Database, UnitOfWork, rows_of
from runtime.store.outbox import WINDOW

MOST_ROWS = 400
"""The newest so many of each direction are shown."""

_READ_ONLY = text("set transaction read only")
_ROWS = text(
    """
    select
      (select coalesce(jsonb_agg(to_jsonb(q)), '[]') from (
        select i.id, i.sid, i.body, i.payload, i.state, i.received_at, c.their_key, c.our_key,
          coalesce(i.route, t.route) as route, t.reason, t.state as turn_state, t.started_at, t.finished_at,
          (select jsonb_object_agg(m.position, m.id) from media m
            where m.organization_id = i.organization_id and m.inbox_id = i.id and m.state = 'stored') as kept
        from (select * from inbox order by received_at desc, id desc limit :most) i
        join conversations c on c.organization_id = i.organization_id and c.id = i.conversation_id
        left join turns t on t.organization_id = i.organization_id and t.id = i.turn_id
        order by i.received_at, i.id) q) as heard,
      (select coalesce(jsonb_agg(to_jsonb(q)), '[]') from (
        select o.id, o.kind, o.body, o.state, o.attempts, o.provider_sid, o.error_code, o.created_at, o.submitted_at,
          o.held, o.template, o.as_template, m.content_type as media_type,
          case when m.state = 'stored' then m.id end as media_id, c.their_key, c.our_key
        from (select * from outbox order by created_at desc, id desc limit :most) o
        join conversations c on c.organization_id = o.organization_id and c.id = o.conversation_id
        left join media m on m.organization_id = o.organization_id and m.id = o.media_id
        order by o.created_at, o.id) q) as said,
      (select coalesce(jsonb_agg(to_jsonb(q)), '[]') from (
        select their_key, our_key, last_inbound_at, window_closed_at from conversations
        where last_inbound_at is not null order by last_inbound_at desc limit :most) q) as windows
    """
)
_LAST_HEARD = text(
    "select our_address, their_address, last_inbound_at from conversations where last_inbound_at is not null"
)
_FILE = text("select content_type, content from media where id = :id and state = 'stored'")
_NEWEST = text(
    """
    select greatest((select max(received_at) from inbox), (select max(started_at) from turns),
      (select max(created_at) from outbox), (select max(submitted_at) from outbox),
      (select max(at) from events)) as at
    """
)


class Heard(msgspec.Struct, frozen=True):
    """A person's message that the webhook stored.

    Attributes:
        payload: The form as it came.
        kept: The stored file at each place of it, for those that were passed on.
    """

    id: str
    sid: str
    body: str
    payload: dict[str, str]
    state: InboxState
    received_at: datetime
    their_key: str
    our_key: str
    route: str | None
    reason: str | None
    turn_state: TurnState | None
    started_at: datetime | None
    finished_at: datetime | None
    kept: dict[str, str] | None


class Said(msgspec.Struct, frozen=True):
    """A message of ours, sent or about to be.

    Attributes:
        held: It waits until whoever it is for writes again.
        template: What may go in its place while their window is closed.
        as_template: That is what went.
        media_type: Of the file sent with it; `media_id` is None once that is deleted.
    """

    id: str
    kind: OutboxKind
    body: str
    state: OutboxState
    attempts: int
    provider_sid: str | None
    error_code: int | None
    created_at: datetime
    submitted_at: datetime | None
    held: bool
    template: str | None
    as_template: bool
    media_type: str | None
    media_id: str | None
    their_key: str
    our_key: str


class Window(msgspec.Struct, frozen=True):
    """When somebody last wrote to one of our numbers, and when the provider said that this was too long ago."""

    their_key: str
    our_key: str
    last_inbound_at: datetime
    window_closed_at: datetime | None

    def closes_at(self, now: datetime) -> datetime | None:
        """Until when they may be written to freely; None where they may not."""
        if self.window_closed_at is not None and self.window_closed_at >= self.last_inbound_at:
            return None
        end = self.last_inbound_at + WINDOW
        return end if end > now else None


class Rows(msgspec.Struct, frozen=True):
    """Both directions, oldest first, and the windows of whoever has ever written."""

    heard: list[Heard] = []
    said: list[Said] = []
    windows: list[Window] = []


@asynccontextmanager
async def open_reading(database: Database) -> AsyncIterator[UnitOfWork]:
    """A transaction that sees every organization's rows and cannot change one.

    Raises:
        Unavailable: The database cannot be reached.
    """
    async with database.platform() as uow:
        await uow.run(_READ_ONLY)
        yield uow


async def read_rows(database: Database) -> Rows:
    """The newest messages of everybody.

    Raises:
        Unavailable: The database cannot be reached.
    """
    async with open_reading(database) as uow:
        return rows_of(Rows, await uow.run(_ROWS, {"most": MOST_ROWS}))[0]


class LastHeard(msgspec.Struct, frozen=True):
    """When somebody last wrote to one of our numbers; both as the provider spells them."""

    our_address: str
    their_address: str
    last_inbound_at: datetime


async def list_heard(database: Database) -> list[LastHeard]:
    """Everybody who has ever written."""
    async with open_reading(database) as uow:
        return rows_of(LastHeard, await uow.run(_LAST_HEARD))


class KeptFile(msgspec.Struct, frozen=True):
    """A file that Parlo keeps because it was passed on."""

    content_type: str
    content: bytes


async def read_file(database: Database, media_id: UUID) -> KeptFile | None:
    """A file that is kept; None where there is none of this id, or no longer.

    Raises:
        Unavailable: The database cannot be reached.
    """
    async with open_reading(database) as uow:
        found = rows_of(KeptFile, await uow.run(_FILE, {"id": media_id}))
        return found[0] if found else None


async def find_newest_moment(database: Database) -> datetime | None:
    """The latest moment at which something happened in this database, or None."""
    async with open_reading(database) as uow:
        row: Any = (await uow.run(_NEWEST)).first()
        moment: datetime | None = row[0] if row else None
        return moment
