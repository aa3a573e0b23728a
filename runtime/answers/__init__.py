"""What each route answers. `runtime.turn` calls `answer` with a claimed situation and finishes what it returns.

A function here decides words and asks for changes; it never commits. Changes that depend on rows
another person may be changing are made by `Outcome.act`, inside the turn's last transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from runtime.agent.journal import Journal
from runtime.answers import customers, humans, platform, staff
from runtime.answers.customers import is_spent
from runtime.answers.situation import Act, Draft, Outcome, Reroute, Situation
from runtime.parts import Parts
from runtime.router import Case

__all__ = ["Act", "Draft", "Outcome", "Reroute", "Situation", "answer", "is_spent", "needs_model"]

_ANSWERS: dict[Case, Callable[[Parts, Journal, Situation], Awaitable[Outcome]]] = {
    Case.ONBOARD_BUSINESS: platform.welcome_business,
    Case.RESUME_ONBOARDING: platform.resume_onboarding,
    Case.MANAGE_FROM_CENTRAL: staff.answer_staff_from_central,
    Case.CHOOSE_BUSINESS: staff.choose_business,
    Case.ONBOARD_STAFF: staff.welcome_staff,
    Case.MANAGE: staff.answer_staff,
    Case.HUMAN_IN_HANDOFF: humans.answer_human,
    Case.CUSTOMER: customers.answer_customer,
    Case.CUSTOMER_IN_HANDOFF: customers.relay_to_human,
    Case.UNKNOWN_NUMBER: platform.answer_unknown_number,
    Case.SUSPENDED: customers.answer_suspended,
    Case.OPTED_OUT: customers.answer_consent,
    Case.UNSUPPORTED: customers.answer_unsupported,
}


def needs_model(parts: Parts, situation: Situation) -> bool:
    """Whether the turn begins with a model call, which its sender may have to wait for."""
    if situation.route.case in (Case.MANAGE, Case.MANAGE_FROM_CENTRAL):
        return not is_spent(parts, situation) and staff.begins_with_model(situation)
    return customers.needs_model(parts, situation)


async def answer(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    """The answer of the situation's route."""
    return await _ANSWERS[situation.route.case](parts, journal, situation)
