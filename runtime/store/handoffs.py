"""Handoff rows: who talks to whom, who waits, who was asked, and since when.

Every change of a handoff of one organization takes turns by locking its humans' rows, so that a person
who becomes free and a customer who joins the line at the same instant always see each other. The
two partial unique indexes hold even without that.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import TextClause, text, update
from sqlalchemy.dialects.postgresql import insert

from runtime.domain.enums import (
    HandoffEnd,
    HandoffOrigin,
    HandoffState,
    OfferOutcome,
    OrganizationStatus,
    StaffRole,
)
from runtime.domain.handoff import HandoffEvent, Plan, Times, advance, plan
from runtime.domain.ids import ConversationId, HandoffId, OrganizationId, PersonId, StaffId
from runtime.store.business import HoursRow
from runtime.store.database import UnitOfWork, rows_of
from runtime.store.tables import handoff_offers, handoffs


class Human(msgspec.Struct, frozen=True):
    """Somebody who may take customers: owner first, then admins, in the business's order.

    Attributes:
        serving_id: The customer's handoff they have, or are asked to take; None = free.
        hours: Their own hours, or the location's where they have none; empty means never.
    """

    staff_id: StaffId
    name: str
    role: StaffRole
    serving_id: HandoffId | None
    hours: list[HoursRow]

    @property
    def free(self) -> bool:
        """True when they neither have a customer nor are asked to take one."""
        return self.serving_id is None


_HUMANS = text(
    """
    select s.id as staff_id, s.name, s.role,
      (select h.id from handoffs h where h.organization_id = s.organization_id and h.staff_id = s.id
        and h.state in ('offered', 'active')) as serving_id,
      coalesce(
        (select jsonb_agg(jsonb_build_object('weekday', h.weekday, 'opens_minute', h.opens_minute,
            'closes_minute', h.closes_minute) order by h.weekday, h.opens_minute)
          from staff_hours h where h.organization_id = s.organization_id and h.staff_id = s.id),
        (select jsonb_agg(jsonb_build_object('weekday', h.weekday, 'opens_minute', h.opens_minute,
            'closes_minute', h.closes_minute) order by h.weekday, h.opens_minute)
          from location_hours h where h.organization_id = s.organization_id and h.location_id = (
            select id from locations l where l.organization_id = s.organization_id order by position, id limit 1)),
        '[]') as hours
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
    """Everybody who may take a customer, in the order they are asked, locked until the transaction ends."""
    await uow.run(_LOCK_HUMANS, {"organization_id": organization_id})
    return rows_of(Human, await uow.run(_HUMANS, {"organization_id": organization_id}))


class Handoff(msgspec.Struct, frozen=True):
    """A handoff and the two people in it, as it was read under a lock."""

    id: HandoffId
    state: HandoffState
    origin: HandoffOrigin
    conversation_id: ConversationId
    person_id: PersonId | None
    reason: str
    summary: str | None
    customer_name: str | None
    customer_key: str
    customer_opted_out: bool
    staff_id: StaffId | None
    staff_name: str | None
    requested_at: datetime
    offered_at: datetime | None
    connected_at: datetime | None
    first_answer_at: datetime | None
    last_human_at: datetime | None
    unanswered_since: datetime | None
    snoozed_until: datetime | None
    nudges: int
    reopened: int
    ended_at: datetime | None
    end_reason: HandoffEnd | None
    due_at: datetime | None

    @property
    def times(self) -> Times:
        """What the next step depends on."""
        return Times(
            state=self.state,
            requested_at=self.requested_at,
            offered_at=self.offered_at,
            last_human_at=self.last_human_at,
            unanswered_since=self.unanswered_since,
            snoozed_until=self.snoozed_until,
            nudges=self.nudges,
        )

    @property
    def plan(self) -> Plan | None:
        """What happens next if nobody says anything."""
        return plan(self.times)


