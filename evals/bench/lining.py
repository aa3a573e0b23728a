"""What a request for a person, and an end, take in the database as the line grows: one process, nothing committed.

`evals.bench.handoff` calls `measure_line`. While such a transaction runs, every other change of the business's handoffs
waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from zoneinfo import ZoneInfo

import msgspec

from runtime.adapters.system import SystemClock, SystemIds
from runtime.domain.handoff import HandoffEvent
from runtime.domain.ids import ConversationId, OrganizationId, StaffId
from runtime.flows.handoff import Request, Scene, end, request_human
from runtime.store import handoffs
from runtime.store.database import Database, UnitOfWork, open_database
from sim.crowd import add_chats, customer_of, find_organization, give_a_minute, line_up, number_of, seed_crowd

HUMANS = 5
_ZONE = ZoneInfo("America/Mexico_City")

_Work = Callable[[Scene], Awaitable[None]]


class Cost(msgspec.Struct, frozen=True):
    """Milliseconds, the median of several, with so many in line.

    Attributes:
        request_ms: One more asks, and is told their place.
        place_ms: The query for the place.
        end_ms: A human ends whom they have and is asked to take the next.
        idle_end_ms: The same while a colleague is free who is off duty and not called, as long as somebody is on duty.
    """

    waiting: int
    request_ms: float
    place_ms: float
    end_ms: float
    idle_end_ms: float


async def measure_line(url: str, lengths: Sequence[int], *, repeats: int) -> list[Cost]:
    """Make a line longer and longer in an empty database; `lengths` ascend."""
    await seed_crowd(url, [HUMANS])
    database = open_database(url, pool_size=2)
    try:
        async with database.platform() as uow:
            organization_id = await find_organization(uow, number_of(0))
        line = _Line(database, organization_id)
        await line.open()
        return [await line.measure(length, repeats) for length in lengths]
    finally:
        await database.close()


class _Line:
    """A business whose humans are asked to take somebody each, but for the last, who is kept out of it."""

    def __init__(self, database: Database, organization_id: OrganizationId) -> None:
        self._database = database
        self._organization_id = organization_id
        self._ids = SystemIds()
        self._now = SystemClock().now()
        self._customers = 0
        self._last: list[handoffs.Human] = []

    async def open(self) -> None:
        """Everybody is asked to take somebody."""
        for chat in await self._add_chats(HUMANS):
            async with self._database.tenant(self._organization_id) as uow:
                await request_human(self._scene(uow), Request(chat, "x"), f"reply:{chat}")
                await uow.commit()
        async with self._database.tenant(self._organization_id) as uow:
            self._last = await handoffs.lock_humans(uow, self._organization_id)

    def _scene(self, uow: UnitOfWork) -> Scene:
        return Scene(uow, self._ids, self._organization_id, SystemClock().now(), "Negocio", _ZONE)

    async def _add_chats(self, count: int) -> list[ConversationId]:
        phones = [customer_of(0, self._customers + each) for each in range(count)]
        self._customers += count
        async with self._database.platform() as uow:
            chats = await add_chats(uow, number_of(0), phones, self._now)
            await uow.commit()
        return chats

    async def _lengthen(self, count: int) -> None:
        chats = await self._add_chats(count)
        async with self._database.platform() as uow:
            await line_up(uow, self._organization_id, chats, ids=self._ids, now=self._now)
            await uow.commit()

    async def measure(self, length: int, repeats: int) -> Cost:
        """Let the line be this long, and time what is done with it."""
        async with self._database.tenant(self._organization_id) as uow:
            line = await handoffs.load_line(uow, self._organization_id)
        await self._lengthen(length - len(line))
        (chat,) = await self._add_chats(1)
        async with self._database.tenant(self._organization_id) as uow:
            last = (await handoffs.load_line(uow, self._organization_id))[-1]

        async def ask(scene: Scene) -> None:
            answer = await request_human(scene, Request(chat, "x"), "reply:again")
            assert answer.place == length + 1, "everybody else is in line before"

        async def place(scene: Scene) -> None:
            await handoffs.place_in_line(scene.uow, scene.organization_id, last.id)

        return Cost(
            length,
            await self._time(repeats, ask),
            await self._time(repeats, place),
            await self._time(repeats, self._end),
            await self._time(repeats, self._end, self._free_somebody_off_duty),
        )

    async def _end(self, scene: Scene) -> None:
        await handoffs.lock_humans(scene.uow, scene.organization_id)
        has = await handoffs.load_of_human(scene.uow, scene.organization_id, self._last[0].staff_id)
        assert has is not None
        told = await end(scene, has, HandoffEvent.HUMAN_ENDS)
        assert len(told) == 4, "the customer, the human, the next customer, and the alert about them"

    async def _free_somebody_off_duty(self, scene: Scene) -> None:
        idle: StaffId = self._last[-1].staff_id
        has = await handoffs.load_of_human(scene.uow, scene.organization_id, idle)
        assert has is not None
        await scene.move(has, HandoffEvent.CUSTOMER_LEAVES, ended_at=scene.now, end_reason="customer")
        weekday = (scene.now_local.weekday() + 2) % 7
        await give_a_minute(scene.uow, scene.organization_id, idle, weekday)

    async def _time(self, repeats: int, work: _Work, before: _Work | None = None) -> float:
        """The median of the times in milliseconds, each in a transaction that is rolled back."""
        times_ms = []
        # the first ones have statements planned
        for number in range(repeats + 2):
            async with self._database.tenant(self._organization_id) as uow:
                scene = self._scene(uow)
                if before is not None:
                    await before(scene)
                started = time.perf_counter()
                await work(scene)
                took_ms = (time.perf_counter() - started) * 1000
            if number >= 2:
                times_ms.append(took_ms)
        return median(times_ms)
