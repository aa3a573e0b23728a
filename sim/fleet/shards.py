"""Shards of a run as rows: what is to be replayed, who is at it until when, and what came of it.

They stand in a database of their own, `parlo_fleet`, so that neither production's schema nor its rows know of them. A
coordinator gives a run out and takes its records in; workers take shards up and put records down. Whoever dies is no
loss: a shard whose time is over is taken up by the next worker that hears of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Self

import msgspec
import psycopg
from psycopg import sql

from runtime.settings import Settings
from sim.databases import with_database
from sim.record import ConversationRecord, decode_records, encode_record
from sim.theatre import Trial

DATABASE = "parlo_fleet"
LEASE = timedelta(seconds=15)
"""How long a worker may be silent about a shard that it holds."""
MOST_TRIES = 3
FORGOTTEN = timedelta(hours=6)
"""A run that nobody has looked after for so long is cleared away by the next one."""

_SCHEMA = """
create table if not exists runs (
    id text primary key,
    looked_after_at timestamptz not null
);
create table if not exists shards (
    run_id text not null references runs on delete cascade,
    number int not null,
    work bytea not null,
    tries int not null default 0,
    held_until timestamptz,
    error text,
    result bytea,
    primary key (run_id, number)
);
"""
_LOCK = 7_201_538


class Staging(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker has to have in place before the first conversation.

    Attributes:
        settings: Of the runtime, without secrets: rows are no place for them, and a worker has its own.
        drafts: Texts of the prompts in the making by reference; the folder they lie in is on another machine.
        code_version: Of whoever gives the run out; a worker of another version would play something else.
    """

    settings: Settings
    drafts: dict[str, str] = {}
    code_version: str = "unknown"


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a shard holds: trials in order, and what has to be in place for them."""

    trials: tuple[Trial, ...]
    staging: Staging


class Place(msgspec.Struct, frozen=True):
    """Which shard of which run."""

    run_id: str
    number: int

    def __str__(self) -> str:
        return f"{self.run_id} {self.number}"


def parse_name(name: str) -> Place:
    """The shard that a name of the broker's stands for; see `Place`."""
    run_id, _, number = name.rpartition(" ")
    return Place(run_id, int(number))


class Taken(msgspec.Struct, frozen=True):
    """A shard that a worker has taken up. `tries` counts this one."""

    work: Work
    tries: int


class Shelf:
    """The rows, over one connection; use as a context manager.

    Args:
        server_url: The Postgres on which the database of shards is, or will be made.
    """

    def __init__(self, server_url: str) -> None:
        _ensure_database(server_url)
        self._connection: psycopg.Connection[Any] = psycopg.connect(
            with_database(server_url, DATABASE), autocommit=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def give_out(self, run_id: str, works: Sequence[Work], now: datetime) -> None:
        """Put a run's shards down, numbered from 0; what a run of this id left behind goes."""
        with self._connection.transaction():
            self._run("delete from runs where id = %s or looked_after_at < %s", run_id, now - FORGOTTEN)
            self._run("insert into runs values (%s, %s)", run_id, now)
            with self._connection.cursor() as cursor:
                cursor.executemany(
                    "insert into shards (run_id, number, work) values (%s, %s, %s)",
                    [(run_id, number, zlib.compress(_ENCODER.encode(work))) for number, work in enumerate(works)],
                )

    def take_up(self, place: Place, now: datetime) -> Taken | None:
        """Hold a shard; None where it is done, gone, or in another's hand."""
        row = self._run(
            "update shards set held_until = %s, tries = tries + 1 where run_id = %s and number = %s"
            " and result is null and (held_until is null or held_until <= %s) returning work, tries",
            now + LEASE,
            *_key(place),
            now,
        ).fetchone()
        return Taken(_DECODER.decode(zlib.decompress(row[0])), row[1]) if row else None

    def hold_on(self, place: Place, tries: int, now: datetime) -> bool:
        """Say that the shard is still being worked on; False where that is another's by now."""
        done = self._run(
            "update shards set held_until = %s where run_id = %s and number = %s and tries = %s and result is null",
            now + LEASE,
            *_key(place),
            tries,
        )
        return done.rowcount == 1

    def let_go(self, place: Place, tries: int) -> None:
        """Give a shard back as it was, for another worker."""
        self._run(
            "update shards set held_until = null, tries = tries - 1 where run_id = %s and number = %s and tries = %s",
            *_key(place),
            tries,
        )

    def fail(self, place: Place, tries: int, error: str, now: datetime) -> None:
        """Give a shard back that could not be played, with the reason, for another try."""
        self._run(
            "update shards set held_until = %s, error = %s where run_id = %s and number = %s and tries = %s",
            now,
            error,
            *_key(place),
            tries,
        )

    def put_down(self, place: Place, records: Sequence[ConversationRecord]) -> None:
        """Leave the records there. A second worker's are the same, since a seed decides everything."""
        result = zlib.compress(b"".join(encode_record(record) for record in records))
        self._run(
            "update shards set result = %s, held_until = null where run_id = %s and number = %s and result is null",
            result,
            *_key(place),
        )

    def fetch(self, place: Place) -> list[ConversationRecord] | None:
        """What came of a shard; None while it is not done."""
        row = self._run("select result from shards where run_id = %s and number = %s", *_key(place)).fetchone()
        if row is None or row[0] is None:
            return None
        return list(decode_records(zlib.decompress(row[0]).splitlines()))

    def read_work(self, place: Place) -> Work:
        """What a shard holds."""
        row = self._run("select work from shards where run_id = %s and number = %s", *_key(place)).fetchone()
        assert row is not None, "a coordinator asks for its own shards"
        return _DECODER.decode(zlib.decompress(row[0]))

    def drop(self, place: Place) -> None:
        """A shard whose records are safe elsewhere goes."""
        self._run("delete from shards where run_id = %s and number = %s", *_key(place))

    def drop_run(self, run_id: str) -> None:
        """A run and all that is left of it go."""
        self._run("delete from runs where id = %s", run_id)

    def list_idle(self, run_id: str, now: datetime) -> list[int]:
        """Shards that are not done and in nobody's hand, and says that the run is looked after."""
        self._run("update runs set looked_after_at = %s where id = %s", now, run_id)
        rows = self._run(
            "select number from shards where run_id = %s and result is null and tries < %s"
            " and (held_until is null or held_until <= %s) order by number",
            run_id,
            MOST_TRIES,
            now,
        )
        return [number for (number,) in rows]

    def explain_given_up(self, place: Place, now: datetime) -> str | None:
        """Why a shard is not tried again; None as long as it is, or somebody is at it."""
        row = self._run(
            "select error from shards where run_id = %s and number = %s and result is null and tries >= %s"
            " and held_until <= %s",
            *_key(place),
            MOST_TRIES,
            now,
        ).fetchone()
        return None if row is None else row[0] or f"{MOST_TRIES} workers died over its shard"

    def _run(self, statement: str, *values: object) -> psycopg.Cursor[Any]:
        return self._connection.execute(sql.SQL(statement), values)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Work)


def _key(place: Place) -> tuple[str, int]:
    return place.run_id, place.number


def _ensure_database(server_url: str) -> None:
    with _alone(server_url, "postgres") as admin:
        if admin.execute("select 1 from pg_database where datname = %s", (DATABASE,)).fetchone() is None:
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
    with _alone(server_url, DATABASE) as owner:
        owner.execute(_SCHEMA)


@contextmanager
def _alone(server_url: str, database: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection of which there is one at a time."""
    with psycopg.connect(with_database(server_url, database), autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
        yield connection
