"""The tables as code sees them are the tables the migrations build."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Enum, create_engine, make_url

from runtime.domain import enums
from runtime.store.tables import metadata

ENUM_CLASSES = sorted(
    (
        kind
        for kind in vars(enums).values()
        if isinstance(kind, type) and issubclass(kind, StrEnum) and kind is not StrEnum
    ),
    key=lambda kind: kind.__name__,
)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """The migrated database, as its owner; whatever is changed is rolled back."""
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def _include(item: object, name: str | None, kind: str, reflected: bool, compared_to: object) -> bool:
    # Indexes and exclusion constraints live in SQL alone; code never names them.
    return kind != "index" and name != "alembic_version"


def compare(connection: Connection) -> list[Any]:
    """What the migrations would have to do for code to be right."""
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True, "include_object": _include}
    )
    return list(compare_metadata(context, metadata))


def test_code_and_migrations_agree_on_every_table_column_and_key(connection: Connection) -> None:
    """Types, nullability, defaults, unique constraints and foreign keys are compared by Alembic."""
    assert compare(connection) == []


@pytest.mark.parametrize(
    "drift",
    [
        "alter table spots add column colour text",
        "alter table spots alter column name drop not null",
        "alter table spots alter column position type bigint",
        "alter table spots drop constraint spots_organization_id_location_id_fkey",
        "alter table outbox drop constraint outbox_dedupe_key_organization_id_key",
        "alter table conversations alter column fence set default 7",
        "create table extra (organization_id uuid primary key)",
    ],
)
def test_a_drift_of_any_kind_would_be_seen(connection: Connection, drift: str) -> None:
    """The comparison is not blind: each of these is reported."""
    connection.execute(sa.text(drift))

    assert compare(connection)


def test_primary_keys_agree(connection: Connection) -> None:
    """Alembic does not compare primary keys, so this does, order included."""
    inspector = sa.inspect(connection)

    built = {name: inspector.get_pk_constraint(name)["constrained_columns"] for name in metadata.tables}

    assert built == {name: [column.name for column in table.primary_key] for name, table in metadata.tables.items()}


@pytest.mark.parametrize("kind", ENUM_CLASSES)
def test_an_enum_has_the_same_values_in_the_same_order_in_both(connection: Connection, kind: type[StrEnum]) -> None:
    """Order matters: roles are sorted by it."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__).lstrip("_")
    found = connection.execute(
        sa.text(
            "select enumlabel from pg_enum e join pg_type t on t.oid = e.enumtypid"
            " where typname = :name order by enumsortorder"
        ),
        {"name": snake},
    )

    assert [row[0] for row in found] == [member.value for member in kind]


def test_no_enum_exists_on_one_side_only(connection: Connection) -> None:
    """Every enum type of the database is one of ours, and is what the columns in code are declared as."""
    built = {row[0] for row in connection.execute(sa.text("select typname from pg_type where typtype = 'e'"))}
    used = {
        column.type.name for table in metadata.tables.values() for column in table.c if isinstance(column.type, Enum)
    }

    assert built == used
    assert len(built) == len(ENUM_CLASSES)