_SELECT = """
    select h.id, h.state, h.origin, h.conversation_id, c.person_id, h.reason, h.summary,
      coalesce(cu.name, p.profile_name) as customer_name, c.their_key as customer_key,
      p.opted_out_at is not null as customer_opted_out,
      h.staff_id, s.name as staff_name, h.requested_at, h.offered_at, h.connected_at, h.first_answer_at,
      h.last_human_at, h.unanswered_since, h.snoozed_until, h.nudges, h.reopened, h.ended_at, h.end_reason, h.due_at
    from handoffs h
    join conversations c on c.organization_id = h.organization_id and c.id = h.conversation_id
    left join people p on p.organization_id = c.organization_id and p.id = c.person_id
    left join customers cu on cu.organization_id = c.organization_id and cu.person_id = c.person_id
    left join staff s on s.organization_id = h.organization_id and s.id = h.staff_id
    where h.organization_id = :organization_id
"""
_BY_ID = text(_SELECT + " and h.id = :id for no key update of h")
_BY_CONVERSATION = text(_SELECT + " and h.conversation_id = :id and h.state <> 'ended' for no key update of h")
_BY_HUMAN = text(_SELECT + " and h.staff_id = :id and h.state in ('offered', 'active') for no key update of h")
_ENDED_BY_HUMAN = text(
    _SELECT
    + " and h.staff_id = :id and h.state = 'ended' and h.end_reason = 'human' order by h.ended_at desc, h.id desc"
    + " limit 1 for no key update of h"
)
_LINE = text(_SELECT + " and h.state = 'waiting' order by h.requested_at, h.id for no key update of h")
_OPEN = text(_SELECT + " and h.state <> 'ended' order by h.requested_at, h.id for no key update of h")
_IN_LINE_BEFORE = text(
    """
    select count(*) from handoffs h, handoffs mine
    where mine.organization_id = :organization_id and mine.id = :id
      and h.organization_id = mine.organization_id and h.state = 'waiting'
      and (h.requested_at, h.id) <= (mine.requested_at, mine.id)
    """
)


async def load(uow: UnitOfWork, organization_id: OrganizationId, handoff_id: HandoffId) -> Handoff | None:
    """A handoff by id, whatever its state, locked."""
    return await _load_one(uow, _BY_ID, organization_id, handoff_id)


async def load_open(uow: UnitOfWork, organization_id: OrganizationId, handoff_id: HandoffId) -> Handoff | None:
    """An open handoff by id, locked; None when it has ended."""
    found = await load(uow, organization_id, handoff_id)
    return found if found is not None and found.state is not HandoffState.ENDED else None


async def load_of_conversation(
    uow: UnitOfWork, organization_id: OrganizationId, conversation_id: ConversationId
) -> Handoff | None:
    """The open handoff of a customer's conversation, locked, or None."""
    return await _load_one(uow, _BY_CONVERSATION, organization_id, conversation_id)


async def load_of_human(uow: UnitOfWork, organization_id: OrganizationId, staff_id: StaffId) -> Handoff | None:
    """What this human has or is asked to take, locked, or None."""
    return await _load_one(uow, _BY_HUMAN, organization_id, staff_id)


async def load_last_ended(uow: UnitOfWork, organization_id: OrganizationId, staff_id: StaffId) -> Handoff | None:
    """The handoff this human ended last with a word of theirs, locked, or None."""
    return await _load_one(uow, _ENDED_BY_HUMAN, organization_id, staff_id)


async def load_line(uow: UnitOfWork, organization_id: OrganizationId) -> list[Handoff]:
    """Everybody in line, who has waited longest first, locked."""
    return rows_of(Handoff, await uow.run(_LINE, {"organization_id": organization_id}))


async def load_all_open(uow: UnitOfWork, organization_id: OrganizationId) -> list[Handoff]:
    """Every handoff that is not over, the oldest first, locked."""
    return rows_of(Handoff, await uow.run(_OPEN, {"organization_id": organization_id}))


async def _load_one(
    uow: UnitOfWork, query: TextClause, organization_id: OrganizationId, wanted: UUID
) -> Handoff | None:
    found = rows_of(Handoff, await uow.run(query, {"organization_id": organization_id, "id": wanted}))
    return found[0] if found else None


async def place_in_line(uow: UnitOfWork, organization_id: OrganizationId, handoff_id: HandoffId) -> int:
    """1 for whoever is next."""
    result = await uow.run(_IN_LINE_BEFORE, {"organization_id": organization_id, "id": handoff_id})
    return int(result.scalar_one())


_LINE_END = text(
    "select max(requested_at) from handoffs where organization_id = :organization_id and state = 'waiting'"
)


async def find_end_of_line(uow: UnitOfWork, organization_id: OrganizationId) -> datetime | None:
    """The moment that stands for the last in line; None while nobody waits."""
    found: datetime | None = (await uow.run(_LINE_END, {"organization_id": organization_id})).scalar_one()
    return found


class NewHandoff(msgspec.Struct, frozen=True):
    """A conversation that is to have a person, before anybody was asked."""

    id: HandoffId
    conversation_id: ConversationId
    origin: HandoffOrigin
    reason: str
    summary: str | None
    at: datetime


