"""What a human's messages mean and do: to the customer they have, to the line, or to Parlo.

Buttons and fixed words are decided first, then whatever quotes a message of ours, and only the rest is
judged (`runtime.agent.owner_intent`). Nothing a human wrote is lost: what is not passed on is kept and said to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import msgspec

from runtime.agent.journal import Journal
from runtime.agent.owner_intent import DecidedBy, Intent, Judgement, judge
from runtime.answers.hearing import Hearing, Meaning
from runtime.answers.schedule import describe_today
from runtime.answers.situation import Outcome, Reroute, Situation, read_lines
from runtime.domain import words
from runtime.domain.enums import Author, ChannelKind, HandoffState, OrganizationStatus, StaffRole
from runtime.domain.handoff import UNDO
from runtime.domain.ids import OrganizationId, StaffId
from runtime.domain.spanish.folding import fold_words
from runtime.domain.spanish.handoff_commands import Command, Order, read_button, read_command
from runtime.domain.spanish.owner_words import is_end_command
from runtime.flows.handoff import Line, Scene
from runtime.parts import Parts
from runtime.store import handoffs
from runtime.store.conversations import Pending, Serving
from runtime.store.database import UnitOfWork
from runtime.store.handoffs import Handoff
from runtime.store.journal import load_messages
from runtime.store.outbox import NewOutbound

_HISTORY = 6
_SCHEDULE = frozenset({"hoy", "agenda", "cita", "citas", "tengo", "sigue", "toca", "horario"})
_MANAGERS = (StaffRole.OWNER, StaffRole.ADMIN)
# with a customer these words may be for them; only somebody who was asked answers with them
_ANSWERS_TO_AN_OFFER = (Order.DECLINE, Order.SNOOZE)


async def answer_human(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    """A human who has a customer, or is asked to take one, writes: on the business's number or on the central one."""
    serving = situation.serving
    assert serving is not None
    history = await _load_history(parts, serving)
    meanings = []
    for message, line in zip(situation.pending, await read_lines(parts, situation), strict=True):
        meanings.append(await _understand(parts, journal, situation, message, line, history))
    where = _Where(serving.organization_id, serving.business, serving.timezone, serving.staff_id)
    return _outcome(parts, situation, where, meanings)


async def obey(parts: Parts, journal: Journal, situation: Situation) -> Outcome | None:
    """What somebody who has no customer says of customers: orders, quotes, and a last word right after an end.

    Returns:
        None when nothing in the turn is any of these.
    """
    where = _find_business(situation)
    if where is None:
        return None
    lines = await read_lines(parts, situation)
    let_one_go = await _let_one_go(parts, where)
    meanings = []
    for message, line in zip(situation.pending, lines, strict=True):
        command = _read_command(message) or (Command(Order.END) if is_end_command(message.body) else None)
        if command is not None and command.order in _ANSWERS_TO_AN_OFFER and not command.by_button:
            # nobody is offered to them: they are words like others
            command = None
        quoted = situation.quotes.get(message.id)
        if command is not None or quoted is not None:
            meanings.append(Meaning(line, message.received_at, command, quoted=quoted))
        elif let_one_go:
            meaning = await _judge(parts, journal, where.organization_id, message, line, ())
            # to whom was let go only a word for them is still owed
            meanings += [meaning] if meaning.judgement and meaning.judgement.intent is Intent.RELAY else []
    return _outcome(parts, situation, where, meanings) if meanings else None


async def _let_one_go(parts: Parts, where: _Where) -> bool:
    """Whether this human ended a handoff a moment ago."""
    async with parts.database.tenant(where.organization_id) as uow:
        ended = await handoffs.load_last_ended(uow, where.organization_id, where.staff_id)
        await uow.commit()
    return ended is not None and ended.ended_at is not None and parts.clock.now() - ended.ended_at <= UNDO


def _find_business(situation: Situation) -> _Where | None:
    """The business whose customers somebody on either number may order about; None where they may not."""
    row = situation.row
    if row.channel_kind is ChannelKind.CENTRAL:
        active = [each for each in row.businesses if each.status is OrganizationStatus.ACTIVE]
        if len(active) != 1 or active[0].role not in _MANAGERS:
            return None
        only = active[0]
        return _Where(only.organization_id, only.name, only.timezone, only.staff_id)
    if row.staff_id is None or row.staff_role not in _MANAGERS:
        return None
    return _Where(situation.claimed.organization_id, row.organization_name, row.timezone, row.staff_id)


