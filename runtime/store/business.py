"""What a business offers and when it is free: read models for prompts and tools."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import text

from runtime.domain.availability import Busy
from runtime.domain.enums import FlowKind, FlowState, StaffRole
from runtime.domain.ids import (
    AppointmentId,
    ConversationId,
    CustomerId,
    LocationId,
    OrganizationId,
    PersonId,
    ServiceId,
    SpotId,
    StaffId,
)
from runtime.domain.schedule_hours import TimeRange, WeekHours
from runtime.store.database import UnitOfWork, rows_of


class HoursRow(msgspec.Struct, frozen=True):
    """One opening range of a weekday, Monday 0."""

    weekday: int
    opens_minute: int
    closes_minute: int


class ServiceRow(msgspec.Struct, frozen=True):
    """A service on offer, who does it and where."""

    id: ServiceId
    name: str
    minutes: int
    buffer_minutes: int
    price_cents: int
    staff_ids: list[StaffId]
    spot_ids: list[SpotId]


class StaffRow(msgspec.Struct, frozen=True):
    """A member of staff; no hours of their own means the location's."""

    id: StaffId
    name: str
    role: StaffRole
    hours: list[HoursRow]


class Business(msgspec.Struct, frozen=True):
    """A business at its first location, with everything a prompt or a booking needs to know of it."""

    name: str
    timezone: str
    location_id: LocationId | None
    address: str | None
    hours: list[HoursRow]
    services: list[ServiceRow]
    staff: list[StaffRow]

    @property
    def week_hours(self) -> WeekHours:
        """The location's hours."""
        return week_hours(self.hours)


def week_hours(rows: Sequence[HoursRow]) -> WeekHours:
    """Rows of hours as a week."""
    days = tuple(
        tuple(sorted(TimeRange(row.opens_minute, row.closes_minute) for row in rows if row.weekday == weekday))
        for weekday in range(7)
    )
    return WeekHours(days)


_BUSINESS = text(
    """
    select o.name, o.timezone, l.id as location_id, l.address,
      coalesce((select jsonb_agg(jsonb_build_object('weekday', h.weekday, 'opens_minute', h.opens_minute,
          'closes_minute', h.closes_minute) order by h.weekday, h.opens_minute)
        from location_hours h where h.organization_id = o.organization_id and h.location_id = l.id), '[]') as hours,
      coalesce((select jsonb_agg(jsonb_build_object('id', s.id, 'name', s.name, 'minutes', s.minutes,
          'buffer_minutes', s.buffer_minutes, 'price_cents', s.price_cents,
          'staff_ids', coalesce((select jsonb_agg(ss.staff_id order by st.position, st.id)
            from service_staff ss join staff st on st.organization_id = ss.organization_id and st.id = ss.staff_id
            where ss.organization_id = s.organization_id and ss.service_id = s.id and st.active), '[]'),
          'spot_ids', coalesce((select jsonb_agg(sp.spot_id order by p.position, p.id)
            from service_spots sp join spots p on p.organization_id = sp.organization_id and p.id = sp.spot_id
            where sp.organization_id = s.organization_id and sp.service_id = s.id), '[]'))
          order by s.position, s.id)
        from services s where s.organization_id = o.organization_id and s.active), '[]') as services,
      coalesce((select jsonb_agg(jsonb_build_object('id', s.id, 'name', s.name, 'role', s.role,
          'hours', coalesce((select jsonb_agg(jsonb_build_object('weekday', h.weekday,
              'opens_minute', h.opens_minute, 'closes_minute', h.closes_minute) order by h.weekday, h.opens_minute)
            from staff_hours h where h.organization_id = s.organization_id and h.staff_id = s.id), '[]'))
          order by s.position, s.id)
        from staff s where s.organization_id = o.organization_id and s.active), '[]') as staff
    from organizations o
    left join lateral (select id, address from locations l where l.organization_id = o.organization_id
      order by position, id limit 1) l on true
    where o.organization_id = :organization_id
    """
)


async def load_business(uow: UnitOfWork, organization_id: OrganizationId) -> Business:
    """The business, its services and its people, in one query."""
    result = await uow.run(_BUSINESS, {"organization_id": organization_id})
    return msgspec.convert(dict(result.one()._mapping), Business)


class AppointmentRow(msgspec.Struct, frozen=True):
    """An appointment with the names a person would use."""

    id: AppointmentId
    service: str
    service_id: ServiceId
    staff: str
    staff_id: StaffId
    customer: str
    starts_at: datetime
    minutes: int


class FlowRow(msgspec.Struct, frozen=True):
    """What the customer is, or was, in the middle of."""

    kind: FlowKind
    state: FlowState
    service: str | None
    wanted: str | None


