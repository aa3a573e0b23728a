"""What staff is answered who has no customer at the moment.

A yes or "deshaz" to what was last asked or done, an order of a handoff, and whatever else they run their day with;
the welcome, and the list of businesses.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from runtime.agent.journal import Journal
from runtime.agent.staff import StaffVisit, converse_with_staff, repeat_confirmed, run_confirmed
from runtime.answers.humans import is_order, obey
from runtime.answers.schedule import describe_today
from runtime.answers.situation import Outcome, Situation, list_said, reply_to, say
from runtime.domain import words, words_staff
from runtime.domain.enums import (
    Author,
    ChannelKind,
    HandoffState,
    OrganizationStatus,
    StaffActionState,
)
from runtime.domain.identity import canonical_key
from runtime.domain.quoting import condense
from runtime.domain.spanish.confirmations import is_no, is_undo, is_yes
from runtime.domain.spanish.formats import format_phone
from runtime.parts import Parts
from runtime.store import handoffs, people, staff_actions
from runtime.store.database import UnitOfWork
from runtime.store.outbox import NewOutbound
from runtime.store.staff_actions import StaffAction
from runtime.tools.confirming import CONFIRM_WITHIN, UNDO_WITHIN, undo
from runtime.tools.registry import ToolResult

_READING = timedelta(seconds=2)
"""The answer is on its way for so long before the half minute begins."""


class _ToolWords(msgspec.Struct, frozen=True):
    """As much of a refusal as is told."""

    message: str = ""
    question: str | None = None


class _ToolAnswer(msgspec.Struct, frozen=True):
    """What a tool's JSON may hold."""

    text: str = ""
    error: _ToolWords | None = None


def begins_with_model(situation: Situation) -> bool:
    """Whether staff's messages are for the model, and none of them an order or a plain yes or no."""
    fixed = (is_order, is_yes, is_no, is_undo)
    texts = [each.body for each in situation.pending]
    return not any(decides(text) for text in texts for decides in fixed)


