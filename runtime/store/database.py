"""Connections and units of work. Everything that reads or writes a row begins here.

Two roles, two pools: a tenant's unit of work sees only the rows of the organization it names;
the platform's sees all and is used by the named jobs of `runtime.store` that cannot know the
tenant yet (accept, claim, offer, deliver, sweep). Leaving a unit of work without `commit()` rolls
it back.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
import psycopg
from psycopg import sql
from psycopg.errors import DeadlockDetected, IdleInTransactionSessionTimeout, LockNotAvailable, SerializationFailure
from psycopg.types.json import set_json_dumps, set_json_loads
from sqlalchemy import CursorResult, Executable, TextClause, make_url
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from runtime.domain.errors import Unavailable
from runtime.domain.ids import OrganizationId
from runtime.store.pool import Pool

PREPARE_AFTER = 1
"""A statement that has been run so often on a connection is prepared there: all of ours come again."""

IDLE_LIMIT_S = 5.0
"""How long a transaction may be left alone before the server ends it, and lets go of what it has locked.

Nobody waits for the world within one: whoever seems to has been stopped, or cut off without a word.
"""

T = TypeVar("T")
Connect = Callable[..., Awaitable[psycopg.AsyncConnection[Any]]]

set_json_dumps(msgspec.json.encode)
set_json_loads(msgspec.json.decode)

_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]  # it has no annotations
_BEGIN = sql.SQL("begin")
_BEGIN_AS_TENANT = sql.SQL("begin; set local app.organization_id = {}")
_BEGIN_SERIALIZABLE = sql.SQL("begin isolation level serializable; set local app.organization_id = {}")


class Rows(IteratorResult[Any]):
    """What a statement gave. `rowcount` is how many rows it changed or returned."""

    def __init__(self, columns: SimpleResultMetaData, rows: Iterable[tuple[Any, ...]], rowcount: int) -> None:
        super().__init__(columns, iter(rows))
        self.rowcount = rowcount


class UnitOfWork:
    """One transaction."""

    def __init__(self, connection: AsyncConnection, driver: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._driver = driver

    async def run(
        self, statement: Executable, parameters: Mapping[str, object] | None = None
    ) -> Rows | CursorResult[Any]:
        """Execute one statement."""
        if not isinstance(statement, TextClause):
            return await self._connection.execute(statement, parameters)
        # Text is compiled once and goes straight to the driver, which costs half of the way through SQLAlchemy.
        query = _compile(statement)
        try:
            cursor = await self._driver.execute(query.sql, query.bind(parameters or {}))
            columns = query.describe(cursor)
            rows = await cursor.fetchall() if columns.keys else []
        except psycopg.Error as error:
            raise _wrap(statement, error) from error
        return Rows(columns, rows, cursor.rowcount)

    async def commit(self) -> None:
        """Make everything since the beginning permanent."""
        await self._driver.commit()

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Contain an expected conflict: an error inside undoes only what was done inside."""
        async with self._driver.transaction():
            yield


class _Query:
    """A text statement in the driver's words."""

    def __init__(self, statement: TextClause) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        types = {name: bind.type.dialect_impl(_DIALECT) for name, bind in compiled.binds.items()}
        processors = {name: kind.bind_processor(_DIALECT) for name, kind in types.items()}
        self.sql = str(compiled).encode()
        self._processors = {name: process for name, process in processors.items() if process is not None}
        self._columns: SimpleResultMetaData | None = None

    def describe(self, cursor: psycopg.AsyncCursor[Any]) -> SimpleResultMetaData:
        """The columns of what the statement gives: the same each time, and dear to ask for."""
        if self._columns is None:
            self._columns = SimpleResultMetaData([column.name for column in cursor.description or ()])
        return self._columns

    def bind(self, parameters: Mapping[str, object]) -> Mapping[str, object]:
        """The parameters as the driver takes them."""
        if not self._processors:
            return parameters
        return {**parameters, **{name: process(parameters[name]) for name, process in self._processors.items()}}


# by identity: a statement is a constant of its module
_compile = lru_cache(maxsize=512)(_Query)


def _wrap(statement: TextClause, error: psycopg.Error) -> Exception:
    """The error as SQLAlchemy raises it, whichever way the statement went; without what people wrote."""
    return DBAPIError.instance(statement.text, None, error, psycopg.Error, hide_parameters=True, dialect=_DIALECT)


