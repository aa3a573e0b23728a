"""Run one durable turn: claim a conversation, route it, answer, and finish in one transaction.

Called by workers with a conversation's id, possibly twice and possibly after another worker was
killed in the middle. Nothing is told that is not committed, and nothing that was accepted is left
without an end: after the last attempt the customer gets an apology and a person gets a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
import structlog

from runtime.agent.journal import Journal
from runtime.answers import Draft, Reroute, Situation, answer, is_spent, needs_model
from runtime.answers.perception import perceive
from runtime.domain import words
from runtime.domain.enums import Author, ChannelKind, InboxState, OrganizationStatus, OutboxKind, TaskKind, TurnState
from runtime.domain.errors import Broken, GaveUp, LeaseLost, Paced, Unavailable
from runtime.domain.identity import canonical_key
from runtime.domain.ids import ConversationId, InboxId, OutboxId, PersonId, TurnId
from runtime.domain.spanish.folding import is_opt_in, is_opt_out
from runtime.domain.whatsapp import MessageKind
from runtime.outbox import deliver
from runtime.parts import Parts
from runtime.ports import Job
from runtime.router import Case, Consent, Facts, route
from runtime.store import conversations, journal, outbox, people
from runtime.store.conversations import Claim, Closing, FactsRow, Pending, Serving
from runtime.store.database import UnitOfWork
from runtime.store.journal import NewMessage
from runtime.store.outbox import NewOutbound, NewTask, Quoted

log = structlog.get_logger()

_LISTENED_TO = frozenset({Case.CUSTOMER, Case.UNSUPPORTED})
"""Where it is Parlo who has to understand; what goes to a person goes as it is."""
_TAPS = frozenset({MessageKind.BUTTON, MessageKind.LIST})


async def run_conversation(parts: Parts, conversation_id: ConversationId) -> bool:
    """Answer what a conversation is waiting for.

    Returns:
        False when there was nothing to do: somebody holds it, a burst is still coming in, or it is done.

    Raises:
        Unavailable: The database is down; whatever was accepted is still there.
    """
    async with parts.conversation_lock.guard(parts.database, conversation_id) as ours:
        situation = await _claim(parts, conversation_id) if ours else None
        if situation is None:
            return False
        messages = await _conclude(parts, situation)
    await _send_out(parts, situation.claimed.id, messages, released=situation.row.has_held)
    return True


async def _conclude(parts: Parts, situation: Situation) -> list[NewOutbound]:
    """Run the turn to its end, or to where it has to wait; what was committed to be sent."""
    claimed = situation.claimed
    try:
        if claimed.attempts > parts.settings.turn_attempts:
            return await _bury(parts, situation, "attempts exhausted")
        return await _run(parts, situation)
    except LeaseLost:
        log.warning("lease_lost", conversation=str(claimed.id), fence=claimed.fence)
        return []
    except Reroute:
        await _give_back(parts, situation, wait_s=0.0)
        return []
    except Paced as error:
        await _pause(parts, claimed, error.until)
        return []
    except GaveUp as error:
        return await _bury(parts, situation, str(error))
    except (Unavailable, TimeoutError) as error:
        log.warning("turn_postponed", conversation=str(claimed.id), attempt=claimed.attempts, error=str(error))
        return await _postpone(parts, situation)
    except Exception as error:
        # the edge of a worker: whatever broke, the message is tried again and in the end given to a person
        kind = "turn_broken" if isinstance(error, Broken) else "turn_crashed"
        log.error(kind, conversation=str(claimed.id), attempt=claimed.attempts, exc_info=error)
        return await _postpone(parts, situation)


async def _claim(parts: Parts, conversation_id: ConversationId) -> Situation | None:
    lease_until = parts.after(parts.settings.lease_s)
    try:
        return await _take_up(parts, conversation_id, lease_until)
    except Unavailable:
        # the claim may stand all the same, when only its answer was lost
        await parts.insist(lambda: _let_go(parts, conversation_id, lease_until), until=lease_until)
        raise


async def _let_go(parts: Parts, conversation_id: ConversationId, lease_until: datetime) -> None:
    async with parts.database.single() as uow:
        await conversations.let_go(uow, conversation_id, lease_until=lease_until, now=parts.clock.now())


async def _take_up(parts: Parts, conversation_id: ConversationId, lease_until: datetime) -> Situation | None:
    now = parts.clock.now()
    async with parts.database.platform() as uow:
        claimed = await parts.conversation_lock.claim(uow, conversation_id, now=now, lease_until=lease_until)
        if claimed is None:
            return None
        pending = await conversations.open_turn(uow, claimed, turn_id=TurnId(parts.ids.new()), now=now)
        if not pending:
            await conversations.release(uow, claimed, due_at=None)
            await uow.commit()
            return None
        person_id = claimed.person_id
        if person_id is None:
            person_id = await conversations.adopt_person(
                uow, claimed, person_id=PersonId(parts.ids.new()), also=_second_key(pending), now=now
            )
        most_calls = parts.settings.business_calls_per_day
        row = await conversations.gather_facts(uow, claimed, now=now, most_calls=most_calls)
        await _note_profile_name(uow, claimed, person_id, row, pending)
        if row.has_held:
            await outbox.release_held(uow, claimed.organization_id, claimed.id, now=now)
        quotes = await _find_quotes(uow, pending)
        serving = _choose_serving(row, quotes)
        facts = facts_from(row, pending, serving=serving is not None)
        situation = Situation(
            _note_flood(parts, claimed, pending),
            person_id,
            pending[0].turn_id,
            pending,
            row,
            facts,
            route(facts),
            serving=serving,
            quotes=quotes,
        )
        waits = await _wait_for_allowance(parts, uow, situation)
        await uow.commit()
    return None if waits else situation


def _note_flood(parts: Parts, claimed: Claim, pending: list[Pending]) -> Claim:
    """Leave a sender who floods one model call: a burst is for somebody who talks."""
    if len(pending) <= parts.settings.flood_messages or pending[0].resumed:
        return claimed
    left = parts.settings.allowance.leave_one(claimed.paid_until, parts.clock.now())
    return msgspec.structs.replace(claimed, paid_until=left)


async def _wait_for_allowance(parts: Parts, uow: UnitOfWork, situation: Situation) -> bool:
    """Put off a turn that would begin with a model call its sender may not cause yet; more may be written to it."""
    claimed, now = situation.claimed, parts.clock.now()
    until = parts.settings.allowance.next_call_at(claimed.paid_until, now)
    if until <= now or situation.pending[0].resumed or not needs_model(parts, situation):
        return False
    await conversations.unopen_turn(uow, claimed, situation.turn_id)
    await conversations.pause(uow, claimed, until=until)
    return True


async def _note_profile_name(
    uow: UnitOfWork, claimed: Claim, person_id: PersonId, row: FactsRow, pending: list[Pending]
) -> None:
    """Keep what a customer calls themselves before anybody is told of them: a tool may call a person in this turn."""
    name = next((each.payload["ProfileName"] for each in pending if each.payload.get("ProfileName")), None)
    is_customer = row.channel_kind is ChannelKind.BUSINESS and row.staff_id is None
    if is_customer and name is not None and name != row.profile_name:
        await people.note_profile_name(uow, claimed.organization_id, person_id, name)


async def _find_quotes(uow: UnitOfWork, pending: list[Pending]) -> dict[InboxId, Quoted]:
    """The messages of ours that are answered by quoting them."""
    found = {}
    for message in pending:
        sid = message.payload.get("OriginalRepliedMessageSid")
        quoted = await outbox.find_quoted(uow, sid) if sid else None
        if quoted is not None and quoted.handoff_id is not None:
            found[message.id] = quoted
    return found


def _choose_serving(row: FactsRow, quotes: Mapping[InboxId, Quoted]) -> Serving | None:
    """Which of the sender's customers is meant: the one who is quoted, or the only one there is."""
    quoted = {quote.handoff_id for quote in quotes.values()}
    named = [each for each in row.servings if each.handoff_id in quoted]
    own = [each for each in row.servings if each.own]
    meant = next((some for some in (named, own, row.servings) if some), [])
    return meant[0] if len(meant) == 1 else None


