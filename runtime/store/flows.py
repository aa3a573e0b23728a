"""What a customer is in the middle of, so that it can be picked up again after a pause."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert

from runtime.domain.enums import FlowKind, FlowState
from runtime.domain.ids import ConversationId, OrganizationId
from runtime.store.database import UnitOfWork
from runtime.store.tables import flows

IDLE = timedelta(minutes=30)
"""A flow nobody touches for this long is abandoned; it can still be resumed where it was."""


class FlowStep(msgspec.Struct, frozen=True):
    """How far a flow has come: the service and the customer's own words for the time, as far as known."""

    id: UUID
    conversation_id: ConversationId
    kind: FlowKind
    service: str | None
    wanted: str | None


async def note_step(uow: UnitOfWork, organization_id: OrganizationId, step: FlowStep, *, now: datetime) -> None:
    """Open the conversation's flow or move it on; an abandoned one is open again."""
    values = {
        "organization_id": organization_id,
        "state": FlowState.OPEN,
        "changed_at": now,
        "due_at": now + IDLE,
        **msgspec.structs.asdict(step),
    }
    statement = insert(flows).values(values)
    await uow.run(
        statement.on_conflict_do_update(
            index_elements=["organization_id", "conversation_id"],
            index_where=flows.c.state != FlowState.COMPLETED,
            set_={key: values[key] for key in ("kind", "state", "service", "wanted", "changed_at", "due_at")},
        )
    )


async def complete(
    uow: UnitOfWork, organization_id: OrganizationId, conversation_id: ConversationId, *, now: datetime
) -> None:
    """The conversation's flow has reached its end."""
    await uow.run(
        update(flows)
        .where(
            flows.c.organization_id == organization_id,
            flows.c.conversation_id == conversation_id,
            flows.c.state != FlowState.COMPLETED,
        )
        .values(state=FlowState.COMPLETED, changed_at=now, due_at=None)
    )


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
