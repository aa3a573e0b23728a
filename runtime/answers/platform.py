"""What strangers are answered on the central number, and anybody on a number of nobody's."""

from __future__ import annotations

from runtime.agent.journal import Journal
from runtime.answers.situation import Act, Outcome, Situation, say
from runtime.domain import words
from runtime.domain.enums import TaskKind
from runtime.parts import Parts
from runtime.store import outbox
from runtime.store.database import UnitOfWork
from runtime.store.outbox import NewOutbound, NewTask


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


async def welcome_business(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    """A stranger on the central number."""
    act = _leave_task(parts, situation, TaskKind.SIGNUP, words.SIGNUP_TASK)
    return say(words.ONBOARD_BUSINESS, act=act)


async def resume_onboarding(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    """An owner whose sign-up is not finished."""
    act = _leave_task(parts, situation, TaskKind.SIGNUP, words.SIGNUP_TASK)
    return say(words.RESUME_ONBOARDING, act=act)


async def answer_unknown_number(parts: Parts, journal: Journal, situation: Situation) -> Outcome:
    """Somebody wrote to a number that no business answers on."""
    act = _leave_task(parts, situation, TaskKind.UNKNOWN_NUMBER, words.UNKNOWN_NUMBER_TASK)
    return say(words.UNKNOWN_NUMBER, act=act)
