"""What the tools for the team share: who is meant, and what nobody may do."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from runtime.domain import words_staff
from runtime.domain.enums import StaffRole
from runtime.domain.errors import Rejected
from runtime.domain.permissions import Action
from runtime.store import workplace
from runtime.store.journal import NewEvent, add_events
from runtime.store.workplace import Colleague
from runtime.tools.base import ToolContext
from runtime.tools.finding import find_member

_HIGH = (StaffRole.OWNER, StaffRole.ADMIN)


def require_rank(context: ToolContext, *roles: StaffRole) -> None:
    """Whoever makes or unmakes an owner or an admin needs the right to change permissions.

    Raises:
        Rejected: `not_allowed`.
    """
    if any(role in _HIGH for role in roles):
        context.require(Action.CHANGE_PERMISSIONS)


async def lock_colleague(context: ToolContext, name: str) -> tuple[Colleague, list[Colleague]]:
    """The colleague who is meant, and everybody, whose roles stay until the call ends.

    Raises:
        Rejected: `unknown_staff`.
    """
    member = find_member(context, name)
    team = await workplace.lock_colleagues(context.uow, context.organization_id)
    meant = next((each for each in team if each.id == member.id and each.active), None)
    if meant is None:
        raise Rejected("unknown_staff", words_staff.no_such_member(name, [each.name for each in team if each.active]))
    return meant, team


def require_another_owner(meant: Colleague, team: Sequence[Colleague]) -> None:
    """A business is never without an owner.

    Raises:
        Rejected: `last_owner`.
    """
    others = [each for each in team if each.active and each.role is StaffRole.OWNER and each.id != meant.id]
    if meant.role is StaffRole.OWNER and not others:
        raise Rejected("last_owner", words_staff.last_owner(meant.name))


async def note_change(context: ToolContext, event: str, colleague: Colleague) -> None:
    """Append who did it to whom."""
    data = {"by": str(context.require_member().id), **msgspec.to_builtins({"role": colleague.role})}
    new = NewEvent(context.ids.new(), event, context.now, context.conversation_id, colleague.id, data)
    await add_events(context.uow, context.organization_id, [new])
