"""A human answers the call: takes the customer, puts them off, says no, passes them on, or steps in unasked.

Every function works with the organization's humans locked, and returns what is to be told.
"""

from __future__ import annotations

from collections.abc import Sequence

from runtime.domain import words
from runtime.domain.enums import Author, HandoffOrigin, HandoffState, OfferOutcome, OutboxKind
from runtime.domain.handoff import SNOOZE, HandoffEvent
from runtime.domain.ids import ConversationId, HandoffId
from runtime.flows.handoff.asking import say_connected
from runtime.flows.handoff.ending import connect_waiting, end
from runtime.flows.handoff.offering import offer_next, offer_to
from runtime.flows.handoff.scene import Scene, human_of, name_of
from runtime.store import handoffs
from runtime.store.handoffs import Handoff, Human
from runtime.store.outbox import NewOutbound

Told = tuple[NewOutbound, ...]


async def take(scene: Scene, handoff: Handoff, human: Human) -> tuple[Handoff, Told]:
    """The human has the customer from now on. They must be free, or be asked to take this very one."""
    if handoff.state is HandoffState.ACTIVE and handoff.staff_id == human.staff_id:
        return handoff, ()
    before = handoff
    asked = before.state is HandoffState.OFFERED and before.staff_id == human.staff_id
    if before.state is HandoffState.OFFERED:
        outcome = OfferOutcome.TAKEN if asked else OfferOutcome.WITHDRAWN
        await handoffs.settle_offer(scene.uow, scene.organization_id, before.id, outcome, now=scene.now)
    event = HandoffEvent.TAKE_OVER if before.state is HandoffState.ACTIVE else HandoffEvent.TAKE
    taken = await scene.move(
        before,
        event,
        staff_id=human.staff_id,
        staff_name=human.name,
        connected_at=before.connected_at or scene.now,
        last_human_at=scene.now,
        snoozed_until=None,
        nudges=0,
    )
    if event is HandoffEvent.TAKE_OVER:
        await _mark_left(scene, before, "la pasó")
    await scene.remember(taken.conversation_id, Author.MARKER, words.marker_started(human.name), human.staff_id)
    return taken, () if asked else await _announce(scene, before, taken)


async def _announce(scene: Scene, before: Handoff, taken: Handoff) -> Told:
    """Tell the customer whom they have, and whoever was asked or had them that they need not come."""
    key = f"handoff-taken:{taken.id}:{taken.staff_id}:{scene.now.isoformat()}"
    told = [scene.message(taken.conversation_id, OutboxKind.NOTICE, key, words.joined(human_of(taken)), taken)]
    if before.staff_id is not None:
        to = await scene.conversation_with(before.staff_id)
        text = words.taken_by(human_of(taken), name_of(taken))
        told.append(scene.message(to, OutboxKind.NOTICE, f"{key}:before", text, taken))
        # whoever need not come is free for the line
        told += await connect_waiting(scene)
    return tuple(told)


async def take_unasked(scene: Scene, conversation_id: ConversationId, human: Human) -> tuple[Handoff, Told]:
    """A free human takes a conversation that has no handoff."""
    new = handoffs.NewHandoff(
        id=HandoffId(scene.ids.new()),
        conversation_id=conversation_id,
        origin=HandoffOrigin.HUMAN,
        reason=words.TAKEN_OVER,
        summary=None,
        at=scene.now,
    )
    return await take(scene, await handoffs.add(scene.uow, scene.organization_id, new), human)


async def decline(scene: Scene, handoff: Handoff) -> Told:
    """The human who was asked cannot: the next one is, or the customer waits for one who is busy."""
    assert handoff.staff_id is not None
    await handoffs.settle_offer(scene.uow, scene.organization_id, handoff.id, OfferOutcome.DECLINED, now=scene.now)
    waiting = await scene.move(handoff, HandoffEvent.DECLINE, staff_id=None, staff_name=None, offered_at=None)
    return await find_another(scene, waiting, tell_place=True)


