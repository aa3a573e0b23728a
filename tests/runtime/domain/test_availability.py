"""When somebody can be served: every rule on its own by example, and all of them together against a plain oracle."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.domain.availability import (
    GRID_MINUTES,
    Agenda,
    Busy,
    Chair,
    Obstacle,
    Server,
    Slot,
    find_nearest,
    find_slots,
    list_slots_at,
    prefer_round,
    spread,
)
from runtime.domain.ids import SpotId, StaffId
from runtime.domain.schedule_hours import TimeRange, WeekHours

PUEBLA = ZoneInfo("America/Mexico_City")
TIJUANA = ZoneInfo("America/Tijuana")
MONDAY = date(2026, 1, 12)
SPRING_FORWARD = date(2026, 3, 8)
FALL_BACK = date(2026, 11, 1)
LUPITA, KARLA = StaffId(UUID(int=1)), StaffId(UUID(int=2))
CHAIR_1, CHAIR_2 = SpotId(UUID(int=11)), SpotId(UUID(int=12))
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
DAY_HOURS = WeekHours.every_day("09:00", "19:00", closed_weekdays=[6])


def local(day: date, clock_time: str, zone: ZoneInfo = PUEBLA) -> datetime:
    """A moment of a day on the business's clock."""
    return datetime.combine(day, time.fromisoformat(clock_time), tzinfo=zone).astimezone(UTC)


def busy(day: date, begins: str, ends: str, zone: ZoneInfo = PUEBLA) -> Busy:
    """A taken stretch of a day."""
    return Busy(local(day, begins, zone), local(day, ends, zone))


def agenda(*servers: Server, **changes: object) -> Agenda:
    """Lupita alone, nine to seven, a service of 45 minutes; `changes` say what is different."""
    plain = Agenda(
        zone=PUEBLA,
        hours=DAY_HOURS,
        closures=(),
        servers=servers or (Server(LUPITA, "Lupita"),),
        chairs=(),
        minutes=45,
        buffer_minutes=0,
    )
    return msgspec.structs.replace(plain, **changes)


def times(slots: list[Slot], zone: ZoneInfo = PUEBLA) -> list[str]:
    """Slots as "12 09:00": day of the month and clock."""
    return [f"{slot.starts_at.astimezone(zone):%d %H:%M}" for slot in slots]


def slots_of_day(shop: Agenda, day: date, now: datetime = LONG_AGO) -> list[Slot]:
    """Everything free on a local day."""
    begin = datetime.combine(day, time(), tzinfo=shop.zone)
    return list(find_slots(shop, begin, begin + timedelta(days=1), now))


@pytest.mark.parametrize(
    ("clock_time", "changes", "obstacle"),
    [
        pytest.param("08:59", {}, Obstacle.CLOSED, id="before-opening"),
        pytest.param("18:16", {}, Obstacle.CLOSED, id="would-end-after-closing"),
        pytest.param("12:00", {"hours": WeekHours.every_day("09:00", "19:00", closed_weekdays=[0])}, Obstacle.CLOSED),
        pytest.param("12:00", {"closures": (busy(MONDAY, "00:00", "23:59"),)}, Obstacle.CLOSED, id="closure"),
        pytest.param("11:30", {"closures": (busy(MONDAY, "12:00", "13:00"),)}, Obstacle.CLOSED, id="runs-into-closure"),
        pytest.param("12:00", {"minutes": 601}, Obstacle.CLOSED, id="longer-than-the-opening"),
        pytest.param("12:00", {"servers": ()}, Obstacle.STAFF_OFF, id="nobody-does-it"),
    ],
)
def test_a_moment_that_cannot_be_had_says_why(clock_time: str, changes: dict[str, object], obstacle: Obstacle) -> None:
    """Closed hours, closures, services that do not fit and missing staff each have their own answer."""
    assert list_slots_at(agenda(**changes), local(MONDAY, clock_time), LONG_AGO) is obstacle


@pytest.mark.parametrize("clock_time", ["09:00", "18:15", "13:37"])
def test_a_service_may_fill_the_opening_hours_to_the_minute(clock_time: str) -> None:
    """The first and the last possible moment count, and so does one that is on no grid."""
    found = list_slots_at(agenda(), local(MONDAY, clock_time), LONG_AGO)

    assert found == (Slot(local(MONDAY, clock_time), LUPITA, "Lupita", None),)


def test_a_service_exactly_as_long_as_the_opening_fits_once() -> None:
    """Ten hours of work in ten hours of opening begin with the opening and at no other time."""
    assert times(slots_of_day(agenda(minutes=600), MONDAY)) == ["12 09:00"]


