"""kill -9 of a real worker at each step of a booking: the next one loses nothing, doubles nothing, asks nothing twice.

Ana says yes to a time. The worker that answers her reaches Postgres through a proxy, and dies at one chosen step of
her turn or of the delivery. Then another worker is started, which knows nothing but the rows.
`test_kill_anywhere.py` shows the same for every round trip, in simulation; here processes, broker and network are real.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from multiprocessing.process import BaseProcess
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import text

from runtime.adapters.system import SystemClock
from runtime.domain import words
from runtime.domain.enums import StepKind
from runtime.domain.spanish.formats import format_when
from runtime.store.conversations import conversation_id_of
from runtime.store.database import Database, rows_of
from sim.twilio.messages import SentRecord
from tests.runtime.deadly_proxy import Blow, DeadlyProxy
from tests.runtime.forking import fork_worker
from tests.runtime.working import BUSINESS, LIMIT_S, Surroundings, surroundings

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ZONE = ZoneInfo("America/Mexico_City")
ANA = "whatsapp:+5215512345678"
LUPITA = "whatsapp:+522220000101"
_OUR_KEY = BUSINESS.removeprefix("whatsapp:")
ANAS = conversation_id_of(_OUR_KEY, "+525512345678")
LUPITAS = conversation_id_of(_OUR_KEY, "+522220000101")

YES = "SM2"
"""The sid of the message in which she agrees."""
WEDNESDAY = 2

SHORT_LEASE_S = 1.0
"""Of the worker that dies: its heir need not wait long."""
LONG_LEASE_S = 30.0
"""Of its heir, who is to lose no lease on a slow machine."""


class Asked(msgspec.Struct, frozen=True):
    """The model is thinking about the turn's `number`-th question."""

    number: int


class Accepted(msgspec.Struct, frozen=True):
    """The provider has accepted a message to this person and not answered yet."""

    to: str


class Step(msgspec.Struct, frozen=True):
    """Where the worker dies, and how many steps of the turn are journaled by then; None where that is left to chance.

    What sends the notice runs beside the turn, which meanwhile goes on.
    """

    name: str
    place: Blow | Asked | Accepted
    journaled: int | None


def _on_both_sides(name: str, blow: Blow, unheard: int | None, lost: int | None) -> list[Step]:
    return [
        Step(f"{name}, unheard", blow, unheard),
        Step(f"{name}, answer lost", msgspec.structs.replace(blow, answer_lost=True), lost),
    ]


def _deliver(name: str, conversation: bytes, to: str, journaled: int | None) -> list[Step]:
    # unheard, a claim leaves what a lost hand-over leaves, which is the commit before it with its answer lost
    claim = Blow("attempts = o.attempts + 1", about=conversation, answer_lost=True)
    record = Blow("set provider_sid =", about=conversation)
    return [
        Step(f"claiming {name}, answer lost", claim, journaled),
        Step(f"{name} accepted by the provider", Accepted(to), journaled),
        *_on_both_sides(f"recording {name}", record, journaled, journaled),
    ]


# The journal of the turn comes to three steps: the model asks for the booking, the tool books, the model answers.
STEPS = [
    *_on_both_sides("claiming the conversation", Blow("fence = fence + 1"), 0, 0),
    Step("opening the turn, answer lost", Blow("insert into turns", answer_lost=True), 0),
    *_on_both_sides("commit of the claim", Blow("commit", of="insert into turns"), 0, 0),
    Step("first question asked", Asked(1), 0),
    *_on_both_sides("commit of the first answer", Blow("commit", of="insert into steps"), 0, 1),
    Step("booking, answer lost", Blow("insert into appointments", answer_lost=True), 1),
    Step("queueing the notice, answer lost", Blow("insert into outbox", answer_lost=True), 1),
    *_on_both_sides("commit of the booking", Blow("commit", of="insert into appointments"), 1, 2),
    Step("second question asked", Asked(2), 2),
    *_on_both_sides("commit of the second answer", Blow("commit", of="insert into steps", nth=3), 2, 3),
    Step("closing the turn, answer lost", Blow("update turns set state", answer_lost=True), 3),
    *_on_both_sides("commit of the end", Blow("commit", of="update turns set state"), 3, 3),
    *_deliver("the notice", LUPITAS.bytes, LUPITA, None),
    *_deliver("the answer", ANAS.bytes, ANA, 3),
]


