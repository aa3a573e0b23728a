"""Whatever happens in whatever order: three humans, five customers, and what must hold after every step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from runtime.domain.handoff import HandoffEvent
from runtime.domain.schedule_hours import is_within
from runtime.store import handoffs
from runtime.store.business import week_hours
from runtime.store.database import Database, open_database
from sim.seeding import clear_world
from tests.runtime.flows.desk import CUSTOMERS, ZONE, Desk

HUMANS = ("Lupita", "Rosa", "Karla")
NAMES = tuple(CUSTOMERS)
UNWILLING = ("declined", "expired", "removed")

Operation = tuple[str, str, str, int]
KINDS = (
    *("ask", "ask", "ask", "take", "take", "decline", "snooze", "pass_on", "end", "end", "leave", "opt_out", "undo"),
    *("say", "answer", "leave_business", "come_back", "suspend", "wait", "wait"),
)
operations = st.tuples(
    st.sampled_from(KINDS),
    st.sampled_from(NAMES),
    st.sampled_from(HUMANS),
    st.sampled_from((0, 1, 4, 7, 16, 31, 125)),
)


class Play:
    """Carries operations out as the turn and the ticker would, and skips what they would refuse."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.minute = 0.0
        self.done: list[Operation] = []

    async def run(self, operation: Operation) -> None:
        """One operation, a few seconds later, and whatever falls due by then."""
        name, customer, human, minutes = operation
        self.minute += minutes if name == "wait" else 0.05
        await self.desk.wait_until(self.minute)
        act: Callable[[str, str], Awaitable[Any]] | None = getattr(self, f"_{name}", None)
        if act is not None:
            await act(customer, human)
        await self.desk.wait_until(self.minute)
        self.done.append(operation)
        await check(self.desk, self.done)

    async def _state(self, customer: str) -> tuple[str, str | None]:
        return (await self.desk.states()).get(customer, ("none", None))

    async def _is_free(self, human: str) -> bool:
        async with self.desk.database.tenant(self.desk.salon.organization_id) as uow:
            humans = await handoffs.lock_humans(uow, self.desk.salon.organization_id)
        return any(each.name == human and each.free for each in humans)

    async def _ask(self, customer: str, human: str) -> None:
        await self.desk.ask(customer)

    async def _take(self, customer: str, human: str) -> None:
        state, who = await self._state(customer)
        asked = state == "offered" and who == human
        if asked or (state in ("waiting", "offered", "active") and await self._is_free(human)):
            await self.desk.take(human, customer)

    async def _decline(self, customer: str, human: str) -> None:
        if (await self._state(customer))[0] == "offered":
            await self.desk.decline(customer)

    async def _snooze(self, customer: str, human: str) -> None:
        if (await self._state(customer))[0] == "offered":
            await self.desk.snooze(customer)

    async def _pass_on(self, customer: str, human: str) -> None:
        if (await self._state(customer))[0] == "active" and await self._is_free(human):
            await self.desk.pass_on(customer, human)

    async def _end(self, customer: str, human: str) -> None:
        if (await self._state(customer))[0] in ("offered", "active"):
            await self.desk.end(customer)

    async def _leave(self, customer: str, human: str) -> None:
        if (await self._state(customer))[0] in ("waiting", "offered", "active"):
            await self.desk.end(customer, HandoffEvent.CUSTOMER_LEAVES)

    async def _opt_out(self, customer: str, human: str) -> None:
        if (await self._state(customer))[0] in ("waiting", "offered", "active"):
            await self.desk.end(customer, HandoffEvent.OPT_OUT)

    async def _undo(self, customer: str, human: str) -> None:
        if await self._is_human(human):
            await self.desk.undo(human)

    async def _is_human(self, human: str) -> bool:
        active = "select active from staff where name = :name"
        return bool((await self.desk.look(active, name=human))[0][0])

    async def _say(self, customer: str, human: str) -> None:
        if (await self._state(customer))[0] in ("waiting", "offered", "active"):
            await self.desk.say(customer, customer, "¿hola?")

    async def _answer(self, customer: str, human: str) -> None:
        state, who = await self._state(customer)
        if state == "active" and who is not None:
            await self.desk.say(who, customer, "ya voy")

    async def _leave_business(self, customer: str, human: str) -> None:
        await self.desk.change("update staff set active = false where name = :name", name=human)

    async def _come_back(self, customer: str, human: str) -> None:
        await self.desk.change("update staff set active = true where name = :name", name=human)

    async def _suspend(self, customer: str, human: str) -> None:
        for status in ("suspended", "active"):
            await self.desk.change("update organizations set status = cast(:s as organization_status)", s=status)
            await self.desk.wait_until(self.minute)


