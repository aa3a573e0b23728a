"""The record of one replayed conversation: everything that happened, on one timeline.

The driver (`sim`) fills a `ConversationRecord`; `evals` scores it, stores it and draws it. Stored,
a record is a block of JSON lines: one `conversation` line, one line for each event, one `final`
line. A block without its `final` line was interrupted and is skipped by `decode_records`.
Nothing here runs a conversation, judges one, or reads a clock.

What an event's `data` holds is one struct for each kind (`SayData`, `RouteData`, …): write it
with `make_event`, read it with `Event.read`. Keys that the struct does not know are kept and ignored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import ClassVar, TypeVar

import msgspec


class EventKind(StrEnum):
    """What happened."""

    SAY = "say"
    ACCEPTED = "accepted"
    ROUTE = "route"
    MODEL = "model"
    TOOL = "tool"
    SEND = "send"
    STATUS = "status"
    HANDOFF = "handoff"
    TASK = "task"
    CLOCK = "clock"
    FAULT = "fault"
    ERROR = "error"
    EXPECT = "expect"


class EventData(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of what an event of one kind carries."""

    kind: ClassVar[EventKind]


class SayData(EventData, frozen=True, omit_defaults=True):
    """Somebody wrote. `to` is a number or "business"/"central"; `sid` is the provider's message id."""

    kind: ClassVar[EventKind] = EventKind.SAY
    sid: str
    to: str = "business"
    media: list[dict[str, object]] = []
    location: dict[str, object] | None = None
    contact: object = None
    button: dict[str, object] | None = None
    list_reply: dict[str, object] | None = msgspec.field(default=None, name="list")
    tamper: bool = False


class AcceptedData(EventData, frozen=True, omit_defaults=True):
    """The webhook answered. `new` is False where the sid was known already."""

    kind: ClassVar[EventKind] = EventKind.ACCEPTED
    sid: str
    status: int
    new: bool = True


class RouteData(EventData, frozen=True, omit_defaults=True):
    """One inbound message got its route: one such event for each stored message."""

    kind: ClassVar[EventKind] = EventKind.ROUTE
    sid: str
    case: str
    reason: str = ""
    turn: str = ""


class ModelData(EventData, frozen=True, omit_defaults=True):
    """The model was asked. `cached_tokens` are those of the input that cost less; `model` is who answered."""

    kind: ClassVar[EventKind] = EventKind.MODEL
    purpose: str
    input_tokens: int = 0
    output_tokens: int = 0
    finish: str = ""
    turn: str = ""
    cached_tokens: int = 0
    model: str = ""


class ToolData(EventData, frozen=True, omit_defaults=True):
    """A tool was called. `arguments` is what the model gave (text where it is not JSON)."""

    kind: ClassVar[EventKind] = EventKind.TOOL
    name: str
    arguments: object = None
    result: object = None
    ok: bool = True
    turn: str = ""
    customer: str = ""


class SendOrigin(StrEnum):
    """Why a message was sent: the outbox row's own kind, or unknown."""

    UNKNOWN = ""
    REPLY = "reply"
    RELAY = "relay"
    ALERT = "alert"
    NOTICE = "notice"
    APOLOGY = "apology"


class SendData(EventData, frozen=True, omit_defaults=True):
    """Parlo sent a message. `to` is a key of `people`, or a raw number where nobody is known by it.

    A `relay` holds another person's words: their language and format are not judged. `media` are the types of
    the files that came with it and could be delivered.
    """

    kind: ClassVar[EventKind] = EventKind.SEND
    to: str
    outbox: str = ""
    turn: str = ""
    origin: SendOrigin = SendOrigin.UNKNOWN
    media: list[str] = []


class StatusData(EventData, frozen=True, omit_defaults=True):
    """The provider reported on a sent message, in its own word (queued, sent, delivered, read, failed…)."""

    kind: ClassVar[EventKind] = EventKind.STATUS
    outbox: str
    status: str
    error_code: int | None = None


class HandoffData(EventData, frozen=True, omit_defaults=True):
    """A handoff changed. `customer` and `human` are keys of `people`; `event` names the step that was taken."""

    kind: ClassVar[EventKind] = EventKind.HANDOFF
    status: str
    event: str = ""
    customer: str = ""
    human: str = ""
    reason: str = ""


class TaskData(EventData, frozen=True, omit_defaults=True, rename={"task": "kind"}):
    """Something was put on a person's list."""

    kind: ClassVar[EventKind] = EventKind.TASK
    task: str


class ClockData(EventData, frozen=True, omit_defaults=True):
    """Virtual time was let pass."""

    kind: ClassVar[EventKind] = EventKind.CLOCK
    for_s: float = 0.0