class CustomerFile(msgspec.Struct, frozen=True):
    """What a business knows of one customer."""

    customer_id: CustomerId | None
    name: str | None
    profile_name: str | None
    visits: int
    appointments: list[AppointmentRow]
    flow: FlowRow | None


_CUSTOMER = text(
    """
    select cu.id as customer_id, cu.name, p.profile_name,
      (select count(*) from appointments a where a.organization_id = p.organization_id
         and a.customer_id = cu.id and a.status = 'completed')::int as visits,
      coalesce((select jsonb_agg(jsonb_build_object('id', a.id, 'service', s.name, 'service_id', s.id,
          'staff', st.name, 'staff_id', st.id, 'customer', coalesce(cu.name, ''), 'starts_at', a.starts_at,
          'minutes', s.minutes) order by a.starts_at, a.id)
        from appointments a
        join services s on s.organization_id = a.organization_id and s.id = a.service_id
        join staff st on st.organization_id = a.organization_id and st.id = a.staff_id
        where a.organization_id = p.organization_id and a.customer_id = cu.id
          and a.status in ('pending', 'confirmed') and a.starts_at > :now), '[]') as appointments,
      (select jsonb_build_object('kind', f.kind, 'state', f.state, 'service', f.service, 'wanted', f.wanted)
        from flows f where f.organization_id = p.organization_id and f.conversation_id = :conversation_id
          and f.state <> 'completed') as flow
    from people p
    left join customers cu on cu.organization_id = p.organization_id and cu.person_id = p.id
    where p.organization_id = :organization_id and p.id = :person_id
    """
)


async def load_customer(
    uow: UnitOfWork,
    organization_id: OrganizationId,
    person_id: PersonId,
    conversation_id: ConversationId,
    *,
    now: datetime,
) -> CustomerFile:
    """What the business knows of a person, with future appointments in order."""
    parameters = {
        "organization_id": organization_id,
        "person_id": person_id,
        "conversation_id": conversation_id,
        "now": now,
    }
    result = await uow.run(_CUSTOMER, parameters)
    return msgspec.convert(dict(result.one()._mapping), CustomerFile)


class BusyRow(msgspec.Struct, frozen=True):
    """Taken time: of a member of staff, of a spot, or of the whole location (neither)."""

    staff_id: StaffId | None
    spot_id: SpotId | None
    starts_at: datetime
    ends_at: datetime

    @property
    def busy(self) -> Busy:
        """The stretch itself."""
        return Busy(self.starts_at, self.ends_at)


_BUSY = text(
    """
    select staff_id, spot_id, starts_at, occupied_until as ends_at from appointments
    where organization_id = :organization_id and status in ('pending', 'confirmed', 'completed', 'no_show')
      and starts_at < :until and occupied_until > :since and id is distinct from :except_id
    union all
    select staff_id, null, starts_at, ends_at from staff_blocks
    where organization_id = :organization_id and starts_at < :until and ends_at > :since
    union all
    select null, null, starts_at, ends_at from location_closures
    where organization_id = :organization_id and location_id = :location_id and starts_at < :until
      and ends_at > :since
    order by starts_at, ends_at
    """
)


class BusyQuery(msgspec.Struct, frozen=True):
    """Which stretch to look at, and an appointment to leave out (the one being moved)."""

    location_id: LocationId
    since: datetime
    until: datetime
    except_id: AppointmentId | None = None


async def load_busy(uow: UnitOfWork, organization_id: OrganizationId, query: BusyQuery) -> list[BusyRow]:
    """Everything that is taken in a stretch of time."""
    parameters = {"organization_id": organization_id, **msgspec.structs.asdict(query)}
    return rows_of(BusyRow, await uow.run(_BUSY, parameters))


_DAY = text(
    """
    select a.id, s.name as service, s.id as service_id, st.name as staff, st.id as staff_id,
      coalesce(cu.name, p.profile_name, '') as customer, a.starts_at, s.minutes
    from appointments a
    join services s on s.organization_id = a.organization_id and s.id = a.service_id
    join staff st on st.organization_id = a.organization_id and st.id = a.staff_id
    join customers cu on cu.organization_id = a.organization_id and cu.id = a.customer_id
    join people p on p.organization_id = cu.organization_id and p.id = cu.person_id
    where a.organization_id = :organization_id and a.status in ('pending', 'confirmed', 'completed')
      and a.starts_at >= :since and a.starts_at < :until
    order by a.starts_at, st.position, a.id
    """
)


async def load_schedule(
    uow: UnitOfWork, organization_id: OrganizationId, *, since: datetime, until: datetime
) -> list[AppointmentRow]:
    """The business's appointments that begin in a stretch of time, in order."""
    parameters = {"organization_id": organization_id, "since": since, "until": until}
    return rows_of(AppointmentRow, await uow.run(_DAY, parameters))