def _second_key(pending: list[Pending]) -> str | None:
    """The person's user id, when the provider sent it beside a phone number."""
    for message in pending:
        key = canonical_key(message.payload.get("ExternalUserId", ""))
        if key is not None:
            return key.value
    return None


def facts_from(row: FactsRow, pending: list[Pending], *, serving: bool) -> Facts:
    """A database row and the messages' own content as the router's facts."""
    texts = [message.body.strip() for message in pending]
    consent = _read_consent(texts)
    if consent is Consent.OPT_IN and not row.opted_out:
        consent = Consent.NONE
    statuses = [business.status for business in row.businesses]
    return Facts(
        channel=ChannelKind(row.channel_kind),
        organization=row.organization_status,
        businesses_active=statuses.count(OrganizationStatus.ACTIVE),
        businesses_onboarding=statuses.count(OrganizationStatus.ONBOARDING),
        is_staff=row.staff_id is not None,
        is_new_staff=row.staff_id is not None and row.first_message_at is None,
        serving=serving,
        handed_off=row.handoff_id is not None,
        opted_out=row.opted_out,
        consent=consent,
        supported=any(text or message.kind in _TAPS for text, message in zip(texts, pending, strict=True)),
    )


def _read_consent(texts: Sequence[str]) -> Consent:
    """What was last asked for by a message that says nothing else; what follows it in a burst takes nothing back."""
    for text in reversed(texts):
        if is_opt_out(text):
            return Consent.OPT_OUT
        if is_opt_in(text):
            return Consent.OPT_IN
    return Consent.NONE


