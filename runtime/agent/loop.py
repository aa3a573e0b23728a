"""The agent: ask the model, run the tools it calls, until it answers in words or a limit is hit.

`converse` serves a customer; for staff see `runtime.agent.staff`. No transaction is open while a model
thinks. Each tool call runs in a transaction of its own, together with its journal row and the messages it causes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec
import structlog

from runtime.agent.context import render_history, render_system
from runtime.agent.journal import Journal
from runtime.agent.prompts import Prompt, load_prompt
from runtime.domain.errors import GaveUp
from runtime.domain.ids import OrganizationId, PersonId, TurnId
from runtime.domain.permissions import Actor
from runtime.parts import Parts
from runtime.ports import ChatMessage, ChatRole, Job, ModelRequest, ToolCall, ToolSpec
from runtime.store.business import Business, load_business, load_customer
from runtime.store.conversations import Claim
from runtime.store.database import Contended, UnitOfWork
from runtime.store.journal import load_messages
from runtime.store.outbox import NewOutbound, queue_messages
from runtime.tools import registry
from runtime.tools.base import ToolContext

log = structlog.get_logger()

_LINK = re.compile(r"\b(?:https?://|www\.)\S+|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/\S+", re.IGNORECASE)
HISTORY_MESSAGES = 20
TOOL_CALLS = 8
"""Most tool calls of one turn; a model that wants more is going in circles."""


class Visit(msgspec.Struct, frozen=True):
    """One customer's turn: who, where, and what they wrote, each message a line."""

    claimed: Claim
    person_id: PersonId
    turn_id: TurnId
    said: tuple[str, ...]


class Reply(msgspec.Struct, frozen=True):
    """The agent's answer.

    Attributes:
        text: None when a tool has already answered for it.
        changed: A tool has changed something the customer has to hear of.
        staff: Names of the people of the business, as the agent knew them.
    """

    text: str | None
    changed: bool
    staff: tuple[str, ...]
    prompt: str
    prompt_hash: str
    model: str


async def converse(parts: Parts, journal: Journal, visit: Visit) -> Reply:
    """Work out the answer to a customer's messages.

    Raises:
        GaveUp: The model answered nothing usable within its limits.
        Unavailable: The model or the database is down.
    """
    prompt = load_prompt(parts.settings.customer_prompt, parts.settings.prompt_drafts)
    async with parts.database.tenant(visit.claimed.organization_id) as uow:
        business = await load_business(uow, visit.claimed.organization_id)
        messages = journal.first_messages or await _open(parts, uow, prompt, business, visit)
        # nothing was written, but rolling back would cost the driver its prepared statements
        await uow.commit()
    desk = Desk(parts, journal, CustomerSeat(parts, visit, business), visit.turn_id)
    text = await desk.talk(list(messages))
    staff = tuple(member.name for member in business.staff)
    return Reply(text, desk.changed, staff, prompt.reference, prompt.digest, parts.settings.customer_model)


async def _open(
    parts: Parts, uow: UnitOfWork, prompt: Prompt, business: Business, visit: Visit
) -> Sequence[ChatMessage]:
    organization_id, conversation_id = visit.claimed.organization_id, visit.claimed.id
    now = parts.clock.now()
    customer = await load_customer(uow, organization_id, visit.person_id, conversation_id, now=now)
    history = await load_messages(uow, organization_id, conversation_id, most=HISTORY_MESSAGES)
    system = render_system(prompt, business, customer, history, now)
    return [
        ChatMessage(ChatRole.SYSTEM, system),
        *render_history(history),
        ChatMessage(ChatRole.USER, "\n".join(visit.said)),
    ]


class Seat(Protocol):
    """For whom the agent works in a turn: what it may call, and what its tools are given.

    Attributes:
        purpose: What its model calls are for, as the journal names them.
        organization_id: Whose rows the tools change.
        own_turn: The turn is that organization's too, and not of a message to Parlo's own number.
    """

    purpose: str
    organization_id: OrganizationId
    own_turn: bool

    @property
    def tools(self) -> tuple[ToolSpec, ...]:
        """What the model is offered."""
        ...

    def transact(self, *, serializable: bool) -> AbstractAsyncContextManager[UnitOfWork]:
        """A unit of work that sees those rows and the turn's journal."""
        ...

    async def surround(self, uow: UnitOfWork, call_key: str) -> ToolContext:
        """What a tool is given, as it is at this moment."""
        ...


