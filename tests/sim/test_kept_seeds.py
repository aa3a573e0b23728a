"""Seeds that once showed a defect keep every promise now, and say where they draw another world than then."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from runtime.domain.errors import Broken
from sim.simulation.invariants import Violation
from sim.simulation.kept import KeptSeed, Replayed, hash_plan, load_kept, replay_kept, show_kept
from sim.simulation.knobs import Profile

KEPT = KeptSeed(7, Profile.MODEL, hash_plan(7, Profile.MODEL), "sim/simulation/plan.py", "something was wrong")


@pytest.mark.integration
@pytest.mark.slow
def test_every_kept_seed_keeps_every_promise_and_plays_the_same_twice(server_url: str) -> None:
    """Whatever it once showed."""
    replayed = replay_kept(server_url, jobs=1, tell=lambda _: None)

    assert [(each.kept.seed, each.violations) for each in replayed] == [(each.seed, []) for each in load_kept()]
    assert len(replayed) >= 2


def test_kept_seeds_are_each_kept_for_a_reason() -> None:
    """And once."""
    kept = load_kept()

    assert all(each.showed and (Path(__file__).parents[2] / each.area).exists() for each in kept)
    assert len({(each.seed, each.profile, each.showed) for each in kept}) == len(kept)


def test_a_plan_has_a_hash_of_its_own() -> None:
    """By seed; the same each time."""
    assert hash_plan(7, Profile.ALL) == hash_plan(7, Profile.ALL)
    assert hash_plan(7, Profile.ALL) != hash_plan(8, Profile.ALL)


def test_a_world_that_has_changed_since_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """And a breach fails the command."""
    moved = Replayed(KEPT, same_world=False, violations=[])
    breached = Replayed(KEPT, same_world=True, violations=[Violation("rest", "work was left")])

    held = [show_kept([moved], as_json=False), show_kept([breached], as_json=False)]

    lines = capsys.readouterr().out.splitlines()
    assert held == [True, False]
    assert lines[:2] == ["✓ seed 7, model (draws another world now)", "  once: something was wrong"]
    assert lines[3:6] == ["✗ seed 7, model", "  once: something was wrong", "  now: rest: work was left"]
    assert show_kept([moved], as_json=True)


def test_what_is_no_kept_seed_is_refused(tmp_path: Path) -> None:
    """With the file's name."""
    file = tmp_path / "kept.jsonl"
    file.write_bytes(msgspec.json.encode({"seed": 1, "profile": "caramba"}))

    with pytest.raises(Broken, match=r"kept\.jsonl"):
        load_kept(file)
