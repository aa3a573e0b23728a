"""Weekly opening hours."""

from __future__ import annotations

from datetime import date

import pytest

from runtime.domain.schedule_hours import TimeRange, WeekHours

FRIDAY = date(2026, 1, 16)
SUNDAY = date(2026, 1, 18)


def test_each_weekday_has_its_own_ranges() -> None:
    """Monday comes first, and a closed day has none."""
    hours = WeekHours.every_day("09:00", "19:00", closed_weekdays=[6])

    assert hours.open_ranges(FRIDAY) == (TimeRange(540, 1140),)
    assert hours.open_ranges(SUNDAY) == ()
    assert hours.span(SUNDAY) is None


def test_a_closure_beats_the_weekday() -> None:
    """A date in `closures` is closed; the next such weekday is not."""
    hours = WeekHours(WeekHours.every_day("09:00", "19:00").days, closures=(FRIDAY,))

    assert hours.open_ranges(FRIDAY) == ()
    assert hours.is_open_at(date(2026, 1, 23), 600)


def test_a_range_begins_inclusive_and_ends_exclusive() -> None:
    """Nothing may begin at closing time, and midnight at the end of the day is 1440."""
    open_range = TimeRange.of("10:00", "24:00")

    assert open_range.contains(600)
    assert open_range.contains(1439)
    assert not open_range.contains(1440)


def test_the_span_of_a_day_covers_its_break() -> None:
    """From the first opening to the last closing."""
    day = (TimeRange.of("10:00", "14:00"), TimeRange.of("16:00", "20:00"))
    hours = WeekHours((day, *((),) * 6))

    assert hours.span(date(2026, 1, 12)) == TimeRange(600, 1200)
    assert hours.usual_span() == TimeRange(600, 1200)
    assert not hours.is_open_at(date(2026, 1, 12), 900)


@pytest.mark.parametrize(("opens", "closes"), [("19:00", "09:00"), ("9", "10:00"), ("09:70", "10:00"), ("", "")])
def test_what_is_no_range_is_refused(opens: str, closes: str) -> None:
    """Ranges lie within one day and are written HH:MM."""
    with pytest.raises(ValueError, match="not a"):
        TimeRange.of(opens, closes)


def test_a_week_has_seven_days() -> None:
    """Any other number is refused."""
    with pytest.raises(ValueError, match="seven"):
        WeekHours(((),) * 6)
