"""What every measurement stands on: the servers, and databases that are dropped afterwards."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import msgspec

from runtime.adapters.system import SystemIds
from runtime.store.database import open_database
from sim.databases import borrow_copy
from sim.seeding import seed_world
from sim.worlds import load_world

WORLD = "estetica-lupita"
START = datetime(2026, 1, 12, 16, 0, tzinfo=UTC)
"""A Monday morning in Puebla."""


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """Where to measure.

    Attributes:
        durable_url: A Postgres whose commits wait for the disk, as in production.
        fast_url: One whose commits do not, as replays use it.
        redis_url: A broker; only its last database is used.
    """

    durable_url: str
    fast_url: str
    redis_url: str


def fresh_database(server_url: str, purpose: str) -> AbstractContextManager[str]:
    """A migrated database of this process's own, for as long as it is used."""
    return borrow_copy(server_url, f"parlo_bench_{purpose}_{os.getpid()}")


async def seed(url: str) -> None:
    """Write the seed business into an empty database."""
    database = open_database(url)
    await seed_world(database, load_world(WORLD), ids=SystemIds(), now=START)
    await database.close()