class FaultData(EventData, frozen=True, omit_defaults=True):
    """A fault was switched on (or ended)."""

    kind: ClassVar[EventKind] = EventKind.FAULT
    target: str
    fault: str = ""


class ErrorData(EventData, frozen=True, omit_defaults=True):
    """Something raised while the conversation ran; `text` of the event is the message."""

    kind: ClassVar[EventKind] = EventKind.ERROR
    where: str = ""


class ExpectData(EventData, frozen=True, omit_defaults=True):
    """A verdict the driver itself could give while it ran."""

    kind: ClassVar[EventKind] = EventKind.EXPECT
    what: str
    ok: bool
    reason: str = ""


D = TypeVar("D", bound=EventData)


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that happened, `t` virtual seconds after the start, on somebody's lane.

    `lane` is a key of the record's `people`, or "parlo", "twilio", "clock".
    """

    t: float
    lane: str
    kind: EventKind
    text: str | None = None
    data: dict[str, object] = {}

    def read(self, kind: type[D]) -> D:
        """The data as this kind's struct.

        Raises:
            msgspec.ValidationError: The data does not fit.
        """
        return msgspec.convert(self.data, kind)


def make_event(t: float, lane: str, data: EventData, text: str | None = None) -> Event:
    """An event from its typed data; `t` is rounded to the microsecond."""
    return Event(t=round(t, 6), lane=lane, kind=data.kind, text=text, data=msgspec.to_builtins(data))


class Person(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody in the conversation. `role` is customer, owner, admin, staff, viewer or stranger."""

    role: str
    name: str = ""


class FinalAppointment(msgspec.Struct, frozen=True):
    """An appointment row at the end. `customer` is a key of `people`; `starts_at_local` has no zone."""

    customer: str
    service: str
    staff: str
    starts_at_local: str = msgspec.field(name="starts_at")
    status: str = "confirmed"


class FinalHandoff(msgspec.Struct, frozen=True):
    """A handoff row at the end. `customer` and `human` are keys of `people`."""

    customer: str
    human: str = ""
    status: str = ""
    end_reason: str = ""


class FinalTask(msgspec.Struct, frozen=True):
    """A task row at the end."""

    kind: str
    about: str = ""


class FinalCustomer(msgspec.Struct, frozen=True):
    """A customer row at the end. `person` is a key of `people`."""

    person: str
    name: str = ""


class FinalMessage(msgspec.Struct, frozen=True):
    """An inbox row at the end."""

    sid: str
    state: str
    case: str = ""


