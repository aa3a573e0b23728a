"""The bucket of model calls: whole at first, empty after a burst, and filled again by time alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.domain.allowance import Allowance

NOW = datetime(2026, 1, 12, 16, 0, tzinfo=UTC)
SIX = Allowance(burst=10, per_minute=6)


def play(allowance: Allowance, wanted_s: list[float], paid_until: datetime | None = None) -> list[float]:
    """When each call is made by somebody who wants them at these moments, in order."""
    made = []
    now = NOW
    for wanted in wanted_s:
        now = max(now, NOW + timedelta(seconds=wanted))
        now = allowance.next_call_at(paid_until, now)
        paid_until = allowance.pay(paid_until, now)
        made.append((now - NOW).total_seconds())
    return made


def test_a_burst_is_let_through_and_then_six_a_minute() -> None:
    """Ten at once, and one every ten seconds for whoever wants more."""
    assert play(SIX, [0.0] * 14) == [0.0] * 10 + [10.0, 20.0, 30.0, 40.0]


def test_a_pause_fills_the_bucket_and_never_more_than_that() -> None:
    """An hour later there are ten again, and not three hundred and sixty."""
    assert play(SIX, [0.0] * 10 + [3600.0] * 12)[10:] == [3600.0] * 10 + [3610.0, 3620.0]


def test_whoever_floods_is_left_one_call() -> None:
    """The burst is gone before the first call is made."""
    assert play(SIX, [0.0] * 3, SIX.leave_one(None, NOW)) == [0.0, 10.0, 20.0]


@given(
    burst=st.integers(1, 30),
    per_minute=st.integers(1, 60),
    gaps=st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=80),
)
def test_no_minute_holds_more_than_the_burst_and_what_came_back(burst: int, per_minute: int, gaps: list[float]) -> None:
    """Whatever the moments are at which calls are wanted."""
    moments = [sum(gaps[: index + 1]) for index in range(len(gaps))]

    made = play(Allowance(burst, per_minute), moments)

    for start in made:
        assert sum(start <= each < start + 59.999 for each in made) <= burst + per_minute


@pytest.mark.parametrize("paid_until", [None, NOW - timedelta(hours=1), NOW])
def test_a_whole_bucket_makes_nobody_wait(paid_until: datetime | None) -> None:
    """Nothing was asked for a while, or ever."""
    assert SIX.next_call_at(paid_until, NOW) == NOW
