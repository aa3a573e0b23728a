"""What must hold when a simulation has come to rest: each promise with a name, a reason, and what breaks it.

`check` asks the database (`messages`, `people`, `staff`: a query for each promise) and the history (`history`,
`tenants`, `costs`: what rows alone cannot tell). Rows are read as the owner of the database, past every policy.
`INVARIANTS` names every one there is, with those that the simulation itself finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from sim.simulation.invariants import costs, history, tenants
from sim.simulation.invariants.messages import OF_MESSAGES
from sim.simulation.invariants.people import OF_PEOPLE
from sim.simulation.invariants.seen import MOST_NAMED, Case, Check, Reported, Rule, Seen, Violation
from sim.simulation.invariants.staff import OF_STAFF
from sim.simulation.knobs import Knob
from sim.simulation.plan import Plan

__all__ = ["CHECKS", "INVARIANTS", "RULES", "Check", "Reported", "Rule", "Seen", "Violation", "check"]

RULES: tuple[Rule, ...] = (*OF_MESSAGES, *OF_PEOPLE, *OF_STAFF)
"""What the rows must say."""

CHECKS: tuple[Check, ...] = (*history.CHECKS, *tenants.CHECKS, *costs.CHECKS)
"""What only the rows and the history together can say."""

INVARIANTS: Mapping[str, str] = {
    "rest": "when faults stop, everything is final within two minutes",
    "replay.same_hash": "a seed plays the same twice",
    **{rule.name: rule.reason for rule in RULES},
    **{name: reason for each in CHECKS for name, reason in each.reasons.items()},
}
"""Every promise that is checked, by name, with its reason."""


def check(owner: psycopg.Connection[Any], plan: Plan, seen: Seen, struck: Mapping[Knob, int]) -> list[Violation]:
    """Every promise that was not kept, in the order of the rules."""
    case = Case(owner, plan, seen, struck)
    found = [violation for rule in RULES if rule.name not in _excused(struck) for violation in _ask(owner, rule)]
    return found + [violation for each in CHECKS for violation in each.find(case)]


def _excused(struck: Mapping[Knob, int]) -> tuple[str, ...]:
    # a model that does as a stranger says may book twice in its user's own name: that is within their rights
    return ("bookings.once",) if struck.get(Knob.MODEL_OBEYS_INJECTION) else ()


def _ask(owner: psycopg.Connection[Any], rule: Rule) -> list[Violation]:
    rows = owner.execute(rule.query).fetchmany(MOST_NAMED)
    return [Violation(rule.name, " ".join(str(value) for value in row)) for row in rows]
