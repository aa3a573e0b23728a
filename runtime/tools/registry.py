"""Every tool by name, and the one way to call one: decode, check who may, run, turn refusals into words."""

from __future__ import annotations

from typing import Any

import msgspec

from runtime.domain import words_staff
from runtime.domain.errors import Rejected
from runtime.domain.permissions import Actor
from runtime.domain.whatsapp import clean_text
from runtime.ports import ToolCall, ToolSpec
from runtime.store.journal import NewEvent, add_events
from runtime.tools import (
    add_staff,
    block_time,
    book_appointment,
    book_for_customer,
    cancel_appointment,
    cancel_for_customer,
    change_hours,
    change_permission,
    change_service,
    check_availability,
    check_permission,
    customer_history,
    get_my_appointments,
    get_schedule,
    get_stats,
    handoff_to_human,
    mark_appointment,
    remove_staff,
    reschedule_appointment,
    reschedule_for_customer,
    send_message_to_customer,
    set_availability,
    unblock_time,
    update_customer_info,
)
from runtime.tools.base import Tool, ToolContext

TOOLS: dict[str, Tool[Any]] = {
    tool.name: tool
    for tool in (
        check_availability.TOOL,
        book_appointment.TOOL,
        get_my_appointments.TOOL,
        cancel_appointment.TOOL,
        reschedule_appointment.TOOL,
        update_customer_info.TOOL,
        handoff_to_human.TOOL,
        get_schedule.TOOL,
        mark_appointment.TOOL,
        block_time.TOOL,
        unblock_time.TOOL,
        book_for_customer.TOOL,
        cancel_for_customer.TOOL,
        reschedule_for_customer.TOOL,
        send_message_to_customer.TOOL,
        customer_history.TOOL,
        check_permission.TOOL,
        change_service.TOOL,
        change_hours.TOOL,
        set_availability.TOOL,
        add_staff.TOOL,
        remove_staff.TOOL,
        change_permission.TOOL,
        get_stats.TOOL,
    )
}
"""The tools there are."""
NOT_ALLOWED = "not_allowed"

_SPECS = {actor: tuple(tool.spec for tool in TOOLS.values() if actor in tool.allowed) for actor in Actor}


def specs_for(actor: Actor) -> tuple[ToolSpec, ...]:
    """What a model that speaks for this actor is offered."""
    return _SPECS[actor]


def changes(name: str) -> bool:
    """Whether a tool changes something the customer has to hear of."""
    tool = TOOLS.get(name)
    return tool is not None and tool.changes


class ToolResult(msgspec.Struct, frozen=True):
    """What a call came to. `content` is the JSON the model reads; `ends_turn` that nothing more is to be said."""

    content: str
    ok: bool
    ends_turn: bool


async def call(context: ToolContext, asked: ToolCall) -> ToolResult:
    """Run one call within the caller's transaction. A refusal undoes what the tool had begun.

    Whatever a model asks for, the answer is a result: an unknown tool, arguments that do not fit and
    a permission that is missing are refusals like any other; of the last an event is kept.
    """
    try:
        async with context.uow.savepoint():
            tool = _find(asked.name, context.actor)
            arguments = _decode(tool, asked.arguments)
            result = await tool.run(context, arguments)
    except Rejected as refusal:
        context.outgoing.clear()
        if refusal.code == NOT_ALLOWED:
            await _note_refusal(context, asked.name)
        return ToolResult(_refusal(refusal), ok=False, ends_turn=False)
    return ToolResult(msgspec.json.encode(result).decode(), ok=True, ends_turn=tool.ends_turn)


async def _note_refusal(context: ToolContext, name: str) -> None:
    """Keep who was refused which tool: whoever tries their rights is worth a look."""
    subject = context.member.id if context.member is not None else context.person_id
    data = {"tool": name, "actor": context.actor}
    new = NewEvent(context.ids.new(), "permission_refused", context.now, context.conversation_id, subject, data)
    await add_events(context.uow, context.organization_id, [new])


def _find(name: str, actor: Actor) -> Tool[Any]:
    tool = TOOLS.get(name)
    if tool is None:
        raise Rejected("unknown_tool", words_staff.CANNOT)
    if actor not in tool.allowed:
        known = words_staff.CANNOT if actor is Actor.CUSTOMER else words_staff.not_allowed(tool.action)
        raise Rejected("not_allowed", known)
    return tool


def _decode(tool: Tool[Any], arguments: str) -> msgspec.Struct:
    try:
        decoded: msgspec.Struct = msgspec.json.decode(arguments or "{}", type=tool.input)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        # ValidationError is a DecodeError too
        raise Rejected("invalid_arguments", f"Los datos no están completos: {error}") from error
    # an escape in JSON may spell what Postgres cannot store
    given = msgspec.structs.asdict(decoded)
    return msgspec.structs.replace(
        decoded, **{name: clean_text(value) for name, value in given.items() if isinstance(value, str)}
    )


def _refusal(refusal: Rejected) -> str:
    body: dict[str, object] = {"code": refusal.code, "message": refusal.message, "question": refusal.question}
    body["slots"] = [{"when": when, "staff": staff} for when, staff in refusal.slots]
    return msgspec.json.encode({"error": body}).decode()
