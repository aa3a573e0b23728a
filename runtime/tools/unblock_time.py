"""Tool: free time again that was blocked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from runtime.domain import words_staff
from runtime.domain.errors import Rejected
from runtime.domain.permissions import Action
from runtime.store import absences
from runtime.store.absences import Absence, AbsenceQuery
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.block_time import choose_member
from runtime.tools.confirming import PutAbsences, RemoveAbsences, note_undo
from runtime.tools.finding import Span, name_stretch, read_spans


class UnblockTime(msgspec.Struct, frozen=True):
    """When, in the words that were said; whose time, by default their own; or that of the whole business."""

    when: str
    staff: str | None = None
    whole_business: bool = False


async def run(context: ToolContext, given: UnblockTime) -> Told:
    """Free that time: of a block that goes beyond it, the rest stays."""
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
    rest = tuple(_list_rest(context, found, spans))
    await absences.remove_absences(context.uow, context.organization_id, [each.id for each in found])
    await absences.add_absences(context.uow, context.organization_id, rest)
    await note_undo(context, TOOL.name, given, [RemoveAbsences(rest), PutAbsences(found)])
    freed = [
        name_stretch(context, max(each.starts_at, span.starts_at), min(each.ends_at, span.ends_at))
        for each in found
        for span in spans
        if each.starts_at < span.ends_at and each.ends_at > span.starts_at
    ]
    return Told("done", words_staff.unblocked(member.name if member else None, freed))


def _list_rest(context: ToolContext, found: Sequence[Absence], spans: Sequence[Span]) -> Iterator[Absence]:
    """What is left of the blocks before, between and after the spans, which are in order."""
    for absence in found:
        since = absence.starts_at
        for span in spans:
            until = min(span.starts_at, absence.ends_at)
            if since < until:
                yield msgspec.structs.replace(absence, id=context.ids.new(), starts_at=since, ends_at=until)
            since = max(since, span.ends_at)
        if since < absence.ends_at:
            yield msgspec.structs.replace(absence, id=context.ids.new(), starts_at=since)


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
