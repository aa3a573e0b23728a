"""One record, read once: its messages, sends, tool calls and handoffs with their places on the timeline.

Every scorer gets a `Reading`, so that no scorer walks raw events. It judges nothing.
"""

from __future__ import annotations

from functools import cached_property
from typing import Generic, TypeVar

import msgspec

from sim.record import (
    AcceptedData,
    ConversationRecord,
    EventData,
    FaultData,
    FinalMessage,
    HandoffData,
    RouteData,
    SayData,
    SendData,
    SendOrigin,
    ToolData,
)

D = TypeVar("D", bound=EventData)

CUSTOMER_ROLES = frozenset({"customer", "stranger"})


class Placed(msgspec.Struct, Generic[D], frozen=True):
    """An event's typed data with its index, lane, time and text."""

    index: int
    lane: str
    t: float
    text: str
    data: D


class Inbound(msgspec.Struct, frozen=True):
    """One message that the webhook stored, however often it was delivered."""

    sid: str
    say: int
    by: str
    to: str
    routes: tuple[Placed[RouteData], ...]
    states: tuple[str, ...]


class Reading:
    """Typed views of a record. Built once for a conversation, never changed."""

    def __init__(self, record: ConversationRecord) -> None:
        self.record = record

    def _placed(self, data: type[D]) -> list[Placed[D]]:
        return [
            Placed(index=i, lane=e.lane, t=e.t, text=e.text or "", data=e.read(data))
            for i, e in enumerate(self.record.events)
            if e.kind is data.kind
        ]

    @cached_property
    def says(self) -> list[Placed[SayData]]:
        """What people wrote, in order, repeats and forgeries included."""
        return self._placed(SayData)

    @cached_property
    def answers(self) -> list[Placed[AcceptedData]]:
        """The webhook's HTTP answers."""
        return self._placed(AcceptedData)

    @cached_property
    def routes(self) -> list[Placed[RouteData]]:
        """Routing decisions."""
        return self._placed(RouteData)

    @cached_property
    def tools(self) -> list[Placed[ToolData]]:
        """Tool calls."""
        return self._placed(ToolData)

    @cached_property
    def sends(self) -> list[Placed[SendData]]:
        """Messages Parlo sent."""
        return self._placed(SendData)

    @cached_property
    def handoffs(self) -> list[Placed[HandoffData]]:
        """Handoff transitions."""
        return self._placed(HandoffData)

    @cached_property
    def faults(self) -> list[Placed[FaultData]]:
        """Faults that were switched on."""
        return self._placed(FaultData)

    @cached_property
    def messages(self) -> list[Inbound]:
        """Stored inbound messages, in the order they were first written."""
        refused = {a.data.sid for a in self.answers} - {a.data.sid for a in self.answers if a.data.status == 200}
        states: dict[str, list[str]] = {}
        for row in self.record.final.messages:
            states.setdefault(row.sid, []).append(row.state)
        routes: dict[str, list[Placed[RouteData]]] = {}
        for route in self.routes:
            routes.setdefault(route.data.sid, []).append(route)
        found: dict[str, Inbound] = {}
        for say in self.says:
            sid = say.data.sid
            if sid in found or sid in refused or (say.data.tamper and not self.answers):
                continue
            found[sid] = Inbound(
                sid=sid,
                say=say.index,
                by=say.lane,
                to=say.data.to,
                routes=tuple(routes.get(sid, ())),
                states=tuple(states.get(sid, ())),
            )
        return list(found.values())

    @cached_property
    def final_messages(self) -> list[FinalMessage]:
        """Inbox rows at the end; empty where the driver only counted them."""
        return self.record.final.messages

    @cached_property
    def turn_order(self) -> dict[str, int]:
        """Turn id → the place of its first routed message."""
        order: dict[str, int] = {}
        for route in self.routes:
            if route.data.turn:
                order.setdefault(route.data.turn, len(order))
        return order

    @cached_property
    def _speaker_of_turn(self) -> dict[str, str]:
        speaker = {message.sid: message.by for message in self.messages}
        return {r.data.turn: speaker.get(r.data.sid, "") for r in self.routes if r.data.turn}

    def customer_of(self, tool: Placed[ToolData]) -> str:
        """The person a tool call was made for, or "" where the record does not say."""
        return tool.data.customer or self._speaker_of_turn.get(tool.data.turn, "")

    def is_customer(self, key: str) -> bool:
        """True for a customer or a stranger: everyone who is not staff of the business."""
        person = self.record.people.get(key)
        return person is not None and person.role in CUSTOMER_ROLES

    def is_relay(self, send: Placed[SendData]) -> bool:
        """True where a sent message holds another person's words."""
        if send.data.origin is not SendOrigin.UNKNOWN:
            return send.data.origin is SendOrigin.RELAY
        return any(
            say.text.strip() and say.text.strip() in send.text and say.lane != send.data.to
            for say in self.says
            if say.index < send.index
        )

    def name_of(self, key: str) -> str:
        """A person's name for a sentence, or the key itself."""
        person = self.record.people.get(key)
        return person.name if person is not None and person.name else key


def error_code(tool: ToolData) -> str | None:
    """The refusal code in a tool's result, or None."""
    result = tool.result
    if isinstance(result, dict):
        error = result.get("error")
        if isinstance(error, dict) and isinstance(error.get("code"), str):
            return str(error["code"])
    return None
