"""A world with many humans, and rows of many customers who want one, for measurements. `evals.bench` calls it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from runtime.adapters.system import SystemClock, SystemIds
from runtime.domain.enums import StaffRole
from runtime.domain.ids import ConversationId, OrganizationId, StaffId
from runtime.ports import Ids
from runtime.store.conversations import conversation_id_of
from runtime.store.database import UnitOfWork, open_database
from sim.seeding import seed_world
from sim.worlds import WEEKDAYS, Hours, Location, Organization, World, WorldStaff

CENTRAL = "+525500000000"
"""That of the seed business: `parlo up` finds it there and writes no world of its own."""
_ALWAYS: Hours = {weekday: (("00:00", "23:59"),) for weekday in WEEKDAYS}

_BUSINESS = text("select organization_id from channels where address = :number")
_CHATS = text(
    """
    insert into conversations (organization_id, id, channel_id, our_key, our_address, their_key, their_address,
      last_inbound_at, created_at)
    select ch.organization_id, new.id, ch.id, ch.address, 'whatsapp:' || ch.address, new.key, 'whatsapp:' || new.key,
      :now, :now
    from channels ch, unnest(cast(:ids as uuid[]), cast(:keys as text[])) as new (id, key) where ch.address = :number
    """
)
_WAITING = text(
    """
    insert into handoffs (organization_id, id, conversation_id, origin, state, reason, requested_at, due_at)
    select :organization_id, new.id, new.chat, 'customer', 'waiting', 'x', :now,
      cast(:now as timestamptz) + interval '2 hours'
    from unnest(cast(:ids as uuid[]), cast(:chats as uuid[])) as new (id, chat)
    """
)
_HOURS = text(
    """
    insert into staff_hours (organization_id, staff_id, weekday, opens_minute, closes_minute)
    values (:organization_id, :staff_id, :weekday, 0, 1)
    """
)


def number_of(business: int) -> str:
    """The WhatsApp number of a business."""
    return f"+5281{business:08d}"


def human_of(business: int, human: int) -> str:
    """The phone of somebody who takes customers there."""
    return f"+5282{business:04d}{human:04d}"


def customer_of(business: int, customer: int) -> str:
    """The phone of a customer of that business."""
    return f"+5283{business:04d}{customer:04d}"


def compose_world(humans: Sequence[int]) -> World:
    """Businesses that are always open, each with so many people who take customers: one owner, the others admins."""
    return World(
        name="crowd",
        central=CENTRAL,
        organizations=tuple(_compose_business(number, count) for number, count in enumerate(humans)),
    )


def _compose_business(number: int, humans: int) -> Organization:
    staff = tuple(
        WorldStaff(
            key=f"p{human}",
            name=f"Persona {human}",
            role=StaffRole.ADMIN if human else StaffRole.OWNER,
            phone=human_of(number, human),
        )
        for human in range(humans)
    )
    place = Location(name="Centro", address="Av. Juárez 1", hours=_ALWAYS)
    return Organization(
        key=f"b{number}", name=f"Negocio {number}", channel=number_of(number), locations=(place,), staff=staff
    )


async def seed_crowd(url: str, humans: Sequence[int]) -> None:
    """Write `compose_world` into an empty database, now."""
    database = open_database(url, pool_size=1)
    try:
        await seed_world(database, compose_world(humans), ids=SystemIds(), now=SystemClock().now())
    finally:
        await database.close()


async def find_organization(uow: UnitOfWork, number: str) -> OrganizationId:
    """The business with this number."""
    return OrganizationId((await uow.run(_BUSINESS, {"number": number})).scalar_one())


async def add_chats(uow: UnitOfWork, number: str, phones: Sequence[str], now: datetime) -> list[ConversationId]:
    """Conversations of people who have just written to the business with this number, in order."""
    chats = [conversation_id_of(number, phone) for phone in phones]
    await uow.run(_CHATS, {"ids": chats, "keys": list(phones), "number": number, "now": now})
    return chats


async def line_up(
    uow: UnitOfWork, organization_id: OrganizationId, chats: Sequence[ConversationId], *, ids: Ids, now: datetime
) -> None:
    """Put them in line for a person, all at the same moment."""
    values = {"organization_id": organization_id, "ids": [ids.new() for _ in chats], "chats": list(chats), "now": now}
    await uow.run(_WAITING, values)


async def give_a_minute(uow: UnitOfWork, organization_id: OrganizationId, staff_id: StaffId, weekday: int) -> None:
    """Have somebody be on duty for the first minute of one weekday only; 0 = Monday."""
    await uow.run(_HOURS, {"organization_id": organization_id, "staff_id": staff_id, "weekday": weekday})