class FinalRows(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the database held at the end, rows of this world only, in a stable order.

    `inbox` counts rows by state. `messages` is the same rows one by one.
    """

    appointments: list[FinalAppointment] = []
    handoffs: list[FinalHandoff] = []
    tasks: list[FinalTask] = []
    customers: list[FinalCustomer] = []
    inbox: dict[str, int] = {}
    messages: list[FinalMessage] = []


class Expectation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One `expect` or `end` line of the transcript, tied to the events it is about.

    The events are `events[first:stop]`: from the first thing that was done to the system since it
    last rested (a say, a burst of them, a clock, a callback) to the rest that followed. Several
    `expect` lines in a row share the same window; an `end` line has the whole record. `spec` is
    the line's own content.
    """

    kind: str
    spec: dict[str, object]
    first: int
    stop: int


class Divergence(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Where a recorded line stopped fitting what the system had just done; see `sim.divergence`.

    Attributes:
        turn: The line's place among all that people wrote, from 1.
        t: Its moment. What happened from then on is off-policy.
        person: Who says it, a key of `people`.
        rule: The rule that found it.
        reason: Why it does not fit, in one sentence.
        evidence: What was recorded and what was done instead.
        went_on: How the replay went on: `stop`, `recorded` or `simulated`.
    """

    turn: int
    t: float
    person: str
    rule: str
    reason: str
    evidence: str = ""
    went_on: str = ""


class ConversationRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One replayed conversation.

    `failure` is set where the harness itself broke (an exception in the driver, no database):
    such a record is counted, never scored. `wall_s` is real time and the only field that differs
    between two runs of one seed. `file` names where the transcript came from, for grouping. `prices` are those of
    the world's services, in cents, and `durations` theirs, in minutes; `clock_times` (`HH:MM`) are when its
    businesses and their people begin and end, and when people of the conversation have appointments before it.
    `customer_fault` is set where a simulated customer did not keep to what they want: such a record is counted,
    never scored. `trial` counts the replays of one conversation within a run, from 0.
    """

    id: str
    title: str = ""
    tags: list[str] = []
    mode: str = "free"
    lang: str = "es-MX"
    source: str = ""
    file: str = ""
    started_at: str = ""
    people: dict[str, Person] = {}
    prices: list[int] = []
    clock_times: list[str] = []
    durations: list[int] = []
    events: list[Event] = []
    final: FinalRows = FinalRows()
    expectations: list[Expectation] = []
    wall_s: float = 0.0
    model: str = "offline"
    seed: int = 0
    failure: str | None = None
    diverged_at: Divergence | None = None
    customer_fault: str | None = None
    trial: int = 0

    def is_off_policy(self, event: Event) -> bool:
        """Whether this happened after the people's recorded lines had stopped fitting."""
        return self.diverged_at is not None and event.t >= self.diverged_at.t

    @property
    def key(self) -> str:
        """What it is known by within a run: its id, and from the second trial on `#` and the trial."""
        return name_trial(self.id, self.trial)


def name_trial(conversation: str, trial: int) -> str:
    """The key of one trial of a conversation; ids have no `#` in them."""
    return f"{conversation}#{trial}" if trial else conversation


class _Opening(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="conversation", kw_only=True):
    id: str
    title: str = ""
    tags: list[str] = []
    mode: str = "free"
    lang: str = "es-MX"
    source: str = ""
    file: str = ""
    started_at: str = ""
    people: dict[str, Person] = {}
    prices: list[int] = []
    clock_times: list[str] = []
    durations: list[int] = []
    model: str = "offline"
    seed: int = 0
    trial: int = 0


class _EventLine(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="event", kw_only=True):
    conversation: str
    t: float
    lane: str
    kind: EventKind
    text: str | None = None
    data: dict[str, object] = {}


class _Closing(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="final", kw_only=True):
    conversation: str
    final: FinalRows = FinalRows()
    expectations: list[Expectation] = []
    wall_s: float = 0.0
    failure: str | None = None
    diverged_at: Divergence | None = None
    customer_fault: str | None = None


_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER: msgspec.json.Decoder[_Opening | _EventLine | _Closing] = msgspec.json.Decoder(
    _Opening | _EventLine | _Closing
)


def encode_record(record: ConversationRecord) -> bytes:
    """The record as a block of JSON lines; equal records give equal bytes."""
    lines: list[_Opening | _EventLine | _Closing] = [
        _Opening(**{name: getattr(record, name) for name in _Opening.__struct_fields__})
    ]
    lines += [
        _EventLine(conversation=record.id, t=e.t, lane=e.lane, kind=e.kind, text=e.text, data=e.data)
        for e in record.events
    ]
    lines.append(
        _Closing(
            conversation=record.id,
            final=record.final,
            expectations=record.expectations,
            wall_s=record.wall_s,
            failure=record.failure,
            diverged_at=record.diverged_at,
            customer_fault=record.customer_fault,
        )
    )
    return _ENCODER.encode_lines(lines)


def decode_records(lines: Iterable[bytes]) -> Iterator[ConversationRecord]:
    """Records from JSON lines, in the order they were finished.

    A block that was cut off, and a line torn by a kill, are skipped: what an interrupted run had
    finished can always be read.
    """
    opening: _Opening | None = None
    events: list[Event] = []
    for raw in lines:
        line = _decode_line(raw)
        match line:
            case _Opening():
                opening, events = line, []
            case _EventLine() if opening is not None and line.conversation == opening.id:
                events.append(Event(t=line.t, lane=line.lane, kind=line.kind, text=line.text, data=line.data))
            case _Closing() if opening is not None and line.conversation == opening.id:
                yield _assemble(opening, events, line)
                opening = None
            case _:
                opening = None


class LineHead(msgspec.Struct, frozen=True):
    """A stored line's type and the conversation it belongs to; only a conversation's first line has the trial."""

    type: str = ""
    id: str = ""
    conversation: str = ""
    trial: int = 0


_HEADS = msgspec.json.Decoder(LineHead)


def read_line_head(raw: bytes) -> LineHead:
    """What a stored line is; nothing of what cannot be read."""
    try:
        return _HEADS.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return LineHead()


def _decode_line(raw: bytes) -> _Opening | _EventLine | _Closing | None:
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _assemble(opening: _Opening, events: list[Event], closing: _Closing) -> ConversationRecord:
    head = {name: getattr(opening, name) for name in _Opening.__struct_fields__}
    return ConversationRecord(
        **head,
        events=events,
        final=closing.final,
        expectations=closing.expectations,
        wall_s=closing.wall_s,
        failure=closing.failure,
        diverged_at=closing.diverged_at,
        customer_fault=closing.customer_fault,
    )


def fingerprint(record: ConversationRecord) -> str:
    """SHA-256 of everything but real time: equal for two replays of one seed."""
    return hashlib.sha256(encode_record(msgspec.structs.replace(record, wall_s=0.0))).hexdigest()
