"""Write a world into a database, and wipe it out again.

Rows only: businesses, hours, services, people, appointments, who has just written, templates. Ids come from the
caller, so two seedings from one seed are the same to the byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import psycopg
from psycopg import sql
from sqlalchemy import Table, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from runtime.domain.enums import ChannelKind
from runtime.domain.identity import canonical_key
from runtime.domain.ids import PLATFORM
from runtime.ports import Ids
from runtime.store import tables
from runtime.store.conversations import conversation_id_of
from runtime.store.database import Database, UnitOfWork
from runtime.store.templates import TemplateRow
from sim.local_time import parse_local
from sim.windows import OpenWindow, list_open_windows
from sim.worlds import WEEKDAYS, Hours, Organization, World, WorldAppointment

_KEEP = ("organizations", "channels")


def _compose_clearing() -> TextClause:
    """One statement, planned once: references are checked when it ends, so that the order of tables does not matter."""
    names = [table.name for table in tables.metadata.sorted_tables if table.name not in _KEEP]
    parts = [f"{name}_gone as (delete from {name})" for name in names]
    parts.append("channels_gone as (delete from channels where kind <> 'unknown')")
    return text(f"with {', '.join(parts)} delete from organizations where organization_id <> '{PLATFORM}'")


_CLEAR = _compose_clearing()


async def clear_world(database: Database) -> None:
    """Remove every row except the platform's own organization and its channel for unknown numbers."""
    async with database.single() as uow:
        await uow.run(_CLEAR)


def is_superuser(owner: psycopg.Connection[Any]) -> bool:
    """Whether whoever is logged in may do anything: with the embedded server, yes."""
    row = owner.execute("select rolsuper from pg_roles where rolname = session_user").fetchone()
    return bool(row and row[0])


def vacuum_tables(owner: psycopg.Connection[Any]) -> None:
    """Take away the dead rows that clearing leaves behind; the connection is in autocommit."""
    names = sql.SQL(", ").join(sql.Identifier(name) for name in tables.metadata.tables)
    owner.execute(sql.SQL("vacuum {}").format(names))


async def seed_world(
    database: Database,
    world: World,
    *,
    ids: Ids,
    now: datetime,
    windows: Sequence[OpenWindow] | None = None,
    templates: Sequence[TemplateRow] = (),
) -> None:
    """Write a world's businesses and Parlo's central number.

    Args:
        database: Empty but for the platform's own rows.
        world: What to write.
        ids: Of everything in it.
        now: When it begins.
        windows: Who has written to whom just now; None means staff who are no newcomers.
        templates: What WhatsApp has approved; the provider must know it too.
    """
    open_windows = list_open_windows(world) if windows is None else windows
    async with database.single() as uow:
        writer = _Writer(uow, ids, now)
        writer.add(tables.channels, PLATFORM, kind=ChannelKind.CENTRAL, address=_key(world.central), created_at=now)
        for template in templates:
            writer.link(tables.templates, PLATFORM, **msgspec.structs.asdict(template))
        for organization in world.organizations:
            heard = [window.theirs for window in open_windows if window.ours == organization.channel]
            _Business(writer, organization).write(heard)
        await writer.flush()


def _key(raw: str) -> str:
    key = canonical_key(raw)
    return key.value if key else raw


class _Writer:
    """Collects rows and inserts them all with one statement."""

    def __init__(self, uow: UnitOfWork, ids: Ids, now: datetime) -> None:
        self.ids = ids
        self.now = now
        self._uow = uow
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def add(self, table: Table, organization_id: UUID, **values: Any) -> UUID:
        """Keep a row with an id of its own."""
        row_id = self.ids.new()
        self.link(table, organization_id, id=row_id, **values)
        return row_id

    def link(self, table: Table, organization_id: UUID, **values: Any) -> None:
        """Keep a row that has no id: other rows' ids, or the tenant, are its key."""
        self._rows.setdefault(table.name, []).append({"organization_id": organization_id, **values})

    async def flush(self) -> None:
        """Insert everything at once."""
        shape = tuple((name, tuple(rows[0])) for name, rows in self._rows.items())
        await self._uow.run(_compose_insert(shape), {"rows": self._rows})


@cache
def _compose_insert(shape: tuple[tuple[str, tuple[str, ...]], ...]) -> TextClause:
    """One statement for all tables: planned once, and references are checked when it ends."""
    parts = []
    for table, columns in shape:
        names = ", ".join(columns)
        rows = f"jsonb_populate_recordset(null::{table}, given.rows -> '{table}')"
        parts.append(f"into_{table} as (insert into {table} ({names}) select {names} from given, {rows})")
    return text(f"with given (rows) as (values (cast(:rows as jsonb))), {', '.join(parts)} select").bindparams(
        bindparam("rows", type_=JSONB)
    )


