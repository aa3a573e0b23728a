"""When something is due next. The simulator jumps its clock there."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from runtime.store.database import UnitOfWork

_NEXT = text(
    """
    select least(
      (select min(due_at) from conversations where due_at is not null),
      (select min(due_at) from outbox where due_at is not null),
      (select min(due_at) from handoffs where due_at is not null),
      (select min(due_at) from flows where due_at is not null))
    """
)


async def next_due_at(uow: UnitOfWork) -> datetime | None:
    """The earliest due time of all rows, over all tenants; None when nothing is planned."""
    found: datetime | None = (await uow.run(_NEXT)).scalar_one()
    return found


_NEXT_WORK = text(
    """
    select least(
      (select min(due_at) from conversations where due_at is not null),
      (select min(due_at) from outbox where due_at is not null))
    """
)


async def next_work_at(uow: UnitOfWork) -> datetime | None:
    """The earliest moment a message waits to be answered or sent; timers do not count."""
    found: datetime | None = (await uow.run(_NEXT_WORK)).scalar_one()
    return found
