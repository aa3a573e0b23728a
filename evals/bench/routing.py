"""How many messages a second one core could route: `route()` over every combination of facts."""

from __future__ import annotations

import time
from itertools import product

from evals.bench.figures import Figure, Measurement, Unit
from evals.bench.ground import Ground
from runtime.domain.enums import ChannelKind, OrganizationStatus
from runtime.router import Consent, Facts, route

ROUNDS = 5
LEAST_PER_S = 200_000.0


def measure_routing(_ground: Ground) -> Measurement:
    """Time whole passes over all combinations and take the median pass, by the CPU's clock."""
    facts = _combine()
    paces = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for each in facts:
            route(each)
        paces.append(len(facts) / (time.process_time() - started))
    how = f"median of {ROUNDS} passes over {len(facts)} combinations of facts, CPU time, loop included"
    figure = Figure(
        name="route() on one core",
        value=sorted(paces)[ROUNDS // 2],
        unit=Unit.PER_SECOND,
        n=ROUNDS * len(facts),
        how=how,
        least=LEAST_PER_S,
    )
    return Measurement(name="route", figures=[figure])


def _combine() -> list[Facts]:
    yes_no = (False, True)
    businesses = product((0, 1, 2), (0, 1))
    flags = product(yes_no, repeat=6)
    rest = list(product(ChannelKind, OrganizationStatus, businesses, flags, Consent))
    return [
        Facts(
            channel=channel,
            organization=organization,
            businesses_active=active,
            businesses_onboarding=onboarding,
            is_staff=staff,
            is_new_staff=new,
            serving=serving,
            handed_off=handed_off,
            opted_out=opted_out,
            consent=consent,
            supported=supported,
        )
        for channel, organization, (active, onboarding), flag, consent in rest
        for staff, new, serving, handed_off, opted_out, supported in (flag,)
    ]
