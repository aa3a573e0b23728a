"""The journal of a turn at work: ask once, run once, and answer from memory when a turn is resumed.

A worker that is killed loses at most the step it was at. Whoever resumes goes through the same
steps; each one that is already journaled is not done again. A step that asks for something else
than it did the first time stops the turn.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from runtime.domain.enums import StepKind
from runtime.domain.errors import JournalMismatch, Paced, Unavailable
from runtime.domain.ids import TurnId
from runtime.domain.whatsapp import clean_text
from runtime.parts import Parts
from runtime.ports import ChatMessage, ModelAnswer, ModelRequest, ToolCall
from runtime.store.conversations import Claim, pay
from runtime.store.database import UnitOfWork
from runtime.store.journal import Step, add_step

OUTAGE = "outage"
LONGEST_TEXT = 4000
"""Characters of an answer that are kept; a model is asked for 600 tokens, and may not keep to it."""
LONGEST_ARGUMENTS = 8000
"""Characters of a call's arguments; what is cut off is JSON no more, and refused."""
LONGEST_NAME = 100
MOST_CALLS = 32
"""Calls of one answer that are kept: more than a turn may run."""


class Journal:
    """The steps of one turn, done and to come."""

    def __init__(
        self, parts: Parts, claimed: Claim, turn_id: TurnId, steps: list[Step], *, spent: bool = False
    ) -> None:
        """Take a turn up where its steps end; `spent` says that its business may have no more model calls today."""
        self._parts = parts
        self._claimed = claimed
        self._turn_id = turn_id
        self._steps = steps
        self._position = 0
        self._paid_until = claimed.paid_until
        self._spent = spent
        self._has_opened = self.first_messages is not None

    @property
    def spent(self) -> bool:
        """The business has no model calls left today, and this turn has not begun: what is begun goes on."""
        return self._spent and not self._steps

    @property
    def next_number(self) -> int:
        """The number of the step that comes next, from 1."""
        return self._position + 1

    @property
    def first_messages(self) -> tuple[ChatMessage, ...] | None:
        """What the first model call of this turn was asked about the conversation, if the turn got that far before."""
        for step in self._steps:
            if step.kind is StepKind.MODEL and step.request is not None:
                return msgspec.convert(step.request, tuple[ChatMessage, ...])
        return None

    @property
    def first_call(self) -> ToolCall | None:
        """The tool call this turn began with, if it began with one and got that far before."""
        first = self._steps[0] if self._steps else None
        if first is None or first.kind is not StepKind.TOOL:
            return None
        return ToolCall("again", first.name, str(first.request["arguments"]))

    async def ask(
        self,
        request: ModelRequest,
        *,
        tolerate_outage: bool = False,
        about: str | None = None,
        by: Callable[[ModelRequest], Awaitable[ModelAnswer]] | None = None,
    ) -> ModelAnswer:
        """The model's answer: the journaled one, or a new one that is journaled before it is used.

        `about` names the question where its surroundings may have changed when a turn is resumed; by default the
        question is known by all its messages.

        `by` asks in another way than by the chat model; what it is asked is not part of the conversation.

        With `tolerate_outage` a model that is down, or that may not be asked now, is an answer too (finish
        `OUTAGE`, no text), so that a resumed turn decides the same again.

        Raises:
            Paced: The sender has used up their calls for now; nothing was asked.
            Unavailable: The model did not answer; nothing was journaled.
            JournalMismatch: This step was something else the first time.
            LeaseLost: Somebody else has the conversation now.
        """
        key = _digest([request.purpose, request.messages if about is None else about])
        if (step := self._recall(StepKind.MODEL, request.purpose, key)) is not None:
            return msgspec.convert(step.response, ModelAnswer)
        paid_until: datetime | None = None
        try:
            self._require_allowance()
            paid_until = self._pay()
            answer = _clean(await (by or self._parts.model.complete)(request))
        except (Unavailable, Paced):
            if not tolerate_outage:
                await self._write_off(paid_until)
                raise
            answer = ModelAnswer(None, (), OUTAGE, request.model, 0, 0)
        asked = request.messages if by is None and not self._has_opened else None
        step = Step(self.next_number, StepKind.MODEL, request.purpose, key, answer, asked)
        async with self._parts.database.tenant(self._claimed.organization_id) as uow:
            await self.record(uow, step, paid_until)
            await uow.commit()
        self._position += 1
        self._has_opened = self._has_opened or by is None
        return answer

    def _require_allowance(self) -> None:
        now = self._parts.clock.now()
        until = self._parts.settings.allowance.next_call_at(self._paid_until, now)
        if until > now or self.spent:
            raise Paced(until)

    def _pay(self) -> datetime:
        self._paid_until = self._parts.settings.allowance.pay(self._paid_until, self._parts.clock.now())
        return self._paid_until

    async def _write_off(self, paid_until: datetime | None) -> None:
        """Have a call count that came to nothing: trying again and again is what costs."""
        if paid_until is None:
            return
        async with self._parts.database.tenant(self._claimed.organization_id) as uow:
            await pay(uow, self._claimed, paid_until)
            await uow.commit()

    def recall_call(self, call: ToolCall) -> Any | None:
        """The journaled result of a tool call, or None when it has not been run yet.

        Raises:
            JournalMismatch: This step was something else the first time.
        """
        step = self._recall(StepKind.TOOL, call.name, _digest([call.name, call.arguments]))
        return None if step is None else step.response

    async def record_call(self, uow: UnitOfWork, call: ToolCall, response: object) -> None:
        """Journal a tool's result in the tool's own transaction. Call `move_on` once it is committed."""
        key = _digest([call.name, call.arguments])
        asked = {"arguments": call.arguments}
        await self.record(uow, Step(self.next_number, StepKind.TOOL, call.name, key, response, asked))

    def move_on(self) -> None:
        """The step just recorded is committed."""
        self._position += 1

    async def hold(self, uow: UnitOfWork) -> bool:
        """Refuse to go on under a lease that is no longer ours; whether a person has the conversation by now."""
        hold = self._parts.conversation_lock.hold
        return await hold(uow, self._claimed.organization_id, self._claimed.id, self._claimed.fence)

    async def record(self, uow: UnitOfWork, step: Step, paid_until: datetime | None = None) -> None:
        """Write a step, under a lease that is still ours, and with it what a model call leaves of the allowance."""
        now = self._parts.clock.now()
        await add_step(uow, self._claimed, self._turn_id, step, at=now, paid_until=paid_until)

    def _recall(self, kind: StepKind, name: str, key: str) -> Step | None:
        if self._position >= len(self._steps):
            return None
        step = self._steps[self._position]
        if (step.kind, step.name, step.request_key) != (kind, name, key):
            raise JournalMismatch(
                f"turn {self._turn_id} step {step.number}: journaled {step.kind} {step.name} {step.request_key[:12]}, "
                f"now {kind} {name} {key[:12]}"
            )
        self._position += 1
        return step


def _digest(asked: object) -> str:
    return sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()


def _clean(answer: ModelAnswer) -> ModelAnswer:
    """The answer without what Postgres cannot store, and no longer than an honest one can be."""
    calls = tuple(
        ToolCall(
            clean_text(call.id)[:LONGEST_NAME],
            clean_text(call.name)[:LONGEST_NAME],
            clean_text(call.arguments)[:LONGEST_ARGUMENTS],
        )
        for call in answer.tool_calls[:MOST_CALLS]
    )
    words = clean_text(answer.text)[:LONGEST_TEXT] if answer.text else None
    return msgspec.structs.replace(answer, text=words, tool_calls=calls)
