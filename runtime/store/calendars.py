"""Locks and versions of calendars: of the people and chairs that an appointment needs.

`runtime.store.locking` puts them together to strategies; nobody else calls them. Whatever waits does so in one
order, people by id and then chairs by id, so two never wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec
from sqlalchemy import text

from runtime.domain.ids import OrganizationId, SpotId, StaffId
from runtime.store.database import Contended, UnitOfWork


class Calendars(msgspec.Struct, frozen=True):
    """People and chairs whose appointments are looked at or written, each in the order of ids."""

    organization_id: OrganizationId
    staff_ids: tuple[StaffId, ...]
    spot_ids: tuple[SpotId, ...]


def name_calendars(
    organization_id: OrganizationId, staff_ids: Iterable[StaffId], spot_ids: Iterable[SpotId]
) -> Calendars:
    """The calendars in their one order."""
    return Calendars(organization_id, tuple(sorted(set(staff_ids))), tuple(sorted(set(spot_ids))))


_LOCK_ROWS = text(
    """
    with people as materialized (
      select id from staff where organization_id = :organization_id and id = any(:staff_ids)
      order by id for no key update),
    chairs as materialized (
      select id from spots where organization_id = :organization_id and id = any(:spot_ids)
        -- evaluates the people first, and so locks them first
        and (select count(*) from people) >= 0
      order by id for no key update)
    select (select count(*) from people) + (select count(*) from chairs)
    """
)


async def lock_rows(uow: UnitOfWork, calendars: Calendars) -> None:
    """Wait until nobody else is writing into these calendars, and keep others waiting until this work ends.

    To be called once in a unit of work, with everything it may try. Looking at a calendar waits for nobody.
    """
    await uow.run(_LOCK_ROWS, _list_ids(calendars))


_LOCK_KEYS = text("select pg_advisory_xact_lock(key) from unnest(cast(:keys as bigint[])) as key")


async def lock_keys(uow: UnitOfWork, calendars: Calendars) -> None:
    """The same with locks that belong to no row."""
    keys = [key_of(each) for each in (*calendars.staff_ids, *calendars.spot_ids)]
    await uow.run(_LOCK_KEYS, {"keys": keys})


def key_of(row_id: UUID) -> int:
    """The advisory lock that stands for a row: the half of its id that is chance and no time."""
    return int.from_bytes(row_id.bytes[8:], signed=True)


# The transaction that wrote a row last is a version nobody has to keep.
_VERSIONS = text(
    """
    select id, cast(xmin as text) as version from staff
    where organization_id = :organization_id and id = any(:staff_ids)
    union all
    select id, cast(xmin as text) from spots where organization_id = :organization_id and id = any(:spot_ids)
    """
)


async def read_versions(uow: UnitOfWork, calendars: Calendars) -> Mapping[UUID, str]:
    """The version of each calendar; to be read before its appointments are."""
    result = await uow.run(_VERSIONS, _list_ids(calendars))
    return {row.id: row.version for row in result}


_ADVANCE_PERSON = text(
    """
    update staff set position = position
    where organization_id = :organization_id and id = :id and cast(xmin as text) = :version
    """
)
_ADVANCE_CHAIR = text(
    """
    update spots set position = position
    where organization_id = :organization_id and id = :id and cast(xmin as text) = :version
    """
)


async def advance_versions(uow: UnitOfWork, calendars: Calendars, seen: Mapping[UUID, str]) -> None:
    """Give each calendar a new version, if it still has the one that was seen.

    Raises:
        Contended: Somebody has written into one of them since; nothing of this transaction may stand.
    """
    people = [(_ADVANCE_PERSON, row_id) for row_id in calendars.staff_ids]
    chairs = [(_ADVANCE_CHAIR, row_id) for row_id in calendars.spot_ids]
    for statement, row_id in (*people, *chairs):
        parameters = {"organization_id": calendars.organization_id, "id": row_id, "version": seen.get(row_id)}
        if (await uow.run(statement, parameters)).rowcount != 1:
            raise Contended("a calendar was written into since it was looked at")


def _list_ids(calendars: Calendars) -> dict[str, object]:
    return {
        "organization_id": calendars.organization_id,
        "staff_ids": list(calendars.staff_ids),
        "spot_ids": list(calendars.spot_ids),
    }
