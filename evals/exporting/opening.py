"""Exports from a database's address: opened, seen to be at the newest schema, read, and closed again."""

from __future__ import annotations

from evals.exporting.exporting import Export, prepare_export
from runtime.domain.errors import Broken
from runtime.store.database import open_database
from runtime.store.exports import Wanted
from runtime.store.migrate import newest_revision
from runtime.store.revision import read_revision


async def prepare_export_from(database_url: str, wanted: Wanted, salt: bytes) -> Export:
    """Everything that is wanted of the database at this address, to be redacted with one salt.

    Raises:
        Broken: The database is not at the newest schema.
        ValueError: The salt could be guessed.
        Unavailable: The database cannot be reached.
    """
    database = open_database(database_url, pool_size=1)
    try:
        if await read_revision(database) != newest_revision():
            raise Broken("the database is not at the newest schema: run `parlo migrate` first")
        return await prepare_export(database, wanted, salt)
    finally:
        await database.close()
