"""Conversations as they were, with the business they took place in, for whoever takes them out of the database.

`parlo export-transcripts` reads them through the platform's unit of work and redacts all of it before anything is
written. Nothing is changed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import text

from runtime.domain.enums import AppointmentStatus, OrganizationStatus, StaffRole
from runtime.domain.ids import PLATFORM, ConversationId, OrganizationId
from runtime.store.database import UnitOfWork, rows_of

T = TypeVar("T")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which conversations: of these businesses (id or name), of these ids, with messages in this time. Empty is all."""

    organizations: tuple[str, ...] = ()
    conversations: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None


class FoundConversation(msgspec.Struct, frozen=True):
    """A customer's conversation with a business; `channel` is our number in it."""

    organization_id: OrganizationId
    id: ConversationId
    person_id: UUID | None
    channel: str
    their_key: str
    their_address: str


class OrganizationRow(msgspec.Struct, frozen=True):
    """A business."""

    name: str
    status: OrganizationStatus
    timezone: str


class LocationRow(msgspec.Struct, frozen=True):
    """A place of it."""

    id: UUID
    name: str
    address: str


class HoursRow(msgspec.Struct, frozen=True):
    """A range in which a place is open or a member of staff works; local minutes after midnight."""

    owner_id: UUID
    weekday: int
    opens_minute: int
    closes_minute: int


class ClosureRow(msgspec.Struct, frozen=True):
    """A time a place is closed (`owner_id`), or a member of staff is away."""

    owner_id: UUID
    starts_at: datetime
    ends_at: datetime
    reason: str


class ServiceRow(msgspec.Struct, frozen=True):
    """Something that can be booked, with who does it and where, by id and by name."""

    id: UUID
    name: str
    minutes: int
    buffer_minutes: int
    price_cents: int
    staff: list[UUID]
    spots: list[str]


class StaffRow(msgspec.Struct, frozen=True):
    """Somebody who works there."""

    id: UUID
    person_id: UUID
    name: str
    role: StaffRole
    active: bool
    first_message_at: datetime | None
    address: str | None


class CustomerRow(msgspec.Struct, frozen=True):
    """Somebody the business knows."""

    person_id: UUID
    name: str | None
    created_at: datetime
    opted_out_at: datetime | None
    address: str | None


class AppointmentRow(msgspec.Struct, frozen=True):
    """An appointment as it is now."""

    person_id: UUID
    service_id: UUID
    staff_id: UUID
    spot: str | None
    starts_at: datetime
    status: AppointmentStatus
    created_at: datetime
    changed_at: datetime


