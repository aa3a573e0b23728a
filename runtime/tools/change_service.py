"""Tool: add, change or retire a service."""

from __future__ import annotations

from typing import Literal

import msgspec

from runtime.domain import words_staff
from runtime.domain.errors import Rejected
from runtime.domain.ids import ServiceId
from runtime.domain.permissions import Action
from runtime.domain.spanish.folding import clean_text, fold_words
from runtime.store import workplace
from runtime.store.business import ServiceRow
from runtime.store.workplace import ServiceValues
from runtime.tools.base import Told, Tool, ToolContext
from runtime.tools.confirming import PutService, note_undo
from runtime.tools.scheduling import find_service

LEAST_MINUTES, MOST_MINUTES = 5, 720
MOST_PESOS = 100_000
_LONGEST_NAME = 60


class ChangeService(msgspec.Struct, frozen=True):
    """Which one and what is new of it; a new one needs a price and minutes."""

    change: Literal["add", "update", "retire"]
    service: str
    price_pesos: float | None = None
    minutes: int | None = None
    new_name: str | None = None


async def run(context: ToolContext, given: ChangeService) -> Told:
    """Change it; for half a minute it can be taken back. Appointments keep the price they were booked at."""
    price_cents, minutes = _check_price(given.price_pesos), _check_minutes(given.minutes)
    if given.change == "add":
        return await _add(context, given, price_cents, minutes)
    service = find_service(context, given.service)
    if given.change == "retire":
        after = ServiceValues(service.name, service.minutes, service.price_cents, active=False)
        text = words_staff.service_retired(service.name)
    else:
        name = _clean_name(given.new_name) if given.new_name else service.name
        after = ServiceValues(name, minutes or service.minutes, price_cents or service.price_cents)
        if after == ServiceValues(service.name, service.minutes, service.price_cents):
            raise Rejected("invalid_arguments", words_staff.NOTHING_TO_CHANGE, question=words_staff.ASK_CHANGE)
        text = words_staff.service_changed(after.name, after.price_cents, after.minutes)
    await workplace.change_service(context.uow, context.organization_id, service.id, after)
    await note_undo(context, TOOL.name, given, [_way_back(service)])
    return Told("done", text)


async def _add(context: ToolContext, given: ChangeService, price_cents: int | None, minutes: int | None) -> Told:
    name = _clean_name(given.new_name or given.service)
    if any(fold_words(each.name) == fold_words(name) for each in context.business.services):
        raise Rejected("exists", words_staff.service_exists(name))
    if price_cents is None:
        raise Rejected("price_needed", "Falta el precio.", question=f"¿Cuánto cuesta {name}?")
    if minutes is None:
        raise Rejected("minutes_needed", "Falta la duración.", question=f"¿Cuántos minutos dura {name}?")
    values = ServiceValues(name, minutes, price_cents)
    servers = {staff_id for service in context.business.services for staff_id in service.staff_ids}
    service_id = ServiceId(context.ids.new())
    able = [each.id for each in context.business.staff if each.id in servers]
    await workplace.add_service(context.uow, context.organization_id, service_id, values, able)
    way = PutService(service_id, name, minutes, price_cents, active=False)
    await note_undo(context, TOOL.name, given, [way])
    return Told("done", words_staff.service_added(name, price_cents, minutes))


def _check_price(pesos: float | None) -> int | None:
    """Cents.

    Raises:
        Rejected: `invalid_price`.
    """
    if pesos is None:
        return None
    if not 0 < pesos <= MOST_PESOS:
        raise Rejected("invalid_price", words_staff.INVALID_PRICE, question="¿Cuánto cuesta?")
    return round(pesos * 100)


def _check_minutes(minutes: int | None) -> int | None:
    if minutes is not None and not LEAST_MINUTES <= minutes <= MOST_MINUTES:
        raise Rejected("invalid_minutes", words_staff.INVALID_MINUTES, question="¿Cuántos minutos dura?")
    return minutes


def _clean_name(given: str) -> str:
    name = " ".join(clean_text(given, limit=_LONGEST_NAME).text.split())
    if not any(char.isalpha() for char in name):
        raise Rejected("invalid_arguments", "Falta el nombre del servicio.", question="¿Cómo se llama?")
    return f"{name[0].upper()}{name[1:]}"


def _way_back(service: ServiceRow) -> PutService:
    return PutService(service.id, service.name, service.minutes, service.price_cents, active=True)


TOOL = Tool(
    name="change_service",
    description=(
        "Agrega (`add`), cambia (`update`) o retira (`retire`) un servicio. El precio en pesos y los minutos, "
        "solo si los dijo la persona."
    ),
    input=ChangeService,
    action=Action.CHANGE_SERVICES,
    run=run,
)
