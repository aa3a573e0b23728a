"""What the deciding modules share: the turn at hand, tool calls wanted, tool results got, the step taken.

`policy` makes a `Turn`; `answers`, `booking` and `changes` read it. Pure values only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from sim.offline_model.context import Context
from sim.offline_model.state import State
from sim.offline_model.understand import Understanding


class Slot(msgspec.Struct, frozen=True):
    """A free time in a tool's answer."""

    when: str = ""
    staff: str | None = None


class Refusal(msgspec.Struct, frozen=True):
    """Why a tool did not do what was asked."""

    code: str = ""
    message: str = ""
    question: str | None = None
    slots: tuple[Slot, ...] = ()


class Booked(msgspec.Struct, frozen=True):
    """An appointment in a tool's answer."""

    appointment_id: str = ""
    service: str = ""
    when: str = ""
    staff: str | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What any of the tools may answer, all parts optional."""

    status: str = ""
    service: str = ""
    price: str | None = None
    asked: str | None = None
    reason: str | None = None
    slots: tuple[Slot, ...] = ()
    appointments: tuple[Booked, ...] = ()
    when: str = ""
    before: str = ""
    staff: str | None = None
    name: str = ""
    error: Refusal | None = None


class Result(msgspec.Struct, frozen=True):
    """A tool call of this turn and its outcome."""

    tool: str
    outcome: Outcome


class Call(msgspec.Struct, frozen=True):
    """A tool call wanted, with its arguments encoded."""

    tool: str
    arguments: str


class Step(msgspec.Struct, frozen=True):
    """What the model says next: a text, or calls."""

    text: str = ""
    calls: tuple[Call, ...] = ()


class Turn(msgspec.Struct, frozen=True):
    """Everything a decision may look at.

    Attributes:
        before: The state when the customer's message came.
        state: The state with that message taken in.
        results: Tool results of this turn, in order.
        tools: Names of the tools that may be called.
        seed: Chooses among equal phrases; the same request gives the same words.
    """

    context: Context
    before: State
    said: Understanding
    state: State
    results: tuple[Result, ...]
    tools: frozenset[str]
    seed: str

    def pick(self, key: str, options: Sequence[str]) -> str:
        """One of several phrases that say the same."""
        digest = hashlib.sha256(f"{self.seed}|{key}".encode()).digest()
        return options[digest[0] % len(options)]

    def result_of(self, tool: str) -> Outcome | None:
        """The latest outcome of a tool in this turn."""
        return next((result.outcome for result in reversed(self.results) if result.tool == tool), None)

    def can(self, tool: str) -> bool:
        """Whether a tool may be called (again) in this turn."""
        return tool in self.tools and len(self.results) < 4

    @property
    def name(self) -> str:
        """What to call the customer: their first name, or nothing."""
        full = self.state.name or self.context.customer
        return full.split(" ")[0] if full else ""


def call(tool: str, **arguments: str | None) -> Step:
    """A step that calls one tool."""
    return Step(calls=(Call(tool, msgspec.json.encode(arguments).decode()),))


def read_outcome(content: str) -> Outcome:
    """A tool message as an outcome; what cannot be read is a refusal without words."""
    try:
        return msgspec.json.decode(content, type=Outcome)
    except msgspec.MsgspecError:
        return Outcome(error=Refusal(code="unreadable"))
