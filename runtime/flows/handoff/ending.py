"""A handoff ends, and whoever waits longest gets the human who is free now; or the end is taken back.

Every function works with the organization's humans locked, and returns what is to be told.
"""

from __future__ import annotations

from datetime import datetime

from runtime.domain import words
from runtime.domain.enums import Author, HandoffState, OfferOutcome, OutboxKind, TaskKind
from runtime.domain.handoff import END_REASONS, UNDO, HandoffEvent
from runtime.domain.ids import StaffId
from runtime.flows.handoff.asking import say_connected
from runtime.flows.handoff.offering import choose_human, offer_next
from runtime.flows.handoff.scene import Scene, human_of, name_of
from runtime.store import handoffs, outbox
from runtime.store.handoffs import Handoff, Human
from runtime.store.outbox import NewOutbound, NewTask

Told = tuple[NewOutbound, ...]

_HOW = {
    HandoffEvent.HUMAN_ENDS: "cerró la conversación",
    HandoffEvent.SILENCE: "por silencio",
    HandoffEvent.CUSTOMER_LEAVES: "el cliente prefirió seguir con el asistente",
    HandoffEvent.OPT_OUT: "el cliente ya no quiere mensajes",
    HandoffEvent.SUSPEND: "el negocio está en pausa",
}


async def end(scene: Scene, handoff: Handoff, event: HandoffEvent, *, said: str = "") -> Told:
    """Close a handoff, tell both, and offer whoever waits to the human who is free now.

    Args:
        scene: Where and when.
        handoff: Open, and locked after the organization's humans.
        event: Why it ends.
        said: The customer's word that ended it, where it was one.
    """
    if handoff.state is HandoffState.OFFERED:
        outcome = OfferOutcome.EXPIRED if event is HandoffEvent.SILENCE else OfferOutcome.WITHDRAWN
        await handoffs.settle_offer(scene.uow, scene.organization_id, handoff.id, outcome, now=scene.now)
    ended = await scene.move(handoff, event, ended_at=scene.now, end_reason=END_REASONS[event], snoozed_until=None)
    if handoff.state is HandoffState.ACTIVE:
        text = words.marker_ended(human_of(handoff), _HOW[event])
        await scene.remember(handoff.conversation_id, Author.MARKER, text, handoff.staff_id)
    if handoff.first_answer_at is None and event in (HandoffEvent.SILENCE, HandoffEvent.GIVE_UP):
        await _leave_task(scene, handoff)
    told = [*_tell_customer(scene, ended, event), *await _tell_human(scene, ended, event, said)]
    if event in (HandoffEvent.SILENCE, HandoffEvent.GIVE_UP):
        told += await _tell_those_asked(scene, ended)
    following = () if event is HandoffEvent.SUSPEND else await connect_waiting(scene)
    return (*told, *following)


def _tell_customer(scene: Scene, ended: Handoff, event: HandoffEvent) -> Told:
    texts = {
        HandoffEvent.HUMAN_ENDS: words.ended_for_customer(human_of(ended)),
        HandoffEvent.SILENCE: words.TIMED_OUT_FOR_CUSTOMER,
        HandoffEvent.GIVE_UP: words.GAVE_UP,
        HandoffEvent.CUSTOMER_LEAVES: words.LEFT_THE_LINE,
        HandoffEvent.OPT_OUT: words.OPTED_OUT_IN_HANDOFF,
    }
    if event not in texts:
        return ()
    key = f"handoff-ended:{ended.id}:{ended.reopened}:customer"
    return (scene.message(ended.conversation_id, OutboxKind.NOTICE, key, texts[event], ended),)


async def _tell_human(scene: Scene, ended: Handoff, event: HandoffEvent, said: str) -> Told:
    customer = name_of(ended)
    texts = {
        HandoffEvent.HUMAN_ENDS: words.ended_for_human(customer),
        HandoffEvent.SILENCE: words.timed_out_for_human(customer),
        HandoffEvent.CUSTOMER_LEAVES: words.left_for_human(customer),
        HandoffEvent.OPT_OUT: words.opted_out_for_human(customer, said),
        HandoffEvent.SUSPEND: words.suspended_for_human(customer),
    }
    if ended.staff_id is None or event not in texts:
        return ()
    to = await scene.conversation_with(ended.staff_id)
    key = f"handoff-ended:{ended.id}:{ended.reopened}:human"
    return (scene.message(to, OutboxKind.NOTICE, key, texts[event], ended),)


