"""A record as the rows of a timeline: who said what to whom on which lane, and what happened between.

The template draws what it finds here; nothing is decided in the template.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from evals.reading import CUSTOMER_ROLES, Placed, Reading, error_code
from evals.report.text import ShownText, shorten, show_json, show_text
from evals.verdicts import Verdict
from sim.record import (
    ClockData,
    ConversationRecord,
    Event,
    EventKind,
    FaultData,
    HandoffData,
    ModelData,
    RouteData,
    SayData,
    SendData,
    SendOrigin,
    StatusData,
    TaskData,
    ToolData,
)

PARLO = "parlo"
GAP_S = 300.0
WENT_ON = {
    "stop": "the replay ended here",
    "recorded": "from here on recorded words answer what was not said",
    "simulated": "from here on the customer is simulated",
}
USUAL_FINISHES = frozenset({"", "stop", "tool_calls"})
_CUSTOMER_COLOURS = ("c0", "c1", "c2", "c3")


class Lane(msgspec.Struct, frozen=True):
    """A column. `colour` is a class of the style sheet."""

    key: str
    name: str
    role: str
    colour: str


class Step(msgspec.Struct, frozen=True):
    """A line of Parlo's work between two messages: a model call or a tool call that can be unfolded."""

    kind: str
    title: str
    detail: str = ""
    outcome: str = ""
    ok: bool = True
    arguments: object = None
    result: object = None
    anchor: int | None = None


class Mark(msgspec.Struct, frozen=True):
    """A verdict beside the event it is about. Met ones are shown by name only."""

    scorer: str
    reason: str
    met: bool


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the timeline. `source` and `target` are lane numbers; `kind` is say, send, work, band or gap."""

    kind: str
    time: str = ""
    source: int = 0
    target: int | None = None
    to: str = ""
    text: ShownText | None = None
    attachments: list[str] = []
    route: str = ""
    route_reason: str = ""
    notes: list[str] = []
    history: str = ""
    delivery_ok: bool = True
    origin: str = ""
    steps: list[Step] = []
    tone: str = ""
    label: str = ""
    held: bool = False
    marks: list[Mark] = []
    anchors: list[int] = []


def list_lanes(reading: Reading) -> list[Lane]:
    """Customers, Parlo, the business's people: the order of a conversation that is handed over."""
    people = reading.record.people
    customers = [key for key, person in people.items() if person.role in CUSTOMER_ROLES]
    staff = [key for key in people if key not in customers]
    lanes = [
        Lane(key, reading.name_of(key), people[key].role, _CUSTOMER_COLOURS[i % len(_CUSTOMER_COLOURS)])
        for i, key in enumerate(customers)
    ]
    lanes.append(Lane(PARLO, "Parlo", "receptionist", "pa"))
    lanes += [
        Lane(key, reading.name_of(key), people[key].role, "ow" if people[key].role == "owner" else "st")
        for key in staff
    ]
    return lanes


class Diverged(msgspec.Struct, frozen=True):
    """The moment from which people's recorded words no longer fit, and what is said about it."""

    t: float
    label: str


def find_divergence(record: ConversationRecord) -> Diverged | None:
    """Where a replay left its recording; None where it did not, or where nobody looked."""
    found = record.diverged_at
    if found is None:
        return None
    went_on = WENT_ON.get(found.went_on, "")
    told = ". ".join(shorten(part, 200) for part in (found.reason, found.evidence) if part)
    return Diverged(found.t, f"Diverged, {found.rule}: {told}" + (f" – {went_on}" if went_on else ""))


def show_time(t: float) -> str:
    """Seconds as "0:05", "32:10" or "1:02:10"; days in front where there are any."""
    seconds = int(t)
    days, seconds = divmod(seconds, 86400)
    hours, rest = divmod(seconds, 3600)
    clock = f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours or days else f"{rest // 60}:{rest % 60:02d}"
    return f"{days} d {clock}" if days else clock


def show_gap(seconds: float) -> str:
    """A stretch of virtual time in words: "32 min later"."""
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min later"
    hours = round(seconds / 3600)
    return f"{hours} h later" if hours < 48 else f"{round(seconds / 86400)} days later"


