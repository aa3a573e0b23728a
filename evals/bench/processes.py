"""What the processes weigh: memory of web, worker and ticker after one message, and their CPU per message.

All of Parlo runs as `parlo up` runs it, on a database of its own. The emulated provider and the offline model live in
the process of `up` and are not counted; HTTP, the broker and the vendors' SDKs are.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from evals.bench.figures import Figure, Measurement, Unit
from evals.bench.ground import Ground, fresh_database
from evals.bench.knocking import Plan, knock, name_sender
from evals.bench.proc import read_cpu_s, read_memory
from evals.live import list_sent, open_windows, run_up
from runtime.domain.errors import Broken
from sim.up_record import UpRecord

PROCESSES = ("web", "worker", "ticker")
ANSWER_LIMIT_S = 30.0
IDLE_S = 4.0
RATE = 15.0
MESSAGES = 90


def measure_processes(ground: Ground) -> Measurement:
    """Start everything, write once, look; then watch it idle, and then at work."""
    with fresh_database(ground.durable_url, "processes") as url, run_up(url, ground.redis_url) as record:
        pids = {name: record.processes[name] for name in PROCESSES}
        _write(record, first=10_000_000, most=1)
        time.sleep(IDLE_S / 2)
        figures = [figure for name, pid in pids.items() for figure in _describe_memory(name, pid)]
        before = _read_cpu(pids)
        time.sleep(IDLE_S)
        idle = {name: (cpu_s - before[name]) / IDLE_S for name, cpu_s in _read_cpu(pids).items()}
        # everything is imported, connected and prepared before it is timed
        _write(record, first=20_000_000, most=20)
        before, started = _read_cpu(pids), time.perf_counter()
        _write(record, first=30_000_000, most=MESSAGES)
        took_s = time.perf_counter() - started
        spent = {name: cpu_s - before[name] for name, cpu_s in _read_cpu(pids).items()}
    return Measurement(name="memory", figures=[*figures, *_describe_cpu(spent, idle, took_s)])


def _describe_memory(name: str, pid: int) -> list[Figure]:
    memory = read_memory(pid)
    shares = f", {memory.pss_mb:.0f} MB with shared pages in parts" if memory.pss_mb is not None else ""
    how = f"VmRSS, idle after one message{shares}"
    return [Figure(name=f"memory of {name}", value=memory.rss_mb, unit=Unit.MEGABYTES, n=1, how=how)]


def _describe_cpu(spent: Mapping[str, float], idle: Mapping[str, float], took_s: float) -> list[Figure]:
    how = f"first messages at {RATE:.0f}/s, user and system time, idle time taken off; HTTP, broker and SDKs included"
    per_message = {name: (spent[name] - idle[name] * took_s) / MESSAGES * 1000 for name in PROCESSES}
    figures = [
        Figure(
            name="CPU of all processes a message",
            value=sum(per_message.values()),
            unit=Unit.MILLISECONDS,
            n=MESSAGES,
            how=how,
        )
    ]
    for name in PROCESSES:
        how = f"idle: {idle[name] * 1000:.0f} ms a second"
        figures.append(Figure(name=f"  {name}", value=per_message[name], unit=Unit.MILLISECONDS, n=MESSAGES, how=how))
    return figures


def _read_cpu(pids: Mapping[str, int]) -> dict[str, float]:
    return {name: read_cpu_s(pid) for name, pid in pids.items()}


def _write(record: UpRecord, *, first: int, most: int) -> None:
    """Post so many messages, each of a new person, and wait until each is answered."""
    expected = len(list_sent(record)) + most
    plan = Plan(
        web=record.web,
        business=f"whatsapp:{next(iter(record.numbers.values()))}",
        account_sid=record.account_sid,
        secret=record.auth_token,
        first=first,
        clients=8,
        most=most,
        seconds=ANSWER_LIMIT_S,
        rate=RATE,
    )
    open_windows(record, plan.business, map(name_sender, range(first, first + most)))
    accepted = knock(plan).accepted
    if accepted != most:
        raise Broken(f"{accepted} of {most} messages were accepted")
    give_up_at = time.monotonic() + ANSWER_LIMIT_S
    while len(list_sent(record)) < expected:
        if time.monotonic() > give_up_at:
            raise Broken(f"{len(list_sent(record))} of {expected} answers came within {ANSWER_LIMIT_S:.0f} s")
        time.sleep(0.1)
    # the reports on them come a moment later
    time.sleep(3.0)