def test_the_past_is_refused_and_this_very_moment_is_not() -> None:
    """A slot may begin now, but not a second ago."""
    noon = local(MONDAY, "12:00")

    assert list_slots_at(agenda(), noon, noon + timedelta(seconds=1)) is Obstacle.PAST
    assert not isinstance(list_slots_at(agenda(), noon, noon), Obstacle)


def test_todays_free_times_begin_after_now() -> None:
    """Of today only what is still to come is offered."""
    slots = slots_of_day(agenda(), MONDAY, now=local(MONDAY, "17:31"))

    assert times(slots) == ["12 17:45", "12 18:00", "12 18:15"]


def test_the_buffer_is_kept_free_after_a_service_but_may_run_past_closing() -> None:
    """Cleaning up must not collide with the next appointment, yet nobody needs the shop open for it."""
    taken = Server(LUPITA, "Lupita", busy=(busy(MONDAY, "12:00", "13:00"),))
    shop = agenda(taken, buffer_minutes=15)

    assert list_slots_at(shop, local(MONDAY, "11:15"), LONG_AGO) is Obstacle.TAKEN
    assert not isinstance(list_slots_at(shop, local(MONDAY, "11:00"), LONG_AGO), Obstacle)
    assert not isinstance(list_slots_at(shop, local(MONDAY, "18:15"), LONG_AGO), Obstacle)


def test_a_lunch_break_closes_only_itself() -> None:
    """One hour off in the middle leaves the morning and the afternoon bookable."""
    morning, afternoon = TimeRange.of("09:00", "14:00"), TimeRange.of("15:00", "19:00")
    karla = Server(KARLA, "Karla", WeekHours(((morning, afternoon),) * 7))

    slots = times(slots_of_day(agenda(karla, minutes=60), MONDAY))

    assert "12 13:00" in slots and "12 15:00" in slots
    assert not {"12 13:15", "12 13:30", "12 14:00", "12 14:45"} & set(slots)


def test_two_blocks_of_one_person_both_count() -> None:
    """A second appointment in the way is as much in the way as the first."""
    lupita = Server(LUPITA, "Lupita", busy=(busy(MONDAY, "10:00", "11:00"), busy(MONDAY, "11:30", "12:00")))

    assert list_slots_at(agenda(lupita, minutes=150), local(MONDAY, "09:30"), LONG_AGO) is Obstacle.TAKEN
    assert times(slots_of_day(agenda(lupita, minutes=30), MONDAY))[:4] == [
        "12 09:00",
        "12 09:15",
        "12 09:30",
        "12 11:00",
    ]


def test_anybody_means_the_first_person_who_is_free() -> None:
    """The business's order decides among the free ones; whoever is busy is passed over."""
    lupita = Server(LUPITA, "Lupita", busy=(busy(MONDAY, "12:00", "13:00"),))
    karla = Server(KARLA, "Karla")
    shop = agenda(lupita, karla)

    free = {slot.starts_at: slot.staff_id for slot in slots_of_day(shop, MONDAY)}

    assert free[local(MONDAY, "11:00")] == LUPITA
    assert free[local(MONDAY, "12:00")] == KARLA


def test_a_person_who_is_off_is_told_apart_from_one_who_is_taken() -> None:
    """Off beats taken only when nobody is there at all."""
    off = Server(KARLA, "Karla", WeekHours.every_day("09:00", "12:00"))
    taken = Server(LUPITA, "Lupita", busy=(busy(MONDAY, "12:00", "20:00"),))

    assert list_slots_at(agenda(off), local(MONDAY, "13:00"), LONG_AGO) is Obstacle.STAFF_OFF
    assert list_slots_at(agenda(off, taken), local(MONDAY, "13:00"), LONG_AGO) is Obstacle.TAKEN


def test_a_service_that_needs_a_chair_waits_for_one() -> None:
    """A free person without a free chair is no free time; with one, the first free chair is named."""
    full = busy(MONDAY, "12:00", "13:00")
    shop = agenda(chairs=(Chair(CHAIR_1, (full,)), Chair(CHAIR_2)))
    crowded = agenda(chairs=(Chair(CHAIR_1, (full,)), Chair(CHAIR_2, (full,))))

    found = list_slots_at(shop, local(MONDAY, "12:00"), LONG_AGO)

    assert found == (Slot(local(MONDAY, "12:00"), LUPITA, "Lupita", CHAIR_2),)
    assert list_slots_at(crowded, local(MONDAY, "12:00"), LONG_AGO) is Obstacle.TAKEN


