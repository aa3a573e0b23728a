"""What a well-formed transcript gets wrong: people, places and times that its world does not have.

Called by the loader on each conversation, and by importers' tests on what they made. It changes
nothing and runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sim.local_time import find_local_fault
from sim.problems import Problem
from sim.transcripts.people import find_member
from sim.transcripts.structs import (
    BUSINESS,
    PARLO,
    Callback,
    ClockEvent,
    End,
    Event,
    Expect,
    Fault,
    FaultTarget,
    PersonRole,
    Said,
    Say,
    Transcript,
)
from sim.twilio.faults import FaultKind
from sim.worlds import World

CUSTOMER_TOOLS = (
    "check_availability",
    "book_appointment",
    "get_my_appointments",
    "cancel_appointment",
    "reschedule_appointment",
    "update_customer_info",
    "handoff_to_human",
)
"""The tools of the customers' assistant."""
STAFF_TOOLS = (
    "get_schedule",
    "mark_appointment",
    "block_time",
    "unblock_time",
    "book_for_customer",
    "cancel_for_customer",
    "reschedule_for_customer",
    "send_message_to_customer",
    "customer_history",
    "check_permission",
    "change_service",
    "change_hours",
    "set_availability",
    "add_staff",
    "remove_staff",
    "change_permission",
    "get_stats",
)
"""Those of the staff's. An expectation may name any of both."""

FAULT_KINDS: dict[FaultTarget, tuple[str, ...]] = {
    FaultTarget.MODEL: ("down", "429", "500", "timeout", "garbage", "empty", "unknown_tool", "bad_arguments", "loop"),
    FaultTarget.TWILIO: tuple(str(kind) for kind in FaultKind),
    FaultTarget.DATABASE: ("down",),
}
"""What can be made to fail, and how. For Twilio a five-digit error code is a kind too."""

_STAFF_ROLES = frozenset({PersonRole.OWNER, PersonRole.ADMIN, PersonRole.STAFF, PersonRole.VIEWER})
_Finding = tuple[str, str]


def check_conversation(transcript: Transcript, *, complete: bool = True) -> list[Problem]:
    """Everything wrong with a conversation against itself and its world, in order of its lines.

    `complete` False says that some of its lines could not be read; rules about the sequence as a
    whole are then left alone, since the missing line may have kept them.
    """
    check = _Check(transcript, complete=complete)
    problems = [
        Problem(transcript.file, transcript.line, f"transcript.{path}", message)
        for path, message in check.find_in_header()
    ]
    for index, event in enumerate(transcript.events):
        line = transcript.event_lines[index] if transcript.event_lines else 0
        problems += [
            Problem(transcript.file, line, f"event.{path}", message)
            for path, message in check.find_in_event(index, event)
        ]
    return problems


