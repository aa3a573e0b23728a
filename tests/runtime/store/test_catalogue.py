"""Read the catalogue of the migrated database: no tenant table may lack its policy, its force or its composite keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.runtime.twins import connect_as

NOT_OF_A_TENANT = {"alembic_version"}
TENANT_RULE = "(organization_id = (NULLIF(current_setting('app.organization_id'::text, true), ''::text))::uuid)"

_TABLES = """
select c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, exists (
    select from pg_attribute a where a.attrelid = c.oid and a.attname = 'organization_id' and not a.attisdropped)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p') order by c.relname
"""
_POLICIES = """
select polname, polpermissive, polcmd::text, array(select rolname from pg_roles where oid = any(polroles))::text[],
  0 = any(polroles), pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
from pg_policy where polrelid = %s order by polname
"""
_PRIMARY_KEY = """
select a.attname from pg_index i, unnest(i.indkey) with ordinality k(attnum, position)
join pg_attribute a on a.attnum = k.attnum
where i.indrelid = %s and i.indisprimary and a.attrelid = i.indrelid order by k.position
"""
_FOREIGN_KEYS = """
select c.conname, f.relname,
  array(select a.attname || '=' || b.attname from unnest(c.conkey, c.confkey) k(here, there)
    join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.here
    join pg_attribute b on b.attrelid = c.confrelid and b.attnum = k.there)::text[]
from pg_constraint c join pg_class f on f.oid = c.confrelid
where c.contype = 'f' and c.conrelid = %s order by c.conname
"""
_INDEXES = """
select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
where i.indrelid = %s and not i.indisprimary and i.indpred is null and a.attname = 'organization_id'
order by c.relname
"""


def find_faults(connection: psycopg.Connection[Any]) -> list[str]:
    """Everything in the catalogue that would let one tenant's rows be seen, written or pointed at by another's.

    An index that begins with the tenant is one too: while a table is empty it looks as good as the primary key, and a
    plan that was made then reads all of a tenant's rows for one.
    """
    faults = []
    for oid, name, enabled, forced, has_tenant in connection.execute(_TABLES).fetchall():
        if name in NOT_OF_A_TENANT:
            continue
        if not has_tenant:
            faults.append(f"{name}: no organization_id")
            continue
        faults += [f"{name}: row security is not enabled"] * (not enabled)
        faults += [f"{name}: row security is not forced"] * (not forced)
        faults += [f"{name}: {fault}" for fault in _policy_faults(connection, oid)]
        key = [row[0] for row in connection.execute(_PRIMARY_KEY, (oid,))]
        faults += [f"{name}: the primary key does not begin with organization_id"] * (key[:1] != ["organization_id"])
        faults += [f"{name}: {row[0]} begins with organization_id" for row in connection.execute(_INDEXES, (oid,))]
        for constraint, other, columns in connection.execute(_FOREIGN_KEYS, (oid,)):
            if "organization_id=organization_id" not in columns:
                faults.append(f"{name}: {constraint} points at {other} without organization_id")
    return faults


def _policy_faults(connection: psycopg.Connection[Any], oid: int) -> list[str]:
    policies = connection.execute(_POLICIES, (oid,)).fetchall()
    # what applies to the application's role: its own policies and those of everybody
    applying = [policy for policy in policies if "parlo_app" in policy[3] or policy[4]]
    if not applying:
        return ["no policy for parlo_app"]
    wanted = (True, "*", TENANT_RULE, TENANT_RULE)
    return [
        f"policy {policy[0]} does not confine parlo_app to its tenant"
        for policy in applying
        if (policy[1], policy[2], policy[5], policy[6]) != wanted
    ]


@pytest.fixture
def scratch(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A transaction of the schema's owner that is always rolled back."""
    with psycopg.connect(database_url) as connection:
        yield connection
        connection.rollback()


def test_every_table_that_the_migrations_built_is_closed_to_other_tenants(scratch: psycopg.Connection[Any]) -> None:
    """The whole catalogue is read, so a table added tomorrow is checked too."""
    assert find_faults(scratch) == []