async def add(uow: UnitOfWork, organization_id: OrganizationId, new: NewHandoff) -> Handoff:
    """Store a request. The unique index refuses a second open one of this conversation."""
    await uow.run(
        insert(handoffs).values(
            organization_id=organization_id,
            id=new.id,
            conversation_id=new.conversation_id,
            origin=new.origin,
            state=HandoffState.REQUESTED,
            reason=new.reason,
            summary=new.summary,
            requested_at=new.at,
            # the customer's asking is itself a word that waits for an answer
            unanswered_since=new.at if new.origin is HandoffOrigin.CUSTOMER else None,
        )
    )
    added = await load(uow, organization_id, new.id)
    assert added is not None
    return added


async def move(
    uow: UnitOfWork,
    organization_id: OrganizationId,
    handoff: Handoff,
    event: HandoffEvent,
    changes: Mapping[str, object],
) -> Handoff:
    """Take one step of the table, with what changes beside the state, and plan the next.

    Raises:
        IllegalTransition: The table has no such step.
    """
    return await _write(uow, organization_id, handoff, {"state": advance(handoff.state, event), **changes})


async def note(
    uow: UnitOfWork, organization_id: OrganizationId, handoff: Handoff, changes: Mapping[str, object]
) -> Handoff:
    """Write down times without a step, and plan anew."""
    return await _write(uow, organization_id, handoff, changes)


async def _write(
    uow: UnitOfWork, organization_id: OrganizationId, handoff: Handoff, changes: Mapping[str, object]
) -> Handoff:
    written = msgspec.structs.replace(handoff, **changes)
    following = written.plan
    due_at = following.at if following is not None else None
    result = await uow.run(
        update(handoffs)
        .where(
            handoffs.c.organization_id == organization_id,
            handoffs.c.id == handoff.id,
            handoffs.c.state == handoff.state,
        )
        .values(due_at=due_at, **{name: value for name, value in changes.items() if name in handoffs.c})
    )
    assert result.rowcount == 1, "the row was locked when it was read"
    return msgspec.structs.replace(written, due_at=due_at)


# Who was asked ------------------------------------------------------------------------------------

_TRIED = text(
    """
    select staff_id, outcome from handoff_offers
    where organization_id = :organization_id and handoff_id = :handoff_id order by number
    """
)
_ADD_OFFER = text(
    """
    insert into handoff_offers (organization_id, handoff_id, number, staff_id, offered_at)
    select :organization_id, :handoff_id, coalesce(max(number), 0) + 1, :staff_id, :now from handoff_offers
    where organization_id = :organization_id and handoff_id = :handoff_id
    returning number
    """
)


async def load_outcomes(
    uow: UnitOfWork, organization_id: OrganizationId, handoff_id: HandoffId
) -> dict[StaffId, OfferOutcome | None]:
    """What came of asking each human so far, the latest time they were asked."""
    result = await uow.run(_TRIED, {"organization_id": organization_id, "handoff_id": handoff_id})
    return {StaffId(row.staff_id): OfferOutcome(row.outcome) if row.outcome else None for row in result}


async def add_offer(
    uow: UnitOfWork, organization_id: OrganizationId, handoff_id: HandoffId, staff_id: StaffId, *, now: datetime
) -> int:
    """Write down that a human is asked; the how-manieth time of this handoff that is, from 1."""
    parameters = {"organization_id": organization_id, "handoff_id": handoff_id, "staff_id": staff_id, "now": now}
    return int((await uow.run(_ADD_OFFER, parameters)).scalar_one())


async def settle_offer(
    uow: UnitOfWork, organization_id: OrganizationId, handoff_id: HandoffId, outcome: OfferOutcome, *, now: datetime
) -> None:
    """Write down what came of the open offer, if there is one."""
    await uow.run(
        update(handoff_offers)
        .where(
            handoff_offers.c.organization_id == organization_id,
            handoff_offers.c.handoff_id == handoff_id,
            handoff_offers.c.outcome.is_(None),
        )
        .values(outcome=outcome, settled_at=now)
    )


# What is due --------------------------------------------------------------------------------------

_DUE = text(
    """
    select h.organization_id, h.id, o.status, o.name as business, o.timezone
    from handoffs h join organizations o using (organization_id)
    where h.due_at <= :now order by h.due_at, h.id limit :most
    """
)


class DueHandoff(msgspec.Struct, frozen=True):
    """A handoff whose time has come, and its business."""

    organization_id: OrganizationId
    id: HandoffId
    status: OrganizationStatus
    business: str
    timezone: str


async def find_due(uow: UnitOfWork, *, now: datetime, most: int) -> list[DueHandoff]:
    """Handoffs past their due time, over all tenants (a platform job)."""
    return rows_of(DueHandoff, await uow.run(_DUE, {"now": now, "most": most}))
