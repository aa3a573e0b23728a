"""Which migration a database has reached. Called by readiness and the doctor."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from runtime.store.database import Database

_READ = text("select version_num from alembic_version")


async def read_revision(database: Database) -> str | None:
    """The revision, or None where nothing was ever migrated.

    Raises:
        Unavailable: The database cannot be reached.
    """
    try:
        async with database.platform() as uow:
            return (await uow.run(_READ)).scalar_one_or_none()
    except ProgrammingError:
        # no such table
        return None
