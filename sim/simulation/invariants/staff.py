"""Promises about what staff order by chat, as queries: nothing beyond a role, and each yes once.

Every row that a query gives is a breach.
"""

from __future__ import annotations

from typing import LiteralString

from sim.simulation.invariants.seen import Rule

_OWNERS_ALONE: LiteralString = "('change_service', 'change_hours', 'change_permission')"
"""Tools that the matrix of `runtime.domain.permissions` gives to owners; a test holds it against the table."""

OF_STAFF = (
    Rule(
        "staff.within_their_role",
        "staff do by chat what their role may, and nothing else",
        f"""
        select a.id::text, a.tool, s.role::text from staff_actions a
        join staff s on s.organization_id = a.organization_id and s.id = a.staff_id
        where a.tool in {_OWNERS_ALONE} and s.role <> 'owner'
    """,
    ),
    Rule(
        "staff.one_yes_one_deed",
        "what waits for a yes is done once for each yes, and never without",
        """
        with deeds as (
          select organization_id, data ->> 'staff_id' as staff_id, count(*) as number from events
          where kind = 'staff_message' group by 1, 2
        ), yeses as (
          select organization_id, staff_id::text, count(*) as number from staff_actions
          where tool = 'send_message_to_customer' and state = 'done' group by 1, 2
        )
        select coalesce(d.staff_id, y.staff_id), coalesce(d.number, 0), coalesce(y.number, 0)
        from deeds d full join yeses y on y.organization_id = d.organization_id and y.staff_id = d.staff_id
        where coalesce(d.number, 0) <> coalesce(y.number, 0)
    """,
    ),
    Rule(
        "staff.asked_before_customers_hear",
        "a customer is told of a change by staff only after a yes",
        """
        select e.id::text, e.kind from events e
        where e.kind in ('appointment_cancelled', 'appointment_moved') and e.data ? 'staff_id' and not exists (
          select from staff_actions a where a.organization_id = e.organization_id
            and a.staff_id::text = e.data ->> 'staff_id' and a.state = 'done' and a.settled_at = e.at
            and a.tool in ('cancel_for_customer', 'reschedule_for_customer'))
    """,
    ),
)
