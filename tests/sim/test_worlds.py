"""World files: ours load, and a wrong one says where and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from runtime.domain.enums import OrganizationStatus, StaffRole
from sim.json_positions import find_line
from sim.problems import MalformedInput
from sim.worlds import WEEKDAYS, World, hash_world, list_worlds, load_world, read_world

SMALL = """{
  "name": "mini",
  "central": "+525500000000",
  "organizations": [
    {
      "key": "salon",
      "name": "Salón",
      "channel": "+525500000001",
      "locations": [{"name": "Uno", "address": "C1", "hours": {"lunes": [["09:00", "14:00"], ["16:00", "20:00"]]}}],
      "spots": ["Silla"],
      "services": [{"name": "Corte", "minutes": 30, "price_cents": 15000, "staff": ["eva"], "spots": ["Silla"]}],
      "staff": [
        {"key": "eva", "name": "Eva", "role": "owner", "phone": "+525500000101"}
      ],
      "appointments": [
        {"customer": "Ana", "phone": "+525512345678","service": "Corte","staff": "eva","starts_at": "2026-01-12T10:00"}
      ]
    }
  ]
}
"""


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], World]:
    """Reads a world from its text."""

    def read_text(text: str) -> World:
        path = tmp_path / "mini.json"
        path.write_text(text, encoding="utf-8")
        return read_world(path)

    return read_text


class Wrong(NamedTuple):
    """What is replaced in `SMALL`, and what must be said."""

    id: str
    old: str
    new: str
    said: str


WRONG = [
    Wrong(
        "role", '"role": "owner"', '"role": "boss"', "13: organizations[0].staff[0].role: expected one of owner, admin"
    ),
    Wrong("phone", '"+525500000101"', '"555"', "13: organizations[0].staff[0].phone: expected a number such as"),
    Wrong("missing name", '"name": "Salón",', "", "5: organizations[0].name: missing: a name is required"),
    Wrong("unknown field", '"name": "Salón"', '"name": "Salón", "mood": 1', "7: organizations[0].mood: unknown field"),
    Wrong(
        "price",
        '"price_cents": 15000',
        '"price_cents": 150.5',
        "11: organizations[0].services[0].price_cents: expected whole number ≥ 0",
    ),
    Wrong(
        "staff of a service",
        '"staff": ["eva"]',
        '"staff": ["eve"]',
        "11: organizations[0].services[0].staff[0]: no member of staff is called 'eve' (known: eva)",
    ),
    Wrong(
        "spot of a service",
        '"spots": ["Silla"]}',
        '"spots": ["Mesa"]}',
        "11: organizations[0].services[0].spots[0]: no spot is called 'Mesa' (known: Silla)",
    ),
    Wrong(
        "service of an appointment",
        '"service": "Corte"',
        '"service": "Tinte"',
        "16: organizations[0].appointments[0].service: no service is called 'Tinte'",
    ),
    Wrong(
        "weekday", '"lunes"', '"monday"', "9: organizations[0].locations[0].hours.monday: no weekday is called 'monday'"
    ),
    Wrong(
        "backwards",
        '"14:00"',
        '"08:00"',
        "9: organizations[0].locations[0].hours.lunes[0]: closes at 08:00, not after it opens at 09:00",
    ),
    Wrong(
        "overlap",
        '"16:00"',
        '"13:00"',
        "9: organizations[0].locations[0].hours.lunes[1]: opens at 13:00, before the range",
    ),
    Wrong(
        "hour",
        '"16:00"',
        '"25:00"',
        "9: organizations[0].locations[0].hours.lunes[1][0]: expected a time such as 09:30",
    ),
    Wrong(
        "zone",
        '"spots": ["Silla"],',
        '"spots": ["Silla"], "timezone": "Mars/Olympus",',
        "10: organizations[0].timezone: no time zone is called",
    ),
    Wrong(
        "day",
        '"2026-01-12T10:00"',
        '"2026-02-30T10:00"',
        "16: organizations[0].appointments[0].starts_at: day is out of range",
    ),
    Wrong(
        "own number twice",
        '"+525500000001"',
        '"+525500000000"',
        "4: organizations: two of our own numbers are +525500000000",
    ),
    Wrong("file name", '"name": "mini"', '"name": "maxi"', "2: name: expected 'mini', the name of the file"),
    Wrong("broken JSON", '"key": "salon",', '"key": "salon"', "7: not JSON: Expecting ',' delimiter"),
]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.id)
def test_a_wrong_world_is_named_with_line_and_field(read: Callable[[str], World], case: Wrong) -> None:
    """One fault, one problem, at the line where it stands."""
    assert SMALL.count(case.old) >= 1

    with pytest.raises(MalformedInput) as caught:
        read(SMALL.replace(case.old, case.new, 1))

    (problem,) = caught.value.problems
    assert f"{problem.line}: {problem}".startswith(case.said.split(": ")[0])
    assert str(problem).split("mini.json:")[1].startswith(case.said)


def test_two_appointments_of_one_person_at_once_are_refused(read: Callable[[str], World]) -> None:
    """A world the database could not hold is a fault of the file, not of the run."""
    twice = SMALL.replace(
        '"starts_at": "2026-01-12T10:00"}',
        '"starts_at": "2026-01-12T10:00"}, {"customer": "Bea", "phone": "+525512345679", "service": "Corte",'
        ' "staff": "eva", "starts_at": "2026-01-12T10:15"}',
    )

    with pytest.raises(MalformedInput, match=r"appointments\[1\].starts_at: eva has another appointment"):
        read(twice)


def test_a_moment_the_clocks_skip_is_refused(read: Callable[[str], World]) -> None:
    """Half past two does not exist on the morning Tijuana puts its clocks forward."""
    text = SMALL.replace('"key": "salon",', '"key": "salon", "timezone": "America/Tijuana",')

    with pytest.raises(MalformedInput, match="there is no such time in America/Tijuana"):
        read(text.replace("2026-01-12T10:00", "2026-03-08T02:30"))


def test_all_faults_come_at_once(read: Callable[[str], World]) -> None:
    """An author mends a file in one go."""
    text = SMALL.replace('"role": "owner"', '"role": "boss"').replace('"minutes": 30', '"minutes": 0')

    with pytest.raises(MalformedInput) as caught:
        read(text)

    assert [problem.line for problem in caught.value.problems] == [11, 13]


def test_a_missing_world_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    """Also where there is none at all."""
    with pytest.raises(MalformedInput, match=r"no world is called 'x' \(known: barberia-clasica, "):
        load_world("x")
    with pytest.raises(MalformedInput, match=r"\(known: none\)"):
        load_world("x", tmp_path)


def test_the_line_of_a_value_is_found_through_strings_that_look_like_structure() -> None:
    """Braces and quotes inside strings are no structure; a path that goes too far gives its last real part."""
    text = '{\n "a": "}]\\"{",\n "b": [\n  1,\n  {"c": 2}\n ]\n}'

    assert find_line(text, "b[1].c") == 5
    assert find_line(text, "b[1].missing.deeper") == 5
    assert find_line(text, "") == 1


def test_every_world_of_ours_loads() -> None:
    """All of them, with the seed business among them."""
    worlds = {name: load_world(name) for name in list_worlds()}

    assert set(worlds) == {
        "barberia-clasica",
        "barberia-don-beto",
        "consultorio-bienestar",
        "dos-negocios",
        "estetica-lupita",
        "onboarding",
        "servicios-generales",
        "suspendida",
    }
    assert len({hash_world(world) for world in worlds.values()}) == len(worlds)


def test_the_seed_business_is_as_the_documents_tell_it() -> None:
    """Estética Lupita: Puebla, two chairs, Lupita, Karla and an admin, closed on Sundays, Karla's lunch."""
    business = load_world("estetica-lupita").business

    assert (business.name, business.timezone, len(business.spots)) == ("Estética Lupita", "America/Mexico_City", 2)
    assert [(s.name, s.role) for s in business.staff][:3] == [
        ("Lupita", StaffRole.OWNER),
        ("Karla", StaffRole.STAFF),
        ("Rosa", StaffRole.ADMIN),
    ]
    assert len(business.services) >= 6
    assert set(business.locations[0].hours) == set(WEEKDAYS) - {"domingo"}
    karla = business.find_staff("karla")
    assert karla is not None
    assert karla.hours is not None
    assert len(karla.hours["lunes"]) == 2
    assert any(row.starts_at.startswith("2026-01-14") for row in business.appointments)


def test_the_special_worlds_are_what_they_are_for() -> None:
    """One phone in two businesses, a suspended one, an unfinished one, one chair in Tijuana."""
    both = load_world("dos-negocios").organizations
    beto = load_world("barberia-don-beto").business

    assert len({o.staff[0].phone for o in both}) == 1 < len({o.channel for o in both})
    assert load_world("suspendida").business.status is OrganizationStatus.SUSPENDED
    assert load_world("onboarding").business.status is OrganizationStatus.ONBOARDING
    assert load_world("onboarding").business.channel is None
    assert (beto.timezone, len(beto.spots), len(beto.staff)) == ("America/Tijuana", 1, 1)


def test_the_hash_of_a_world_is_of_its_content(read: Callable[[str], World]) -> None:
    """Layout makes no difference."""
    assert hash_world(read(SMALL)) == hash_world(read(json.dumps(json.loads(SMALL))))
