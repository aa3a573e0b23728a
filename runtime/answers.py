"""What each route answers. `runtime.turn` calls `answer` with a claimed situation and finishes what it returns.

A function here decides words and asks for changes; it never commits. Changes that depend on rows
another person may be changing are made by `Outcome.act`, inside the turn's last transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from runtime.agent.journal import Journal
from runtime.agent.loop import Visit, converse
from runtime.agent.owner_intent import Intent, Judgement, judge
from runtime.domain import words
from runtime.domain.enums import Author, OrganizationStatus, OutboxKind, TaskKind
from runtime.domain.errors import Unavailable
from runtime.domain.handoff import HandoffEvent
from runtime.domain.identity import canonical_key
from runtime.domain.ids import OrganizationId, PersonId, TurnId
from runtime.domain.spanish.asks_person import asks_for_person
from runtime.domain.spanish.formats import format_date, format_phone, format_time
from runtime.domain.whatsapp import MessageKind, split_body
from runtime.flows import handoff as handoff_flow
from runtime.flows.handoff import Scene
from runtime.parts import Parts
from runtime.router import Case, Consent, Facts, Route
from runtime.store import handoffs, outbox, people
from runtime.store.business import load_business, load_customer, load_schedule
from runtime.store.conversations import Claim, FactsRow, Pending
from runtime.store.database import UnitOfWork
from runtime.store.outbox import NewOutbound, NewTask


class Reroute(Exception):
    """The world changed while the answer was made: route again with fresh facts."""


class Situation(msgspec.Struct, frozen=True):
    """A claimed conversation: who wrote what, what is known of them, and which way it goes."""

    claimed: Claim
    person_id: PersonId
    turn_id: TurnId
    pending: list[Pending]
    row: FactsRow
    facts: Facts
    route: Route


class Draft(msgspec.Struct, frozen=True):
    """A message to whoever wrote; `part` tells the messages of one turn apart."""

    text: str
    kind: OutboxKind = OutboxKind.REPLY
    part: int = 0


Act = Callable[[UnitOfWork], Awaitable[list[NewOutbound]]]


class Outcome(msgspec.Struct, frozen=True):
    """An answer: what to say, what to change with it, and who wrote, for the history."""

    drafts: tuple[Draft, ...] = ()
    act: Act | None = None
    author: Author = Author.CUSTOMER
    prompt: str | None = None
    prompt_hash: str | None = None
    model: str | None = None


async def answer(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    """The answer of the situation's route."""
    return await _ANSWERS[situation.route.case](parts, journal, situation)


def _say(text: str, *, act: Act | None = None, author: Author = Author.CUSTOMER) -> Outcome:
    drafts = tuple(Draft(part, part=index) for index, part in enumerate(split_body(text)))
    return Outcome(drafts, act, author)


def _scene(parts: Parts, uow: UnitOfWork, situation: Situation) -> Scene:
    return Scene(uow, parts.ids, situation.claimed.organization_id, parts.clock.now())


def _lines(situation: Situation) -> list[tuple[str, str]]:
    return [
        (str(message.id), words.describe_message(MessageKind(message.kind), message.body))
        for message in situation.pending
    ]


# Customers ----------------------------------------------------------------------------------------


