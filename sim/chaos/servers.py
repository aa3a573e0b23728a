"""A Postgres and a Valkey of a chaos run's own, to be restarted, killed and flushed; nobody else uses them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT
from urllib.parse import urlsplit, urlunsplit

import psycopg

from runtime.adapters.embedded import ensure_postgres, ensure_valkey, status, stop_postgres, stop_valkey
from sim.databases import create_copy, drop_copies, with_database
from sim.serving import HOST

_PREFIX = "parlo_chaos"
_DATABASE = f"{_PREFIX}_run"
_PATIENCE_S = 5.0


class Shutdown(Enum):
    """How Postgres is told to stop."""

    FAST = (SIGINT, SIGQUIT)
    """Transactions are rolled back, and all is written to the disk."""
    IMMEDIATE = (SIGQUIT, SIGKILL)
    """Everything ends at once, and the next start recovers from the log."""


class Servers:
    """Both servers. Open with `run_servers`.

    Attributes:
        database_url: A fresh, migrated database; past the proxy.
        redis_url: Of Valkey; past the proxy.
        logs: What the servers write.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        server_url = ensure_postgres(home)
        drop_copies(server_url, _PREFIX)
        self.database_url = create_copy(server_url, _DATABASE)
        self.redis_url = ensure_valkey(home)
        self.logs: Mapping[str, Path] = {server.name: server.log for server in status(home)}
        _tell_valkey(self.redis_url, "FLUSHALL")

    async def restart_postgres(self, shutdown: Shutdown, down_s: float) -> None:
        """Stop it in this way, and start it so much later; it answers when this returns, perhaps on another port."""
        await asyncio.to_thread(stop_postgres, self._home, shutdown.value)
        await asyncio.sleep(down_s)
        server_url = await asyncio.to_thread(ensure_postgres, self._home)
        self.database_url = with_database(server_url, _DATABASE)

    async def kill_valkey(self, down_s: float) -> None:
        """End it by kill -9, and start it so much later; it answers when this returns, perhaps on another port."""
        await asyncio.to_thread(stop_valkey, self._home, (SIGKILL,))
        await asyncio.sleep(down_s)
        self.redis_url = await asyncio.to_thread(ensure_valkey, self._home)

    async def flush_valkey(self) -> None:
        """It forgets everything, its scripts too."""
        for words in ("FLUSHALL", "SCRIPT FLUSH"):
            await asyncio.to_thread(_tell_valkey, self.redis_url, words)

    async def terminate_backends(self) -> int:
        """End every connection to the database from the server's side; how many there were."""
        return await asyncio.to_thread(_terminate, self.database_url)


@contextmanager
def run_servers(home: Path) -> Iterator[Servers]:
    """Both servers with nothing in them, stopped in the end whatever happens."""
    try:
        yield Servers(home)
    finally:
        stop_postgres(home)
        stop_valkey(home)


def port_of(url: str) -> int:
    """The port in an address."""
    port = urlsplit(url).port
    assert port is not None, "embedded servers have one"
    return port


def with_port(url: str, port: int) -> str:
    """The same address by another port of this machine."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{HOST}:{port}"))


def _tell_valkey(url: str, words: str) -> None:
    parts = urlsplit(url)
    with socket.create_connection((HOST, port_of(url)), timeout=_PATIENCE_S) as connection:
        connection.sendall(f"AUTH {parts.password}\r\n{words}\r\n".encode())
        answer = b""
        while answer.count(b"\n") < 2 and (part := connection.recv(1024)):
            answer += part
    assert answer == b"+OK\r\n+OK\r\n", answer


def _terminate(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        ).fetchall()
    return len(rows)
