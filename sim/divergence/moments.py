"""One moment of a free replay: a line that is about to be said, what was recorded before it, what happened instead.

What was recorded is whatever a transcript has of it: `said`, `tool`, and what its `expect` lines ask for. What it does
not have is unknown, and a rule that needs it says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from sim.transcripts import (
    CUSTOMER_TOOLS,
    Event,
    Expect,
    Participant,
    PersonRole,
    RecordedTool,
    Route,
    Said,
    Say,
    Transcript,
)

CHANGES = frozenset({"book_appointment", "cancel_appointment", "reschedule_appointment", "handoff_to_human"})
"""The tools that leave something behind which later lines may be about."""

CUSTOMERS = frozenset({PersonRole.CUSTOMER, PersonRole.STRANGER})

Details = dict[str, str]


class Then(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded between the writer's line before and this one.

    Attributes:
        texts: What they were told, or what it had to hold.
        answered: They were told something.
        done: The changes that were made for them; None where that is not recorded.
        details: What is recorded of each change: `service`, `staff`, `when`.
        done_next: The changes that this line led to; empty where none is recorded.
        with_human: A person has this line, or has it not; None where that is not recorded.
    """

    texts: tuple[str, ...] = ()
    answered: bool = False
    done: frozenset[str] | None = None
    details: dict[str, Details] = {}
    done_next: frozenset[str] = frozenset()
    with_human: bool | None = None


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """What the system did in their place.

    Attributes:
        texts: What the writer was sent and could read.
        buttons: The titles under it.
        from_person: Some of it are another person's words.
        done: The changes that were made for them.
        with_human: Their conversation is with a person, or waits for one.
        humans_busy: Anybody's is.
    """

    texts: tuple[str, ...] = ()
    buttons: tuple[str, ...] = ()
    from_person: bool = False
    done: frozenset[str] = frozenset()
    details: dict[str, Details] = {}
    with_human: bool = False
    humans_busy: bool = False


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A line and everything it can be judged by.

    Attributes:
        waited: The writer had seen the system come to rest.
        first: They have not written before.
        things: Names of the business's services and staff.
    """

    line: Say
    person: Participant
    waited: bool = True
    first: bool = False
    things: tuple[str, ...] = ()
    then: Then = Then()
    now: Now = Now()

    @property
    def by_customer(self) -> bool:
        """Whether the writer is no member of staff."""
        return self.person.role in CUSTOMERS


def read_then(transcript: Transcript, index: int, customers: frozenset[str]) -> Then:
    """What the transcript says about the line at `index`."""
    events = transcript.events
    line = events[index]
    assert isinstance(line, Say)
    before = next((i for i in range(index - 1, -1, -1) if _is_say_by(events[i], line.by)), -1)
    window = events[before + 1 : index]
    after = list(_list_following(events, index, line.by))
    # what several customers caused together cannot be told apart
    alone = not any(isinstance(event, Say) and event.by in customers for event in window)
    known = any(isinstance(event, RecordedTool) and event.name in CUSTOMER_TOOLS for event in events)
    routes = [event.route for event in after if isinstance(event, Expect) and event.route is not None]
    texts = tuple(_list_texts(window, line.by))
    return Then(
        texts=texts,
        answered=bool(texts) or any(_answers(event, line.by) for event in window),
        done=_list_done(window, known=known) if alone else None,
        details=list_details(window) if alone else {},
        done_next=_list_done(after, known=known) or frozenset(),
        with_human=_read_route(routes),
    )


def _is_say_by(event: Event, person: str) -> bool:
    return isinstance(event, Say) and event.by == person


def _list_following(events: Sequence[Event], index: int, person: str) -> Iterable[Event]:
    """What belongs to a line and the rest of its burst, up to the next one."""
    for event in events[index + 1 :]:
        if not isinstance(event, Say):
            yield event
        elif event.by != person or event.gap is None:
            return


def _read_route(routes: Sequence[Route]) -> bool | None:
    if not routes:
        return None
    if routes[0] in (Route.CUSTOMER_IN_HANDOFF, Route.HUMAN_IN_HANDOFF):
        return True
    return False if routes[0] is Route.CUSTOMER else None


def _list_texts(window: Iterable[Event], person: str) -> Iterable[str]:
    for event in window:
        if isinstance(event, Said) and event.to in (person, None) and event.by != person and event.text:
            yield event.text
        elif isinstance(event, Expect):
            for reply in event.replies:
                if reply.to == person:
                    yield from (*reply.contains, *reply.contains_any)


def _answers(event: Event, person: str) -> bool:
    return isinstance(event, Expect) and any(reply.to == person for reply in event.replies)


def _list_done(window: Iterable[Event], *, known: bool) -> frozenset[str] | None:
    found: set[str] = set()
    for event in window:
        if isinstance(event, RecordedTool) and event.name in CHANGES:
            if event.outcome is None:
                return None
            found |= {event.name} if event.outcome == "ok" else set()
        tools = event.tools if isinstance(event, Expect) else None
        if isinstance(event, Expect) and tools is None:
            tools = event.tools_any_order
        for tool in tools or ():
            if tool.name in CHANGES:
                if tool.ok is None and tool.code is None:
                    return None
                found |= {tool.name} if tool.ok else set()
        known = known or tools is not None
    return frozenset(found) if known else None


def list_details(window: Iterable[Event]) -> dict[str, Details]:
    """What is recorded of each change that succeeded, by tool."""
    found: dict[str, Details] = {}
    for event in window:
        if isinstance(event, RecordedTool) and event.name in CHANGES and event.outcome == "ok":
            found[event.name] = describe_change(event.arguments, event.result)
        for tool in (event.tools or event.tools_any_order or ()) if isinstance(event, Expect) else ():
            if tool.name in CHANGES and tool.ok:
                found[tool.name] = describe_change(tool.arguments, None)
    return found


def describe_change(arguments: object, result: object) -> Details:
    """What a change was about, as its result names it, else its arguments; the customer's own words for a day are none.

    Only a result says which day "mañana" was.
    """
    told = result if isinstance(result, dict) else {}
    given = arguments if isinstance(arguments, dict) else {}
    found = {name: told.get(name) or given.get(name) for name in ("service", "staff")} | {"when": told.get("when")}
    return {name: value for name, value in found.items() if isinstance(value, str) and value}
