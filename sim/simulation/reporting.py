"""What `parlo simulate` reads and shows: ranges of seeds, progress with an estimate, the summary, a seed's story."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence

import msgspec

from runtime.domain.errors import Broken
from sim.databases import borrow_copy
from sim.simulation.knobs import Profile
from sim.simulation.plan import draw_plan
from sim.simulation.play import Outcome
from sim.simulation.runs import Summary, open_ground, play_many, play_twice, silence, summarize
from sim.simulation.trace import render_story

MOST_SEEDS = 1_000_000
TELL_EVERY_S = 5.0


def read_seeds(text: str) -> list[int]:
    """`3`, or `1..200`.

    Raises:
        Broken: It is neither.
    """
    first, dots, last = text.partition("..")
    try:
        begin, end = int(first), int(last if dots else first)
    except ValueError:
        raise Broken(f"seeds are written A..B, for example 1..200, not {text!r}") from None
    if not 0 <= begin <= end or end - begin >= MOST_SEEDS:
        raise Broken(f"{text!r} is no range of seeds: from the lower to the higher, none below 0")
    return list(range(begin, end + 1))


def read_profile(text: str) -> Profile:
    """The profile of this name.

    Raises:
        Broken: There is none.
    """
    try:
        return Profile(text)
    except ValueError:
        raise Broken(f"no faults are called {text!r} (known: {', '.join(Profile)})") from None


def simulate_seeds(
    server_url: str, seeds: Sequence[int], profile: Profile, *, jobs: int | None, tell: Callable[[str], None]
) -> Summary:
    """Play seeds and tell how it goes; each with violations is told at once."""
    started = time.monotonic()
    told_at = started

    def report(done: int, total: int, outcome: Outcome) -> None:
        nonlocal told_at
        now = time.monotonic()
        for violation in outcome.violations:
            tell(f"seed {outcome.seed}: {violation.invariant}: {violation.detail}")
        if now - told_at >= TELL_EVERY_S or done == total:
            told_at = now
            left_s = (now - started) / done * (total - done)
            tell(f"played {done} of {total}, about {left_s:.0f} s left")

    outcomes = play_many(server_url, seeds, profile, jobs=jobs or os.cpu_count() or 1, tell=report)
    return summarize(outcomes, profile, wall_s=time.monotonic() - started)


def show_summary(summary: Summary, *, as_json: bool) -> bool:
    """Print what came of it; True when every promise was kept."""
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(summary)).decode() + "\n")
        return not summary.violations
    struck = ", ".join(f"{count} {name}" for name, count in summary.faults.items()) or "none"
    rate, pace = summary.seeds / summary.wall_s, summary.virtual_s / summary.wall_s
    lines = [
        f"{summary.seeds} seeds ({summary.first}..{summary.last}, faults: {summary.profile}):"
        f" {summary.conversations} conversations, {summary.messages} messages, {summary.sent} sent,"
        f" {summary.model_calls} model answers",
        f"{sum(summary.faults.values())} faults: {struck}",
        f"{summary.virtual_s / 3600:.1f} virtual hours in {summary.wall_s:.0f} s"
        f" ({rate:.2f} seeds/s, {pace:.0f} times real time)",
        f"at rest {summary.slowest_rest_s:.0f} s after the last fault at the slowest",
        f"{summary.played_twice} seeds played twice, {len(summary.diverged)} came out differently;"
        f" trace {summary.trace_hash[:16]}",
        *(f"crashed {count} times: {crash}" for crash, count in summary.crashes.items()),
        *(f"✗ seed {each['seed']}: {each['invariant']}: {each['detail']}" for each in summary.violations),
        f"{'✗' if summary.violations else '✓'} {len(summary.violations)} violations",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return not summary.violations


def show_story(server_url: str, seeds: Sequence[int], profile: Profile) -> bool:
    """Play one seed, twice, and print what happened in it; True when every promise was kept.

    Raises:
        Broken: There are several.
    """
    if len(seeds) != 1:
        raise Broken("a story is told of one seed: --seed N --trace")
    silence()
    plan, _ = draw_plan(seeds[0], profile)
    name = f"parlo_simulation_{os.getpid()}"
    with borrow_copy(server_url, name) as url, open_ground(url) as ground:
        outcome = play_twice(ground, seeds[0], profile)
    told = [f"✗ {violation.invariant}: {violation.detail}" for violation in outcome.violations]
    faults = ", ".join(f"{count} {knob}" for knob, count in outcome.faults.items()) or "none"
    end = f"{len(outcome.violations)} violations; faults: {faults}; trace {outcome.trace_hash[:16]}"
    sys.stdout.write("\n".join([render_story(outcome.lines, plan.starts_at), *told, end]) + "\n")
    return not outcome.violations
