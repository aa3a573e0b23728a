"""Deliver what was committed, in the order it was written, and learn what became of it.

A message is marked `submitting` and committed before the provider is called. When the answer is
lost, the provider's own list is searched before anything is sent again. Called by workers
(`deliver`) and the status webhook (`record_status`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

import msgspec

from runtime.domain import words
from runtime.domain.enums import OutboxKind, OutboxState, TaskKind
from runtime.domain.errors import Unavailable, UnknownOutcome
from runtime.domain.ids import ConversationId, OutboxId
from runtime.domain.templates import CATALOGUE, fill, fill_body
from runtime.domain.whatsapp import parse_status
from runtime.media import address_media
from runtime.parts import Parts
from runtime.ports import MessageRefused, OutgoingMessage, SentMessage, TemplateUse
from runtime.store import outbox
from runtime.store.database import UnitOfWork
from runtime.store.outbox import Moved, NewOutbound, NewTask, Outbound, StatusChange
from runtime.store.templates import load_approved, load_bodies

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

WINDOW_CLOSED = 63016
"""The provider's code for words outside the 24 hours, where only a template may go."""
FOR_CUSTOMERS = "respuesta_negocio"

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
        lease_until = parts.after(parts.settings.lease_s)
        try:
            more = await _deliver_head(parts, conversation_id, lease_until)
        except Unavailable:
            # the claim may stand, when only its answer was lost, and keep the line waiting until it runs out
            await parts.insist(partial(_let_go, parts, conversation_id, lease_until), until=lease_until)
            raise


async def _deliver_head(parts: Parts, conversation_id: ConversationId, lease_until: datetime) -> bool:
    async with parts.database.single() as uow:
        head = await outbox.claim_head(uow, conversation_id, now=parts.clock.now(), lease_until=lease_until)
    return head is not None and await _send(parts, head, lease_until)


async def _let_go(parts: Parts, conversation_id: ConversationId, lease_until: datetime) -> None:
    async with parts.database.single() as uow:
        await outbox.let_go(uow, conversation_id, lease_until=lease_until, now=parts.clock.now())


async def _send(parts: Parts, head: Outbound, lease_until: datetime) -> bool:
    """Bring one claimed message to the provider; False when nothing follows it, or the line has to wait."""
    try:
        receipt = await _find_earlier_send(parts, head)
        if receipt is None:
            if head.attempts > parts.settings.send_attempts:
                await _fail(parts, head, None)
                return True
            message = await _compose(parts, head)
            if message is None:
                return True
            if parts.clock.now() >= lease_until:
                # we were stopped meanwhile: whoever has it by now, or takes it next, sends it
                return False
            receipt = await parts.messenger.send(message)
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
        # what was unknown still is: the provider's list may be what could not be read
        await _postpone(parts, head, head.was)
        return False
    return await parts.insist(lambda: _record(parts, head, receipt), until=lease_until)


async def _record(parts: Parts, head: Outbound, receipt: SentMessage) -> bool:
    state = PROVIDER_STATES.get(receipt.status, OutboxState.ACCEPTED)
    if state in (OutboxState.DELIVERED, OutboxState.READ, OutboxState.UNDELIVERED, OutboxState.FAILED):
        # an earlier try that was looked up: its report may have been lost with its answer, and follows from here
        await _advance(parts, head.id, state, sid=receipt.sid, error_code=receipt.error_code)
        return True
    async with parts.database.single() as uow:
        return await outbox.record_sent(uow, head, sid=receipt.sid, state=state)


async def _compose(parts: Parts, head: Outbound) -> OutgoingMessage | None:
    """What is sent: the words, or the template while the window is closed; None for a relay that has to wait."""
    message = OutgoingMessage(
        outbox_id=head.id,
        from_address=head.from_address,
        to_address=head.to_address,
        body=head.body,
        media_url=address_media(parts, head.media_id) if head.media_id is not None else None,
    )
    if head.template is None or (head.window_open and not head.as_template):
        return message
    async with parts.database.platform() as uow:
        approved = (await load_approved(uow, [head.template])).get(head.template)
        if approved is not None and head.kind is not OutboxKind.RELAY:
            await outbox.mark_as_template(uow, head)
        await uow.commit()
    if approved is None:
        # our count of the hours may be wrong, and the provider's word settles it
        return message
    if head.kind is OutboxKind.RELAY:
        return None if await _hold_back(parts, head) else message
    values = head.template_values or ()
    return msgspec.structs.replace(
        message,
        body=fill_body(approved.body, values),
        template=TemplateUse(approved.content_sid, values),
        media_url=None,
    )


async def _hold_back(parts: Parts, head: Outbound) -> bool:
    """Keep a relay and knock; False where the receiver has written this moment and may be answered freely."""
    async with parts.database.platform() as uow:
        held = await outbox.hold_back(uow, head)
        if held:
            await _queue_knock(parts, uow, head)
        await uow.commit()
    return held