async def _answer_customer(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    said = tuple(text for _, text in _lines(situation))
    visit = Visit(situation.claimed, situation.person_id, situation.turn_id, said)
    try:
        reply = await converse(parts, journal, visit)
    except Unavailable:
        # the way to a person must not depend on a model
        if not asks_for_person("\n".join(said)):
            raise
        return Outcome(act=_request_human(parts, situation, said))
    outcome = _say(reply.text or "", act=_note_profile(situation))
    return msgspec.structs.replace(outcome, prompt=reply.prompt, prompt_hash=reply.prompt_hash, model=reply.model)


def _request_human(parts: Parts, situation: Situation, said: tuple[str, ...]) -> Act:
    async def act(uow: UnitOfWork) -> list[NewOutbound]:
        scene, now = _scene(parts, uow, situation), parts.clock.now()
        customer = await load_customer(uow, scene.organization_id, situation.person_id, situation.claimed.id, now=now)
        name = customer.name or customer.profile_name or words.NAMELESS
        request = handoff_flow.Request(situation.claimed.id, name, words.ASKED_FOR_A_PERSON, said)
        answered = await handoff_flow.request_human(scene, request, f"reply:{situation.turn_id}:human")
        return list(answered.messages)

    return act


def _note_profile(situation: Situation) -> Act | None:
    name = next((each.payload["ProfileName"] for each in situation.pending if each.payload.get("ProfileName")), None)
    if name is None or name == situation.row.profile_name:
        return None
    chosen = name

    async def act(uow: UnitOfWork) -> list[NewOutbound]:
        await people.note_profile_name(uow, situation.claimed.organization_id, situation.person_id, chosen)
        return []

    return act


async def _answer_unsupported(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    return _say(words.unsupported(MessageKind(situation.pending[-1].kind)))


async def _answer_consent(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    consent = situation.facts.consent
    if consent is Consent.NONE:
        return _say(words.STILL_OUT)
    at = parts.clock.now() if consent is Consent.OPT_OUT else None

    async def act(uow: UnitOfWork) -> list[NewOutbound]:
        await people.set_opted_out(uow, situation.claimed.organization_id, situation.person_id, at)
        return []

    return _say(words.OPTED_OUT if consent is Consent.OPT_OUT else words.OPTED_IN, act=act)


async def _relay_to_human(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    async def act(uow: UnitOfWork) -> list[NewOutbound]:
        scene = _scene(parts, uow, situation)
        open_one = await handoffs.load_of_conversation(uow, scene.organization_id, situation.claimed.id)
        if open_one is None:
            raise Reroute
        return list(await handoff_flow.relay_to_human(scene, open_one, _lines(situation)))

    return Outcome(act=act)


# The human in a handoff ---------------------------------------------------------------------------


async def _relay_to_customer(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    lines = _lines(situation)
    judged = [await judge(journal, parts.settings, text) for _, text in lines]
    relayed = [line for line, judgement in zip(lines, judged, strict=True) if judgement.intent is Intent.RELAY]
    serving_id = situation.row.serving_id
    assert serving_id is not None

    async def act(uow: UnitOfWork) -> list[NewOutbound]:
        scene = _scene(parts, uow, situation)
        await handoffs.lock_humans(uow, scene.organization_id)
        serving = await handoffs.load_open(uow, scene.organization_id, serving_id)
        if serving is None:
            raise Reroute
        told = list(await handoff_flow.relay_to_customer(scene, serving, relayed)) if relayed else []
        if len(relayed) < len(lines):
            return told + list(await handoff_flow.end(scene, serving, HandoffEvent.HUMAN_ENDS))
        return told + _hint(scene, situation, serving.customer_name, judged)

    return Outcome(act=act, author=Author.STAFF)


def _hint(scene: Scene, situation: Situation, customer_name: str | None, judged: list[Judgement]) -> list[NewOutbound]:
    if not any(judgement.unsure for judgement in judged):
        return []
    text = words.how_to_end(customer_name or words.NAMELESS)
    return [scene.message(situation.claimed.id, OutboxKind.REPLY, f"reply:{situation.turn_id}:hint", text)]


# Staff ---------------------------------------------------------------------------------------------


async def _answer_staff(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    text = await _todays_schedule(parts, situation.claimed.organization_id)
    return _say(text, author=Author.STAFF)


async def _answer_staff_from_central(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    business = next(each for each in situation.row.businesses if each.status is OrganizationStatus.ACTIVE)
    return _say(await _todays_schedule(parts, business.organization_id), author=Author.STAFF)


async def _todays_schedule(parts: Parts, organization_id: OrganizationId) -> str:
    async with parts.database.tenant(organization_id) as uow:
        business = await load_business(uow, organization_id)
        now_local = parts.clock.now().astimezone(ZoneInfo(business.timezone))
        midnight = datetime.combine(now_local.date(), time(), tzinfo=now_local.tzinfo)
        rows = await load_schedule(uow, organization_id, since=midnight, until=midnight + timedelta(days=1))
    lines = [
        words.schedule_line(
            format_time(row.starts_at.astimezone(now_local.tzinfo)),
            row.service,
            row.customer or words.NAMELESS,
            row.staff,
        )
        for row in rows
    ]
    return words.todays_schedule(format_date(now_local.date(), now_local.date()), lines)


async def _welcome_staff(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    row = situation.row
    staff_id = row.staff_id
    assert staff_id is not None

    async def act(uow: UnitOfWork) -> list[NewOutbound]:
        await people.note_first_message(uow, situation.claimed.organization_id, staff_id, now=parts.clock.now())
        return []

    return _say(words.welcome_staff(row.staff_name or "", row.organization_name), act=act, author=Author.STAFF)


async def _choose_business(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    listed = [
        (each.name, _show(each.address))
        for each in situation.row.businesses
        if each.status is OrganizationStatus.ACTIVE
    ]
    return _say(words.choose_business(listed), author=Author.STAFF)


def _show(address: str | None) -> str | None:
    key = canonical_key(address) if address else None
    return format_phone(key.value) if key else None


# Central number, and numbers nobody answers -------------------------------------------------------


def _leave_task(parts: Parts, situation: Situation, kind: TaskKind, summary: str) -> Act:
    async def act(uow: UnitOfWork) -> list[NewOutbound]:
        task = NewTask(
            id=parts.ids.new(),
            kind=kind,
            dedupe_key=f"{kind}:{situation.claimed.id}",
            summary=summary,
            created_at=parts.clock.now(),
            conversation_id=situation.claimed.id,
        )
        await outbox.add_task(uow, situation.claimed.organization_id, task)
        return []

    return act


async def _welcome_business(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    act = _leave_task(parts, situation, TaskKind.SIGNUP, words.SIGNUP_TASK)
    return _say(words.ONBOARD_BUSINESS, act=act)


async def _resume_onboarding(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    act = _leave_task(parts, situation, TaskKind.SIGNUP, words.SIGNUP_TASK)
    return _say(words.RESUME_ONBOARDING, act=act)


async def _answer_unknown_number(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    act = _leave_task(parts, situation, TaskKind.UNKNOWN_NUMBER, words.UNKNOWN_NUMBER_TASK)
    return _say(words.UNKNOWN_NUMBER, act=act)


async def _answer_suspended(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    return _say(words.SUSPENDED)


_ANSWERS: dict[Case, Callable[[Parts, Journal, Situation], Awaitable[Outcome]]] = {
    Case.ONBOARD_BUSINESS: _welcome_business,
    Case.RESUME_ONBOARDING: _resume_onboarding,
    Case.MANAGE_FROM_CENTRAL: _answer_staff_from_central,
    Case.CHOOSE_BUSINESS: _choose_business,
    Case.ONBOARD_STAFF: _welcome_staff,
    Case.MANAGE: _answer_staff,
    Case.HUMAN_IN_HANDOFF: _relay_to_customer,
    Case.CUSTOMER: _answer_customer,
    Case.CUSTOMER_IN_HANDOFF: _relay_to_human,
    Case.UNKNOWN_NUMBER: _answer_unknown_number,
    Case.SUSPENDED: _answer_suspended,
    Case.OPTED_OUT: _answer_consent,
    Case.UNSUPPORTED: _answer_unsupported,
}
