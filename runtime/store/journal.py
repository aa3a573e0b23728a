"""The journal of a turn (steps), the history of a conversation (messages) and what happened (events)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert

from runtime.domain.enums import Author, StepKind
from runtime.domain.ids import ConversationId, OrganizationId, StaffId, TurnId
from runtime.store.database import UnitOfWork, rows_of
from runtime.store.tables import events, messages, staff, steps


class Step(msgspec.Struct, frozen=True):
    """One journaled step. `response` is the answer of a model or the result of a tool."""

    number: int
    kind: StepKind
    name: str
    request_key: str
    response: Any
    request: Any = None


async def load_steps(uow: UnitOfWork, organization_id: OrganizationId, turn_id: TurnId) -> list[Step]:
    """The journal of a turn, in order."""
    columns = (steps.c.number, steps.c.kind, steps.c.name, steps.c.request_key, steps.c.response, steps.c.request)
    result = await uow.run(
        select(*columns)
        .where(steps.c.organization_id == organization_id, steps.c.turn_id == turn_id)
        .order_by(steps.c.number)
    )
    return rows_of(Step, result)


async def add_step(
    uow: UnitOfWork, organization_id: OrganizationId, turn_id: TurnId, step: Step, *, at: datetime
) -> None:
    """Journal one step. The primary key refuses a second one of the same number."""
    await uow.run(
        insert(steps).values(
            organization_id=organization_id,
            turn_id=turn_id,
            number=step.number,
            kind=step.kind,
            name=step.name,
            request_key=step.request_key,
            request=step.request,
            response=step.response,
            at=at,
        )
    )


class Message(msgspec.Struct, frozen=True):
    """One message of a conversation, as the next turn will read it."""

    author: Author
    text: str
    at: datetime
    staff_name: str | None = None


async def load_messages(
    uow: UnitOfWork, organization_id: OrganizationId, conversation_id: ConversationId, *, most: int
) -> list[Message]:
    """The last `most` messages, oldest first."""
    result = await uow.run(
        select(messages.c.author, messages.c.text, messages.c.at, staff.c.name.label("staff_name"))
        .join_from(
            messages,
            staff,
            (staff.c.organization_id == messages.c.organization_id) & (staff.c.id == messages.c.staff_id),
            isouter=True,
        )
        .where(messages.c.organization_id == organization_id, messages.c.conversation_id == conversation_id)
        .order_by(messages.c.at.desc(), messages.c.id.desc())
        .limit(most)
    )
    return rows_of(Message, result)[::-1]


class NewMessage(msgspec.Struct, frozen=True):
    """A message about to join a conversation's history."""

    id: UUID
    conversation_id: ConversationId
    author: Author
    text: str
    at: datetime
    staff_id: StaffId | None = None


_ADD_MESSAGES = text(
    """
    insert into messages (organization_id, turn_id, id, conversation_id, author, text, at, staff_id)
    select :organization_id, :turn_id, id, conversation_id, author, text, at, staff_id
    from jsonb_to_recordset(:new) as new (id uuid, conversation_id uuid, author author, text text, at timestamptz,
      staff_id uuid)
    """
).bindparams(bindparam("new", type_=JSONB))


async def add_messages(
    uow: UnitOfWork, organization_id: OrganizationId, turn_id: TurnId | None, new: Sequence[NewMessage]
) -> None:
    """Append to the history."""
    if not new:
        return
    await uow.run(_ADD_MESSAGES, {"organization_id": organization_id, "turn_id": turn_id, "new": list(new)})


class NewEvent(msgspec.Struct, frozen=True):
    """A fact about to be appended. `data` holds ids and words of our own, never a message's text."""

    id: UUID
    kind: str
    at: datetime
    conversation_id: ConversationId | None = None
    subject_id: UUID | None = None
    data: Mapping[str, object] = {}


async def add_events(uow: UnitOfWork, organization_id: OrganizationId, new: Sequence[NewEvent]) -> None:
    """Append to the event history."""
    if not new:
        return
    rows = [{"organization_id": organization_id, **msgspec.structs.asdict(each)} for each in new]
    await uow.run(insert(events).values(rows))
