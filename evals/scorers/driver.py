"""Hands on what the driver itself judged while it ran: its `expect` events, and expectations that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator

from evals.expected import explain_unreadable
from evals.reading import Reading
from evals.verdicts import Verdict
from sim.record import EventKind, ExpectData


def score_driver_checks(reading: Reading) -> Iterator[Verdict]:
    """One verdict for each `expect` event, in the driver's words."""
    for index, event in enumerate(reading.record.events):
        if event.kind is EventKind.EXPECT:
            data = event.read(ExpectData)
            yield Verdict(data.what, data.ok, data.reason, index)


def score_unreadable(reading: Reading) -> Iterator[Verdict]:
    """An expectation nobody can read is broken, never silently met."""
    for expectation in reading.record.expectations:
        problem = explain_unreadable(expectation)
        if problem is not None:
            yield Verdict(expectation.kind, False, f"cannot be read: {problem}")
