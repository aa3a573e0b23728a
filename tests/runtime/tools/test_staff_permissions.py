"""The whole matrix, tool × role, where the tools run; and what the arguments of a call need beyond its tool."""

from __future__ import annotations

import pytest

from runtime.domain.enums import StaffRole
from runtime.domain.permissions import ALLOWED, Action, Actor, actor_of
from runtime.store.database import Database
from runtime.tools.registry import TOOLS, specs_for
from tests.runtime.tools.behind_the_counter import call_as
from tests.runtime.twins import digest_rows, open_salon, rows

STAFF = {name: tool for name, tool in TOOLS.items() if tool.action is not Action.BE_SERVED}
WHO = {StaffRole.OWNER: "Lupita", StaffRole.ADMIN: "Rosa", StaffRole.STAFF: "Karla", StaffRole.VIEWER: "Memo"}
REFUSED = "select data ->> 'tool', data ->> 'actor' from events where kind = 'permission_refused' order by id"


def test_every_tool_needs_an_action_that_the_table_has() -> None:
    """No tool without an entry."""
    assert {tool.action for tool in TOOLS.values()} <= set(ALLOWED)
    assert set(ALLOWED) == set(Action)


@pytest.mark.parametrize("role", StaffRole)
def test_a_role_is_offered_exactly_what_it_may_use(role: StaffRole) -> None:
    """A model is not tempted; and no tool of customers' is for staff."""
    offered = {spec.name for spec in specs_for(actor_of(role))}

    assert offered == {name for name, tool in TOOLS.items() if actor_of(role) in ALLOWED[tool.action]}
    assert offered <= set(STAFF)


@pytest.mark.parametrize("role", StaffRole)
async def test_a_tool_runs_for_exactly_the_roles_of_the_matrix(database: Database, role: StaffRole) -> None:
    """Whatever a model was offered: without the right nothing happens but a polite no, and an event that says who."""
    salon = await open_salon(database)
    expected = []
    for name, tool in TOOLS.items():
        called = await call_as(database, salon, WHO[role], name, {})

        may = actor_of(role) in ALLOWED[tool.action]
        assert (called.code == "not_allowed") is not may, name
        if not may:
            expected.append((name, role.value))
            assert not called.outgoing
            assert called.body["error"]["message"].startswith(("No tienes permiso", "Eso no lo puedo"))

    assert await rows(database, REFUSED) == expected


@pytest.mark.parametrize(
    ("who", "tool", "arguments"),
    [
        ("Karla", "block_time", {"when": "mañana de 3 a 4", "staff": "Lupita"}),
        ("Karla", "block_time", {"when": "mañana", "whole_business": True}),
        ("Rosa", "block_time", {"when": "mañana", "whole_business": True}),
        ("Karla", "unblock_time", {"when": "mañana", "staff": "Lupita"}),
        ("Rosa", "unblock_time", {"when": "mañana", "whole_business": True}),
        ("Karla", "set_availability", {"days": "los lunes", "off": True, "staff": "Lupita"}),
        ("Rosa", "add_staff", {"name": "Brenda", "phone": "55 1234 5678", "role": "admin"}),
        ("Rosa", "add_staff", {"name": "Brenda", "phone": "55 1234 5678", "role": "owner"}),
        ("Rosa", "remove_staff", {"name": "Lupita"}),
        ("Rosa", "remove_staff", {"name": "Rosa"}),
        ("Memo", "check_permission", {"action": "mark_attendance"}),
    ],
)
async def test_what_the_arguments_need_beyond_the_tool_is_refused_too(
    database: Database, who: str, tool: str, arguments: dict[str, object]
) -> None:
    """Confirmed or not: a call that is another action by its arguments needs that action's permission."""
    salon = await open_salon(database)
    await call_as(database, salon, who, "get_schedule", {})
    before = await digest_rows(database)

    for confirmed in (False, True):
        called = await call_as(database, salon, who, tool, arguments, confirmed=confirmed)

        assert called.code == "not_allowed"
        assert "No tienes permiso" in called.body["error"]["message"]
    after = await digest_rows(database)
    assert {table for table in before if before[table] != after[table]} == {"events"}
    assert await rows(database, "select count(*) from events where kind = 'permission_refused'") == [(2,)]


def test_a_customer_is_no_role_of_staff() -> None:
    """The two never share a tool."""
    for tool in TOOLS.values():
        assert (Actor.CUSTOMER in tool.allowed) is (tool.action is Action.BE_SERVED)
