"""Tool: when the business opens and closes, week after week."""

from __future__ import annotations

import msgspec

from runtime.domain import words_staff
from runtime.domain.permissions import Action
from runtime.domain.spanish.formats import WEEKDAYS, format_hours, join_spanish
from runtime.store import workplace
from runtime.store.business import HoursRow
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.confirming import PutHours, note_undo
from runtime.tools.scheduling import require_location
from runtime.tools.week import read_days, read_hours


class ChangeHours(msgspec.Struct, frozen=True):
    """Which days and which hours, in the words that were said; or that nobody opens on those days."""

    days: str
    hours: str | None = None
    closed: bool = False


async def run(context: ToolContext, given: ChangeHours) -> Told:
    """Change the week; for half a minute it can be taken back."""
    days = read_days(given.days)
    location_id = require_location(context)
    before = tuple(context.business.hours)
    after = [row for row in before if row.weekday not in days]
    told = []
    for day in days:
        ranges = () if given.closed else read_hours(context, given.hours or "", context.business.week_hours.days[day])
        after += [HoursRow(day, each.start_minute, each.end_minute) for each in ranges]
        told.append(f"{WEEKDAYS[day]}: {format_hours(ranges)}")
    await workplace.put_hours(context.uow, context.organization_id, location_id, after)
    await note_undo(context, TOOL.name, given, [PutHours(location_id, before)])
    return Told("done", words_staff.hours_changed(join_spanish(told)))


TOOL = Tool(
    name="change_hours",
    description=(
        "Cambia el horario de cada semana. En `days` pasa los días y en `hours` las horas, con las palabras de la "
        "persona; con `closed`, esos días ya no se abre. Para un solo día usa `block_time`."
    ),
    input=ChangeHours,
    action=Action.CHANGE_HOURS,
    run=run,
)
