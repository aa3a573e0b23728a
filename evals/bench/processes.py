"""What the processes weigh: memory of web, worker and ticker after one message, and their CPU per message.

All of Parlo runs as `parlo up` runs it, on a database of its own. The emulated provider and the offline model live in
the process of `up` and are not counted; HTTP, the broker and the vendors' SDKs are.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import msgspec

from evals.bench.figures import Figure, Measurement, Unit
from evals.bench.ground import Ground, fresh_database
from evals.bench.knocking import Plan, knock
from evals.bench.proc import read_cpu_s, read_memory
from runtime.domain.errors import Broken
from sim.twilio.messages import SentRecord
from sim.up_record import UpRecord, read_record

PROCESSES = ("web", "worker", "ticker")
READY_LIMIT_S = 60.0
ANSWER_LIMIT_S = 30.0
IDLE_S = 4.0
RATE = 15.0
MESSAGES = 90


def measure_processes(ground: Ground) -> Measurement:
    """Start everything, write once, look; then watch it idle, and then at work."""
    with fresh_database(ground.durable_url, "processes") as url, _up(url, ground.redis_url) as record:
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


@contextmanager
def _up(database_url: str, redis_url: str) -> Iterator[UpRecord]:
    """Run `parlo up` in a home of its own, on this database and the broker's last one."""
    with tempfile.TemporaryDirectory(prefix="parlo-bench-") as home:
        # a broker has sixteen databases; whoever works here now uses the first
        environment = os.environ | {
            "PARLO_HOME": home,
            "DATABASE_URL": database_url,
            "REDIS_URL": f"{redis_url.rpartition('/')[0]}/15",
        }
        environment.pop("OPENAI_API_KEY", None)
        log = Path(home) / "up.log"
        with log.open("wb") as output:
            command = [sys.executable, "-m", "evals.cli", "up"]
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield _wait_until_up(environment, process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _wait_until_up(environment: Mapping[str, str], process: subprocess.Popen[bytes], log: Path) -> UpRecord:
    give_up_at = time.monotonic() + READY_LIMIT_S
    while time.monotonic() < give_up_at and process.poll() is None:
        time.sleep(0.2)
        try:
            record = read_record(environment)
        except Broken:
            continue
        if all(record.processes.get(name) for name in PROCESSES) and "is open" in log.read_text(errors="replace"):
            return record
    raise Broken(f"`parlo up` did not start: {log.read_text(errors='replace')[-500:]}")


def _write(record: UpRecord, *, first: int, most: int) -> None:
    """Post so many messages, each of a new person, and wait until each is answered."""
    expected = _count_sent(record) + most
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
    accepted = knock(plan).accepted
    if accepted != most:
        raise Broken(f"{accepted} of {most} messages were accepted")
    give_up_at = time.monotonic() + ANSWER_LIMIT_S
    while _count_sent(record) < expected:
        if time.monotonic() > give_up_at:
            raise Broken(f"{_count_sent(record)} of {expected} answers came within {ANSWER_LIMIT_S:.0f} s")
        time.sleep(0.1)
    # the reports on them come a moment later
    time.sleep(3.0)


def _count_sent(record: UpRecord) -> int:
    with urlopen(f"{record.twilio}/emulator/sent", timeout=10) as answer:
        return len(msgspec.json.decode(answer.read(), type=list[SentRecord]))
