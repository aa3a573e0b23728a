"""Whole worlds with faults: promises hold, faults really happen, a seed plays the same twice, and breaches are seen."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest

from evals.cli import run
from runtime.domain.errors import Broken
from sim.databases import borrow_copy
from sim.simulation.invariants import RULES, Seen, check
from sim.simulation.knobs import Knob, Profile
from sim.simulation.plan import draw_plan
from sim.simulation.play import try_to_remove
from sim.simulation.reporting import read_profile, read_seeds
from sim.simulation.runs import open_ground, play_many, summarize

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
def spare_url(server_url: str) -> Iterator[str]:
    """A database of one's own."""
    with borrow_copy(server_url, f"parlo_simulation_spare_{os.getpid()}") as url:
        yield url


def test_worlds_with_every_fault_keep_every_promise_and_a_seed_plays_the_same_twice(server_url: str) -> None:
    """More than three hundred conversations, in two processes; four of the worlds twice."""
    outcomes = play_many(server_url, range(1, 33), Profile.ALL, jobs=2, tell=lambda *_: None, again_every=8)

    summary = summarize(outcomes, Profile.ALL, wall_s=1.0, again_every=8)
    assert summary.violations == []
    assert summary.crashes == {}
    assert (summary.seeds, summary.played_twice, summary.diverged) == (32, 4, [])
    assert summary.conversations >= 300
    never = {str(knob) for knob in Knob if not knob.startswith("clock.")} - set(summary.faults)
    assert never == set(), "a fault that never strikes is none"
    assert all(outcome.rested_after_s is not None for outcome in outcomes)


def test_without_faults_nothing_fails_and_nothing_is_sent_twice(server_url: str) -> None:
    """The same worlds on a quiet day."""
    outcomes = play_many(server_url, range(3, 5), Profile.NONE, jobs=1, tell=lambda *_: None, again_every=0)

    assert [outcome.faults for outcome in outcomes] == [{}, {}]
    assert [outcome.violations for outcome in outcomes] == [[], []]
    assert [outcome.crashes for outcome in outcomes] == [[], []]


def test_what_breaks_a_promise_is_named(spare_url: str) -> None:
    """A message without an end, an answer to nobody, and a sid that was answered 200 and is not there."""
    plan, _ = draw_plan(1, Profile.NONE)
    with psycopg.connect(spare_url, autocommit=True) as owner:
        owner.execute("create table handoff_log (organization_id uuid, seq int, handoff_id uuid, staff_id uuid,"
                      " state text, requested_at timestamptz, conversation_id uuid)")  # fmt: skip
        owner.execute("alter table inbox drop constraint inbox_organization_id_conversation_id_fkey")
        owner.execute(
            "insert into inbox (organization_id, id, conversation_id, provider, sid, kind, body, payload, received_at)"
            " select organization_id, gen_random_uuid(), gen_random_uuid(), 'twilio', 'SM1', 'text', 'x', '{}', now()"
            " from organizations"
        )

        found = check(owner, plan, Seen(accepted={"SM2"}), {})

    assert [violation.invariant for violation in found] == ["inbox.final", "inbox.none_lost"]


def test_a_wall_that_is_gone_is_noticed(spare_url: str) -> None:
    """Without row level security a business's transaction sees others' rows."""
    plan, _ = draw_plan(1, Profile.NONE)
    with psycopg.connect(spare_url, autocommit=True) as owner:
        owner.execute("create table handoff_log (organization_id uuid, seq int, handoff_id uuid, staff_id uuid,"
                      " state text, requested_at timestamptz, conversation_id uuid)")  # fmt: skip
        owner.execute(
            "insert into organizations (organization_id, name, status, timezone, created_at)"
            " values ('ffffffff-0000-7000-8000-000000000001', 'Otra', 'active', 'America/Cancun', now())"
        )
        sound = check(owner, plan, Seen(), {})
        owner.execute("alter table organizations no force row level security, disable row level security")
        found = check(owner, plan, Seen(), {})

    assert sound == []
    assert [violation.invariant for violation in found] == ["tenants.walls"]


def test_a_play_does_not_wait_for_what_an_earlier_one_left_open(spare_url: str) -> None:
    """A transaction of a process that ended in the middle holds locks as long as its connection lives."""
    with open_ground(spare_url) as ground, psycopg.connect(spare_url) as left:
        left.execute("lock table handoff_log, staff")

        ground.clear()

        with pytest.raises(psycopg.OperationalError):
            left.execute("select 1")


def test_nobody_waits_outside_the_simulation_for_a_lock_inside_it(spare_url: str) -> None:
    """Whoever holds it could never let it go: nothing else runs meanwhile."""
    with open_ground(spare_url) as ground, psycopg.connect(spare_url) as other:
        _write_staff(ground.observer)
        other.execute("select from staff for update")
        while_held = try_to_remove(ground.observer, "Otra", "Rosa")
        other.rollback()

        assert (while_held, try_to_remove(ground.observer, "Otra", "Rosa")) == (False, True)
        assert ground.observer.execute("select active from staff").fetchall() == [(False,)]


def _write_staff(owner: psycopg.Connection[Any]) -> None:
    ids = {"organization": "ffffffff-0000-7000-8000-000000000001", "person": "ffffffff-0000-7000-8000-000000000002"}
    for statement in (
        "insert into organizations (organization_id, name, status, timezone, created_at)"
        " values (%(organization)s, 'Otra', 'active', 'America/Cancun', now())",
        "insert into people (organization_id, id, created_at) values (%(organization)s, %(person)s, now())",
        "insert into staff (organization_id, id, person_id, name, role, position)"
        " values (%(organization)s, %(person)s, %(person)s, 'Rosa', 'owner', 0)",
    ):
        owner.execute(statement, ids)


def test_every_rule_has_a_name_and_a_reason_of_its_own() -> None:
    """A breach is told by its rule's name."""
    assert len({rule.name for rule in RULES}) == len({rule.reason for rule in RULES}) == len(RULES)


def test_a_seed_decides_the_world_whatever_faults_there_are() -> None:
    """So that a failure can be looked at with fewer of them."""
    (one, _), (other, _) = draw_plan(7, Profile.ALL), draw_plan(7, Profile.MODEL)

    assert one.customers == other.customers
    assert one != draw_plan(8, Profile.ALL)[0]


def test_the_command_gives_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    """With what happened, how often each fault struck, and a hash over it all."""
    code = run(["simulate", "--seeds", "1..2", "--faults", "inbound", "--json"])

    shown = msgspec.json.decode(capsys.readouterr().out)
    assert code == 0
    assert (shown["seeds"], shown["violations"]) == (2, [])
    assert set(shown["faults"]) <= {str(knob) for knob in Knob if knob.startswith("inbound.")}
    assert len(shown["trace_hash"]) == 64
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("text", ["", "x", "5..1", "1..x", "-3", "0..99999999"])
def test_what_is_no_range_of_seeds_is_refused(text: str) -> None:
    """With words."""
    with pytest.raises(Broken, match="seeds"):
        read_seeds(text)


def test_seeds_and_faults_are_read_as_they_are_written() -> None:
    """A range includes both ends; an unknown name is refused with those there are."""
    assert read_seeds("3..5") == [3, 4, 5]
    assert read_seeds("7") == [7]
    assert read_profile("twilio") is Profile.TWILIO
    with pytest.raises(Broken, match="known: none, inbound"):
        read_profile("caramba")
