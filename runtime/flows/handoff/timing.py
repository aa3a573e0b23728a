"""What is done when a handoff's moment has come and nobody said anything. Called by the ticker.

A step is done only if it is still due under the lock; the row then plans its next one.
"""

from __future__ import annotations

from collections.abc import Sequence

from runtime.domain import words
from runtime.domain.enums import HandoffState, OfferOutcome, OrganizationStatus, OutboxKind
from runtime.domain.handoff import SILENCE, HandoffEvent, Step, is_silent
from runtime.domain.ids import ConversationId
from runtime.flows.handoff.ending import connect_waiting, end
from runtime.flows.handoff.offering import choose_human, is_on_duty
from runtime.flows.handoff.scene import (
    WAITING_TEMPLATE,
    Scene,
    fill_waiting,
    human_of,
    name_of,
    waited_minutes,
    with_template,
)
from runtime.flows.handoff.taking import find_another, lose_human
from runtime.store import handoffs
from runtime.store.handoffs import Handoff, Human
from runtime.store.outbox import NewOutbound

Told = tuple[NewOutbound, ...]


async def do_due(scene: Scene, handoff: Handoff, humans: Sequence[Human], status: OrganizationStatus) -> Told:
    """Do what is due for an open handoff.

    Args:
        scene: Where and when.
        handoff: Locked, after the humans.
        humans: Everybody who may take customers.
        status: Of the business.
    """
    if status is not OrganizationStatus.ACTIVE:
        return await end(scene, handoff, HandoffEvent.SUSPEND)
    if handoff.staff_id is not None and all(human.staff_id != handoff.staff_id for human in humans):
        return await lose_human(scene, handoff)
    planned = handoff.plan
    if planned is None or planned.at > scene.now:
        # made due from outside: somebody new may take customers, or the reason no longer holds
        await scene.change(handoff, {})
        return await connect_waiting(scene)
    if planned.step is Step.SILENCE or is_silent(handoff.times, scene.now):
        # where nobody looked for a while, the reminders that are overdue too would only cross the end
        return await end(scene, handoff, HandoffEvent.SILENCE)
    if planned.step is Step.GIVE_UP:
        return await end(scene, handoff, HandoffEvent.GIVE_UP)
    if planned.step is Step.LOOK:
        return await _look(scene, handoff, humans)
    if planned.step is Step.WAKE:
        return await _wake(scene, handoff)
    if planned.step is Step.ESCALATE:
        return await _escalate(scene, handoff, humans)
    if planned.step is Step.CALL_NEXT:
        return await _call_next(scene, handoff, humans)
    return await _remind(scene, handoff)


async def _look(scene: Scene, handoff: Handoff, humans: Sequence[Human]) -> Told:
    """Somebody may have come on duty; where nobody is left to wait for, half an hour of it is enough."""
    counted = await scene.change(handoff, {"nudges": handoff.nudges + 1})
    told = await connect_waiting(scene)
    waited = scene.now - (counted.last_human_at or counted.requested_at)
    if told or waited < SILENCE or not all(human.free for human in humans):
        return told
    return await end(scene, counted, HandoffEvent.GIVE_UP)


async def _remind(scene: Scene, handoff: Handoff) -> Told:
    """Count a reminder, and give it to the human who is waited for."""
    return await _remind_own(scene, await scene.change(handoff, {"nudges": handoff.nudges + 1}))


async def _remind_own(scene: Scene, handoff: Handoff) -> Told:
    assert handoff.staff_id is not None
    to = await scene.conversation_with(handoff.staff_id)
    text = words.reminder if handoff.state is HandoffState.OFFERED else words.nudge
    key = f"handoff-reminder:{handoff.id}:{handoff.staff_id}:{scene.now.isoformat()}"
    return (_nudge(scene, handoff, to, key, text(name_of(handoff), waited_minutes(scene, handoff))),)


async def _wake(scene: Scene, handoff: Handoff) -> Told:
    """The quarter of an hour the human asked for is over."""
    # they are asked as if anew: without this every step of the first offer would be overdue at once
    anew = {"snoozed_until": None, "offered_at": scene.now, "nudges": 0}
    return await _remind(scene, await scene.change(handoff, anew))


async def _escalate(scene: Scene, handoff: Handoff, humans: Sequence[Human]) -> Told:
    """The next human is asked; where there is none, this one stays asked."""
    assert handoff.staff_id is not None
    outcomes = await handoffs.load_outcomes(scene.uow, scene.organization_id, handoff.id)
    if choose_human(humans, outcomes, scene.now_local) is None:
        await scene.change(handoff, {"nudges": handoff.nudges + 1})
        return ()
    await handoffs.settle_offer(scene.uow, scene.organization_id, handoff.id, OfferOutcome.EXPIRED, now=scene.now)
    before = await scene.conversation_with(handoff.staff_id)
    waiting = await scene.move(handoff, HandoffEvent.EXPIRE, staff_id=None, staff_name=None, offered_at=None)
    told = await find_another(scene, waiting, tell_place=False, restart=False)
    following = await handoffs.load_open(scene.uow, scene.organization_id, waiting.id)
    text = words.escalated(following.staff_name if following else None)
    key = f"handoff-escalated:{waiting.id}:{handoff.staff_id}:{scene.now.isoformat()}"
    return (scene.message(before, OutboxKind.NOTICE, key, text, waiting), *told)


async def _call_next(scene: Scene, handoff: Handoff, humans: Sequence[Human]) -> Told:
    """Somebody else hears that the customer waits; the one who has them keeps them until they take over."""
    counted = await scene.change(handoff, {"nudges": handoff.nudges + 1})
    free = [human for human in humans if human.free]
    helper = next((human for human in free if is_on_duty(human, scene.now_local)), None)
    if helper is None:
        return await _remind_own(scene, counted)
    to = await scene.conversation_with(helper.staff_id)
    text = words.call_next(name_of(counted), human_of(counted), waited_minutes(scene, counted))
    key = f"handoff-call-next:{counted.id}:{helper.staff_id}:{scene.now.isoformat()}"
    return (_nudge(scene, counted, to, key, text),)


def _nudge(scene: Scene, handoff: Handoff, to: ConversationId, key: str, text: str) -> NewOutbound:
    message = scene.message(to, OutboxKind.ALERT, key, text, handoff)
    return with_template(message, WAITING_TEMPLATE, fill_waiting(scene, handoff))