async def _run(parts: Parts, situation: Situation) -> list[NewOutbound]:
    claimed = situation.claimed
    steps = []
    if situation.pending[0].resumed:
        async with parts.database.tenant(claimed.organization_id) as uow:
            steps = await journal.load_steps(uow, claimed.organization_id, situation.turn_id)
    memory = Journal(parts, claimed, situation.turn_id, steps, spent=is_spent(parts, situation))
    async with asyncio.timeout(parts.settings.turn_deadline_s):
        situation = await _listen(parts, memory, situation)
        outcome = await answer(parts, memory, situation)
    database = parts.database
    async with database.platform() if outcome.crosses else database.tenant(claimed.organization_id) as uow:
        taken = await memory.hold(uow)
        if taken and outcome.only_alone:
            raise Reroute
        messages = [_outbound(parts, situation, draft) for draft in outcome.drafts]
        if outcome.act is not None:
            messages += await outcome.act(uow)
        closing = Closing(
            turn_id=situation.turn_id,
            inbox_state=InboxState.DONE,
            turn_state=TurnState.DONE,
            route=situation.route.case,
            reason=situation.route.reason,
            prompt=outcome.prompt,
            prompt_hash=outcome.prompt_hash,
            model=outcome.model,
        )
        await _finish(parts, uow, situation, outcome.author, messages, closing)
    return messages


async def _listen(parts: Parts, journal: Journal, situation: Situation) -> Situation:
    """The same situation with what a customer said aloud or showed as words; then it may go another way."""
    if situation.route.case not in _LISTENED_TO:
        return situation
    pending = await perceive(parts, journal, situation.claimed, situation.pending)
    if pending == situation.pending:
        return situation
    facts = msgspec.structs.replace(situation.facts, supported=True)
    return msgspec.structs.replace(situation, pending=pending, facts=facts, route=route(facts))


async def _finish(
    parts: Parts,
    uow: UnitOfWork,
    situation: Situation,
    author: Author,
    messages: list[NewOutbound],
    closing: Closing,
) -> None:
    """Write what was said, the messages to send and the end of the turn, and commit."""
    claimed, now = situation.claimed, parts.clock.now()
    history = [
        NewMessage(parts.ids.new(), claimed.id, author, _as_history(message), message.received_at)
        for message in situation.pending
    ]
    await journal.add_messages(uow, claimed.organization_id, situation.turn_id, history)
    await _queue(uow, situation, messages)
    await conversations.close_turn(uow, claimed, closing, now=now)
    await uow.commit()


async def _queue(uow: UnitOfWork, situation: Situation, messages: list[NewOutbound]) -> None:
    """Queue what is sent; another organization's messages cannot point at our turn."""
    ours = situation.claimed.organization_id
    for organization_id in dict.fromkeys(each.organization_id or ours for each in messages):
        theirs = [each for each in messages if (each.organization_id or ours) == organization_id]
        turn_id = situation.turn_id if organization_id == ours else None
        await outbox.queue_messages(uow, organization_id, turn_id, theirs)


def _as_history(message: Pending) -> str:
    return words.describe_message(MessageKind(message.kind), message.body)


