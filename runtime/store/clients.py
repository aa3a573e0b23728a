"""Customers and appointments as staff speak of them: by a name, a number or a time, and changed by the business."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text, update

from runtime.domain.enums import AppointmentStatus
from runtime.domain.ids import (
    AppointmentId,
    ConversationId,
    CustomerId,
    OrganizationId,
    PersonId,
    ServiceId,
    StaffId,
)
from runtime.store.conversations import conversation_id_of
from runtime.store.database import UnitOfWork, rows_of
from runtime.store.tables import appointments


class Client(msgspec.Struct, frozen=True):
    """Somebody who is or may become a customer; `key` is how they are reached, None for whoever only came by."""

    person_id: PersonId
    name: str | None
    key: str | None
    opted_out: bool


_CLIENTS = text(
    """
    select p.id as person_id, coalesce(cu.name, p.profile_name) as name, a.key, p.opted_out_at is not null as opted_out
    from people p
    left join customers cu on cu.organization_id = p.organization_id and cu.person_id = p.id
    left join lateral (select key from addresses a where a.organization_id = p.organization_id and a.person_id = p.id
      order by key limit 1) a on true
    where p.organization_id = :organization_id and not exists (
      select from staff s where s.organization_id = p.organization_id and s.person_id = p.id and s.active)
    order by p.created_at desc, p.id limit :most
    """
)


async def list_clients(uow: UnitOfWork, organization_id: OrganizationId, *, most: int = 5000) -> list[Client]:
    """Everybody who is not staff, the newest first."""
    return rows_of(Client, await uow.run(_CLIENTS, {"organization_id": organization_id, "most": most}))


class Known(msgspec.Struct, frozen=True):
    """Somebody whose number the business has; `member` is their name where they work there."""

    person_id: PersonId
    name: str | None
    key: str
    opted_out: bool
    member: str | None

    @property
    def client(self) -> Client:
        """As a customer."""
        return Client(self.person_id, self.name, self.key, self.opted_out)


_BY_KEY = text(
    """
    select p.id as person_id, coalesce(cu.name, p.profile_name) as name, a.key,
      p.opted_out_at is not null as opted_out, s.name as member
    from addresses a
    join people p on p.organization_id = a.organization_id and p.id = a.person_id
    left join customers cu on cu.organization_id = p.organization_id and cu.person_id = p.id
    left join staff s on s.organization_id = p.organization_id and s.person_id = p.id and s.active
    where a.organization_id = :organization_id and a.key = :key
    """
)


async def find_by_key(uow: UnitOfWork, organization_id: OrganizationId, key: str) -> Known | None:
    """Whoever has this number, staff too."""
    found = rows_of(Known, await uow.run(_BY_KEY, {"organization_id": organization_id, "key": key}))
    return found[0] if found else None


_ADD_PERSON = text(
    """
    with born as (
      insert into people (organization_id, id, profile_name, created_at)
      values (:organization_id, :id, null, :now) returning id
    )
    insert into addresses (organization_id, key, person_id, raw)
    select :organization_id, :key ::text, id, :raw ::text from born where :key ::text is not null
    """
)


async def add_person(
    uow: UnitOfWork, organization_id: OrganizationId, person_id: PersonId, *, key: str | None, now: datetime
) -> None:
    """Somebody the business knows from now on, by a number or without one."""
    raw = None if key is None else f"whatsapp:{key}"
    parameters = {"organization_id": organization_id, "id": person_id, "key": key, "raw": raw, "now": now}
    await uow.run(_ADD_PERSON, parameters)


class Reach(msgspec.Struct, frozen=True):
    """The way from the business's number to a person."""

    channel_id: UUID
    our_key: str
    their_key: str
    their_address: str


_REACH = text(
    """
    select ch.id as channel_id, ch.address as our_key, a.key as their_key, coalesce(c.their_address, a.raw)
      as their_address
    from addresses a
    join lateral (select id, address from channels ch where ch.organization_id = a.organization_id
      and ch.kind = 'business' order by id limit 1) ch on true
    left join conversations c on c.organization_id = a.organization_id and c.our_key = ch.address
      and c.their_key = a.key
    where a.organization_id = :organization_id and a.person_id = :person_id
    order by c.last_inbound_at desc nulls last, a.key limit 1
    """
)
_ENSURE = text(
    """
    insert into conversations (organization_id, id, channel_id, person_id, our_key, our_address, their_key,
      their_address, created_at)
    values (:organization_id, :id, :channel_id, :person_id, :our_key, 'whatsapp:' || :our_key, :their_key,
      :their_address, :now)
    on conflict do nothing
    """
)


async def ensure_chat(
    uow: UnitOfWork, organization_id: OrganizationId, person_id: PersonId, *, now: datetime
) -> ConversationId | None:
    """The conversation between the business's number and a person, made on first use; None without a number."""
    found = rows_of(Reach, await uow.run(_REACH, {"organization_id": organization_id, "person_id": person_id}))
    if not found:
        return None
    reach = found[0]
    conversation_id = conversation_id_of(reach.our_key, reach.their_key)
    parameters = {
        "organization_id": organization_id,
        "id": conversation_id,
        "person_id": person_id,
        "now": now,
        **msgspec.structs.asdict(reach),
    }
    await uow.run(_ENSURE, parameters)
    return conversation_id


class Booking(msgspec.Struct, frozen=True):
    """An appointment with everything staff may name it by; cancelled ones are none."""

    id: AppointmentId
    service: str
    service_id: ServiceId
    staff: str
    staff_id: StaffId
    person_id: PersonId
    customer_id: CustomerId
    customer: str | None
    starts_at: datetime
    ends_at: datetime
    price_cents: int
    status: AppointmentStatus

    @property
    def is_open(self) -> bool:
        """It has not been held, missed or cancelled."""
        return self.status in (AppointmentStatus.PENDING, AppointmentStatus.CONFIRMED)


_BOOKINGS = text(
    """
    select a.id, s.name as service, s.id as service_id, st.name as staff, st.id as staff_id, cu.person_id,
      cu.id as customer_id, coalesce(cu.name, p.profile_name) as customer, a.starts_at, a.ends_at, a.price_cents,
      a.status
    from appointments a
    join services s on s.organization_id = a.organization_id and s.id = a.service_id
    join staff st on st.organization_id = a.organization_id and st.id = a.staff_id
    join customers cu on cu.organization_id = a.organization_id and cu.id = a.customer_id
    join people p on p.organization_id = cu.organization_id and p.id = cu.person_id
    where a.organization_id = :organization_id and a.status <> 'cancelled'
      and a.starts_at < :until and a.ends_at > :since
    order by a.starts_at, st.position, a.id
    """
)


async def list_bookings(
    uow: UnitOfWork, organization_id: OrganizationId, *, since: datetime, until: datetime
) -> list[Booking]:
    """Appointments that touch a stretch of time, in order."""
    parameters = {"organization_id": organization_id, "since": since, "until": until}
    return rows_of(Booking, await uow.run(_BOOKINGS, parameters))


async def set_status(
    uow: UnitOfWork,
    organization_id: OrganizationId,
    appointment_id: AppointmentId,
    change: tuple[Sequence[AppointmentStatus], AppointmentStatus],
    *,
    now: datetime,
) -> bool:
    """Give an appointment another status, if it has one of those named; False when it has not."""
    of, to = change
    result = await uow.run(
        update(appointments)
        .where(
            appointments.c.organization_id == organization_id,
            appointments.c.id == appointment_id,
            appointments.c.status.in_(list(of)),
        )
        .values(status=to, changed_at=now)
    )
    return result.rowcount == 1
