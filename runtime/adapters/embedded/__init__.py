"""A real Postgres and a real Valkey, from their wheels, for machines that have none.

Called by bootstrap, `parlo` and the tests when `DATABASE_URL` or `REDIS_URL` is not set. Each call starts what is not
running and answers with its address; the servers go on running afterwards, so that the next command finds them warm.

Nothing here is used when an address is given from outside, nothing listens beyond loopback, and no permission of a
folder above ours is ever changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runtime.adapters.embedded.launch import ServerStatus
from runtime.adapters.embedded.place import EmbeddedServerError
from runtime.adapters.embedded.postgres import ensure_postgres, postgres_status, stop_postgres
from runtime.adapters.embedded.valkey import ensure_valkey, stop_valkey, valkey_status

__all__ = [
    "EmbeddedServerError",
    "ServerStatus",
    "choose_database_url",
    "choose_redis_url",
    "ensure_postgres",
    "ensure_valkey",
    "find_home",
    "status",
    "stop_postgres",
    "stop_valkey",
]


def find_home(environ: Mapping[str, str]) -> Path:
    """Where our files live: `PARLO_HOME`, or `.parlo` beside the packages."""
    given = environ.get("PARLO_HOME")
    return Path(given).expanduser() if given else Path(__file__).resolve().parents[3] / ".parlo"


def choose_database_url(environ: Mapping[str, str], *, durable: bool = True) -> str:
    """`DATABASE_URL` if it is set, else the address of the embedded Postgres, started if need be."""
    return environ.get("DATABASE_URL") or ensure_postgres(find_home(environ), durable=durable)


def choose_redis_url(environ: Mapping[str, str]) -> str:
    """`REDIS_URL` if it is set, else the address of the embedded Valkey, started if need be."""
    return environ.get("REDIS_URL") or ensure_valkey(find_home(environ))


def status(home: Path) -> tuple[ServerStatus, ...]:
    """Every embedded server that was ever started under this home, running or not. Starts nothing."""
    return (*postgres_status(home), *valkey_status(home))
