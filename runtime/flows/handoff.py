"""A customer and a person: connect, relay, end, and pass on to the next in line.

Every function works inside the caller's transaction and returns the messages to queue with it, so
that nobody is told of a state that is not committed. Called by the tool `handoff_to_human`, by the
turn (relay, end) and by the ticker (silence).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from runtime.domain import words
from runtime.domain.enums import Author, OutboxKind, TaskKind
from runtime.domain.handoff import HandoffEvent
from runtime.domain.ids import ConversationId, HandoffId, OrganizationId, OutboxId, StaffId
from runtime.ports import Ids
from runtime.store import handoffs, journal, outbox, people
from runtime.store.database import UnitOfWork
from runtime.store.handoffs import Handoff
from runtime.store.journal import NewEvent, NewMessage
from runtime.store.outbox import NewOutbound, NewTask

_RECAP_MESSAGES = 6
_RECAP_CHARACTERS = 160


class Scene(msgspec.Struct, frozen=True):
    """Where and when a handoff function works."""

    uow: UnitOfWork
    ids: Ids
    organization_id: OrganizationId
    now: datetime

    def message(self, to: ConversationId, kind: OutboxKind, key: str, body: str) -> NewOutbound:
        """A message to queue."""
        return NewOutbound(
            id=OutboxId(self.ids.new()), conversation_id=to, kind=kind, dedupe_key=key, body=body, at=self.now
        )

    async def note(self, kind: str, handoff: HandoffId, conversation: ConversationId, **data: object) -> None:
        """Append to the event history."""
        event = NewEvent(self.ids.new(), kind, self.now, conversation, handoff, data)
        await journal.add_events(self.uow, self.organization_id, [event])

    async def remember(
        self, conversation_id: ConversationId, author: Author, text: str, staff_id: StaffId | None = None
    ) -> None:
        """Append to a conversation's history."""
        message = NewMessage(self.ids.new(), conversation_id, author, text, self.now, staff_id)
        await journal.add_messages(self.uow, self.organization_id, None, [message])


class Request(msgspec.Struct, frozen=True):
    """A customer's wish for a person."""

    conversation_id: ConversationId
    customer_name: str
    reason: str
    last_words: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """What became of a request: the customer's answer first, then what others are told."""

    status: str
    messages: tuple[NewOutbound, ...]
    human: str | None = None
    place: int | None = None


async def request_human(scene: Scene, request: Request, reply_key: str) -> Answer:
    """Connect the customer with the first free human, or put them in line; asking twice changes nothing.

    Args:
        scene: Where and when.
        request: Who asks, and why.
        reply_key: Dedupe key of the customer's answer.
    """
    humans = await handoffs.lock_humans(scene.uow, scene.organization_id)
    already = await handoffs.load_of_conversation(scene.uow, scene.organization_id, request.conversation_id)
    if already is not None:
        return await _repeat(scene, request, already, reply_key)
    if not humans:
        return await _leave_word(scene, request, reply_key)
    free = next((human for human in humans if not human.busy), None)
    handoff_id = HandoffId(scene.ids.new())
    await handoffs.add(
        scene.uow,
        scene.organization_id,
        handoffs.NewHandoff(
            id=handoff_id,
            conversation_id=request.conversation_id,
            staff_id=free.staff_id if free else None,
            reason=request.reason,
            at=scene.now,
        ),
    )
    await scene.note("handoff_requested", handoff_id, request.conversation_id, connected=free is not None)
    if free is None:
        place = await handoffs.place_in_line(scene.uow, scene.organization_id, handoff_id)
        reply = scene.message(request.conversation_id, OutboxKind.REPLY, reply_key, words.waiting(place))
        return Answer(status="waiting", messages=(reply,), place=place)
    alert = await _introduce(scene, handoff_id, free.staff_id, request)
    reply = scene.message(request.conversation_id, OutboxKind.REPLY, reply_key, words.connected(free.name))
    return Answer(status="connected", messages=(reply, *alert), human=free.name)


async def _repeat(scene: Scene, request: Request, already: Handoff, reply_key: str) -> Answer:
    if already.staff_name is not None:
        text = words.connected(already.staff_name)
        reply = scene.message(request.conversation_id, OutboxKind.REPLY, reply_key, text)
        return Answer(status="connected", messages=(reply,), human=already.staff_name)
    place = await handoffs.place_in_line(scene.uow, scene.organization_id, already.id)
    reply = scene.message(request.conversation_id, OutboxKind.REPLY, reply_key, words.still_waiting(place))
    return Answer(status="waiting", messages=(reply,), place=place)


async def _leave_word(scene: Scene, request: Request, reply_key: str) -> Answer:
    task = NewTask(
        id=scene.ids.new(),
        kind=TaskKind.NO_HUMAN,
        dedupe_key=f"no_human:{reply_key}",
        summary=words.NO_HUMAN_TASK,
        created_at=scene.now,
        conversation_id=request.conversation_id,
    )
    await outbox.add_task(scene.uow, scene.organization_id, task)
    reply = scene.message(request.conversation_id, OutboxKind.REPLY, reply_key, words.NO_HUMAN)
    return Answer(status="unavailable", messages=(reply,))


