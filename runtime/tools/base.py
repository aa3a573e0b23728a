"""What every tool shares: who calls, on whose behalf, and what it may touch.

A tool takes tenant, conversation and person from here, never from its arguments. It runs inside the
transaction of the agent loop and never commits. It returns a struct or raises `Rejected`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from runtime.domain import words_staff
from runtime.domain.errors import Rejected
from runtime.domain.ids import ConversationId, OrganizationId, PersonId
from runtime.domain.permissions import ALLOWED, Action, Actor, is_allowed
from runtime.ports import Ids, ToolSpec
from runtime.store.business import Business, CustomerFile, StaffRow
from runtime.store.database import UnitOfWork
from runtime.store.locking import BookingLock
from runtime.store.outbox import NewOutbound


class ToolContext(msgspec.Struct):
    """One call's surroundings. `outgoing` collects messages to queue with the call's own transaction.

    Attributes:
        call_key: Names this call for ever (turn and step): the dedupe key of what it causes.
        booking_lock: How rivals for the calendars are kept apart.
        said: What the customer, or whoever else writes, wrote in this turn.
        member: Who of the business writes; None for a customer. Read in the call's own transaction.
        confirmed: Whoever writes has just said yes to this very call.
        asked_in: Where staff writes: here, or to Parlo's own number.
    """

    uow: UnitOfWork
    ids: Ids
    now: datetime
    actor: Actor
    organization_id: OrganizationId
    conversation_id: ConversationId
    person_id: PersonId
    call_key: str
    business: Business
    customer: CustomerFile
    booking_lock: BookingLock
    said: tuple[str, ...]
    outgoing: list[NewOutbound]
    member: StaffRow | None = None
    confirmed: bool = False
    asked_in: ConversationId | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The business's time zone."""
        return ZoneInfo(self.business.timezone)

    @property
    def now_local(self) -> datetime:
        """The present moment on the business's clock."""
        return self.now.astimezone(self.zone)

    def require(self, action: Action) -> None:
        """Go on only where whoever writes may do this.

        Raises:
            Rejected: `not_allowed`, with who may.
        """
        if not is_allowed(self.actor, action):
            raise Rejected("not_allowed", words_staff.not_allowed(action))

    def require_member(self) -> StaffRow:
        """Who of the business writes.

        Raises:
            Rejected: `not_allowed` for a customer.
        """
        if self.member is None:
            raise Rejected("not_allowed", words_staff.CANNOT)
        return self.member


class Told(msgspec.Struct, frozen=True):
    """What a tool for staff came to, in words that are told as they stand.

    Attributes:
        status: `told`, `done`, or `asked` where it waits for a yes.
    """

    status: str
    text: str


class SlotOffer(msgspec.Struct, frozen=True):
    """A free time as a customer reads it."""

    when: str
    staff: str


In = TypeVar("In", bound=msgspec.Struct)


class Tool(msgspec.Struct, Generic[In], frozen=True):
    """A tool: its name and words for the model, its input, what it needs permission for, and what it does.

    Attributes:
        action: What whoever it is called for must be permitted to do, for any call of it.
        ends_turn: The tool's own message is the turn's only answer; the model is not asked again.
        changes: It changes something the customer has to hear of.
    """

    name: str
    description: str
    input: type[In]
    action: Action
    run: Callable[[ToolContext, In], Awaitable[msgspec.Struct]]
    ends_turn: bool = False
    changes: bool = True

    @property
    def allowed(self) -> frozenset[Actor]:
        """For whom it may be called."""
        return ALLOWED[self.action]

    @property
    def spec(self) -> ToolSpec:
        """The tool as the model sees it."""
        _, components = msgspec.json.schema_components([self.input], ref_template="{name}")
        schema = dict(components[self.input.__name__])
        schema.pop("title", None)
        schema.pop("description", None)
        schema["additionalProperties"] = False
        return ToolSpec(self.name, self.description, msgspec.Raw(msgspec.json.encode(schema)))
