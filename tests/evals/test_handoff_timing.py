"""Starts and ends of handoffs: on time, late by so many messages and minutes, missed, or nobody's wish."""

from __future__ import annotations

import pytest

from evals.handoff_timing import Step, TimedStep, Timing, describe_handoff_times, sum_up_handoffs, time_handoffs
from evals.reading import Reading
from sim.record import HandoffData
from sim.story import Story

ASKS = "me pasas con alguien?"


def list_timed(story: Story) -> list[TimedStep]:
    """What became of each step of one story."""
    return time_handoffs(Reading(story.end()))


def tell_start(*, after: int) -> Story:
    """Ana asks; Lupita is fetched with the answer, or `after` further messages, a minute apart."""
    story = Story()
    story.say("ana", ASKS)
    for number in range(after):
        story.expect(handoff="offered" if number == 0 else None)
        story.wait(60)
        story.say("ana", "¿sigues ahí?")
    story.hand_off("offered")
    story.expect(handoff="offered")
    return story


def end_handoff(story: Story, event: str = "human_ends") -> None:
    """The handoff ends."""
    story.add("parlo", HandoffData(status="ended", event=event, customer="ana", human="lupita"))


def test_a_start_that_comes_with_the_answer_is_on_time() -> None:
    """No message, no minutes beyond the answer's own."""
    (found,) = list_timed(tell_start(after=0))

    assert (found.step, found.timing, found.turns) == (Step.START, Timing.ON_TIME, 0)
    assert found.minutes is not None and found.minutes < 0.1
    assert "came with the answer" in found.reason


@pytest.mark.parametrize("after", [1, 3])
def test_a_start_that_comes_later_is_late_by_messages_and_minutes(after: int) -> None:
    """Counted from the message that asked."""
    (found,) = list_timed(tell_start(after=after))

    assert (found.timing, found.turns) == (Timing.LATE, after)
    assert found.minutes == pytest.approx(after * 67.1 / 60, abs=0.1)
    assert ASKS in found.reason and f"{after} messages" in found.reason


def test_a_start_that_never_comes_is_missed() -> None:
    """Said of the message that asked."""
    story = Story()
    story.say("ana", ASKS)
    story.send("ana", "¿En qué te ayudo?")
    story.expect(handoff="offered")

    (found,) = list_timed(story)

    assert (found.timing, found.minutes, found.event) == (Timing.MISSED, None, 0)


def test_a_start_that_nobody_wanted_is_false() -> None:
    """Where the transcript expects none; a human who steps in by themselves is no such thing."""
    story, stepped_in = Story(), Story()
    for each, reason in ((story, ""), (stepped_in, "takeover")):
        each.say("ana", "cuánto cuesta?")
        each.hand_off("offered", reason=reason)
        each.expect(handoff="none")

    assert [it.timing for it in list_timed(story)] == [Timing.FALSE]
    assert list_timed(stepped_in) == []


def test_ends_are_timed_from_the_humans_word() -> None:
    """On time, late, missed; and one that silence brought is nobody's mistake."""
    on_time, late, missed, silent = (tell_start(after=0) for _ in range(4))
    for each in (on_time, late, missed):
        each.say("lupita", "listo", route="4h")
    end_handoff(on_time)
    for each in (on_time, late, missed):
        each.expect(handoff="ended")
    late.say("lupita", "ya terminé", route="4h")
    end_handoff(late)
    late.expect(handoff="ended")
    silent.say("ana", "gracias", route="5h")
    end_handoff(silent, "silence")
    silent.expect(handoff="offered")

    found = [list_timed(each)[1:] for each in (on_time, late, missed, silent)]

    assert [[(it.step, it.timing, it.turns) for it in each] for each in found] == [
        [(Step.END, Timing.ON_TIME, 0)],
        [(Step.END, Timing.LATE, 1)],
        [(Step.END, Timing.MISSED, 0)],
        [],
    ]


def test_an_end_that_the_human_did_not_mean_is_false() -> None:
    """ "listo, te espero mañana" was for the customer."""
    story = tell_start(after=0)
    story.say("lupita", "listo, te espero mañana", route="4h")
    end_handoff(story)
    story.expect(handoff="active")

    assert [(it.step, it.timing) for it in list_timed(story)[1:]] == [(Step.END, Timing.FALSE)]


def test_what_was_open_before_anything_was_expected_is_not_asked_for_again() -> None:
    """Only the first expectation of it names the message that asked."""
    story = Story()
    story.say("ana", ASKS)
    story.hand_off("offered")
    story.say("ana", "es por mi tinte", route="5h")
    story.expect(handoff="offered")

    assert list_timed(story) == []


def test_a_run_counts_them_and_tells_those_that_were_not_on_time() -> None:
    """Starts and ends apart; how late in the middle and at 95 %."""
    stories = {"a": tell_start(after=0), "b": tell_start(after=1), "c": tell_start(after=3)}

    times = sum_up_handoffs((name, list_timed(story)) for name, story in stories.items())

    starts, ends = times.steps
    assert (starts.asked, starts.on_time, starts.late, starts.missed, starts.false) == (3, 1, 2, 0, 0)
    assert (starts.late_turns_p50, ends.asked, ends.late_turns_p50) == (1.0, 0, None)
    assert [each.conversation for each in times.examples] == ["b", "c"]
    assert describe_handoff_times(times)[0].startswith("handoff starts: 1 of 3 on time, 2 late (by 1 messages and 1.2")
    assert describe_handoff_times(sum_up_handoffs([("d", [])])) == []
