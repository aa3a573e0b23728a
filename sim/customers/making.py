"""The simulated customer for a conversation that has diverged, where one can carry it on alone."""

from __future__ import annotations

from sim.customers.customer import SimulatedCustomer
from sim.customers.goal import read_goal, read_style
from sim.divergence.moments import CUSTOMERS
from sim.transcripts import Fault, Say, Transcript, list_participants


def make_customer(transcript: Transcript, person: str, index: int) -> SimulatedCustomer | None:
    """Whoever goes on as `person` from the line at `index`.

    None where they are staff, or where others have recorded lines left or something is still to fail: what those
    would say or do then was recorded for another conversation.
    """
    if list_participants(transcript)[person].role not in CUSTOMERS:
        return None
    left = transcript.events[index:]
    if any(isinstance(event, Fault) or (isinstance(event, Say) and event.by != person) for event in left):
        return None
    lines = [event.text for event in transcript.events if isinstance(event, Say) and event.by == person]
    return SimulatedCustomer(read_goal(transcript, person, index), read_style(lines))
