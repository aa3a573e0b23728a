"""Connections are lent, not lost: reused, limited, waited for, and forgotten when they are broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text

from runtime.domain.errors import Unavailable
from runtime.domain.ids import PLATFORM
from runtime.store.database import Database, open_database
from tests.runtime.twins import connect_as

PID = text("select pg_backend_pid()")
TENANT = text("select current_setting('app.organization_id', true)")


@pytest_asyncio.fixture
async def small(database_url: str) -> AsyncIterator[Database]:
    """A database with two connections of each role."""
    opened = open_database(database_url, pool_size=1)
    yield opened
    await opened.close()


async def pid(database: Database) -> int:
    """Which connection is lent now."""
    async with database.single() as uow:
        return int((await uow.run(PID)).scalar_one())


async def test_a_connection_that_comes_back_is_lent_again(small: Database) -> None:
    """One after the other is served by the same one."""
    assert len({await pid(small) for _ in range(5)}) == 1


async def test_more_than_there_are_wait_for_one_that_comes_back(small: Database) -> None:
    """Twenty at once get their turn on two connections."""
    served = await asyncio.gather(*(pid(small) for _ in range(20)))

    assert len(served) == 20
    assert len(set(served)) == 2


async def test_whoever_waits_is_served_by_what_an_earlier_one_gives_back(small: Database) -> None:
    """Both are lent out while somebody waits: the first that comes back goes to the one who waits."""
    async with small.single(), small.single():
        waiting = asyncio.ensure_future(pid(small))
        await asyncio.sleep(0.05)
        assert not waiting.done()
    assert await asyncio.wait_for(waiting, 1.0) > 0
    assert len({await pid(small) for _ in range(5)}) == 1


async def test_a_connection_comes_back_without_transaction_and_without_tenant(small: Database) -> None:
    """Not even an error or a cancelled statement leaves anything behind."""
    with pytest.raises(ZeroDivisionError):
        async with small.tenant(PLATFORM) as uow:
            await uow.run(PID)
            raise ZeroDivisionError
    sleeping = asyncio.ensure_future(sleep_inside(small))
    await asyncio.sleep(0.1)
    sleeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeping

    for _ in range(4):
        async with small.single() as uow:
            assert (await uow.run(TENANT)).scalar_one() in (None, "")
    async with small.tenant(PLATFORM) as uow:
        assert (await uow.run(TENANT)).scalar_one() == str(PLATFORM)


async def sleep_inside(database: Database) -> None:
    """A unit of work in the middle of a long statement."""
    async with database.tenant(PLATFORM) as uow:
        await uow.run(text("select pg_sleep(30)"))


async def test_connections_the_server_ended_are_forgotten_together(small: Database, database_url: str) -> None:
    """The first use after a restart fails as an outage; the next one has a connection that works."""
    async with small.single(), small.single():
        pass
    before = await pid(small)
    with connect_as(database_url) as owner:
        owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
            " and pid <> pg_backend_pid()"
        )

    with pytest.raises(Unavailable):
        await pid(small)
    served = {await pid(small) for _ in range(3)}

    assert len(served) == 1
    assert before not in served


async def test_a_closed_database_opens_again_when_it_is_used(small: Database) -> None:
    """As a process does that forgets its connections."""
    before = await pid(small)
    await small.close()

    assert await pid(small) != before
