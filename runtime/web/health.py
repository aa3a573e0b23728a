"""Whether the process lives, and whether it can be given work. Asked by the platform and by `parlo up`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import cache
from typing import Any

import msgspec
from litestar import Request, Response, get

from runtime.domain.errors import Unavailable
from runtime.store.database import Database
from runtime.store.migrate import newest_revision
from runtime.store.revision import read_revision

CHECK_LIMIT_S = 3.0

CheckBroker = Callable[[], Awaitable[None]]


class Readiness(StrEnum):
    """Whether messages can be taken in."""

    READY = "ready"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"


class Health(msgspec.Struct, frozen=True):
    """The answer of `/health/ready`: each part is "ok" or what is wrong with it."""

    status: Readiness
    database: str
    migration: str
    broker: str


@get("/health/live")
async def report_life() -> dict[str, str]:
    """Answer, and depend on nothing."""
    return {"status": "alive"}


@get("/health/ready")
async def report_readiness(request: Request[Any, Any, Any]) -> Response[Health]:
    """503 until the database is there and migrated. Without a broker messages only wait a little longer."""
    health = await check_health(request.app.state.door.parts.database, request.app.state.check_broker)
    return Response(health, status_code=503 if health.status is Readiness.UNAVAILABLE else 200)


async def check_health(database: Database, check_broker: CheckBroker | None) -> Health:
    """Ask every part."""
    (found, migration), broker = await asyncio.gather(_check_database(database), _check_broker(check_broker))
    if (found, migration) != ("ok", "ok"):
        status = Readiness.UNAVAILABLE
    else:
        status = Readiness.READY if broker in ("ok", "not checked") else Readiness.DEGRADED
    return Health(status, found, migration, broker)


async def _check_database(database: Database) -> tuple[str, str]:
    try:
        async with asyncio.timeout(CHECK_LIMIT_S):
            reached = await read_revision(database)
    except (Unavailable, TimeoutError):
        return "cannot be reached", "unknown"
    newest = _newest()
    return "ok", "ok" if reached == newest else f"at {reached or 'none'}, needs {newest}: run parlo migrate"


async def _check_broker(check: CheckBroker | None) -> str:
    if check is None:
        return "not checked"
    try:
        async with asyncio.timeout(CHECK_LIMIT_S):
            await check()
    except (Unavailable, TimeoutError):
        return "cannot be reached"
    return "ok"


_newest = cache(newest_revision)
