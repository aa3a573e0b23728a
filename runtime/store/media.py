"""Files that people sent: taken in once for each message and place in it, served by id, deleted after their time.

Whatever was decided about a file is a row, a refusal too, so that a turn that is run again decides the same.
Platform jobs `load_content` and `delete_expired` cross tenants; the rest runs inside one.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import text

from runtime.domain.enums import MediaState
from runtime.domain.files import FileRefusal
from runtime.domain.ids import ConversationId, InboxId, MediaId, OrganizationId
from runtime.store.database import UnitOfWork, rows_of


class KnownFile(msgspec.Struct, frozen=True):
    """What was decided about one file of a message."""

    id: MediaId
    position: int
    state: MediaState
    refusal: FileRefusal | None


class NewFile(msgspec.Struct, frozen=True):
    """A file to keep, or the refusal of one: exactly one of `content` and `refusal` is None."""

    id: MediaId
    conversation_id: ConversationId
    inbox_id: InboxId
    position: int
    content_type: str
    content: bytes | None
    refusal: FileRefusal | None
    created_at: datetime
    delete_at: datetime


class KeptFile(msgspec.Struct, frozen=True):
    """A file as it is served."""

    content_type: str
    content: bytes


_LIST = text(
    """
    select id, position, state, refusal from media
    where organization_id = :organization_id and inbox_id = :inbox_id order by position
    """
)


async def list_files(uow: UnitOfWork, organization_id: OrganizationId, inbox_id: InboxId) -> list[KnownFile]:
    """The files of one message that were decided about, in their order."""
    parameters = {"organization_id": organization_id, "inbox_id": inbox_id}
    return rows_of(KnownFile, await uow.run(_LIST, parameters))


_ADD = text(
    """
    insert into media (organization_id, id, conversation_id, inbox_id, position, state, refusal, content_type,
      size_bytes, content, created_at, delete_at)
    values (:organization_id, :id, :conversation_id, :inbox_id, :position,
      case when :refusal ::text is null then 'stored' else 'refused' end ::media_state,
      :refusal, :content_type, coalesce(length(:content ::bytea), 0), :content, :created_at, :delete_at)
    on conflict (inbox_id, position, organization_id) do nothing
    """
)


async def add_file(uow: UnitOfWork, organization_id: OrganizationId, file: NewFile) -> None:
    """Keep a file or its refusal. Where another worker was quicker, what it decided stands."""
    await uow.run(_ADD, {"organization_id": organization_id, **msgspec.structs.asdict(file)})


_LOAD = text("select content_type, content from media where id = :id and state = 'stored'")


async def load_content(uow: UnitOfWork, media_id: MediaId) -> KeptFile | None:
    """A file by its id, whosever it is: the address it was asked for by is what was checked. None when it is gone."""
    found = rows_of(KeptFile, await uow.run(_LOAD, {"id": media_id}))
    return found[0] if found else None


_DELETE = text(
    """
    with due as (
      select organization_id, id from media
      where state = 'stored' and delete_at <= :now
      order by delete_at limit :most for update skip locked
    )
    update media m set state = 'deleted', content = null from due
    where m.organization_id = due.organization_id and m.id = due.id
    """
)


async def delete_expired(uow: UnitOfWork, *, now: datetime, most: int) -> int:
    """Forget the content of files whose time is over; the rows stay. How many there were, at most `most`."""
    return (await uow.run(_DELETE, {"now": now, "most": most})).rowcount
