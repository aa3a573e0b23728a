"""Write appointments. The exclusion constraints decide who gets a slot; we turn their refusal into an answer.

Rivals wait in line at the people and chairs they want, see `lock_calendars`: two who wrote first and waited
for each other inside the constraint's check would be a deadlock.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from psycopg.errors import ExclusionViolation
from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from runtime.domain.enums import AppointmentStatus
from runtime.domain.ids import (
    AppointmentId,
    CustomerId,
    LocationId,
    OrganizationId,
    ServiceId,
    SpotId,
    StaffId,
)
from runtime.store.database import UnitOfWork
from runtime.store.tables import appointments

_LOCK_CALENDARS = text(
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


async def lock_calendars(
    uow: UnitOfWork, organization_id: OrganizationId, staff_ids: Iterable[StaffId], spot_ids: Iterable[SpotId]
) -> None:
    """Wait until nobody else is writing into these calendars, and keep others waiting until this work ends.

    To be called once, before the first `try_add` or `try_move` of a unit of work and with everything it may
    try. The order is the same for everybody (people by id, then chairs by id), so two never wait for each
    other. Looking at a calendar waits for nobody.
    """
    await uow.run(
        _LOCK_CALENDARS,
        {"organization_id": organization_id, "staff_ids": list(staff_ids), "spot_ids": list(spot_ids)},
    )


class NewAppointment(msgspec.Struct, frozen=True):
    """A confirmed appointment about to be written. All moments are aware UTC."""

    id: AppointmentId
    location_id: LocationId
    customer_id: CustomerId
    service_id: ServiceId
    staff_id: StaffId
    spot_id: SpotId | None
    starts_at: datetime
    ends_at: datetime
    occupied_until: datetime
    price_cents: int


async def try_add(uow: UnitOfWork, organization_id: OrganizationId, new: NewAppointment, *, now: datetime) -> bool:
    """Write the appointment; False when its person or spot was taken meanwhile. Needs `lock_calendars`."""
    values = {
        "organization_id": organization_id,
        "status": AppointmentStatus.CONFIRMED,
        "created_at": now,
        "changed_at": now,
        **msgspec.structs.asdict(new),
    }
    try:
        async with uow.savepoint():
            await uow.run(insert(appointments).values(values))
    except IntegrityError as error:
        if isinstance(error.orig, ExclusionViolation):
            return False
        raise
    return True


class Move(msgspec.Struct, frozen=True):
    """A new time, person and spot for an appointment."""

    staff_id: StaffId
    spot_id: SpotId | None
    starts_at: datetime
    ends_at: datetime
    occupied_until: datetime


async def try_move(
    uow: UnitOfWork, organization_id: OrganizationId, appointment_id: AppointmentId, move: Move, *, now: datetime
) -> bool:
    """Move an open appointment; False when the new place was taken meanwhile. Needs `lock_calendars`."""
    try:
        async with uow.savepoint():
            result = await uow.run(
                update(appointments)
                .where(
                    appointments.c.organization_id == organization_id,
                    appointments.c.id == appointment_id,
                    appointments.c.status.in_([AppointmentStatus.PENDING, AppointmentStatus.CONFIRMED]),
                )
                .values(changed_at=now, **msgspec.structs.asdict(move))
            )
    except IntegrityError as error:
        if isinstance(error.orig, ExclusionViolation):
            return False
        raise
    return result.rowcount == 1


async def cancel(
    uow: UnitOfWork, organization_id: OrganizationId, appointment_id: AppointmentId, *, now: datetime
) -> bool:
    """Cancel an open appointment; False when it was not open any more."""
    result = await uow.run(
        update(appointments)
        .where(
            appointments.c.organization_id == organization_id,
            appointments.c.id == appointment_id,
            appointments.c.status.in_([AppointmentStatus.PENDING, AppointmentStatus.CONFIRMED]),
        )
        .values(status=AppointmentStatus.CANCELLED, changed_at=now)
    )
    return result.rowcount == 1


async def lock_owned(
    uow: UnitOfWork, organization_id: OrganizationId, appointment_id: AppointmentId, customer_id: CustomerId
) -> bool:
    """Lock an open, future-or-present appointment if it is this customer's; False otherwise."""
    result = await uow.run(
        select(appointments.c.id)
        .where(
            appointments.c.organization_id == organization_id,
            appointments.c.id == appointment_id,
            appointments.c.customer_id == customer_id,
            appointments.c.status.in_([AppointmentStatus.PENDING, AppointmentStatus.CONFIRMED]),
        )
        .with_for_update(key_share=True)
    )
    return result.scalar_one_or_none() is not None