def test_every_person_and_chair_that_is_free_is_a_way_to_begin() -> None:
    """All pairs are shop, people first in order, so that a race for one leaves the others."""
    shop = agenda(Server(LUPITA, "Lupita"), Server(KARLA, "Karla"), chairs=(Chair(CHAIR_1), Chair(CHAIR_2)))

    found = list_slots_at(shop, local(MONDAY, "12:00"), LONG_AGO)

    assert not isinstance(found, Obstacle)
    assert [(slot.staff_id, slot.spot_id) for slot in found] == [
        (LUPITA, CHAIR_1),
        (LUPITA, CHAIR_2),
        (KARLA, CHAIR_1),
        (KARLA, CHAIR_2),
    ]


def test_a_business_open_until_midnight_can_be_booked_until_midnight() -> None:
    """24:00 is the end of the day: the last service ends on it, and the search comes to an end."""
    shop = agenda(hours=WeekHours.every_day("20:00", "24:00"), minutes=60)

    slots = times(slots_of_day(shop, MONDAY))

    assert slots[0] == "12 20:00" and slots[-1] == "12 23:00"
    assert list_slots_at(shop, local(MONDAY, "23:15"), LONG_AGO) is Obstacle.CLOSED


def test_a_service_longer_than_any_opening_is_never_free() -> None:
    """It is no error and no endless search: there is just nothing to offer."""
    shop = agenda(minutes=700)

    assert slots_of_day(shop, MONDAY) == []
    assert find_nearest(shop, local(MONDAY, "12:00"), LONG_AGO, most=4) == []


@pytest.mark.parametrize("day", [SPRING_FORWARD, FALL_BACK])
def test_opening_hours_are_the_clock_on_the_wall_on_the_days_it_changes(day: date) -> None:
    """Nine is nine on the day summer time begins or ends in Tijuana, an hour of difference in UTC or not."""
    shop = agenda(zone=TIJUANA, hours=WeekHours.every_day("09:00", "11:00"), minutes=60)

    slots = slots_of_day(shop, day)

    assert times(slots, TIJUANA) == [
        f"{day:%d} {clock_time}" for clock_time in ("09:00", "09:15", "09:30", "09:45", "10:00")
    ]


def test_an_hour_that_the_clocks_skip_is_offered_to_nobody() -> None:
    """A place open all night offers each moment once and in order, and none that does not exist."""
    shop = agenda(zone=TIJUANA, hours=WeekHours.every_day("00:00", "24:00"), minutes=60)

    moments = [slot.starts_at for slot in slots_of_day(shop, SPRING_FORWARD)]

    assert moments == sorted(set(moments))
    assert {moment.astimezone(TIJUANA).hour for moment in moments} == set(range(24)) - {2}


def test_a_service_takes_real_minutes_across_a_change_of_the_clock() -> None:
    """Two hours from half past midnight end at half past three when an hour is skipped, which may be too late."""
    shop = agenda(zone=TIJUANA, hours=WeekHours.every_day("00:00", "03:15"), minutes=120)

    assert list_slots_at(shop, local(SPRING_FORWARD, "00:30", TIJUANA), LONG_AGO) is Obstacle.CLOSED
    assert not isinstance(list_slots_at(shop, local(SPRING_FORWARD, "00:15", TIJUANA), LONG_AGO), Obstacle)


def test_the_hour_that_comes_twice_is_time_to_serve_in() -> None:
    """At a quarter to two, with one o'clock yet to come again, a service of 20 minutes fits in before two."""
    shop = agenda(zone=TIJUANA, hours=WeekHours.every_day("00:00", "02:00"), minutes=20)

    assert times(slots_of_day(shop, FALL_BACK), TIJUANA)[-1] == "01 01:45"
    assert times(slots_of_day(shop, FALL_BACK - timedelta(days=1)), TIJUANA)[-1] == "31 01:30"


# What is offered when the wanted time cannot be had --------------------------------------------------


def test_the_nearest_times_of_the_same_day_are_offered_in_order_of_time() -> None:
    """Whole and half hours around the wanted moment come first, and are read from early to late."""
    lupita = Server(LUPITA, "Lupita", busy=(busy(MONDAY, "16:00", "16:45"),))

    nearest = find_nearest(agenda(lupita), local(MONDAY, "16:00"), LONG_AGO, most=4)

    assert times(nearest) == ["12 14:30", "12 15:00", "12 17:00", "12 17:30"]


