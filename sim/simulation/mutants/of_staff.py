"""Breakages of what staff order by chat: the yes that something waits for."""

from __future__ import annotations

from sim.simulation.knobs import Profile
from sim.simulation.mutants.record import Mutant
from sim.simulation.mutants.switches import Rewrite

OF_STAFF = (
    Mutant(
        name="staff.yes-not-used-up",
        breaks="a yes to what was done already does it again",
        noticed_by=("staff.one_yes_one_deed", "staff.asked_before_customers_hear"),
        switches=(
            Rewrite(
                "runtime.store.staff_actions:_SETTLE",
                (("set state = :state, settled_at = :now", "set settled_at = settled_at"),),
            ),
            Rewrite("runtime.store.staff_actions:_LATEST", (("m.at > a.at)", "m.at > a.at + interval '1 day')"),)),
        ),
        within=60,
        profile=Profile.NONE,
    ),
)
