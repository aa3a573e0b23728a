"""What a transcript expects is scored on the record, and each verdict says why."""

from __future__ import annotations

import pytest

from evals.scorers import score
from evals.verdicts import Outcome, Verdict, VerdictKind, outcome_of
from sim.record import (
    AcceptedData,
    ConversationRecord,
    FinalAppointment,
    FinalCustomer,
    FinalHandoff,
    FinalRows,
    FinalTask,
    SayData,
    SendOrigin,
)
from sim.story import Story

APPOINTMENT = FinalAppointment("ana", "Corte de dama", "Lupita", "2026-01-13T16:00", "confirmed")
WANTED = {"customer": "ana", "service": "Corte de dama", "staff": "Lupita", "starts_at": "2026-01-13T16:00"}


def tell_booking(**expected: object) -> ConversationRecord:
    """Ana books, and something is expected of the turn."""
    story = Story()
    story.say("ana", "quiero un corte mañana a las 4")
    story.call("check_availability", {"service": "Corte", "when": "mañana a las 4"}, result={"status": "available"})
    story.book()
    story.send("ana", "¡Listo! Tu cita quedó agendada: martes 13 de enero, 4:00\u00a0PM.")
    story.expect(**expected)
    return story.end(FinalRows(appointments=[APPOINTMENT]))


def find(record: ConversationRecord, scorer: str) -> Verdict:
    """The one verdict of a scorer."""
    [verdict] = [v for v in score(record) if v.scorer == scorer]
    return verdict


MET: list[dict[str, object]] = [
    {"route": "5"},
    {"tools": [{"name": "check_availability", "ok": True}, {"name": "book_appointment"}]},
    {
        "tools_any_order": [
            {"name": "book_appointment"},
            {"name": "check_availability", "arguments": {"when": "MAÑANA a las 4"}},
        ]
    },
    {"reply": {"to": "ana", "contains": ["4:00 PM", "agendada"], "not_contains": ["lo siento"]}},
    {"reply": [{"to": "ana", "contains_any": ["nada", "LISTO"]}]},
    {"no_reply": ["lupita"]},
    {"handoff": "none"},
    {"http": 200},
]

BROKEN: list[tuple[dict[str, object], str]] = [
    ({"route": "4"}, "routed 5 (by the table), expected 4"),
    ({"tools": []}, "called check_availability, book_appointment, expected no tool"),
    ({"tools": [{"name": "check_availability", "ok": False}, {"name": "book_appointment"}]}, "expected the opposite"),
    ({"tools": [{"name": "check_availability", "code": "closed"}, {"name": "book_appointment"}]}, "expected closed"),
    (
        {"tools": [{"name": "check_availability", "arguments": {"when": "hoy"}}, {"name": "book_appointment"}]},
        "was given service Corte, when mañana a las 4, expected when hoy",
    ),
    ({"tools_any_order": [{"name": "book_appointment"}]}, "also called check_availability"),
    ({"reply": {"to": "ana", "contains": ["Karla"]}}, "“Karla” is not in “¡Listo! Tu cita"),
    ({"reply": {"to": "ana", "contains_any": ["Karla", "Beto"]}}, "none of “Karla”, “Beto”"),
    ({"reply": {"to": "ana", "not_contains": ["agendada"]}}, "“agendada” must not be in"),
    ({"reply": {"to": "lupita"}}, "Lupita was sent nothing"),
    ({"no_reply": ["ana"]}, "Ana was sent “¡Listo!"),
    ({"handoff": "active"}, "the handoff is none, expected active"),
    ({"http": 403}, "the webhook answered 200, expected 403"),
]


def tell_relay(media: tuple[str, ...], wanted: str) -> Verdict:
    """Lupita is passed Ana's message, and a file is expected to have come with it."""
    story = Story()
    story.say("ana", "mira", media="image/jpeg")
    story.send("lupita", "Ana: mira", SendOrigin.RELAY, media=media)
    story.expect(reply={"to": "lupita", "media": wanted})
    return find(story.end(), "reply")


@pytest.mark.parametrize("wanted", ["image/jpeg", "IMAGE/JPEG", "image"])
def test_a_file_is_expected_by_its_type_or_its_family(wanted: str) -> None:
    assert tell_relay(("audio/ogg", "image/jpeg; x=1"), wanted).met


@pytest.mark.parametrize(
    ("media", "wanted", "reason"),
    [
        ((), "image", "no image among the files: none"),
        (("audio/ogg",), "image", "no image among the files: audio/ogg"),
        (("image/png",), "image/jpeg", "no image/jpeg among the files: image/png"),
    ],
)
def test_a_file_that_did_not_come_is_missed(media: tuple[str, ...], wanted: str, reason: str) -> None:
    verdict = tell_relay(media, wanted)

    assert (verdict.met, verdict.reason) == (False, reason)


@pytest.mark.parametrize("expected", MET, ids=lambda e: next(iter(e)))
def test_an_expectation_that_holds_is_met(expected: dict[str, object]) -> None:
    """One met verdict with a reason for each thing that is asked for."""
    verdicts = [v for v in score(tell_booking(**expected)) if v.kind is VerdictKind.EXPECTATION]

    assert [v.met for v in verdicts] == [True]
    assert verdicts[0].reason


@pytest.mark.parametrize(("expected", "reason"), BROKEN, ids=[reason for _, reason in BROKEN])
def test_an_expectation_that_does_not_hold_says_what_was_found(expected: dict[str, object], reason: str) -> None:
    """A broken verdict names what was found and what was expected."""
    [verdict] = [v for v in score(tell_booking(**expected)) if v.kind is VerdictKind.EXPECTATION]

    assert verdict.broken
    assert reason in verdict.reason


