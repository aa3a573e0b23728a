"""Which minutes of a given day an hour or a range means: opening hours decide what the words leave open.

A bare "a las 5" is the five o'clock at which the business is open. Where it is open at both and people say
both ("a las 8"), two readings come back and the resolver asks.
"""

from __future__ import annotations

from datetime import date

import msgspec

from runtime.domain.schedule_hours import MINUTES_PER_DAY, TimeRange
from runtime.domain.spanish.day_parts import part_minutes
from runtime.domain.spanish.findings import Clock, Half, Scene, Shape, TimeFinding

_HALF_DAY = 720
_DEFAULT_SPAN = TimeRange(540, 1140)
_FIRST_ASKED_HOUR = 6
_LAST_USUAL_PM_HOUR = 7


class Slot(msgspec.Struct, frozen=True, order=True):
    """Minutes after the midnight that begins a day; `end` is None for a point and may exceed 1440."""

    start: int
    end: int | None = None


def slots_on(finding: TimeFinding, day: date, scene: Scene) -> tuple[Slot, ...]:
    """What a time of day means on a date: one slot, or several where it is ambiguous, likeliest first.

    OFFSET and VAGUE findings have no slots on a date; for those the answer is empty.
    """
    first, second = finding.first, finding.second
    if finding.shape is Shape.PART and finding.part is not None:
        part = part_minutes(finding.part, scene.hours.span(day))
        return (Slot(part.start_minute, part.end_minute),)
    if first is None:
        return ()
    if finding.shape is Shape.RANGE and second is not None:
        return _range_slots(first, second, day, scene)
    if finding.shape is Shape.FROM:
        return tuple(_slot_from(minute, day, scene) for minute in _minutes_of(first, day, scene))
    if finding.shape is Shape.UNTIL:
        return tuple(_slot_until(minute, day, scene) for minute in _minutes_until(first, day, scene))
    return _point_slots(first, second, day, scene)


def _point_slots(first: Clock, second: Clock | None, day: date, scene: Scene) -> tuple[Slot, ...]:
    if second is None:
        return tuple(Slot(minute) for minute in _minutes_of(first, day, scene))
    shared = msgspec.structs.replace(first, half=first.half or (second.half if first.hour <= second.hour else None))
    readings = (*_minutes_of(shared, day, scene), *_minutes_of(second, day, scene))
    return tuple(Slot(minute) for minute in dict.fromkeys(readings))


def _minutes_of(clock: Clock, day: date, scene: Scene) -> tuple[int, ...]:
    """The minute of a point in time; two where the business is open at both and the words leave it open."""
    readings = _readings(clock)
    if len(readings) == 1:
        return readings
    morning, afternoon = readings
    ahead = [minute for minute in readings if _is_ahead(minute, day, scene)]
    open_at = [minute for minute in readings if scene.hours.is_open_at(day, minute)]
    if clock.half is not None:
        # "12 am" is midnight by the book, and noon for many people: the one that is open.
        return (afternoon,) if open_at == [afternoon] else (morning,)
    if len(open_at) == 2:
        if len(ahead) == 1:
            return (ahead[0],)
        return readings if clock.hour >= _FIRST_ASKED_HOUR and clock.hour != 12 else (afternoon,)
    if open_at:
        return (open_at[0],)
    if len(ahead) == 1:
        return (ahead[0],)
    return (_nearest_to_hours(clock, readings, day, scene),)


def _readings(clock: Clock) -> tuple[int, ...]:
    """One minute of the day, or morning and afternoon for a bare hour and for "12 am"."""
    if clock.hour == 0 or clock.hour > 12:
        return (clock.hour * 60 + clock.minute,)
    morning = clock.hour % 12 * 60 + clock.minute
    if clock.half is Half.PM:
        return (morning + _HALF_DAY,)
    if clock.half is Half.AM and (clock.hour != 12 or clock.has_colon):
        return (morning,)
    return (morning, morning + _HALF_DAY)


def _is_ahead(minute: int, day: date, scene: Scene) -> bool:
    return day > scene.today or (day == scene.today and minute > scene.now.hour * 60 + scene.now.minute)


def _nearest_to_hours(clock: Clock, readings: tuple[int, ...], day: date, scene: Scene) -> int:
    """Neither reading is open: the one nearer to the hours, else what people usually mean."""
    morning, afternoon = readings
    if clock.hour == 12:
        return afternoon
    span = scene.hours.span(day) or scene.hours.usual_span() or _DEFAULT_SPAN
    if span.contains(morning) != span.contains(afternoon):
        return morning if span.contains(morning) else afternoon
    before, after = span.start_minute - morning, afternoon - span.end_minute
    if before != after:
        return morning if before < after else afternoon
    return afternoon if clock.hour <= _LAST_USUAL_PM_HOUR else morning


def _slot_from(minute: int, day: date, scene: Scene) -> Slot:
    span = scene.hours.span(day)
    end = span.end_minute if span is not None and span.end_minute > minute else MINUTES_PER_DAY
    return Slot(min(minute, MINUTES_PER_DAY - 1), end)


def _minutes_until(clock: Clock, day: date, scene: Scene) -> tuple[int, ...]:
    """The limit of "antes de las 9": a limit that leaves nothing open before it is not meant."""
    readings = _readings(clock)
    span = scene.hours.span(day) or scene.hours.usual_span() or _DEFAULT_SPAN
    useful = tuple(minute for minute in readings if span.start_minute < minute <= span.end_minute)
    if len(useful) == 2 and (clock.hour < _FIRST_ASKED_HOUR or clock.hour == 12):
        return (useful[1],)
    return useful or _minutes_of(clock, day, scene)[:1]


def _slot_until(minute: int, day: date, scene: Scene) -> Slot:
    span = scene.hours.span(day)
    start = span.start_minute if span is not None and span.start_minute < minute else 0
    return Slot(start, max(minute, start + 1))


def _range_slots(first: Clock, second: Clock, day: date, scene: Scene) -> tuple[Slot, ...]:
    """The shortest reading that is open, and two of them where the halves of the day are alike."""
    pairs = [
        Slot(start, end if end > start else end + MINUTES_PER_DAY)
        for start in _readings(first)
        for end in _readings(second)
    ]
    shortest = min(_length(pair) for pair in pairs)
    pairs = [pair for pair in pairs if _length(pair) == shortest]
    open_pairs = [pair for pair in pairs if _is_open_within(pair, day, scene)]
    if len(open_pairs) == 2 and (first.hour < _FIRST_ASKED_HOUR or not _is_ahead(pairs[0].start, day, scene)):
        return (open_pairs[1],)
    if open_pairs:
        return tuple(open_pairs)
    if len(pairs) == 1:
        return tuple(pairs)
    wanted = _nearest_to_hours(first, (pairs[0].start, pairs[-1].start), day, scene)
    return tuple(pair for pair in pairs if pair.start == wanted)[:1]


def _length(slot: Slot) -> int:
    return (slot.end or slot.start) - slot.start


def _is_open_within(slot: Slot, day: date, scene: Scene) -> bool:
    return any(
        open_range.start_minute < (slot.end or slot.start) and slot.start < open_range.end_minute
        for open_range in scene.hours.open_ranges(day)
    )
