"""What a customer is answered when their business may have no model asked any more today.

A fixed sentence that says how to reach a person, which needs no model. Once a day the owner is told, and a task left.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from runtime.answers.situation import Outcome, Situation, say
from runtime.domain import words
from runtime.domain.enums import OutboxKind, TaskKind
from runtime.domain.ids import OutboxId
from runtime.parts import Parts
from runtime.store import outbox, people
from runtime.store.database import UnitOfWork
from runtime.store.outbox import NewOutbound, NewTask


def answer_without_model(parts: Parts, situation: Situation) -> Outcome:
    """Say that the assistant is back tomorrow and a person is there today."""

    async def act(uow: UnitOfWork) -> list[NewOutbound]:
        return await _tell_owners(parts, situation, uow)

    return say(words.MODEL_LIMIT, act=act)


async def _tell_owners(parts: Parts, situation: Situation, uow: UnitOfWork) -> list[NewOutbound]:
    """Leave a task and tell the owners; both are keyed by the business's day, so that a second time changes nothing."""
    organization_id, now = situation.claimed.organization_id, parts.clock.now()
    day = now.astimezone(ZoneInfo(situation.row.timezone)).date().isoformat()
    task = NewTask(
        id=parts.ids.new(),
        kind=TaskKind.MODEL_LIMIT,
        dedupe_key=f"{TaskKind.MODEL_LIMIT}:{day}",
        summary=words.MODEL_LIMIT_TASK,
        created_at=now,
    )
    await outbox.add_task(uow, organization_id, task)
    told = []
    for owner in await people.find_recipients(uow, organization_id, [], owners=True):
        to = await people.ensure_conversation(uow, organization_id, owner, now=now)
        key = f"{TaskKind.MODEL_LIMIT}:{day}:{owner.staff_id}"
        told.append(NewOutbound(OutboxId(parts.ids.new()), to, OutboxKind.NOTICE, key, words.MODEL_LIMIT_NOTICE, now))
    return told