def test_a_full_day_is_made_up_for_by_one_time_on_each_following_day() -> None:
    """The wanted hour or the next after it, one a day, skipping the days it is closed."""
    saturday = date(2026, 1, 17)
    lupita = Server(LUPITA, "Lupita", busy=(busy(saturday, "09:00", "19:00"),))

    nearest = find_nearest(agenda(lupita), local(saturday, "16:00"), LONG_AGO, most=3)

    assert times(nearest) == ["19 16:00", "20 16:00", "21 16:00"]


def test_an_hour_at_which_it_is_never_open_still_finds_other_days() -> None:
    """Asked for a Sunday night, a business that closes at seven offers its own days instead of nothing."""
    sunday = date(2026, 1, 18)

    nearest = find_nearest(agenda(), local(sunday, "22:00"), LONG_AGO, most=3)

    assert [slot.starts_at.astimezone(PUEBLA).day for slot in nearest] == [19, 20, 21]


def test_nothing_in_the_past_is_offered_instead() -> None:
    """What is nearest is looked for among what is still to come."""
    now = local(MONDAY, "12:10")

    nearest = find_nearest(agenda(), local(MONDAY, "11:00"), now, most=4)

    assert times(nearest) == ["12 12:30", "12 13:00", "12 13:30", "12 14:00"]


def test_round_times_are_preferred_only_when_there_are_enough() -> None:
    """People ask for whole and half hours; a crowded day offers its quarters."""
    day = slots_of_day(agenda(), MONDAY)
    crowded = [slot for slot in day if slot.starts_at.minute in (15, 45)] + day[:1]

    assert {slot.starts_at.minute for slot in prefer_round(agenda(), day, 4)} == {0, 30}
    assert prefer_round(agenda(), crowded, 2) == crowded


@given(count=st.integers(0, 60), most=st.integers(1, 8))
def test_a_spread_keeps_the_ends_the_order_and_the_limit(count: int, most: int) -> None:
    """A few of many, evenly: never more than asked for, no repeats, first and last among them."""
    slots = [Slot(LONG_AGO + timedelta(minutes=index), LUPITA, "Lupita", None) for index in range(count)]

    chosen = spread(slots, most)

    assert len(chosen) == min(count, most)
    assert chosen == sorted(set(chosen), key=lambda slot: slot.starts_at)
    assert chosen[:1] == slots[:1]
    assert most == 1 or chosen[-1:] == slots[-1:]


# All rules at once ------------------------------------------------------------------------------------

_QUARTERS = st.integers(0, 96).map(lambda quarter: quarter * 15)
_BEGINS = {PUEBLA: MONDAY, TIJUANA: SPRING_FORWARD - timedelta(days=1)}
_DAYS = 3


@st.composite
def week_hours(draw: st.DrawFn) -> WeekHours:
    """A week whose days are closed, whole, or broken by a pause."""
    days = []
    for _ in range(7):
        edges = sorted(draw(st.sets(_QUARTERS, max_size=4)))
        pairs = zip(edges[::2], edges[1::2], strict=False)
        days.append(tuple(TimeRange(begins, ends) for begins, ends in pairs))
    return WeekHours(tuple(days))


@st.composite
def stretches(draw: st.DrawFn, begin: datetime) -> tuple[Busy, ...]:
    """Up to four taken stretches in the days after a moment, possibly overlapping, to the minute."""
    found = []
    for _ in range(draw(st.integers(0, 4))):
        starts_at = begin + timedelta(minutes=draw(st.integers(-600, _DAYS * 1440)))
        found.append(Busy(starts_at, starts_at + timedelta(minutes=draw(st.integers(1, 600)))))
    return tuple(found)


@st.composite
def agendas(draw: st.DrawFn) -> tuple[Agenda, datetime, datetime]:
    """Any business, with the beginning of the days looked at and the present moment."""
    zone = draw(st.sampled_from([PUEBLA, TIJUANA]))
    begin = datetime.combine(draw(st.sampled_from([_BEGINS[zone], FALL_BACK - timedelta(days=1)])), time(), tzinfo=zone)
    utc = begin.astimezone(UTC)
    servers = tuple(
        Server(StaffId(UUID(int=number)), f"S{number}", draw(st.none() | week_hours()), draw(stretches(utc)))
        for number in range(1, draw(st.integers(1, 3)) + 1)
    )
    chairs = tuple(
        Chair(SpotId(UUID(int=number)), draw(stretches(utc))) for number in range(1, draw(st.integers(0, 2)) + 1)
    )
    shop = Agenda(
        zone=zone,
        hours=draw(week_hours()),
        closures=draw(stretches(utc)),
        servers=servers,
        chairs=chairs,
        minutes=draw(st.sampled_from([5, 20, 45, 60, 150, 720])),
        buffer_minutes=draw(st.sampled_from([0, 15, 60])),
    )
    return shop, begin, utc + timedelta(minutes=draw(st.integers(-60, 1440)))


