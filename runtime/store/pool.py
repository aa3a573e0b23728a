"""The connections of one role, kept open between units of work."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

import msgspec
import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_IN_TRANSACTION = (TransactionStatus.INTRANS, TransactionStatus.INERROR)


class Pooled(msgspec.Struct, frozen=True):
    """A connection as SQLAlchemy knows it, and the driver's own below it."""

    connection: AsyncConnection
    driver: psycopg.AsyncConnection[Any]


class Pool:
    """Lends connections.

    SQLAlchemy's pool makes them, counts them, and lets whoever finds none wait. It is passed by while one is idle
    here: to go through it costs more than a short statement.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._idle: list[Pooled] = []
        self._waiting = 0

    async def acquire(self) -> Pooled:
        """A connection that nobody else has, outside of any transaction."""
        while self._idle:
            pooled = self._idle.pop()
            if not pooled.driver.closed:
                return pooled
            await _forget(pooled)
        self._waiting += 1
        try:
            connection = await self._engine.connect()
        finally:
            self._waiting -= 1
        assert connection.sync_connection is not None
        driver = connection.sync_connection.connection.driver_connection
        return Pooled(connection, cast("psycopg.AsyncConnection[Any]", driver))

    async def release(self, pooled: Pooled) -> None:
        """Take it back; what was not committed is rolled back."""
        driver = pooled.driver
        if not driver.closed and driver.info.transaction_status in _IN_TRANSACTION:
            with suppress(psycopg.Error):
                await driver.rollback()
        if driver.closed:
            await _forget(pooled)
            # whatever else is idle was lost with it
            await self.close()
        elif driver.info.transaction_status is not TransactionStatus.IDLE:
            await _forget(pooled)
        elif self._waiting:
            await pooled.connection.close()
        else:
            self._idle.append(pooled)

    async def close(self) -> None:
        """Close those that are idle; the others when they come back."""
        while self._idle:
            await _forget(self._idle.pop())
        await self._engine.dispose()


async def _forget(pooled: Pooled) -> None:
    """Close a connection for good."""
    with suppress(SQLAlchemyError, psycopg.Error):
        await pooled.connection.invalidate()
    with suppress(SQLAlchemyError, psycopg.Error):
        await pooled.connection.close()
