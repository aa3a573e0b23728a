"""The world a conversation lives in: businesses with their hours, services, people and appointments.

World files are `fixtures/worlds/NAME.json`; a transcript names one (or carries one inline), and the
driver writes it into an empty database. Times are the business's local ones. Nothing here touches a
database; a file that cannot be used gives every fault with its line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from runtime.domain.enums import AppointmentStatus, OrganizationStatus, StaffRole
from runtime.domain.identity import canonical_key
from sim.fields import Fault
from sim.json_files import read_json_file
from sim.local_time import find_local_fault, find_zone_fault, parse_local
from sim.problems import MalformedInput, Problem

WORLDS_DIR = Path(__file__).resolve().parents[1] / "fixtures" / "worlds"
"""Where named worlds are looked for unless a caller says otherwise."""

WEEKDAYS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
"""The keys of `Hours`, Monday first as `date.weekday()` counts."""

Key = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="a short name of a-z, 0-9, - and _")]
Phone = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(\+\d{8,15}|[A-Z]{2}\.[A-Za-z0-9.]{4,131})$",
        description="a number such as +525512345678 or a WhatsApp user id such as MX.1a2b3c4d",
    ),
]
ClockTime = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="a time such as 09:30")]
LocalMoment = Annotated[
    str,
    msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d$", description="a local date and time such as 2026-01-13T16:00"),
]
LocalDate = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d$", description="a date such as 2026-01-13")]
Name = Annotated[str, msgspec.Meta(min_length=1, description="a name")]
Minutes = Annotated[int, msgspec.Meta(ge=0)]
Hours = dict[str, tuple[tuple[ClockTime, ClockTime], ...]]
"""For each weekday that is open its ranges, in order; a weekday that is not there is closed."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of the parts of a world."""


class Closure(_Part, frozen=True):
    """A day on which a location is closed."""

    date: LocalDate
    reason: str = ""


class Location(_Part, frozen=True):
    """A place of a business."""

    name: Name
    address: str
    hours: Hours
    closures: tuple[Closure, ...] = ()


class WorldService(_Part, frozen=True):
    """Something that can be booked. `staff` are keys; `spots` empty means that it needs none."""

    name: Name
    minutes: Annotated[int, msgspec.Meta(ge=1)]
    price_cents: Minutes
    buffer_minutes: Minutes = 0
    staff: tuple[Key, ...] = ()
    spots: tuple[Name, ...] = ()


class Block(_Part, frozen=True):
    """Time a member of staff is not there."""

    starts_at: LocalMoment
    ends_at: LocalMoment
    reason: str = ""


class WorldStaff(_Part, frozen=True):
    """Somebody who works there. Without `hours` they follow the location's.

    `onboarded` False means that they have never written to the business's number.
    """

    key: Key
    name: Name
    role: StaffRole
    phone: Phone
    hours: Hours | None = None
    onboarded: bool = True
    blocks: tuple[Block, ...] = ()


class WorldCustomer(_Part, frozen=True):
    """Somebody the business knows already, by name or only by number."""

    phone: Phone
    name: Name | None = None
    opted_out: bool = False


class WorldAppointment(_Part, frozen=True):
    """An appointment that exists when the conversation begins; it makes its customer known."""

    customer: Name
    phone: Phone
    service: Name
    staff: Key
    starts_at: LocalMoment
    status: AppointmentStatus = AppointmentStatus.CONFIRMED
    spot: Name | None = None


class Organization(_Part, frozen=True):
    """A business. `channel` is its WhatsApp number; one that is being set up has none yet."""

    key: Key
    name: Name
    status: OrganizationStatus = OrganizationStatus.ACTIVE
    timezone: Name = "America/Mexico_City"
    channel: Phone | None = None
    locations: tuple[Location, ...] = ()
    spots: tuple[Name, ...] = ()
    services: tuple[WorldService, ...] = ()
    staff: tuple[WorldStaff, ...] = ()
    customers: tuple[WorldCustomer, ...] = ()
    appointments: tuple[WorldAppointment, ...] = ()

    def find_service(self, name: str) -> WorldService | None:
        """The service of exactly this name."""
        return next((service for service in self.services if service.name == name), None)

    def find_staff(self, key: str) -> WorldStaff | None:
        """The member of staff with this key."""
        return next((member for member in self.staff if member.key == key), None)


