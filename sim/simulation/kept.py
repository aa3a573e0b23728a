"""Seeds that once showed a defect: played again with every change, so that it does not come back unnoticed.

They are kept in `fixtures/seeds/kept.jsonl`, each with what it showed. What a seed draws changes when the simulation
does; a hash of the drawn plan beside it tells whether it still is the world in which the defect was seen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec

from runtime.domain.errors import Broken
from sim.simulation.invariants import Violation
from sim.simulation.knobs import Profile
from sim.simulation.plan import draw_plan
from sim.simulation.play import Outcome
from sim.simulation.runs import play_many

KEPT = Path(__file__).resolve().parents[2] / "fixtures" / "seeds" / "kept.jsonl"
_HASH_LENGTH = 12


class KeptSeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A seed, and what it showed.

    Attributes:
        plan: Hash of the plan it drew then, see `hash_plan`.
        area: Where the defect was.
        showed: The defect, in a sentence.
    """

    seed: int
    profile: Profile
    plan: str
    area: str
    showed: str


class Replayed(msgspec.Struct, frozen=True):
    """What came of a kept seed now.

    Attributes:
        same_world: It still draws the plan it drew then.
    """

    kept: KeptSeed
    same_world: bool
    violations: list[Violation]


def hash_plan(seed: int, profile: Profile) -> str:
    """A short hash of everything a seed decides beforehand."""
    plan, _ = draw_plan(seed, profile)
    return sha256(msgspec.json.encode(plan, order="sorted")).hexdigest()[:_HASH_LENGTH]


def load_kept(path: Path = KEPT) -> list[KeptSeed]:
    """Every kept seed.

    Raises:
        Broken: A line is none.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        return [msgspec.json.decode(line, type=KeptSeed) for line in lines if line.strip()]
    except msgspec.DecodeError as error:
        raise Broken(f"{path.name}: {error}") from error


def replay_kept(server_url: str, *, jobs: int, tell: Callable[[str], None]) -> list[Replayed]:
    """Play all kept seeds, each twice: that two plays differ is what some of them showed."""
    kept = load_kept()
    outcomes: dict[tuple[Profile, int], Outcome] = {}
    for profile in dict.fromkeys(each.profile for each in kept):
        seeds = sorted({each.seed for each in kept if each.profile is profile})
        played = play_many(
            server_url,
            seeds,
            profile,
            jobs=jobs,
            tell=lambda done, total, _: tell(f"played {done} of {total} kept seeds"),
            again_every=1,
        )
        outcomes |= {(profile, outcome.seed): outcome for outcome in played}
    return [
        Replayed(each, hash_plan(each.seed, each.profile) == each.plan, outcomes[each.profile, each.seed].violations)
        for each in kept
    ]


def show_kept(replayed: list[Replayed], *, as_json: bool) -> bool:
    """Print what came of them; True when every promise was kept."""
    broken = [violation for each in replayed for violation in each.violations]
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(replayed)).decode() + "\n")
        return not broken
    lines = []
    for each in replayed:
        drift = "" if each.same_world else " (draws another world now)"
        lines.append(f"{'✗' if each.violations else '✓'} seed {each.kept.seed}, {each.kept.profile}{drift}")
        lines.append(f"  once: {each.kept.showed}")
        lines += [f"  now: {violation.invariant}: {violation.detail}" for violation in each.violations]
    lines.append(f"{'✗' if broken else '✓'} {len(broken)} violations in {len(replayed)} kept seeds")
    sys.stdout.write("\n".join(lines) + "\n")
    return not broken
