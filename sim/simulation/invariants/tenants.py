"""Promises about businesses that share a database: none hears of another, by the code's filters or by the policies."""

from __future__ import annotations

from psycopg import sql

from sim.simulation.invariants.seen import MOST_NAMED, Case, Check, Violation

_TABLES = (
    "select table_name from information_schema.columns where table_schema = 'public'"
    " and column_name = 'organization_id' and table_name <> 'handoff_log' order by 1"
)
_OTHERS = sql.SQL("select count(*) from {} where organization_id <> %s")


def _find_leaks(case: Case) -> list[Violation]:
    marks = {
        business.channel: {business.name}
        | {member.name for member in business.staff}
        | {f"${service.price_cents // 100}" for service in business.services}
        for business in case.plan.world.organizations
    }
    found = []
    for sent in case.seen.sent:
        number = sent.from_address.removeprefix("whatsapp:")
        foreign = {mark for other, own in marks.items() if other != number for mark in own}
        if number in marks and (leaked := [mark for mark in sorted(foreign) if mark in sent.body]):
            found.append(Violation("tenants.no_leak", f"{leaked[0]!r} in {sent.body[:60]!r}"))
    return found[:MOST_NAMED]


def _find_holes(case: Case) -> list[Violation]:
    owner = case.owner
    tables = [row[0] for row in owner.execute(_TABLES)]
    one = owner.execute("select organization_id from organizations order by organization_id desc limit 1").fetchone()
    assert one is not None
    found = []
    with owner.transaction(force_rollback=True):
        owner.execute("set local role parlo_app")
        owner.execute("select set_config('app.organization_id', %s, true)", (str(one[0]),))
        for table in tables:
            row = owner.execute(_OTHERS.format(sql.Identifier(table)), one).fetchone()
            if row is not None and row[0]:
                found.append(Violation("tenants.walls", f"{row[0]} rows of others in {table}"))
    return found


CHECKS = (
    Check({"tenants.no_leak": "no business's people or prices appear in another's messages"}, _find_leaks),
    Check({"tenants.walls": "a business's transaction sees no other's rows, with the policies alone"}, _find_holes),
)