def _outbound(parts: Parts, situation: Situation, draft: Draft) -> NewOutbound:
    key = f"{draft.kind}:{situation.turn_id}:{draft.part}"
    return NewOutbound(OutboxId(parts.ids.new()), situation.claimed.id, draft.kind, key, draft.text, parts.clock.now())


async def _send_out(
    parts: Parts, conversation_id: ConversationId, messages: list[NewOutbound], *, released: bool
) -> None:
    """Answer whoever wrote from here, at once; what others are told goes through the broker meanwhile."""
    receivers = {message.conversation_id: None for message in messages}
    for other in receivers:
        if other != conversation_id:
            await parts.hand_over(Job.DELIVER, other)
    if released or conversation_id in receivers:
        await deliver(parts, conversation_id)


async def _postpone(parts: Parts, situation: Situation) -> list[NewOutbound]:
    """Try again later; from the first failure on the customer knows that it takes longer."""
    claimed = situation.claimed
    wait_s = min(60.0, 2.0**claimed.attempts) * (1 + parts.ids.jitter() / 4)
    if situation.route.case is not Case.CUSTOMER:
        await _give_back(parts, situation, wait_s)
        return []
    holding = _outbound(parts, situation, Draft(words.HOLDING, OutboxKind.APOLOGY, 0))

    async def write() -> list[NewOutbound]:
        async with parts.database.tenant(claimed.organization_id) as uow:
            await parts.conversation_lock.hold(uow, claimed.organization_id, claimed.id, claimed.fence)
            if not await conversations.release(uow, claimed, due_at=parts.after(wait_s), turn_id=situation.turn_id):
                return []
            await outbox.queue_messages(uow, claimed.organization_id, situation.turn_id, [holding])
            await uow.commit()
            return [holding]

    try:
        return await parts.insist(write, until=claimed.lease_until)
    except (LeaseLost, Unavailable) as error:
        # the lease runs out by itself
        log.warning("postpone_failed", conversation=str(claimed.id), error=str(error))
        return []


async def _pause(parts: Parts, claimed: Claim, until: datetime) -> None:
    """Go on with the turn when its sender may cause another model call."""

    async def write() -> None:
        async with parts.database.tenant(claimed.organization_id) as uow:
            await conversations.pause(uow, claimed, until=until, paid_until=claimed.paid_until)
            await uow.commit()

    try:
        await parts.insist(write, until=claimed.lease_until)
    except Unavailable as error:
        log.warning("pause_failed", conversation=str(claimed.id), error=str(error))


async def _give_back(parts: Parts, situation: Situation, wait_s: float) -> None:
    claimed = situation.claimed

    async def write() -> None:
        async with parts.database.tenant(claimed.organization_id) as uow:
            await conversations.release(uow, claimed, due_at=parts.after(wait_s), turn_id=situation.turn_id)
            await uow.commit()

    try:
        await parts.insist(write, until=claimed.lease_until)
    except Unavailable as error:
        log.warning("release_failed", conversation=str(claimed.id), error=str(error))


async def _bury(parts: Parts, situation: Situation, why: str) -> list[NewOutbound]:
    """End a turn that cannot be answered: apologise, and leave a person a task."""
    claimed, now = situation.claimed, parts.clock.now()
    log.error("turn_dead", conversation=str(claimed.id), turn=str(situation.turn_id), why=why)
    apology = _outbound(parts, situation, Draft(words.APOLOGY, OutboxKind.APOLOGY, 1))
    task = NewTask(
        id=parts.ids.new(),
        kind=TaskKind.DEAD_LETTER,
        dedupe_key=f"dead:{situation.turn_id}",
        summary=words.DEAD_LETTER_TASK,
        created_at=now,
        conversation_id=claimed.id,
    )
    closing = Closing(
        turn_id=situation.turn_id,
        inbox_state=InboxState.DEAD,
        turn_state=TurnState.DEAD,
        route=situation.route.case,
        reason=situation.route.reason,
        error=why,
    )
    try:
        async with parts.database.tenant(claimed.organization_id) as uow:
            await parts.conversation_lock.hold(uow, claimed.organization_id, claimed.id, claimed.fence)
            await outbox.add_task(uow, claimed.organization_id, task)
            await _finish(parts, uow, situation, Author.CUSTOMER, [apology], closing)
    except (LeaseLost, Unavailable) as error:
        # the lease runs out by itself, and the next claim buries it
        log.warning("bury_failed", conversation=str(claimed.id), error=str(error))
        return []
    return [apology]
