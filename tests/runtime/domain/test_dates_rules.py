"""What the date resolver promises beyond single phrases: hours, zones, round trips, and that it never fails."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.domain.schedule_hours import TimeRange, WeekHours
from runtime.domain.spanish.dates import ResolutionKind, describe, resolve
from runtime.domain.spanish.formats import format_date, format_time, format_when

MEXICO = ZoneInfo("America/Mexico_City")
TIJUANA = ZoneInfo("America/Tijuana")
SHOP = WeekHours.every_day("09:00", "19:00", closed_weekdays=[6])
LONG = WeekHours.every_day("07:00", "21:00")
NEVER_OPEN = WeekHours(((),) * 7)
MONDAY = datetime(2026, 1, 12, 10, 0, tzinfo=MEXICO)

WORDS = re.findall(
    r"\S+",
    "mañana hoy el la las a de en y o para por lunes viernes sábado 3 4 5 8 12 15 31 99 de enero febrero próximo otro "
    "este semana que viene después antes entre media cuarto pm am tarde noche pasado ocho quince días hasta no puedo "
    "tipo como a las 4:30 25:00 20/03 2026-01-16 $250 fin quincena al rato ahorita mediodía medianoche último",
)


@given(st.text(max_size=5000))
@settings(max_examples=150)
def test_any_text_at_all_gets_an_answer(text: str) -> None:
    """NUL, surrogate-free Unicode of every plane and 5,000 characters never raise."""
    got = resolve(text, now_local=MONDAY, hours=SHOP)

    assert got.kind in ResolutionKind


@given(
    st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join),
    st.sampled_from([SHOP, LONG, NEVER_OPEN]),
    st.datetimes(datetime(2024, 1, 1), datetime(2035, 12, 31)),  # noqa: DTZ001 - hypothesis wants naive bounds
    st.sampled_from([MEXICO, TIJUANA, ZoneInfo("America/Cancun"), UTC]),
)
@settings(max_examples=600)
def test_any_salad_of_date_words_gets_a_well_formed_answer(
    text: str, hours: WeekHours, now: datetime, zone: ZoneInfo
) -> None:
    """Whatever the words: the fields fit the kind, windows have a length, and the answer encodes."""
    got = resolve(text, now_local=now.replace(tzinfo=zone), hours=hours)

    assert (got.question is not None) == (got.kind is ResolutionKind.AMBIGUOUS)
    if got.kind is ResolutionKind.INSTANT:
        assert got.starts_at is not None
        assert got.ends_at is None
    if got.kind is ResolutionKind.WINDOW:
        assert got.starts_at is not None
        assert got.ends_at is not None
        assert got.starts_at < got.ends_at
    assert msgspec.json.encode(got)


@pytest.mark.parametrize(
    "unit",
    [
        "a las ", "1 ", "de 3 a ", "15 de ", "0 0 0-0", "1:11:", "lunes ", "el el el dia ", "(", "9", "a", "11 y ",
        "mañana o ", "\x00", "\ufdfa", "entre las 4 y ", "55 12 ", "la ", "cuarto para las ", "no puedo mañana ",
        "de la mañana ", "jaja", "aj", "el lunes o el ", "2026-01-16 ", "a. m. ", ", no ", "- ",
    ],
)  # fmt: skip
def test_a_hostile_text_costs_no_more_than_a_long_one(unit: str) -> None:
    """5,000 characters of repetition are answered quickly: the text is cut, and no pattern runs away."""
    text = (unit * 5000)[:5000]

    began = time.perf_counter()
    resolve(text, now_local=MONDAY, hours=SHOP)
    took_s = time.perf_counter() - began

    assert took_s < 1.0


@given(st.datetimes(datetime(2026, 1, 12, 10, 1), datetime(2027, 1, 11, 23, 59)))  # noqa: DTZ001 - naive bounds
@settings(max_examples=300)
def test_every_label_we_write_is_read_back_exactly(wall: datetime) -> None:
    """`resolve(format_when(x))` is x for every minute of the coming year."""
    moment = wall.replace(second=0, microsecond=0, tzinfo=MEXICO)

    got = resolve(format_when(moment, MONDAY), now_local=MONDAY, hours=SHOP)

    assert got.kind is ResolutionKind.INSTANT
    assert got.starts_at == moment


@given(st.integers(0, 365), st.integers(0, 1439), st.sampled_from(["T", " "]))
@settings(max_examples=150)
def test_iso_moments_are_read_exactly_whatever_the_hours(days: int, minute: int, separator: str) -> None:
    """Models write ISO: 03:00 is three in the morning there, and an offset or Z is honoured."""
    moment = MONDAY.replace(hour=0) + timedelta(days=days)
    moment = moment.replace(hour=minute // 60, minute=minute % 60)

    plain = resolve(moment.strftime(f"%Y-%m-%d{separator}%H:%M"), now_local=MONDAY, hours=SHOP)
    zulu = resolve(moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), now_local=MONDAY, hours=SHOP)

    assert plain.starts_at == moment
    assert zulu.starts_at == moment


@pytest.mark.parametrize("day", range(0, 21))
def test_every_row_of_the_date_table_is_read_back(day: int) -> None:
    """A date as the prompt's 21-day table writes it names that date."""
    wanted = (MONDAY + timedelta(days=day)).date()

    got = resolve(format_date(wanted, MONDAY.date()), now_local=MONDAY, hours=SHOP)

    assert got.starts_at is not None
    assert (got.kind, got.starts_at.date()) == (ResolutionKind.WINDOW, wanted)


