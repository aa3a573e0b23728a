"""What a Postgres does by itself: one-row commits without any program of ours around them, its settings and counts.

The yardstick of `parlo bench` and the referee of `parlo race`. Nothing of the runtime is used here.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from typing import LiteralString

import msgspec
import psycopg
import uvloop
from psycopg import sql

_ROW = "insert into bare_commits (id, body) values (%s, %s)"
_WARM_UP = 20


class PostgresFacts(msgspec.Struct, frozen=True):
    """A server's version and what a commit waits for."""

    version: str
    fsync: str
    synchronous_commit: str


def read_facts(url: str) -> PostgresFacts:
    """Ask a server about itself."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = [connection.execute(f"show {name}").fetchone() for name in PostgresFacts.__struct_fields__[1:]]
        version = connection.execute("show server_version").fetchone()
    return PostgresFacts(*(str(row[0]) if row else "" for row in (version, *rows)))


def measure_bare_commits(url: str, *, clients: int, seconds: float) -> tuple[int, float]:
    """Insert rows, each in a transaction of its own, from this many connections of one process.

    Returns:
        How many rows were committed, and in how many seconds.
    """
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("drop table if exists bare_commits")
        owner.execute("create table bare_commits (id bigint primary key, body text not null)")
        try:
            return uvloop.run(_commit_rows(url, clients, seconds))
        finally:
            owner.execute("drop table bare_commits")


async def _commit_rows(url: str, clients: int, seconds: float) -> tuple[int, float]:
    connections = [await psycopg.AsyncConnection.connect(url, autocommit=True) for _ in range(clients)]
    committed = 0
    started = 0.0

    async def insert(client: int, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        nonlocal committed
        cursor = connection.cursor()
        numbers = itertools.count(client << 32)
        for _ in range(_WARM_UP):
            await cursor.execute(_ROW, (next(numbers), "x" * 100), prepare=True)
        await ready.wait()
        while time.perf_counter() - started < seconds:
            await cursor.execute(_ROW, (next(numbers), "x" * 100), prepare=True)
            committed += 1

    ready = asyncio.Event()
    tasks = [asyncio.ensure_future(insert(*each)) for each in enumerate(connections)]
    await asyncio.sleep(0.3)
    started = time.perf_counter()
    ready.set()
    await asyncio.gather(*tasks)
    took_s = time.perf_counter() - started
    for connection in connections:
        await connection.close()
    return committed, took_s


def read_number(url: str, query: LiteralString | sql.Composed, parameters: Sequence[object] = ()) -> int:
    """The one number a query gives."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query, parameters).fetchone()
    assert row is not None, "a number is always given"
    return int(row[0])


def count_rows(url: str, table: str) -> int:
    """How many rows a table has."""
    return read_number(url, sql.SQL("select count(*) from {}").format(sql.Identifier(table)))


class RowReader:
    """Reads rows again and again over one connection. Open with `open_reader`."""

    def __init__(self, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        self._connection = connection

    async def read(self, query: LiteralString, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """All rows of a query."""
        return await (await self._connection.execute(query, parameters)).fetchall()

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()


async def open_reader(url: str) -> RowReader:
    """Connect as somebody who sees the rows of every business."""
    return RowReader(await psycopg.AsyncConnection.connect(url, autocommit=True))