class Timeline:
    """Builds the rows of one record."""

    def __init__(self, reading: Reading, verdicts: Sequence[Verdict]) -> None:
        self.reading = reading
        self.lanes = list_lanes(reading)
        self.diverged = find_divergence(reading.record)
        self._held: set[str] = set()
        self._shown_until = 0.0
        self._number = {lane.key: i for i, lane in enumerate(self.lanes)}
        self._parlo = self._number[PARLO]
        self._routes: dict[str, list[Placed[RouteData]]] = {}
        for route in reading.routes:
            self._routes.setdefault(route.data.sid, []).append(route)
        self._statuses: dict[str, list[tuple[float, StatusData]]] = {}
        self._marks: dict[int, list[Mark]] = {}
        for verdict in verdicts:
            if verdict.event is not None and verdict.value is not None:
                self._marks.setdefault(verdict.event, []).append(Mark(verdict.scorer, verdict.reason, verdict.met))
        for event in reading.record.events:
            if event.kind is EventKind.STATUS:
                status = event.read(StatusData)
                self._statuses.setdefault(status.outbox, []).append((event.t, status))

    def rows(self) -> Iterator[Row]:
        """The timeline, top to bottom, once; long silences and handoffs are rows of their own."""
        events = list(enumerate(self.reading.record.events))
        diverged = self.diverged
        if diverged is None:
            yield from self._draw(events)
            return
        cut = next((place for place, event in events if event.t >= diverged.t), len(events))
        yield from self._draw(events[:cut])
        yield Row(kind="band", time=show_time(diverged.t), label=diverged.label, tone="diverged", held=bool(self._held))
        yield from self._draw(events[cut:])

    def _draw(self, events: Sequence[tuple[int, Event]]) -> Iterator[Row]:
        work: list[tuple[int, Event]] = []
        for index, event in events:
            if event.kind in (EventKind.MODEL, EventKind.TOOL):
                work.append((index, event))
                continue
            row = self._row(index, event)
            if row is None:
                continue
            if work:
                yield self._work_row(work, bool(self._held))
                work = []
            if event.kind is EventKind.CLOCK:
                self._shown_until = event.t + event.read(ClockData).for_s
            elif event.t - self._shown_until >= GAP_S:
                yield Row(kind="gap", label=show_gap(event.t - self._shown_until), held=bool(self._held))
            self._shown_until = max(self._shown_until, event.t)
            if event.kind is EventKind.HANDOFF:
                change = event.read(HandoffData)
                (self._held.add if change.status == "active" else self._held.discard)(change.customer)
            yield msgspec.structs.replace(row, held=bool(self._held))
        if work:
            yield self._work_row(work, bool(self._held))

    def _row(self, index: int, event: Event) -> Row | None:
        match event.kind:
            case EventKind.SAY:
                return self._say_row(index, event)
            case EventKind.SEND:
                return self._send_row(index, event)
            case EventKind.HANDOFF:
                return self._band(index, event, self._tell_handoff(event.read(HandoffData)), "handoff")
            case EventKind.TASK:
                return self._band(index, event, f"Task for a person: {event.read(TaskData).task}", "task")
            case EventKind.FAULT:
                fault = event.read(FaultData)
                return self._band(index, event, f"Fault: {fault.target} {fault.fault}".strip(), "fault")
            case EventKind.ERROR:
                return self._band(index, event, f"Error: {event.text or 'no message'}", "error")
            case EventKind.CLOCK:
                return self._clock_row(index, event)
            case _:
                return None

    def _clock_row(self, index: int, event: Event) -> Row | None:
        seconds = event.read(ClockData).for_s
        label = f"The clock goes on {seconds / 60:g} min" if seconds else "The clock goes on"
        return self._band(index, event, label, "clock")

    def _say_row(self, index: int, event: Event) -> Row:
        say = event.read(SayData)
        routes = self._routes.get(say.sid, [])
        first = not any(s.data.sid == say.sid and s.index < index for s in self.reading.says)
        notes = [] if first else ["same sid again"]
        answers = [a for a in self.reading.answers if a.data.sid == say.sid and a.index > index]
        if answers and answers[0].data.status != 200:
            notes.append(f"HTTP {answers[0].data.status}")
        if say.tamper:
            notes.append("altered signature")
        if say.to != "business":
            notes.append(f"to {say.to}")
        indexes = [index, *(r.index for r in routes if first), *(a.index for a in answers[:1])]
        return Row(
            kind="say",
            time=show_time(event.t),
            source=self._number.get(event.lane, 0),
            target=self._parlo,
            text=show_text(event.text) if event.text else None,
            attachments=_list_attachments(say),
            route=" + ".join(r.data.case for r in routes) if first else "",
            route_reason=routes[0].data.reason if routes and first else "",
            notes=notes,
            marks=self._marks_of(indexes),
            anchors=self._anchors(indexes),
        )

    def _send_row(self, index: int, event: Event) -> Row:
        send = event.read(SendData)
        history = self._statuses.get(send.outbox, []) if send.outbox else []
        names = [f"{s.status} {s.error_code}" if s.error_code else s.status for _, s in history]
        return Row(
            kind="send",
            time=show_time(event.t),
            source=self._parlo,
            target=self._number.get(send.to),
            to=self.reading.name_of(send.to),
            text=show_text(event.text or ""),
            history=" → ".join(names),
            attachments=[shorten(f"media · {content_type}", 160) for content_type in send.media],
            delivery_ok=not any(s.status in ("failed", "undelivered") for _, s in history),
            origin="" if send.origin in (SendOrigin.UNKNOWN, SendOrigin.REPLY) else str(send.origin),
            marks=self._marks_of([index]),
            anchors=self._anchors([index]),
        )

    def _work_row(self, work: Sequence[tuple[int, Event]], held: bool) -> Row:
        indexes = [index for index, _ in work]
        return Row(
            kind="work",
            time=show_time(work[0][1].t),
            source=self._parlo,
            steps=[self._step(index, event) for index, event in work],
            held=held,
            marks=self._marks_of(indexes),
            anchors=self._anchors(indexes),
        )

    def _step(self, index: int, event: Event) -> Step:
        if event.kind is EventKind.MODEL:
            model = event.read(ModelData)
            tokens = f"{model.input_tokens:,} → {model.output_tokens:,} tokens" if model.input_tokens else ""
            unusual = "" if model.finish in USUAL_FINISHES else model.finish
            return Step(kind="model", title=model.purpose, detail=tokens, outcome=unusual)
        tool = event.read(ToolData)
        return Step(
            kind="tool",
            title=tool.name,
            detail=_tell_arguments(tool.arguments),
            outcome=_tell_result(tool),
            ok=tool.ok,
            arguments=show_json(tool.arguments),
            result=show_json(tool.result),
        )

    def _band(self, index: int, event: Event, label: str, tone: str) -> Row:
        return Row(
            kind="band",
            time=show_time(event.t),
            label=label,
            tone=tone,
            marks=self._marks_of([index]),
            anchors=self._anchors([index]),
        )

    def _tell_handoff(self, change: HandoffData) -> str:
        customer, human = self.reading.name_of(change.customer) or "somebody", self.reading.name_of(change.human)
        words = {
            "waiting": f"Handoff: {customer} waits for {human or 'a person'}",
            "offered": f"Handoff: {human or 'a person'} is asked to take {customer}",
            "active": f"Handoff: {customer} talks with {human or 'a person'}; Parlo passes messages on",
            "ended": f"Handoff ended: {customer} is back with Parlo",
        }
        label = words.get(change.status, f"Handoff: {change.status}")
        return f"{label} ({shorten(change.reason, 120)})" if change.reason else label

    def _marks_of(self, indexes: Sequence[int]) -> list[Mark]:
        found = [mark for index in indexes for mark in self._marks.get(index, [])]
        return sorted(found, key=lambda mark: mark.met)

    def _anchors(self, indexes: Sequence[int]) -> list[int]:
        return [index for index in indexes if index in self._marks]


def _list_attachments(say: SayData) -> list[str]:
    found = [f"media · {media.get('content_type', 'unknown type')}" for media in say.media]
    if say.location is not None:
        parts = (say.location.get(k) for k in ("label", "address", "latitude", "longitude"))
        found.append("location · " + ", ".join(str(p) for p in parts if p not in (None, "")))
    if say.contact is not None:
        found.append("contact · " + shorten(str(say.contact), 80))
    if say.button is not None:
        found.append(f"button · {say.button.get('text') or say.button.get('payload', '')}")
    if say.list_reply is not None:
        found.append(f"list · {say.list_reply.get('title') or say.list_reply.get('id', '')}")
    return [shorten(text, 160) for text in found]


def _tell_arguments(arguments: object) -> str:
    if isinstance(arguments, dict):
        return shorten(", ".join(f"{k}: {v}" for k, v in arguments.items() if v is not None), 110)
    return shorten(str(arguments or ""), 110)


def _tell_result(tool: ToolData) -> str:
    code = error_code(tool)
    if code is not None:
        return code
    if isinstance(tool.result, dict) and isinstance(tool.result.get("status"), str):
        return str(tool.result["status"])
    return "ok" if tool.ok else "refused"
