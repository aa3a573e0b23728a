"""Handoff rows: who talks to whom, who waits, and since when.

Requests and endings of one organization take turns by locking its humans' rows, so that a person
who becomes free and a customer who joins the line at the same instant always see each other. The
two partial unique indexes hold even without that.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert

from runtime.domain.enums import HandoffState
from runtime.domain.handoff import END_REASONS, LINE_LIMIT, SILENCE, HandoffEvent, advance
from runtime.domain.ids import ConversationId, HandoffId, OrganizationId, StaffId
from runtime.store.database import UnitOfWork, rows_of
from runtime.store.tables import handoffs


class Human(msgspec.Struct, frozen=True):
    """Somebody who may take customers: owner first, then admins, in the business's order."""

    staff_id: StaffId
    name: str
    busy: bool


_HUMANS = text(
    """
    select s.id as staff_id, s.name,
      exists (select from handoffs h where h.organization_id = s.organization_id and h.staff_id = s.id
        and h.state = 'active') as busy
    from staff s
    where s.organization_id = :organization_id and s.active and s.role in ('owner', 'admin')
    order by s.role, s.position, s.id
    """
)

_LOCK_HUMANS = text(
    """
    select id from staff where organization_id = :organization_id and active and role in ('owner', 'admin')
    order by id for no key update
    """
)


async def lock_humans(uow: UnitOfWork, organization_id: OrganizationId) -> list[Human]:
    """Everybody who may take a customer, locked until the transaction ends."""
    await uow.run(_LOCK_HUMANS, {"organization_id": organization_id})
    return rows_of(Human, await uow.run(_HUMANS, {"organization_id": organization_id}))


class Handoff(msgspec.Struct, frozen=True):
    """An open handoff and the two people in it."""

    id: HandoffId
    state: HandoffState
    conversation_id: ConversationId
    reason: str
    customer_name: str | None
    staff_id: StaffId | None
    staff_name: str | None
    staff_key: str | None
    staff_address: str | None
    requested_at: datetime
    due_at: datetime | None


_OPEN = """
    select h.id, h.state, h.conversation_id, h.reason, coalesce(cu.name, p.profile_name) as customer_name,
      h.staff_id, s.name as staff_name, a.key as staff_key, a.raw as staff_address, h.requested_at, h.due_at
    from handoffs h
    join conversations c on c.organization_id = h.organization_id and c.id = h.conversation_id
    left join people p on p.organization_id = c.organization_id and p.id = c.person_id
    left join customers cu on cu.organization_id = c.organization_id and cu.person_id = c.person_id
    left join staff s on s.organization_id = h.organization_id and s.id = h.staff_id
    left join lateral (select key, raw from addresses a where a.organization_id = s.organization_id
      and a.person_id = s.person_id order by key limit 1) a on true
    where h.organization_id = :organization_id and h.state in ('waiting', 'active')
"""
_BY_ID = text(_OPEN + " and h.id = :id for no key update of h")
_BY_CONVERSATION = text(_OPEN + " and h.conversation_id = :id for no key update of h")
_FIRST_IN_LINE = text(_OPEN + " and h.state = 'waiting' order by h.requested_at, h.id limit 1 for no key update of h")
_IN_LINE_BEFORE = text(
    """
    select count(*) from handoffs h, handoffs mine
    where mine.organization_id = :organization_id and mine.id = :id
      and h.organization_id = mine.organization_id and h.state = 'waiting'
      and (h.requested_at, h.id) <= (mine.requested_at, mine.id)
    """
)


async def load_open(uow: UnitOfWork, organization_id: OrganizationId, handoff_id: HandoffId) -> Handoff | None:
    """An open handoff by id, locked; None when it has ended."""
    found = rows_of(Handoff, await uow.run(_BY_ID, {"organization_id": organization_id, "id": handoff_id}))
    return found[0] if found else None


