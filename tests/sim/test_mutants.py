"""Breakages on purpose: some of each kind are noticed here, every one finds what it breaks, and all is put back."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from docs.generate import PROMISES
from evals.cli import run
from runtime.domain.errors import Broken
from sim.databases import borrow_copy
from sim.simulation.invariants import INVARIANTS, Violation
from sim.simulation.knobs import Profile
from sim.simulation.mutants import MUTANTS
from sim.simulation.mutants.hunting import Catch, Hunt, hunt_all, turn_on
from sim.simulation.mutants.showing import Hunted, find_mutants, show_hunted
from sim.simulation.mutants.switches import NothingToBreak, Rewrite, Schema, Setting, Swap, Switch
from sim.simulation.play import Ground
from sim.simulation.runs import open_ground, play_many
from sim.stage import SETTINGS

pytestmark = [pytest.mark.integration, pytest.mark.slow]

QUICK = (
    "inbox.no-unique-key",
    "turn.no-quiet-period",
    "tool.not-committed",
    "outbox.downgraded",
    "tenant.no-row-security",
)
"""Of the database, of a statement, of a setting, of the agent's loop, of the outbox; the others by `./just mutants`."""


SHOWN_BY_NONE = {
    "replay.same_hash": "two plays of a seed differ by the machine's doing, not by the runtime's",
    "handoffs.silence_ends": "no world lasts for so long; handoffs.looked_at_in_time sees it earlier",
    "staff.within_their_role": "the offline model asks before it acts; the hostile one is held by the matrix",
    "bookings.once": "the calendar refuses a second appointment first",
}
"""Invariants that no mutant trips, and why they are kept all the same."""


@pytest.fixture(scope="module")
def ground(server_url: str) -> Iterator[Ground]:
    """A database ready for simulations; what a test does to it is rolled back."""
    with borrow_copy(server_url, f"parlo_mutants_test_{os.getpid()}") as url, open_ground(url) as ground:
        yield ground


def test_mutants_of_each_kind_are_caught_within_their_seeds_and_leave_nothing_behind(server_url: str) -> None:
    """By invariants that are expected to; afterwards the process plays a seed as one that never broke anything."""
    hunts = hunt_all(server_url, [MUTANTS[name] for name in QUICK], None, jobs=1, tell=lambda _: None)
    catches = [hunt.catch for hunt in hunts if hunt.catch is not None]
    seeds = sorted({catch.seed for catch in catches})

    untouched = play_many(server_url, seeds, Profile.ALL, jobs=1, tell=lambda *_: None, again_every=0)

    assert [(hunt.mutant, hunt.is_caught, hunt.failure) for hunt in hunts] == [(name, True, None) for name in QUICK]
    assert all(hunt.played <= MUTANTS[hunt.mutant].within for hunt in hunts)
    hashes = {outcome.seed: outcome.trace_hash for outcome in untouched}
    assert [catch.sound_hash for catch in catches] == [hashes[catch.seed] for catch in catches]


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_finds_what_it_breaks_and_puts_it_back(ground: Ground, name: str) -> None:
    """What was changed meanwhile is as it was; the database is rolled back here."""
    before = _list_names()

    with ground.observer.transaction(force_rollback=True), turn_on(MUTANTS[name], ground):
        broken = _list_names()

    only_schema = all(isinstance(switch, Schema) for switch in MUTANTS[name].switches)
    assert only_schema or broken != before
    assert _list_names() == before


@pytest.mark.parametrize(
    "switch",
    [
        Schema(change="select 1", count="select count(*) from pg_constraint where conname = 'gone'"),
        Schema(change="select 1", count="select count(*) from pg_constraint where conname = 'inbox_pkey'"),
        Swap("runtime.outbox:gone", lambda sound: None),
        Swap("runtime.gone:deliver", lambda sound: None),
        Swap("runtime.store.intake:Intake.gone", lambda sound: None),
        Swap("runtime.outbox:deliver", lambda sound: sound),
        Swap("runtime.outbox:WINDOW_CLOSED", lambda sound: sound + 0),
        Rewrite("runtime.store.outbox:_CLAIM_HEAD", (("order by gone", ""),)),
        Rewrite("runtime.outbox:deliver", (("order by", ""),)),
    ],
)
def test_a_switch_that_finds_nothing_to_break_is_an_error(ground: Ground, switch: Switch) -> None:
    """So that no mutant seems to survive because the code has moved on."""
    with pytest.raises(NothingToBreak, match="found nothing to break"), switch.turn_on(ground.observer):
        pass


