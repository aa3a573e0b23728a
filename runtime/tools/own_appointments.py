"""A customer's own future appointments, and the one that an id means."""

from __future__ import annotations

from uuid import UUID

from runtime.domain.errors import Rejected
from runtime.store import appointments
from runtime.store.business import AppointmentRow
from runtime.tools.base import ToolContext


async def require_own(context: ToolContext, given: str) -> AppointmentRow:
    """The customer's own open appointment with this id, locked until the call ends.

    Only ids of this customer's own appointments were ever shown in this conversation, so any other
    one, real or invented, is simply not found.

    Raises:
        Rejected: `not_found`.
    """
    try:
        wanted = UUID(given)
    except ValueError:
        wanted = None
    own = next((each for each in context.customer.appointments if each.id == wanted), None)
    customer_id = context.customer.customer_id
    if own is None or customer_id is None:
        raise Rejected("not_found", "No encuentro esa cita.", question="¿Cuál de tus citas es?")
    if not await appointments.lock_owned(context.uow, context.organization_id, own.id, customer_id):
        raise Rejected("not_found", "Esa cita ya no está activa.")
    return own
