"""Write appointments. The exclusion constraints decide who gets a slot; we turn their refusal into an answer.

Rivals are kept apart before they write, see `runtime.store.locking`: two who wrote first and waited for each
other inside the constraint's check would be a deadlock.
"""

from __future__ import annotations

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

_RIVALS = text(
    """
    select not exists (
      select from appointments
      where organization_id = :organization_id and status in ('pending', 'confirmed', 'completed', 'no_show')
        and (staff_id = :staff_id or spot_id = :spot_id)
        and starts_at < :occupied_until and occupied_until > :starts_at
        and id <> :appointment_id)
    """
)


class Place(msgspec.Struct, frozen=True):
    """A person, a chair and a stretch of time, to the end of the buffer."""

    staff_id: StaffId
    spot_id: SpotId | None
    starts_at: datetime
    occupied_until: datetime


async def is_free(
    uow: UnitOfWork, organization_id: OrganizationId, place: Place, appointment_id: AppointmentId
) -> bool:
    """Whether nothing but this appointment itself is in the place at this moment."""
    parameters = {
        "organization_id": organization_id,
        "appointment_id": appointment_id,
        **msgspec.structs.asdict(place),
    }
    return bool((await uow.run(_RIVALS, parameters)).scalar_one())


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
    """Write the appointment; False when its person or spot was taken meanwhile."""
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
    """Move an open appointment; False when the new place was taken meanwhile."""
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
