"""Time that is blocked: of a member of staff, or of the whole place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from runtime.domain.ids import LocationId, OrganizationId, StaffId
from runtime.store.database import UnitOfWork, rows_of


class Absence(msgspec.Struct, frozen=True):
    """A stretch of time in which a person is not there, or (with a location instead) nobody is."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    reason: str
    staff_id: StaffId | None = None
    location_id: LocationId | None = None


_ADD = text(
    """
    with new as (
      select * from jsonb_to_recordset(:new) as new (id uuid, staff_id uuid, location_id uuid, starts_at timestamptz,
        ends_at timestamptz, reason text)
    ), blocked as (
      insert into staff_blocks (organization_id, id, staff_id, starts_at, ends_at, reason)
      select :organization_id, id, staff_id, starts_at, ends_at, reason from new where staff_id is not null
    )
    insert into location_closures (organization_id, id, location_id, starts_at, ends_at, reason)
    select :organization_id, id, location_id, starts_at, ends_at, reason from new where staff_id is null
    """
).bindparams(bindparam("new", type_=JSONB))


async def add_absences(uow: UnitOfWork, organization_id: OrganizationId, new: Sequence[Absence]) -> None:
    """Write them."""
    await uow.run(_ADD, {"organization_id": organization_id, "new": list(new)})


_LIST = text(
    """
    select id, staff_id, null ::uuid as location_id, starts_at, ends_at, reason from staff_blocks
    where organization_id = :organization_id and staff_id = any(:staff_ids) and starts_at < :until and ends_at > :since
    union all
    select id, null, location_id, starts_at, ends_at, reason from location_closures
    where organization_id = :organization_id and location_id = :location_id and starts_at < :until and ends_at > :since
    order by starts_at, id
    """
)


class AbsenceQuery(msgspec.Struct, frozen=True):
    """Whose absences, and when."""

    staff_ids: list[StaffId]
    location_id: LocationId | None
    since: datetime
    until: datetime


async def list_absences(uow: UnitOfWork, organization_id: OrganizationId, query: AbsenceQuery) -> list[Absence]:
    """Those that touch a stretch of time, in order."""
    parameters = {"organization_id": organization_id, **msgspec.structs.asdict(query)}
    return rows_of(Absence, await uow.run(_LIST, parameters))


_REMOVE = text(
    """
    with blocks as (
      delete from staff_blocks where organization_id = :organization_id and id = any(:ids)
    )
    delete from location_closures where organization_id = :organization_id and id = any(:ids)
    """
)


async def remove_absences(uow: UnitOfWork, organization_id: OrganizationId, ids: Sequence[UUID]) -> None:
    """Delete them; what is gone already changes nothing."""
    await uow.run(_REMOVE, {"organization_id": organization_id, "ids": list(ids)})
