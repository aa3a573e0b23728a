"""The structs of transcript format v1: one for each line of a file, and the conversation they make.

`docs/transcript-format.md` is the specification in words, `fixtures/schemas/transcript-v1.schema.json`
is generated from here. The loader, the driver, the importers and the scorers share these structs; what
a line means against its world is checked elsewhere.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from runtime.domain.enums import AppointmentStatus, HandoffEnd, HandoffState, InboxState, TaskKind
from sim.samples import Sample
from sim.worlds import LocalMoment, Name, Phone, World

VERSION = 1
"""The format version that this program reads and writes."""

LARGEST_FILE = 64 * 1024 * 1024
"""Nobody needs a larger one to find out what is too large."""

BUSINESS = "business"
"""`say.to` for the number of the world's first organization."""

CENTRAL = "central"
"""`say.to` for Parlo's own number."""

PARLO = "parlo"
"""`said.by` for an answer of the system; no person may be called this."""

Seconds = Annotated[float, msgspec.Meta(ge=0)]
PersonKey = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_]*$", description="a person's key of a-z, 0-9 and _")
]
Recipient = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(business|central|\+\d{8,15})$", description="business, central or a number such as +525512345678"
    ),
]


class PersonRole(StrEnum):
    """What somebody is to the business; a stranger is neither customer nor staff yet."""

    CUSTOMER = "customer"
    OWNER = "owner"
    ADMIN = "admin"
    STAFF = "staff"
    VIEWER = "viewer"
    STRANGER = "stranger"


class Route(StrEnum):
    """Who answers a message: the cases of the routing table, and a defined answer for the rest."""

    ONBOARDING = "1"
    ONBOARDING_RESUMED = "1b"
    MANAGEMENT_CENTRAL = "2a"
    SEVERAL_BUSINESSES = "2b"
    STAFF_ONBOARDING = "3"
    MANAGEMENT = "4"
    HUMAN_IN_HANDOFF = "4h"
    CUSTOMER = "5"
    CUSTOMER_IN_HANDOFF = "5h"
    UNKNOWN_NUMBER = "x-unknown-number"
    SUSPENDED = "x-suspended"
    OPTED_OUT = "x-opted-out"
    UNSUPPORTED = "x-unsupported"


class Window(StrEnum):
    """Whether somebody has written to the businesses within the last 24 hours when the conversation begins."""

    OPEN = "open"
    CLOSED = "closed"


class CallbackStatus(StrEnum):
    """What the provider reports about a message it took."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    UNDELIVERED = "undelivered"
    FAILED = "failed"


class FaultTarget(StrEnum):
    """What is made to fail."""

    MODEL = "model"
    TWILIO = "twilio"
    DATABASE = "database"


class HandoffExpectation(StrEnum):
    """The handoff of a conversation at a point: one of its states, or none at all."""

    NONE = "none"
    WAITING = "waiting"
    OFFERED = "offered"
    ACTIVE = "active"
    ENDED = "ended"


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """Base of the lines of a file."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of what stands inside a line."""


class Person(_Part, frozen=True):
    """Somebody in the conversation.

    Staff of the world need no phone: their key here is their key there. Everybody else has one. Where anybody's
    `window` is named, the provider keeps to the 24 hours, and everybody else's is open.
    """

    role: PersonRole
    name: Name | None = None
    phone: Phone | None = None
    window: Window | None = None


class Header(_Line, frozen=True, tag="transcript", kw_only=True):
    """The first line of a conversation. `world` is a file in `fixtures/worlds` or a world itself."""

    version: int
    id: Annotated[
        str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="an id of letters, digits, . _ and -")
    ]
    title: str = ""
    tags: tuple[str, ...] = ()
    lang: str = "es-MX"
    source: str = "parlo"
    now: Annotated[datetime, msgspec.Meta(tz=True)]
    world: Name | World
    people: Annotated[dict[PersonKey, Person], msgspec.Meta(min_length=1)]
    goal: str | None = None


class Media(_Part, frozen=True):
    """A file that came with a message. Without `url` the emulator invents one and keeps the file there.

    It holds a tiny sample of its type, or of what `content` says; `bytes` is its size; an `expired` one is gone
    when it is asked for. `says` is what is spoken in a recording or to be seen in a picture; the offline model
    hears and sees that, and nothing else.
    """

    content_type: Name
    url: str | None = None
    content: Sample | None = None
    size: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_FILE)] | None = msgspec.field(default=None, name="bytes")
    expired: bool = False
    says: Name | None = None


class SharedLocation(_Part, frozen=True):
    """A place somebody sent."""

    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    label: str | None = None
    address: str | None = None


class SharedContact(_Part, frozen=True):
    """A contact card somebody sent."""

    name: Name
    phone: str | None = None


class Button(_Part, frozen=True):
    """A tap on a button of ours. Without `payload` it is the one last shown to this person under that `text`."""

    text: str
    payload: str | None = None


class ListChoice(_Part, frozen=True):
    """A choice from a list of ours."""

    id: str
    title: str


class Say(_Line, frozen=True, tag="say", kw_only=True):
    """Somebody writes to one of our numbers.

    `at` is seconds since `now`; `gap` is seconds after the previous event without waiting for rest;
    with neither it happens 5 s after the system has come to rest. `quote` answers the latest message
    the person was sent that holds these words. `sid` repeats or fixes the provider's message id,
    `fields` adds or overrides raw form fields (null leaves one out), `tamper` sends an altered
    signature and `unsigned` none.
    """

    by: PersonKey
    to: Recipient = BUSINESS
    text: str = ""
    at: Seconds | None = None
    gap: Seconds | None = None
    media: tuple[Media, ...] = ()
    location: SharedLocation | None = None
    contact: SharedContact | None = None
    button: Button | None = None
    list_choice: ListChoice | None = msgspec.field(default=None, name="list")
    quote: Name | None = None
    profile_name: str | None = None
    sid: Name | None = None
    fields: dict[str, str | None] = {}
    tamper: bool = False
    unsigned: bool = False


