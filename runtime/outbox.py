"""Deliver what was committed, in the order it was written, and learn what became of it.

A message is marked `submitting` and committed before the provider is called. When the answer is
lost, the provider's own list is searched before anything is sent again. Called by workers
(`deliver`) and the status webhook (`record_status`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from runtime.domain.enums import OutboxState
from runtime.domain.errors import Unavailable, UnknownOutcome
from runtime.domain.ids import ConversationId, OutboxId
from runtime.domain.whatsapp import parse_status
from runtime.parts import Parts
from runtime.ports import MessageRefused, OutgoingMessage, SentMessage
from runtime.store import outbox
from runtime.store.outbox import Outbound, StatusChange

PROVIDER_STATES: dict[str, OutboxState] = {
    "accepted": OutboxState.ACCEPTED,
    "scheduled": OutboxState.ACCEPTED,
    "queued": OutboxState.ACCEPTED,
    "sending": OutboxState.SENDING,
    "sent": OutboxState.SENT,
    "delivered": OutboxState.DELIVERED,
    "read": OutboxState.READ,
    "undelivered": OutboxState.UNDELIVERED,
    "failed": OutboxState.FAILED,
    "canceled": OutboxState.FAILED,
}
"""The provider's words for a message's state, as ours."""

_RANK = {state: rank for rank, state in enumerate(OutboxState)}
# Reads of the provider's list are by whole seconds and another machine's clock.
_LOOK_BACK = timedelta(seconds=60)


def states_below(state: OutboxState) -> tuple[OutboxState, ...]:
    """The states a message may leave for `state`: a callback only ever moves it up its rank.

    A delivery is believed even after a failure was reported, but never the other way round.
    """
    lower = tuple(each for each in OutboxState if _RANK[each] < _RANK[state])
    if state in (OutboxState.DELIVERED, OutboxState.READ):
        return (*lower, OutboxState.UNDELIVERED, OutboxState.FAILED)
    if state in (OutboxState.UNDELIVERED, OutboxState.FAILED):
        final = (OutboxState.DELIVERED, OutboxState.READ, OutboxState.UNDELIVERED, OutboxState.FAILED)
        return tuple(each for each in lower if each not in final)
    return lower


async def deliver(parts: Parts, conversation_id: ConversationId) -> None:
    """Send what waits for this conversation, head first, until the line is empty or held up."""
    more = True
    while more:
        now = parts.clock.now()
        lease_until = parts.after(parts.settings.lease_s)
        async with parts.database.single() as uow:
            head = await outbox.claim_head(uow, conversation_id, now=now, lease_until=lease_until)
        more = head is not None and await _send(parts, head)


async def _send(parts: Parts, head: Outbound) -> bool:
    """Bring one claimed message to the provider; False when nothing follows it, or the line has to wait."""
    try:
        receipt = await _find_earlier_send(parts, head)
        if receipt is None:
            if head.attempts > parts.settings.send_attempts:
                await _fail(parts, head, None)
                return True
            receipt = await parts.messenger.send(
                OutgoingMessage(
                    outbox_id=head.id, from_address=head.from_address, to_address=head.to_address, body=head.body
                )
            )
    except MessageRefused as refusal:
        if not refusal.retry:
            await _fail(parts, head, refusal.code or None)
            return True
        await _postpone(parts, head, OutboxState.QUEUED)
        return False
    except UnknownOutcome:
        await _postpone(parts, head, OutboxState.SUBMITTING)
        return False
    except Unavailable:
        await _postpone(parts, head, OutboxState.QUEUED)
        return False
    state = PROVIDER_STATES.get(receipt.status, OutboxState.ACCEPTED)
    async with parts.database.single() as uow:
        return await outbox.record_sent(uow, head, sid=receipt.sid, state=state)


async def _find_earlier_send(parts: Parts, head: Outbound) -> SentMessage | None:
    """The provider's record of an earlier try whose answer never reached us, if there is one."""
    if head.was is not OutboxState.SUBMITTING or head.first_submitted_at is None:
        return None
    candidates = await parts.messenger.find(
        to_address=head.to_address, from_address=head.from_address, since=head.first_submitted_at - _LOOK_BACK
    )
    same_text = [each for each in candidates if each.body == head.body]
    async with parts.database.single() as uow:
        ours = await outbox.known_sids(uow, [each.sid for each in same_text])
    return next((each for each in same_text if each.sid not in ours), None)


async def _postpone(parts: Parts, head: Outbound, state: OutboxState) -> None:
    if head.attempts >= parts.settings.send_attempts and state is OutboxState.QUEUED:
        await _fail(parts, head, None)
        return
    wait_s = min(60.0, 2.0**head.attempts) * (1 + parts.ids.jitter() / 4)
    async with parts.database.single() as uow:
        await outbox.postpone(uow, head, state=state, due_at=parts.after(wait_s))


async def _fail(parts: Parts, head: Outbound, code: int | None) -> None:
    await _advance(parts, head.id, OutboxState.FAILED, sid=None, error_code=code)


async def _advance(
    parts: Parts, outbox_id: OutboxId, state: OutboxState, *, sid: str | None, error_code: int | None
) -> bool:
    change = StatusChange(
        outbox_id=outbox_id, state=state, from_states=states_below(state), sid=sid, error_code=error_code
    )
    async with parts.database.single() as uow:
        moved = await outbox.advance(uow, change, task_id=parts.ids.new(), now=parts.clock.now())
    return moved is not None


async def record_status(parts: Parts, outbox_id: OutboxId, form: Mapping[str, str]) -> bool:
    """Take in a status callback; False when it told nothing new.

    Raises:
        Untrusted: No sid or status in the form.
        Unavailable: The database is down.
    """
    update = parse_status(form)
    state = PROVIDER_STATES.get(update.status)
    if state is None:
        return False
    return await _advance(parts, outbox_id, state, sid=update.sid, error_code=update.error_code)
