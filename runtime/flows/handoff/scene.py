"""Where and when the functions of a handoff work, and how they write rows and messages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from runtime.domain import words
from runtime.domain.enums import Author, HandoffState, OutboxKind
from runtime.domain.handoff import HandoffEvent, advance
from runtime.domain.ids import ConversationId, HandoffId, OrganizationId, OutboxId, StaffId
from runtime.domain.templates import clean_value
from runtime.ports import Ids
from runtime.store import handoffs, journal, people
from runtime.store.database import UnitOfWork
from runtime.store.handoffs import Handoff
from runtime.store.journal import NewEvent, NewMessage
from runtime.store.outbox import NewOutbound

ALERT_TEMPLATE = "solicitud_humano"
WAITING_TEMPLATE = "cliente_esperando"
ANSWER_TEMPLATE = "respuesta_negocio"


class Scene(msgspec.Struct, frozen=True):
    """One organization, inside one transaction, at one moment."""

    uow: UnitOfWork
    ids: Ids
    organization_id: OrganizationId
    now: datetime
    business: str
    zone: ZoneInfo

    @property
    def now_local(self) -> datetime:
        """The moment on the business's clock."""
        return self.now.astimezone(self.zone)

    def message(
        self,
        to: ConversationId,
        kind: OutboxKind,
        key: str,
        body: str,
        handoff: Handoff | None = None,
        counterpart: ConversationId | None = None,
    ) -> NewOutbound:
        """A message to queue; about the handoff's customer unless another counterpart is named."""
        if counterpart is None and handoff is not None and to != handoff.conversation_id:
            counterpart = handoff.conversation_id
        return NewOutbound(
            id=OutboxId(self.ids.new()),
            conversation_id=to,
            kind=kind,
            dedupe_key=key,
            body=body,
            at=self.now,
            organization_id=self.organization_id,
            counterpart_id=counterpart,
            handoff_id=handoff.id if handoff is not None else None,
        )

    async def note(self, kind: str, handoff: HandoffId, conversation: ConversationId, **data: object) -> None:
        """Append to the event history."""
        event = NewEvent(self.ids.new(), kind, self.now, conversation, handoff, data)
        await journal.add_events(self.uow, self.organization_id, [event])

    async def move(self, handoff: Handoff, event: HandoffEvent, **changes: object) -> Handoff:
        """Take one step of the table and append it to the history."""
        if advance(handoff.state, event) is HandoffState.WAITING:
            changes.setdefault("nudges", 0)
        moved = await handoffs.move(self.uow, self.organization_id, handoff, event, changes)
        staff_id = moved.staff_id or handoff.staff_id
        who = {"staff_id": str(staff_id)} if staff_id is not None else {}
        await self.note(f"handoff_{event}", handoff.id, handoff.conversation_id, state=moved.state, **who)
        return moved

    async def change(self, handoff: Handoff, changes: Mapping[str, object]) -> Handoff:
        """Write down times without a step."""
        return await handoffs.note(self.uow, self.organization_id, handoff, changes)

    async def remember(
        self, conversation_id: ConversationId, author: Author, text: str, staff_id: StaffId | None = None
    ) -> None:
        """Append to a conversation's history."""
        message = NewMessage(self.ids.new(), conversation_id, author, text, self.now, staff_id)
        await journal.add_messages(self.uow, self.organization_id, None, [message])

    async def conversation_with(self, staff_id: StaffId) -> ConversationId:
        """The chat between the business's number and a human, who may have left the business meanwhile."""
        found = await people.find_recipients(self.uow, self.organization_id, [staff_id], owners=False, former=True)
        return await people.ensure_conversation(self.uow, self.organization_id, found[0], now=self.now)


def waited_minutes(scene: Scene, handoff: Handoff) -> int:
    """How long the customer has been waiting for a word, in whole minutes, at least one."""
    since = handoff.unanswered_since or handoff.offered_at or handoff.requested_at
    return max(1, round((scene.now - since).total_seconds() / 60))


def fill_waiting(scene: Scene, handoff: Handoff) -> tuple[str, ...]:
    """The values of `WAITING_TEMPLATE`: who waits, how long, where, and the handoff its button takes."""
    minutes = waited_minutes(scene, handoff)
    waited = "1 minuto" if minutes == 1 else f"{minutes} minutos"
    return (clean_value(name_of(handoff)), waited, clean_value(scene.business), str(handoff.id))


def with_template(message: NewOutbound, template: str, values: tuple[str, ...]) -> NewOutbound:
    """The message with what is sent in its place, or knocks for it, while the receiver's window is closed."""
    return msgspec.structs.replace(message, template=template, template_values=values)


def name_of(handoff: Handoff) -> str:
    """What the customer is called in words for humans."""
    return handoff.customer_name or words.NAMELESS


def human_of(handoff: Handoff) -> str:
    """What the human is called in words for the customer."""
    return handoff.staff_name or words.NAMELESS_PERSON
