"""Customers who sit before the desk: their conversations are claimed, their turns open, and they call one tool.

What they call runs as it does in production, by `runtime.agent.loop.Desk`: its own transaction, the journal, the
messages it causes, and the tries the strategy allows. Used by the interleavings and under load.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from runtime.agent.journal import Journal
from runtime.agent.loop import CustomerSeat, Desk, Visit
from runtime.domain.errors import Unavailable
from runtime.domain.ids import ConversationId, InboxId, PersonId, TurnId
from runtime.parts import Parts
from runtime.ports import Ids, ToolCall
from runtime.store import conversations
from runtime.store.business import Business, load_business
from runtime.store.conversations import Arrival, Claim, conversation_id_of
from runtime.store.database import Contended, UnitOfWork
from runtime.store.journal import Step
from runtime.tools.registry import ToolResult

SERVICE = "Gelish"
STAFF = "Karla"
_LEASE = timedelta(hours=12)
_BURST = timedelta(seconds=1)


class Told(StrEnum):
    """What a customer hears of a call."""

    DONE = "done"
    REFUSED = "refused"
    PUT_OFF = "put_off"
    GONE = "gone"
    BROKEN = "broken"


class Outcome(msgspec.Struct, frozen=True):
    """What a call came to.

    Attributes:
        appointment_id: Of what was booked or moved.
        polite: A refusal came with other times.
        tries: How many transactions it took.
    """

    told: Told
    appointment_id: UUID | None = None
    polite: bool = True
    tries: int = 1


class Gone(Exception):
    """The process of this customer's turn ends before it commits."""


class _CountedJournal(Journal):
    """A journal that counts the transactions of a call: each begins by holding the conversation.

    With `quits` none of them comes to its commit.
    """

    tries = 0
    quits = False

    async def hold(self, uow: UnitOfWork) -> bool:
        self.tries += 1
        return await super().hold(uow)

    async def record(self, uow: UnitOfWork, step: Step, paid_until: datetime | None = None) -> None:
        if self.quits:
            raise Gone
        await super().record(uow, step, paid_until)


class Seat:
    """One customer."""

    def __init__(self, phone: str, claimed: Claim, person_id: PersonId, turn_id: TurnId, business: Business) -> None:
        self.phone = phone
        self.person_id = person_id
        self.claimed = claimed
        self._turn_id = turn_id
        self._business = business
        self._journal: _CountedJournal | None = None

    def open_journal(self, parts: Parts, *, quits: bool = False) -> None:
        """Begin the turn anew: the database holds no step of it. With `quits` it ends before it commits."""
        self._journal = _CountedJournal(parts, self.claimed, self._turn_id, [])
        self._journal.quits = quits

    async def call(self, parts: Parts, tool: str, **arguments: str) -> Outcome:
        """Have the model call a tool for this customer."""
        if self._journal is None:
            self.open_journal(parts)
        journal = self._journal
        assert journal is not None
        journal.tries = 0
        visit = Visit(self.claimed, self.person_id, self._turn_id, ("sí",))
        desk = Desk(parts, journal, CustomerSeat(parts, visit, self._business), self._turn_id)
        raw = msgspec.json.encode(arguments).decode()
        try:
            result = await desk.run(ToolCall(f"call-{journal.next_number}", tool, raw))
        except Gone:
            return Outcome(Told.GONE, tries=journal.tries)
        except Contended:
            return Outcome(Told.PUT_OFF, tries=journal.tries)
        except Unavailable:
            return Outcome(Told.BROKEN, tries=journal.tries)
        return _read_outcome(result, arguments, journal.tries)


def _read_outcome(result: ToolResult, arguments: dict[str, str], tries: int) -> Outcome:
    body: dict[str, Any] = msgspec.json.decode(result.content)
    if not result.ok:
        refused = body["error"]["code"] == "slot_taken"
        return Outcome(Told.REFUSED if refused else Told.BROKEN, None, bool(body["error"]["slots"]), tries)
    appointment_id = body.get("appointment_id") or arguments.get("appointment_id")
    return Outcome(Told.DONE, UUID(appointment_id) if appointment_id else None, True, tries)


async def take_seats(parts: Parts, number: str, phones: Sequence[str]) -> list[Seat]:
    """Let these people write to a business, and claim their conversations for long.

    Args:
        parts: Of the runtime.
        number: The business's, in its canonical form.
        phones: Theirs, likewise.
    """
    now = parts.clock.now()
    arrivals = [compose_arrival(parts.ids, number, phone, now) for phone in phones]
    later = now + timedelta(minutes=1)
    seats = []
    async with parts.database.platform() as uow:
        await conversations.accept(uow, arrivals, burst=_BURST)
        for phone in phones:
            seats.append(await _claim(parts, uow, conversation_id_of(number, phone), phone, later))
        await uow.commit()
    return seats


async def _claim(parts: Parts, uow: UnitOfWork, conversation_id: ConversationId, phone: str, now: datetime) -> Seat:
    claimed = await conversations.claim(uow, conversation_id, now=now, lease_until=now + _LEASE)
    assert claimed is not None, "nobody else is there yet"
    turn_id = TurnId(parts.ids.new())
    await conversations.open_turn(uow, claimed, turn_id=turn_id, now=now)
    person_id = await conversations.adopt_person(uow, claimed, person_id=PersonId(parts.ids.new()), also=None, now=now)
    business = await load_business(uow, claimed.organization_id)
    return Seat(phone, claimed, person_id, turn_id, business)


def compose_arrival(ids: Ids, number: str, phone: str, now: datetime) -> Arrival:
    """A message from a phone to a business, both in their canonical form, that need not be waited for."""
    inbox_id = InboxId(ids.new())
    return Arrival(
        inbox_id=inbox_id,
        sid=f"SM{inbox_id.hex}",
        our_key=number,
        our_address=f"whatsapp:{number}",
        their_key=phone,
        their_address=f"whatsapp:{phone}",
        kind="text",
        body="hola",
        payload={"Body": "hola"},
        received_at=now,
        quiet_until=now,
    )