async def _queue_knock(parts: Parts, uow: UnitOfWork, waiting: Outbound | Moved) -> None:
    assert waiting.template is not None
    values, now = waiting.template_values or (), parts.clock.now()
    window = waiting.heard_at.isoformat() if waiting.heard_at else "never"
    knock = NewOutbound(
        id=OutboxId(parts.ids.new()),
        conversation_id=waiting.conversation_id,
        kind=OutboxKind.ALERT,
        dedupe_key=f"knock:{waiting.conversation_id}:{window}",
        body=fill(CATALOGUE[waiting.template], values),
        at=now,
        counterpart_id=waiting.counterpart_id,
        handoff_id=waiting.handoff_id,
        template=waiting.template,
        template_values=values,
    )
    told = [knock]
    if waiting.counterpart_id is not None and waiting.template == FOR_CUSTOMERS:
        text = words.window_closed(values[0] if values else words.NAMELESS)
        told.append(_tell_sender(parts, waiting, f"held:{waiting.conversation_id}:{window}", text))
    await outbox.queue_messages(uow, waiting.organization_id, None, told)


def _tell_sender(parts: Parts, about: Outbound | Moved, key: str, text: str) -> NewOutbound:
    """A word to whoever said what could not be passed on, or was."""
    assert about.counterpart_id is not None
    return NewOutbound(
        id=OutboxId(parts.ids.new()),
        conversation_id=about.counterpart_id,
        kind=OutboxKind.NOTICE,
        dedupe_key=key,
        body=text,
        at=parts.clock.now(),
        counterpart_id=about.conversation_id,
        handoff_id=about.handoff_id,
    )


async def _find_earlier_send(parts: Parts, head: Outbound) -> SentMessage | None:
    """The provider's record of an earlier try whose answer never reached us, if there is one."""
    if head.was is not OutboxState.SUBMITTING or head.first_submitted_at is None:
        return None
    candidates = await parts.messenger.find(
        to_address=head.to_address, from_address=head.from_address, since=head.first_submitted_at - _LOOK_BACK
    )
    async with parts.database.single() as uow:
        said = {head.body}
        if head.as_template and head.template is not None:
            said = {fill_body(body, head.template_values or ()) for body in await load_bodies(uow, head.template)}
        same_text = [each for each in candidates if each.body in said]
        ours = await outbox.known_sids(uow, head, [each.sid for each in same_text])
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
    if state in (OutboxState.FAILED, OutboxState.UNDELIVERED):
        return await _take_in_failure(parts, change)
    async with parts.database.single() as uow:
        moved = await outbox.advance(uow, change)
    if moved is not None and state is OutboxState.DELIVERED and moved.to_customer and moved.last_of_turn:
        await _confirm(parts, moved)
    return moved is not None


async def _confirm(parts: Parts, moved: Moved) -> None:
    """Tell a human, once for all they wrote in one go, that the customer's phone has it."""
    if moved.kind is not OutboxKind.RELAY or moved.counterpart_id is None:
        return
    receipt = _tell_sender(
        parts, moved, f"receipt:{moved.turn_id or moved.id}", words.delivered(moved.name or words.NAMELESS)
    )
    async with parts.database.single() as uow:
        await outbox.queue_messages(uow, moved.organization_id, None, [receipt])


async def _take_in_failure(parts: Parts, change: StatusChange) -> bool:
    """A message did not arrive: fall back to its template, or leave a task and tell whoever said it."""
    async with parts.database.platform() as uow:
        revived = None
        if change.error_code == WINDOW_CLOSED:
            revived = await outbox.revive(uow, change, now=parts.clock.now())
        if revived is not None and revived.held:
            await _queue_knock(parts, uow, revived)
        moved = None if revived is not None else await outbox.advance(uow, change)
        if moved is not None:
            await _leave_task(parts, uow, moved, change.error_code)
        await uow.commit()
    return revived is not None or moved is not None


async def _leave_task(parts: Parts, uow: UnitOfWork, failed: Moved, code: int | None) -> None:
    now = parts.clock.now()
    task = NewTask(
        id=parts.ids.new(),
        kind=TaskKind.UNDELIVERED,
        dedupe_key=f"undelivered:{failed.id}",
        summary=words.undelivered_task(code),
        created_at=now,
        conversation_id=failed.conversation_id,
    )
    await outbox.add_task(uow, failed.organization_id, task)
    if failed.kind is not OutboxKind.RELAY or failed.counterpart_id is None:
        return
    text = (
        words.not_delivered(failed.name or words.NAMELESS, failed.body) if failed.to_customer else words.NOT_PASSED_ON
    )
    notice = _tell_sender(parts, failed, f"failed:{failed.id}", text)
    await outbox.queue_messages(uow, failed.organization_id, None, [notice])


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
