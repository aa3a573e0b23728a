"""Whom a customer is offered to: the first who is free, in order, on duty before off duty; or the line.

Called when a customer asks and whenever a human becomes free or does not come. All of an organization's
humans are locked by the caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from runtime.domain import words
from runtime.domain.enums import Author, HandoffState, OfferOutcome, OutboxKind
from runtime.domain.handoff import HandoffEvent
from runtime.domain.ids import StaffId
from runtime.domain.quoting import shorten
from runtime.domain.schedule_hours import find_next_opening, is_within
from runtime.domain.spanish.formats import format_date, format_time, format_when
from runtime.domain.templates import clean_value
from runtime.flows.handoff.scene import ALERT_TEMPLATE, Scene, name_of, with_template
from runtime.store import handoffs, journal
from runtime.store.business import load_customer, week_hours
from runtime.store.handoffs import Handoff, Human
from runtime.store.outbox import NewOutbound

_RECAP_MESSAGES = 6
_RECAP_CHARACTERS = 160
_NEXT_MOMENT = timedelta(microseconds=1)
_UNWILLING = (OfferOutcome.DECLINED, OfferOutcome.EXPIRED, OfferOutcome.REMOVED)


class Offer(msgspec.Struct, frozen=True):
    """What became of looking for a human: whom the customer is offered to, or None; and the alert."""

    handoff: Handoff
    human: Human | None
    on_duty: bool
    messages: tuple[NewOutbound, ...]


def is_on_duty(human: Human, now_local: datetime) -> bool:
    """Whether the human's own hours, or the business's, include this moment."""
    return is_within(week_hours(human.hours), now_local)


def choose_human(
    humans: Sequence[Human], outcomes: Mapping[StaffId, OfferOutcome | None], now_local: datetime
) -> Human | None:
    """The first who is free and has not said no, on duty before off duty."""
    willing = [human for human in humans if human.free and outcomes.get(human.staff_id) not in _UNWILLING]
    on_duty = [human for human in willing if is_on_duty(human, now_local)]
    # while a colleague on duty is only busy, nobody is called in from home
    if not on_duty and any(is_on_duty(human, now_local) for human in humans if not human.free):
        return None
    return next(iter(on_duty or willing), None)


def describe_opening(humans: Sequence[Human], now_local: datetime) -> str | None:
    """When somebody is on duty next, as a customer reads it; None where nobody ever is."""
    openings = [find_next_opening(week_hours(human.hours), now_local) for human in humans]
    first = min((each for each in openings if each is not None), default=None)
    if first is None:
        return None
    days = (first.date() - now_local.date()).days
    if days == 0:
        return f"las {format_time(first)}"
    day = format_date(first.date(), now_local.date())
    return f"mañana {day} a las {format_time(first)}" if days == 1 else f"el {day} a las {format_time(first)}"


async def offer_next(
    scene: Scene, handoff: Handoff, humans: Sequence[Human], *, last_words: Sequence[str] = (), restart: bool = True
) -> Offer:
    """Offer the customer to whoever is next, or leave them in line.

    Args:
        scene: Where and when.
        handoff: Requested or waiting.
        humans: All of them, locked, in order.
        last_words: What the customer wrote in the turn that is still under way.
        restart: Whether the clock of silence begins anew.
    """
    outcomes = await handoffs.load_outcomes(scene.uow, scene.organization_id, handoff.id)
    human = choose_human(humans, outcomes, scene.now_local)
    if human is None:
        if handoff.state is HandoffState.REQUESTED:
            handoff = await _queue(scene, handoff)
        return Offer(handoff, None, False, ())
    return await offer_to(scene, handoff, human, HandoffEvent.OFFER, last_words=last_words, restart=restart)


async def _queue(scene: Scene, handoff: Handoff) -> Handoff:
    """Join the line behind everybody in it.

    This turn looked at its clock before it had the lock: whoever had the lock before it may have looked later, and
    was told a place already.
    """
    last = await handoffs.find_end_of_line(scene.uow, scene.organization_id)
    behind = handoff.requested_at if last is None else max(handoff.requested_at, last + _NEXT_MOMENT)
    return await scene.move(handoff, HandoffEvent.QUEUE, requested_at=behind)


async def offer_to(
    scene: Scene,
    handoff: Handoff,
    human: Human,
    event: HandoffEvent,
    *,
    last_words: Sequence[str] = (),
    restart: bool = True,
) -> Offer:
    """Ask one human to take the customer."""
    number = await handoffs.add_offer(scene.uow, scene.organization_id, handoff.id, human.staff_id, now=scene.now)
    silent_since = scene.now if restart or handoff.last_human_at is None else handoff.last_human_at
    offered = await scene.move(
        handoff,
        event,
        staff_id=human.staff_id,
        staff_name=human.name,
        offered_at=scene.now,
        last_human_at=silent_since,
        snoozed_until=None,
        nudges=0,
    )
    alert = await _alert(scene, offered, human, number, last_words)
    return Offer(offered, human, is_on_duty(human, scene.now_local), (alert,))


async def _alert(scene: Scene, handoff: Handoff, human: Human, number: int, last_words: Sequence[str]) -> NewOutbound:
    customer = name_of(handoff)
    history = await journal.load_messages(
        scene.uow, scene.organization_id, handoff.conversation_id, most=_RECAP_MESSAGES
    )
    recap = [_recap_line(message, customer) for message in history if message.author is not Author.MARKER]
    recap += [shorten(f"{customer}: {line}", _RECAP_CHARACTERS) for line in last_words]
    text = words.alert_human(
        customer=customer,
        reason=handoff.reason,
        summary=handoff.summary,
        recap=recap[-_RECAP_MESSAGES:],
        facts=await _list_facts(scene, handoff),
    )
    values = (customer, handoff.reason, format_time(scene.now_local), scene.business)
    to = await scene.conversation_with(human.staff_id)
    alert = scene.message(to, OutboxKind.ALERT, f"handoff:{handoff.id}:offer:{number}", text, handoff)
    return with_template(alert, ALERT_TEMPLATE, (*(clean_value(value) for value in values), str(handoff.id)))


async def _list_facts(scene: Scene, handoff: Handoff) -> list[str]:
    """What a human wants to know before answering: appointments to come, and what was being arranged."""
    if handoff.person_id is None:
        return []
    customer = await load_customer(
        scene.uow, scene.organization_id, handoff.person_id, handoff.conversation_id, now=scene.now
    )
    facts = [
        words.known_appointment(
            each.service, format_when(each.starts_at.astimezone(scene.zone), scene.now_local), each.staff
        )
        for each in customer.appointments[:2]
    ]
    if customer.flow is not None and customer.flow.service:
        facts.append(words.known_wish(customer.flow.service))
    return facts


def _recap_line(message: journal.Message, customer_name: str) -> str:
    speakers = {Author.CUSTOMER: customer_name, Author.HUMAN: message.staff_name}
    return shorten(f"{speakers.get(message.author, 'Asistente')}: {message.text}", _RECAP_CHARACTERS)
