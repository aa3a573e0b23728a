"""Turn due rows into work: offer conversations and messages, see to handoffs, sweep.

Any number of tickers may run; rows are claimed with SKIP LOCKED or checked again under a lock. The
broker is told ids and may forget them: what was offered is due again shortly after.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import structlog

from runtime.domain.errors import Unavailable
from runtime.domain.ids import ConversationId
from runtime.flows.handoff import Scene, do_due
from runtime.parts import Parts
from runtime.ports import Job
from runtime.store import conversations, flows, handoffs, media, outbox
from runtime.store.due import look_for_due
from runtime.store.handoffs import DueHandoff

log = structlog.get_logger()

BATCH = 200


async def tick(parts: Parts) -> int:
    """Offer everything that is due now.

    Returns:
        How many offers and state changes were made; 0 means there was nothing to do.

    Raises:
        Unavailable: The database is down.
    """
    now = parts.clock.now()
    again_at = parts.after(parts.settings.reoffer_s)
    async with parts.database.single() as uow:
        is_due = await look_for_due(uow, now=now)
        due = await conversations.offer_due(uow, now=now, again_at=again_at, most=BATCH) if is_due.conversations else []
        unsent = await outbox.offer_due(uow, now=now, again_at=again_at, most=BATCH) if is_due.outbox else []
        waiting = await handoffs.find_due(uow, now=now, most=BATCH) if is_due.handoffs else []
        idle = await flows.abandon_idle(uow, now=now, most=BATCH) if is_due.flows else 0
    for conversation_id in due:
        await parts.hand_over(Job.RUN_CONVERSATION, conversation_id)
    for conversation_id in unsent:
        await parts.hand_over(Job.DELIVER, conversation_id)
    for handoff in waiting:
        try:
            await _see_to(parts, handoff)
        except Unavailable:
            raise
        except Exception as error:
            # one row that cannot be moved must not stop the clock of all tenants
            log.error("handoff_stuck", handoff=str(handoff.id), exc_info=error)
    return len(due) + len(unsent) + len(waiting) + idle


async def _see_to(parts: Parts, due: DueHandoff) -> None:
    """Do what a handoff's time has come for, if that is still so."""
    now = parts.clock.now()
    async with parts.database.tenant(due.organization_id) as uow:
        humans = await handoffs.lock_humans(uow, due.organization_id)
        handoff = await handoffs.load_open(uow, due.organization_id, due.id)
        if handoff is None or handoff.due_at is None or handoff.due_at > now:
            return
        scene = Scene(uow, parts.ids, due.organization_id, now, due.business, ZoneInfo(due.timezone))
        told = await do_due(scene, handoff, humans, due.status)
        await outbox.queue_messages(uow, due.organization_id, None, told)
        await uow.commit()
    for conversation_id in dict.fromkeys(message.conversation_id for message in told):
        await parts.hand_over(Job.DELIVER, conversation_id)


async def sweep(parts: Parts) -> list[ConversationId]:
    """Put stranded conversations back on the clock, and forget files whose time is over.

    Raises:
        Unavailable: The database is down.
    """
    async with parts.database.single() as uow:
        found = await conversations.sweep(uow, now=parts.clock.now())
        await media.delete_expired(uow, now=parts.clock.now(), most=BATCH)
    if found:
        log.warning("stranded_conversations", count=len(found))
    return found


async def run_forever(parts: Parts) -> None:
    """Tick until cancelled. A database that is down is waited for."""
    next_sweep = parts.clock.now()
    while True:
        try:
            if parts.clock.now() >= next_sweep:
                await sweep(parts)
                next_sweep = parts.after(parts.settings.sweep_s)
            await tick(parts)
        except Unavailable as error:
            log.warning("tick_failed", error=str(error))
        await parts.clock.sleep(parts.settings.tick_s)
