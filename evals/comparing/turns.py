"""A record cut into turns: each message somebody wrote, with everything Parlo did because of it.

`evals.comparing.alignment` sets the turns of two records side by side. In two replays of one transcript the people
write the same messages in the same order, whatever the answers, so the place of a message among them is what a turn
is known by. What was done for several messages at once belongs to the last of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from evals.reading import Reading, error_code
from evals.verdicts import Verdict
from sim.record import Event, EventKind, HandoffData, RouteData, SendData, ToolData

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Call(msgspec.Struct, frozen=True):
    """A tool call: its arguments as JSON, and what came of it: `ok`, or the code of the refusal."""

    name: str
    arguments: str
    outcome: str


class Reply(msgspec.Struct, frozen=True):
    """What Parlo sent to whom. Files are named by their types."""

    to: str
    text: str
    files: tuple[str, ...] = ()


class Fault(msgspec.Struct, frozen=True):
    """A verdict that was not met."""

    scorer: str
    reason: str


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One message and its consequences.

    Attributes:
        number: From 1; 0 is what happened before anybody wrote, or belongs to the whole conversation.
        by: Who wrote; nobody in turn 0.
        said: The words.
        handoffs: Each step of a handoff: its event and the state after it.
        faults: What scorers found wrong here.
    """

    number: int
    by: str = ""
    said: str = ""
    routes: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    replies: tuple[Reply, ...] = ()
    handoffs: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def content(self) -> tuple[object, ...]:
        """What Parlo did, for telling whether two did the same."""
        return self.routes, self.calls, self.replies, self.handoffs


def cut_turns(reading: Reading, verdicts: Sequence[Verdict]) -> list[Turn]:
    """The turns of a conversation, turn 0 first.

    Identifiers are replaced by the order in which they appear, since they differ from run to run and mean nothing.
    """
    events = reading.record.events
    places = _place(reading)
    names: dict[str, str] = {}
    drafts: dict[int, dict[str, list[object]]] = {}
    for index, event in enumerate(events):
        kept = _describe(event, names)
        if kept is not None:
            field, value = kept
            drafts.setdefault(places[index], {}).setdefault(field, []).append(value)
    for verdict in verdicts:
        if verdict.broken:
            number = places[verdict.event] if verdict.event is not None and verdict.event < len(events) else 0
            drafts.setdefault(number, {}).setdefault("faults", []).append(Fault(verdict.scorer, verdict.reason))
    said = {number: say for number, say in enumerate(reading.says, 1)}
    return [
        Turn(
            number=number,
            by=said[number].lane if number else "",
            said=said[number].text if number else "",
            **{field: tuple(values) for field, values in drafts.get(number, {}).items()},  # type: ignore[arg-type]
        )
        for number in range(len(said) + 1)
    ]


def _place(reading: Reading) -> list[int]:
    """For each event, the turn it belongs to: that of the messages it answers, else of the latest one before it."""
    number_of_sid: dict[str, int] = {}
    for number, say in enumerate(reading.says, 1):
        # a repeated sid belongs to its first delivery
        number_of_sid.setdefault(say.data.sid, number)
    number_of_turn: dict[str, int] = {}
    for route in reading.routes:
        if route.data.turn and route.data.sid in number_of_sid:
            known = number_of_turn.get(route.data.turn, 0)
            number_of_turn[route.data.turn] = max(known, number_of_sid[route.data.sid])
    places: list[int] = []
    latest = 0
    for event in reading.record.events:
        latest += event.kind is EventKind.SAY
        turn = str(event.data.get("turn", ""))
        places.append(number_of_turn.get(turn, latest))
    return places


def _describe(event: Event, names: dict[str, str]) -> tuple[str, object] | None:
    match event.kind:
        case EventKind.ROUTE:
            return "routes", event.read(RouteData).case
        case EventKind.TOOL:
            call = event.read(ToolData)
            arguments = msgspec.json.encode(call.arguments, order="sorted").decode()
            return "calls", Call(call.name, _rename(arguments, names), _judge(call))
        case EventKind.SEND:
            sent = event.read(SendData)
            return "replies", Reply(sent.to, " ".join((event.text or "").split()), tuple(sent.media))
        case EventKind.HANDOFF:
            step = event.read(HandoffData)
            return "handoffs", f"{step.event or 'changed'} → {step.status}"
    return None


def _judge(call: ToolData) -> str:
    return "ok" if call.ok else error_code(call) or "refused"


def _rename(text: str, names: dict[str, str]) -> str:
    return _ID.sub(lambda found: names.setdefault(found.group(), f"#{len(names) + 1}"), text)