class _Where(msgspec.Struct, frozen=True):
    """The business whose customers are spoken of, and who speaks."""

    organization_id: OrganizationId
    business: str
    timezone: str
    staff_id: StaffId


def _outcome(parts: Parts, situation: Situation, where: _Where, meanings: Sequence[Meaning]) -> Outcome:
    async def act(uow: UnitOfWork) -> list[NewOutbound]:
        zone = ZoneInfo(where.timezone)
        scene = Scene(uow, parts.ids, where.organization_id, parts.clock.now(), where.business, zone)
        humans = await handoffs.lock_humans(uow, where.organization_id)
        has = await _load_meant(uow, where, situation.serving)
        hearing = Hearing(parts, situation, scene, humans, where.staff_id, has)
        for meaning in meanings:
            await hearing.hear(meaning)
        return hearing.told

    crosses = where.organization_id != situation.claimed.organization_id
    return Outcome(act=act, author=Author.STAFF, crosses=crosses)


async def _load_meant(uow: UnitOfWork, where: _Where, serving: Serving | None) -> Handoff | None:
    """The customer the turn was routed for, if that is still so; None for a human who has nobody.

    Raises:
        Reroute: Something has changed since.
    """
    own = await handoffs.load_of_human(uow, where.organization_id, where.staff_id)
    if serving is None or serving.own or own is not None:
        if (own.id if own else None) != (serving.handoff_id if serving else None):
            raise Reroute
        return own
    meant = await handoffs.load_open(uow, where.organization_id, serving.handoff_id)
    if meant is None or meant.state is HandoffState.ACTIVE:
        raise Reroute
    return meant


async def _understand(
    parts: Parts, journal: Journal, situation: Situation, message: Pending, line: Line, history: Sequence[str]
) -> Meaning:
    """What one message means: an order, an answer to a quoted message, or what the judge makes of it."""
    serving = situation.serving
    assert serving is not None
    command = _read_command(message)
    if command is not None and _counts(command, serving):
        return Meaning(line, message.received_at, command)
    quoted = situation.quotes.get(message.id)
    if quoted is not None and quoted.handoff_id is not None:
        return Meaning(line, message.received_at, quoted=quoted)
    return await _judge(parts, journal, serving.organization_id, message, line, history)


async def _judge(
    parts: Parts,
    journal: Journal,
    organization_id: OrganizationId,
    message: Pending,
    line: Line,
    history: Sequence[str],
) -> Meaning:
    """What the judge makes of a message, with what Parlo can say to it if it was for Parlo."""
    if not message.body.strip() or line.attachments or line.place is not None:
        # whoever sends a picture sends it to the customer
        return Meaning(line, message.received_at, judgement=Judgement(Intent.RELAY, DecidedBy.RULE))
    judgement = await judge(journal, parts.settings, message.body, history)
    answer = None
    if judgement.intent is Intent.ASIDE and _asks_for_schedule(message.body):
        answer = await describe_today(parts, organization_id)
    return Meaning(line, message.received_at, judgement=judgement, answer=answer)


def is_order(text: str) -> bool:
    """Whether a message is an order of a handoff by its words alone."""
    return read_command(text) is not None or is_end_command(text)


def _asks_for_schedule(text: str) -> bool:
    return not _SCHEDULE.isdisjoint(fold_words(text).split())


def _read_command(message: Pending) -> Command | None:
    return read_button(message.payload.get("ButtonPayload", "")) or read_command(message.body)


def _counts(command: Command, serving: Serving) -> bool:
    """Whether an order can be meant in this state; in a conversation most words are for the customer."""
    if command.by_button:
        return True
    if command.order in _ANSWERS_TO_AN_OFFER:
        # of somebody who was passed over meanwhile too: a late "no puedo" takes no customer
        return serving.state is not HandoffState.ACTIVE
    return True


async def _load_history(parts: Parts, serving: Serving) -> list[str]:
    """The customer's last turns, for whoever has to judge a message without having read them."""
    async with parts.database.tenant(serving.organization_id) as uow:
        messages = await load_messages(uow, serving.organization_id, serving.conversation_id, most=_HISTORY)
    customer = serving.customer or words.NAMELESS
    names = {Author.CUSTOMER: customer, Author.HUMAN: "Yo", Author.ASSISTANT: "Recepción"}
    return [f"{names[each.author]}: {each.text}" for each in messages if each.author in names]