async def answer_staff(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    """A yes or "deshaz" to what was last asked or done, an order about customers, or what the assistant makes of it."""
    visit = _visit_of(situation)
    if journal.first_call is not None:
        # a turn that is taken up again had already got its yes
        return say(_words_of(await repeat_confirmed(parts, journal, visit)), author=Author.STAFF)
    latest = await _load_latest(parts, visit)
    if latest is not None and latest.state is StaffActionState.ASKED:
        settled = await _settle_asked(parts, journal, visit, situation, latest)
        if settled is not None:
            return settled
    elif latest is not None and _can_undo(situation, latest) and not await _let_one_go_since(parts, visit, latest):
        return _undo(parts, situation, visit, latest)
    obeyed = await obey(parts, journal, situation)
    if obeyed is not None:
        return obeyed
    if any(is_undo(each.body) for each in situation.pending):
        return say(words_staff.CANNOT_UNDO, author=Author.STAFF)
    if journal.spent:
        today = await describe_today(parts, visit.organization_id)
        return say(f"{words_staff.MODEL_LIMIT}\n{today}", author=Author.STAFF)
    reply = await converse_with_staff(parts, journal, visit)
    told_by = {"prompt": reply.prompt, "prompt_hash": reply.prompt_hash, "model": reply.model}
    return msgspec.structs.replace(say(reply.text or "", author=Author.STAFF), **told_by)


async def answer_staff_from_central(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    """The same for the one business the sender works for; one without a number has its schedule told."""
    business = next(each for each in situation.row.businesses if each.status is OrganizationStatus.ACTIVE)
    if business.address is None:
        return say(await describe_today(parts, business.organization_id), author=Author.STAFF)
    return await answer_staff(parts, journal, situation)


def _visit_of(situation: Situation) -> StaffVisit:
    row, claimed = situation.row, situation.claimed
    said = condense(list_said(situation))
    if row.channel_kind is ChannelKind.CENTRAL:
        only = next(each for each in row.businesses if each.status is OrganizationStatus.ACTIVE)
        organization_id, staff_id, role = only.organization_id, only.staff_id, only.role
    else:
        assert row.staff_id is not None and row.staff_role is not None
        organization_id, staff_id, role = claimed.organization_id, row.staff_id, row.staff_role
    return StaffVisit(claimed, organization_id, staff_id, role, situation.person_id, situation.turn_id, said)


async def _load_latest(parts: Parts, visit: StaffVisit) -> StaffAction | None:
    ours = visit.organization_id
    database = parts.database
    # what they wrote to Parlo's own number is the platform's to read
    async with database.tenant(ours) if ours == visit.claimed.organization_id else database.platform() as uow:
        latest = await staff_actions.load_latest(uow, visit.organization_id, visit.staff_id, visit.claimed.id)
        await uow.commit()
    return latest


async def _settle_asked(
    parts: Parts, journal: Journal, visit: StaffVisit, situation: Situation, asked: StaffAction
) -> Outcome | None:
    """Do what was asked about where this is a yes to it, and nothing else was said since; otherwise ask no more."""
    texts = [each.body for each in situation.pending]
    answers = situation.pending[0].received_at > asked.at and not asked.spoken_since
    in_time = situation.pending[0].received_at - asked.at <= CONFIRM_WITHIN
    if answers and in_time and all(is_yes(text) for text in texts):
        return say(_words_of(await run_confirmed(parts, journal, visit, asked)), author=Author.STAFF)
    async with parts.database.tenant(visit.organization_id) as uow:
        now = parts.clock.now()
        await staff_actions.drop_asked(uow, visit.organization_id, visit.staff_id, visit.claimed.id, now=now)
        await uow.commit()
    if answers and all(is_no(text) or is_undo(text) for text in texts):
        return say(words_staff.NOT_ANY_MORE, author=Author.STAFF)
    return None


def _can_undo(situation: Situation, latest: StaffAction) -> bool:
    if latest.state is not StaffActionState.DONE or latest.undo is None or latest.spoken_since:
        return False
    soon = situation.pending[0].received_at - latest.at <= UNDO_WITHIN + _READING
    return soon and all(is_undo(each.body) for each in situation.pending)


async def _let_one_go_since(parts: Parts, visit: StaffVisit, latest: StaffAction) -> bool:
    """Whether they ended a handoff after that: then it is the handoff they mean."""
    async with parts.database.tenant(visit.organization_id) as uow:
        ended = await handoffs.load_last_ended(uow, visit.organization_id, visit.staff_id)
        await uow.commit()
    return ended is not None and ended.ended_at is not None and ended.ended_at > latest.at


def _undo(parts: Parts, situation: Situation, visit: StaffVisit, latest: StaffAction) -> Outcome:
    async def act(uow: UnitOfWork) -> list[NewOutbound]:
        organization_id, now = visit.organization_id, parts.clock.now()
        undone = await staff_actions.settle(uow, organization_id, latest, StaffActionState.UNDONE, now=now)
        if undone and latest.undo is not None:
            undone = await undo(uow, organization_id, latest.undo, now=now)
        text = words_staff.UNDONE if undone else words_staff.CANNOT_UNDO
        return [reply_to(situation, parts, "undo", text)]

    crosses = visit.organization_id != visit.claimed.organization_id
    return Outcome(act=act, author=Author.STAFF, crosses=crosses)


def _words_of(result: ToolResult) -> str:
    """What a tool's result says to whoever confirmed it."""
    answer = msgspec.json.decode(result.content, type=_ToolAnswer)
    if answer.error is None:
        return answer.text
    return " ".join(part for part in (answer.error.message, answer.error.question) if part)


async def welcome_staff(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    """The first message of a registered member of staff."""
    row = situation.row
    staff_id = row.staff_id
    assert staff_id is not None

    async def act(uow: UnitOfWork) -> list[NewOutbound]:
        await people.note_first_message(uow, situation.claimed.organization_id, staff_id, now=parts.clock.now())
        return []

    return say(words.welcome_staff(row.staff_name or "", row.organization_name), act=act, author=Author.STAFF)


async def choose_business(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    """Staff of several businesses on the central number: where to write, and to whom if they have customers."""
    open_ones = [each for each in situation.row.servings if each.state is HandoffState.ACTIVE]
    if len(open_ones) > 1:
        listed = [(each.customer or words.NAMELESS, each.business, _show(each.address)) for each in open_ones]
        return say(words.choose_conversation(listed), author=Author.STAFF)
    businesses = [
        (each.name, _show(each.address))
        for each in situation.row.businesses
        if each.status is OrganizationStatus.ACTIVE
    ]
    return say(words.choose_business(businesses), author=Author.STAFF)


def _show(address: str | None) -> str | None:
    key = canonical_key(address) if address else None
    return format_phone(key.value) if key else None
