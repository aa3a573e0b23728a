"""What a run's conversations exercised of all that Parlo can do, and what none of them ever did.

`parlo coverage` and the report of a run show it. The lists are the runtime's own: the routing table's cases, the tools
and the codes they refuse with, the table of a handoff's steps, the kinds of messages; and the rules of divergence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from evals.reading import Placed, Reading, error_code
from evals.refusals import list_refusals
from runtime.domain.enums import HandoffState
from runtime.domain.handoff import TRANSITIONS, HandoffEvent
from runtime.domain.whatsapp import MessageKind, kind_of_media
from runtime.router import Case
from runtime.tools.registry import TOOLS
from sim.divergence import NOT_SHOWN, RULES
from sim.record import ConversationRecord, SayData

_UNKNOWN_TOOL = "any other: unknown_tool"


class Part(StrEnum):
    """What is looked at."""

    ROUTES = "routes"
    TOOLS = "tools"
    REFUSALS = "refusals"
    HANDOFFS = "handoff steps"
    MESSAGES = "message kinds"
    DIVERGENCE = "rules of divergence"


class Exercised(msgspec.Struct, frozen=True):
    """One thing that can happen: in how many conversations it did, and the id of the first of them."""

    name: str
    conversations: int
    example: str | None


class Section(msgspec.Struct, frozen=True):
    """One part of what Parlo can do.

    Attributes:
        items: All that there is, in the runtime's order.
        unlisted: What happened besides: a run of another version, or a defect.
    """

    part: Part
    items: tuple[Exercised, ...]
    unlisted: tuple[Exercised, ...]

    @property
    def never(self) -> list[str]:
        """What no conversation did."""
        return [each.name for each in self.items if not each.conversations]


class Coverage(msgspec.Struct, frozen=True):
    """What a run exercised; conversations that did not run are left out and counted. Trials of one count once."""

    run: str
    conversations: int
    not_run: int
    sections: tuple[Section, ...]


class CoverageTally:
    """Counts records one at a time."""

    def __init__(self) -> None:
        self._seen: dict[tuple[Part, str], dict[str, None]] = {}
        self._ids: set[str] = set()
        self._not_run: set[str] = set()

    def add(self, record: ConversationRecord) -> None:
        """Count one replay."""
        if record.failure is not None:
            self._not_run.add(record.id)
            return
        self._ids.add(record.id)
        for part, name in _list_exercised(record):
            self._seen.setdefault((part, name), {})[record.id] = None

    def sum_up(self, run: str) -> Coverage:
        """All of it, with what never happened."""
        return Coverage(
            run=run,
            conversations=len(self._ids),
            not_run=len(self._not_run - self._ids),
            sections=tuple(self._describe(part, names) for part, names in list_all().items()),
        )

    def _describe(self, part: Part, names: tuple[str, ...]) -> Section:
        others = sorted(name for found, name in self._seen if found is part and name not in names)
        return Section(
            part, tuple(self._count(part, each) for each in names), tuple(self._count(part, each) for each in others)
        )

    def _count(self, part: Part, name: str) -> Exercised:
        found = self._seen.get((part, name), {})
        return Exercised(name, len(found), next(iter(found), None))


def find_coverage(run: str, records: Iterable[ConversationRecord]) -> Coverage:
    """What the conversations of a run exercised."""
    tally = CoverageTally()
    for record in records:
        tally.add(record)
    return tally.sum_up(run)


def list_all() -> dict[Part, tuple[str, ...]]:
    """Everything that can be exercised, by its name."""
    refusals = [f"{tool}: {code}" for tool, codes in list_refusals().items() for code in codes]
    return {
        Part.ROUTES: tuple(Case),
        Part.TOOLS: tuple(TOOLS),
        Part.REFUSALS: (*refusals, _UNKNOWN_TOOL),
        Part.HANDOFFS: tuple(_name_step(state, event, after) for (state, event), after in TRANSITIONS.items()),
        Part.MESSAGES: tuple(MessageKind),
        Part.DIVERGENCE: (*RULES, NOT_SHOWN),
    }


def _name_step(before: str, event: str, after: str) -> str:
    return f"{before}, {event} → {after}"


def _list_exercised(record: ConversationRecord) -> Iterator[tuple[Part, str]]:
    reading = Reading(record)
    yield from ((Part.ROUTES, route.data.case) for route in reading.routes)
    yield from ((Part.MESSAGES, find_kind(say)) for say in reading.says)
    yield from ((Part.HANDOFFS, step) for step in _list_steps(reading))
    for tool in reading.tools:
        name, code = tool.data.name, None if tool.data.ok else error_code(tool.data)
        if code == "unknown_tool":
            yield Part.REFUSALS, _UNKNOWN_TOOL
            continue
        yield Part.TOOLS, name
        if not tool.data.ok:
            yield Part.REFUSALS, f"{name}: {code or 'no code'}"
    if record.diverged_at is not None:
        yield Part.DIVERGENCE, record.diverged_at.rule


def _list_steps(reading: Reading) -> Iterator[str]:
    """Each step of each customer's handoffs, which begin as requested: that is recorded as no step."""
    states: dict[str, str] = {}
    for step in reading.handoffs:
        data = step.data
        before = states.get(data.customer, HandoffState.REQUESTED)
        if before == HandoffState.ENDED and data.event != HandoffEvent.UNDO:
            before = HandoffState.REQUESTED
        states[data.customer] = data.status
        yield _name_step(before, data.event, data.status)


def find_kind(say: Placed[SayData]) -> MessageKind:
    """What somebody sent, as the record has it: a kind that only a raw field of the webhook named is not in it."""
    data = say.data
    if data.list_reply:
        return MessageKind.LIST
    if data.button:
        return MessageKind.BUTTON
    if data.contact:
        return MessageKind.CONTACTS
    if data.media:
        return kind_of_media(str(data.media[0].get("content_type", "")))
    if data.location:
        return MessageKind.LOCATION
    return MessageKind.TEXT if say.text.strip() else MessageKind.UNKNOWN
