"""What a business is: its services, hours and people, changed by those who may."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from runtime.domain.enums import StaffRole
from runtime.domain.ids import LocationId, OrganizationId, PersonId, ServiceId, StaffId
from runtime.store.business import HoursRow
from runtime.store.database import UnitOfWork, rows_of


class ServiceValues(msgspec.Struct, frozen=True):
    """What can be changed of a service."""

    name: str
    minutes: int
    price_cents: int
    active: bool = True


_CHANGE_SERVICE = text(
    """
    update services set name = :name, minutes = :minutes, price_cents = :price_cents, active = :active
    where organization_id = :organization_id and id = :id
    """
)


async def change_service(
    uow: UnitOfWork, organization_id: OrganizationId, service_id: ServiceId, values: ServiceValues
) -> None:
    """Give a service these values; appointments keep the price they were booked at."""
    parameters = {"organization_id": organization_id, "id": service_id, **msgspec.structs.asdict(values)}
    await uow.run(_CHANGE_SERVICE, parameters)


_ADD_SERVICE = text(
    """
    with new as (
      insert into services (organization_id, id, name, minutes, price_cents, position, active)
      select :organization_id, :id, :name, :minutes, :price_cents, coalesce(max(position), 0) + 1, :active
      from services where organization_id = :organization_id
      returning id
    ), spots_too as (
      insert into service_spots (organization_id, service_id, spot_id)
      select p.organization_id, new.id, p.id from new, spots p where p.organization_id = :organization_id
    )
    insert into service_staff (organization_id, service_id, staff_id)
    select :organization_id, new.id, each from new, unnest(cast(:staff_ids as uuid[])) each
    """
)


async def add_service(
    uow: UnitOfWork,
    organization_id: OrganizationId,
    service_id: ServiceId,
    values: ServiceValues,
    staff_ids: Sequence[StaffId],
) -> None:
    """Offer something new, at every chair, by these people."""
    parameters = {
        "organization_id": organization_id,
        "id": service_id,
        "staff_ids": list(staff_ids),
        **msgspec.structs.asdict(values),
    }
    await uow.run(_ADD_SERVICE, parameters)


_PUT_HOURS = text(
    """
    with gone as (
      delete from location_hours where organization_id = :organization_id and location_id = :location_id
        and (weekday, opens_minute) not in (select weekday, opens_minute
          from jsonb_to_recordset(:hours) as h (weekday smallint, opens_minute smallint))
    )
    insert into location_hours (organization_id, location_id, weekday, opens_minute, closes_minute)
    select :organization_id, :location_id, weekday, opens_minute, closes_minute
    from jsonb_to_recordset(:hours) as h (weekday smallint, opens_minute smallint, closes_minute smallint)
    on conflict (organization_id, location_id, weekday, opens_minute) do update set
      closes_minute = excluded.closes_minute
    """
).bindparams(bindparam("hours", type_=JSONB))


async def put_hours(
    uow: UnitOfWork, organization_id: OrganizationId, location_id: LocationId, hours: Sequence[HoursRow]
) -> None:
    """Replace a location's week."""
    parameters = {"organization_id": organization_id, "location_id": location_id, "hours": list(hours)}
    await uow.run(_PUT_HOURS, parameters)


_PUT_STAFF_HOURS = text(
    """
    with gone as (
      delete from staff_hours where organization_id = :organization_id and staff_id = :staff_id
        and (weekday, opens_minute) not in (select weekday, opens_minute
          from jsonb_to_recordset(:hours) as h (weekday smallint, opens_minute smallint))
    )
    insert into staff_hours (organization_id, staff_id, weekday, opens_minute, closes_minute)
    select :organization_id, :staff_id, weekday, opens_minute, closes_minute
    from jsonb_to_recordset(:hours) as h (weekday smallint, opens_minute smallint, closes_minute smallint)
    on conflict (organization_id, staff_id, weekday, opens_minute) do update set closes_minute = excluded.closes_minute
    """
).bindparams(bindparam("hours", type_=JSONB))


async def put_staff_hours(
    uow: UnitOfWork, organization_id: OrganizationId, staff_id: StaffId, hours: Sequence[HoursRow]
) -> None:
    """Replace somebody's week; none at all means the location's."""
    await uow.run(_PUT_STAFF_HOURS, {"organization_id": organization_id, "staff_id": staff_id, "hours": list(hours)})


class Colleague(msgspec.Struct, frozen=True):
    """Somebody who works here, or did."""

    id: StaffId
    name: str
    role: StaffRole
    active: bool
    key: str | None


_COLLEAGUES = text(
    """
    select s.id, s.name, s.role, s.active, (select min(a.key) from addresses a
      where a.organization_id = s.organization_id and a.person_id = s.person_id) as key
    from staff s where s.organization_id = :organization_id order by s.id
    for no key update of s
    """
)


async def lock_colleagues(uow: UnitOfWork, organization_id: OrganizationId) -> list[Colleague]:
    """Everybody, those who have left too; nobody's role changes until this work ends.

    They are locked in the order in which bookings lock calendars, by id.
    """
    return rows_of(Colleague, await uow.run(_COLLEAGUES, {"organization_id": organization_id}))


class NewColleague(msgspec.Struct, frozen=True):
    """Somebody who will work here."""

    id: StaffId
    person_id: PersonId
    name: str
    role: StaffRole


_ADD_COLLEAGUE = text(
    """
    insert into staff as s (organization_id, id, person_id, name, role, position)
    select :organization_id, :id, :person_id, :name, :role, coalesce(max(position), 0) + 1
    from staff where organization_id = :organization_id
    """
)


async def add_colleague(uow: UnitOfWork, organization_id: OrganizationId, new: NewColleague) -> None:
    """Take somebody on."""
    await uow.run(_ADD_COLLEAGUE, {"organization_id": organization_id, **msgspec.structs.asdict(new)})


_PUT_COLLEAGUE = text(
    """
    update staff set name = :name, role = :role, active = :active
    where organization_id = :organization_id and id = :id
    """
)


async def put_colleague(uow: UnitOfWork, organization_id: OrganizationId, colleague: Colleague) -> None:
    """Change somebody's name, role, or whether they still work here."""
    parameters = {
        "organization_id": organization_id,
        "id": colleague.id,
        "name": colleague.name,
        "role": colleague.role,
        "active": colleague.active,
    }
    await uow.run(_PUT_COLLEAGUE, parameters)


class Figures(msgspec.Struct, frozen=True):
    """A stretch of time in numbers."""

    completed: int
    missed: int
    cancelled: int
    ahead: int
    income_cents: int
    new_customers: int


_FIGURES = text(
    """
    select count(*) filter (where status = 'completed') ::int as completed,
      count(*) filter (where status = 'no_show') ::int as missed,
      count(*) filter (where status = 'cancelled') ::int as cancelled,
      count(*) filter (where status in ('pending', 'confirmed')) ::int as ahead,
      coalesce(sum(price_cents) filter (where status = 'completed'), 0) ::int as income_cents,
      (select count(*) from customers where organization_id = :organization_id and created_at >= :since
        and created_at < :until) ::int as new_customers
    from appointments where organization_id = :organization_id and starts_at >= :since and starts_at < :until
    """
)


async def count_figures(
    uow: UnitOfWork, organization_id: OrganizationId, *, since: datetime, until: datetime
) -> Figures:
    """The business in numbers."""
    parameters = {"organization_id": organization_id, "since": since, "until": until}
    return rows_of(Figures, await uow.run(_FIGURES, parameters))[0]