async def find_another(scene: Scene, waiting: Handoff, *, tell_place: bool, restart: bool = True) -> Told:
    """Offer a customer who has lost their human to the next; where nobody is left to ask, say so and leave word."""
    humans = await handoffs.lock_humans(scene.uow, scene.organization_id)
    offer = await offer_next(scene, waiting, humans, restart=restart)
    stamp = scene.now.isoformat()
    if offer.human is not None:
        text = say_connected(scene, offer.human, humans, on_duty=offer.on_duty)
        key = f"handoff-offered:{waiting.id}:{offer.human.staff_id}:{stamp}"
        called = scene.message(waiting.conversation_id, OutboxKind.NOTICE, key, text, waiting)
        return (called, *offer.messages, *await connect_waiting(scene))
    if not await _may_still_come(scene, waiting, humans):
        return await end(scene, waiting, HandoffEvent.GIVE_UP)
    # whoever could not take this one is free for the others in line
    following = await connect_waiting(scene)
    if not tell_place:
        return following
    place = await handoffs.place_in_line(scene.uow, scene.organization_id, waiting.id)
    key = f"handoff-waits:{waiting.id}:{stamp}"
    told = scene.message(waiting.conversation_id, OutboxKind.NOTICE, key, words.back_in_line(place), waiting)
    return (told, *following)


async def _may_still_come(scene: Scene, waiting: Handoff, humans: Sequence[Human]) -> bool:
    """Whether anybody has not said no."""
    outcomes = await handoffs.load_outcomes(scene.uow, scene.organization_id, waiting.id)
    unwilling = (OfferOutcome.DECLINED, OfferOutcome.REMOVED)
    return any(outcomes.get(human.staff_id) not in unwilling for human in humans)


async def snooze(scene: Scene, handoff: Handoff) -> Told:
    """The human who was asked comes in a quarter of an hour."""
    snoozed = await scene.move(handoff, HandoffEvent.SNOOZE, snoozed_until=scene.now + SNOOZE, last_human_at=scene.now)
    text = words.snoozed_for_customer(human_of(snoozed))
    key = f"handoff-snoozed:{snoozed.id}:{scene.now.isoformat()}"
    return (scene.message(snoozed.conversation_id, OutboxKind.NOTICE, key, text, snoozed),)


async def pass_on(scene: Scene, handoff: Handoff, to: Human) -> Told:
    """The human who has the customer asks another to take them."""
    await _mark_left(scene, handoff, "la pasó")
    offer = await offer_to(scene, handoff, to, HandoffEvent.PASS_ON)
    key = f"handoff-passed:{handoff.id}:{to.staff_id}:{scene.now.isoformat()}"
    text = words.connected(to.name)
    return (scene.message(handoff.conversation_id, OutboxKind.NOTICE, key, text, handoff), *offer.messages)


async def lose_human(scene: Scene, handoff: Handoff) -> Told:
    """The human no longer takes customers here: tell them, and find another."""
    assert handoff.staff_id is not None
    to_human = await scene.conversation_with(handoff.staff_id)
    key = f"handoff-removed:{handoff.id}:{handoff.staff_id}:{scene.now.isoformat()}"
    told = scene.message(to_human, OutboxKind.NOTICE, key, words.removed_for_human(name_of(handoff)), handoff)
    await handoffs.settle_offer(scene.uow, scene.organization_id, handoff.id, OfferOutcome.REMOVED, now=scene.now)
    if handoff.state is HandoffState.ACTIVE:
        await _mark_left(scene, handoff, "ya no atiende aquí")
    waiting = await scene.move(handoff, HandoffEvent.HUMAN_LEFT, staff_id=None, staff_name=None, offered_at=None)
    return (told, *await find_another(scene, waiting, tell_place=True))


async def _mark_left(scene: Scene, handoff: Handoff, how: str) -> None:
    text = words.marker_ended(human_of(handoff), how)
    await scene.remember(handoff.conversation_id, Author.MARKER, text, handoff.staff_id)
