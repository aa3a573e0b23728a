"""What staff is answered who has no customer at the moment: the schedule, the welcome, the list of businesses."""

from __future__ import annotations

from runtime.agent.journal import Journal
from runtime.answers.humans import obey
from runtime.answers.schedule import describe_today
from runtime.answers.situation import Outcome, Situation, say
from runtime.domain import words
from runtime.domain.enums import Author, HandoffState, OrganizationStatus
from runtime.domain.identity import canonical_key
from runtime.domain.spanish.formats import format_phone
from runtime.parts import Parts
from runtime.store import people
from runtime.store.database import UnitOfWork
from runtime.store.outbox import NewOutbound


async def answer_staff(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    """An order about customers, or else the day's schedule."""
    obeyed = await obey(parts, journal, situation)
    if obeyed is not None:
        return obeyed
    text = await describe_today(parts, situation.claimed.organization_id)
    return say(text, author=Author.STAFF)


async def answer_staff_from_central(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    """An order about customers of the one business the sender works for, or else its schedule."""
    obeyed = await obey(parts, journal, situation)
    if obeyed is not None:
        return obeyed
    business = next(each for each in situation.row.businesses if each.status is OrganizationStatus.ACTIVE)
    return say(await describe_today(parts, business.organization_id), author=Author.STAFF)


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