class World(_Part, frozen=True, kw_only=True):
    """Everything that exists when a conversation begins. The first organization is "business"."""

    name: Key
    about: str = ""
    central: Phone
    organizations: Annotated[tuple[Organization, ...], msgspec.Meta(min_length=1)]

    @property
    def business(self) -> Organization:
        """The organization that a message to "business" is meant for."""
        return self.organizations[0]


def list_clock_times(world: World, phones: Collection[str]) -> list[str]:
    """When its businesses and their people begin and end, and when these people have appointments; local, in order.

    Args:
        world: The world.
        phones: Of those whose appointments are asked for, in any spelling.
    """
    keys = {key.value for each in phones if (key := canonical_key(each)) is not None}
    found: set[str] = set()
    for business in world.organizations:
        weeks = [place.hours for place in business.locations] + [it.hours for it in business.staff if it.hours]
        found |= {time for week in weeks for ranges in week.values() for span in ranges for time in span}
        found |= {at[-5:] for it in business.staff for block in it.blocks for at in (block.starts_at, block.ends_at)}
        for appointment in business.appointments:
            key = canonical_key(appointment.phone)
            if key is not None and key.value in keys:
                found.add(appointment.starts_at[-5:])
    return sorted(found)


def list_worlds(folder: Path = WORLDS_DIR) -> list[str]:
    """Names of the worlds that can be loaded, in order."""
    return sorted(path.stem for path in folder.glob("*.json"))


def load_world(name: str, folder: Path = WORLDS_DIR) -> World:
    """The named world.

    Raises:
        MalformedInput: There is none of that name, or its file cannot be used.
    """
    path = folder / f"{name}.json"
    if not path.is_file():
        known = ", ".join(list_worlds(folder)) or "none"
        raise MalformedInput([Problem(str(path), message=f"no world is called {name!r} (known: {known})")])
    return read_world(path)


def read_world(path: Path) -> World:
    """The world in this file.

    Raises:
        MalformedInput: With every fault and its line.
    """

    def check(world: World) -> list[Fault]:
        faults = check_world(world)
        if world.name != path.stem:
            faults.append(Fault("name", f"expected {path.stem!r}, the name of the file, got {world.name!r}"))
        return faults

    return read_json_file(path, World, check)


def hash_world(world: World) -> str:
    """SHA-256 of the world's canonical JSON: equal worlds have equal hashes, however they are written."""
    return hashlib.sha256(msgspec.json.encode(world, order="sorted")).hexdigest()


def check_world(world: World) -> list[Fault]:
    """What a well-formed world gets wrong: names that lead nowhere, times that cannot be, clashes."""
    faults: list[Fault] = []
    faults += _find_repeats("organizations", "key", [o.key for o in world.organizations])
    numbers = [world.central] + [o.channel for o in world.organizations if o.channel]
    for number in sorted({number for number in numbers if numbers.count(number) > 1}):
        faults.append(Fault("organizations", f"two of our own numbers are {number}"))
    for index, organization in enumerate(world.organizations):
        faults += _check_organization(organization, f"organizations[{index}]")
    return faults


def _check_organization(organization: Organization, at: str) -> list[Fault]:
    zone_fault = find_zone_fault(organization.timezone)
    if zone_fault:
        return [Fault(f"{at}.timezone", zone_fault)]
    faults: list[Fault] = []
    faults += _find_repeats(f"{at}.staff", "key", [s.key for s in organization.staff])
    faults += _find_repeats(f"{at}.staff", "phone", [s.phone for s in organization.staff])
    faults += _find_repeats(f"{at}.services", "name", [s.name for s in organization.services])
    faults += _find_repeats(f"{at}.spots", "", list(organization.spots))
    if organization.status is OrganizationStatus.ACTIVE and organization.channel is None:
        faults.append(Fault(f"{at}.channel", "an active organization needs a number"))
    for index, location in enumerate(organization.locations):
        faults += _check_hours(location.hours, f"{at}.locations[{index}].hours")
        for number, closure in enumerate(location.closures):
            found = find_local_fault(f"{closure.date}T12:00", organization.timezone)
            if found:
                faults.append(Fault(f"{at}.locations[{index}].closures[{number}].date", found))
    for index, service in enumerate(organization.services):
        faults += _check_service(service, organization, f"{at}.services[{index}]")
    for index, member in enumerate(organization.staff):
        faults += _check_member(member, organization, f"{at}.staff[{index}]")
    faults += _check_appointments(organization, at)
    return faults


