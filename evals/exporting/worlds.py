"""The world of an exported conversation: its business as it was when the conversation began, redacted.

What a row says now is what is known: an appointment that was moved since stands where it is now.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from evals.redaction import Redactor
from runtime.domain.enums import AppointmentStatus, OrganizationStatus, StaffRole
from runtime.store.exports import AppointmentRow, BusinessRows, ClosureRow, CustomerRow, HoursRow, StaffRow
from sim.worlds import (
    WEEKDAYS,
    Block,
    Closure,
    Hours,
    Location,
    Organization,
    World,
    WorldAppointment,
    WorldCustomer,
    WorldService,
    WorldStaff,
    check_world,
)

WORLD = "exportado"
NO_NAME = "Cliente"
AHEAD = timedelta(days=60)
"""How far ahead of a conversation appointments are taken along."""

_PHONE = re.compile(r"\+\d{8,15}|[A-Z]{2}\.[A-Za-z0-9.]{4,131}")


class WorldMaker:
    """One business, and the worlds its conversations need."""

    def __init__(self, rows: BusinessRows, redactor: Redactor, central: str) -> None:
        self.rows = rows
        self.zone = ZoneInfo(rows.organization.timezone)
        self._redactor = redactor
        self._central = redactor.redact_address(central)
        reachable = [row for row in rows.staff if is_phone(row.address)]
        self.staff_keys = {row.id: f"persona{number}" for number, row in enumerate(reachable, start=1)}
        self.roles: dict[str, StaffRole] = {self.staff_keys[row.id]: row.role for row in reachable}
        self._service_names = _name_apart([redactor.redact(row.name) for row in rows.services])
        spots = _name_apart([redactor.redact(name) for name in rows.spots])
        self._spots = dict(zip(rows.spots, spots, strict=True))

    def make(self, channel: str, person_id: UUID | None, at: datetime) -> World:
        """The world at a moment; who this person is the business knows where it knew it then."""
        known = [row for row in self.rows.customers if row.created_at < at and is_phone(row.address)]
        here = [self._make_customer(row, at) for row in known if row.person_id == person_id]
        appointments = self._make_appointments({row.person_id: row for row in known}, at)
        organization = Organization(
            key="negocio",
            name=self._redactor.redact(self.rows.organization.name),
            status=OrganizationStatus.ACTIVE,
            timezone=self.rows.organization.timezone,
            channel=self._redactor.redact_address(channel),
            locations=self._make_locations(at),
            spots=tuple(self._spots.values()) if self.rows.locations else (),
            services=self._make_services(),
            staff=tuple(self._make_member(row, at) for row in self.rows.staff if row.id in self.staff_keys),
            customers=tuple(here),
        )
        return _with_appointments(World(name=WORLD, central=self._central, organizations=(organization,)), appointments)

    def _make_customer(self, row: CustomerRow, at: datetime) -> WorldCustomer:
        assert row.address is not None
        name = self._redactor.redact_name(row.name) if row.name else None
        opted_out = row.opted_out_at is not None and row.opted_out_at < at
        return WorldCustomer(self._redactor.redact_address(row.address), name, opted_out)

    def _make_locations(self, at: datetime) -> tuple[Location, ...]:
        return tuple(
            Location(
                self._redactor.redact(row.name),
                self._redactor.redact(row.address),
                _make_hours(each for each in self.rows.location_hours if each.owner_id == row.id),
                tuple(
                    Closure(f"{each.starts_at.astimezone(self.zone):%Y-%m-%d}", self._redactor.redact(each.reason))
                    for each in self.rows.closures
                    if each.owner_id == row.id and each.ends_at > at
                ),
            )
            for row in self.rows.locations
        )

    def _make_services(self) -> tuple[WorldService, ...]:
        return tuple(
            WorldService(
                name,
                row.minutes,
                row.price_cents,
                row.buffer_minutes,
                tuple(self.staff_keys[each] for each in row.staff if each in self.staff_keys),
                tuple(dict.fromkeys(self._spots[spot] for spot in row.spots)),
            )
            for name, row in zip(self._service_names, self.rows.services, strict=True)
        )

    def _make_member(self, row: StaffRow, at: datetime) -> WorldStaff:
        assert row.address is not None
        own = [each for each in self.rows.staff_hours if each.owner_id == row.id]
        return WorldStaff(
            self.staff_keys[row.id],
            self._redactor.redact_name(row.name),
            row.role,
            self._redactor.redact_address(row.address),
            _make_hours(own) if own else None,
            onboarded=row.first_message_at is not None and row.first_message_at < at,
            blocks=tuple(
                self._make_block(each) for each in self.rows.blocks if each.owner_id == row.id and each.ends_at > at
            ),
        )

    def _make_block(self, row: ClosureRow) -> Block:
        return Block(self._local(row.starts_at), self._local(row.ends_at), self._redactor.redact(row.reason))

    def _make_appointments(self, known: dict[UUID, CustomerRow], at: datetime) -> list[WorldAppointment]:
        services = {row.id: name for row, name in zip(self.rows.services, self._service_names, strict=True)}
        found = []
        for row in self.rows.appointments:
            customer = known.get(row.person_id)
            there = row.created_at < at and row.starts_at > at - timedelta(days=1) and row.starts_at < at + AHEAD
            if not there or customer is None or row.service_id not in services or row.staff_id not in self.staff_keys:
                continue
            name = self._redactor.redact_name(customer.name) if customer.name else NO_NAME
            found.append(
                WorldAppointment(
                    name,
                    self._redactor.redact_address(customer.address or ""),
                    services[row.service_id],
                    self.staff_keys[row.staff_id],
                    self._local(row.starts_at),
                    _status_at(row, at),
                    self._spots.get(row.spot) if row.spot else None,
                )
            )
        return found

    def _local(self, at: datetime) -> str:
        return f"{at.astimezone(self.zone):%Y-%m-%dT%H:%M}"


def is_phone(address: str | None) -> bool:
    """Whether a world can hold somebody of this address."""
    return address is not None and _PHONE.fullmatch(address) is not None


def _status_at(row: AppointmentRow, at: datetime) -> AppointmentStatus:
    """What is known of an appointment at a moment: what changed later was not so yet."""
    return row.status if row.changed_at <= at else AppointmentStatus.CONFIRMED


def _with_appointments(world: World, appointments: list[WorldAppointment]) -> World:
    """The appointments that a calendar can hold together: one that was moved since may stand on another."""
    kept: list[WorldAppointment] = []
    for each in appointments:
        if not check_world(_replace(world, [*kept, each])):
            kept.append(each)
    return _replace(world, kept)


def _replace(world: World, appointments: list[WorldAppointment]) -> World:
    return replace(world, organizations=(replace(world.business, appointments=tuple(appointments)),))


def _make_hours(rows: Iterable[HoursRow]) -> Hours:
    hours: dict[str, tuple[tuple[str, str], ...]] = {}
    for row in rows:
        day = WEEKDAYS[row.weekday]
        hours[day] = (*hours.get(day, ()), (_clock(row.opens_minute), _clock(row.closes_minute)))
    return hours


def _clock(minute: int) -> str:
    # a world's day ends a minute early
    minute = min(minute, 24 * 60 - 1)
    return f"{minute // 60:02}:{minute % 60:02}"


def _name_apart(names: list[str]) -> list[str]:
    """The names, with a number after those that are there already."""
    seen: dict[str, int] = {}
    apart = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        apart.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return apart
