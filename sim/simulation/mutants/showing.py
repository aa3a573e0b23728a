"""What `parlo mutants` shows: a row for each mutant, those that survived last."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence

import msgspec

from runtime.domain.errors import Broken
from sim.simulation.mutants import MUTANTS, Mutant
from sim.simulation.mutants.hunting import Hunt, hunt_all

_LONGEST_DETAIL = 110


class Hunted(msgspec.Struct, frozen=True):
    """What came of all hunts."""

    hunts: list[Hunt]
    caught: int
    survived: list[str]
    wall_s: float


def find_mutants(names: Sequence[str]) -> list[Mutant]:
    """The mutants of these names; all of them where none is given.

    Raises:
        Broken: There is none of a name.
    """
    unknown = [name for name in names if name not in MUTANTS]
    if unknown:
        raise Broken(f"no mutant is called {unknown[0]!r} (known: {', '.join(MUTANTS)})")
    return [MUTANTS[name] for name in names or MUTANTS]


def hunt_mutants(
    server_url: str,
    mutants: Sequence[Mutant],
    seeds: Sequence[int] | None,
    *,
    jobs: int | None,
    tell: Callable[[str], None],
) -> Hunted:
    """Hunt mutants and tell of each as its hunt ends."""
    began = time.monotonic()
    ended = 0

    def report(hunt: Hunt) -> None:
        nonlocal ended
        ended += 1
        tell(f"{ended} of {len(mutants)}: {hunt.mutant}: {describe_end(hunt)}")

    hunts = hunt_all(server_url, mutants, seeds, jobs=jobs or os.cpu_count() or 1, tell=report)
    survived = [hunt.mutant for hunt in hunts if not hunt.is_caught]
    return Hunted(hunts, len(hunts) - len(survived), survived, time.monotonic() - began)


def describe_end(hunt: Hunt) -> str:
    """In a line, what came of a hunt."""
    catch = hunt.catch
    if hunt.failure is not None:
        return hunt.failure
    if catch is None:
        others = f"; others were breached: {', '.join(hunt.unexpected)}" if hunt.unexpected else ""
        return f"survived {hunt.played} seeds{others}"
    if catch.sound:
        return f"seed {catch.seed} breaches {catch.sound[0].invariant} without it too: {catch.sound[0].detail}"
    return f"caught by seed {catch.seed}, {hunt.played} of {hunt.within}: {catch.invariant}"


def show_hunted(hunted: Hunted, *, as_json: bool) -> bool:
    """Print what came of it; True when every mutant was caught."""
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(hunted)).decode() + "\n")
        return not hunted.survived
    rows = sorted(hunted.hunts, key=lambda hunt: not hunt.is_caught)
    width = max(len(hunt.mutant) for hunt in rows)
    lines = [line for hunt in rows for line in _describe(hunt, width)]
    seeds = sum(hunt.played for hunt in rows)
    lines.append(
        f"{'✗' if hunted.survived else '✓'} {hunted.caught} of {len(rows)} mutants caught, in {seeds} seeds and"
        f" {hunted.wall_s:.0f} s; each catching seed is sound without its mutant"
    )
    sys.stdout.write("\n".join(lines) + "\n")
    return not hunted.survived


def _describe(hunt: Hunt, width: int) -> list[str]:
    mark = "✓" if hunt.is_caught else "✗"
    lines = [
        f"{mark} {hunt.mutant:<{width}}  {hunt.breaks}",
        f"  {'':<{width}}  {describe_end(hunt)} ({hunt.wall_s:.0f} s)",
    ]
    if hunt.catch is not None:
        lines.append(f"  {'':<{width}}  {hunt.catch.detail[:_LONGEST_DETAIL]}")
    return lines
