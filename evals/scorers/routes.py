"""Scores `expect.route`: every message of the turn took the route that was asked for."""

from __future__ import annotations

from collections.abc import Iterator

from evals.expected import read_turns
from evals.reading import Reading
from evals.verdicts import Verdict


def score_routes(reading: Reading) -> Iterator[Verdict]:
    """One verdict for each expectation that names a route.

    Where several expectations share a window (two people wrote at once), each names one route that
    must occur, and no route may occur that none of them names.
    """
    turns = list(read_turns(reading.record))
    for asked in turns:
        wanted = asked.wanted.route
        if wanted is None:
            continue
        found = [r for r in reading.routes if asked.first <= r.index < asked.stop]
        cases = [r.data.case for r in found]
        allowed = {str(other.wanted.route) for other in turns if other.first == asked.first}
        wrong = next((r for r in found if r.data.case not in allowed), None)
        if wrong is not None:
            reason = f"routed {wrong.data.case} ({wrong.data.reason or 'no reason given'}), expected {wanted}"
            yield Verdict("route", False, reason, wrong.index)
        elif wanted not in cases:
            reason = f"nothing was routed {wanted}; routes: {', '.join(cases) or 'none'}"
            yield Verdict("route", False, reason, asked.first)
        else:
            at = next(r.index for r in found if r.data.case == wanted)
            yield Verdict("route", True, f"routed {wanted}", at)