def test_the_catalogue_holds_the_tables_this_test_is_about(scratch: psycopg.Connection[Any]) -> None:
    """Reading nothing would find no fault: the well-known tables must be among those read."""
    names = {row[1] for row in scratch.execute(_TABLES).fetchall()}

    assert {"organizations", "conversations", "inbox", "appointments", "handoffs", "outbox", "events"} <= names


_GOOD = f"""
create table bad (organization_id uuid not null, id uuid not null, spot_id uuid,
  primary key (organization_id, id), foreign key (organization_id, spot_id) references spots);
alter table bad enable row level security;
alter table bad force row level security;
create policy tenant on bad to parlo_app using {TENANT_RULE} with check {TENANT_RULE};
"""


def test_a_table_built_by_the_rules_has_no_fault(scratch: psycopg.Connection[Any]) -> None:
    """The rules can be kept: what follows breaks them one at a time."""
    scratch.execute(_GOOD.encode())

    assert find_faults(scratch) == []


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        ("alter table bad disable row level security", "bad: row security is not enabled"),
        ("alter table bad no force row level security", "bad: row security is not forced"),
        ("drop policy tenant on bad", "bad: no policy for parlo_app"),
        ("alter policy tenant on bad to parlo_platform", "bad: no policy for parlo_app"),
        ("alter policy tenant on bad using (true)", "bad: policy tenant does not confine parlo_app to its tenant"),
        ("alter policy tenant on bad with check (true)", "bad: policy tenant does not confine parlo_app to its tenant"),
        ("create policy wide on bad using (true)", "bad: policy wide does not confine parlo_app to its tenant"),
        (
            "alter table bad drop constraint bad_pkey; alter table bad add primary key (id)",
            "bad: the primary key does not begin with organization_id",
        ),
        (
            "alter table bad drop constraint bad_pkey",
            "bad: the primary key does not begin with organization_id",
        ),
        (
            "alter table bad add column conversation_id uuid references conversations (id)",
            "bad: bad_conversation_id_fkey points at conversations without organization_id",
        ),
        (
            "create index on bad (organization_id, spot_id)",
            "bad: bad_organization_id_spot_id_idx begins with organization_id",
        ),
        (
            "create table worse (id uuid primary key)",
            "worse: no organization_id",
        ),
    ],
)
def test_a_table_that_breaks_one_rule_is_found(scratch: psycopg.Connection[Any], spoil: str, fault: str) -> None:
    """Each rule is one that this test can see being broken."""
    scratch.execute(_GOOD.encode())
    scratch.execute(spoil.encode())

    assert find_faults(scratch) == [fault]


def test_the_programs_roles_can_neither_log_in_nor_bypass_anything(database_url: str) -> None:
    """They own no table, are members of no stronger role, and cannot create or become one."""
    with connect_as(database_url) as connection:
        roles = connection.execute(
            "select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication"
            " from pg_roles where rolname in ('parlo_app', 'parlo_platform') order by rolname"
        ).fetchall()
        owned = connection.execute(
            "select relname from pg_class c join pg_roles r on r.oid = c.relowner where rolname like 'parlo\\__%'"
        ).fetchall()
        memberships = connection.execute(
            "select m.roleid::regrole::text from pg_auth_members m"
            " where m.member::regrole::text in ('parlo_app', 'parlo_platform')"
        ).fetchall()

    assert roles == [("parlo_app", *[False] * 6), ("parlo_platform", *[False] * 6)]
    assert owned == []
    assert memberships == []


@pytest.mark.parametrize("table", ["events", "steps", "messages"])
@pytest.mark.parametrize("privilege", ["UPDATE", "DELETE", "TRUNCATE"])
def test_the_application_may_append_history_but_never_rewrite_it(database_url: str, table: str, privilege: str) -> None:
    """What happened stays: the application's role has no right to change or remove it."""
    with connect_as(database_url) as connection:
        row = connection.execute(
            "select has_table_privilege('parlo_app', %s, %s), has_table_privilege('parlo_app', %s, 'INSERT')",
            (table, privilege, table),
        ).fetchone()

    assert row == (False, True)


def test_the_application_can_touch_nothing_but_tenant_tables(database_url: str) -> None:
    """Neither the migrations' own table nor the truncation of any table is open to it."""
    with connect_as(database_url, "parlo_app") as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from alembic_version")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("truncate appointments")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("create table mine (id integer)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("alter table appointments disable row level security")
