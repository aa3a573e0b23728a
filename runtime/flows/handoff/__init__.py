"""A customer and a person: asked for, offered, taken, talking, passed on, ended, and the next in line.

Every function works inside the caller's transaction and returns the messages to queue with it, so
that nobody is told of a state that is not committed. Called by the tool `handoff_to_human`, by the
turn and by the ticker.
"""

from __future__ import annotations

from runtime.flows.handoff.asking import Answer, Request, request_human
from runtime.flows.handoff.ending import connect_waiting, end, undo_end
from runtime.flows.handoff.relaying import Line, relay_to_customer, relay_to_human
from runtime.flows.handoff.scene import Scene, human_of, name_of
from runtime.flows.handoff.taking import decline, lose_human, pass_on, snooze, take, take_unasked
from runtime.flows.handoff.timing import do_due

__all__ = [
    "Answer",
    "Line",
    "Request",
    "Scene",
    "connect_waiting",
    "decline",
    "do_due",
    "end",
    "human_of",
    "lose_human",
    "name_of",
    "pass_on",
    "relay_to_customer",
    "relay_to_human",
    "request_human",
    "snooze",
    "take",
    "take_unasked",
    "undo_end",
]
