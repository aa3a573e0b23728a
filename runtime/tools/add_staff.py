"""Tool: take somebody on."""

from __future__ import annotations

from typing import Literal

import msgspec

from runtime.domain import words_staff
from runtime.domain.enums import StaffRole
from runtime.domain.errors import Rejected
from runtime.domain.identity import AddressKind, canonical_key
from runtime.domain.ids import PersonId, StaffId
from runtime.domain.permissions import Action
from runtime.domain.spanish.formats import format_phone
from runtime.store import clients, workplace
from runtime.store.workplace import Colleague, NewColleague
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.colleagues import note_change, require_rank
from runtime.tools.confirming import ask_first
from runtime.tools.customer_name import clean_name


class AddStaff(msgspec.Struct, frozen=True):
    """Whom, at which number, and what they may do."""

    name: str
    phone: str = ""
    role: Literal["owner", "admin", "staff", "viewer"] = "staff"


async def run(context: ToolContext, given: AddStaff) -> Told:
    """Ask first; whoever worked here before is taken on again."""
    role = StaffRole(given.role)
    require_rank(context, role)
    name = clean_name(given.name)
    key = canonical_key(given.phone)
    if key is None or key.kind is not AddressKind.PHONE:
        raise Rejected("invalid_phone", words_staff.INVALID_PHONE, question=words_staff.ASK_PHONE)
    team = await workplace.lock_colleagues(context.uow, context.organization_id)
    known = next((each for each in team if each.key == key.value), None)
    if known is not None and known.active:
        raise Rejected("exists", words_staff.is_member(known.name))
    question = words_staff.ask_to_add(name, format_phone(key.value), words_staff.ROLES[role])
    asked = await ask_first(context, TOOL.name, given, question)
    if asked is not None:
        return asked
    if known is not None:
        colleague = msgspec.structs.replace(known, name=name, role=role, active=True)
        await workplace.put_colleague(context.uow, context.organization_id, colleague)
    else:
        colleague = await _add(context, name, key.value, role)
    await note_change(context, "staff_added", colleague)
    return Told("done", words_staff.staff_added(name, context.business.name))


async def _add(context: ToolContext, name: str, key: str, role: StaffRole) -> Colleague:
    """As the person the business may know by this number already."""
    known = await clients.find_by_key(context.uow, context.organization_id, key)
    person_id = known.person_id if known is not None else PersonId(context.ids.new())
    if known is None:
        await clients.add_person(context.uow, context.organization_id, person_id, key=key, now=context.now)
    new = NewColleague(StaffId(context.ids.new()), person_id, name, role)
    await workplace.add_colleague(context.uow, context.organization_id, new)
    return Colleague(new.id, name, role, active=True, key=key)


TOOL = Tool(
    name="add_staff",
    description="Agrega a alguien al equipo con su teléfono de WhatsApp y su permiso. Antes pregunta y espera el sí.",
    input=AddStaff,
    action=Action.MANAGE_STAFF,
    run=run,
)
