"""Tool: somebody works here no more."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from runtime.domain import words_staff
from runtime.domain.permissions import Action
from runtime.store import clients, workplace
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.colleagues import lock_colleague, note_change, require_another_owner, require_rank
from runtime.tools.confirming import ask_first

_AHEAD = timedelta(days=365)


class RemoveStaff(msgspec.Struct, frozen=True):
    """Whom, by name; "yo" for oneself."""

    name: str


async def run(context: ToolContext, given: RemoveStaff) -> Told:
    """Ask first, with the appointments that they still have; a business keeps an owner."""
    colleague, team = await lock_colleague(context, given.name)
    require_rank(context, colleague.role)
    require_another_owner(colleague, team)
    until = context.now + _AHEAD
    coming = await clients.list_bookings(context.uow, context.organization_id, since=context.now, until=until)
    count = sum(each.is_open and each.staff_id == colleague.id for each in coming)
    settled = RemoveStaff(colleague.name)
    asked = await ask_first(context, TOOL.name, settled, words_staff.ask_to_remove(colleague.name, count))
    if asked is not None:
        return asked
    gone = msgspec.structs.replace(colleague, active=False)
    await workplace.put_colleague(context.uow, context.organization_id, gone)
    await note_change(context, "staff_removed", gone)
    return Told("done", words_staff.staff_removed(colleague.name))


TOOL = Tool(
    name="remove_staff",
    description='Quita a alguien del equipo. Antes pregunta y espera el sí. Para quien escribe pasa "yo".',
    input=RemoveStaff,
    action=Action.MANAGE_STAFF,
    run=run,
)
