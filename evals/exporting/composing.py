"""A conversation's rows as a transcript: who wrote what when, what was answered, which tools were called.

Whatever a person wrote is `say`, with the moment it came in; within a burst, with its gap. What Parlo sent the customer
is `said`, its calls are `tool`. Quotes are left out, since what they quote is said anew in a replay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from evals.exporting.worlds import WorldMaker, is_phone
from evals.redaction import Redactor
from runtime.domain.enums import OrganizationStatus
from runtime.domain.whatsapp import InboundMessage, MessageKind, parse_inbound
from runtime.store.exports import FoundConversation, InboundRow, SentRow, TimelineRows, ToolRow
from sim.transcripts import (
    PARLO,
    VERSION,
    Button,
    Event,
    Header,
    ListChoice,
    Media,
    Person,
    PersonRole,
    RecordedTool,
    Said,
    Say,
    SharedLocation,
    Transcript,
)

CUSTOMER = "cliente"
TAG = "from-production"
BURST_S = 30.0
"""Messages of one turn that are further apart are no burst."""

_ROW_ID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def compose_transcript(
    identity: str, found: FoundConversation, rows: TimelineRows, maker: WorldMaker, redactor: Redactor
) -> Transcript:
    """The conversation, redacted; `rows.inbound` holds at least one message."""
    begins = rows.inbound[0].at.replace(microsecond=0)
    routes = sorted({row.route for row in rows.inbound if row.route and row.staff_id is None})
    status = OrganizationStatus.SUSPENDED if routes == ["x-suspended"] else OrganizationStatus.ACTIVE
    world = maker.make(found.channel, found.person_id, begins, status)
    events = _Composer(begins, maker, redactor).compose(rows)
    customer = next((row for row in maker.rows.customers if row.person_id == found.person_id), None)
    name = redactor.redact_name(customer.name) if customer and customer.name else None
    spelled = found.their_address.removeprefix("whatsapp:")
    phone = redactor.redact_address(spelled if is_phone(spelled) else found.their_key)
    speaking = sorted({event.by for event in events if isinstance(event, Say)} - {CUSTOMER})
    people = {CUSTOMER: Person(PersonRole.CUSTOMER, name, phone)}
    people |= {key: Person(PersonRole(maker.roles[key])) for key in speaking}
    tags = [TAG, *(f"route-{route}" for route in routes), *(["handoff"] if rows.handoffs else [])]
    header = Header(
        version=VERSION,
        id=identity,
        tags=tuple(tags),
        now=begins.astimezone(maker.zone),
        source="production",
        world=world,
        people=people,
    )
    return Transcript(header=header, events=tuple(events), world=world)


def list_texts(rows: TimelineRows) -> Iterator[str]:
    """Every text of a conversation that may be written."""
    for row in rows.inbound:
        yield from row.payload.values()
    for sent in rows.sent:
        yield sent.body
    for tool in rows.tools:
        yield from _list_strings([tool.name, _arguments_of(tool), _result_of(tool)])


def _list_strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _list_strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _list_strings(each)


class _Composer:
    """The events of one conversation."""

    def __init__(self, begins: datetime, maker: WorldMaker, redactor: Redactor) -> None:
        self._begins = begins
        self._maker = maker
        self._redactor = redactor

    def compose(self, rows: TimelineRows) -> list[Event]:
        """Everything in order of time; what was written before what was answered in the same instant."""
        writers = set(self._maker.staff_keys)
        inbound = [row for row in rows.inbound if row.staff_id is None or row.staff_id in writers]
        streams: tuple[Sequence[InboundRow | ToolRow | SentRow], ...] = (inbound, rows.tools, rows.sent)
        lines = [
            (self._seconds(row.at), rank, number, row)
            for rank, stream in enumerate(streams)
            for number, row in enumerate(stream)
            if row.at >= self._begins
        ]
        events: list[Event] = []
        before: InboundRow | None = None
        for at, _, _, row in sorted(lines, key=lambda line: line[:3]):
            if isinstance(row, InboundRow):
                events.append(self._say(row, at, before))
                before = row
            else:
                events.append(self._said(row, at) if isinstance(row, SentRow) else self._tool(row, at))
                before = None
        return events

    def _say(self, row: InboundRow, at: float, before: InboundRow | None) -> Say:
        message = parse_inbound(row.payload)
        gap = self._gap(row, before)
        text = self._redactor.redact(message.raw.get("Body", ""))
        button = None
        if message.button is not None and not _ROW_ID.search(message.button.payload):
            button = Button(self._redactor.redact(message.button.text), self._redactor.redact(message.button.payload))
        elif message.button is not None:
            # what it stood under has another id in a replay; its words mean the same
            text = text or self._redactor.redact(message.button.text)
        choice = message.choice
        return Say(
            by=self._maker.staff_keys[row.staff_id] if row.staff_id else CUSTOMER,
            text=text,
            at=at if gap is None else None,
            gap=gap,
            media=tuple(Media(each.content_type or "application/octet-stream") for each in message.media),
            location=self._place(message),
            button=button,
            list_choice=ListChoice(self._redactor.redact(choice.id), self._redactor.redact(choice.title))
            if choice
            else None,
            profile_name=self._redactor.redact_name(message.profile_name) if message.profile_name else None,
            fields={"MessageType": "sticker"} if message.kind is MessageKind.STICKER else {},
        )

    def _place(self, message: InboundMessage) -> SharedLocation | None:
        place = message.location
        if place is None:
            return None
        latitude, longitude = self._redactor.redact_place(place.latitude, place.longitude)
        label, address = (self._redactor.redact(each) if each else None for each in (place.label, place.address))
        return SharedLocation(latitude, longitude, label, address)

    def _gap(self, row: InboundRow, before: InboundRow | None) -> float | None:
        """Seconds since the message before, where both were answered in one go."""
        if before is None or before.staff_id != row.staff_id or row.turn_id is None or before.turn_id != row.turn_id:
            return None
        gap = round((row.at - before.at).total_seconds(), 3)
        return gap if gap <= BURST_S else None

    def _said(self, row: SentRow, at: float) -> Said:
        return Said(by=PARLO, to=CUSTOMER, text=self._redactor.redact(row.body), at=at)

    def _tool(self, row: ToolRow, at: float) -> RecordedTool:
        arguments = self._redactor.redact_value(_arguments_of(row))
        return RecordedTool(
            name=self._redactor.redact(row.name),
            arguments=arguments if isinstance(arguments, dict) else {"unreadable": arguments},
            outcome="ok" if row.response.get("ok") else "refused",
            result=self._redactor.redact_value(_result_of(row)),
            at=at,
        )

    def _seconds(self, at: datetime) -> float:
        return round((at - self._begins).total_seconds(), 3)


def _arguments_of(row: ToolRow) -> object:
    return _decode((row.request or {}).get("arguments", "{}"))


def _result_of(row: ToolRow) -> object:
    return _decode(row.response.get("content"))


def _decode(raw: object) -> object:
    """JSON within JSON where it is some; what a model garbled stays text."""
    if not isinstance(raw, str):
        return raw
    try:
        decoded: object = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return raw
    return decoded