class Counts(msgspec.Struct, frozen=True):
    """How many rows there are of what Ana's two messages may bring about.

    Attributes:
        appointments: In the slot, confirmed.
        bookings: Events that tell of a booking.
        outbound: Messages to people, of whatever kind: notices, replies, and none besides.
        heard: What the history says people said.
        said: What it says Parlo said.
        done: Messages of hers that are answered.
        turns: Turns that are done.
    """

    appointments: int
    bookings: int
    notices: int
    replies: int
    outbound: int
    heard: int
    said: int
    done: int
    turns: int
    tasks: int


class JournaledStep(msgspec.Struct, frozen=True):
    """A step of the turn that began with her yes."""

    number: int
    kind: str
    name: str
    response: Any


class Standing(msgspec.Struct, frozen=True):
    """What the rows say at one moment."""

    journal: list[JournaledStep]
    counts: Counts

    def count(self, kind: StepKind) -> int:
        """How many journaled steps are of this kind."""
        return sum(step.kind == kind for step in self.journal)


@pytest_asyncio.fixture
async def around(database: Database, database_url: str) -> AsyncIterator[Surroundings]:
    async with surroundings(database, database_url) as found:
        yield found


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
async def test_a_worker_killed_at_a_step_of_a_booking_is_taken_over_from(
    around: Surroundings, database_url: str, step: Step
) -> None:
    """One appointment, one confirmation, one notice, and the model is not asked what the journal holds."""
    slot = _choose_slot()

    await _book_until_killed(around, database_url, slot, step)
    stood, asked = await _look(around, slot), around.model.asked
    async with _working(around, database_url, LONG_LEASE_S):
        await _come_to_rest(around, answered=2)
    left = await _look(around, slot)

    tools, ended = stood.count(StepKind.TOOL), stood.counts.done - 1
    assert stood.counts == _expect(tools, ended), "what belongs together was not committed together"
    assert step.journaled in (None, len(stood.journal)), "it died elsewhere"
    assert left.counts == _expect(tools=1, ended=1)
    assert [each.kind for each in left.journal] == [StepKind.MODEL, StepKind.TOOL, StepKind.MODEL]
    assert left.journal[: len(stood.journal)] == stood.journal
    assert around.model.asked - asked == left.count(StepKind.MODEL) - stood.count(StepKind.MODEL)
    await _check_what_was_sent(around, slot)


def _expect(tools: int, ended: int) -> Counts:
    """What must stand when her second turn has called so many tools (0 or 1) and has ended (1) or not (0)."""
    return Counts(
        appointments=tools,
        bookings=tools,
        notices=tools,
        replies=1 + ended,
        outbound=1 + ended + tools,
        heard=1 + ended,
        said=1 + ended + tools,
        done=1 + ended,
        turns=1 + ended,
        tasks=0,
    )


async def _book_until_killed(around: Surroundings, database_url: str, slot: datetime, step: Step) -> None:
    """Ana asks for the slot and says yes; the worker dies on the way, and everything it had open is gone."""
    proxy = DeadlyProxy(database_url)
    async with proxy.serve(), _working(around, proxy.url, SHORT_LEASE_S) as doomed:
        proxy.kill = doomed.kill
        await around.write(f"hola, soy Ana López, quiero un corte de dama {_say(slot)}, con Lupita", "SM1")
        await _come_to_rest(around, answered=1)
        is_reached = _prepare(around, proxy, step.place)
        await around.write("sí", YES)
        await around.wait_for(is_reached, step.name)
        proxy.strike()
        await asyncio.to_thread(doomed.join, LIMIT_S)
        await proxy.wait_closed()
        around.model.held.clear()
        assert doomed.exitcode == -signal.SIGKILL


