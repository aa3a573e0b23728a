"""Outbound messages: written with the state change they tell of, sent later, told apart by a dedupe key.

`claim_head`, `record_*` and `offer_due` are platform jobs: the sender serves every tenant.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from runtime.domain.enums import OutboxKind, OutboxState, TaskKind
from runtime.domain.ids import ConversationId, OrganizationId, OutboxId, TurnId
from runtime.store.database import UnitOfWork, rows_of
from runtime.store.tables import outbox, tasks

FIRST_OFFER = timedelta(seconds=3)
"""Whoever queues a message also hands it to the broker; the ticker steps in when that is lost."""


class NewOutbound(msgspec.Struct, frozen=True):
    """A message about to be queued for one conversation."""

    id: OutboxId
    conversation_id: ConversationId
    kind: OutboxKind
    dedupe_key: str
    body: str
    at: datetime


_QUEUE = text(
    """
    with new as (
      select * from jsonb_to_recordset(:new) as new (id uuid, conversation_id uuid, kind outbox_kind,
        dedupe_key text, body text, at timestamptz)
    ), queued as (
      insert into outbox (organization_id, turn_id, id, conversation_id, kind, dedupe_key, body, created_at,
        not_before, due_at)
      select :organization_id, :turn_id, id, conversation_id, kind, dedupe_key, body, at, at, at + :first_offer
      from new order by id
      on conflict (organization_id, dedupe_key) do nothing
      returning id
    )
    insert into messages (organization_id, turn_id, id, conversation_id, author, text, at)
    select :organization_id, :turn_id, id, conversation_id, 'assistant', body, at
    from new join queued using (id)
    where kind <> 'relay'
    """
).bindparams(bindparam("new", type_=JSONB))


async def queue_messages(
    uow: UnitOfWork, organization_id: OrganizationId, turn_id: TurnId | None, new: Sequence[NewOutbound]
) -> None:
    """Queue messages, and remember in each conversation's history what Parlo itself says.

    One whose dedupe key is already there changes nothing. Relayed words are remembered where they
    are relayed, as the words of whoever said them.
    """
    if not new:
        return
    parameters = {"organization_id": organization_id, "turn_id": turn_id, "new": list(new), "first_offer": FIRST_OFFER}
    await uow.run(_QUEUE, parameters)


class Outbound(msgspec.Struct, frozen=True):
    """The message at the head of a conversation's line, claimed for sending."""

    organization_id: OrganizationId
    id: OutboxId
    conversation_id: ConversationId
    kind: OutboxKind
    body: str
    from_address: str
    to_address: str
    attempts: int
    was: OutboxState
    first_submitted_at: datetime | None


_CLAIM_HEAD = text(
    """
    with head as (
      select organization_id, id, state, submitted_at, not_before, lease_until from outbox
      where conversation_id = :conversation_id and organization_id = (
          select organization_id from conversations where id = :conversation_id)
        and state in ('queued', 'submitting')
      order by id limit 1 for update
    )
    update outbox o
    set state = 'submitting', attempts = o.attempts + 1, lease_until = :lease_until, due_at = :lease_until,
      submitted_at = coalesce(o.submitted_at, :now)
    from head join conversations c on c.id = :conversation_id
    where o.organization_id = head.organization_id and o.id = head.id
      and head.not_before <= :now and (head.lease_until is null or head.lease_until <= :now)
    returning o.organization_id, o.id, o.conversation_id, o.kind, o.body, c.our_address as from_address,
      c.their_address as to_address, o.attempts, head.state as was, head.submitted_at as first_submitted_at
    """
)


async def claim_head(
    uow: UnitOfWork, conversation_id: ConversationId, *, now: datetime, lease_until: datetime
) -> Outbound | None:
    """Take the oldest unsent message of a conversation; None when it is taken, not due, or there is none.

    Only the head may be taken, so that messages leave in the order they were written.
    """
    parameters = {"conversation_id": conversation_id, "now": now, "lease_until": lease_until}
    found = rows_of(Outbound, await uow.run(_CLAIM_HEAD, parameters))
    return found[0] if found else None


_RECORD_SENT = text(
    """
    update outbox set provider_sid = coalesce(provider_sid, :sid), lease_until = null, due_at = null,
      state = case when state in ('queued', 'submitting') then :state ::outbox_state else state end
    where organization_id = :organization_id and id = :id
    returning exists (
      select from outbox next where next.organization_id = :organization_id
        and next.conversation_id = :conversation_id and next.state in ('queued', 'submitting') and next.id <> :id)
    """
)


