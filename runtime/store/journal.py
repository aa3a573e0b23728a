"""The journal of a turn (steps), the history of a conversation (messages) and what happened (events)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import JSONB

from runtime.domain.enums import Author, StepKind
from runtime.domain.errors import LeaseLost
from runtime.domain.ids import ConversationId, HandoffId, InboxId, OrganizationId, StaffId, TurnId
from runtime.store.conversations import Claim
from runtime.store.database import UnitOfWork, rows_of
from runtime.store.tables import steps


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


_ADD_STEP = text(
    """
    insert into steps (organization_id, turn_id, number, kind, name, request_key, request, response, at)
    select organization_id, :turn_id, :number, :kind, :name, :request_key, :request, :response, :at
    from conversations where organization_id = :organization_id and id = :conversation_id and fence = :fence
    for no key update
    """
).bindparams(bindparam("request", type_=JSONB(none_as_null=True)), bindparam("response", type_=JSONB))


_ADD_PAID_STEP = text(
    """
    with paid as (
      update conversations set paid_until = :paid_until
      where organization_id = :organization_id and id = :conversation_id and fence = :fence
      returning organization_id
    )
    insert into steps (organization_id, turn_id, number, kind, name, request_key, request, response, at)
    select organization_id, :turn_id, :number, :kind, :name, :request_key, :request, :response, :at from paid
    """
).bindparams(bindparam("request", type_=JSONB(none_as_null=True)), bindparam("response", type_=JSONB))


async def add_step(
    uow: UnitOfWork, claimed: Claim, turn_id: TurnId, step: Step, *, at: datetime, paid_until: datetime | None = None
) -> None:
    """Journal one step. The primary key refuses a second one of the same number.

    Args:
        uow: A unit of work of the conversation's business.
        claimed: The lease.
        turn_id: Whose step it is.
        step: What was asked and answered.
        at: The present moment.
        paid_until: The sender's bucket after a model call, written by the same statement; None for what costs nothing.

    Raises:
        LeaseLost: The lease is no longer ours; nothing was written.
    """
    parameters = {
        "organization_id": claimed.organization_id,
        "conversation_id": claimed.id,
        "fence": claimed.fence,
        "turn_id": turn_id,
        "at": at,
        **msgspec.structs.asdict(step),
    }
    if paid_until is not None:
        parameters["paid_until"] = paid_until
    if (await uow.run(_ADD_STEP if paid_until is None else _ADD_PAID_STEP, parameters)).rowcount != 1:
        raise LeaseLost(f"conversation {claimed.id}: fence {claimed.fence} is no longer current")


class Message(msgspec.Struct, frozen=True):
    """One message of a conversation, as the next turn will read it."""

    author: Author
    text: str
    at: datetime
    staff_name: str | None = None


_MESSAGES = text(
    """
    select m.author, m.text, m.at, s.name as staff_name
    from messages m left join staff s on s.organization_id = m.organization_id and s.id = m.staff_id
    where m.organization_id = :organization_id and m.conversation_id = :conversation_id
    order by m.at desc, m.id desc limit :most
    """
)


async def load_messages(
    uow: UnitOfWork, organization_id: OrganizationId, conversation_id: ConversationId, *, most: int
) -> list[Message]:
    """The last `most` messages, oldest first."""
    parameters = {"organization_id": organization_id, "conversation_id": conversation_id, "most": most}
    return rows_of(Message, await uow.run(_MESSAGES, parameters))[::-1]


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


_ADD_EVENTS = text(
    """
    insert into events (organization_id, id, kind, conversation_id, subject_id, data, at)
    select :organization_id, id, kind, conversation_id, subject_id, data, at
    from jsonb_to_recordset(:new) as new (id uuid, kind text, conversation_id uuid, subject_id uuid, data jsonb,
      at timestamptz)
    """
).bindparams(bindparam("new", type_=JSONB))


async def add_events(uow: UnitOfWork, organization_id: OrganizationId, new: Sequence[NewEvent]) -> None:
    """Append to the event history."""
    if not new:
        return
    await uow.run(_ADD_EVENTS, {"organization_id": organization_id, "new": list(new)})


class Kept(msgspec.Struct, frozen=True):
    """A human's message that was not passed on."""

    inbox_id: InboxId
    text: str


_KEPT = text(
    """
    select i.id as inbox_id, i.body as text
    from events e join inbox i on i.id = (e.data ->> 'inbox_id')::uuid
    where e.organization_id = :organization_id and e.subject_id = :handoff_id and e.kind = 'handoff_aside'
      and e.at >= :since and not exists (
        select from events s where s.organization_id = e.organization_id and s.subject_id = e.subject_id
          and s.kind = 'handoff_aside_sent' and s.data ->> 'inbox_id' = e.data ->> 'inbox_id')
    order by e.at desc, e.id desc limit 1
    """
)


async def find_kept(
    uow: UnitOfWork, organization_id: OrganizationId, handoff_id: HandoffId, *, since: datetime
) -> Kept | None:
    """The last message of a handoff that was judged to be for Parlo, unless it was sent after all."""
    parameters = {"organization_id": organization_id, "handoff_id": handoff_id, "since": since}
    found = rows_of(Kept, await uow.run(_KEPT, parameters))
    return found[0] if found else None
