"""Breakages on purpose, by which the invariants are judged: one that no invariant notices is a missing invariant.

`parlo mutants` plays seeds with each of them on (`hunting`). They are switched on from outside (`switches`); the
runtime knows nothing of them.
"""

from __future__ import annotations

from sim.simulation.mutants.of_messages import OF_MESSAGES
from sim.simulation.mutants.of_people import OF_PEOPLE
from sim.simulation.mutants.of_staff import OF_STAFF
from sim.simulation.mutants.record import Mutant

MUTANTS: dict[str, Mutant] = {mutant.name: mutant for mutant in (*OF_MESSAGES, *OF_PEOPLE, *OF_STAFF)}
"""Every one there is, by its name."""

__all__ = ["MUTANTS", "Mutant"]
