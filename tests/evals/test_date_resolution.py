"""Words for a day and time that were booked: right, asked about, or wrong; what commits nobody is not scored."""

from __future__ import annotations

import pytest

from evals.date_resolution import DateScores, Resolved, describe_date_scores, resolve_dates, sum_up_dates
from evals.reading import Reading
from sim.story import Story

TUESDAY = {"customer": "ana", "service": "Corte de dama", "staff": "Lupita", "starts_at": "2026-01-13T16:00"}


def tell(when: str | None, *, code: str | None = None, tool: str = "book_appointment", **end: object) -> Story:
    """Ana names a time, and a tool makes of it what it does."""
    story = Story()
    story.say("ana", "el martes a las 4")
    statuses = {"book_appointment": "booked", "reschedule_appointment": "rescheduled"}
    result = {"status": statuses.get(tool, "available"), "when": when} if when else None
    story.call(tool, {"service": "Corte", "when": "el martes a las 4"}, result=result, code=code)
    story.expect_end(**end)
    return story


@pytest.mark.parametrize("tool", ["book_appointment", "reschedule_appointment"])
@pytest.mark.parametrize(
    ("when", "code", "outcome"),
    [
        ("martes 13 de enero, 4:00 PM", None, Resolved.RIGHT),
        ("martes 20 de enero, 4:00 PM", None, Resolved.WRONG),
        ("martes 13 de enero, 4:00 AM", None, Resolved.WRONG),
        (None, "ask_date", Resolved.ASKED),
    ],
)
def test_what_is_made_is_held_against_what_is_expected(
    tool: str, when: str | None, code: str | None, outcome: Resolved
) -> None:
    """By the very moment; a question back is neither right nor wrong."""
    (found,) = resolve_dates(Reading(tell(when, code=code, tool=tool, appointments=[TUESDAY]).end()))

    assert found.outcome is outcome
    assert "el martes a las 4" in found.reason
    assert ("expected martes 13 de enero, 4:00 PM" in found.reason) == (outcome is Resolved.WRONG)


@pytest.mark.parametrize(
    "story",
    [
        tell("martes 20 de enero, 4:00 PM", tool="check_availability", appointments=[TUESDAY]),
        tell("martes 20 de enero, 4:00 PM"),
        tell("martes 20 de enero, 4:00 PM", appointments=[{**TUESDAY, "customer": "sofia"}]),
        tell(None, code="slot_taken", appointments=[TUESDAY]),
    ],
    ids=["only looked for", "nothing expected", "somebody else's", "refused for another reason"],
)
def test_what_has_no_known_meaning_is_not_scored(story: Story) -> None:
    """Nothing is guessed."""
    assert resolve_dates(Reading(story.end())) == []


def test_a_cancelled_appointment_was_meant_all_the_same() -> None:
    """It stands at the end with its moment."""
    story = tell("martes 13 de enero, 4:00 PM", appointments=[{**TUESDAY, "status": "cancelled"}])

    assert [each.outcome for each in resolve_dates(Reading(story.end()))] == [Resolved.RIGHT]


def test_a_run_counts_them_and_names_the_wrong_ones() -> None:
    """Three counts apart; the wrong ones with their words."""
    whens = {"a": "martes 13 de enero, 4:00 PM", "b": "martes 20 de enero, 4:00 PM"}
    found = {name: resolve_dates(Reading(tell(when, appointments=[TUESDAY]).end())) for name, when in whens.items()}

    scores = sum_up_dates(found.items())

    assert (scores.right, scores.asked, scores.wrong, scores.n) == (1, 0, 1, 2)
    assert [each.conversation for each in scores.examples] == ["b"]
    assert (
        describe_date_scores(scores)[0] == "days and times of 2 calls: 1 right, 0 asked about, 1 wrong without asking"
    )
    assert describe_date_scores(DateScores()) == []
