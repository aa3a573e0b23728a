"""Scores `expect.handoff`: the state of the handoff when the turn had come to rest."""

from __future__ import annotations

from collections.abc import Iterator

from evals.expected import read_turns
from evals.reading import Placed, Reading
from evals.verdicts import Verdict
from sim.record import HandoffData

NO_HANDOFF = "none"


def score_handoff_states(reading: Reading) -> Iterator[Verdict]:
    """One verdict for each expectation that names a state.

    The handoff meant is that of whoever wrote last, as customer or as human; where nobody wrote
    (the clock went on), the latest one.
    "none" is met where there never was one, and where it has ended.
    """
    for asked in read_turns(reading.record):
        wanted = asked.wanted.handoff
        if wanted is None:
            continue
        latest = find_latest(reading, asked.first, asked.stop)
        found = latest.data.status if latest is not None else NO_HANDOFF
        at = latest.index if latest is not None else asked.first
        good = found == wanted or (wanted == NO_HANDOFF and found == "ended")
        yield Verdict("handoff", good, f"the handoff is {found}" + ("" if good else f", expected {wanted}"), at)


def find_latest(reading: Reading, first: int, stop: int) -> Placed[HandoffData] | None:
    """The latest change of the handoff that an expectation about `events[first:stop]` means."""
    found = [h for h in reading.handoffs if h.index < stop]
    writer = next((s.lane for s in reversed(reading.says) if first <= s.index < stop), None)
    if writer is not None:
        # whoever wrote may have given the customer away: what counts is where that customer is now
        customer = next((h.data.customer for h in reversed(found) if writer in (h.data.customer, h.data.human)), None)
        found = [h for h in found if h.data.customer == customer]
    return found[-1] if found else None
