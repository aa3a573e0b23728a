"""Two ways back: what touches a customer waits for a yes, and what can be undone is kept for half a minute.

A tool that has to be confirmed writes its own call down, with everything settled, and answers with the question.
`runtime.answers.staff` runs the call again when the very next message is a yes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from runtime.domain.enums import AppointmentStatus, StaffActionState
from runtime.domain.ids import AppointmentId, LocationId, OrganizationId, ServiceId, StaffId
from runtime.store import absences, clients, staff_actions, workplace
from runtime.store.absences import Absence
from runtime.store.business import HoursRow
from runtime.store.database import UnitOfWork
from runtime.store.staff_actions import NewStaffAction
from runtime.tools.base import Told, ToolContext

CONFIRM_WITHIN = timedelta(minutes=5)
UNDO_WITHIN = timedelta(seconds=30)


async def ask_first(context: ToolContext, tool: str, given: msgspec.Struct, question: str) -> Told | None:
    """None where whoever writes has said yes to this very call; else the question, and the call waits for a yes.

    Args:
        context: Of the call.
        tool: Its name.
        given: The arguments, with everything settled that the question names.
        question: What the yes will mean.
    """
    if context.confirmed:
        return None
    await _keep(context, tool, given, StaffActionState.ASKED, None)
    return Told("asked", question)


class PutStatus(msgspec.Struct, frozen=True, tag="status"):
    """An appointment gets back the status it had."""

    appointment_id: AppointmentId
    has: AppointmentStatus
    had: AppointmentStatus


class RemoveAbsences(msgspec.Struct, frozen=True, tag="remove_absences"):
    """What was blocked is free again."""

    absences: tuple[Absence, ...]


class PutAbsences(msgspec.Struct, frozen=True, tag="put_absences"):
    """What was freed is blocked again."""

    absences: tuple[Absence, ...]


class PutService(msgspec.Struct, frozen=True, tag="service"):
    """A service is what it was."""

    service_id: ServiceId
    name: str
    minutes: int
    price_cents: int
    active: bool


class PutHours(msgspec.Struct, frozen=True, tag="hours"):
    """A location's week is what it was."""

    location_id: LocationId
    hours: tuple[HoursRow, ...]


class PutStaffHours(msgspec.Struct, frozen=True, tag="staff_hours"):
    """Somebody's week is what it was."""

    staff_id: StaffId
    hours: tuple[HoursRow, ...]


Way = PutStaffHours | PutStatus | RemoveAbsences | PutAbsences | PutService | PutHours


async def note_undo(context: ToolContext, tool: str, given: msgspec.Struct, ways: Sequence[Way]) -> None:
    """Keep how to take back what was just done."""
    await _keep(context, tool, given, StaffActionState.DONE, msgspec.json.encode(ways).decode())


async def undo(uow: UnitOfWork, organization_id: OrganizationId, undo_json: str, *, now: datetime) -> bool:
    """Take back what was done; False when something of it has changed since, and nothing is done."""
    for way in msgspec.json.decode(undo_json, type=tuple[Way, ...]):
        if not await _go_back(uow, organization_id, way, now):
            return False
    return True


async def _go_back(uow: UnitOfWork, organization_id: OrganizationId, way: Way, now: datetime) -> bool:
    if isinstance(way, PutStatus):
        change = ((way.has,), way.had)
        return await clients.set_status(uow, organization_id, way.appointment_id, change, now=now)
    if isinstance(way, RemoveAbsences):
        await absences.remove_absences(uow, organization_id, [each.id for each in way.absences])
    elif isinstance(way, PutAbsences):
        await absences.add_absences(uow, organization_id, way.absences)
    elif isinstance(way, PutService):
        values = msgspec.structs.asdict(way)
        service_id = values.pop("service_id")
        await workplace.change_service(uow, organization_id, service_id, workplace.ServiceValues(**values))
    elif isinstance(way, PutStaffHours):
        await workplace.put_staff_hours(uow, organization_id, way.staff_id, way.hours)
    else:
        await workplace.put_hours(uow, organization_id, way.location_id, way.hours)
    return True


async def _keep(
    context: ToolContext, tool: str, given: msgspec.Struct, state: StaffActionState, undo_json: str | None
) -> None:
    member = context.require_member()
    new = NewStaffAction(
        id=context.ids.new(),
        staff_id=member.id,
        asked_in=context.asked_in or context.conversation_id,
        tool=tool,
        arguments=msgspec.json.encode(given).decode(),
        state=state,
        undo=undo_json,
    )
    await staff_actions.add(context.uow, context.organization_id, new, now=context.now)