class Said(_Line, frozen=True, tag="said", kw_only=True):
    """A recorded answer, by "parlo" or a person. History for a forced replay, never sent, never scored."""

    by: PersonKey
    to: PersonKey | None = None
    text: str = ""
    at: Seconds | None = None


class RecordedTool(_Line, frozen=True, tag="tool", kw_only=True):
    """A recorded tool call. Its name and arguments are the source's own and may be none of ours."""

    name: Name
    arguments: dict[str, object] = {}
    outcome: str | None = None
    result: object = None
    at: Seconds | None = None


class ClockEvent(_Line, frozen=True, tag="clock", kw_only=True):
    """Virtual time passes: until `at` seconds since `now`, or for so many seconds."""

    at: Seconds | None = None
    for_s: Seconds | None = msgspec.field(default=None, name="for")


class Callback(_Line, frozen=True, tag="callback", kw_only=True):
    """The provider reports on the latest message that was sent to a person."""

    to: PersonKey
    status: CallbackStatus
    error_code: int | None = None
    gap: Seconds | None = None


class Fault(_Line, frozen=True, tag="fault", kw_only=True):
    """Something fails from here on: `for` seconds of virtual time, or the next `times` attempts."""

    target: FaultTarget
    kind: Name
    for_s: Seconds | None = msgspec.field(default=None, name="for")
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None


class ToolExpectation(_Part, frozen=True):
    """A tool call. What is not given is not checked; `arguments` may name only some of them."""

    name: Name
    ok: bool | None = None
    code: str | None = None
    arguments: dict[str, object] | None = None


class ReplyExpectation(_Part, frozen=True):
    """At least one message reached this person; the fragments are looked for in all of them together.

    `media` is the type of a file that must have come with one of them, or the part before its slash.
    """

    to: PersonKey
    contains: tuple[str, ...] = ()
    contains_any: tuple[str, ...] = ()
    not_contains: tuple[str, ...] = ()
    media: Name | None = None


class Expect(_Line, frozen=True, tag="expect", kw_only=True):
    """What must hold about everything that was done since the system last rested.

    `tools` is the exact list in order (empty: none was called), `tools_any_order` the same without
    order. `handoff` is that of the conversation of the person who wrote last. `http` is the answer
    of the webhook to the last message.
    """

    route: Route | None = None
    tools: tuple[ToolExpectation, ...] | None = None
    tools_any_order: tuple[ToolExpectation, ...] | None = None
    reply: ReplyExpectation | tuple[ReplyExpectation, ...] | None = None
    no_reply: tuple[PersonKey, ...] = ()
    handoff: HandoffExpectation | None = None
    http: int | None = None

    @property
    def replies(self) -> tuple[ReplyExpectation, ...]:
        """`reply` as a tuple, however it was written."""
        if self.reply is None:
            return ()
        return (self.reply,) if isinstance(self.reply, ReplyExpectation) else self.reply


class EndAppointment(_Part, frozen=True):
    """An appointment row. `customer` is a person here, `staff` a name or key there."""

    customer: PersonKey
    service: Name
    staff: Name
    starts_at: LocalMoment
    status: AppointmentStatus = AppointmentStatus.CONFIRMED


class EndHandoff(_Part, frozen=True):
    """A handoff row."""

    customer: PersonKey
    status: HandoffState
    human: PersonKey | None = None
    end_reason: HandoffEnd | None = None


class EndCustomer(_Part, frozen=True):
    """What the business calls a person; null means that it knows no name."""

    person: PersonKey
    name: str | None


class End(_Line, frozen=True, tag="end", kw_only=True):
    """What the database must hold at the end. What is not given is not checked.

    `appointments` are exactly those of the people of this conversation, in any order; `handoffs`
    in the order they were asked for; `tasks` their number or their kinds in any order; `inbox`
    counts the messages of this conversation by their final state.
    """

    appointments: tuple[EndAppointment, ...] | None = None
    handoffs: tuple[EndHandoff, ...] | None = None
    tasks: Annotated[int, msgspec.Meta(ge=0)] | tuple[TaskKind, ...] | None = None
    customers: tuple[EndCustomer, ...] | None = None
    inbox: dict[InboxState, int] | None = None


Event = Say | Said | RecordedTool | ClockEvent | Callback | Fault | Expect | End
Line = Header | Event

EVENT_KINDS: dict[str, type[Event]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (Say, Said, RecordedTool, ClockEvent, Callback, Fault, Expect, End)
}
"""The struct of each `type` that an event line may have."""


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded conversation, checked, with where it was read from.

    `event_lines` has the line number of each event; it and `file` play no part in the content hash.
    """

    header: Header
    events: tuple[Event, ...]
    world: World
    file: str = ""
    line: int = 0
    event_lines: tuple[int, ...] = ()

    @property
    def id(self) -> str:
        """The conversation's id, unique over all files loaded together."""
        return self.header.id

    @property
    def says(self) -> list[Say]:
        """The messages people write, in order."""
        return [event for event in self.events if isinstance(event, Say)]