def test_a_setting_that_is_so_already_is_an_error(ground: Ground) -> None:
    """It shows when the first process starts."""
    same = Setting({"turn_attempts": SETTINGS.turn_attempts})

    with same.turn_on(ground.observer), pytest.raises(NothingToBreak, match="so already"):
        sys.modules["sim.simulation.processes"].__dict__["open_parts"](SETTINGS)


def test_what_was_broken_and_never_come_to_is_told(ground: Ground) -> None:
    """A breakage that no seed reaches says nothing of the invariants."""
    with Swap("runtime.outbox:states_below", lambda sound: lambda state: ()).turn_on(ground.observer) as reached:
        unreached = reached()
        sys.modules["runtime.outbox"].__dict__["states_below"](None)

        assert (unreached, reached()) == (False, True)


def test_every_mutant_is_expected_by_invariants_that_there_are() -> None:
    """And is bounded: it is caught within a stated number of seeds or counts as survived."""
    unknown = {each for mutant in MUTANTS.values() for each in mutant.noticed_by} - set(INVARIANTS)

    assert unknown == set()
    assert all(mutant.noticed_by and mutant.switches and 0 < mutant.within <= 100 for mutant in MUTANTS.values())
    assert len({mutant.breaks for mutant in MUTANTS.values()}) == len(MUTANTS) >= 20


def test_every_invariant_holds_a_promise_and_few_are_shown_by_no_mutant() -> None:
    """Those few are named; one that is asleep would not be noticed to be."""
    listed = [name for names in PROMISES.values() for name in names]
    shown = {name for mutant in MUTANTS.values() for name in mutant.noticed_by}

    assert sorted(listed) == sorted(INVARIANTS)
    assert set(INVARIANTS) - shown == set(SHOWN_BY_NONE)


def test_survivors_stand_last_and_fail_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """So do false alarms: what the seed breaches without the mutant is not its doing."""
    caught, false_alarm, survivor = _hunt("a", _catch()), _hunt("b", _catch(Violation("rest", "x"))), _hunt("c", None)

    held = show_hunted(Hunted([survivor, false_alarm, caught], 1, ["c", "b"], 1.0), as_json=False)

    marks = [line[:3] for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert marks == ["✓ a", "✗ c", "✗ b", "✗ 1"]
    assert not held
    assert show_hunted(Hunted([caught], 1, [], 1.0), as_json=True)


def test_an_unknown_mutant_is_refused_with_those_there_are() -> None:
    """With words."""
    with pytest.raises(Broken, match=r"known: inbox\.no-unique-key"):
        find_mutants(["caramba"])
    assert run(["mutants", "caramba"]) == 1


def _list_names() -> dict[tuple[str, str], Any]:
    """Everything that a switch may replace, by module and name, with the methods of classes."""
    names = {}
    for module_name, module in sorted(sys.modules.items()):
        if module_name.startswith(("runtime.", "sim.simulation.")):
            for name, value in list(vars(module).items()):
                names[module_name, name] = id(value)
                if isinstance(value, type):
                    names |= {(module_name, f"{name}.{key}"): id(each) for key, each in vars(value).items()}
    return names


def _catch(*sound: Violation) -> Catch:
    return Catch(seed=1, invariant="inbox.once", detail="SM1", also=[], sound=list(sound))


def _hunt(name: str, catch: Catch | None) -> Hunt:
    return Hunt(mutant=name, breaks="something", within=5, played=1, wall_s=1.0, catch=catch)
