"""The agent for staff: the same loop, journal and limits as a customer's, with the tools their role may use.

They write to the business's number or to Parlo's own; in that case the turn belongs to the platform and what the
tools change to the business, in one transaction.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import msgspec

from runtime.agent.context import render_history, render_staff_system
from runtime.agent.journal import Journal
from runtime.agent.loop import HISTORY_MESSAGES, Desk, Reply
from runtime.agent.prompts import Prompt, load_prompt
from runtime.domain.enums import Author, StaffActionState, StaffRole
from runtime.domain.errors import Unavailable
from runtime.domain.ids import ConversationId, OrganizationId, PersonId, StaffId, TurnId
from runtime.domain.permissions import actor_of
from runtime.parts import Parts
from runtime.ports import ChatMessage, ChatRole, ToolCall, ToolSpec
from runtime.store import people, staff_actions
from runtime.store.business import Business, CustomerFile, StaffRow, load_business
from runtime.store.conversations import Claim
from runtime.store.database import UnitOfWork
from runtime.store.journal import load_messages
from runtime.store.staff_actions import StaffAction
from runtime.tools import registry
from runtime.tools.base import ToolContext
from runtime.tools.registry import ToolResult


class StaffVisit(msgspec.Struct, frozen=True):
    """One turn of a member of staff.

    Attributes:
        organization_id: The business they work for, which on Parlo's own number is not the conversation's.
        role: As the turn was routed; what their tools may do is read again for each call.
    """

    claimed: Claim
    organization_id: OrganizationId
    staff_id: StaffId
    role: StaffRole
    person_id: PersonId
    turn_id: TurnId
    said: tuple[str, ...]


class StaffSeat:
    """A seat for staff. With `confirmed`, the one call is what they have just said yes to."""

    purpose = "staff"

    def __init__(self, parts: Parts, visit: StaffVisit, confirmed: StaffAction | None = None) -> None:
        self._parts = parts
        self._visit = visit
        self._confirmed = confirmed
        self.organization_id = visit.organization_id
        self.own_turn = visit.organization_id == visit.claimed.organization_id

    @property
    def tools(self) -> tuple[ToolSpec, ...]:
        """Those of their role."""
        return registry.specs_for(actor_of(self._visit.role))

    def transact(self, *, serializable: bool) -> AbstractAsyncContextManager[UnitOfWork]:
        """Within the business; from Parlo's own number a platform job, since the turn is the platform's."""
        database = self._parts.database
        if self.own_turn:
            return database.tenant(self.organization_id, serializable=serializable)
        return database.platform()

    async def surround(self, uow: UnitOfWork, call_key: str) -> ToolContext:
        """With the role they have at this moment.

        Raises:
            Unavailable: They are staff no more: the turn is routed again.
        """
        visit, now = self._visit, self._parts.clock.now()
        business = await load_business(uow, visit.organization_id)
        member = find_member(business, visit.staff_id)
        if self._confirmed is not None:
            done = StaffActionState.DONE
            if not await staff_actions.settle(uow, visit.organization_id, self._confirmed, done, now=now):
                raise Unavailable("the yes was used up already")
        return ToolContext(
            uow=uow,
            ids=self._parts.ids,
            now=now,
            actor=actor_of(member.role),
            organization_id=visit.organization_id,
            conversation_id=await self._ensure_conversation(uow),
            person_id=visit.person_id,
            call_key=call_key,
            business=business,
            customer=CustomerFile(None, None, None, 0, [], None),
            booking_lock=self._parts.booking_lock,
            said=visit.said,
            outgoing=[],
            member=member,
            confirmed=self._confirmed is not None,
            asked_in=visit.claimed.id,
        )

    async def _ensure_conversation(self, uow: UnitOfWork) -> ConversationId:
        """Their conversation with the business's own number, where its rows can point."""
        if self.own_turn:
            return self._visit.claimed.id
        found = await people.find_recipients(uow, self.organization_id, [self._visit.staff_id], owners=False)
        if not found:
            raise Unavailable("a business without a number")
        return await people.ensure_conversation(uow, self.organization_id, found[0], now=self._parts.clock.now())


def find_member(business: Business, staff_id: StaffId) -> StaffRow:
    """Who writes.

    Raises:
        Unavailable: They are staff no more: the turn is routed again.
    """
    member = next((each for each in business.staff if each.id == staff_id), None)
    if member is None:
        raise Unavailable("staff no more")
    return member


async def converse_with_staff(parts: Parts, journal: Journal, visit: StaffVisit) -> Reply:
    """Work out the answer to what a member of staff wrote.

    Raises:
        GaveUp: The model answered nothing usable within its limits.
        Unavailable: The model or the database is down.
    """
    prompt = load_prompt(parts.settings.staff_prompt, parts.settings.prompt_drafts)
    messages = journal.first_messages or await _open(parts, prompt, visit)
    desk = Desk(parts, journal, StaffSeat(parts, visit), visit.turn_id)
    text = await desk.talk(list(messages))
    return Reply(text, desk.changed, (), prompt.reference, prompt.digest, parts.settings.customer_model)


async def _open(parts: Parts, prompt: Prompt, visit: StaffVisit) -> list[ChatMessage]:
    async with parts.database.tenant(visit.organization_id) as uow:
        business = await load_business(uow, visit.organization_id)
        await uow.commit()
    claimed = visit.claimed
    async with parts.database.tenant(claimed.organization_id) as uow:
        history = await load_messages(uow, claimed.organization_id, claimed.id, most=HISTORY_MESSAGES)
        await uow.commit()
    system = render_staff_system(prompt, business, find_member(business, visit.staff_id), parts.clock.now())
    return [
        ChatMessage(ChatRole.SYSTEM, system),
        *render_history(history, speaker=Author.STAFF),
        ChatMessage(ChatRole.USER, "\n".join(visit.said)),
    ]


async def run_confirmed(parts: Parts, journal: Journal, visit: StaffVisit, action: StaffAction) -> ToolResult:
    """Do what they have said yes to, once: the yes is used up in the tool's own transaction."""
    desk = Desk(parts, journal, StaffSeat(parts, visit, action), visit.turn_id)
    return await desk.run(ToolCall(str(action.id), action.tool, action.arguments))


async def repeat_confirmed(parts: Parts, journal: Journal, visit: StaffVisit) -> ToolResult:
    """The result of a confirmed call that this turn had already made before it was taken up again."""
    assert journal.first_call is not None
    return await Desk(parts, journal, StaffSeat(parts, visit), visit.turn_id).run(journal.first_call)