def test_today_and_a_formatted_time_are_read_back() -> None:
    """The phrase "hoy 5:00 PM" is today at five."""
    got = resolve(f"hoy {format_time(MONDAY.replace(hour=17))}", now_local=MONDAY, hours=SHOP)

    assert got.starts_at == MONDAY.replace(hour=17)


def test_a_bare_hour_is_the_one_at_which_the_business_is_open() -> None:
    """Eight is morning for an early shop, evening for a late one, and a question for one open at both."""
    early = resolve("mañana a las 8", now_local=MONDAY, hours=WeekHours.every_day("07:00", "15:00"))
    late = resolve("mañana a las 8", now_local=MONDAY, hours=WeekHours.every_day("12:00", "22:00"))
    both = resolve("mañana a las 8", now_local=MONDAY, hours=LONG)

    assert early.starts_at == datetime(2026, 1, 13, 8, 0, tzinfo=MEXICO)
    assert late.starts_at == datetime(2026, 1, 13, 20, 0, tzinfo=MEXICO)
    assert both.question == "¿Te refieres al martes 13 de enero a las 8:00 AM o a las 8:00 PM?"


def test_a_time_alone_is_today_while_it_is_ahead_and_tomorrow_after() -> None:
    """The answer says that the day was not named."""
    ahead = resolve("a las 11", now_local=MONDAY, hours=SHOP)
    over = resolve("a las 9:30", now_local=MONDAY, hours=SHOP)

    assert (ahead.starts_at, ahead.has_day) == (MONDAY.replace(hour=11), False)
    assert (over.starts_at, over.has_day) == (datetime(2026, 1, 13, 9, 30, tzinfo=MEXICO), False)


def test_a_day_alone_is_its_open_hours_and_says_that_no_time_was_named() -> None:
    """The phrase "el viernes" is a window from opening to closing."""
    got = resolve("el viernes", now_local=MONDAY, hours=SHOP)

    assert (got.kind, got.has_day, got.has_time) == (ResolutionKind.WINDOW, True, False)
    assert got.starts_at == datetime(2026, 1, 16, 9, 0, tzinfo=MEXICO)
    assert got.ends_at == datetime(2026, 1, 16, 19, 0, tzinfo=MEXICO)


def test_a_part_of_several_days_is_told_as_hours_of_each_day() -> None:
    """The phrase "la próxima semana en la tarde" is the week, from noon on each day."""
    got = resolve("la próxima semana en la tarde", now_local=MONDAY, hours=SHOP)

    assert (got.daily_from, got.daily_until) == (
        datetime.min.time().replace(hour=12),
        datetime.min.time().replace(hour=19),
    )


