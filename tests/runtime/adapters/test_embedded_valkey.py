"""The embedded Valkey: one server per home, which loses nothing when it is killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from runtime.adapters.embedded import ensure_valkey, status, stop_valkey

ROOT = Path(__file__).resolve().parents[3]
START = "import sys, pathlib, runtime.adapters.embedded as e; print(e.ensure_valkey(pathlib.Path(sys.argv[1])))"

pytestmark = pytest.mark.integration


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that every user can enter, unlike pytest's own folders; its server is stopped in the end."""
    folder = Path(tempfile.mkdtemp(prefix="parlo-test-"))
    folder.chmod(0o755)
    umask = os.umask(0o022)
    home = folder / "con espacio" / ".parlo"
    yield home
    os.umask(umask)
    stop_valkey(home)
    if (home / "shelter").exists():
        shutil.rmtree((home / "shelter").read_text().strip())
    shutil.rmtree(folder)


def test_what_was_written_survives_kill_9(home: Path) -> None:
    """The append-only file has every answered command, and the address stays the same."""
    address = ensure_valkey(home)
    with redis.Redis.from_url(address) as client:
        client.rpush("queue", *[str(number) for number in range(100)])
    (before,) = status(home)
    assert before.pid is not None

    os.kill(before.pid, signal.SIGKILL)
    again = ensure_valkey(home)

    with redis.Redis.from_url(again) as client:
        assert client.llen("queue") == 100
    assert again == address


def test_commands_racing_for_valkey_share_one(home: Path) -> None:
    """Four first commands at the same moment end up with one server, and none hangs on its output."""
    racers = [
        subprocess.Popen([sys.executable, "-c", START, str(home)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]

    addresses = {racer.communicate(timeout=60)[0] for racer in racers}

    assert [racer.returncode for racer in racers] == [0, 0, 0, 0]
    assert addresses == {f"{ensure_valkey(home)}\n"}


def test_a_foreign_server_on_the_recorded_port_is_not_taken_for_ours(home: Path) -> None:
    """The new server takes another port."""
    ensure_valkey(home)
    (before,) = status(home)
    stop_valkey(home)
    assert before.port is not None

    with socket.socket() as foreign:
        foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        foreign.bind(("127.0.0.1", before.port))
        foreign.listen()
        address = ensure_valkey(home)

    with redis.Redis.from_url(address) as client:
        assert client.ping()
    assert f":{before.port}/" not in address


def test_a_file_it_cannot_read_does_not_keep_it_from_starting(home: Path) -> None:
    """What it holds can be made again from Postgres, so it begins anew."""
    address = ensure_valkey(home)
    with redis.Redis.from_url(address) as client:
        client.set("key", "value")
    (before,) = status(home)
    stop_valkey(home)
    for part in (before.directory / "data" / "appendonlydir").iterdir():
        part.write_bytes(b"nonsense that is no command\r\n" * 9)

    again = ensure_valkey(home)

    with redis.Redis.from_url(again) as client:
        assert client.get("key") is None


def test_valkey_refuses_who_has_no_password(home: Path) -> None:
    """Another user of the machine can reach the port and nothing more."""
    ensure_valkey(home)
    (found,) = status(home)
    assert found.port is not None

    once = Retry(NoBackoff(), 0)
    with redis.Redis(host="127.0.0.1", port=found.port, retry=once) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
