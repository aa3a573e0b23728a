"""Turns of two replays are set beside each other by what people wrote, whatever each run answered and when."""

from __future__ import annotations

import pytest

from evals.comparing.alignment import Change, UnlikeConversations, align
from evals.comparing.turns import Call, Reply, cut_turns
from evals.reading import Reading
from evals.verdicts import Outcome, Verdict, VerdictKind
from sim.record import (
    ConversationRecord,
    Event,
    HandoffData,
    Person,
    RouteData,
    SayData,
    SendData,
    ToolData,
    make_event,
)

ID, OTHER_ID = "01890000-0000-7000-8000-000000000001", "01890000-0000-7000-8000-000000000002"


def say(t: float, sid: str, text: str, by: str = "ana") -> Event:
    return make_event(t, by, SayData(sid=sid), text)


def send(t: float, text: str, turn: str = "", to: str = "ana") -> Event:
    return make_event(t, "parlo", SendData(to=to, turn=turn), text)


def routed(t: float, sid: str, turn: str, case: str = "5") -> Event:
    return make_event(t, "parlo", RouteData(sid=sid, case=case, turn=turn))


def record(*events: Event, conversation: str = "reserva") -> ConversationRecord:
    people = {"ana": Person("customer", "Ana"), "lupita": Person("owner", "Lupita")}
    return ConversationRecord(id=conversation, title="Ana reserva", tags=["book"], people=people, events=list(events))


def broken(scorer: str, event: int | None = None) -> Verdict:
    return Verdict(scorer, False, f"{scorer} did not hold", event)


def booking(answer: str = "¡Listo!", appointment: str = ID, *, ok: bool = True) -> ConversationRecord:
    arguments: dict[str, object] = {"when": "mañana", "id": appointment}
    result: dict[str, object] = {} if ok else {"error": {"code": "slot_taken"}}
    return record(
        say(0, "SM1", "hola"),
        routed(2, "SM1", "t1"),
        send(3, "¡Hola, Ana!", "t1"),
        say(8, "SM2", "una cita mañana"),
        routed(10, "SM2", "t2"),
        make_event(
            10, "parlo", ToolData(name="book_appointment", arguments=arguments, result=result, ok=ok, turn="t2")
        ),
        send(11, answer, "t2"),
    )


def test_a_turn_holds_what_was_done_because_of_its_message() -> None:
    """Routes, calls with their outcome, replies; identifiers by the order in which they come."""
    turns = cut_turns(Reading(booking(ok=False)), [])

    assert [(turn.number, turn.said) for turn in turns] == [(0, ""), (1, "hola"), (2, "una cita mañana")]
    assert turns[2].calls == (Call("book_appointment", '{"id":"#1","when":"mañana"}', "slot_taken"),)
    assert turns[2].replies == (Reply("ana", "¡Listo!"),)
    assert turns[1].routes == ("5",)


def test_two_runs_that_did_the_same_are_the_same_whatever_their_identifiers() -> None:
    """Seeds and ids differ; that is no change."""
    pair = align(booking(), booking(appointment=OTHER_ID), ([], []))

    assert pair.change is Change.SAME
    assert {each.change for each in pair.turns} == {Change.SAME}
    assert pair.diverged_at is None


def test_what_differs_and_holds_in_both_is_changed() -> None:
    """Other words, no scorer minds."""
    pair = align(booking(), booking("Quedó tu cita."), ([], []))

    assert [each.change for each in pair.turns] == [Change.SAME, Change.SAME, Change.CHANGED]
    assert (pair.change, pair.diverged_at) == (Change.CHANGED, 2)


def test_a_fault_that_came_breaks_its_turn_and_one_that_went_mends_it() -> None:
    """The conversation follows; with both at once the turn is broken."""
    fault, other = broken("reply", 6), broken("tools", 5)

    worse = align(booking(), booking("Ups"), ([], [fault]))
    better = align(booking("Ups"), booking(), ([fault], []))
    swapped = align(booking("Ups"), booking("Uy"), ([fault], [other]))

    assert (worse.change, [each.number for each in worse.list_changed(Change.BROKEN)]) == (Change.BROKEN, [2])
    assert worse.turns[2].gained[0].reason == "reply did not hold"
    assert (better.change, better.turns[2].change) == (Change.FIXED, Change.FIXED)
    assert (swapped.change, swapped.turns[2].change) == (Change.CHANGED, Change.BROKEN)


def test_a_fault_in_both_runs_is_no_change() -> None:
    """Whatever reason is given."""
    faults = [broken("reply", 6)], [Verdict("reply", False, "for another reason", 6)]

    pair = align(booking("Ups"), booking("Ups"), faults)

    assert pair.turns[2].change is Change.SAME
    assert (pair.first, pair.second, pair.change) == (Outcome.BROKEN, Outcome.BROKEN, Change.SAME)


def test_what_is_about_the_whole_conversation_stands_in_turn_nought() -> None:
    """Final rows belong to no message."""
    pair = align(booking(), booking(), ([], [broken("end/appointments")]))

    assert pair.turns[0].change is Change.BROKEN
    assert pair.change is Change.BROKEN


def test_an_answer_that_comes_after_the_next_message_belongs_to_the_one_it_answers() -> None:
    """One run is slower than the other; that is no difference."""
    quick = record(
        say(0, "SM1", "hola"), routed(1, "SM1", "t1"), send(2, "¡Hola!", "t1"),
        say(8, "SM2", "¿precio?"), routed(9, "SM2", "t2"), send(10, "$250", "t2"),
    )  # fmt: skip
    slow = record(
        say(0, "SM1", "hola"), routed(1, "SM1", "t1"), say(8, "SM2", "¿precio?"), send(9, "¡Hola!", "t1"),
        routed(10, "SM2", "t2"), send(11, "$250", "t2"),
    )  # fmt: skip

    assert align(quick, slow, ([], [])).change is Change.SAME


def test_an_answer_to_a_burst_belongs_to_its_last_message() -> None:
    """However the burst was cut."""
    together = record(
        say(0, "SM1", "hola"), say(1, "SM2", "¿precio?"), routed(2, "SM1", "t1"), routed(2, "SM2", "t1"),
        send(3, "$250", "t1"),
    )  # fmt: skip

    turns = cut_turns(Reading(together), [])

    assert [len(turn.replies) for turn in turns] == [0, 0, 1]


def test_handoffs_and_words_to_others_are_part_of_a_turn() -> None:
    """Somebody is put through in one run and not in the other."""
    plain = record(say(0, "SM1", "hola"), send(2, "¡Hola!"))
    handed = record(
        say(0, "SM1", "hola"),
        make_event(1, "parlo", HandoffData(status="offered", event="request", customer="ana")),
        send(2, "🙋 Ana pide hablar", to="lupita"),
    )

    pair = align(plain, handed, ([], []))

    assert pair.turns[1].second.handoffs == ("request → offered",)
    assert pair.turns[1].change is Change.CHANGED


def test_a_harness_that_broke_is_neither_mended_nor_broken() -> None:
    """It is counted elsewhere."""
    failed = [Verdict("harness", None, "no database", kind=VerdictKind.INFRASTRUCTURE)]

    pair = align(booking(), booking(), ([], failed))

    assert (pair.second, pair.change) == (Outcome.NOT_RUN, Change.SAME)


def test_different_conversations_are_not_compared() -> None:
    """Neither under different names nor with different words."""
    with pytest.raises(UnlikeConversations):
        align(booking(), record(conversation="otra"), ([], []))
    with pytest.raises(UnlikeConversations, match="different things"):
        align(booking(), record(say(0, "SM1", "adiós")), ([], []))