class Database:
    """The two pools. Their connections commit each statement by itself until a transaction is begun."""

    def __init__(self, app: Pool, platform: Pool) -> None:
        self._app = app
        self._platform = platform

    @asynccontextmanager
    async def tenant(self, organization_id: OrganizationId, *, serializable: bool = False) -> AsyncIterator[UnitOfWork]:
        """A transaction that sees one organization's rows only.

        Args:
            organization_id: Whose rows.
            serializable: Whether the database breaks off whoever could not have done the same alone.

        Raises:
            Unavailable: The database cannot be reached.
            Contended: The transaction was broken off for another's sake.
        """
        begin = _BEGIN_SERIALIZABLE if serializable else _BEGIN_AS_TENANT
        async with _connect(self._app, begin.format(str(organization_id))) as uow:
            yield uow

    @asynccontextmanager
    async def platform(self) -> AsyncIterator[UnitOfWork]:
        """A transaction that sees every organization's rows, for a named platform job.

        Raises:
            Unavailable: The database cannot be reached.
        """
        async with _connect(self._platform, _BEGIN) as uow:
            yield uow

    @asynccontextmanager
    async def single(self) -> AsyncIterator[UnitOfWork]:
        """Like `platform`, but each statement is its own transaction: one round trip, no commit.

        Raises:
            Unavailable: The database cannot be reached.
        """
        async with _connect(self._platform, None) as uow:
            yield uow

    async def close(self) -> None:
        """Give all connections back."""
        await self._app.close()
        await self._platform.close()


@asynccontextmanager
async def _connect(pool: Pool, begin: sql.SQL | sql.Composed | None) -> AsyncIterator[UnitOfWork]:
    """A connection from the pool; a transaction and its tenant are begun in one round trip."""
    with _translate_outage():
        pooled = await pool.acquire()
        try:
            if begin is not None:
                await pooled.driver.execute(begin, prepare=False)
            yield UnitOfWork(pooled.connection, pooled.driver)
        finally:
            await pool.release(pooled)


class LockTimeout(Unavailable):
    """A statement waited longer for a lock than its connection may; nothing of it was done."""


class Contended(Unavailable):
    """Rivals met, and the database or we gave this one up: nothing of it was done, and at once it may succeed.

    Attributes:
        deadlock: Each waited for the other, until the server broke it.
    """

    def __init__(self, what: str, *, deadlock: bool = False) -> None:
        super().__init__(what)
        self.deadlock = deadlock


class _translate_outage:
    """Turn a lost or refused connection into our own `Unavailable`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, DBAPIError) and isinstance(error.orig, LockNotAvailable):
            raise LockTimeout("a lock was waited for too long") from error
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, DeadlockDetected | SerializationFailure):
            raise Contended("broken off for another", deadlock=isinstance(cause, DeadlockDetected)) from error
        if isinstance(cause, IdleInTransactionSessionTimeout):
            raise Unavailable("the database did not wait for us") from error
        if isinstance(error, OperationalError | InterfaceError | PoolExhausted | psycopg.OperationalError):
            raise Unavailable("the database cannot be reached") from error
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise Unavailable("the database connection was lost") from error


def open_database(
    database_url: str,
    *,
    connect: Connect | None = None,
    pool_size: int = 10,
    lock_timeout_s: float = 0.0,
    idle_limit_s: float = IDLE_LIMIT_S,
    check_references: bool = True,
) -> Database:
    """Open both pools lazily: nothing is connected until it is used.

    Args:
        database_url: `postgresql://…` of a login that is a member of both roles.
        connect: Replaces `psycopg.AsyncConnection.connect` (the simulator's choke point).
        pool_size: Half as many as each role may have; they are opened when they are needed, and kept.
        lock_timeout_s: How long a statement may wait for a lock before it is given up; 0 for ever.
        idle_limit_s: How long a transaction may be left alone before the server ends it; 0 for ever.
        check_references: False leaves foreign keys unchecked, which saves most of the time of writing rows that are
            known to be right. Only a superuser may.
    """
    options = f"-c timezone=UTC -c lock_timeout={round(lock_timeout_s * 1000)}"
    options += f" -c idle_in_transaction_session_timeout={round(idle_limit_s * 1000)}"
    if not check_references:
        options += " -c session_replication_role=replica"
    return Database(
        Pool(_open_engine(database_url, f"-c role=parlo_app {options}", connect, pool_size)),
        Pool(_open_engine(database_url, f"-c role=parlo_platform {options}", connect, pool_size)),
    )


def _open_engine(database_url: str, options: str, connect: Connect | None, pool_size: int) -> AsyncEngine:
    plain_url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    dial = connect or psycopg.AsyncConnection.connect

    async def dial_as_role() -> psycopg.AsyncConnection[Any]:
        connection = await dial(plain_url, options=options, connect_timeout=5)
        connection.prepare_threshold = PREPARE_AFTER
        return connection

    return create_async_engine(
        "postgresql+psycopg://",
        async_creator=dial_as_role,
        pool_size=2 * pool_size,
        # one more than that would be closed after its first use, and connecting costs more than waiting
        max_overflow=0,
        pool_timeout=10,
        # a unit of work begins its transaction itself, see `Database`
        isolation_level="AUTOCOMMIT",
        # an error's text is logged, and what people wrote is not
        hide_parameters=True,
        json_serializer=_encode_json,
        json_deserializer=json.loads,
    )


def _encode_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def rows_of(kind: type[T], result: Rows | CursorResult[Any]) -> list[T]:
    """Decode every row into a struct; a column that does not fit its field is an error."""
    # SQLAlchemy's own column names are a subclass of str, which msgspec does not take as a key
    names = [str(name) for name in result.keys()]  # noqa: SIM118 - not a dict
    return [msgspec.convert(dict(zip(names, row, strict=True)), kind) for row in result]