def _check_service(service: WorldService, organization: Organization, at: str) -> list[Fault]:
    keys = [member.key for member in organization.staff]
    faults = [
        _unknown(f"{at}.staff[{i}]", "member of staff", key, keys)
        for i, key in enumerate(service.staff)
        if key not in keys
    ]
    faults += [
        _unknown(f"{at}.spots[{i}]", "spot", spot, organization.spots)
        for i, spot in enumerate(service.spots)
        if spot not in organization.spots
    ]
    return faults


def _check_member(member: WorldStaff, organization: Organization, at: str) -> list[Fault]:
    faults = _check_hours(member.hours, f"{at}.hours") if member.hours is not None else []
    for index, block in enumerate(member.blocks):
        for field, text in (("starts_at", block.starts_at), ("ends_at", block.ends_at)):
            found = find_local_fault(text, organization.timezone)
            if found:
                faults.append(Fault(f"{at}.blocks[{index}].{field}", found))
        if block.ends_at <= block.starts_at:
            faults.append(Fault(f"{at}.blocks[{index}].ends_at", "must be after starts_at"))
    return faults


def _check_hours(hours: Hours, at: str) -> list[Fault]:
    faults: list[Fault] = []
    for day, ranges in hours.items():
        if day not in WEEKDAYS:
            faults.append(_unknown(f"{at}.{day}", "weekday", day, WEEKDAYS))
        previous = ""
        for index, (opens, closes) in enumerate(ranges):
            if closes <= opens:
                faults.append(Fault(f"{at}.{day}[{index}]", f"closes at {closes}, not after it opens at {opens}"))
            if opens < previous:
                faults.append(Fault(f"{at}.{day}[{index}]", f"opens at {opens}, before the range ahead of it closes"))
            previous = closes
    return faults


def _check_appointments(organization: Organization, at: str) -> list[Fault]:
    faults: list[Fault] = []
    busy: list[tuple[str, datetime, datetime]] = []
    for index, row in enumerate(organization.appointments):
        place = f"{at}.appointments[{index}]"
        service = organization.find_service(row.service)
        if service is None:
            names = [s.name for s in organization.services]
            faults.append(_unknown(f"{place}.service", "service", row.service, names))
        if organization.find_staff(row.staff) is None:
            keys = [s.key for s in organization.staff]
            faults.append(_unknown(f"{place}.staff", "member of staff", row.staff, keys))
        if row.spot is not None and row.spot not in organization.spots:
            faults.append(_unknown(f"{place}.spot", "spot", row.spot, organization.spots))
        found = find_local_fault(row.starts_at, organization.timezone)
        if found:
            faults.append(Fault(f"{place}.starts_at", found))
        if service is None or found or row.status is AppointmentStatus.CANCELLED:
            continue
        starts = parse_local(row.starts_at, organization.timezone)
        ends = starts + timedelta(minutes=service.minutes + service.buffer_minutes)
        if any(who == row.staff and starts < end and start < ends for who, start, end in busy):
            faults.append(Fault(f"{place}.starts_at", f"{row.staff} has another appointment at that time"))
        busy.append((row.staff, starts, ends))
    return faults


def _find_repeats(at: str, field: str, values: list[str]) -> list[Fault]:
    return [
        Fault(f"{at}[{index}]" + (f".{field}" if field else ""), f"{value!r} is there twice")
        for index, value in enumerate(values)
        if value in values[:index]
    ]


def _unknown(at: str, what: str, got: str, known: Sequence[str]) -> Fault:
    return Fault(at, f"no {what} is called {got!r} (known: {', '.join(known) or 'none'})")
