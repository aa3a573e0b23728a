"""A customer wants a person: offered to the first who is free, or put in line. Called by the tool and by the turn."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from runtime.domain import words
from runtime.domain.enums import HandoffOrigin, HandoffState, OutboxKind, TaskKind
from runtime.domain.ids import ConversationId, HandoffId
from runtime.flows.handoff.offering import describe_opening, offer_next
from runtime.flows.handoff.scene import Scene, human_of
from runtime.store import handoffs, outbox
from runtime.store.handoffs import Handoff, Human
from runtime.store.outbox import NewOutbound, NewTask


class Request(msgspec.Struct, frozen=True):
    """A customer's wish for a person.

    Attributes:
        summary: What it is about, in a sentence or two of a model's; None where there was no model.
        last_words: What the customer wrote in the turn that is still under way.
    """

    conversation_id: ConversationId
    reason: str
    summary: str | None = None
    last_words: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """What became of a request: the customer's answer first, then what others are told."""

    status: str
    messages: tuple[NewOutbound, ...]
    human: str | None = None
    place: int | None = None


async def request_human(scene: Scene, request: Request, reply_key: str) -> Answer:
    """Offer the customer to the first free human, or put them in line; asking twice changes nothing.

    Args:
        scene: Where and when.
        request: Who asks, and why.
        reply_key: Dedupe key of the customer's answer.
    """
    humans = await handoffs.lock_humans(scene.uow, scene.organization_id)
    already = await handoffs.load_of_conversation(scene.uow, scene.organization_id, request.conversation_id)
    if already is not None:
        return await _repeat(scene, already, reply_key)
    if not humans:
        return await _leave_word(scene, request, reply_key)
    new = handoffs.NewHandoff(
        id=HandoffId(scene.ids.new()),
        conversation_id=request.conversation_id,
        origin=HandoffOrigin.CUSTOMER,
        reason=request.reason,
        summary=request.summary,
        at=scene.now,
    )
    handoff = await handoffs.add(scene.uow, scene.organization_id, new)
    await scene.note("handoff_requested", handoff.id, handoff.conversation_id)
    offer = await offer_next(scene, handoff, humans, last_words=request.last_words)
    if offer.human is None:
        place = await handoffs.place_in_line(scene.uow, scene.organization_id, handoff.id)
        reply = scene.message(handoff.conversation_id, OutboxKind.REPLY, reply_key, words.waiting(place), handoff)
        return Answer(status="waiting", messages=(reply,), place=place)
    text = say_connected(scene, offer.human, humans, on_duty=offer.on_duty)
    reply = scene.message(handoff.conversation_id, OutboxKind.REPLY, reply_key, text, handoff)
    return Answer(status="connected", messages=(reply, *offer.messages), human=offer.human.name)


def say_connected(scene: Scene, human: Human, humans: Sequence[Human], *, on_duty: bool) -> str:
    """What the customer reads when a human was called, on duty or not."""
    if on_duty:
        return words.connected(human.name)
    return words.connected_off_hours(human.name, describe_opening(humans, scene.now_local))


async def _repeat(scene: Scene, already: Handoff, reply_key: str) -> Answer:
    if already.state in (HandoffState.OFFERED, HandoffState.ACTIVE):
        human = human_of(already)
        reply = scene.message(already.conversation_id, OutboxKind.REPLY, reply_key, words.connected(human), already)
        return Answer(status="connected", messages=(reply,), human=human)
    place = await handoffs.place_in_line(scene.uow, scene.organization_id, already.id)
    reply = scene.message(already.conversation_id, OutboxKind.REPLY, reply_key, words.still_waiting(place), already)
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
