"""What is due, and when something is due next. The simulator jumps its clock there."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import text

from runtime.store.database import UnitOfWork, rows_of

_DUE_NOW = text(
    """
    select
      exists (select from conversations where due_at <= :now) as conversations,
      exists (select from outbox where due_at <= :now) as outbox,
      exists (select from handoffs where due_at <= :now) as handoffs,
      exists (select from flows where due_at <= :now) as flows
    """
)


class DueNow(msgspec.Struct, frozen=True):
    """In which tables some row's time has come."""

    conversations: bool
    outbox: bool
    handoffs: bool
    flows: bool


async def look_for_due(uow: UnitOfWork, *, now: datetime) -> DueNow:
    """Whether there is anything to do, over all tenants: mostly there is not, and a ticker asks all day."""
    return rows_of(DueNow, await uow.run(_DUE_NOW, {"now": now}))[0]


_NEXT = text(
    """
    select least(
      (select min(due_at) from conversations where due_at is not null),
      (select min(due_at) from outbox where due_at is not null)) as work,
    least(
      (select min(due_at) from handoffs where due_at is not null),
      (select min(due_at) from flows where due_at is not null)) as timer
    """
)


class NextDue(msgspec.Struct, frozen=True):
    """The earliest due times of all rows, over all tenants; None where nothing is planned.

    Attributes:
        work: When a message waits to be answered or sent.
        timer: When something is over that nobody waits for.
    """

    work: datetime | None
    timer: datetime | None

    @property
    def first(self) -> datetime | None:
        """The earlier of the two."""
        return min((each for each in (self.work, self.timer) if each is not None), default=None)


async def look_ahead(uow: UnitOfWork) -> NextDue:
    """When the next rows are due."""
    return rows_of(NextDue, await uow.run(_NEXT))[0]