async def _introduce(
    scene: Scene, handoff_id: HandoffId, staff_id: StaffId, request: Request
) -> tuple[NewOutbound, ...]:
    """Tell a human whom they have now, and mark in the history where they took over."""
    found = await people.find_recipients(scene.uow, scene.organization_id, [staff_id], owners=False)
    history = await journal.load_messages(
        scene.uow, scene.organization_id, request.conversation_id, most=_RECAP_MESSAGES
    )
    recap = [_recap_line(message, request.customer_name) for message in history]
    recap += [_shorten(f"{request.customer_name}: {line}") for line in request.last_words]
    text = words.alert_human(customer=request.customer_name, reason=request.reason, recap=recap[-_RECAP_MESSAGES:])
    alerts = []
    for recipient in found:
        to = await people.ensure_conversation(scene.uow, scene.organization_id, recipient, now=scene.now)
        alerts.append(scene.message(to, OutboxKind.ALERT, f"handoff:{handoff_id}:{staff_id}", text))
        await scene.remember(request.conversation_id, Author.MARKER, words.marker_started(recipient.name), staff_id)
    await scene.note("handoff_connected", handoff_id, request.conversation_id, staff_id=str(staff_id))
    return tuple(alerts)


def _recap_line(message: journal.Message, customer_name: str) -> str:
    if message.author is Author.CUSTOMER:
        return _shorten(f"{customer_name}: {message.text}")
    if message.author is Author.HUMAN:
        return _shorten(f"{message.staff_name}: {message.text}")
    return _shorten(f"Asistente: {message.text}")


def _shorten(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _RECAP_CHARACTERS else flat[: _RECAP_CHARACTERS - 1] + "…"


async def relay_to_human(scene: Scene, handoff: Handoff, lines: Sequence[tuple[str, str]]) -> tuple[NewOutbound, ...]:
    """Pass a customer's messages on, each once, in order.

    Args:
        scene: Where and when.
        handoff: The customer's open handoff, locked.
        lines: (inbox id, text) of each message.
    """
    if handoff.staff_id is None:
        place = await handoffs.place_in_line(scene.uow, scene.organization_id, handoff.id)
        key = f"waiting:{lines[-1][0]}"
        text = words.still_waiting(place)
        return (scene.message(handoff.conversation_id, OutboxKind.REPLY, key, text),)
    to = await _conversation_of(scene, handoff.staff_id)
    name = handoff.customer_name or words.NAMELESS
    return tuple(
        scene.message(to, OutboxKind.RELAY, f"relay:{inbox_id}", words.relay_to_human(name, text))
        for inbox_id, text in lines
    )


async def relay_to_customer(
    scene: Scene, handoff: Handoff, lines: Sequence[tuple[str, str]]
) -> tuple[NewOutbound, ...]:
    """Pass a human's messages on as the business, each once, in order, and count the silence anew."""
    assert handoff.staff_id is not None
    for _, text in lines:
        await scene.remember(handoff.conversation_id, Author.HUMAN, text, handoff.staff_id)
    await handoffs.note_human_word(scene.uow, scene.organization_id, handoff.id, now=scene.now)
    return tuple(
        scene.message(handoff.conversation_id, OutboxKind.RELAY, f"relay:{inbox_id}", text) for inbox_id, text in lines
    )


async def end(scene: Scene, handoff: Handoff, event: HandoffEvent) -> tuple[NewOutbound, ...]:
    """Close a handoff, tell both, and connect whoever waits longest with the human who is free now.

    The caller has locked the organization's humans before the handoff, in that order.
    """
    assert handoff.staff_id is not None and handoff.staff_name is not None
    await handoffs.end(scene.uow, scene.organization_id, handoff, event, now=scene.now)
    customer = handoff.customer_name or words.NAMELESS
    silent = event is HandoffEvent.SILENCE
    how = "por silencio" if silent else "cerró la conversación"
    await scene.remember(
        handoff.conversation_id, Author.MARKER, words.marker_ended(handoff.staff_name, how), handoff.staff_id
    )
    await scene.note("handoff_ended", handoff.id, handoff.conversation_id, event=event)
    to_human = await _conversation_of(scene, handoff.staff_id)
    told = (
        scene.message(
            handoff.conversation_id,
            OutboxKind.NOTICE,
            f"handoff-ended:{handoff.id}:customer",
            words.TIMED_OUT_FOR_CUSTOMER if silent else words.ended_for_customer(handoff.staff_name),
        ),
        scene.message(
            to_human,
            OutboxKind.NOTICE,
            f"handoff-ended:{handoff.id}:human",
            words.timed_out_for_human(customer) if silent else words.ended_for_human(customer),
        ),
    )
    return (*told, *await _connect_next(scene))


async def _connect_next(scene: Scene) -> tuple[NewOutbound, ...]:
    waiting = await handoffs.first_in_line(scene.uow, scene.organization_id)
    if waiting is None:
        return ()
    humans = await handoffs.lock_humans(scene.uow, scene.organization_id)
    free = next((human for human in humans if not human.busy), None)
    if free is None:
        # whoever became free has left the business
        return ()
    await handoffs.connect(scene.uow, scene.organization_id, waiting, free.staff_id, now=scene.now)
    request = Request(waiting.conversation_id, waiting.customer_name or words.NAMELESS, waiting.reason)
    alerts = await _introduce(scene, waiting.id, free.staff_id, request)
    key = f"handoff-connected:{waiting.id}"
    told = scene.message(waiting.conversation_id, OutboxKind.NOTICE, key, words.connected(free.name))
    return (told, *alerts)


async def _conversation_of(scene: Scene, staff_id: StaffId) -> ConversationId:
    # whoever took the customer hears of them to the end, even after leaving the business
    found = await people.find_recipients(scene.uow, scene.organization_id, [staff_id], owners=False, former=True)
    return await people.ensure_conversation(scene.uow, scene.organization_id, found[0], now=scene.now)
