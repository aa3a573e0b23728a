"""How fast one web process takes webhooks in: signed forms over loopback, against bare commits on the same Postgres."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

from evals.bench.figures import Figure, Measurement, Unit, percentile
from evals.bench.ground import WORLD, Ground, fresh_database, seed
from evals.bench.knocking import Outcome, Plan, knock
from evals.bench.proc import read_cpu_s
from runtime.domain.errors import Broken
from sim.bare_postgres import count_rows, measure_bare_commits
from sim.serving import HOST, listen
from sim.twilio.emulator import Account
from sim.worlds import load_world

CLIENTS = (8, 32)
SECONDS = 5.0
MOST = 8_000
BARE_S = 3.0
OPEN_RATE = 200.0
LEAST_RATIO = 0.15
MOST_P99_MS = 50.0
READY_LIMIT_S = 30.0


def measure_accepting(ground: Ground) -> Measurement:
    """Post as fast as 8 and 32 clients can, then 200 a second; every 200 must be a row."""
    world = load_world(WORLD)
    with fresh_database(ground.durable_url, "accept") as url:
        asyncio.run(seed(url))
        figures = []
        with _serve(url, ground.redis_url) as (web, pid):
            knocker = _Knocker(web, f"whatsapp:{world.business.channel}")
            accepted = knocker.knock(clients=8, most=300, seconds=SECONDS).accepted
            for clients in CLIENTS:
                bare = measure_bare_commits(url, clients=clients, seconds=BARE_S)
                cpu_s = read_cpu_s(pid)
                outcome = knocker.knock(clients=clients, most=MOST, seconds=SECONDS)
                cpu_s = read_cpu_s(pid) - cpu_s
                accepted += outcome.accepted
                figures += _compare(clients, outcome, bare, cpu_s)
            outcome = knocker.knock(clients=32, most=int(OPEN_RATE * SECONDS), seconds=2 * SECONDS, rate=OPEN_RATE)
            accepted += outcome.accepted
            figures += _describe_open_loop(outcome)
        if (stored := count_rows(url, "inbox")) != accepted:
            raise Broken(f"{accepted} webhooks were answered 200, and {stored} rows are stored")
    return Measurement(name="accept", figures=figures)


def _compare(clients: int, outcome: Outcome, bare: tuple[int, float], cpu_s: float) -> list[Figure]:
    n, pace = len(outcome.times_ms), outcome.accepted / outcome.wall_s
    bare_pace = bare[0] / bare[1]
    how = f"closed loop, {clients} connections from another process, one web process, signed, a new sender each"
    times = [
        Figure(
            name=f"  p{share * 100:.0f}, {clients} clients",
            value=percentile(outcome.times_ms, share),
            unit=Unit.MILLISECONDS,
            n=n,
            how="request to answer",
        )
        for share in (0.5, 0.99)
    ]
    return [
        Figure(name=f"accepted, {clients} clients", value=pace, unit=Unit.PER_SECOND, n=n, how=how),
        *times,
        Figure(
            name="  CPU of web a request",
            value=cpu_s / n * 1000,
            unit=Unit.MILLISECONDS,
            n=n,
            how="user and system time of the process",
        ),
        Figure(
            name=f"  bare commits, {clients}",
            value=bare_pace,
            unit=Unit.PER_SECOND,
            n=bare[0],
            how=f"one-row commits, {clients} connections of one process, just before, same database",
        ),
        Figure(
            name=f"accept to bare commit, {clients}",
            value=pace / bare_pace,
            unit=Unit.RATIO,
            n=n,
            how="accepted/s by bare commits/s",
            least=LEAST_RATIO,
        ),
        *_count_refused(outcome),
    ]


def _describe_open_loop(outcome: Outcome) -> list[Figure]:
    how = f"{OPEN_RATE:.0f} a second at even distances, counted from when each was due"
    return [
        Figure(
            name=f"p{share * 100:.0f} at {OPEN_RATE:.0f}/s",
            value=percentile(outcome.times_ms, share),
            unit=Unit.MILLISECONDS,
            n=len(outcome.times_ms),
            how=how,
            most=MOST_P99_MS if share > 0.9 else None,
        )
        for share in (0.5, 0.99)
    ] + _count_refused(outcome)


def _count_refused(outcome: Outcome) -> list[Figure]:
    if not outcome.refused:
        return []
    n = len(outcome.times_ms)
    return [
        Figure(name="  not answered 200", value=outcome.refused, unit=Unit.COUNT, n=n, how="any other status", most=0)
    ]


@contextmanager
def _serve(database_url: str, redis_url: str) -> Iterator[tuple[str, int]]:
    """Run `parlo web` as a process; gives its address and its process id."""
    listening = listen(None)
    port = listening.getsockname()[1]
    listening.close()
    web = f"http://{HOST}:{port}"
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TWILIO_AUTH_TOKEN": Account().auth_token,
        "PARLO_PUBLIC_URL": web,
    }
    command = [sys.executable, "-m", "evals.cli", "web", "--host", HOST, "--port", str(port), "--with-parent"]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE) as process:
        try:
            _wait_until_ready(web)
            yield web, process.pid
        finally:
            process.terminate()
            process.wait(15)


def _wait_until_ready(web: str) -> None:
    give_up_at = time.monotonic() + READY_LIMIT_S
    while time.monotonic() < give_up_at:
        try:
            with urlopen(f"{web}/health/ready", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise Broken(f"web was not ready within {READY_LIMIT_S:.0f} s")


class _Knocker:
    """Plans what the client does, with people and messages nobody has used before."""

    def __init__(self, web: str, business: str) -> None:
        self._web = web
        self._business = business
        self._first = 10_000_000

    def knock(self, *, clients: int, most: int, seconds: float, rate: float | None = None) -> Outcome:
        account = Account()
        plan = Plan(
            web=self._web,
            business=self._business,
            account_sid=account.account_sid,
            secret=account.auth_token,
            first=self._first,
            clients=clients,
            most=most,
            seconds=seconds,
            rate=rate,
        )
        self._first += most
        return knock(plan)
