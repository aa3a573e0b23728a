"""What a customer is answered: by the assistant, by the person who has them, or with a fixed sentence."""

from __future__ import annotations

import msgspec

from runtime.agent.asks_human import hear
from runtime.agent.journal import Journal
from runtime.agent.loop import Visit, converse
from runtime.answers.limited import answer_without_model
from runtime.answers.perception import find_model
from runtime.answers.situation import (
    Act,
    Outcome,
    Reroute,
    Situation,
    list_said,
    open_scene,
    read_lines,
    reply_to,
    say,
)
from runtime.domain import words
from runtime.domain.enums import ChannelKind
from runtime.domain.errors import Paced, Unavailable
from runtime.domain.handoff import HandoffEvent
from runtime.domain.quoting import condense
from runtime.domain.spanish.asks_person import asks_for_person
from runtime.domain.spanish.folding import is_opt_out
from runtime.domain.spanish.handoff_commands import is_asking, is_leaving
from runtime.domain.whatsapp import MessageKind
from runtime.flows import handoff as flow
from runtime.parts import Parts
from runtime.router import Case, Consent
from runtime.store import handoffs, people
from runtime.store.business import load_business
from runtime.store.database import UnitOfWork
from runtime.store.outbox import NewOutbound

LONGEST_REQUEST = 1000
"""Characters of a message in which a request for a person is looked for."""


def is_spent(parts: Parts, situation: Situation) -> bool:
    """Whether the business that was written to may have no model asked any more today; Parlo's own number may."""
    if situation.row.channel_kind is ChannelKind.CENTRAL:
        return False
    most = parts.settings.business_calls_per_day
    return 0 < most <= situation.row.calls_today


def needs_model(parts: Parts, situation: Situation) -> bool:
    """Whether the turn begins with a model call; what is fixed, relayed, or an explicit request for a person does not.

    A human's messages are judged by a model, but not held up by it: without one they are passed on.
    """
    if situation.route.case is not Case.CUSTOMER or is_spent(parts, situation):
        return False
    return not (_is_asking(situation) or asks_for_person(_list_requests(situation)))


async def answer_customer(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    """The assistant's answer. The way to a person does not depend on it."""
    said = condense(list_said(situation))
    if _is_asking(situation):
        return Outcome(act=_request_human(parts, situation, said))
    visit = Visit(situation.claimed, situation.person_id, situation.turn_id, said)
    if journal.spent and not await _asks_for_person(parts, situation):
        return answer_without_model(parts, situation)
    try:
        reply = await converse(parts, journal, visit)
    except (Unavailable, Paced):
        if not await _asks_for_person(parts, situation):
            raise
        return Outcome(act=_request_human(parts, situation, said))
    told = {"prompt": reply.prompt, "prompt_hash": reply.prompt_hash, "model": reply.model}
    only_words = reply.text is not None and not reply.changed
    if only_words and (await hear(journal, parts.settings, "\n".join(said), reply.staff)).asks:
        # whatever the model made of it: a request for a person is never missed
        outcome = Outcome(act=_request_human(parts, situation, said))
    else:
        outcome = say(reply.text or "")
        # what was booked is told in any case, and a turn that called the person itself has nothing left to say
        outcome = msgspec.structs.replace(outcome, only_alone=only_words)
    return msgspec.structs.replace(outcome, **told)


def _is_asking(situation: Situation) -> bool:
    return any(is_asking(each.body, each.payload.get("ButtonPayload", "")) for each in situation.pending)


def _list_requests(situation: Situation) -> str:
    """Every different thing the customer said, to be searched for a request: none is missed in a flood."""
    return "\n".join(dict.fromkeys(line[:LONGEST_REQUEST] for line in list_said(situation)))


async def _asks_for_person(parts: Parts, situation: Situation) -> bool:
    """Whether the rules alone hear a request for a person, of those of the business too: asked where no model is."""
    organization_id = situation.claimed.organization_id
    async with parts.database.tenant(organization_id) as uow:
        business = await load_business(uow, organization_id)
        await uow.commit()
    return asks_for_person(_list_requests(situation), tuple(member.name for member in business.staff))


def _request_human(parts: Parts, situation: Situation, said: tuple[str, ...]) -> Act:
    async def act(uow: UnitOfWork) -> list[NewOutbound]:
        request = flow.Request(situation.claimed.id, words.ASKED_FOR_A_PERSON, None, said)
        scene = open_scene(parts, uow, situation)
        answered = await flow.request_human(scene, request, f"reply:{situation.turn_id}:human")
        return list(answered.messages)

    return act


async def answer_unsupported(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    """What is said to something the assistant cannot take up."""
    kind = MessageKind(situation.pending[-1].kind)
    return say(words.unsupported(kind, tried=bool(find_model(parts.settings, kind))))


async def answer_consent(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    """Opting out and in again."""
    consent = situation.facts.consent
    if consent is Consent.NONE:
        return say(words.STILL_OUT)
    at = parts.clock.now() if consent is Consent.OPT_OUT else None

    async def act(uow: UnitOfWork) -> list[NewOutbound]:
        await people.set_opted_out(uow, situation.claimed.organization_id, situation.person_id, at)
        return []

    return say(words.OPTED_OUT if consent is Consent.OPT_OUT else words.OPTED_IN, act=act)


# In a handoff -------------------------------------------------------------------------------------


async def relay_to_human(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    """Pass on what the customer says, unless it is that they want to leave."""
    lines = await read_lines(parts, situation)
    leaving = next((each.body for each in situation.pending if is_leaving(each.body)), None)
    opting_out = next((each.body for each in situation.pending if is_opt_out(each.body)), None)

    async def act(uow: UnitOfWork) -> list[NewOutbound]:
        scene = open_scene(parts, uow, situation)
        if leaving is not None or opting_out is not None:
            await handoffs.lock_humans(uow, scene.organization_id)
        open_one = await handoffs.load_of_conversation(uow, scene.organization_id, situation.claimed.id)
        if open_one is None:
            raise Reroute
        if opting_out is not None:
            await people.set_opted_out(uow, scene.organization_id, situation.person_id, scene.now)
            return list(await flow.end(scene, open_one, HandoffEvent.OPT_OUT, said=opting_out))
        if leaving is not None:
            return list(await flow.end(scene, open_one, HandoffEvent.CUSTOMER_LEAVES))
        told = list(await flow.relay_to_human(scene, open_one, lines))
        if situation.facts.consent is Consent.OPT_IN:
            await people.set_opted_out(uow, scene.organization_id, situation.person_id, None)
            told.append(reply_to(situation, parts, "opt-in", words.OPTED_IN_AGAIN))
        return told

    return Outcome(act=act)


async def answer_suspended(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    """The business is not served."""
    return say(words.SUSPENDED)