async def _tell_those_asked(scene: Scene, ended: Handoff) -> Told:
    """Whoever was asked before and did not answer hears that nobody did."""
    outcomes = await handoffs.load_outcomes(scene.uow, scene.organization_id, ended.id)
    told = []
    for staff_id, outcome in outcomes.items():
        if outcome is OfferOutcome.EXPIRED and staff_id != ended.staff_id:
            to = await scene.conversation_with(staff_id)
            key = f"handoff-ended:{ended.id}:{ended.reopened}:{staff_id}"
            text = words.timed_out_for_human(name_of(ended))
            told.append(scene.message(to, OutboxKind.NOTICE, key, text, ended))
    return tuple(told)


async def _leave_task(scene: Scene, handoff: Handoff) -> None:
    task = NewTask(
        id=scene.ids.new(),
        kind=TaskKind.UNANSWERED,
        dedupe_key=f"unanswered:{handoff.id}",
        summary=words.UNANSWERED_TASK,
        created_at=scene.now,
        conversation_id=handoff.conversation_id,
    )
    await outbox.add_task(scene.uow, scene.organization_id, task)


async def connect_waiting(scene: Scene) -> Told:
    """Offer those in line, the longest waiting first, to whoever is free."""
    told: list[NewOutbound] = []
    for waiting in await handoffs.load_line(scene.uow, scene.organization_id):
        humans = await handoffs.lock_humans(scene.uow, scene.organization_id)
        if choose_human(humans, {}, scene.now_local) is None:
            # nobody can be called for anybody: the rest of the line need not be asked about
            break
        offer = await offer_next(scene, waiting, humans)
        if offer.human is None:
            # everybody who is free has said no to this one; the next in line may have more luck
            continue
        text = say_connected(scene, offer.human, humans, on_duty=offer.on_duty)
        key = f"handoff-connected:{waiting.id}:{scene.now.isoformat()}"
        told.append(scene.message(waiting.conversation_id, OutboxKind.NOTICE, key, text, waiting))
        told += offer.messages
    return tuple(told)


async def undo_end(scene: Scene, human: Human, *, written_at: datetime) -> tuple[Handoff, Told] | None:
    """Take back the end a human gave last; None when it is too late or somebody else is in between."""
    ended = await handoffs.load_last_ended(scene.uow, scene.organization_id, human.staff_id)
    if ended is None or ended.ended_at is None or written_at - ended.ended_at > UNDO:
        return None
    newer = await handoffs.load_of_conversation(scene.uow, scene.organization_id, ended.conversation_id)
    if newer is not None or ended.customer_opted_out:
        return None
    told: list[NewOutbound] = []
    if not human.free:
        withdrawn = await _withdraw(scene, human.staff_id)
        if withdrawn is None:
            return None
        told += withdrawn
    reopened = await scene.move(
        ended,
        HandoffEvent.UNDO,
        ended_at=None,
        end_reason=None,
        connected_at=ended.connected_at or scene.now,
        last_human_at=scene.now,
        reopened=ended.reopened + 1,
        nudges=0,
    )
    await scene.remember(reopened.conversation_id, Author.MARKER, words.marker_started(human.name), human.staff_id)
    key = f"handoff-undone:{reopened.id}:{reopened.reopened}"
    text = words.resumed_for_customer(human.name)
    told.append(scene.message(reopened.conversation_id, OutboxKind.NOTICE, key, text, reopened))
    return reopened, (*told, *await connect_waiting(scene))


async def _withdraw(scene: Scene, staff_id: StaffId) -> list[NewOutbound] | None:
    """Give the customer who was just offered to this human back to the line; None when they were taken already."""
    offered = await handoffs.load_of_human(scene.uow, scene.organization_id, staff_id)
    if offered is None or offered.state is not HandoffState.OFFERED:
        return None
    await handoffs.settle_offer(scene.uow, scene.organization_id, offered.id, OfferOutcome.WITHDRAWN, now=scene.now)
    waiting = await scene.move(offered, HandoffEvent.WITHDRAW, staff_id=None, staff_name=None, offered_at=None)
    place = await handoffs.place_in_line(scene.uow, scene.organization_id, waiting.id)
    key = f"handoff-waits:{waiting.id}:{scene.now.isoformat()}"
    return [scene.message(waiting.conversation_id, OutboxKind.NOTICE, key, words.back_in_line(place), waiting)]
