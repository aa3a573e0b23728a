"""Fixtures every test may use: a real Postgres, migrated by the migrations, one copy per test process."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
import structlog
from hypothesis import settings
from psycopg import sql

from runtime.adapters.embedded import choose_database_url
from runtime.store.database import Database, open_database
from sim.databases import borrow_copy
from sim.seeding import clear_world

# Where the browser's tests leave pictures is no setting of Parlo's, which refuses what it does not know.
if "PARLO_SCREENSHOTS" in os.environ:
    os.environ["SCREENSHOTS"] = os.environ["PARLO_SCREENSHOTS"]
# A developer's shell must not change a result.
for _name in [name for name in os.environ if name.startswith("PARLO_") and name != "PARLO_HOME"]:
    del os.environ[_name]
for _name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "TWILIO_AUTH_TOKEN", "TWILIO_ACCOUNT_SID"):
    os.environ.pop(_name, None)

# How long an example takes is the machine's affair: speed belongs to the benchmarks.
settings.register_profile("parlo", deadline=None)
settings.load_profile("parlo")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    """What a test does to logging (a replay silences it) ends with the test."""
    before, pool = structlog.get_config(), logging.getLogger("sqlalchemy.pool")
    level = pool.level
    yield
    structlog.configure(**before)
    pool.setLevel(level)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data that may stand beside this checkout."""
    if not (SHARED / "data").is_dir():
        pytest.skip("../shared is not beside this checkout")
    return SHARED / "data"


@pytest.fixture(scope="session")
def server_url() -> str:
    """A Postgres server that does not wait for the disk."""
    return choose_database_url(os.environ, durable=False)


@pytest.fixture(scope="session")
def database_url(server_url: str) -> Iterator[str]:
    """A migrated database of this test process's own."""
    name = f"parlo_test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    with borrow_copy(server_url, name) as url:
        with psycopg.connect(url, autocommit=True) as owner:
            # as on a connection that is old: what only works with a plan for its own parameters fails at once
            generic = sql.SQL("alter database {} set plan_cache_mode = force_generic_plan")
            owner.execute(generic.format(sql.Identifier(name)))
        yield url


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The database, empty but for the platform's own rows."""
    opened = open_database(database_url, pool_size=5)
    await clear_world(opened)
    yield opened
    await opened.close()