def test_an_expectation_is_about_its_own_turn_only() -> None:
    """What happened before the last rest does not count."""
    story = Story()
    story.say("ana", "hola")
    story.send("ana", "¡Hola! ¿En qué te ayudo?")
    story.say("lupita", "agenda de hoy", route="4")
    story.send("lupita", "Hoy no tienes citas.")
    story.expect(route="4", no_reply=["ana"], tools=[])

    verdicts = [v for v in score(story.end()) if v.kind is VerdictKind.EXPECTATION]

    assert [v.met for v in verdicts] == [True, True, True]


def test_two_people_at_once_may_each_have_their_route() -> None:
    """Expectations that share a window name the routes that must occur, all of them and no other."""
    story = Story()
    story.say("ana", "hola")
    first = story._first
    story.say("lupita", "agenda", route="4")
    story._first = first
    story.expect(route="5")
    story.expect(route="4")

    assert [v.met for v in score(story.end()) if v.scorer == "route"] == [True, True]

    story.expectations.pop()

    assert "routed 4" in find(story.end(), "route").reason


def test_the_handoff_meant_is_that_of_whoever_wrote_last() -> None:
    """Two customers in line have each their own state."""
    story = Story(ana="customer", beto="customer", lupita="owner")
    story.say("ana", "quiero hablar con alguien")
    story.hand_off("active", "ana")
    story.say("beto", "yo también")
    story.hand_off("waiting", "beto", "")
    story.expect(handoff="waiting")
    story.say("ana", "gracias", route="5h")
    story.expect(handoff="active")
    story.say("lupita", "listo", route="4h")
    story.hand_off("ended", "ana", reason="lo cerró Lupita")
    story.expect(handoff="ended")
    story.expect(handoff="none")

    assert [v.met for v in score(story.end(tags=("asks-human",))) if v.scorer == "handoff"] == [True] * 4


def test_a_forged_message_is_refused_and_counts_as_no_message() -> None:
    """A 403 is what was expected, and asks for neither route nor inbox row."""
    story = Story()
    story._first = story.add("ana", SayData(sid="SM9", tamper=True), "hola")
    story.add("twilio", AcceptedData(sid="SM9", status=403))
    story.expect(http=403)

    verdicts = score(story.end())

    assert outcome_of(verdicts) is Outcome.PASSED


@pytest.mark.parametrize(
    ("wanted", "scorer", "met"),
    [
        ({"appointments": [WANTED]}, "final/appointments", True),
        ({"appointments": [WANTED | {"staff": "lupita"}]}, "final/appointments", True),
        ({"appointments": []}, "final/appointments", False),
        ({"appointments": [WANTED, WANTED]}, "final/appointments", False),
        ({"appointments": [WANTED | {"status": "cancelled"}]}, "final/appointments", False),
        ({"handoffs": [{"customer": "ana", "status": "ended", "end_reason": "human"}]}, "final/handoffs", True),
        ({"handoffs": []}, "final/handoffs", False),
        ({"tasks": 1}, "final/tasks", True),
        ({"tasks": ["dead_letter"]}, "final/tasks", True),
        ({"tasks": []}, "final/tasks", False),
        ({"customers": [{"person": "ana", "name": "Ana López"}]}, "final/customers", True),
        ({"customers": [{"person": "ana", "name": None}]}, "final/customers", False),
        ({"inbox": {"done": 1}}, "final/inbox", True),
        ({"inbox": {"done": 1, "dead": 1}}, "final/inbox", False),
    ],
)
def test_final_rows_are_compared_with_what_the_end_line_asks(wanted: dict[str, object], scorer: str, met: bool) -> None:
    """Each table is its own verdict; a field that is not asked about may be anything."""
    story = Story()
    story.say("ana", "hola")
    story.expect_end(**wanted)
    record = story.end(
        FinalRows(
            appointments=[APPOINTMENT, FinalAppointment("+525500000009", "Tinte", "Karla", "2026-01-13T10:00")],
            handoffs=[FinalHandoff("ana", "lupita", "ended", "human")],
            tasks=[FinalTask("dead_letter")],
            customers=[FinalCustomer("ana", "Ana López")],
        )
    )

    verdict = find(record, scorer)

    assert verdict.met is met
    assert verdict.reason


def test_handoffs_in_another_order_are_not_the_same() -> None:
    """Who asked first stands first."""
    story = Story(ana="customer", beto="customer", lupita="owner")
    story.expect_end(handoffs=[{"customer": "beto", "status": "ended"}, {"customer": "ana", "status": "ended"}])
    rows = [FinalHandoff("ana", "lupita", "ended", "human"), FinalHandoff("beto", "lupita", "ended", "human")]

    verdict = find(story.end(FinalRows(handoffs=rows)), "final/handoffs")

    assert verdict.broken
    assert "another order" in verdict.reason


def test_an_expectation_nobody_can_read_is_broken_not_met() -> None:
    """A misspelt field never passes silently."""
    verdict = find(tell_booking(rout="5"), "expect")

    assert verdict.broken
    assert "cannot be read" in verdict.reason


def test_a_broken_harness_is_counted_and_never_scored() -> None:
    """An exception in the driver is neither met nor broken."""
    story = Story()
    story.expect(route="5")

    verdicts = score(story.end(failure="ConnectionError: no database"))

    assert [(v.kind, v.value) for v in verdicts] == [(VerdictKind.INFRASTRUCTURE, None)]
    assert outcome_of(verdicts) is Outcome.NOT_RUN
