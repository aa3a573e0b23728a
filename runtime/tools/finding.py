"""What staff mean: which appointment, which customer, which colleague, which stretch of time.

Every failure is a `Rejected` with Spanish words and the question to ask. What fits more than once is asked about.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID

import msgspec

from runtime.domain import words_staff
from runtime.domain.errors import Rejected
from runtime.domain.identity import canonical_key
from runtime.domain.spanish.dates import resolve
from runtime.domain.spanish.folding import fold_words
from runtime.domain.spanish.formats import format_date, format_phone, format_time, format_when
from runtime.domain.spanish.resolution import Resolution, ResolutionKind
from runtime.store import clients
from runtime.store.business import StaffRow
from runtime.store.clients import Booking, Client
from runtime.tools.base import ToolContext

LOOK_BACK = timedelta(days=7)
LOOK_AHEAD = timedelta(days=60)
LONGEST_BLOCK = timedelta(days=31)
_MOST_NAMED = 6
_SELF = frozenset({"yo", "mi", "mio", "mia", "mis", "conmigo"})


class Wanted(msgspec.Struct, frozen=True):
    """How an appointment was spoken of: any of its parts may be missing."""

    customer: str | None
    when: str | None
    appointment_id: str | None = None


async def find_booking(context: ToolContext, wanted: Wanted, *, held: bool = False) -> Booking:
    """The one appointment that is meant; where several fit, the only one of whoever writes.

    Args:
        context: Of the call.
        wanted: What was said of it.
        held: Of today or the days before, whatever its status; else one that is still to come or under way.

    Raises:
        Rejected: `not_found`, or `which_one` with those that fit.
    """
    since = context.now - LOOK_BACK if held else context.now - timedelta(hours=1)
    until = context.now + LOOK_AHEAD
    found = await clients.list_bookings(context.uow, context.organization_id, since=since, until=until)
    found = [each for each in found if held or each.is_open]
    if wanted.appointment_id is not None:
        found = [each for each in found if each.id == _read_id(wanted.appointment_id)]
    else:
        found = _narrow(context, found, wanted, held=held)
    if not found:
        raise Rejected("not_found", words_staff.NO_SUCH_APPOINTMENT, question=words_staff.ASK_APPOINTMENT)
    if len(found) > 1:
        own = [each for each in found if context.member is not None and each.staff_id == context.member.id]
        found = own if len(own) == 1 else found
    if len(found) > 1:
        lines = [describe_booking(context, each) for each in found[:_MOST_NAMED]]
        raise Rejected("which_one", words_staff.which_one(lines), question=words_staff.ASK_WHICH)
    return found[0]


def _read_id(given: str) -> UUID | None:
    try:
        return UUID(given)
    except ValueError:
        return None


def _narrow(context: ToolContext, found: Sequence[Booking], wanted: Wanted, *, held: bool) -> list[Booking]:
    """Those that fit the name and the time that were said; none where nothing was."""
    name, when = (wanted.customer or "").strip(), (wanted.when or "").strip()
    if not name and not when:
        return []
    kept = list(found)
    if name:
        kept = [each for each in kept if each.customer and is_named(name, each.customer)]
    days: frozenset[date] | None = None
    if when:
        resolution = read_words(context, when)
        at = resolution.starts_at
        assert at is not None
        if resolution.kind is ResolutionKind.INSTANT and resolution.has_time:
            kept = [each for each in kept if _local(context, each).time() == at.time()]
        elif resolution.has_time and resolution.ends_at is not None:
            since, until = at.time(), resolution.ends_at.time()
            kept = [each for each in kept if since <= _local(context, each).time() < until or until <= since]
        if resolution.has_day:
            days = _days_of(resolution)
    if days is None and held:
        days = frozenset({context.now_local.date()})
    if days is not None:
        on_day = [each for each in kept if _local(context, each).date() in days]
        # a name alone may be of yesterday, an hour alone is of today
        kept = on_day if on_day or when else [each for each in kept if each.starts_at <= context.now][-1:]
    elif when and not name:
        # an hour alone is of the next day on which there is one
        kept = [each for each in kept if _local(context, each).date() == _local(context, kept[0]).date()]
    return kept


def _days_of(resolution: Resolution) -> frozenset[date]:
    assert resolution.starts_at is not None
    last = (resolution.ends_at - timedelta(microseconds=1)) if resolution.ends_at else resolution.starts_at
    count = (last.date() - resolution.starts_at.date()).days
    return frozenset(resolution.starts_at.date() + timedelta(days=offset) for offset in range(count + 1))


def _local(context: ToolContext, booking: Booking) -> datetime:
    return booking.starts_at.astimezone(context.zone)


def is_named(said: str, name: str) -> bool:
    """Whether all words that were said are of the name."""
    words = set(fold_words(said).split())
    return bool(words) and words <= set(fold_words(name).split())


def read_words(context: ToolContext, words: str) -> Resolution:
    """What somebody's words for a day or a time amount to; the past is nothing special.

    Raises:
        Rejected: `ask_date` when they say nothing or could mean several days.
    """
    resolution = resolve(words, now_local=context.now_local, hours=context.business.week_hours)
    if resolution.kind is ResolutionKind.NONE:
        raise Rejected("ask_date", words_staff.UNCLEAR_DAY, question=words_staff.ASK_DAY)
    if resolution.kind is ResolutionKind.AMBIGUOUS:
        raise Rejected("ask_date", words_staff.UNCLEAR_DAY, question=resolution.question or words_staff.ASK_DAY)
    return resolution


def describe_booking(context: ToolContext, booking: Booking) -> str:
    """An appointment in a list."""
    when = format_when(_local(context, booking), context.now_local)
    return f"{booking.customer or words_staff.NAMELESS}, {booking.service}, {when}, con {booking.staff}"


def when_of(context: ToolContext, booking: Booking) -> str:
    """Its moment as it is told."""
    return format_when(_local(context, booking), context.now_local)


# People ----------------------------------------------------------------------------------------------------


async def find_client(context: ToolContext, said: str) -> Client:
    """The one customer of this name or number.

    Raises:
        Rejected: `unknown_customer`, or `which_customer` with what tells them apart.
    """
    found = await list_fitting(context, said)
    if not found:
        raise Rejected("unknown_customer", words_staff.no_such_customer(said), question=words_staff.ASK_CUSTOMER)
    return found[0]


async def list_fitting(context: ToolContext, said: str) -> list[Client]:
    """At most one customer of this name or number.

    Raises:
        Rejected: `which_customer`: several fit; `is_staff`: the number is of one of the staff.
    """
    key = canonical_key(said) if any(char.isdecimal() for char in said) else None
    if key is not None:
        known = await clients.find_by_key(context.uow, context.organization_id, key.value)
        if known is not None and known.member is not None:
            raise Rejected("is_staff", words_staff.is_member(known.member))
        return [known.client] if known is not None else []
    everybody = await clients.list_clients(context.uow, context.organization_id)
    found = [each for each in everybody if each.name and is_named(said, each.name)]
    exact = [each for each in found if fold_words(each.name or "") == fold_words(said)]
    found = exact if len(exact) == 1 else found
    if len(found) > 1:
        told = [f"{each.name} ({format_phone(each.key) if each.key else 'sin teléfono'})" for each in found]
        question = words_staff.ASK_WHICH_CUSTOMER
        raise Rejected("which_customer", words_staff.which_customer(told[:_MOST_NAMED]), question=question)
    return found


def find_member(context: ToolContext, said: str | None) -> StaffRow:
    """The colleague of this name; without one, or by "yo", whoever writes.

    Raises:
        Rejected: `unknown_staff`.
    """
    if said is None or not said.strip() or fold_words(said) in _SELF:
        return context.require_member()
    team = context.business.staff
    found = [each for each in team if is_named(said, each.name)]
    if len(found) != 1:
        raise Rejected("unknown_staff", words_staff.no_such_member(said, [each.name for each in team]))
    return found[0]


# Stretches of time -----------------------------------------------------------------------------------------


class Span(msgspec.Struct, frozen=True):
    """A stretch of time and its words. Aware UTC or local, the end exclusive."""

    starts_at: datetime
    ends_at: datetime
    label: str


def read_spans(context: ToolContext, words: str) -> list[Span]:
    """What is blocked by these words: whole days, or the same hours of each.

    Raises:
        Rejected: `ask_date` where a begin or an end is missing; `past`; `too_long`.
    """
    resolution = read_words(context, words)
    starts_at, ends_at = resolution.starts_at, resolution.ends_at
    assert starts_at is not None
    if ends_at is None:
        raise Rejected("ask_date", "Falta la hora en que termina.", question=words_staff.ASK_SPAN)
    if ends_at <= context.now_local:
        raise Rejected("past", words_staff.PAST, question=words_staff.ASK_DAY)
    if ends_at - starts_at > LONGEST_BLOCK:
        raise Rejected("too_long", words_staff.TOO_LONG)
    days = sorted(_days_of(resolution))
    if not resolution.has_time:
        return [_whole_day(context, day) for day in days]
    if resolution.daily_from is None or resolution.daily_until is None:
        return [_name_span(context, starts_at, ends_at)]
    return [
        _name_span(context, _at(context, day, resolution.daily_from), _at(context, day, resolution.daily_until))
        for day in days
    ]


def _at(context: ToolContext, day: date, moment: time) -> datetime:
    return datetime.combine(day, moment, tzinfo=context.zone)


def _whole_day(context: ToolContext, day: date) -> Span:
    label = f"el {format_date(day, context.now_local.date())}, todo el día"
    return Span(_at(context, day, time()), _at(context, day + timedelta(days=1), time()), label)


def _name_span(context: ToolContext, starts_at: datetime, ends_at: datetime) -> Span:
    day = format_date(starts_at.date(), context.now_local.date())
    return Span(starts_at, ends_at, f"el {day} de {format_time(starts_at)} a {format_time(ends_at)}")


def name_stretch(context: ToolContext, starts_at: datetime, ends_at: datetime) -> str:
    """A stored stretch in words."""
    begins, ends = starts_at.astimezone(context.zone), ends_at.astimezone(context.zone)
    if begins.time() == time() and ends == _at(context, begins.date() + timedelta(days=1), time()):
        return _whole_day(context, begins.date()).label
    return _name_span(context, begins, ends).label