class _Business:
    """One organization being written."""

    def __init__(self, writer: _Writer, organization: Organization) -> None:
        self._writer = writer
        self._given = organization
        self._id = writer.ids.new()
        self._zone = ZoneInfo(organization.timezone)
        self._people: dict[str, UUID] = {}
        self._customers: dict[UUID, UUID] = {}
        self._staff: dict[str, UUID] = {}
        self._spots: dict[str, UUID] = {}
        self._services: dict[str, UUID] = {}

    def write(self, heard: Sequence[str]) -> None:
        """Add all its rows; `heard` are the phones that have just written to it."""
        given, writer = self._given, self._writer
        writer.link(
            tables.organizations,
            self._id,
            name=given.name,
            status=given.status,
            timezone=given.timezone,
            created_at=writer.now,
        )
        if given.channel:
            our_key = _key(given.channel)
            channel_id = self._add(tables.channels, kind=ChannelKind.BUSINESS, address=our_key, created_at=writer.now)
            for phone in heard:
                self._write_conversation(channel_id, our_key, phone)
        location_id = self._write_locations()
        self._write_staff()
        self._write_services()
        for customer in given.customers:
            self._customer(customer.phone, customer.name, opted_out=customer.opted_out)
        for appointment in given.appointments:
            self._write_appointment(appointment, location_id)

    def _add(self, table: Table, **values: Any) -> UUID:
        return self._writer.add(table, self._id, **values)

    def _link(self, table: Table, **values: Any) -> None:
        self._writer.link(table, self._id, **values)

    def _write_conversation(self, channel_id: UUID, our_key: str, phone: str) -> None:
        """As the runtime makes one for somebody it has to reach; who they are is seen when they write."""
        their_key = _key(phone)
        self._link(
            tables.conversations,
            id=conversation_id_of(our_key, their_key),
            channel_id=channel_id,
            our_key=our_key,
            our_address=f"whatsapp:{our_key}",
            their_key=their_key,
            their_address=f"whatsapp:{phone}",
            last_inbound_at=self._writer.now,
            created_at=self._writer.now,
        )

    def _write_locations(self) -> UUID | None:
        first = None
        for position, location in enumerate(self._given.locations):
            location_id = self._add(tables.locations, name=location.name, address=location.address, position=position)
            self._write_hours(tables.location_hours, location.hours, location_id=location_id)
            for closure in location.closures:
                starts_at = parse_local(f"{closure.date}T00:00", self._given.timezone)
                self._add(
                    tables.location_closures,
                    location_id=location_id,
                    starts_at=starts_at,
                    ends_at=starts_at + timedelta(days=1),
                    reason=closure.reason,
                )
            first = first or location_id
        for position, name in enumerate(self._given.spots if first else ()):
            self._spots[name] = self._add(tables.spots, location_id=first, name=name, position=position)
        return first

    def _write_hours(self, table: Table, hours: Hours, **owner: UUID) -> None:
        for weekday, ranges in hours.items():
            for opens, closes in ranges:
                self._link(
                    table,
                    weekday=WEEKDAYS.index(weekday),
                    opens_minute=_minute(opens),
                    closes_minute=_minute(closes),
                    **owner,
                )

    def _write_staff(self) -> None:
        for position, member in enumerate(self._given.staff):
            staff_id = self._add(
                tables.staff,
                person_id=self._person(member.phone),
                name=member.name,
                role=member.role,
                position=position,
                first_message_at=self._writer.now if member.onboarded else None,
            )
            self._staff[member.key] = staff_id
            if member.hours is not None:
                self._write_hours(tables.staff_hours, member.hours, staff_id=staff_id)
            for block in member.blocks:
                self._add(
                    tables.staff_blocks,
                    staff_id=staff_id,
                    starts_at=self._moment(block.starts_at),
                    ends_at=self._moment(block.ends_at),
                    reason=block.reason,
                )

    def _write_services(self) -> None:
        for position, service in enumerate(self._given.services):
            service_id = self._add(
                tables.services,
                name=service.name,
                minutes=service.minutes,
                buffer_minutes=service.buffer_minutes,
                price_cents=service.price_cents,
                position=position,
            )
            self._services[service.name] = service_id
            for key in service.staff:
                self._link(tables.service_staff, service_id=service_id, staff_id=self._staff[key])
            for name in service.spots:
                self._link(tables.service_spots, service_id=service_id, spot_id=self._spots[name])

    def _write_appointment(self, given: WorldAppointment, location_id: UUID | None) -> None:
        service = self._given.find_service(given.service)
        assert service is not None, "checked when the world was loaded"
        starts_at = self._moment(given.starts_at)
        ends_at = starts_at + timedelta(minutes=service.minutes)
        self._add(
            tables.appointments,
            location_id=location_id,
            customer_id=self._customer(given.phone, given.customer),
            service_id=self._services[service.name],
            staff_id=self._staff[given.staff],
            spot_id=self._spots[given.spot] if given.spot else None,
            starts_at=starts_at,
            ends_at=ends_at,
            occupied_until=ends_at + timedelta(minutes=service.buffer_minutes),
            price_cents=service.price_cents,
            status=given.status,
            created_at=self._writer.now,
            changed_at=self._writer.now,
        )

    def _person(self, phone: str, *, opted_out: bool = False) -> UUID:
        key = _key(phone)
        if key not in self._people:
            now = self._writer.now
            person_id = self._add(tables.people, created_at=now, opted_out_at=now if opted_out else None)
            self._link(tables.addresses, key=key, person_id=person_id, raw=f"whatsapp:{phone}")
            self._people[key] = person_id
        return self._people[key]

    def _customer(self, phone: str, name: str | None, *, opted_out: bool = False) -> UUID:
        person_id = self._person(phone, opted_out=opted_out)
        if person_id not in self._customers:
            self._customers[person_id] = self._add(
                tables.customers, person_id=person_id, name=name, created_at=self._writer.now
            )
        return self._customers[person_id]

    def _moment(self, local: str) -> datetime:
        return parse_local(local, self._given.timezone).astimezone(UTC)


def _minute(clock_time: str) -> int:
    hours, minutes = clock_time.split(":")
    return int(hours) * 60 + int(minutes)
