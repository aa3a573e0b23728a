"""What the tests of store and tools share: Estética Lupita and a twin of hers in one database, and who writes there.

The twin has the same people, phones, services and appointments under another number, so whatever crosses
from one tenant to the other is sure to be noticed. Time stands still unless a test moves it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from sqlalchemy import text

from runtime.domain.ids import (
    ConversationId,
    CustomerId,
    InboxId,
    LocationId,
    OrganizationId,
    PersonId,
    ServiceId,
    SpotId,
    StaffId,
    TurnId,
)
from runtime.domain.permissions import Actor
from runtime.ports import ToolCall
from runtime.settings import Settings
from runtime.store import conversations, tables
from runtime.store.business import load_business, load_customer
from runtime.store.conversations import Arrival, Claim, conversation_id_of
from runtime.store.database import Database, UnitOfWork
from runtime.store.locking import BOOKING_LOCKS
from runtime.store.outbox import NewOutbound, queue_messages
from runtime.tools import registry
from runtime.tools.base import ToolContext
from runtime.tools.registry import ToolResult
from sim.seeding import seed_world
from sim.worlds import World, load_world

NOW = datetime(2026, 1, 12, 16, 0, tzinfo=UTC)
"""lunes 12 de enero de 2026, 10:00 AM in Puebla."""
ANA = "+525512345678"
BETO = "+525512345679"
CARLA = "+525512345680"
LUPITA = "+522220000101"
TWIN_NUMBER = "+522220000009"
LEASE = timedelta(seconds=45)
BURST = timedelta(seconds=6)


class CountedIds:
    """The port `Ids`: numbers one after the other."""

    def __init__(self, start: int = 0) -> None:
        self._last = start << 64

    def new(self) -> UUID:
        """The next number, dressed as a UUID."""
        self._last += 1
        return UUID(int=self._last)

    def jitter(self) -> float:
        """Never any."""
        return 0.0


class Salon(msgspec.Struct, frozen=True):
    """A seeded business and the ids of what it has, by name."""

    organization_id: OrganizationId
    number: str
    location_id: LocationId
    staff: Mapping[str, StaffId]
    services: Mapping[str, ServiceId]
    spots: Mapping[str, SpotId]
    customers: Mapping[str, CustomerId]
    appointments: Mapping[str, UUID]
    ids: CountedIds


async def open_salon(database: Database, world: World | None = None) -> Salon:
    """Write Estética Lupita, or another world's first business, into the empty database."""
    world = world or load_world("estetica-lupita")
    ids = CountedIds(1)
    await seed_world(database, world, ids=ids, now=NOW, windows=())
    return await _read_salon(database, world.business.channel or "", ids)


async def open_twins(database: Database) -> tuple[Salon, Salon]:
    """Write the seed business twice, as two tenants that differ in their WhatsApp number alone."""
    world = load_world("estetica-lupita")
    twin = msgspec.structs.replace(world.business, key="gemela", channel=TWIN_NUMBER)
    ids = CountedIds(1)
    both = msgspec.structs.replace(world, organizations=(world.business, twin))
    await seed_world(database, both, ids=ids, now=NOW, windows=())
    first = await _read_salon(database, world.business.channel or "", ids)
    return first, await _read_salon(database, TWIN_NUMBER, ids)


async def _read_salon(database: Database, number: str, ids: CountedIds) -> Salon:
    async with database.platform() as uow:
        organization_id = (
            await uow.run(text("select organization_id from channels where address = :number"), {"number": number})
        ).scalar_one()

        async def names(sql: str) -> dict[str, Any]:
            found = await uow.run(text(sql), {"organization_id": organization_id})
            return {str(row.name): row.id for row in found}

        mine = "where organization_id = :organization_id"
        locations = await names(f"select name, id from locations {mine}")
        return Salon(
            organization_id=OrganizationId(organization_id),
            number=number,
            location_id=next(iter(locations.values())),
            staff=await names(f"select name, id from staff {mine}"),
            services=await names(f"select name, id from services {mine}"),
            spots=await names(f"select name, id from spots {mine}"),
            customers=await names(f"select name, id from customers {mine}"),
            appointments=await names(
                "select cu.name || ', ' || s.name as name, a.id from appointments a"
                " join customers cu using (organization_id) join services s using (organization_id)"
                " where organization_id = :organization_id and cu.id = a.customer_id and s.id = a.service_id"
            ),
            ids=ids,
        )


def arrival(salon: Salon, phone: str, words: str = "hola", *, sid: str | None = None, at: datetime = NOW) -> Arrival:
    """A message from a phone to the salon."""
    inbox_id = salon.ids.new()
    return Arrival(
        inbox_id=InboxId(inbox_id),
        sid=sid or f"SM{inbox_id.hex}",
        our_key=salon.number,
        our_address=f"whatsapp:{salon.number}",
        their_key=phone,
        their_address=f"whatsapp:{phone}",
        kind="text",
        body=words,
        payload={"Body": words},
        received_at=at,
        quiet_until=at + timedelta(seconds=1.5),
    )