class CustomerSeat:
    """A customer's: their own appointments at the business they write to."""

    purpose = "customer"
    own_turn = True

    def __init__(self, parts: Parts, visit: Visit, business: Business) -> None:
        self._parts = parts
        self._visit = visit
        self._business = business
        self.organization_id = visit.claimed.organization_id

    @property
    def tools(self) -> tuple[ToolSpec, ...]:
        """Those for customers."""
        return registry.specs_for(Actor.CUSTOMER)

    def transact(self, *, serializable: bool) -> AbstractAsyncContextManager[UnitOfWork]:
        """Within the business."""
        return self._parts.database.tenant(self.organization_id, serializable=serializable)

    async def surround(self, uow: UnitOfWork, call_key: str) -> ToolContext:
        """With what the business knows of the customer by now."""
        visit, now = self._visit, self._parts.clock.now()
        organization_id, conversation_id = visit.claimed.organization_id, visit.claimed.id
        return ToolContext(
            uow=uow,
            ids=self._parts.ids,
            now=now,
            actor=Actor.CUSTOMER,
            organization_id=organization_id,
            conversation_id=conversation_id,
            person_id=visit.person_id,
            call_key=call_key,
            business=self._business,
            customer=await load_customer(uow, organization_id, visit.person_id, conversation_id, now=now),
            booking_lock=self._parts.booking_lock,
            said=visit.said,
            outgoing=[],
        )


class Desk:
    """One turn at work. `changed` says whether a tool has changed something."""

    def __init__(self, parts: Parts, journal: Journal, seat: Seat, turn_id: TurnId) -> None:
        self._parts = parts
        self._journal = journal
        self._seat = seat
        self._turn_id = turn_id
        self.changed = False

    async def talk(self, messages: list[ChatMessage]) -> str | None:
        """Ask the model and run what it calls until it answers; None when a tool has answered for it."""
        calls = 0
        for _ in range(self._parts.settings.model_rounds):
            answer = await self._journal.ask(self._request(messages))
            if not answer.tool_calls:
                return _require_words(answer.text, known=messages[0].content or "")
            messages.append(ChatMessage(ChatRole.ASSISTANT, answer.text, answer.tool_calls))
            for call in answer.tool_calls:
                calls += 1
                if calls > TOOL_CALLS:
                    raise GaveUp(f"the model called more than {TOOL_CALLS} tools in one turn")
                result = await self.run(call)
                self.changed = self.changed or (result.ok and registry.changes(call.name))
                if result.ends_turn:
                    return None
                messages.append(ChatMessage(ChatRole.TOOL, result.content, tool_call_id=call.id))
        raise GaveUp(f"the model found no answer in {self._parts.settings.model_rounds} rounds")

    def _request(self, messages: list[ChatMessage]) -> ModelRequest:
        settings = self._parts.settings
        return ModelRequest(
            purpose=self._seat.purpose,
            model=settings.customer_model,
            messages=tuple(messages),
            tools=self._seat.tools,
            timeout_s=settings.model_timeout_s,
        )

    async def run(self, call: ToolCall) -> registry.ToolResult:
        """Run one tool call, or give its journaled result."""
        known = self._journal.recall_call(call)
        if known is not None:
            return msgspec.convert(known, registry.ToolResult)
        outgoing, result = await self._transact_patiently(call)
        self._journal.move_on()
        for conversation_id in dict.fromkeys(message.conversation_id for message in outgoing):
            await self._parts.hand_over(Job.DELIVER, conversation_id)
        return result

    async def _transact_patiently(self, call: ToolCall) -> tuple[list[NewOutbound], registry.ToolResult]:
        """Try again at once what was broken off for a rival, as often as the strategy allows."""
        for _ in range(self._parts.booking_lock.retries):
            try:
                return await self._transact(call)
            except Contended as error:
                log.info("tool_tried_again", tool=call.name, deadlock=error.deadlock)
        return await self._transact(call)

    async def _transact(self, call: ToolCall) -> tuple[list[NewOutbound], registry.ToolResult]:
        seat = self._seat
        async with seat.transact(serializable=self._parts.booking_lock.serializable) as uow:
            await self._journal.hold(uow)
            context = await seat.surround(uow, f"{self._turn_id}:{self._journal.next_number}")
            result = await registry.call(context, call)
            turn_id = self._turn_id if seat.own_turn else None
            await queue_messages(uow, seat.organization_id, turn_id, context.outgoing)
            await self._journal.record_call(uow, call, result)
            await uow.commit()
        return context.outgoing, result


def _require_words(text: str | None, *, known: str) -> str:
    # WhatsApp shows Markdown's double stars as they are
    words = (text or "").replace("**", "*")
    # an address that the business did not give is nobody's to send in its name
    words = _LINK.sub(lambda found: found[0] if found[0] in known else "", words).strip()
    if not words.strip("*_~`- \n"):
        raise GaveUp("the model answered nothing")
    return words