async def check(desk: Desk, done: list[Operation]) -> None:
    """Raises AssertionError where something does not hold; `done` tells how it came to that."""
    found = await desk.look(
        "select h.id, c.their_key, h.state::text, s.name, s.active, h.due_at, h.end_reason, h.ended_at, h.requested_at,"
        " (select count(*) from handoff_offers o where o.handoff_id = h.id and o.outcome is null) as open_offers,"
        " (select jsonb_object_agg(n.name, (select o.outcome from handoff_offers o where o.handoff_id = h.id"
        "   and o.staff_id = n.id order by o.number desc limit 1)) from staff n) as outcomes"
        " from handoffs h join conversations c on c.id = h.conversation_id left join staff s on s.id = h.staff_id"
        " order by h.requested_at, h.id"
    )
    open_ones = [row for row in found if row[2] != "ended"]
    held = [row[3] for row in open_ones if row[2] in ("offered", "active")]
    assert len(held) == len(set(held)), ("two customers on one human", done)
    assert len({row[1] for row in open_ones}) == len(open_ones), ("two open ones of a customer", done)
    for _, _, state, human, active, due_at, reason, ended_at, _, open_offers, _ in found:
        assert (state == "ended") == (reason is not None) == (ended_at is not None), ("an end without a reason", done)
        assert (due_at is None) == (state == "ended"), ("open and never due", done)
        assert due_at is None or due_at > desk.clock.now(), ("overdue", done)
        assert (state in ("offered", "active")) <= (human is not None and active), ("with nobody", done)
        assert (state != "waiting") or human is None, ("waits with somebody", done)
        assert open_offers == (1 if state == "offered" else 0), ("offers that are open", state, done)
    await check_line(desk, open_ones, done)


async def check_line(desk: Desk, open_ones: list[Any], done: list[Operation]) -> None:
    """No one waits while somebody free and on duty has not refused them."""
    async with desk.database.tenant(desk.salon.organization_id) as uow:
        humans = await handoffs.lock_humans(uow, desk.salon.organization_id)
    now_local = desk.clock.now().astimezone(ZONE)
    free = [each.name for each in humans if each.free and is_within(week_hours(each.hours), now_local)]
    for row in open_ones:
        if row[2] == "waiting":
            willing = [name for name in free if row[10].get(name) not in UNWILLING]
            assert not willing, ("waits though somebody is free", row[1], willing, done)


# a failure is told with the steps that led to it: making them fewer would take minutes
@pytest.mark.slow
@settings(max_examples=8, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.lists(operations, min_size=25, max_size=60))
def test_whatever_happens_nobody_is_forgotten_and_nobody_has_two(database_url: str, steps: list[Operation]) -> None:
    """Random sequences on the real database, checked after every step."""

    async def play() -> None:
        database: Database = open_database(database_url, pool_size=2)
        await clear_world(database)
        try:
            desk = await Desk.open(database, *NAMES)
            await desk.promote_karla()
            await desk.change("delete from staff_hours")
            await desk.change("update location_hours set opens_minute = 0, closes_minute = 1440")
            one = Play(desk)
            for step in steps:
                await one.run(step)
        finally:
            await database.close()

    asyncio.run(play())
