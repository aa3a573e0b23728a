"""Our own transcripts: that they are there, that they cover what they promise, and that they are honest."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sim.transcripts import End, Expect, PersonRole, Route, Say, Transcript, list_participants, load_transcripts

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "transcripts"
THEMES = {
    "reservar": 15,
    "mover": 6,
    "cancelar": 6,
    "preguntar": 10,
    "jerga": 8,
    "rafagas": 5,
    "notas-de-voz": 5,
    "identidad": 5,
    "dos-a-la-vez": 5,
    "relevo": 14,
    "rutas": 13,
    "staff": 20,
    "hostiles": 15,
    "fallas": 8,
}
"""Folders, and the fewest transcripts each must hold."""


@pytest.fixture(scope="module")
def fixtures() -> list[Transcript]:
    """All of them."""
    return load_transcripts([FIXTURES])


def test_every_theme_has_its_transcripts(fixtures: list[Transcript]) -> None:
    """The folders are the themes, and none of them runs thin."""
    counts = Counter(Path(t.file).parent.name for t in fixtures)

    assert set(counts) == set(THEMES)
    assert [theme for theme, least in THEMES.items() if counts[theme] < least] == []
    assert len(fixtures) >= 60


def test_every_route_is_expected_somewhere(fixtures: list[Transcript]) -> None:
    """Each case of the routing table has a conversation that takes it."""
    expected = {event.route for t in fixtures for event in t.events if isinstance(event, Expect)}

    assert expected - {None} == set(Route)


def test_the_seven_handoff_scenarios_are_there() -> None:
    """Each of the seven is a numbered file of its own."""
    numbers = {path.name[0] for path in (FIXTURES / "relevo").glob("[0-9]-*.jsonl")}

    assert numbers >= set("1234567")


def test_each_says_what_must_hold(fixtures: list[Transcript]) -> None:
    """Every conversation ends with final rows, handoffs among them, and most turns are asked about."""
    assert [t.id for t in fixtures if not isinstance(t.events[-1], End)] == []
    assert [
        t.id
        for t in fixtures
        if isinstance(t.events[-1], End)
        and t.events[-1].handoffs is None
        and not {"race", "concurrent", "consent", "hostile"} & set(t.header.tags)
    ] == []
    assert sum(isinstance(event, Expect) for t in fixtures for event in t.events) >= 200


def test_each_begins_on_the_clock_of_its_world(fixtures: list[Transcript]) -> None:
    """`now` carries the offset that the business's zone has at that moment."""
    wrong = [
        t.id
        for t in fixtures
        if t.header.now.utcoffset() != t.header.now.astimezone(ZoneInfo(t.world.business.timezone)).utcoffset()
    ]

    assert wrong == []


def test_bookings_wait_for_a_yes(fixtures: list[Transcript]) -> None:
    """Where a booking is expected, the customer has said something in an earlier turn: nothing is booked unasked."""
    hasty = []
    for t in fixtures:
        turns = 0
        for event in t.events:
            turns += isinstance(event, Say)
            if isinstance(event, Expect) and any(tool.name == "book_appointment" for tool in event.tools or ()):
                hasty += [t.id] if turns < 2 else []

    assert hasty == []


def test_customers_of_the_world_write_from_their_own_phones(fixtures: list[Transcript]) -> None:
    """A name the world knows comes with the phone the world knows, in either spelling."""
    wrong = []
    for t in fixtures:
        known = {row.customer: row.phone for row in t.world.business.appointments}
        for person in list_participants(t).values():
            if person.role is PersonRole.CUSTOMER and person.name in known:
                wrong += [t.id] if person.phone.replace("+521", "+52") != known[person.name] else []

    assert wrong == []


def test_the_language_is_ours(fixtures: list[Transcript]) -> None:
    """All are written in Mexican Spanish, by us."""
    assert {(t.header.lang, t.header.source) for t in fixtures} == {("es-MX", "parlo")}
