"""What the tests of staff's tools share: somebody of Estética Lupita has a tool called."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from runtime.domain.permissions import actor_of
from runtime.ports import ToolCall
from runtime.settings import Settings
from runtime.store.business import CustomerFile, load_business
from runtime.store.conversations import conversation_id_of
from runtime.store.database import Database
from runtime.store.locking import BOOKING_LOCKS
from runtime.store.outbox import queue_messages
from runtime.tools import registry
from runtime.tools.base import ToolContext
from tests.runtime.twins import NOW, Called, Salon, meet

PHONES = {
    "Lupita": "+522220000101",
    "Karla": "+522220000102",
    "Rosa": "+522220000103",
    "Memo": "+522220000104",
}
NOON = datetime(2026, 1, 12, 18, 30, tzinfo=UTC)
"""lunes 12 de enero, 12:30 PM."""


async def call_as(
    database: Database,
    salon: Salon,
    name: str,
    tool: str,
    arguments: Mapping[str, object] | str,
    **moment: Any,
) -> Called:
    """A model calls a tool for this member of staff, as the agent loop does it: one transaction, committed.

    `moment` may give the fields `now` and `confirmed` of the context.
    """
    conversation_id, person_id = await meet(database, salon, PHONES[name])
    raw = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
    async with database.tenant(salon.organization_id) as uow:
        business = await load_business(uow, salon.organization_id)
        member = next(each for each in business.staff if each.name == name)
        context = ToolContext(
            uow=uow,
            ids=salon.ids,
            actor=actor_of(member.role),
            organization_id=salon.organization_id,
            conversation_id=conversation_id,
            person_id=person_id,
            call_key=f"turn:{salon.ids.new()}",
            business=business,
            customer=CustomerFile(None, None, None, 0, [], None),
            booking_lock=BOOKING_LOCKS[Settings().booking_lock],
            said=("x",),
            outgoing=[],
            member=member,
            **({"now": NOW} | moment),
        )
        result = await registry.call(context, ToolCall("call-1", tool, raw))
        await queue_messages(uow, salon.organization_id, None, context.outgoing)
        await uow.commit()
    return Called(result, msgspec.json.decode(result.content, type=dict[str, Any]), context.outgoing)


def chat_of(salon: Salon, phone: str) -> object:
    """The id of the conversation between a phone and the salon."""
    return conversation_id_of(salon.number, phone)
