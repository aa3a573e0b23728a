"""What the model is told before somebody's words: the business, the clock, who they are, the history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from runtime.agent.prompts import Prompt
from runtime.domain.enums import Author, FlowKind, FlowState
from runtime.domain.ids import StaffId
from runtime.domain.quoting import cut_middle, shorten
from runtime.domain.spanish.formats import (
    WEEKDAYS,
    format_date,
    format_duration,
    format_hours,
    format_now,
    format_price,
    format_when,
)
from runtime.domain.words_staff import ROLES
from runtime.ports import ChatMessage, ChatRole
from runtime.store.business import Business, CustomerFile, FlowRow, ServiceRow, StaffRow
from runtime.store.journal import Message

TABLE_DAYS = 21
LONGEST_QUOTE = 300
LONGEST_MESSAGE = 1500
"""Characters of an earlier message; twenty of them are read with each turn."""
_NAMED_DAYS = {0: " = hoy", 1: " = mañana", 2: " = pasado mañana"}
_FLOWS = {FlowKind.BOOK: "reserva", FlowKind.MODIFY: "cambio", FlowKind.CANCEL: "cancelación"}


def render_system(
    prompt: Prompt, business: Business, customer: CustomerFile, history: Sequence[Message], now: datetime
) -> str:
    """The system message of a customer's turn."""
    zone = ZoneInfo(business.timezone)
    now_local = now.astimezone(zone)
    week = business.week_hours
    names = {member.id: member.name for member in business.staff}
    return prompt.fill(
        {
            "business": business.name,
            "address": business.address or "no registrada",
            "timezone": business.timezone,
            "now": format_now(now_local),
            "hours": "\n".join(f"{day}: {format_hours(week.days[index])}" for index, day in enumerate(WEEKDAYS)),
            "services": "\n".join(_service_line(service, names) for service in business.services) or "ninguno",
            "staff": "\n".join(f"- {member.name}" for member in business.staff) or "ninguno",
            "dates": "\n".join(_date_line(now_local, offset) for offset in range(TABLE_DAYS)),
            "customer": f"Nombre: {customer.name or 'desconocido'}\nVisitas: {customer.visits}",
            "appointments": "\n".join(_appointment_lines(customer, zone, now_local)) or "ninguna",
            "flow": _flow_line(customer.flow),
            "relay": "\n".join(_relay_lines(history)) or "ninguno",
        }
    )


def _service_line(service: ServiceRow, names: dict[StaffId, str]) -> str:
    staff = ", ".join(names[each] for each in service.staff_ids if each in names)
    parts = [service.name, format_duration(service.minutes), format_price(service.price_cents)]
    return "- " + " | ".join(parts + ([f"con {staff}"] if staff else []))


def _date_line(now_local: datetime, offset: int) -> str:
    day = now_local.date() + timedelta(days=offset)
    return f"{format_date(day, now_local.date())}{_NAMED_DAYS.get(offset, '')}"


def _appointment_lines(customer: CustomerFile, zone: ZoneInfo, now_local: datetime) -> list[str]:
    whens = [format_when(each.starts_at.astimezone(zone), now_local) for each in customer.appointments]
    return [
        f"- id {each.id} | {each.service} | {when} | con {each.staff}"
        for each, when in zip(customer.appointments, whens, strict=True)
    ]


def _flow_line(flow: FlowRow | None) -> str:
    if flow is None:
        return "ninguno"
    parts = [_FLOWS[flow.kind]]
    parts += [f"servicio: {flow.service}"] if flow.service else []
    parts += [f"cuándo: {shorten(flow.wanted, LONGEST_QUOTE)}"] if flow.wanted else []
    parts.append("en pausa" if flow.state is FlowState.ABANDONED else "en curso")
    return " | ".join(parts)


def _relay_lines(history: Sequence[Message]) -> list[str]:
    """The last stretch in which a person had the conversation, with where it began and ended."""
    markers = [index for index, message in enumerate(history) if message.author is Author.MARKER]
    if not markers:
        return []
    started = [index for index in markers if not history[index].text.startswith("terminó")]
    begin = started[-1] if started else 0
    ended = [index for index in markers if index > begin or not started]
    lines = []
    for message in history[begin : (ended[0] + 1) if ended else len(history)]:
        if message.author is Author.MARKER:
            lines.append(message.text)
        elif message.author is Author.HUMAN:
            lines.append(f"{message.staff_name} (persona): {shorten(message.text, LONGEST_QUOTE)}")
        elif message.author is Author.CUSTOMER:
            lines.append(f"Cliente: {shorten(message.text, LONGEST_QUOTE)}")
    return lines


def render_staff_system(prompt: Prompt, business: Business, member: StaffRow, now: datetime) -> str:
    """The system message of a turn of staff. Customers are not in it: the tools tell of them."""
    now_local = now.astimezone(ZoneInfo(business.timezone))
    week = business.week_hours
    names = {each.id: each.name for each in business.staff}
    return prompt.fill(
        {
            "business": business.name,
            "timezone": business.timezone,
            "now": format_now(now_local),
            "hours": "\n".join(f"{day}: {format_hours(week.days[index])}" for index, day in enumerate(WEEKDAYS)),
            "services": "\n".join(_service_line(service, names) for service in business.services) or "ninguno",
            "staff": "\n".join(f"- {each.name} | {ROLES[each.role]}" for each in business.staff) or "ninguno",
            "dates": "\n".join(_date_line(now_local, offset) for offset in range(TABLE_DAYS)),
            "member": f"Nombre: {member.name}\nPuesto: {ROLES[member.role]}",
        }
    )


def render_history(history: Sequence[Message], *, speaker: Author = Author.CUSTOMER) -> list[ChatMessage]:
    """Earlier messages as the model sees them; a person's words are the business's, marked as theirs.

    Args:
        history: Oldest first.
        speaker: Who the conversation is with: a customer, or staff.
    """
    rendered = []
    for message in history:
        text = cut_middle(message.text, LONGEST_MESSAGE)
        if message.author is speaker:
            rendered.append(ChatMessage(ChatRole.USER, text))
        elif message.author is Author.ASSISTANT:
            rendered.append(ChatMessage(ChatRole.ASSISTANT, text))
        elif message.author is Author.HUMAN:
            rendered.append(ChatMessage(ChatRole.ASSISTANT, f"[{message.staff_name}, del negocio]: {text}"))
    return rendered
