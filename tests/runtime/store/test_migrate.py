"""Migrations: from nothing to the newest schema, again and again, and from two programs at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from runtime.domain.ids import PLATFORM
from runtime.store.database import Database, open_database
from runtime.store.migrate import migrate, newest_revision
from runtime.store.revision import read_revision
from sim.databases import drop_copy, with_database
from tests.runtime.twins import connect_as, rows


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    """An empty database of this test's own."""
    name = f"parlo_empty_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    drop_copy(server_url, name)
    with psycopg.connect(with_database(server_url, "postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    yield with_database(server_url, name)
    drop_copy(server_url, name)


def describe(database_url: str) -> list[tuple[object, ...]]:
    """The schema's relations with their columns, and the rows the migrations wrote."""
    with connect_as(database_url) as connection:
        relations = connection.execute(
            "select c.relname, c.relkind, (select string_agg(a.attname || a.atttypid::regtype, ',' order by a.attnum)"
            " from pg_attribute a where a.attrelid = c.oid) from pg_class c"
            " where c.relnamespace = 'public'::regnamespace order by c.relname"
        ).fetchall()
        written = connection.execute("select * from organizations order by 1").fetchall()
    return [*relations, *written]


def test_two_programs_that_migrate_at_once_take_turns(empty_url: str) -> None:
    """Started in the same moment on an empty database, each ends with the newest schema and no error."""
    with ThreadPoolExecutor(3) as pool:
        reached = list(pool.map(migrate, [empty_url] * 3))

    assert reached == [newest_revision()] * 3
    assert len(describe(empty_url)) > 30


def test_migrating_again_changes_nothing(database_url: str) -> None:
    """Whoever starts the program may migrate first, whether it is needed or not."""
    before = describe(database_url)

    assert migrate(database_url) == newest_revision()
    assert describe(database_url) == before


def test_a_migration_that_fails_leaves_nothing_half_built(empty_url: str) -> None:
    """Migrations are one transaction: a name that is already taken stops everything, and the rest is not there."""
    with connect_as(empty_url) as connection:
        connection.execute("create table events (mine integer)")

    with pytest.raises(Exception, match="already exists"):
        migrate(empty_url)

    with connect_as(empty_url) as connection:
        names = connection.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace"
        ).fetchall()
        connection.execute("drop table events")
    assert names == [("events",)]
    assert migrate(empty_url) == newest_revision(), "and it can be repaired and run again"


async def test_the_program_can_tell_how_far_a_database_was_migrated(database: Database, empty_url: str) -> None:
    """Readiness reads the revision under the platform's role; an empty database has none."""
    blank = open_database(empty_url, pool_size=1)

    assert await read_revision(database) == newest_revision()
    assert await read_revision(blank) is None

    await blank.close()


async def test_the_platform_itself_is_there_from_the_start(database: Database) -> None:
    """Messages to unknown numbers need an organization and a channel before any business exists."""
    found = await rows(database, "select organization_id, kind::text, address from channels")

    assert found == [(PLATFORM, "unknown", "")]
