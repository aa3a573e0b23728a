"""What staff had asked for in a conversation: what waits for their yes, and what can still be undone.

One question waits in a conversation at a time. The conversation may be one of Parlo's own number, whose rows are
another organization's; callers then bring a platform unit of work.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from runtime.domain.enums import StaffActionState
from runtime.domain.ids import ConversationId, OrganizationId, StaffId
from runtime.store.database import UnitOfWork, rows_of


class NewStaffAction(msgspec.Struct, frozen=True):
    """A call about to be kept: `arguments` and `undo` are JSON that only the tools read."""

    id: UUID
    staff_id: StaffId
    asked_in: ConversationId
    tool: str
    arguments: str
    state: StaffActionState
    undo: str | None = None


_DROP = text(
    """
    update staff_actions set state = 'dropped', settled_at = :now
    where organization_id = :organization_id and staff_id = :staff_id and asked_in = :asked_in and state = 'asked'
    """
)
_ADD = text(
    """
    insert into staff_actions (organization_id, id, staff_id, asked_in, tool, arguments, undo, state, at)
    values (:organization_id, :id, :staff_id, :asked_in, :tool, :arguments, :undo, :state, :now)
    """
)


async def drop_asked(
    uow: UnitOfWork, organization_id: OrganizationId, staff_id: StaffId, asked_in: ConversationId, *, now: datetime
) -> None:
    """Nothing waits for a yes any more."""
    parameters = {"organization_id": organization_id, "staff_id": staff_id, "asked_in": asked_in, "now": now}
    await uow.run(_DROP, parameters)


async def add(uow: UnitOfWork, organization_id: OrganizationId, new: NewStaffAction, *, now: datetime) -> None:
    """Keep a call; whatever waited for a yes before does so no more."""
    await drop_asked(uow, organization_id, new.staff_id, new.asked_in, now=now)
    await uow.run(_ADD, {"organization_id": organization_id, "now": now, **msgspec.structs.asdict(new)})


class StaffAction(msgspec.Struct, frozen=True):
    """The latest call of a member of staff in a conversation.

    Attributes:
        spoken_since: They have written something else since, which the turn under way is not.
    """

    id: UUID
    tool: str
    arguments: str
    undo: str | None
    state: StaffActionState
    at: datetime
    spoken_since: bool


_LATEST = text(
    """
    select a.id, a.tool, a.arguments, a.undo, a.state, a.at, exists (
      select from messages m join conversations c on c.organization_id = m.organization_id and c.id = m.conversation_id
      where c.id = a.asked_in and m.author = 'staff' and m.at > a.at) as spoken_since
    from staff_actions a
    where a.organization_id = :organization_id and a.staff_id = :staff_id and a.asked_in = :asked_in
    order by a.at desc, a.id desc limit 1
    """
)


async def load_latest(
    uow: UnitOfWork, organization_id: OrganizationId, staff_id: StaffId, asked_in: ConversationId
) -> StaffAction | None:
    """What was asked or done last."""
    parameters = {"organization_id": organization_id, "staff_id": staff_id, "asked_in": asked_in}
    found = rows_of(StaffAction, await uow.run(_LATEST, parameters))
    return found[0] if found else None


_SETTLE = text(
    """
    update staff_actions set state = :state, settled_at = :now
    where organization_id = :organization_id and id = :id and state = :was
    """
)


async def settle(
    uow: UnitOfWork,
    organization_id: OrganizationId,
    action: StaffAction,
    state: StaffActionState,
    *,
    now: datetime,
) -> bool:
    """Move an action on from the state it was read in; False when somebody else has."""
    parameters = {
        "organization_id": organization_id,
        "id": action.id,
        "was": action.state,
        "state": state,
        "now": now,
    }
    return (await uow.run(_SETTLE, parameters)).rowcount == 1
