"""How fast conversations are replayed: our own fixtures, free mode, offline model, one process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from evals.bench.figures import Figure, Measurement, Unit
from evals.bench.ground import Ground, fresh_database
from evals.bench.wire import Traffic, WireCounter
from sim.bare_postgres import measure_bare_commits
from sim.driver import replay
from sim.quiet_logs import silence_logs
from sim.record import EventKind
from sim.stage import open_stage
from sim.transcripts import Transcript, load_transcripts
from sim.virtual_time import VirtualLoop

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "transcripts"
LIMIT_S = 45.0
COUNTED = 24
WARM_UP_EVERY = 10
CLIENTS = (1, 8)
BARE_S = 2.0
LEAST_RATIO = 0.1

T = TypeVar("T")


class _Played(msgspec.Struct):
    """What was replayed: people's messages, and real and CPU time."""

    conversations: int = 0
    messages: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0


def measure_replay(ground: Ground) -> Measurement:
    """Replay everything, then a part of it again with the wire counted, and the server by itself."""
    silence_logs()
    transcripts = load_transcripts([FIXTURES])
    with fresh_database(ground.fast_url, "replay") as url:
        before = {clients: measure_bare_commits(url, clients=clients, seconds=BARE_S) for clients in CLIENTS}
        played = _run(_replay(url, transcripts, limit_s=LIMIT_S))
        after = {clients: measure_bare_commits(url, clients=clients, seconds=BARE_S) for clients in CLIENTS}
        every = max(1, len(transcripts) // COUNTED)
        counted, traffic = _run(_count(url, transcripts[::every]))
    # before and after, since the machine may be faster at one time than at another
    bare = {each: (before[each][0] + after[each][0], before[each][1] + after[each][1]) for each in CLIENTS}
    return Measurement(name="replay", figures=_compose(played, counted, traffic, bare))


def _compose(played: _Played, counted: _Played, traffic: Traffic, bare: dict[int, tuple[int, float]]) -> list[Figure]:
    pace = played.messages / played.wall_s
    commits, transactions = traffic.commits / counted.messages, traffic.transactions / counted.messages
    rates = {clients: count / took_s for clients, (count, took_s) in bare.items()}
    what = f"{played.conversations} conversations of fixtures/, one process, each tenth played before"
    per_message = f"on the wire, {counted.conversations} conversations; worlds written and records read included"
    figures = [
        Figure(name="messages replayed", value=pace, unit=Unit.PER_SECOND, n=played.messages, how=what),
        Figure(
            name="CPU per message",
            value=played.cpu_s / played.messages * 1000,
            unit=Unit.MILLISECONDS,
            n=played.messages,
            how="process_time, offline model, emulated provider and records included",
        ),
        *(
            Figure(
                name=f"{name} per message",
                value=count / counted.messages,
                unit=Unit.COUNT,
                n=counted.messages,
                how=per_message,
            )
            for name, count in (
                ("statements", traffic.statements),
                ("round trips", traffic.round_trips),
                ("transactions", traffic.transactions),
                ("commits that write", traffic.commits),
            )
        ),
    ]
    for clients, rate in rates.items():
        how = f"one-row commits, {clients} connection{'s' * (clients > 1)}, {BARE_S:.0f} s before and after, no fsync"
        # a replay has one statement under way at a time: one connection is its like
        least = LEAST_RATIO if clients == 1 else None
        figures += [
            Figure(name=f"bare commits, {clients}", value=rate, unit=Unit.PER_SECOND, n=bare[clients][0], how=how),
            Figure(
                name=f"replay to bare commits, {clients}",
                value=pace / (rate / commits),
                unit=Unit.RATIO,
                n=played.messages,
                how="messages/s by (bare commits/s by commits that write per message)",
                least=least,
            ),
            Figure(
                name=f"  the same by transactions, {clients}",
                value=pace / (rate / transactions),
                unit=Unit.RATIO,
                n=played.messages,
                how="the same with those that only read counted too, as the server's own xact_commit does",
            ),
        ]
    return figures


async def _replay(url: str, transcripts: list[Transcript], *, limit_s: float) -> _Played:
    played = _Played()
    async with open_stage(url) as stage:
        # imports, and plans that each connection makes once
        for transcript in transcripts[::WARM_UP_EVERY]:
            await replay(stage, transcript)
        started, started_cpu = time.perf_counter(), time.process_time()
        for transcript in transcripts:
            record = await replay(stage, transcript)
            played.conversations += 1
            played.messages += sum(event.kind is EventKind.SAY for event in record.events)
            if time.perf_counter() - started > limit_s:
                break
        played.wall_s, played.cpu_s = time.perf_counter() - started, time.process_time() - started_cpu
    return played


async def _count(url: str, transcripts: list[Transcript]) -> tuple[_Played, Traffic]:
    with WireCounter(url) as counter:
        played = await _replay(counter.url, transcripts, limit_s=LIMIT_S)
        traffic = counter.take()
    return played, traffic


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a virtual loop."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(work)
    finally:
        asyncio.set_event_loop(None)
        loop.close()