def oracle(shop: Agenda, starts_at: datetime, now: datetime) -> tuple[StaffId, SpotId | None] | None:
    """Who begins where at a moment, by the rules one after the other and nothing clever."""
    ends_at = starts_at + timedelta(minutes=shop.minutes)
    kept_until = ends_at + timedelta(minutes=shop.buffer_minutes)

    def is_within(hours: WeekHours) -> bool:
        day = starts_at.astimezone(shop.zone).date()
        midnight = datetime.combine(day, time(), tzinfo=shop.zone)
        spans = [
            ((midnight + timedelta(minutes=each.start_minute)), (midnight + timedelta(minutes=each.end_minute)))
            for each in hours.open_ranges(day)
        ]
        return any(opens.astimezone(UTC) <= starts_at and ends_at <= closes.astimezone(UTC) for opens, closes in spans)

    def is_free(taken: tuple[Busy, ...], until: datetime) -> bool:
        return all(until <= each.starts_at or each.ends_at <= starts_at for each in taken)

    if starts_at < now or not is_within(shop.hours) or not is_free(shop.closures, ends_at):
        return None
    staff = [
        server.staff_id
        for server in shop.servers
        if is_free(server.busy, kept_until) and (server.hours is None or is_within(server.hours))
    ]
    chairs: list[SpotId | None] = [chair.spot_id for chair in shop.chairs if is_free(chair.busy, kept_until)]
    if not shop.chairs:
        chairs = [None]
    return (staff[0], chairs[0]) if staff and chairs else None


def grid_of(shop: Agenda, begin: datetime) -> list[datetime]:
    """Every moment on the wall clock at which something may begin, counted from each opening."""
    moments = []
    for offset in range(_DAYS):
        day = begin.date() + timedelta(days=offset)
        midnight = datetime.combine(day, time(), tzinfo=shop.zone)
        for each in shop.hours.open_ranges(day):
            for minute in range(each.start_minute, each.end_minute, GRID_MINUTES):
                moment = (midnight + timedelta(minutes=minute)).astimezone(UTC)
                if moment.astimezone(shop.zone).time() == time(minute // 60, minute % 60):
                    moments.append(moment)
    return moments


@given(drawn=agendas())
@settings(max_examples=100)
def test_what_is_offered_is_exactly_what_every_rule_allows(drawn: tuple[Agenda, datetime, datetime]) -> None:
    """Inside hours, never past, no overlap with anything taken including the buffer, first free person and chair."""
    shop, begin, now = drawn
    end = begin + timedelta(days=_DAYS)

    found = {slot.starts_at: (slot.staff_id, slot.spot_id) for slot in find_slots(shop, begin, end, now)}

    wanted = {moment: oracle(shop, moment, now) for moment in grid_of(shop, begin)}
    assert found == {moment: first for moment, first in wanted.items() if first is not None}


@given(drawn=agendas())
@settings(max_examples=60)
def test_free_times_come_in_order_and_once(drawn: tuple[Agenda, datetime, datetime]) -> None:
    """A list of free times never repeats a moment and never jumps back, whatever the clocks do."""
    shop, begin, now = drawn

    moments = [slot.starts_at for slot in find_slots(shop, begin, begin + timedelta(days=_DAYS), now)]

    assert moments == sorted(set(moments))


@given(drawn=agendas(), minute=st.integers(0, _DAYS * 1440), most=st.integers(1, 5))
@settings(max_examples=50)
def test_the_nearest_times_are_free_few_and_in_order(
    drawn: tuple[Agenda, datetime, datetime], minute: int, most: int
) -> None:
    """Whatever is asked for, what is offered instead can be had."""
    shop, begin, now = drawn
    wanted = begin.astimezone(UTC) + timedelta(minutes=minute)

    nearest = find_nearest(shop, wanted, now, most=most)

    assert len(nearest) <= most
    assert nearest == sorted(nearest, key=lambda slot: slot.starts_at)
    assert all(oracle(shop, slot.starts_at, now) == (slot.staff_id, slot.spot_id) for slot in nearest)