async def claim_turn(
    database: Database, salon: Salon, phone: str, *, at: datetime = NOW
) -> tuple[Claim, list[conversations.Pending], PersonId]:
    """What a worker does first: claim the phone's conversation, open its turn and settle whose it is."""
    async with database.platform() as uow:
        conversation_id = conversation_id_of(salon.number, phone)
        claimed = await conversations.claim(uow, conversation_id, now=at, lease_until=at + LEASE)
        assert claimed is not None, "nothing to claim"
        turn_id = TurnId(salon.ids.new())
        pending = await conversations.open_turn(uow, claimed, turn_id=turn_id, now=at)
        person_id = claimed.person_id or await conversations.adopt_person(
            uow, claimed, person_id=PersonId(salon.ids.new()), also=None, now=at
        )
        await uow.commit()
    return claimed, pending, person_id


async def write_and_claim(
    database: Database, salon: Salon, phone: str, words: str = "hola", *, at: datetime = NOW
) -> tuple[Claim, list[conversations.Pending], PersonId]:
    """Somebody writes, and two seconds later a worker claims the conversation."""
    async with database.single() as uow:
        await conversations.accept(uow, [arrival(salon, phone, words, at=at)], burst=BURST)
    return await claim_turn(database, salon, phone, at=at + timedelta(seconds=2))


async def rows(database: Database, sql: str, **parameters: object) -> list[Any]:
    """Look into the database, over all tenants."""
    async with database.single() as uow:
        return [tuple(row) for row in await uow.run(text(sql), parameters)]


async def run(database: Database, sql: str, **parameters: object) -> None:
    """Change rows from outside, over all tenants."""
    async with database.single() as uow:
        await uow.run(text(sql), parameters)


async def digest_rows(database: Database) -> dict[str, str]:
    """A fingerprint of every table: two equal ones mean that not a row was changed."""
    one = "select '{0}', md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {0} t"
    sql = " union all ".join(one.format(table) for table in tables.metadata.tables)
    return dict(await rows(database, sql))


async def committed(database: Database, salon: Salon, work: Callable[[UnitOfWork], Awaitable[Any]]) -> Any:
    """Do something inside the salon's tenant, commit it, and give what it gave."""
    async with database.tenant(salon.organization_id) as uow:
        result = await work(uow)
        await uow.commit()
    return result


def connect_as(database_url: str, role: str | None = None) -> psycopg.Connection[Any]:
    """A connection of its own outside the program's pools, in autocommit, as the owner or under a role."""
    connection: psycopg.Connection[Any] = psycopg.connect(database_url, autocommit=True)
    if role:
        connection.execute(f"set role {role}".encode())
    return connection


class Called(msgspec.Struct, frozen=True):
    """What a tool call came to: its result, the JSON the model reads, and who was to be told what."""

    result: ToolResult
    body: dict[str, Any]
    outgoing: list[NewOutbound]

    @property
    def code(self) -> str | None:
        """The code of a refusal."""
        return self.body["error"]["code"] if "error" in self.body else None


async def meet(database: Database, salon: Salon, phone: str) -> tuple[ConversationId, PersonId]:
    """The conversation and the person behind a phone, which writes for the first time if it has not yet."""
    conversation_id = conversation_id_of(salon.number, phone)
    known = await rows(database, "select person_id from conversations where id = :id", id=conversation_id)
    if not known:
        _, _, person_id = await write_and_claim(database, salon, phone)
        return conversation_id, person_id
    return conversation_id, known[0][0]


async def open_context(
    uow: UnitOfWork, salon: Salon, who: tuple[ConversationId, PersonId], *, now: datetime = NOW, key: str = "turn:1"
) -> ToolContext:
    """What the agent loop gives to a tool, read within the call's transaction."""
    conversation_id, person_id = who
    return ToolContext(
        uow=uow,
        ids=salon.ids,
        now=now,
        actor=Actor.CUSTOMER,
        organization_id=salon.organization_id,
        conversation_id=conversation_id,
        person_id=person_id,
        call_key=key,
        business=await load_business(uow, salon.organization_id),
        customer=await load_customer(uow, salon.organization_id, person_id, conversation_id, now=now),
        booking_lock=BOOKING_LOCKS[Settings().booking_lock],
        said=("quiero hablar con una persona",),
        outgoing=[],
    )


async def call_tool(
    database: Database, salon: Salon, phone: str, name: str, arguments: Mapping[str, object] | str, **context: Any
) -> Called:
    """A model calls a tool for whoever is at this phone, as the agent loop does it: one transaction, committed."""
    who = await meet(database, salon, phone)
    raw = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
    async with database.tenant(salon.organization_id) as uow:
        given = await open_context(uow, salon, who, **context)
        result = await registry.call(given, ToolCall("call-1", name, raw))
        await queue_messages(uow, salon.organization_id, None, given.outgoing)
        await uow.commit()
    return Called(result, msgspec.json.decode(result.content, type=dict[str, Any]), given.outgoing)
