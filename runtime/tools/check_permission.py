"""Tool: whether whoever writes may do something; the way a model refuses what it is not offered."""

from __future__ import annotations

from typing import Literal

import msgspec

from runtime.domain import words_staff
from runtime.domain.permissions import Action
from runtime.tools.base import Told, Tool, ToolContext


class CheckPermission(msgspec.Struct, frozen=True):
    """What was asked for."""

    action: Literal[
        "see_customers",
        "mark_attendance",
        "block_own_time",
        "book_for_customers",
        "change_appointments",
        "message_customers",
        "block_others_time",
        "see_stats",
        "manage_staff",
        "close_business",
        "change_permissions",
        "change_hours",
        "change_services",
    ]


async def run(context: ToolContext, given: CheckPermission) -> Told:
    """Say so where they may.

    Raises:
        Rejected: `not_allowed`, with who may; the refusal is kept as an event.
    """
    action = Action(given.action)
    context.require(action)
    return Told("told", words_staff.allowed(action))


TOOL = Tool(
    name="check_permission",
    description=(
        "Úsala cuando quien escribe pida algo para lo que no tienes herramienta porque su puesto no lo permite, o "
        "pregunte si puede hacerlo. Contesta quién puede."
    ),
    input=CheckPermission,
    action=Action.SEE_PERMISSIONS,
    run=run,
    changes=False,
)
