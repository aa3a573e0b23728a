"""A record written by hand, line by line: the tests of scorers and report tell their stories with it.

It keeps the order and the shape that the driver gives a record (say → accepted → route → work →
send → status), so that a story reads as the conversation it means. No replay uses it.
"""

from __future__ import annotations

import msgspec

from sim.record import (
    AcceptedData,
    ClockData,
    ConversationRecord,
    Event,
    EventData,
    Expectation,
    FaultData,
    FinalMessage,
    FinalRows,
    HandoffData,
    ModelData,
    Person,
    RouteData,
    SayData,
    SendData,
    SendOrigin,
    StatusData,
    ToolData,
    make_event,
)


class Story:
    """Collects events and expectations; `end` makes the record. Every message is a turn of its own."""

    def __init__(self, identifier: str = "reserva-simple", **people: str) -> None:
        self.id = identifier
        self.people = {key: Person(role=role, name=key.capitalize()) for key, role in people.items()}
        self.people = self.people or {"ana": Person("customer", "Ana"), "lupita": Person("owner", "Lupita")}
        self.events: list[Event] = []
        self.expectations: list[Expectation] = []
        self.states: list[FinalMessage] = []
        self._t = 0.0
        self._first = 0

    def add(self, lane: str, data: EventData, text: str | None = None, *, after_s: float = 0.1) -> int:
        """Append any event and return its index."""
        self._t += after_s
        self.events.append(make_event(self._t, lane, data, text))
        return len(self.events) - 1

    @property
    def turn(self) -> str:
        """The turn of the latest message."""
        return f"t{len(self.states)}"

    def say(self, by: str, text: str, *, route: str | None = "5", state: str = "done", media: str = "") -> str:
        """Somebody writes, is accepted and (unless `route` is None) routed; returns the sid."""
        sid = f"SM{len(self.states) + 1}"
        attached: list[dict[str, object]] = [{"content_type": media}] if media else []
        self._first = self.add(by, SayData(sid=sid, media=attached), text, after_s=5)
        self.states.append(FinalMessage(sid, state, route or ""))
        self.add("twilio", AcceptedData(sid=sid, status=200))
        if route is not None:
            self.add("parlo", RouteData(sid=sid, case=route, reason="by the table", turn=self.turn), after_s=2)
        return sid

    def wait(self, seconds: float) -> None:
        """Virtual time passes."""
        self._first = self.add("clock", ClockData(for_s=seconds))
        self._t += seconds

    def break_part(self, target: str, fault: str = "down") -> None:
        """A part is made to fail."""
        self.add("clock", FaultData(target=target, fault=fault))

    def ask_model(self) -> None:
        """The model is asked once."""
        self.add(
            "parlo", ModelData(purpose="customer", input_tokens=900, output_tokens=40, finish="stop", turn=self.turn)
        )

    def call(self, name: str, arguments: object = None, *, result: object = None, code: str | None = None) -> int:
        """A tool is called: with a result, or refused with a code."""
        answer = {"error": {"code": code, "message": "No se puede."}} if code else result
        data = ToolData(name=name, arguments=arguments or {}, result=answer, ok=code is None, turn=self.turn)
        return self.add("parlo", data)

    def book(self, when: str = "martes 13 de enero, 4:00 PM") -> int:
        """An appointment is booked."""
        arguments = {"service": "Corte de dama", "when": when}
        return self.call("book_appointment", arguments, result={"status": "booked", "when": when, "staff": "Lupita"})

    def send(
        self,
        to: str,
        text: str,
        origin: SendOrigin = SendOrigin.REPLY,
        status: str = "delivered",
        media: tuple[str, ...] = (),
    ) -> int:
        """Parlo sends a message, maybe with files of these types, and the provider reports on it."""
        outbox = f"o{len(self.events)}"
        index = self.add(
            "parlo", SendData(to=to, outbox=outbox, turn=self.turn, origin=origin, media=list(media)), text
        )
        self.add("twilio", StatusData(outbox=outbox, status=status))
        return index

    def hand_off(self, status: str, customer: str = "ana", human: str = "lupita", reason: str = "") -> int:
        """A handoff changes."""
        return self.add("parlo", HandoffData(status=status, customer=customer, human=human, reason=reason))

    def expect(self, **spec: object) -> None:
        """What must hold about everything since the last message or wait."""
        self.expectations.append(
            Expectation(kind="expect", spec={"type": "expect", **spec}, first=self._first, stop=len(self.events))
        )

    def expect_end(self, **spec: object) -> None:
        """What the database must hold at the end."""
        self.expectations.append(Expectation(kind="end", spec={"type": "end", **spec}, first=0, stop=len(self.events)))

    def end(
        self, final: FinalRows | None = None, *, tags: tuple[str, ...] = (), **fields: object
    ) -> ConversationRecord:
        """The record; the inbox rows follow from what was said unless `final` brings its own."""
        rows = final or FinalRows()
        counts: dict[str, int] = {}
        for message in self.states:
            counts[message.state] = counts.get(message.state, 0) + 1
        return ConversationRecord(
            id=self.id,
            title=str(fields.get("title", "Ana reserva un corte")),
            tags=list(tags),
            file=str(fields.get("file", "fixtures/transcripts/reservar/simple.jsonl")),
            failure=None if fields.get("failure") is None else str(fields["failure"]),
            started_at="2026-01-12T10:00:00-06:00",
            people=self.people,
            events=self.events,
            final=msgspec.structs.replace(rows, inbox=rows.inbox or counts, messages=rows.messages or self.states),
            expectations=self.expectations,
            wall_s=0.1,
        )
