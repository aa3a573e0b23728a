"""The world of an exported conversation: its business as it was when the conversation began, redacted.

What a row says now is what is known: an appointment that was moved since stands where it is now.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from evals.redaction import Redactor
from runtime.domain.enums import AppointmentStatus, OrganizationStatus, StaffRole
from runtime.store.exports import AppointmentRow, BusinessRows, ClosureRow, CustomerRow, HoursRow, StaffRow
from sim.local_time import find_local_fault
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
)

WORLD = "exportado"
NO_NAME = "Sin nombre"
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

    def make(self, channel: str, person_id: UUID | None, at: datetime, status: OrganizationStatus) -> World:
        """The world at a moment; who this person is the business knows where it knew it then."""
        known = [row for row in self.rows.customers if row.created_at < at and is_phone(row.address)]
        here = [self._make_customer(row, at) for row in known if row.person_id == person_id]
        organization = Organization(
            key="negocio",
            name=self._redactor.redact(self.rows.organization.name) or NO_NAME,
            status=status,
            timezone=self.rows.organization.timezone,
            channel=self._redactor.redact_address(channel),
            locations=self._make_locations(at),
            spots=tuple(self._spots.values()) if self.rows.locations else (),
            services=self._make_services(),
            staff=tuple(self._make_member(row, at) for row in self.rows.staff if row.id in self.staff_keys),
            customers=tuple(here),
            appointments=tuple(self._make_appointments({row.person_id: row for row in known}, at)),
        )
        return World(name=WORLD, central=self._central, organizations=(organization,))

    def _make_customer(self, row: CustomerRow, at: datetime) -> WorldCustomer:
        assert row.address is not None
        name = self._redactor.redact_name(row.name) if row.name else None
        opted_out = row.opted_out_at is not None and row.opted_out_at < at
        return WorldCustomer(self._redactor.redact_address(row.address), name, opted_out)

    def _make_locations(self, at: datetime) -> tuple[Location, ...]:
        return tuple(
            Location(
                self._redactor.redact(row.name) or NO_NAME,
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
            self._redactor.redact_name(row.name) or NO_NAME,
            row.role,
            self._redactor.redact_address(row.address),
            _make_hours(own) if own else None,
            onboarded=row.first_message_at is not None and row.first_message_at < at,
            blocks=tuple(
                block
                for each in self.rows.blocks
                if each.owner_id == row.id and each.ends_at > at and (block := self._make_block(each))
            ),
        )

    def _make_block(self, row: ClosureRow) -> Block | None:
        starts_at, ends_at = self._local(row.starts_at), self._local(row.ends_at)
        if starts_at is None or ends_at is None or ends_at <= starts_at:
            return None
        return Block(starts_at, ends_at, self._redactor.redact(row.reason))

    def _make_appointments(self, known: dict[UUID, CustomerRow], at: datetime) -> Iterator[WorldAppointment]:
        """Those that a calendar can hold together: one that was moved since may stand on another's time."""
        services = {row.id: (name, row) for row, name in zip(self.rows.services, self._service_names, strict=True)}
        busy: dict[UUID, list[tuple[datetime, datetime]]] = {}
        for row in self.rows.appointments:
            starts_at = self._local(row.starts_at)
            if not at - timedelta(days=1) < row.starts_at < at + AHEAD or row.created_at >= at or starts_at is None:
                continue
            customer, service = known.get(row.person_id), services.get(row.service_id)
            if customer is None or customer.address is None or service is None or row.staff_id not in self.staff_keys:
                continue
            status = _status_at(row, at)
            begins = row.starts_at.replace(second=0, microsecond=0)
            ends = begins + timedelta(minutes=service[1].minutes + service[1].buffer_minutes)
            taken = busy.setdefault(row.staff_id, [])
            if status is not AppointmentStatus.CANCELLED:
                if any(begins < end and start < ends for start, end in taken):
                    continue
                taken.append((begins, ends))
            yield WorldAppointment(
                self._redactor.redact_name(customer.name) if customer.name else NO_NAME,
                self._redactor.redact_address(customer.address),
                service[0],
                self.staff_keys[row.staff_id],
                starts_at,
                status,
                self._spots.get(row.spot) if row.spot else None,
            )

    def _local(self, at: datetime) -> str | None:
        """The local time of a moment; None where a world could not say which moment it is."""
        local = f"{at.astimezone(self.zone):%Y-%m-%dT%H:%M}"
        return None if find_local_fault(local, self.rows.organization.timezone) else local


def is_phone(address: str | None) -> bool:
    """Whether a world can hold somebody of this address."""
    return address is not None and _PHONE.fullmatch(address) is not None


def _status_at(row: AppointmentRow, at: datetime) -> AppointmentStatus:
    """What is known of an appointment at a moment: what changed later was not so yet."""
    return row.status if row.changed_at <= at else AppointmentStatus.CONFIRMED


def _make_hours(rows: Iterable[HoursRow]) -> Hours:
    """By weekday; ranges that run into each other are one, since a world takes them for a mistake."""
    hours: dict[str, tuple[tuple[str, str], ...]] = {}
    for row in rows:
        before = hours.get(WEEKDAYS[row.weekday], ())
        opens, closes = _clock(row.opens_minute), _clock(row.closes_minute)
        if before and opens < before[-1][1]:
            opens, closes, before = before[-1][0], max(closes, before[-1][1]), before[:-1]
        if opens < closes:
            hours[WEEKDAYS[row.weekday]] = (*before, (opens, closes))
    return hours


def _clock(minute: int) -> str:
    # a world's day ends a minute early
    minute = min(minute, 24 * 60 - 1)
    return f"{minute // 60:02}:{minute % 60:02}"


def _name_apart(names: list[str]) -> list[str]:
    """The names, with a number after those that are there already."""
    seen: dict[str, int] = {}
    apart = []
    for given in names:
        name = given or NO_NAME
        seen[name] = seen.get(name, 0) + 1
        apart.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return apart
