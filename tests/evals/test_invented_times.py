"""Times of day in an answer that come from somewhere are known; one out of nowhere is found, with its words."""

from __future__ import annotations

import msgspec
import pytest

from evals.reading import Reading
from evals.scorers import score
from evals.scorers.times import check_times
from sim.record import ConversationRecord, SayData, SendOrigin
from sim.story import Story
from sim.worlds import list_clock_times, load_world

HOURS = ["09:00", "19:00"]
RULE = "rule/no-invented-time"
FREE = {"status": "free", "slots": ["martes 13 de enero, 11:30 AM", {"starts_at": "2026-01-13T16:00"}]}


def end(story: Story, hours: list[str] = HOURS) -> ConversationRecord:
    """The record of a story in a shop that is open from nine to seven; a cut takes 45 minutes."""
    return msgspec.structs.replace(story.end(), clock_times=hours, durations=[45])


def list_found(record: ConversationRecord) -> list[str]:
    """The reasons of what is broken."""
    return [each.reason for each in check_times(Reading(record))]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("a qué hora abren?", "Abrimos de 9:00 AM a 7:00 PM."),
        ("qué horario tienen", "De 9 am a 7 p.m., con gusto."),
        ("mañana a las 4 se puede?", "¿Te agendo a las 4:00 PM?"),
        ("a las cuatro y media", "¿A las 4:30 PM?"),
        ("cuarto para las seis", "¿A las 5:45 PM?"),
        ("10 para las 6 de la tarde", "¿A las 5:50 PM?"),
        ("a las 5 y 20", "¿5:20 PM está bien?"),
        ("al mediodía", "A las 12:00 PM, ¿va?"),
        ("a las 16:15", "¿A las 4:15 PM?"),
        ("a las 4, ¿a qué hora acabo?", "Empiezas a las 4:00 PM y terminas a las 4:45 PM."),
        ("qué hora es", "Son las 10:00 AM."),
        ("hola", "El corte cuesta $150.00 y dura 45 min; son 3 sillones."),
        ("cuándo", "El 13/01, del 1:1 al 2:2."),
    ],
)
def test_a_time_that_comes_from_somewhere_is_known(said: str, answer: str) -> None:
    """From the hours, the customer's words, a length beside a known time, or the clock; and what is no time is none."""
    story = Story()
    story.say("ana", said)
    story.send("ana", answer)

    assert list_found(end(story)) == []


@pytest.mark.parametrize(
    ("said", "answer", "named"),
    [
        ("hay lugar mañana?", "Sí, tengo a las 3:30 PM.", "3:30 PM"),
        ("mañana a las 4 se puede?", "A las 4 no, pero sí a las 5:30 PM.", "5:30 PM"),
        ("a qué hora abren?", "Abrimos a las 8 am.", "8 am"),
        ("hay lugar mañana?", "Claro, ¿te queda a las 5?", "a las 5"),
        ("hay lugar mañana?", "Tengo 15:15 libre.", "15:15"),
        ("a las 9 abren?", "Sí, y a las 9:45 PM cerramos.", "9:45 PM"),
    ],
)
def test_a_time_out_of_nowhere_is_found(said: str, answer: str, named: str) -> None:
    """With the words that name it."""
    story = Story()
    story.say("ana", said)
    story.send("ana", answer)

    found = list_found(end(story))

    assert len(found) == 1 and found[0].startswith(f"{named} is nobody's time")


def test_a_tool_makes_its_times_known_and_only_from_then_on() -> None:
    """In words and as moments."""
    story = Story()
    story.say("ana", "qué hay mañana?")
    early = story.send("ana", "Hay a las 11:30 AM.")
    story.call("check_availability", {"when": "mañana"}, result=FREE)
    story.send("ana", "Hay a las 11:30 AM y a las 4:00 PM.")

    found = list(check_times(Reading(end(story))))

    assert [each.event for each in found] == [early]


def test_a_time_said_aloud_is_known() -> None:
    """Voice notes say what they say."""
    story = Story()
    story.add(
        "ana", SayData(sid="SM9", media=[{"content_type": "audio/ogg", "says": "mañana a las cinco y media"}]), ""
    )
    story.send("ana", "¿A las 5:30 PM?")

    assert list_found(end(story)) == []


def test_what_a_person_says_and_notices_are_not_parlos_answers() -> None:
    """A human may name any time; so may a notice, which is made of rows."""
    story = Story()
    story.say("ana", "hay lugar?")
    story.send("ana", "te veo a las 6:10 PM", SendOrigin.RELAY)
    story.send("ana", "Tu cita de las 6:20 PM se canceló.", SendOrigin.NOTICE)

    assert list_found(end(story)) == []


def test_it_is_a_rule_of_every_replay_where_hours_are_known() -> None:
    """A broken rule breaks the conversation; without hours nothing is held against it."""
    story = Story()
    story.say("ana", "hay lugar mañana?")
    story.send("ana", "Sí, a las 3:30 PM.")

    assert [each.scorer for each in score(end(story)) if each.violation] == [RULE]
    assert [each.scorer for each in score(end(story, hours=[])) if each.violation] == []


def test_a_world_tells_its_hours_and_the_appointments_of_those_who_talk() -> None:
    """Not those of anybody else."""
    world = load_world("estetica-lupita")
    theirs = world.business.appointments[0]

    alone, with_her = list_clock_times(world, []), list_clock_times(world, [f"whatsapp:{theirs.phone}"])

    assert {"09:00", "19:00"} <= set(alone)
    assert theirs.starts_at[-5:] in with_her
    assert alone == sorted(alone)
