"""Connections and units of work. Everything that reads or writes a row begins here.

Two roles, two pools: a tenant's unit of work sees only the rows of the organization it names;
the platform's sees all and is used by the named jobs of `runtime.store` that cannot know the
tenant yet (accept, claim, offer, deliver, sweep). Leaving a unit of work without `commit()` rolls
it back.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
import psycopg
from psycopg import sql
from psycopg.types.json import set_json_dumps, set_json_loads
from sqlalchemy import CursorResult, Executable, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from runtime.domain.errors import Unavailable
from runtime.domain.ids import OrganizationId

T = TypeVar("T")
Connect = Callable[..., Awaitable[psycopg.AsyncConnection[Any]]]

set_json_dumps(msgspec.json.encode)
set_json_loads(msgspec.json.decode)

_BEGIN = sql.SQL("begin")
_BEGIN_AS_TENANT = sql.SQL("begin; set local app.organization_id = {}")


class UnitOfWork:
    """One transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def run(self, statement: Executable, parameters: Mapping[str, object] | None = None) -> CursorResult[Any]:
        """Execute one statement."""
        return await self._connection.execute(statement, parameters)

    async def commit(self) -> None:
        """Make everything since the beginning permanent."""
        await self._connection.commit()

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Contain an expected conflict: an error inside undoes only what was done inside."""
        async with self._connection.begin_nested():
            yield


class Database:
    """The two pools. Their connections commit each statement by itself until a transaction is begun."""

    def __init__(self, app: AsyncEngine, platform: AsyncEngine) -> None:
        self._app = app
        self._platform = platform

    @asynccontextmanager
    async def tenant(self, organization_id: OrganizationId) -> AsyncIterator[UnitOfWork]:
        """A transaction that sees one organization's rows only.

        Raises:
            Unavailable: The database cannot be reached.
        """
        with _translate_outage():
            async with self._app.connect() as connection:
                await self._begin(connection, _BEGIN_AS_TENANT.format(str(organization_id)))
                yield UnitOfWork(connection)

    @asynccontextmanager
    async def platform(self) -> AsyncIterator[UnitOfWork]:
        """A transaction that sees every organization's rows, for a named platform job.

        Raises:
            Unavailable: The database cannot be reached.
        """
        with _translate_outage():
            async with self._platform.connect() as connection:
                await self._begin(connection, _BEGIN)
                yield UnitOfWork(connection)

    @asynccontextmanager
    async def single(self) -> AsyncIterator[UnitOfWork]:
        """Like `platform`, but each statement is its own transaction: one round trip, no commit.

        Raises:
            Unavailable: The database cannot be reached.
        """
        with _translate_outage():
            async with self._platform.connect() as connection:
                yield UnitOfWork(connection)

    async def _begin(self, connection: AsyncConnection, command: sql.SQL | sql.Composed) -> None:
        """Begin a transaction and name its tenant in one round trip, which SQLAlchemy would make three of."""
        pooled = await connection.get_raw_connection()
        driver: psycopg.AsyncConnection[Any] = pooled.driver_connection  # type: ignore[assignment]  # it is Any or None
        try:
            await driver.execute(command, prepare=False)
        except psycopg.OperationalError:
            # nothing was done yet; whatever else waits in the pool was lost with it
            await self.close()
            raise

    async def close(self) -> None:
        """Give all connections back."""
        await self._app.dispose()
        await self._platform.dispose()


class _translate_outage:
    """Turn a lost or refused connection into our own `Unavailable`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OperationalError | InterfaceError | PoolExhausted | psycopg.OperationalError):
            raise Unavailable("the database cannot be reached") from error
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise Unavailable("the database connection was lost") from error


def open_database(database_url: str, *, connect: Connect | None = None, pool_size: int = 10) -> Database:
    """Open both pools lazily: nothing is connected until it is used.

    Args:
        database_url: `postgresql://…` of a login that is a member of both roles.
        connect: Replaces `psycopg.AsyncConnection.connect` (the simulator's choke point).
        pool_size: Connections kept per role; twice as many may be open for a moment.
    """
    return Database(
        _open_engine(database_url, "parlo_app", connect, pool_size),
        _open_engine(database_url, "parlo_platform", connect, pool_size),
    )


def _open_engine(database_url: str, role: str, connect: Connect | None, pool_size: int) -> AsyncEngine:
    plain_url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    dial = connect or psycopg.AsyncConnection.connect

    async def dial_as_role() -> psycopg.AsyncConnection[Any]:
        return await dial(plain_url, options=f"-c role={role} -c timezone=UTC", connect_timeout=5)

    return create_async_engine(
        "postgresql+psycopg://",
        async_creator=dial_as_role,
        pool_size=pool_size,
        max_overflow=pool_size,
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


def rows_of(kind: type[T], result: CursorResult[Any]) -> list[T]:
    """Decode every row into a struct; a column that does not fit its field is an error."""
    # SQLAlchemy's own column names are a subclass of str, which msgspec does not take as a key
    names = [str(name) for name in result.keys()]  # noqa: SIM118 - not a dict
    return [msgspec.convert(dict(zip(names, row, strict=True)), kind) for row in result]
