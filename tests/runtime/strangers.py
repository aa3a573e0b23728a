"""Whose rows are whose: a fingerprint of everything that is not one person's, to see whether it was touched.

A row is somebody's if it stands in their tenant and leads to their person: through the person, their conversation, the
customer they are, or a turn or handoff of theirs. What leads to nobody, as prices and hours do, is nobody's to change;
a table added later counts as nobody's until it has one of these columns.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from runtime.domain.ids import PLATFORM
from runtime.store import tables
from runtime.store.database import Database

_CONVERSATIONS = "(select id from conversations where organization_id = :organization and person_id = :person)"
_OWN = {
    "person_id": "= :person",
    "customer_id": "in (select id from customers where organization_id = :organization and person_id = :person)",
    "conversation_id": f"in {_CONVERSATIONS}",
    "turn_id": f"in (select id from turns where conversation_id in {_CONVERSATIONS})",
    "handoff_id": f"in (select id from handoffs where conversation_id in {_CONVERSATIONS})",
}
_OWN_IDS = {"people": "= :person", "conversations": f"in {_CONVERSATIONS}"}


class Someone(msgspec.Struct, frozen=True):
    """A person of one business."""

    organization: UUID
    person: UUID


async def fingerprint_others(database: Database, someone: Someone) -> dict[str, str]:
    """For every table a fingerprint of the rows that are not this person's, of all tenants."""
    one = "select '{0}', md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {0} t where not ({1})"
    parts = [one.format(name, _is_own(name)) for name in tables.metadata.tables]
    rows = await look(database, " union all ".join(parts), organization=someone.organization, person=someone.person)
    return {str(table): str(digest) for table, digest in rows}


def _is_own(table: str) -> str:
    columns = [column.name for column in tables.metadata.tables[table].columns]
    ways = [f"coalesce(t.{name} {_OWN[name]}, false)" for name in columns if name in _OWN]
    if table in _OWN_IDS:
        ways = [f"t.id {_OWN_IDS[table]}"]
    if not ways:
        return "false"
    return f"t.organization_id = :organization and ({' or '.join(ways)})"


async def list_foreign(database: Database, someone: Someone) -> dict[str, str]:
    """Of every kind of row with an id, one of another tenant's and one of somebody else's in the same tenant."""
    found: dict[str, str] = {}
    for name, table in tables.metadata.tables.items():
        if "id" not in table.columns:
            continue
        for where, condition in {
            "another tenant's": "t.organization_id <> :organization and t.organization_id <> :platform",
            "somebody else's": f"t.organization_id = :organization and not ({_is_own(name)})",
        }.items():
            sql = f"select t.id from {name} t where {condition} order by t.id limit 1"
            given: dict[str, object] = {"organization": someone.organization, "person": someone.person}
            if "platform" in condition:
                given = {"organization": someone.organization, "platform": PLATFORM}
            rows = await look(database, sql, **given)
            found |= {f"{where} {name}": str(row[0]) for row in rows}
    return found


async def look(database: Database, sql: str, **parameters: object) -> list[Any]:
    """Rows over all tenants."""
    async with database.single() as uow:
        return [tuple(row) for row in await uow.run(text(sql), parameters)]
