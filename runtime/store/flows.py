"""What a customer is in the middle of, so that it can be picked up again after a pause."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text

from runtime.domain.enums import FlowKind
from runtime.domain.ids import ConversationId, OrganizationId
from runtime.store.database import UnitOfWork

IDLE = timedelta(minutes=30)
"""A flow nobody touches for this long is abandoned; it can still be resumed where it was."""


class FlowStep(msgspec.Struct, frozen=True):
    """How far a flow has come: the service and the customer's own words for the time, as far as known."""

    id: UUID
    conversation_id: ConversationId
    kind: FlowKind
    service: str | None
    wanted: str | None


# The condition of the index is spelled out: a parameter is not matched with it once the plan is made for all values.
_NOTE_STEP = text(
    """
    insert into flows (organization_id, id, conversation_id, kind, state, service, wanted, changed_at, due_at)
    values (:organization_id, :id, :conversation_id, :kind, 'open', :service, :wanted, :now, :due_at)
    on conflict (organization_id, conversation_id) where state <> 'completed' do update set kind = excluded.kind,
      state = 'open', service = excluded.service, wanted = excluded.wanted, changed_at = excluded.changed_at,
      due_at = excluded.due_at
    """
)


async def note_step(uow: UnitOfWork, organization_id: OrganizationId, step: FlowStep, *, now: datetime) -> None:
    """Open the conversation's flow or move it on; an abandoned one is open again."""
    parameters = {"organization_id": organization_id, "now": now, "due_at": now + IDLE, **msgspec.structs.asdict(step)}
    await uow.run(_NOTE_STEP, parameters)


_COMPLETE = text(
    """
    update flows set state = 'completed', changed_at = :now, due_at = null
    where organization_id = :organization_id and conversation_id = :conversation_id and state <> 'completed'
    """
)


async def complete(
    uow: UnitOfWork, organization_id: OrganizationId, conversation_id: ConversationId, *, now: datetime
) -> None:
    """The conversation's flow has reached its end."""
    await uow.run(_COMPLETE, {"organization_id": organization_id, "conversation_id": conversation_id, "now": now})


_ABANDON = text(
    """
    with due as (
      select organization_id, id from flows where due_at <= :now and state = 'open'
      order by due_at, id limit :most for update skip locked
    )
    update flows f set state = 'abandoned', due_at = null from due
    where f.organization_id = due.organization_id and f.id = due.id
    """
)


async def abandon_idle(uow: UnitOfWork, *, now: datetime, most: int) -> int:
    """Mark flows nobody touched as abandoned (a platform job)."""
    return (await uow.run(_ABANDON, {"now": now, "most": most})).rowcount