async def load_of_conversation(
    uow: UnitOfWork, organization_id: OrganizationId, conversation_id: ConversationId
) -> Handoff | None:
    """The open handoff of a customer's conversation, locked, or None."""
    parameters = {"organization_id": organization_id, "id": conversation_id}
    found = rows_of(Handoff, await uow.run(_BY_CONVERSATION, parameters))
    return found[0] if found else None


async def first_in_line(uow: UnitOfWork, organization_id: OrganizationId) -> Handoff | None:
    """Who has waited longest, locked, or None."""
    found = rows_of(Handoff, await uow.run(_FIRST_IN_LINE, {"organization_id": organization_id}))
    return found[0] if found else None


async def place_in_line(uow: UnitOfWork, organization_id: OrganizationId, handoff_id: HandoffId) -> int:
    """1 for whoever is next."""
    result = await uow.run(_IN_LINE_BEFORE, {"organization_id": organization_id, "id": handoff_id})
    return int(result.scalar_one())


class NewHandoff(msgspec.Struct, frozen=True):
    """A request for a person, connected at once when `staff_id` is given."""

    id: HandoffId
    conversation_id: ConversationId
    staff_id: StaffId | None
    reason: str
    at: datetime


async def add(uow: UnitOfWork, organization_id: OrganizationId, new: NewHandoff) -> None:
    """Store a request. The unique indexes refuse a second one of this conversation or human."""
    connected = new.staff_id is not None
    await uow.run(
        insert(handoffs).values(
            organization_id=organization_id,
            id=new.id,
            conversation_id=new.conversation_id,
            staff_id=new.staff_id,
            state=HandoffState.ACTIVE if connected else HandoffState.WAITING,
            reason=new.reason,
            requested_at=new.at,
            connected_at=new.at if connected else None,
            last_human_at=new.at if connected else None,
            due_at=new.at + (SILENCE if connected else LINE_LIMIT),
        )
    )


async def connect(
    uow: UnitOfWork, organization_id: OrganizationId, waiting: Handoff, staff_id: StaffId, *, now: datetime
) -> None:
    """Give the customer at the head of the line to a human who is free."""
    await _move(
        uow,
        organization_id,
        waiting,
        HandoffEvent.CONNECT,
        {"staff_id": staff_id, "connected_at": now, "last_human_at": now, "due_at": now + SILENCE},
    )


async def end(
    uow: UnitOfWork, organization_id: OrganizationId, handoff: Handoff, event: HandoffEvent, *, now: datetime
) -> None:
    """Close a handoff for the reason the event names."""
    changes: dict[str, object] = {"ended_at": now, "end_reason": END_REASONS[event], "due_at": None}
    await _move(uow, organization_id, handoff, event, changes)


async def _move(
    uow: UnitOfWork,
    organization_id: OrganizationId,
    handoff: Handoff,
    event: HandoffEvent,
    changes: dict[str, object],
) -> None:
    result = await uow.run(
        update(handoffs)
        .where(
            handoffs.c.organization_id == organization_id,
            handoffs.c.id == handoff.id,
            handoffs.c.state == handoff.state,
        )
        .values(state=advance(handoff.state, event), **changes)
    )
    assert result.rowcount == 1, "the row was locked when it was read"


async def note_human_word(
    uow: UnitOfWork, organization_id: OrganizationId, handoff_id: HandoffId, *, now: datetime
) -> None:
    """The human said something: the silence is counted from here."""
    await uow.run(
        update(handoffs)
        .where(handoffs.c.organization_id == organization_id, handoffs.c.id == handoff_id)
        .values(last_human_at=now, due_at=now + SILENCE)
    )


_DUE = text(
    """
    select organization_id, id from handoffs where due_at <= :now and state = 'active' order by due_at, id limit :most
    """
)


class DueHandoff(msgspec.Struct, frozen=True):
    """A handoff whose human has been silent for too long."""

    organization_id: OrganizationId
    id: HandoffId


async def find_silent(uow: UnitOfWork, *, now: datetime, most: int) -> list[DueHandoff]:
    """Active handoffs past their due time, over all tenants (a platform job)."""
    return rows_of(DueHandoff, await uow.run(_DUE, {"now": now, "most": most}))
