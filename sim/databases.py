"""Throw-away databases: a template that the migrations built, and copies of it in milliseconds.

Used by replays and tests. A template is named after the content of the migrations, so a changed
migration gets a new one; copies are named by whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

import runtime.store.migrations
from runtime.store.migrate import migrate

_LOCK = 7_201_537


def with_database(server_url: str, name: str) -> str:
    """The same server's address for another database."""
    return make_url(server_url).set(drivername="postgresql", database=name).render_as_string(hide_password=False)


def _fingerprint() -> str:
    folder = Path(runtime.store.migrations.__file__).parent / "versions"
    digest = sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".py", ".sql"):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def _admin(server_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(with_database(server_url, "postgres"), autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
        yield connection


def ensure_template(server_url: str) -> str:
    """The name of a database that holds the newest schema and nothing else, built if need be."""
    name = f"parlo_template_{_fingerprint()}"
    with _admin(server_url) as admin:
        found = admin.execute("select datallowconn from pg_database where datname = %s", (name,)).fetchone()
        if found is None or found[0]:
            # still open to connections: whoever was building it did not finish
            admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            migrate(with_database(server_url, name))
            admin.execute(sql.SQL("alter database {} with allow_connections false").format(sql.Identifier(name)))
    return name


def create_copy(server_url: str, name: str) -> str:
    """A fresh database of this name, copied from the template; one that was there is dropped first.

    Returns:
        Its address.
    """
    template = ensure_template(server_url)
    with _admin(server_url) as admin:
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        admin.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    return with_database(server_url, name)


def drop_copy(server_url: str, name: str) -> None:
    """Drop a database, whoever is connected."""
    with _admin(server_url) as admin:
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@contextmanager
def borrow_copy(server_url: str, name: str) -> Iterator[str]:
    """The address of a fresh copy, which is dropped when it is not used any more."""
    try:
        yield create_copy(server_url, name)
    finally:
        drop_copy(server_url, name)


def drop_copies(server_url: str, prefix: str) -> None:
    """Drop every database whose name begins so."""
    with _admin(server_url) as admin:
        found = admin.execute("select datname from pg_database where starts_with(datname, %s)", (prefix,)).fetchall()
        for (name,) in found:
            admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