async def record_sent(uow: UnitOfWork, sent: Outbound, *, sid: str, state: OutboxState) -> bool:
    """The provider accepted the message. A status that came in earlier by callback stays.

    Returns:
        True when more of the conversation's messages wait. Whoever queues one later offers it anew.
    """
    parameters = {
        "organization_id": sent.organization_id,
        "conversation_id": sent.conversation_id,
        "id": sent.id,
        "sid": sid,
        "state": state,
    }
    return bool((await uow.run(_RECORD_SENT, parameters)).scalar_one())


async def postpone(uow: UnitOfWork, sent: Outbound, *, state: OutboxState, due_at: datetime) -> None:
    """Try again at `due_at`: as `queued` (certainly not accepted) or `submitting` (look first).

    A message whose fate became known meanwhile by callback is left alone.
    """
    await uow.run(
        update(outbox)
        .where(
            outbox.c.organization_id == sent.organization_id,
            outbox.c.id == sent.id,
            outbox.c.state == OutboxState.SUBMITTING,
        )
        .values(state=state, not_before=due_at, due_at=due_at, lease_until=None)
    )


_KNOWN_SIDS = text("select provider_sid from outbox where provider_sid = any(:sids)")


async def known_sids(uow: UnitOfWork, sids: Sequence[str]) -> set[str]:
    """Which of these provider ids already belong to a message of ours."""
    return {row.provider_sid for row in await uow.run(_KNOWN_SIDS, {"sids": list(sids)})}


_ADVANCE = text(
    """
    with moved as (
      update outbox set state = :state ::outbox_state, lease_until = null, due_at = null,
        provider_sid = coalesce(provider_sid, :sid), error_code = coalesce(:error_code ::integer, error_code)
      where id = :id and state = any(:from_states ::outbox_state[])
      returning organization_id, id, conversation_id
    ), told as (
      insert into tasks (organization_id, id, kind, conversation_id, dedupe_key, summary, created_at)
      select organization_id, :task_id, 'undelivered', conversation_id, 'undelivered:' || id, :summary, :now
      from moved where :failed
      on conflict (organization_id, dedupe_key) do nothing
    )
    select conversation_id from moved
    """
)


class StatusChange(msgspec.Struct, frozen=True):
    """A delivery state to reach, and the states it may be reached from."""

    outbox_id: OutboxId
    state: OutboxState
    from_states: tuple[OutboxState, ...]
    sid: str | None
    error_code: int | None


async def advance(uow: UnitOfWork, change: StatusChange, *, task_id: UUID, now: datetime) -> ConversationId | None:
    """Move a message to a later state; a failure also leaves a task for a person. None = nothing moved."""
    failed = change.state in (OutboxState.FAILED, OutboxState.UNDELIVERED)
    result = await uow.run(
        _ADVANCE,
        {
            "id": change.outbox_id,
            "state": change.state.value,
            "from_states": [state.value for state in change.from_states],
            "sid": change.sid,
            "error_code": change.error_code,
            "failed": failed,
            "task_id": task_id,
            "summary": f"Un mensaje no pudo entregarse (código {change.error_code or 'desconocido'}).",
            "now": now,
        },
    )
    row = result.one_or_none()
    return ConversationId(row.conversation_id) if row else None


_OFFER = text(
    """
    with due as (
      select organization_id, id from outbox
      where due_at <= :now and (lease_until is null or lease_until <= :now)
      order by due_at, id limit :most for update skip locked
    ), offered as (
      update outbox o set due_at = :again_at from due
      where o.organization_id = due.organization_id and o.id = due.id
      returning o.conversation_id
    )
    select distinct conversation_id from offered order by conversation_id
    """
)


async def offer_due(uow: UnitOfWork, *, now: datetime, again_at: datetime, most: int) -> list[ConversationId]:
    """Conversations with a message whose time to be sent has come."""
    result = await uow.run(_OFFER, {"now": now, "again_at": again_at, "most": most})
    return [ConversationId(row.conversation_id) for row in result]


class NewTask(msgspec.Struct, frozen=True):
    """Something a person has to look at. `summary` is Spanish and names nobody's number."""

    id: UUID
    kind: TaskKind
    dedupe_key: str
    summary: str
    created_at: datetime
    conversation_id: ConversationId | None = None


async def add_task(uow: UnitOfWork, organization_id: OrganizationId, task: NewTask) -> None:
    """Leave something for a person; a second task for the same fact changes nothing."""
    await uow.run(
        insert(tasks)
        .values(organization_id=organization_id, **msgspec.structs.asdict(task))
        .on_conflict_do_nothing(index_elements=["organization_id", "dedupe_key"])
    )
