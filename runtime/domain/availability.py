"""When somebody can be served: opening hours, staff hours, breaks, chairs, buffers and the past.

Pure arithmetic over what the store loaded; the tools ask, and the database's exclusion constraints
have the last word. Busy time and instants are aware UTC; opening hours are local to `zone`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from runtime.domain.ids import SpotId, StaffId
from runtime.domain.schedule_hours import WeekHours

GRID_MINUTES = 15
"""Free times are looked for on this grid, counted from each opening."""


class Busy(msgspec.Struct, frozen=True):
    """A stretch that is taken, end exclusive."""

    starts_at: datetime
    ends_at: datetime

    def overlaps(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Whether any moment is shared."""
        return self.starts_at < ends_at and starts_at < self.ends_at


class Server(msgspec.Struct, frozen=True):
    """A member of staff who does the service. `hours` None means the location's own."""

    staff_id: StaffId
    name: str
    hours: WeekHours | None = None
    busy: tuple[Busy, ...] = ()


class Chair(msgspec.Struct, frozen=True):
    """A spot the service can be done at."""

    spot_id: SpotId
    busy: tuple[Busy, ...] = ()


class Agenda(msgspec.Struct, frozen=True):
    """Everything that decides whether a service can begin at a moment.

    Attributes:
        zone: The location's time zone.
        hours: The location's weekly hours.
        closures: When the whole location is closed.
        servers: Who may serve, in the order they are tried.
        chairs: Where, in order; empty when the service needs no spot.
        minutes: Length of the service.
        buffer_minutes: Kept free after it.
    """

    zone: ZoneInfo
    hours: WeekHours
    closures: tuple[Busy, ...]
    servers: tuple[Server, ...]
    chairs: tuple[Chair, ...]
    minutes: int
    buffer_minutes: int


class Slot(msgspec.Struct, frozen=True):
    """A moment at which this person can begin, at this spot."""

    starts_at: datetime
    staff_id: StaffId
    staff_name: str
    spot_id: SpotId | None


class Obstacle(StrEnum):
    """Why nothing can begin at a moment, the first that applies."""

    PAST = "past"
    CLOSED = "closed"
    STAFF_OFF = "staff_off"
    TAKEN = "taken"


def list_slots_at(agenda: Agenda, starts_at: datetime, now: datetime) -> tuple[Slot, ...] | Obstacle:
    """Every way to begin at this moment, first choice first, or why there is none."""
    if starts_at < now:
        return Obstacle.PAST
    ends_at = starts_at + timedelta(minutes=agenda.minutes)
    occupied_until = ends_at + timedelta(minutes=agenda.buffer_minutes)
    closed = any(closure.overlaps(starts_at, ends_at) for closure in agenda.closures)
    if closed or not _fits(agenda.hours, agenda.zone, starts_at, ends_at):
        return Obstacle.CLOSED
    present = [
        server
        for server in agenda.servers
        if server.hours is None or _fits(server.hours, agenda.zone, starts_at, ends_at)
    ]
    if not present:
        return Obstacle.STAFF_OFF
    free = [server for server in present if not _is_busy(server.busy, starts_at, occupied_until)]
    chairs: list[SpotId | None] = [
        chair.spot_id for chair in agenda.chairs if not _is_busy(chair.busy, starts_at, occupied_until)
    ]
    if not agenda.chairs:
        chairs = [None]
    slots = tuple(Slot(starts_at, server.staff_id, server.name, chair) for server in free for chair in chairs)
    return slots or Obstacle.TAKEN


def find_slots(agenda: Agenda, starts_at: datetime, ends_at: datetime, now: datetime) -> Iterator[Slot]:
    """The first choice of each free moment within `[starts_at, ends_at)`, in order of time."""
    day = starts_at.astimezone(agenda.zone).date()
    last = ends_at.astimezone(agenda.zone).date()
    while day <= last:
        for moment in _grid(agenda, day):
            if starts_at <= moment < ends_at:
                found = list_slots_at(agenda, moment, now)
                if not isinstance(found, Obstacle):
                    yield found[0]
        day += timedelta(days=1)


def spread(slots: list[Slot], most: int) -> list[Slot]:
    """At most `most` of these, evenly over their range, the first always among them."""
    if len(slots) <= most:
        return slots
    step = (len(slots) - 1) / max(1, most - 1)
    return [slots[round(index * step)] for index in range(most)]


def find_nearest(agenda: Agenda, wanted: datetime, now: datetime, *, most: int, days: int = 14) -> list[Slot]:
    """Free moments closest to a wanted one: that day by distance, then the following days in order."""
    local = wanted.astimezone(agenda.zone)
    midnight = datetime.combine(local.date(), time(), tzinfo=agenda.zone)
    same_day = prefer_round(agenda, list(find_slots(agenda, midnight, midnight + timedelta(days=1), now)), most)
    same_day.sort(key=lambda slot: (abs(slot.starts_at - wanted), slot.starts_at))
    chosen = same_day[:most]
    # one a day at the wanted hour or after is more use than a whole morning in a row; at any hour, if need be
    for earliest in (local.time(), time()):
        later = find_slots(agenda, midnight + timedelta(days=1), midnight + timedelta(days=days), now)
        while len(chosen) < most and (slot := next(later, None)) is not None:
            if slot.starts_at.astimezone(agenda.zone).time() >= earliest and not _same_day(agenda, chosen, slot):
                chosen.append(slot)
    return sorted(chosen, key=lambda slot: slot.starts_at)


def prefer_round(agenda: Agenda, slots: list[Slot], enough: int) -> list[Slot]:
    """Only whole and half hours, which is what people ask for, if there are enough of them."""
    rounded = [slot for slot in slots if slot.starts_at.astimezone(agenda.zone).minute % 30 == 0]
    return rounded if len(rounded) >= enough else slots


def _same_day(agenda: Agenda, chosen: list[Slot], slot: Slot) -> bool:
    day = slot.starts_at.astimezone(agenda.zone).date()
    return any(other.starts_at.astimezone(agenda.zone).date() == day for other in chosen)


def _grid(agenda: Agenda, day: date) -> Iterator[datetime]:
    for open_range in agenda.hours.open_ranges(day):
        # whether it ends in time is not for the wall clock to say: in autumn an hour comes twice
        for minute in range(open_range.start_minute, open_range.end_minute, GRID_MINUTES):
            moment = _instant(agenda.zone, day, minute)
            # not an hour the clocks skip in spring
            if moment.astimezone(agenda.zone).hour == minute // 60:
                yield moment


@lru_cache(maxsize=4096)
def _instant(zone: ZoneInfo, day: date, minute: int) -> datetime:
    return (datetime.combine(day, time(), tzinfo=zone) + timedelta(minutes=minute)).astimezone(UTC)


def _fits(hours: WeekHours, zone: ZoneInfo, starts_at: datetime, ends_at: datetime) -> bool:
    day = starts_at.astimezone(zone).date()
    for open_range in hours.open_ranges(day):
        opens_at, closes_at = _instant(zone, day, open_range.start_minute), _instant(zone, day, open_range.end_minute)
        if opens_at <= starts_at and ends_at <= closes_at:
            return True
    return False


def _is_busy(busy: tuple[Busy, ...], starts_at: datetime, ends_at: datetime) -> bool:
    return any(each.starts_at < ends_at and starts_at < each.ends_at for each in busy)
