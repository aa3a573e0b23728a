"""Handoffs under load: how soon words are passed on, and whether a crowd is served one by one and in order.

All of Parlo runs as `parlo up` runs it, with several workers, on a database of its own. The quiet period, in which a
burst of messages is gathered, is waited for on purpose; figures are given with it and without.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from evals.bench.figures import Figure, Measurement, Unit, percentile
from evals.bench.ground import Ground, fresh_database
from evals.bench.lining import Cost, measure_line
from evals.bench.relaying import STAGES, Pace, Relays, Way, connect, measure_burst, measure_relays
from evals.bench.rushing import Rush, rush
from evals.bench.switchboard import Switchboard
from evals.live import run_up
from runtime.domain.errors import Broken
from runtime.settings import Settings
from sim.bare_postgres import measure_bare_commits, read_number
from sim.crowd import seed_crowd
from sim.handoff_log import watch_handoffs

BARE_S = 3.0
MOST_P50_MS = 300.0
MOST_P99_MS = 1000.0
RELAY_COMMITS = 5
"""Commits between a webhook and its relay, one after the other: accept, offer, claim, finish, claim to send."""
_QUIET_MS = Settings().quiet_s * 1000
_DEADLOCKS = "select deadlocks from pg_stat_database where datname = current_database()"
_DEAD = "select count(*) from turns where state = 'dead'"
_AGAIN = "select (select sum(fence) from conversations) - (select count(*) from turns)"
_TROUBLE = (
    "turn_postponed",
    "turn_crashed",
    "turn_broken",
    "turn_dead",
    "lease_lost",
    "job_",
    "handoff_stuck",
    "Traceback",
)


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """How much of everything; the defaults are what `parlo bench handoff` measures."""

    businesses: int = 10
    humans: int = 5
    pace: Pace = Pace(10.0, 30.0)
    crowd: int = 200
    workers: int = 3
    lines: tuple[int, ...] = (10, 100, 200, 1000)
    repeats: int = 15


class _Live(msgspec.Struct, frozen=True):
    """What was seen of the running processes."""

    steady: list[Relays]
    bursts: list[Relays]
    rush: Rush
    deadlocks: int
    dead: int
    again: int
    logged: list[str]


def measure_handoffs(ground: Ground, load: Load | None = None) -> Measurement:
    """Let pairs talk, then a crowd ask at once; and in one process, a line grow."""
    load = load or Load()
    with fresh_database(ground.durable_url, "handoff") as url:
        # one business more, for the crowd
        asyncio.run(seed_crowd(url, [load.humans] * (load.businesses + 1)))
        watch_handoffs(url)
        before = measure_bare_commits(url, clients=1, seconds=BARE_S)
        live = _measure_live(url, ground.redis_url, load)
        after = measure_bare_commits(url, clients=1, seconds=BARE_S)
    with fresh_database(ground.durable_url, "line") as url:
        costs = asyncio.run(measure_line(url, load.lines, repeats=load.repeats))
    bare_ms = (before[1] + after[1]) / (before[0] + after[0]) * 1000
    bare = Figure(
        name="bare commit",
        value=bare_ms,
        unit=Unit.MILLISECONDS,
        n=before[0] + after[0],
        how="one-row commits, 1 connection, before and after, same database",
    )
    figures = [
        bare,
        *(figure for relays in live.steady for figure in _describe_relays(relays, load, bare_ms)),
        *(figure for relays in live.bursts for figure in _describe_burst(relays)),
        *_count_relay_faults([*live.steady, *live.bursts]),
        *_describe_rush(live.rush, load, bare_ms),
        *_count_trouble(live),
        *_describe_line(costs, load),
    ]
    return Measurement(name="handoff", figures=figures, notes=[f"logged: {line}" for line in live.logged[:5]])


def _measure_live(url: str, redis_url: str, load: Load) -> _Live:
    with tempfile.TemporaryDirectory(prefix="parlo-bench-") as folder:
        log = Path(folder) / "up.log"
        with run_up(url, redis_url, workers=load.workers, log=log) as record:

            async def play() -> tuple[list[Relays], list[Relays], Rush]:
                async with Switchboard(record) as board:
                    pairs = await connect(board, load.businesses, load.humans)
                    steady = await measure_relays(board, pairs, load.pace, "a")
                    bursts = [await measure_burst(board, pairs, way, f"b{way[0]}") for way in Way]
                    return steady, bursts, await rush(board, load.businesses, load.crowd)

            steady, bursts, rushed = asyncio.run(play())
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    if sum("worker_started" in line for line in lines) != load.workers:
        raise Broken("the workers do not say in the log that they work: that they log no failure would mean nothing")
    return _Live(
        steady,
        bursts,
        rushed,
        deadlocks=read_number(url, _DEADLOCKS),
        dead=read_number(url, _DEAD),
        again=read_number(url, _AGAIN),
        logged=[line for line in lines if any(word in line for word in _TROUBLE)],
    )


def _describe_relays(relays: Relays, load: Load, bare_ms: float) -> list[Figure]:
    active = load.businesses * load.humans
    how = f"{active} handoffs active, {load.pace.rate:.0f} messages/s both ways together, {load.workers} workers"
    less_ms = _leave_out_quiet(relays.whole_ms)
    n, p50_ms = len(less_ms), percentile(less_ms, 0.5)
    return [
        *_show_shares(f"{relays.way}, whole", relays.whole_ms, f"webhook posted to provider's receipt; {how}"),
        *_show_shares(
            "  less the quiet period",
            less_ms,
            f"{_QUIET_MS:.0f} ms taken off, in which a burst is gathered on purpose",
            (MOST_P50_MS, MOST_P99_MS),
        ),
        *(_describe_stage(stage, relays.stages_ms[stage]) for stage in STAGES),
        Figure(
            name="  quiet period to whole",
            value=_QUIET_MS / percentile(relays.whole_ms, 0.5),
            unit=Unit.RATIO,
            n=n,
            how="by the p50",
        ),
        Figure(
            name="  bare commits to relay",
            value=RELAY_COMMITS * bare_ms / p50_ms,
            unit=Unit.RATIO,
            n=n,
            how=f"{RELAY_COMMITS} bare commits, as many as a relay waits for, by the p50 without the quiet period",
        ),
    ]


def _describe_stage(stage: str, values_ms: Sequence[float]) -> Figure:
    return Figure(
        name=f"    {stage}, p50",
        value=percentile(values_ms, 0.5),
        unit=Unit.MILLISECONDS,
        n=len(values_ms),
        how=f"its part; p99 {percentile(values_ms, 0.99):.0f} ms",
    )


def _describe_burst(relays: Relays) -> list[Figure]:
    how = "everybody writes in the same instant; less the quiet period"
    return _show_shares(f"{relays.way}, all at once", _leave_out_quiet(relays.whole_ms), how)


def _leave_out_quiet(whole_ms: Sequence[float]) -> list[float]:
    return [each - _QUIET_MS for each in whole_ms]


def _show_shares(
    name: str, values_ms: Sequence[float], how: str, most_ms: tuple[float | None, float | None] = (None, None)
) -> list[Figure]:
    """The middle and the slow end."""
    return [
        Figure(
            name=f"{name}, p{share * 100:.0f}",
            value=percentile(values_ms, share),
            unit=Unit.MILLISECONDS,
            n=len(values_ms),
            how=how,
            most=most,
        )
        for share, most in zip((0.5, 0.99), most_ms, strict=True)
    ]


def _count_relay_faults(relays: Sequence[Relays]) -> list[Figure]:
    counted = sum(len(each.whole_ms) + each.lost for each in relays)
    return [
        _count(f"relays {name}", sum(getattr(each, name) for each in relays), counted, how)
        for name, how in (
            ("lost", "never given to the provider"),
            ("doubled", "given to the provider more than once"),
            ("crossed", "arrived after one that the same person wrote later"),
        )
    ]


def _describe_rush(rushed: Rush, load: Load, bare_ms: float) -> list[Figure]:
    verdict = rushed.verdict
    how = f"{load.crowd} ask one business with {load.humans} humans in the same instant, {load.workers} workers"
    pace = len(rushed.told_ms) / (rushed.decided_s - _QUIET_MS / 1000)
    how = f"webhook to the provider's receipt of the answer, quiet period included; {how}"
    return [
        *_show_shares(f"crowd of {load.crowd}, told", rushed.told_ms, how),
        Figure(
            name="  told a second",
            value=pace,
            unit=Unit.PER_SECOND,
            n=len(rushed.told_ms),
            how="from the first webhook to the last answer, less the quiet period",
        ),
        Figure(
            name="  to bare commits",
            value=pace * bare_ms / 1000,
            unit=Unit.RATIO,
            n=len(rushed.told_ms),
            how="told/s by bare commits/s of 1 connection: requests of one business take turns",
        ),
        Figure(
            name="  all served after",
            value=rushed.drained_s,
            unit=Unit.SECONDS,
            n=verdict.served,
            how=f"each human ends as soon as they are asked to take the next; most in line {verdict.longest}",
        ),
        _count("  unanswered", rushed.unanswered, load.crowd, "heard nothing"),
        _count("  doubly served", verdict.doubly_served, verdict.requested, "two customers on one human at any moment"),
        _count("  told a wrong place", rushed.misplaced, verdict.longest, "not theirs in the order of requests"),
        _count("  told a place twice", rushed.repeated, verdict.longest, "places that more than one was told"),
        _count("  passed over", verdict.overtaken, verdict.served, "called before somebody who asked earlier"),
        _count("  not served", load.crowd - verdict.served, load.crowd, "asked, and nobody was asked to take them"),
    ]


def _count_trouble(live: _Live) -> list[Figure]:
    n = len(live.rush.told_ms)
    return [
        _count("deadlocks", live.deadlocks, n, "that the server had to break, all of it together"),
        _count("turns given up", live.dead, n, "state dead"),
        _count("failures logged", len(live.logged), n, "turns postponed or crashed, leases lost, jobs failed"),
        Figure(
            name="claims beyond one a turn",
            value=live.again,
            unit=Unit.COUNT,
            n=n,
            how="leases taken less turns: routed again, or found nothing to do",
        ),
    ]


def _count(name: str, value: int, n: int, how: str) -> Figure:
    return Figure(name=name, value=value, unit=Unit.COUNT, n=n, how=how, most=0)


def _describe_line(costs: Sequence[Cost], load: Load) -> list[Figure]:
    names = {
        "request_ms": ("request", "one more asks and is told their place"),
        "place_ms": ("  place in line", "the query alone"),
        "end_ms": ("end, and the next is called", "with the whole line read"),
        "idle_end_ms": ("  the same, a colleague free off duty", "who is not called while others are on duty"),
    }
    return [
        Figure(
            name=f"{name}, {cost.waiting} in line",
            value=getattr(cost, field),
            unit=Unit.MILLISECONDS,
            n=load.repeats,
            how=f"{how}; median, one process, no commit",
        )
        for field, (name, how) in names.items()
        for cost in costs
    ]