class BusinessRows(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about a business that a world needs, and every name and address that must not leave with it."""

    organization: OrganizationRow
    locations: list[LocationRow]
    location_hours: list[HoursRow]
    closures: list[ClosureRow]
    spots: list[str]
    services: list[ServiceRow]
    staff: list[StaffRow]
    staff_hours: list[HoursRow]
    blocks: list[ClosureRow]
    customers: list[CustomerRow]
    appointments: list[AppointmentRow]
    profiles: list[str]
    addresses: list[str]


class InboundRow(msgspec.Struct, frozen=True):
    """A message that came in; `staff_id` where a human of a handoff wrote it."""

    at: datetime
    payload: dict[str, str]
    route: str | None
    turn_id: UUID | None
    staff_id: UUID | None


class SentRow(msgspec.Struct, frozen=True):
    """A message that was sent to the customer."""

    at: datetime
    body: str


class ToolRow(msgspec.Struct, frozen=True):
    """A call of a tool."""

    at: datetime
    name: str
    request: dict[str, Any] | None
    response: dict[str, Any]


class TimelineRows(msgspec.Struct, frozen=True):
    """What happened in a conversation, each list in order of time."""

    inbound: list[InboundRow]
    sent: list[SentRow]
    tools: list[ToolRow]
    handoffs: int


_FIND = text(
    """
    select c.organization_id, c.id, c.person_id, ch.address as channel, c.their_key, c.their_address
    from conversations c
    join channels ch on ch.organization_id = c.organization_id and ch.id = c.channel_id and ch.kind = 'business'
    join organizations o on o.organization_id = c.organization_id
    join lateral (
      select max(i.received_at) as last_at from inbox i
      where i.organization_id = c.organization_id and i.conversation_id = c.id
        and (cast(:since as timestamptz) is null or i.received_at >= :since)
        and (cast(:until as timestamptz) is null or i.received_at < :until)
    ) heard on heard.last_at is not null
    where (cast(:organizations as text[]) is null
        or cast(o.organization_id as text) = any(cast(:organizations as text[]))
        or lower(o.name) = any(cast(:organizations as text[])))
      and (cast(:conversations as text[]) is null or cast(c.id as text) = any(cast(:conversations as text[])))
      and not exists (select from staff s where s.organization_id = c.organization_id and s.person_id = c.person_id)
    order by heard.last_at desc, c.id limit cast(:most as bigint)
    """
)


async def find_conversations(uow: UnitOfWork, wanted: Wanted) -> list[FoundConversation]:
    """Customers' conversations, the latest first."""
    given = {
        "since": wanted.since,
        "until": wanted.until,
        "organizations": [each.lower() for each in wanted.organizations] or None,
        "conversations": [each.lower() for each in wanted.conversations] or None,
        "most": wanted.limit,
    }
    return rows_of(FoundConversation, await uow.run(_FIND, given))


_ORGANIZATION = text("select name, status, timezone from organizations where organization_id = :organization_id")
_LOCATIONS = text(
    "select id, name, address from locations where organization_id = :organization_id order by position, id"
)
_LOCATION_HOURS = text(
    """
    select location_id as owner_id, weekday, opens_minute, closes_minute from location_hours
    where organization_id = :organization_id order by location_id, weekday, opens_minute
    """
)
_CLOSURES = text(
    """
    select location_id as owner_id, starts_at, ends_at, reason from location_closures
    where organization_id = :organization_id order by starts_at, id
    """
)
_SPOTS = text("select name from spots where organization_id = :organization_id order by position, id")
_SERVICES = text(
    """
    select s.id, s.name, s.minutes, s.buffer_minutes, s.price_cents,
      array(select ss.staff_id from service_staff ss join staff st
        on st.organization_id = ss.organization_id and st.id = ss.staff_id
        where ss.organization_id = s.organization_id and ss.service_id = s.id order by st.position, st.id) as staff,
      array(select sp.name from service_spots ss join spots sp
        on sp.organization_id = ss.organization_id and sp.id = ss.spot_id
        where ss.organization_id = s.organization_id and ss.service_id = s.id order by sp.position, sp.id) as spots
    from services s where s.organization_id = :organization_id and s.active order by s.position, s.id
    """
)
_STAFF = text(
    """
    select s.id, s.person_id, s.name, s.role, s.active, s.first_message_at,
      (select a.key from addresses a where a.organization_id = s.organization_id and a.person_id = s.person_id
       order by a.key limit 1) as address
    from staff s where s.organization_id = :organization_id order by s.position, s.id
    """
)
_STAFF_HOURS = text(
    """
    select staff_id as owner_id, weekday, opens_minute, closes_minute from staff_hours
    where organization_id = :organization_id order by staff_id, weekday, opens_minute
    """
)
_BLOCKS = text(
    """
    select staff_id as owner_id, starts_at, ends_at, reason from staff_blocks
    where organization_id = :organization_id order by starts_at, id
    """
)
_CUSTOMERS = text(
    """
    select c.person_id, c.name, c.created_at, p.opted_out_at,
      (select a.key from addresses a where a.organization_id = c.organization_id and a.person_id = c.person_id
       order by a.key limit 1) as address
    from customers c join people p on p.organization_id = c.organization_id and p.id = c.person_id
    where c.organization_id = :organization_id order by c.created_at, c.id
    """
)
_APPOINTMENTS = text(
    """
    select c.person_id, a.service_id, a.staff_id, sp.name as spot, a.starts_at, a.status, a.created_at, a.changed_at
    from appointments a
    join customers c on c.organization_id = a.organization_id and c.id = a.customer_id
    left join spots sp on sp.organization_id = a.organization_id and sp.id = a.spot_id
    where a.organization_id = :organization_id order by a.starts_at, a.id
    """
)
_PROFILES = text(
    """
    select distinct name from (
      select profile_name as name from people where organization_id = :organization_id
      union select payload ->> 'ProfileName' from inbox where organization_id = :organization_id) q
    where name is not null order by name
    """
)
_ADDRESSES = text(
    """
    select address from (
      select key as address from addresses where organization_id = :organization_id
      union select their_key from conversations where organization_id = :organization_id
      union select address from channels where organization_id = :organization_id) q
    where address <> '' order by address
    """
)


async def read_business(uow: UnitOfWork, organization_id: OrganizationId) -> BusinessRows:
    """A business with everybody it knows."""

    async def read(kind: type[T], statement: Any) -> list[T]:
        return rows_of(kind, await uow.run(statement, {"organization_id": organization_id}))

    async def read_texts(statement: Any) -> list[str]:
        return [str(row[0]) for row in await uow.run(statement, {"organization_id": organization_id})]

    return BusinessRows(
        organization=(await read(OrganizationRow, _ORGANIZATION))[0],
        locations=await read(LocationRow, _LOCATIONS),
        location_hours=await read(HoursRow, _LOCATION_HOURS),
        closures=await read(ClosureRow, _CLOSURES),
        spots=await read_texts(_SPOTS),
        services=await read(ServiceRow, _SERVICES),
        staff=await read(StaffRow, _STAFF),
        staff_hours=await read(HoursRow, _STAFF_HOURS),
        blocks=await read(ClosureRow, _BLOCKS),
        customers=await read(CustomerRow, _CUSTOMERS),
        appointments=await read(AppointmentRow, _APPOINTMENTS),
        profiles=await read_texts(_PROFILES),
        addresses=await read_texts(_ADDRESSES),
    )


_CENTRAL = text(
    "select address from channels where organization_id = :platform and kind = 'central' order by id limit 1"
)


async def read_central_number(uow: UnitOfWork) -> str | None:
    """Parlo's own number, where it is written down."""
    found = list(await uow.run(_CENTRAL, {"platform": PLATFORM}))
    return str(found[0][0]) if found else None


_INBOUND = text(
    """
    select i.received_at as at, i.payload, i.route, i.turn_id, cast(null as uuid) as staff_id, i.id
    from inbox i where i.organization_id = :organization_id and i.conversation_id = :conversation_id
      and (cast(:since as timestamptz) is null or i.received_at >= :since)
      and (cast(:until as timestamptz) is null or i.received_at < :until)
    union
    select i.received_at, i.payload, i.route, i.turn_id, s.id, i.id
    from handoffs h
    join staff s on s.organization_id = h.organization_id and (s.id = h.staff_id or exists (
      select from handoff_offers f
      where f.organization_id = h.organization_id and f.handoff_id = h.id and f.staff_id = s.id))
    join conversations c on c.organization_id = s.organization_id and c.person_id = s.person_id
    join channels ch on ch.organization_id = c.organization_id and ch.id = c.channel_id and ch.kind = 'business'
    join inbox i on i.organization_id = c.organization_id and i.conversation_id = c.id
      and i.received_at >= h.requested_at and (h.ended_at is null or i.received_at <= h.ended_at)
    where h.organization_id = :organization_id and h.conversation_id = :conversation_id
      and (cast(:since as timestamptz) is null or i.received_at >= :since)
      and (cast(:until as timestamptz) is null or i.received_at < :until)
    order by 1, 6
    """
)
_SENT = text(
    """
    select coalesce(submitted_at, created_at) as at, body from outbox
    where organization_id = :organization_id and conversation_id = :conversation_id
      and state not in ('queued', 'failed') and body <> ''
      and (cast(:since as timestamptz) is null or created_at >= :since)
      and (cast(:until as timestamptz) is null or created_at < :until)
    order by 1, id
    """
)
_TOOLS = text(
    """
    select s.at, s.name, s.request, s.response
    from steps s join turns t on t.organization_id = s.organization_id and t.id = s.turn_id
    where t.organization_id = :organization_id and t.conversation_id = :conversation_id and s.kind = 'tool'
      and (cast(:since as timestamptz) is null or s.at >= :since)
      and (cast(:until as timestamptz) is null or s.at < :until)
    order by s.at, s.turn_id, s.number
    """
)
_HANDOFFS = text(
    """
    select count(*) from handoffs
    where organization_id = :organization_id and conversation_id = :conversation_id
      and (cast(:since as timestamptz) is null or requested_at >= :since)
      and (cast(:until as timestamptz) is null or requested_at < :until)
    """
)


async def read_timeline(uow: UnitOfWork, found: FoundConversation, wanted: Wanted) -> TimelineRows:
    """What was said and done in a conversation, and by the humans of its handoffs meanwhile."""
    given: Sequence[tuple[str, object]] = (
        ("organization_id", found.organization_id),
        ("conversation_id", found.id),
        ("since", wanted.since),
        ("until", wanted.until),
    )
    parameters = dict(given)
    return TimelineRows(
        inbound=rows_of(InboundRow, await uow.run(_INBOUND, parameters)),
        sent=rows_of(SentRow, await uow.run(_SENT, parameters)),
        tools=rows_of(ToolRow, await uow.run(_TOOLS, parameters)),
        handoffs=int(next(iter(await uow.run(_HANDOFFS, parameters)))[0]),
    )
