"""Tool: free time again that was blocked."""

from __future__ import annotations

import msgspec

from runtime.domain import words_staff
from runtime.domain.errors import Rejected
from runtime.domain.permissions import Action
from runtime.store import absences
from runtime.store.absences import AbsenceQuery
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.block_time import choose_member
from runtime.tools.confirming import PutAbsences, note_undo
from runtime.tools.finding import name_stretch, read_spans


class UnblockTime(msgspec.Struct, frozen=True):
    """When, in the words that were said; whose time, by default their own; or that of the whole business."""

    when: str
    staff: str | None = None
    whole_business: bool = False


async def run(context: ToolContext, given: UnblockTime) -> Told:
    """Take away every block that touches that time."""
    member = choose_member(context, given.staff, whole_business=given.whole_business)
    spans = read_spans(context, given.when)
    query = AbsenceQuery(
        staff_ids=[member.id] if member else [],
        location_id=None if member else context.business.location_id,
        since=spans[0].starts_at,
        until=spans[-1].ends_at,
    )
    found = tuple(await absences.list_absences(context.uow, context.organization_id, query))
    if not found:
        raise Rejected("not_found", words_staff.NOTHING_BLOCKED)
    await absences.remove_absences(context.uow, context.organization_id, [each.id for each in found])
    await note_undo(context, TOOL.name, given, [PutAbsences(found)])
    freed = [name_stretch(context, each.starts_at, each.ends_at) for each in found]
    return Told("done", words_staff.unblocked(member.name if member else None, freed))


TOOL = Tool(
    name="unblock_time",
    description=(
        "Quita el bloqueo de un tiempo: de quien escribe, de alguien del equipo (`staff`) o de todo el negocio "
        "(`whole_business`). En `when` pasa las palabras de la persona."
    ),
    input=UnblockTime,
    action=Action.BLOCK_OWN_TIME,
    run=run,
)
