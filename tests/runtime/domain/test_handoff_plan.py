"""When a handoff is seen to next: the order of the steps, their exact moments, and what silence decides."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.domain.enums import HandoffState
from runtime.domain.handoff import LINE_LIMIT, NUDGES, SILENCE, SNOOZE, Plan, Step, Times, plan

NOON = datetime.fromisoformat("2026-01-12T12:00:00+00:00")


def at(minutes: float) -> datetime:
    """A moment after the request."""
    return NOON + timedelta(minutes=minutes)


def offered(**changes: object) -> Times:
    """Offered as soon as it was requested."""
    times = Times(HandoffState.OFFERED, NOON, offered_at=NOON, last_human_at=NOON, unanswered_since=NOON)
    return msgspec.structs.replace(times, **changes)


def active(**changes: object) -> Times:
    """Taken at once, with a customer who has said nothing since."""
    return msgspec.structs.replace(Times(HandoffState.ACTIVE, NOON, offered_at=NOON, last_human_at=NOON), **changes)


@pytest.mark.parametrize(
    ("nudges", "following"),
    [
        pytest.param(0, Plan(at(3), Step.REMIND), id="a-reminder"),
        pytest.param(1, Plan(at(6), Step.ESCALATE), id="the-next-human"),
        pytest.param(2, Plan(at(15), Step.REMIND), id="a-last-reminder"),
        pytest.param(3, Plan(at(30), Step.SILENCE), id="silence"),
    ],
)
def test_whoever_is_asked_is_reminded_then_passed_over_then_given_up(nudges: int, following: Plan) -> None:
    """Three, six and fifteen minutes after being asked; half an hour after the last human word it is over."""
    assert plan(offered(nudges=nudges)) == following


@pytest.mark.parametrize(
    ("nudges", "following"),
    [
        pytest.param(0, Plan(at(12), Step.NUDGE), id="a-nudge"),
        pytest.param(1, Plan(at(22), Step.CALL_NEXT), id="a-word-to-the-next"),
        pytest.param(2, Plan(at(30), Step.SILENCE), id="silence"),
    ],
)
def test_whoever_leaves_a_customer_without_an_answer_is_nudged_then_helped(nudges: int, following: Plan) -> None:
    """Ten and twenty minutes after the customer's first word that nobody answered."""
    assert plan(active(unanswered_since=at(2), nudges=nudges)) == following


def test_whoever_takes_a_customer_late_has_ten_minutes_of_their_own() -> None:
    """The customer has waited since the request, but not for this human."""
    late = active(unanswered_since=NOON, last_human_at=at(12))

    assert plan(late) == Plan(at(22), Step.NUDGE)


def test_a_conversation_in_which_nothing_waits_for_an_answer_only_falls_silent() -> None:
    """Nobody is nudged when the last word was the human's."""
    assert plan(active(last_human_at=at(7))) == Plan(at(37), Step.SILENCE)


@pytest.mark.parametrize(
    ("nudges", "following"),
    [
        (0, Plan(at(5), Step.LOOK)),
        (1, Plan(at(10), Step.LOOK)),
        (22, Plan(at(115), Step.LOOK)),
        (23, Plan(at(120), Step.GIVE_UP)),
        (99, Plan(at(120), Step.GIVE_UP)),
    ],
)
def test_the_line_is_looked_at_every_five_minutes_and_has_an_end(nudges: int, following: Plan) -> None:
    """Somebody may come on duty; after two hours the customer is told that nobody did."""
    assert plan(Times(HandoffState.WAITING, NOON, nudges=nudges)) == following
    assert at(120) == NOON + LINE_LIMIT


def test_somebody_back_in_line_after_a_long_conversation_is_not_given_up_at_once() -> None:
    """Who loses their human after three hours waits from there: two hours since somebody was last there for them."""
    back = Times(HandoffState.WAITING, NOON, offered_at=None, last_human_at=at(180), nudges=99)

    assert plan(back) == Plan(at(180) + LINE_LIMIT, Step.GIVE_UP)


def test_whoever_puts_a_customer_off_is_asked_again_and_not_reminded_meanwhile() -> None:
    """A quarter of an hour from the word, whatever reminders would have come."""
    snoozed = offered(snoozed_until=at(1) + SNOOZE, last_human_at=at(1))

    assert plan(snoozed) == Plan(at(16), Step.WAKE)


def test_silence_comes_first_where_two_steps_fall_on_the_same_moment() -> None:
    """There is no sense in reminding somebody of what is over."""
    last = NOON + NUDGES[0] - SILENCE

    assert plan(active(last_human_at=last, unanswered_since=NOON)) == Plan(NOON + NUDGES[0], Step.SILENCE)
    assert plan(active(last_human_at=last + timedelta(microseconds=1), unanswered_since=NOON)) == Plan(
        NOON + NUDGES[0], Step.NUDGE
    )


def test_an_ended_handoff_is_not_seen_to_any_more() -> None:
    """Whatever its times say."""
    assert plan(active(state=HandoffState.ENDED, unanswered_since=NOON)) is None


moments = st.integers(0, 600).map(at)
times = st.builds(
    Times,
    state=st.sampled_from([state for state in HandoffState if state is not HandoffState.ENDED]),
    requested_at=st.just(NOON),
    offered_at=moments | st.none(),
    last_human_at=moments | st.none(),
    unanswered_since=moments | st.none(),
    snoozed_until=moments | st.none(),
    nudges=st.integers(0, 5),
)


@given(times)
def test_whatever_is_open_has_a_next_step_after_the_moment_it_counts_from(some: Times) -> None:
    """Nothing is forgotten, and nothing is due before what it waits for has begun."""
    following = plan(some)

    bases = (some.requested_at, some.offered_at, some.last_human_at, some.unanswered_since, some.snoozed_until)
    assert following is not None
    assert following.at >= min(base for base in bases if base is not None)
    if some.state in (HandoffState.OFFERED, HandoffState.ACTIVE):
        assert following.at <= (some.last_human_at or some.requested_at) + SILENCE


@given(times, st.integers(0, 5))
def test_a_step_that_was_done_never_brings_the_next_one_forward(some: Times, more: int) -> None:
    """With every step counted the next comes later or at the same moment, until only the end is left."""
    before = plan(some)
    after = plan(msgspec.structs.replace(some, nudges=some.nudges + more))
    last = plan(msgspec.structs.replace(some, nudges=99))

    assert before is not None and after is not None and last is not None
    assert before.at <= after.at <= last.at


@given(times, moments)
def test_a_later_word_of_a_human_never_brings_the_end_forward(some: Times, later: datetime) -> None:
    """Silence is counted from the last word of a human, whoever else speaks meanwhile."""
    quiet = msgspec.structs.replace(some, state=HandoffState.ACTIVE, nudges=9, last_human_at=NOON)
    spoken = msgspec.structs.replace(quiet, last_human_at=later)
    chatty = msgspec.structs.replace(quiet, unanswered_since=later)

    assert plan(quiet) == plan(chatty) == Plan(NOON + SILENCE, Step.SILENCE)
    assert plan(spoken) == Plan(later + SILENCE, Step.SILENCE)
