"""Writing a world into a database: the same rows from the same seed, and nothing left after wiping it out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import text

from runtime.domain.ids import PLATFORM
from runtime.store import tables
from runtime.store.database import Database
from runtime.store.tables import metadata
from sim.seeding import clear_world, seed_world
from sim.stage import Stage
from sim.virtual_time import SeededIds, VirtualClock, derive_seed
from sim.worlds import World, WorldCustomer, list_worlds, load_world
from tests.runtime.staging import on_stage
from tests.runtime.twins import open_salon, open_twins, rows

NOW = datetime.fromisoformat("2026-01-12T10:00:00-06:00")


async def dump(database: Database) -> dict[str, list[str]]:
    """Every row of every table as the server prints it, in order."""
    async with database.platform() as uow:
        return {
            table: list((await uow.run(text(f"select t::text from {table} t order by 1"))).scalars())
            for table in metadata.tables
        }


async def seed(stage: Stage, world: World, number: int) -> dict[str, list[str]]:
    """Write a world from a seed into the emptied database, and read everything back."""
    await clear_world(stage.database)
    clock = VirtualClock(NOW)
    await seed_world(stage.database, world, ids=SeededIds(clock, derive_seed(number, "ids")), now=clock.now())
    return await dump(stage.database)


def test_the_same_seed_gives_the_same_rows_to_the_byte(database_url: str) -> None:
    """Ids included, for every world there is; another seed gives other ids and as many rows."""

    async def play(stage: Stage) -> None:
        for name in list_worlds():
            world = load_world(name)
            first, again, other = [await seed(stage, world, number) for number in (1, 1, 2)]

            assert first == again, name
            assert first["organizations"] != other["organizations"], name
            assert {table: len(found) for table, found in first.items()} == {
                table: len(found) for table, found in other.items()
            }, name

    on_stage(database_url, play)


def test_a_world_in_the_database_is_the_world_in_the_file(database_url: str) -> None:
    """Services, people, hours and appointments of the seed business stand there with what was said of them."""

    async def play(stage: Stage) -> list[Any]:
        await seed(stage, load_world("estetica-lupita"), 1)
        async with stage.database.platform() as uow:
            counts = (
                "select (select count(*) from services), (select count(*) from staff), (select count(*) from spots)"
            )
            hours = "select weekday, opens_minute, closes_minute from location_hours order by weekday desc limit 1"
            booked = (
                "select c.name, s.name, st.name, a.starts_at, a.occupied_until - a.ends_at, a.status::text"
                " from appointments a join customers c on c.id = a.customer_id join services s on s.id = a.service_id"
                " join staff st on st.id = a.staff_id order by a.starts_at limit 1"
            )
            first_words = "select name from staff where first_message_at is null"
            return [[tuple(row) for row in await uow.run(text(sql))] for sql in (counts, hours, booked, first_words)]

    counts, hours, booked, newcomers = on_stage(database_url, play)

    assert counts == [(9, 4, 2)]
    assert hours == [(5, 540, 960)]
    assert [(*row[:3], row[5]) for row in booked] == [("Daniela Soto", "Manicure", "Karla", "completed")]
    assert booked[0][3] == datetime.fromisoformat("2026-01-09T10:00:00-06:00")
    assert newcomers == [("Memo",)]


async def test_wiping_out_leaves_the_platform_alone(database: Database) -> None:
    """Its organization and the channel for unknown numbers stay; of everything else not a row does."""
    await open_twins(database)
    await clear_world(database)

    left = {table: found for table, found in (await dump(database)).items() if found}
    assert sorted(left) == ["channels", "organizations"]
    assert await rows(database, "select organization_id, kind::text from channels") == [(PLATFORM, "unknown")]
    assert await rows(database, "select organization_id from organizations") == [(PLATFORM,)]


async def test_wiping_out_twice_is_wiping_out(database: Database) -> None:
    """An empty database is emptied without complaint."""
    before = await dump(database)
    await clear_world(database)

    assert await dump(database) == before


def test_a_table_is_never_forgotten_when_wiping_out() -> None:
    """Tables come from the code's own list, so one that is added is emptied too."""
    assert set(vars(tables)) >= set(metadata.tables)


async def test_an_address_is_stored_as_one_identity_with_the_spelling_to_answer_to(database: Database) -> None:
    """+521 and +52 are one key; the raw address is kept as it was given."""
    world = load_world("estetica-lupita")
    known = WorldCustomer(phone="+5215512345678", name="Ana")
    salon = msgspec.structs.replace(world.business, customers=(known,))
    await open_salon(database, msgspec.structs.replace(world, organizations=(salon,)))

    found = await rows(database, "select key, raw from addresses where key like '+5255%'")
    assert found == [("+525512345678", "whatsapp:+5215512345678")]