def _prepare(around: Surroundings, proxy: DeadlyProxy, place: Blow | Asked | Accepted) -> Callable[[], bool]:
    """Make a place deadly. What is returned says whether it was reached."""
    if isinstance(place, Blow):
        proxy.arm(place)
        return lambda: proxy.struck
    if isinstance(place, Asked):
        number = around.model.asked + place.number
        around.model.held = {number}
        return lambda: around.model.asked == number
    to_address = place.to

    def strike(sent: SentRecord) -> None:
        if sent.to_address == to_address:
            proxy.strike()

    around.twilio.subscribe(strike)
    return lambda: proxy.struck


@asynccontextmanager
async def _working(around: Surroundings, database_url: str, lease_s: float) -> AsyncIterator[BaseProcess]:
    """A worker process, killed in the end if it still lives."""
    settings = msgspec.structs.replace(around.settings, database_url=database_url, lease_s=lease_s)
    process = await asyncio.to_thread(fork_worker, settings)
    try:
        yield process
    finally:
        process.kill()
        await asyncio.to_thread(process.join, LIMIT_S)


def _choose_slot() -> datetime:
    """A Wednesday afternoon, two to eight days from now: Estética Lupita is open then."""
    today = SystemClock().now().astimezone(ZONE)
    days = (WEDNESDAY - today.weekday() - 2) % 7 + 2
    return (today + timedelta(days=days)).replace(hour=17, minute=0, second=0, microsecond=0)


def _say(slot: datetime) -> str:
    return format_when(slot, SystemClock().now().astimezone(ZONE))


_OPEN = text(
    """
    select exists (select from inbox where state = 'accepted') or exists (select from turns where state = 'running')
      or exists (select from conversations where due_at is not null or lease_until is not null)
      or exists (select from outbox where state in ('queued', 'submitting'))
      or (select count(*) from inbox) < :answered
    """
)


async def _come_to_rest(around: Surroundings, *, answered: int) -> None:
    """Wait until so many of her messages are answered and no row asks for anything more: nothing can follow then."""
    loop = asyncio.get_running_loop()
    until = loop.time() + LIMIT_S
    while loop.time() < until:
        async with around.parts.database.single() as uow:
            if not (await uow.run(_OPEN, {"answered": answered})).scalar_one():
                return
        await asyncio.sleep(0.02)
    raise AssertionError(f"the rows did not come to rest within {LIMIT_S} s")


_JOURNAL = text(
    """
    select s.number, s.kind::text, s.name, s.response from steps s
    join inbox i on i.organization_id = s.organization_id and i.turn_id = s.turn_id
    where i.sid = :sid order by s.number
    """
)
_COUNTS = text(
    """
    select
      (select count(*) from appointments where starts_at = :slot and status = 'confirmed') as appointments,
      (select count(*) from events where kind = 'appointment_booked') as bookings,
      (select count(*) from outbox where kind = 'notice') as notices,
      (select count(*) from outbox where kind = 'reply') as replies,
      (select count(*) from outbox) as outbound,
      (select count(*) from messages where author = 'customer') as heard,
      (select count(*) from messages where author = 'assistant') as said,
      (select count(*) from inbox where state = 'done') as done,
      (select count(*) from turns where state = 'done') as turns,
      (select count(*) from tasks) as tasks
    """
)


async def _look(around: Surroundings, slot: datetime) -> Standing:
    async with around.parts.database.single() as uow:
        journal = rows_of(JournaledStep, await uow.run(_JOURNAL, {"sid": YES}))
        return Standing(journal, rows_of(Counts, await uow.run(_COUNTS, {"slot": slot}))[0])


async def _check_what_was_sent(around: Surroundings, slot: datetime) -> None:
    """Every queued message reached its person exactly once, and is recorded under the provider's own sid."""
    sent, when = around.twilio.sent, _say(slot)
    async with around.parts.database.single() as uow:
        rows = list(await uow.run(text("select id::text, provider_sid, body from outbox")))
    replies = [each.body for each in sent if each.to_address == ANA]
    notices = [each.body for each in sent if each.to_address == LUPITA]

    assert sorted((each.outbox_id, each.sid, each.body) for each in sent) == sorted(map(tuple, rows))
    assert len(replies) == 2
    assert "¿La agendo?" in replies[0]
    assert f"quedó agendada para el {when} con Lupita" in replies[1]
    assert notices == [words.new_booking(customer="Ana López", service="Corte de dama", when=when, staff="Lupita")]
