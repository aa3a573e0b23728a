"""What the tests of the handoff share: a salon's humans and customers, one transaction for each thing that happens.

Time stands still unless a test moves it; what is due then is done by production's ticker.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from runtime.adapters.absent import AbsentMedia, AbsentMessenger, AbsentModel
from runtime.bootstrap import open_parts
from runtime.domain.handoff import HandoffEvent
from runtime.domain.ids import ConversationId, InboxId
from runtime.domain.whatsapp import MessageKind
from runtime.flows import handoff as flow
from runtime.flows.handoff import Answer, Line, Request, Scene
from runtime.store import handoffs, outbox
from runtime.store.conversations import conversation_id_of
from runtime.store.database import Database, UnitOfWork
from runtime.store.handoffs import Handoff, Human
from runtime.store.outbox import NewOutbound
from runtime.ticker import tick
from sim.stage import SETTINGS, LocalQueue
from tests.runtime.twins import ANA, BETO, CARLA, LUPITA, NOW, Salon, open_salon, rows, run, write_and_claim

KARLA = "+522220000102"
ROSA = "+522220000103"
DANI = "+525512345681"
EVA = "+525512345682"
CUSTOMERS = {"Ana": ANA, "Beto": BETO, "Carla": CARLA, "Dani": DANI, "Eva": EVA}
GABRIELA = "+522221230008"
"""Gabriela Luna has appointments."""
STAFF = {"Lupita": LUPITA, "Karla": KARLA, "Rosa": ROSA}
PHONES = CUSTOMERS | {"Gabriela": GABRIELA} | STAFF
ZONE = ZoneInfo("America/Mexico_City")

Told = Sequence[NewOutbound]
Step = Callable[[Scene, Handoff], Awaitable[Told]]


class StillClock:
    """The port `Clock`, standing at a moment that a test sets."""

    def __init__(self, now: datetime) -> None:
        self.moment = now

    def now(self) -> datetime:
        """The moment that was set."""
        return self.moment

    async def sleep(self, seconds: float) -> None:
        """Nobody waits here."""
        raise AssertionError("a flow does not sleep")


class Desk:
    """Estética Lupita's handoffs. Lupita is the owner, Rosa an admin, Karla staff unless she is promoted."""

    def __init__(self, database: Database, salon: Salon) -> None:
        self.database = database
        self.salon = salon
        self.clock = StillClock(NOW)
        self.said = 0
        self.parts = open_parts(
            SETTINGS,
            clock=self.clock,
            ids=salon.ids,
            database=database,
            model=AbsentModel(),
            messenger=AbsentMessenger(),
            media=AbsentMedia(),
            queue=LocalQueue(),
        )

    @classmethod
    async def open(cls, database: Database, *customers: str) -> Desk:
        """A fresh salon on a Monday at ten, to which these customers have written."""
        desk = cls(database, await open_salon(database))
        for name in customers:
            await write_and_claim(database, desk.salon, PHONES[name])
            await run(
                database,
                "update people set profile_name = :name where id ="
                " (select person_id from conversations where id = :id)",
                name=name,
                id=desk.chat(name),
            )
        return desk

    def at(self, minutes: float) -> datetime:
        """A moment counted from the beginning of the test."""
        return NOW + timedelta(minutes=minutes)

    def set(self, minutes: float) -> None:
        """Move the clock without doing what falls due."""
        self.clock.moment = self.at(minutes)

    async def wait_until(self, minutes: float) -> list[tuple[str, str]]:
        """Let time pass with everything that falls due at its moment; who heard what meanwhile."""
        before = await self.count_messages()
        while (due := await self._next_due()) is not None and due <= self.at(minutes):
            self.clock.moment = max(due, self.clock.moment)
            await tick(self.parts)
            assert await self._next_due() != due, "the ticker is stuck"
        self.set(minutes)
        return await self.heard_since(before)

    async def _next_due(self) -> datetime | None:
        due: datetime | None = (await self.look("select min(due_at) from handoffs"))[0][0]
        return due

    def chat(self, name: str) -> ConversationId:
        """Somebody's conversation with the salon."""
        return conversation_id_of(self.salon.number, PHONES[name])

    async def look(self, sql: str, **parameters: object) -> list[Any]:
        """Look into the database."""
        return await rows(self.database, sql, **parameters)

    async def change(self, sql: str, **parameters: object) -> None:
        """Change rows from outside."""
        await run(self.database, sql, **parameters)

    # -- what happens -------------------------------------------------------------------------------------------

    async def do(self, work: Callable[[Scene, list[Human]], Awaitable[Told]]) -> list[NewOutbound]:
        """Something in a transaction of its own, the humans locked first; what is to be told."""
        async with self.database.tenant(self.salon.organization_id) as uow:
            humans = await handoffs.lock_humans(uow, self.salon.organization_id)
            told = list(await work(self.scene(uow), humans))
            await outbox.queue_messages(uow, self.salon.organization_id, None, told)
            await uow.commit()
        return told

    def scene(self, uow: UnitOfWork) -> Scene:
        """Where and when."""
        return Scene(uow, self.salon.ids, self.salon.organization_id, self.clock.now(), "Estética Lupita", ZONE)

    async def ask(self, name: str, *, key: str = "", summary: str | None = None) -> Answer:
        """A customer asks for a person."""
        answers: list[Answer] = []

        async def work(scene: Scene, humans: list[Human]) -> Told:
            request = Request(self.chat(name), "quiere un precio especial", summary, ("¿me ayudas?",))
            answers.append(await flow.request_human(scene, request, key or f"reply:{scene.ids.new()}"))
            return answers[0].messages

        await self.do(work)
        return answers[0]

    async def step(self, customer: str, work: Step) -> list[NewOutbound]:
        """Something with a customer's open handoff."""

        async def inside(scene: Scene, humans: list[Human]) -> Told:
            found = await handoffs.load_of_conversation(scene.uow, scene.organization_id, self.chat(customer))
            assert found is not None, f"{customer} has no open handoff"
            return await work(scene, found)

        return await self.do(inside)

    async def take(self, human: str, customer: str) -> list[NewOutbound]:
        """A human takes a customer who has an open handoff."""

        async def work(scene: Scene, handoff: Handoff) -> Told:
            _, told = await flow.take(scene, handoff, await self.find(scene, human))
            return told

        return await self.step(customer, work)

    async def decline(self, customer: str) -> list[NewOutbound]:
        """Whoever was asked to take a customer says no."""
        return await self.step(customer, flow.decline)

    async def snooze(self, customer: str) -> list[NewOutbound]:
        """Whoever was asked to take a customer puts them off."""
        return await self.step(customer, flow.snooze)

    async def pass_on(self, customer: str, to: str) -> list[NewOutbound]:
        """Whoever has a customer passes them on to another, and is free for the line."""

        async def work(scene: Scene, handoff: Handoff) -> Told:
            told = await flow.pass_on(scene, handoff, await self.find(scene, to))
            return [*told, *await flow.connect_waiting(scene)]

        return await self.step(customer, work)

    async def end(self, customer: str, event: HandoffEvent = HandoffEvent.HUMAN_ENDS) -> list[NewOutbound]:
        """A customer's handoff ends."""

        async def work(scene: Scene, handoff: Handoff) -> Told:
            return await flow.end(scene, handoff, event, said="baja")

        return await self.step(customer, work)

    async def undo(self, human: str, *, written_at: datetime | None = None) -> list[NewOutbound] | None:
        """A human takes back the end they gave last; None where it is refused."""
        refused = False

        async def work(scene: Scene, humans: list[Human]) -> Told:
            nonlocal refused
            undone = await flow.undo_end(
                scene, await self.find(scene, human), written_at=written_at or self.clock.now()
            )
            refused = undone is None
            return undone[1] if undone else ()

        told = await self.do(work)
        return None if refused else told

    async def say(self, speaker: str, customer: str, *texts: str) -> list[NewOutbound]:
        """The customer, or the human who has them, writes words that are passed on."""
        return await self.send(speaker, customer, *[self.line(text) for text in texts])

    async def send(self, speaker: str, customer: str, *lines: Line) -> list[NewOutbound]:
        """The same with whole messages."""

        async def work(scene: Scene, handoff: Handoff) -> Told:
            if speaker == customer:
                return await flow.relay_to_human(scene, handoff, lines)
            sender = await scene.conversation_with(self.salon.staff[speaker])
            return await flow.relay_to_customer(scene, handoff, lines, sender=sender)

        return await self.step(customer, work)

    def line(self, text: str = "", kind: MessageKind = MessageKind.TEXT, **fields: Any) -> Line:
        """A message that has just come in."""
        return Line(InboxId(self.salon.ids.new()), kind, text, **fields)

    async def find(self, scene: Scene, human: str) -> Human:
        """Somebody who may take customers, as they are now."""
        humans = await handoffs.lock_humans(scene.uow, scene.organization_id)
        return next(each for each in humans if each.name == human)

    async def promote_karla(self) -> None:
        """A third person who may take customers, after Lupita and Rosa; off duty from two to three."""
        await self.change("update staff set role = 'admin', position = 9 where name = 'Karla'")

    # -- what came of it ----------------------------------------------------------------------------------------

    async def states(self) -> dict[str, tuple[str, str | None]]:
        """For each customer their latest handoff: its state and who has it or is asked."""
        found = await self.look(
            "select c.their_key, h.state::text, s.name from handoffs h join conversations c on c.id = h.conversation_id"
            " left join staff s on s.id = h.staff_id order by h.requested_at, h.id"
        )
        names = {phone: name for name, phone in PHONES.items()}
        return {names[key]: (state, human) for key, state, human in found}

    async def row(self, customer: str, columns: str) -> Any:
        """Columns of a customer's latest handoff."""
        found = await self.look(
            f"select {columns} from handoffs where conversation_id = :id order by requested_at desc, id desc limit 1",
            id=self.chat(customer),
        )
        return found[0]

    async def outcomes(self, customer: str) -> list[tuple[str, str | None]]:
        """Who was asked to take a customer, in order, and what came of it."""
        return [
            tuple(each)
            for each in await self.look(
                "select s.name, o.outcome::text from handoff_offers o join handoffs h on h.id = o.handoff_id"
                " join staff s on s.id = o.staff_id where h.conversation_id = :id order by h.requested_at, o.number",
                id=self.chat(customer),
            )
        ]

    def who(self, told: Told) -> list[tuple[str, str]]:
        """Who hears what, in order."""
        names = {self.chat(name): name for name in PHONES}
        return [(names[each.conversation_id], each.body) for each in told]

    async def count_messages(self) -> int:
        """How many messages were ever queued."""
        return int((await self.look("select count(*) from outbox"))[0][0])

    async def heard_since(self, before: int) -> list[tuple[str, str]]:
        """Who heard what after the first so many messages."""
        names = {self.chat(name): name for name in PHONES}
        found = await self.look("select conversation_id, body from outbox order by created_at, id offset :o", o=before)
        return [(names[each[0]], each[1]) for each in found]
