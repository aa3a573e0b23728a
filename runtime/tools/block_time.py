"""Tool: block time of whoever writes, of a colleague, or of the whole business."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from runtime.domain import words_staff
from runtime.domain.permissions import Action
from runtime.domain.spanish.folding import clean_text
from runtime.store import absences, clients
from runtime.store.absences import Absence
from runtime.store.business import StaffRow
from runtime.store.calendars import name_calendars
from runtime.store.clients import Booking
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.confirming import RemoveAbsences, ask_first, note_undo
from runtime.tools.finding import Span, describe_booking, find_member, read_spans
from runtime.tools.scheduling import require_location

_LONGEST_REASON = 80
_MOST_LISTED = 8


class BlockTime(msgspec.Struct, frozen=True):
    """When, in the words that were said; whose time, by default their own; or nobody is there."""

    when: str
    staff: str | None = None
    whole_business: bool = False
    reason: str | None = None


async def run(context: ToolContext, given: BlockTime) -> Told:
    """Block it; appointments in that time are asked about first."""
    member = choose_member(context, given.staff, whole_business=given.whole_business)
    spans = read_spans(context, given.when)
    team = context.business.staff if member is None else [member]
    calendars = name_calendars(context.organization_id, [each.id for each in team], [])
    seen = await context.booking_lock.note(context.uow, calendars)
    await context.booking_lock.take(context.uow, calendars, seen)
    inside = await _list_inside(context, spans, member)
    labels = [each.label for each in spans]
    who = member.name if member else None
    if inside:
        lines = [f"• {describe_booking(context, each)}" for each in inside[:_MOST_LISTED]]
        question = words_staff.blocks_with_appointments(who, labels, lines)
        asked = await ask_first(context, TOOL.name, given, question)
        if asked is not None:
            return asked
    default = words_staff.CLOSED_REASON if member is None else words_staff.BLOCK_REASON
    reason = clean_text(given.reason or "", limit=_LONGEST_REASON).text or default
    new = tuple(_write(context, span, member, reason) for span in spans)
    await absences.add_absences(context.uow, context.organization_id, new)
    await note_undo(context, TOOL.name, given, [RemoveAbsences(new)])
    return Told("done", words_staff.blocked(who, labels))


def choose_member(context: ToolContext, said: str | None, *, whole_business: bool) -> StaffRow | None:
    """Whose time it is; None for the whole business.

    Raises:
        Rejected: `not_allowed` for somebody else's or the business's; `unknown_staff`.
    """
    if whole_business:
        context.require(Action.CLOSE_BUSINESS)
        return None
    member = find_member(context, said)
    if context.member is None or member.id != context.member.id:
        context.require(Action.BLOCK_OTHERS_TIME)
    return member


async def _list_inside(context: ToolContext, spans: Sequence[Span], member: StaffRow | None) -> list[Booking]:
    found = []
    for span in spans:
        inside = await clients.list_bookings(
            context.uow, context.organization_id, since=span.starts_at, until=span.ends_at
        )
        found += [each for each in inside if each.is_open and (member is None or each.staff_id == member.id)]
    return found


def _write(context: ToolContext, span: Span, member: StaffRow | None, reason: str) -> Absence:
    location_id = require_location(context) if member is None else None
    staff_id = member.id if member else None
    return Absence(context.ids.new(), span.starts_at, span.ends_at, reason, staff_id, location_id)


TOOL = Tool(
    name="block_time",
    description=(
        "Bloquea tiempo para que nadie agende: de quien escribe, de alguien del equipo (`staff`) o de todo el negocio "
        '(`whole_business`, por ejemplo "mañana no abrimos"). En `when` pasa las palabras de la persona.'
    ),
    input=BlockTime,
    action=Action.BLOCK_OWN_TIME,
    run=run,
)
