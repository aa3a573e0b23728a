"""A `parlo up` of one's own: with a home that is thrown away, for measurements and races that need real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import msgspec

from runtime.domain.errors import Broken
from sim.twilio.messages import SentRecord
from sim.twilio.server import Wrote
from sim.up_record import UpRecord, read_record

BROKER_DATABASE = 15
"""A broker has sixteen databases; whoever works here now uses the first."""
READY_LIMIT_S = 60.0


@contextmanager
def run_up(
    database_url: str,
    redis_url: str,
    *,
    workers: int = 1,
    log: Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[UpRecord]:
    """Everything that `parlo up` runs, on this database, for as long as it is used.

    Args:
        database_url: Migrated; a world with the central number of the seed business is left as it is.
        redis_url: A broker; only its last database is used.
        workers: How many worker processes.
        log: Where all processes write what they log; without it that is thrown away with the home.
        settings: More of the environment.

    Raises:
        Broken: It does not start.
    """
    with tempfile.TemporaryDirectory(prefix="parlo-live-") as home:
        environment = os.environ | {
            "PARLO_HOME": home,
            "DATABASE_URL": database_url,
            "REDIS_URL": f"{redis_url.rpartition('/')[0]}/{BROKER_DATABASE}",
            **(settings or {}),
        }
        environment.pop("OPENAI_API_KEY", None)
        log = log or Path(home) / "up.log"
        with log.open("wb") as output:
            command = [sys.executable, "-m", "evals.cli", "up", "--workers", str(workers)]
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield _wait_until_up(environment, process, log, workers)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _wait_until_up(
    environment: Mapping[str, str], process: subprocess.Popen[bytes], log: Path, workers: int
) -> UpRecord:
    give_up_at = time.monotonic() + READY_LIMIT_S
    # up itself, web, ticker and the workers
    processes = 3 + workers
    while time.monotonic() < give_up_at and process.poll() is None:
        time.sleep(0.2)
        try:
            record = read_record(environment)
        except Broken:
            continue
        if len(record.processes) == processes and "is open" in log.read_text(errors="replace"):
            return record
    raise Broken(f"`parlo up` did not start: {log.read_text(errors='replace')[-500:]}")


def open_windows(record: UpRecord, ours: str, theirs: Iterable[str]) -> None:
    """Have the emulator answer who will write to the webhook past it; addresses with `whatsapp:`."""
    wrote = [Wrote(ours, each) for each in theirs]
    with urlopen(f"{record.twilio}/emulator/windows", msgspec.json.encode(wrote), timeout=30):
        return


def list_sent(record: UpRecord) -> list[SentRecord]:
    """All messages the emulated provider has accepted since it was started."""
    with urlopen(f"{record.twilio}/emulator/sent", timeout=30) as answer:
        return msgspec.json.decode(answer.read(), type=list[SentRecord])
