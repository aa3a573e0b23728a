"""Tool: what somebody of the team may do from now on."""

from __future__ import annotations

from typing import Literal

import msgspec

from runtime.domain import words_staff
from runtime.domain.enums import StaffRole
from runtime.domain.permissions import Action
from runtime.store import workplace
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.colleagues import lock_colleague, note_change, require_another_owner
from runtime.tools.confirming import ask_first


class ChangePermission(msgspec.Struct, frozen=True):
    """Of whom, by name, and the role they get."""

    name: str
    role: Literal["owner", "admin", "staff", "viewer"]


async def run(context: ToolContext, given: ChangePermission) -> Told:
    """Ask first; a business keeps an owner."""
    colleague, team = await lock_colleague(context, given.name)
    role = StaffRole(given.role)
    if role is colleague.role:
        return Told("told", words_staff.has_role(colleague.name, words_staff.ROLES[role]))
    require_another_owner(colleague, team)
    question = words_staff.ask_to_change_role(colleague.name, words_staff.ROLES[role])
    asked = await ask_first(context, TOOL.name, ChangePermission(colleague.name, given.role), question)
    if asked is not None:
        return asked
    changed = msgspec.structs.replace(colleague, role=role)
    await workplace.put_colleague(context.uow, context.organization_id, changed)
    await note_change(context, "permission_changed", changed)
    return Told("done", words_staff.role_changed(colleague.name, words_staff.ROLES[role]))


TOOL = Tool(
    name="change_permission",
    description=(
        "Cambia el permiso de alguien: dueña o dueño (`owner`), administración (`admin`), equipo (`staff`) o "
        "solo consulta (`viewer`). Antes pregunta y espera el sí."
    ),
    input=ChangePermission,
    action=Action.CHANGE_PERMISSIONS,
    run=run,
)
