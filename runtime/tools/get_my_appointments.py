"""Tool: the customer's own future appointments."""

from __future__ import annotations

import msgspec

from runtime.domain.ids import AppointmentId
from runtime.domain.permissions import Action
from runtime.domain.spanish.formats import format_when
from runtime.tools.base import Tool, ToolContext


class GetMyAppointments(msgspec.Struct, frozen=True):
    """Nothing to say: whose appointments is known from the conversation."""


class OwnAppointment(msgspec.Struct, frozen=True):
    """One appointment, with the id that moving or cancelling it takes."""

    appointment_id: AppointmentId
    service: str
    when: str
    staff: str


class OwnAppointments(msgspec.Struct, frozen=True):
    """In order of time; empty when there are none."""

    appointments: list[OwnAppointment]


async def run(context: ToolContext, given: GetMyAppointments) -> OwnAppointments:
    """List them."""
    return OwnAppointments(
        [
            OwnAppointment(
                each.id,
                each.service,
                format_when(each.starts_at.astimezone(context.zone), context.now_local),
                each.staff,
            )
            for each in context.customer.appointments
        ]
    )


TOOL = Tool(
    name="get_my_appointments",
    description="Da las próximas citas del cliente, con el id que piden los cambios y cancelaciones.",
    input=GetMyAppointments,
    action=Action.BE_SERVED,
    run=run,
    changes=False,
)