def test_a_past_day_stays_in_the_past_for_the_caller_to_refuse() -> None:
    """The phrase "ayer" and a weekday with its recent date are over, and are not moved to next year."""
    yesterday = resolve("ayer a las 4", now_local=MONDAY, hours=SHOP)
    last_friday = resolve("viernes 9 de enero, 3:00 PM", now_local=MONDAY, hours=SHOP)

    assert yesterday.starts_at == datetime(2026, 1, 11, 16, 0, tzinfo=MEXICO)
    assert last_friday.starts_at == datetime(2026, 1, 9, 15, 0, tzinfo=MEXICO)


def test_a_weekday_that_contradicts_its_date_is_asked_about() -> None:
    """The phrase "viernes 15" in a month whose 15th is a Thursday names both in full."""
    got = resolve("el viernes 15 a las 4", now_local=MONDAY, hours=SHOP)

    assert got.kind is ResolutionKind.AMBIGUOUS
    assert got.question == "¿Te refieres al viernes 16 de enero o al jueves 15 de enero, a las 4:00 PM?"


def test_a_time_the_clocks_skip_is_asked_about() -> None:
    """In Tijuana 2:30 AM of 8 March 2026 does not exist; half an hour later it does."""
    now = datetime(2026, 3, 7, 12, 0, tzinfo=TIJUANA)

    skipped, there = (resolve(f"mañana a las {at} am", now_local=now, hours=SHOP) for at in ("2:30", "3:00"))

    assert (skipped.kind, skipped.starts_at) == (ResolutionKind.AMBIGUOUS, None)
    assert skipped.question == "¿A qué hora te queda bien el domingo 8 de marzo?"
    assert there.starts_at == datetime(2026, 3, 8, 3, 0, tzinfo=TIJUANA)
    assert there.starts_at.astimezone(UTC) == datetime(2026, 3, 8, 10, 0, tzinfo=UTC)


def test_a_time_that_happens_twice_is_the_first_of_the_two() -> None:
    """In Tijuana 1:30 AM of 1 November 2026 happens twice; the summer one is meant."""
    now = datetime(2026, 10, 31, 12, 0, tzinfo=TIJUANA)

    got = resolve("mañana a la 1:30 am", now_local=now, hours=SHOP)

    assert got.starts_at is not None
    assert got.starts_at.astimezone(UTC) == datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


def test_a_distance_from_now_is_real_time_across_a_clock_change() -> None:
    """The phrase "en dos horas" at 1:00 AM before the clocks go forward is 4:00 AM."""
    now = datetime(2026, 3, 8, 1, 0, tzinfo=TIJUANA)

    got = resolve("en dos horas", now_local=now, hours=SHOP)

    assert got.starts_at == datetime(2026, 3, 8, 4, 0, tzinfo=TIJUANA)


def test_hours_with_a_break_and_a_closed_date_are_respected() -> None:
    """A bare hour looks at each open range; a closed date is a whole day that the caller can refuse."""
    ranges = (TimeRange.of("10:00", "14:00"), TimeRange.of("16:00", "20:00"))
    hours = WeekHours((ranges,) * 7, closures=(date(2026, 1, 16),))

    at_five = resolve("mañana a las 5", now_local=MONDAY, hours=hours)
    on_closure = resolve("el viernes", now_local=MONDAY, hours=hours)

    assert at_five.starts_at == datetime(2026, 1, 13, 17, 0, tzinfo=MEXICO)
    assert on_closure.starts_at == datetime(2026, 1, 16, 0, 0, tzinfo=MEXICO)


def test_a_description_says_in_words_what_was_understood() -> None:
    """The command line shows the label, the question and ISO values."""
    instant = describe(resolve("mañana tipo 4", now_local=MONDAY, hours=SHOP), now_local=MONDAY)
    asked = describe(resolve("el próximo viernes", now_local=MONDAY, hours=SHOP), now_local=MONDAY)
    nothing = describe(resolve("hola", now_local=MONDAY, hours=SHOP), now_local=MONDAY)

    assert instant.summary == "aprox. martes 13 de enero, 4:00 PM"
    assert instant.starts_at == "2026-01-13T16:00:00-06:00"
    assert asked.summary == asked.question == "¿Te refieres al viernes 16 de enero o al viernes 23 de enero?"
    assert asked.candidates[0] == "viernes 16 de enero, de 9:00 AM a 7:00 PM"
    assert nothing.summary == "(sin fecha ni hora)"
