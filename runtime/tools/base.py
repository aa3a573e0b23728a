"""What every tool shares: who calls, on whose behalf, and what it may touch.

A tool takes tenant, conversation and person from here, never from its arguments. It runs inside the
transaction of the agent loop and never commits. It returns a struct or raises `Rejected`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from runtime.domain.ids import ConversationId, OrganizationId, PersonId
from runtime.ports import Ids, ToolSpec
from runtime.store.business import Business, CustomerFile
from runtime.store.database import UnitOfWork
from runtime.store.locking import BookingLock
from runtime.store.outbox import NewOutbound


class Actor(StrEnum):
    """On whose behalf a model calls a tool."""

    CUSTOMER = "customer"


class ToolContext(msgspec.Struct):
    """One call's surroundings. `outgoing` collects messages to queue with the call's own transaction.

    Attributes:
        call_key: Names this call for ever (turn and step): the dedupe key of what it causes.
        booking_lock: How rivals for the calendars are kept apart.
        said: What the customer wrote in this turn, for a person who takes over.
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

    @property
    def zone(self) -> ZoneInfo:
        """The business's time zone."""
        return ZoneInfo(self.business.timezone)

    @property
    def now_local(self) -> datetime:
        """The present moment on the business's clock."""
        return self.now.astimezone(self.zone)


class SlotOffer(msgspec.Struct, frozen=True):
    """A free time as a customer reads it."""

    when: str
    staff: str


In = TypeVar("In", bound=msgspec.Struct)


class Tool(msgspec.Struct, Generic[In], frozen=True):
    """A tool: its name and words for the model, its input, who may call it, and what it does.

    Attributes:
        ends_turn: The tool's own message is the turn's only answer; the model is not asked again.
        changes: It changes something the customer has to hear of.
    """

    name: str
    description: str
    input: type[In]
    allowed: frozenset[Actor]
    run: Callable[[ToolContext, In], Awaitable[msgspec.Struct]]
    ends_turn: bool = False
    changes: bool = True

    @property
    def spec(self) -> ToolSpec:
        """The tool as the model sees it."""
        _, components = msgspec.json.schema_components([self.input], ref_template="{name}")
        schema = dict(components[self.input.__name__])
        schema.pop("title", None)
        schema.pop("description", None)
        schema["additionalProperties"] = False
        return ToolSpec(self.name, self.description, msgspec.Raw(msgspec.json.encode(schema)))


CUSTOMERS = frozenset({Actor.CUSTOMER})
