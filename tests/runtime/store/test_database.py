"""Units of work: nothing stands that was not committed, and a lost database is one known error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from runtime.domain.errors import Unavailable
from runtime.domain.ids import PLATFORM, CustomerId
from runtime.store import people
from runtime.store.database import Database, UnitOfWork, open_database, rows_of
from tests.runtime.twins import NOW, Salon, connect_as, open_salon, rows

NAME = "select name from customers where id = :id"
Open = Callable[[Database, Salon], AbstractAsyncContextManager[UnitOfWork]]
OPENERS: dict[str, Open] = {
    "tenant": lambda database, salon: database.tenant(salon.organization_id),
    "platform": lambda database, salon: database.platform(),
}


async def _rename(uow: UnitOfWork, salon: Salon, name: str) -> CustomerId:
    customer_id = salon.customers["Gabriela Luna"]
    await people.rename_customer(uow, salon.organization_id, customer_id, name)
    return customer_id


@pytest.mark.parametrize("kind", OPENERS)
async def test_leaving_without_a_commit_undoes_everything(database: Database, kind: str) -> None:
    """Forgetting to commit loses work loudly in a test, never quietly half of it in production."""
    salon = await open_salon(database)
    async with OPENERS[kind](database, salon) as uow:
        customer_id = await _rename(uow, salon, "Otra")

    assert await rows(database, NAME, id=customer_id) == [("Gabriela Luna",)]


@pytest.mark.parametrize("kind", OPENERS)
async def test_an_error_undoes_everything(database: Database, kind: str) -> None:
    """What was done before an error inside a unit of work does not stand."""
    salon = await open_salon(database)
    with pytest.raises(ZeroDivisionError):
        async with OPENERS[kind](database, salon) as uow:
            await _rename(uow, salon, "Otra")
            raise ZeroDivisionError

    assert await rows(database, NAME, id=salon.customers["Gabriela Luna"]) == [("Gabriela Luna",)]


async def test_a_commit_makes_it_stand(database: Database) -> None:
    """And only then do others see it."""
    salon = await open_salon(database)
    customer_id = salon.customers["Gabriela Luna"]
    async with database.tenant(salon.organization_id) as uow:
        await _rename(uow, salon, "Gaby")
        unseen = await rows(database, NAME, id=customer_id)
        await uow.commit()

    assert unseen == [("Gabriela Luna",)]
    assert await rows(database, NAME, id=customer_id) == [("Gaby",)]


async def test_a_single_statement_stands_by_itself(database: Database) -> None:
    """`single` is one transaction a statement: there is nothing to commit, and an error undoes nothing before it."""
    salon = await open_salon(database)
    with pytest.raises(ZeroDivisionError):
        async with database.single() as uow:
            await _rename(uow, salon, "Gaby")
            raise ZeroDivisionError

    assert await rows(database, NAME, id=salon.customers["Gabriela Luna"]) == [("Gaby",)]


async def test_a_savepoint_undoes_only_what_was_done_inside(database: Database) -> None:
    """An expected conflict is contained, and the transaction goes on."""
    salon = await open_salon(database)
    async with database.tenant(salon.organization_id) as uow:
        await _rename(uow, salon, "Antes")
        with pytest.raises(IntegrityError):
            async with uow.savepoint():
                await _rename(uow, salon, "Dentro")
                await uow.run(text("insert into customers select * from customers"))
        await uow.run(
            text("update people set profile_name = 'después' where organization_id = :o"), {"o": salon.organization_id}
        )
        await uow.commit()

    assert await rows(database, NAME, id=salon.customers["Gabriela Luna"]) == [("Antes",)]
    assert await rows(database, "select distinct profile_name from people") == [("después",)]


async def _use_tenant(database: Database) -> None:
    async with database.tenant(PLATFORM):
        pass


async def _use_platform(database: Database) -> None:
    async with database.platform() as uow:
        await uow.run(text("select 1"))


async def _use_single(database: Database) -> None:
    async with database.single() as uow:
        await uow.run(text("select 1"))


@pytest.mark.parametrize("use", [_use_tenant, _use_platform, _use_single])
async def test_a_database_that_is_not_there_is_unavailable(use: Callable[[Database], Awaitable[None]]) -> None:
    """A refused connection is our own error, which the webhook answers with 503 and a worker waits out."""
    nowhere = open_database("postgresql://parlo@127.0.0.1:1/parlo", pool_size=1)

    with pytest.raises(Unavailable):
        await use(nowhere)

    await nowhere.close()


async def test_a_connection_that_is_cut_in_the_middle_is_unavailable(database: Database, database_url: str) -> None:
    """A restarted server costs the unit of work under way, and the next one connects anew."""
    with connect_as(database_url) as owner, pytest.raises(Unavailable):
        async with database.platform() as uow:
            pid = (await uow.run(text("select pg_backend_pid()"))).scalar_one()
            owner.execute("select pg_terminate_backend(%s)", (pid,))
            await uow.run(text("select 1"))

    async with database.platform() as uow:
        assert (await uow.run(text("select 1"))).scalar_one() == 1


async def test_a_transaction_that_is_left_alone_gives_its_locks_back(database: Database, database_url: str) -> None:
    """Whoever is stopped in the middle of one, or cut off without a word, keeps nobody waiting for long."""
    salon = await open_salon(database)
    stopped = open_database(database_url, pool_size=1, idle_limit_s=0.3)

    with pytest.raises(Unavailable):
        async with stopped.tenant(salon.organization_id) as uow:
            await _rename(uow, salon, "De quien duerme")
            async with asyncio.timeout(10), database.tenant(salon.organization_id) as other:
                customer_id = await _rename(other, salon, "De otra")
                await other.commit()
            await _rename(uow, salon, "De quien despierta")
    async with stopped.tenant(salon.organization_id) as uow:
        name = (await uow.run(text(NAME), {"id": customer_id})).scalar_one()
    await stopped.close()

    assert name == "De otra"


async def test_a_column_that_does_not_fit_its_field_is_an_error(database: Database) -> None:
    """Rows are decoded strictly: a null where a text is due does not slip through."""

    class Named(msgspec.Struct):
        name: str

    async with database.platform() as uow:
        good = rows_of(Named, await uow.run(text("select 'Ana' as name")))
        with pytest.raises(msgspec.ValidationError):
            rows_of(Named, await uow.run(text("select null::text as name")))

    assert good == [Named("Ana")]


async def test_moments_come_back_aware_and_in_utc(database: Database) -> None:
    """Whatever zone the server's machine is in."""
    async with database.platform() as uow:
        read = (await uow.run(text("select cast(:now as timestamptz)"), {"now": NOW})).scalar_one()

    assert read == NOW
    assert read.utcoffset().total_seconds() == 0
