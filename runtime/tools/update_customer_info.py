"""Tool: remember what the customer wants to be called."""

from __future__ import annotations

import msgspec

from runtime.domain.ids import CustomerId
from runtime.domain.permissions import Action
from runtime.store import people
from runtime.tools.base import Tool, ToolContext
from runtime.tools.customer_name import clean_name


class UpdateCustomerInfo(msgspec.Struct, frozen=True):
    """The customer's name, as they gave it."""

    name: str


class CustomerUpdated(msgspec.Struct, frozen=True):
    """What is stored now."""

    status: str
    name: str


async def run(context: ToolContext, given: UpdateCustomerInfo) -> CustomerUpdated:
    """Store the name."""
    name = clean_name(given.name)
    customer_id = await people.ensure_customer(
        context.uow, context.organization_id, context.person_id, new_id=CustomerId(context.ids.new()), now=context.now
    )
    await people.rename_customer(context.uow, context.organization_id, customer_id, name)
    return CustomerUpdated("updated", name)


TOOL = Tool(
    name="update_customer_info",
    description="Guarda el nombre del cliente cuando lo dice.",
    input=UpdateCustomerInfo,
    action=Action.BE_SERVED,
    run=run,
    changes=False,
)
