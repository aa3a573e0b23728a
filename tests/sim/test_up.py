"""`parlo up` as people start it: it answers, mends itself, and leaves nothing running."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import psycopg
import pytest

from runtime.adapters.embedded import choose_redis_url
from runtime.domain.templates import CATALOGUE
from sim.databases import borrow_copy
from sim.say import Address, say
from sim.supervising import Child, Program, supervise
from sim.twilio.inbound import Inbound
from sim.up_record import UpRecord

pytestmark = [pytest.mark.integration, pytest.mark.slow]

LIMIT_S = 90.0
NAP = "import time; time.sleep(60)"
PARENT_WATCHER = "import time; from runtime.adapters.parent import end_with_parent; end_with_parent(); time.sleep(60)"


@pytest.fixture
def empty_database_url(server_url: str) -> Iterator[str]:
    """A database that only migrations have touched."""
    with borrow_copy(server_url, f"parlo_up_{os.getpid()}") as url:
        yield url


@asynccontextmanager
async def _up(home: Path, database_url: str, broker: int | None = None) -> AsyncIterator[asyncio.subprocess.Process]:
    number = broker or int(os.environ.get("PYTEST_XDIST_WORKER", "gw14").removeprefix("gw")) % 15 + 1
    environment = os.environ | {
        "PARLO_HOME": str(home),
        "DATABASE_URL": database_url,
        "REDIS_URL": f"{choose_redis_url(os.environ).rpartition('/')[0]}/{number}",
        "PARLO_QUIET_S": "0.1",
    }
    environment.pop("OPENAI_API_KEY", None)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "evals.cli", "up",
        env=environment, stdout=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _until(condition: Callable[[], bool], what: str, limit_s: float = LIMIT_S) -> None:
    try:
        async with asyncio.timeout(limit_s):
            while not condition():
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise AssertionError(f"{what} did not happen within {limit_s} s") from error


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _read(home: Path) -> UpRecord | None:
    try:
        return msgspec.json.decode((home / "up.json").read_bytes(), type=UpRecord)
    except FileNotFoundError:
        return None


async def _ask(record: UpRecord, text: str, sid: str) -> list[str]:
    address = Address(
        web=record.web,
        signed_url=record.web,
        twilio=record.twilio,
        account_sid=record.account_sid,
        secret=record.auth_token,
    )
    inbound = Inbound(
        from_address="whatsapp:+5215512345678", to_address=f"whatsapp:{record.numbers['Estética Lupita']}", text=text
    )
    heard = await say(address, inbound, sid, wait_s=LIMIT_S)
    assert heard.status == 200
    return [message.body for message in heard.messages]


async def _open(address: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        assert answer.status == 200
        return await answer.text()


async def test_up_answers_mends_a_killed_worker_and_ends_with_all_it_started(
    tmp_path: Path, empty_database_url: str
) -> None:
    """The life of `parlo up`: a signed message is answered; kill -9 of the worker is repaired; Ctrl-C ends it all."""
    async with _up(tmp_path, empty_database_url) as process:
        await _until(lambda: _read(tmp_path) is not None, "readiness")
        record = _read(tmp_path)
        assert record is not None
        page = await _open(record.simulate)
        first = await _ask(record, "¿cuánto cuesta el corte de dama?", "SM1")
        victim = record.processes["worker"]

        os.kill(victim, signal.SIGKILL)
        await _until(lambda: _worker_of(tmp_path) not in (None, victim), "another worker", limit_s=5.0)
        second = await _ask(record, "¿a qué hora abren?", "SM2")
        after = _read(tmp_path)
        assert after is not None
        with psycopg.connect(empty_database_url) as owner:
            templates = owner.execute("select name from templates where status = 'approved'").fetchall()
            unsent = owner.execute("select body from outbox where state = 'failed'").fetchall()
        process.send_signal(signal.SIGINT)
        code = await asyncio.wait_for(process.wait(), LIMIT_S)

    assert "Estética Lupita" in page
    assert "$250" in first[0]
    assert "9:00 AM" in second[0]
    assert {name for (name,) in templates} == set(CATALOGUE)
    assert unsent == [], "whoever writes past the emulator may be answered freely all the same"
    assert code == 130
    assert not [pid for pid in after.processes.values() if _lives(pid)]
    assert _read(tmp_path) is None


async def test_two_that_start_at_once_each_have_an_address_of_their_own(
    tmp_path: Path, empty_database_url: str, server_url: str
) -> None:
    """Each answers what is written to it: none takes the other's port in the moment before it is taken."""
    homes = [tmp_path / "one", tmp_path / "two"]
    with borrow_copy(server_url, f"parlo_up_two_{os.getpid()}") as other_url:
        async with _up(homes[0], empty_database_url), _up(homes[1], other_url, broker=14):
            await _until(lambda: all(_read(home) is not None for home in homes), "readiness of both")
            records = [record for record in map(_read, homes) if record is not None]
            answers = await asyncio.gather(*(_ask(record, "¿a qué hora abren?", "SM1") for record in records))

    assert len({record.web for record in records}) == len({record.simulate for record in records}) == 2
    assert ["9:00 AM" in answer[0] for answer in answers] == [True, True]


def _worker_of(home: Path) -> int | None:
    record = _read(home)
    return record.processes.get("worker") if record else None


async def test_a_process_that_dies_runs_again_within_a_second_and_ends_when_told() -> None:
    """kill -9 is answered by a new process; ending them leaves none."""
    told: list[str] = []
    child = Child("nap", Program([sys.executable, "-c", NAP], os.environ), told.append)
    ended = asyncio.Event()
    supervising = asyncio.ensure_future(supervise([child], ended, asyncio.Event()))
    await _until(lambda: child.pid is not None, "a start")
    first = child.pid
    assert first is not None

    os.kill(first, signal.SIGKILL)
    await _until(lambda: child.pid not in (None, first), "another start", limit_s=1.0)
    second = child.pid
    ended.set()
    await asyncio.wait_for(supervising, 10)

    assert second is not None
    assert not _lives(first)
    assert not _lives(second)
    assert [line.partition(" ")[0] for line in told] == ["nap", "nap"]
    assert "SIGKILL" in told[0]


async def test_a_process_ends_when_the_one_that_started_it_is_killed(tmp_path: Path) -> None:
    """kill -9 of the supervisor leaves it no time to end anybody; they notice by themselves."""
    note = tmp_path / "pid"
    starter = (
        "import asyncio, os, pathlib, sys\n"
        "from sim.supervising import Child, Program, supervise\n"
        "async def main():\n"
        f"    child = Child('c', Program([sys.executable, '-c', {PARENT_WATCHER!r}], os.environ), print)\n"
        "    task = asyncio.ensure_future(supervise([child], asyncio.Event(), asyncio.Event()))\n"
        "    while child.pid is None: await asyncio.sleep(0.01)\n"
        f"    pathlib.Path({str(note)!r}).write_text(str(child.pid))\n"
        "    await task\n"
        "asyncio.run(main())\n"
    )
    supervisor = await asyncio.create_subprocess_exec(sys.executable, "-c", starter)
    await _until(lambda: note.exists() and bool(note.read_text()), "a start")
    child = int(note.read_text())

    supervisor.kill()
    await supervisor.wait()

    await _until(lambda: not _lives(child), "the end of the child", limit_s=20.0)
