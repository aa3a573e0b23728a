"""What invariants are made of: a breach, what was seen from outside, a promise as a query or as a check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, LiteralString

import msgspec
import psycopg

from sim.simulation.knobs import Knob
from sim.simulation.plan import Plan
from sim.twilio.messages import SentRecord

MOST_NAMED = 3
"""Breaches of one promise that are named; more say nothing new."""


class Violation(msgspec.Struct, frozen=True):
    """A promise that was not kept, and by what."""

    invariant: str
    detail: str


class Reported(msgspec.Struct, frozen=True):
    """A status that the provider reported, and that we answered with 200."""

    outbox_id: str
    sid: str
    status: str


class Seen(msgspec.Struct):
    """What was seen from outside: sids we answered 200, what the provider accepted, what it reported.

    Attributes:
        model_answers: Answers the model gave that could be used; None where nobody counted.
        forged: Sids that came with a signature that was not theirs.
        hasty: Sids that we answered 200 before we had stored the message.
        never_taken: Messages that people wrote and nobody ever answered with 200.
        unmarked: Messages the provider was given while our row said, to everybody else, that they were not being sent.
    """

    accepted: set[str] = msgspec.field(default_factory=set)
    accepted_by: Counter[str] = msgspec.field(default_factory=Counter)
    sent: list[SentRecord] = msgspec.field(default_factory=list)
    reported: list[Reported] = msgspec.field(default_factory=list)
    now: datetime | None = None
    model_answers: int | None = None
    forged: set[str] = msgspec.field(default_factory=set)
    hasty: set[str] = msgspec.field(default_factory=set)
    never_taken: int = 0
    unmarked: int = 0


class Rule(msgspec.Struct, frozen=True):
    """A promise as a query: every row it gives is a breach."""

    name: str
    reason: str
    query: LiteralString


class Case(msgspec.Struct, frozen=True):
    """A simulation that has come to rest, as a check looks at it.

    Attributes:
        owner: Reads rows past every policy.
        struck: How often each fault really happened.
    """

    owner: psycopg.Connection[Any]
    plan: Plan
    seen: Seen
    struck: Mapping[Knob, int]


class Check(msgspec.Struct, frozen=True):
    """Promises that rows alone cannot tell, by name with their reasons; `find` gives the breaches."""

    reasons: Mapping[str, str]
    find: Callable[[Case], list[Violation]]