class _Check:
    """One conversation under examination, event after event."""

    def __init__(self, transcript: Transcript, *, complete: bool) -> None:
        self.transcript = transcript
        self.people = transcript.header.people
        self.world = transcript.world
        self.complete = complete
        self.last_at = 0.0
        self.has_acted = False

    def find_in_header(self) -> Iterator[_Finding]:
        for key, person in self.people.items():
            if key == PARLO:
                yield f"people.{key}", "parlo is the system and cannot be a person"
            if person.phone is not None:
                continue
            if person.role not in _STAFF_ROLES:
                yield f"people.{key}.phone", f"missing: a {person.role} needs a phone"
            elif find_member(self.world, key) is None:
                yield f"people.{key}", f"no member of staff of the world has the key {key!r}, and there is no phone"
        if self.complete and not self.transcript.events:
            yield "id", "the conversation has no events"

    def find_in_event(self, index: int, event: Event) -> Iterator[_Finding]:
        yield from self._find_time(event)
        match event:
            case Say():
                yield from self._find_say(event)
            case Said():
                keys = (("by", event.by), ("to", event.to))
                yield from self._find_people((path, key) for path, key in keys if key not in (PARLO, None))
            case ClockEvent():
                if (event.at is None) == (event.for_s is None):
                    yield "for", "give one of at and for"
            case Callback():
                yield from self._find_person("to", event.to)
            case Fault():
                yield from _find_fault(event)
            case Expect():
                yield from self._find_expect(event)
            case End():
                yield from self._find_end(index, event)
            case _:
                pass
        self.has_acted = self.has_acted or isinstance(event, Say | ClockEvent | Callback)

    def _find_say(self, event: Say) -> Iterator[_Finding]:
        yield from self._find_person("by", event.by)
        if event.at is not None and event.gap is not None:
            yield "gap", "give at or gap, not both"
        if event.tamper and event.unsigned:
            yield "unsigned", "give tamper or unsigned, not both"
        if event.to == BUSINESS and self.world.business.channel is None:
            yield "to", f"{self.world.business.name} has no number"

    def _find_time(self, event: Event) -> Iterator[_Finding]:
        at = getattr(event, "at", None)
        if at is None:
            return
        if at < self.last_at:
            yield "at", f"{at:g} is before the event ahead of it, at {self.last_at:g}"
        self.last_at = max(self.last_at, at)

    def _find_person(self, path: str, key: str | None) -> Iterator[_Finding]:
        if key not in self.people:
            yield path, f"nobody is called {key!r} (people: {', '.join(self.people)})"

    def _find_people(self, keys: Iterable[tuple[str, str | None]]) -> Iterator[_Finding]:
        for path, key in keys:
            yield from self._find_person(path, key)

    def _find_expect(self, event: Expect) -> Iterator[_Finding]:
        if self.complete and not self.has_acted:
            yield "type", "expect before anybody has said anything"
        if event.tools is not None and event.tools_any_order is not None:
            yield "tools_any_order", "give tools or tools_any_order, not both"
        known = CUSTOMER_TOOLS + STAFF_TOOLS
        for field, tools in (("tools", event.tools), ("tools_any_order", event.tools_any_order)):
            for number, tool in enumerate(tools or ()):
                if tool.name not in known:
                    yield (
                        f"{field}[{number}].name",
                        f"no tool is called {tool.name!r} (known: {', '.join(known)})",
                    )
        several = isinstance(event.reply, tuple)
        for number, reply in enumerate(event.replies):
            yield from self._find_person(f"reply[{number}].to" if several else "reply.to", reply.to)
        yield from self._find_people((f"no_reply[{number}]", key) for number, key in enumerate(event.no_reply))
        if event == Expect():
            yield "type", "expects nothing"

    def _find_end(self, index: int, event: End) -> Iterator[_Finding]:
        if index != len(self.transcript.events) - 1:
            yield "type", "end must be the last line of its conversation"
        for number, row in enumerate(event.appointments or ()):
            at = f"appointments[{number}]"
            yield from self._find_person(f"{at}.customer", row.customer)
            yield from _find_in_world(self.world, at, row.service, row.staff)
            fault = find_local_fault(row.starts_at, self.world.business.timezone)
            if fault:
                yield f"{at}.starts_at", fault
        for number, handoff in enumerate(event.handoffs or ()):
            yield from self._find_person(f"handoffs[{number}].customer", handoff.customer)
            if handoff.human is not None:
                yield from self._find_person(f"handoffs[{number}].human", handoff.human)
        yield from self._find_people(
            (f"customers[{number}].person", row.person) for number, row in enumerate(event.customers or ())
        )


def _find_fault(event: Fault) -> Iterator[_Finding]:
    known = FAULT_KINDS[event.target]
    is_code = event.target is FaultTarget.TWILIO and re.fullmatch(r"[1236]\d{4}", event.kind)
    if event.kind not in known and not is_code:
        yield "kind", f"{event.target} cannot fail with {event.kind!r} (known: {', '.join(known)})"
    if (event.for_s is None) == (event.times is None):
        yield "for", "give one of for and times"


def _find_in_world(world: World, at: str, service: str, staff: str) -> Iterator[_Finding]:
    services = [row.name for business in world.organizations for row in business.services]
    names = [row.name for business in world.organizations for row in business.staff]
    keys = [row.key for business in world.organizations for row in business.staff]
    if service not in services:
        yield f"{at}.service", f"the world has no service {service!r} (known: {', '.join(services)})"
    if staff not in names and staff not in keys:
        yield f"{at}.staff", f"the world has no staff {staff!r} (known: {', '.join(names)})"
