"""Tool: when somebody of the team is there, week after week."""

from __future__ import annotations

import msgspec

from runtime.domain import words_staff
from runtime.domain.permissions import Action
from runtime.domain.spanish.formats import WEEKDAYS, format_hours, join_spanish
from runtime.store import workplace
from runtime.store.business import HoursRow, week_hours
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.block_time import choose_member
from runtime.tools.confirming import PutStaffHours, note_undo
from runtime.tools.week import read_days, read_hours


class SetAvailability(msgspec.Struct, frozen=True):
    """Which days and which hours, in the words that were said, or that they are off; whose, by default their own."""

    days: str
    hours: str | None = None
    off: bool = False
    staff: str | None = None


async def run(context: ToolContext, given: SetAvailability) -> Told:
    """Change their week; for half a minute it can be taken back. Who had no hours of their own had the business's."""
    member = choose_member(context, given.staff, whole_business=False)
    assert member is not None
    days = read_days(given.days)
    rows = list(member.hours or context.business.hours)
    now = week_hours(rows)
    after = [row for row in rows if row.weekday not in days]
    told = []
    for day in days:
        ranges = () if given.off else read_hours(context, given.hours or "", now.days[day])
        after += [HoursRow(day, each.start_minute, each.end_minute) for each in ranges]
        told.append(f"{WEEKDAYS[day]}: {format_hours(ranges) if ranges else words_staff.DAY_OFF}")
    await workplace.put_staff_hours(context.uow, context.organization_id, member.id, after)
    await note_undo(context, TOOL.name, given, [PutStaffHours(member.id, tuple(member.hours))])
    return Told("done", words_staff.availability_changed(member.name, join_spanish(told)))


TOOL = Tool(
    name="set_availability",
    description=(
        "Cambia los días y horas en que trabaja cada semana quien escribe, o alguien más (`staff`). En `days` y "
        "`hours` pasa las palabras de la persona; con `off`, esos días descansa. Para un solo día usa `block_time`."
    ),
    input=SetAvailability,
    action=Action.BLOCK_OWN_TIME,
    run=run,
)
