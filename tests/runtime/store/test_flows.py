"""What a customer is in the middle of: opened, moved on, left alone, picked up again and completed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runtime.domain.enums import FlowKind
from runtime.domain.ids import ConversationId
from runtime.store import flows
from runtime.store.conversations import release
from runtime.store.database import Database, open_database
from runtime.store.due import look_ahead
from runtime.store.flows import IDLE, FlowStep
from tests.runtime.twins import ANA, BETO, NOW, Salon, committed, open_salon, rows, write_and_claim

STATES = "select state::text, service, wanted, due_at from flows order by id"


@pytest.fixture
async def salon(database: Database) -> Salon:
    """The seed business."""
    return await open_salon(database)


async def note(
    database: Database, salon: Salon, conversation_id: ConversationId, wanted: str | None, *, minutes: float = 0
) -> None:
    """The customer says a little more of what they want."""
    step = FlowStep(salon.ids.new(), conversation_id, FlowKind.BOOK, "Gelish", wanted)
    moment = NOW + timedelta(minutes=minutes)
    await committed(database, salon, lambda uow: flows.note_step(uow, salon.organization_id, step, now=moment))


async def complete(database: Database, salon: Salon, conversation_id: ConversationId) -> None:
    """The customer has what they wanted."""
    await committed(database, salon, lambda uow: flows.complete(uow, salon.organization_id, conversation_id, now=NOW))


async def abandon(database: Database, minutes: float, *, most: int = 10) -> int:
    """The ticker looks for flows that nobody touches."""
    async with database.single() as uow:
        return await flows.abandon_idle(uow, now=NOW + timedelta(minutes=minutes), most=most)


async def test_a_conversation_has_one_flow_that_moves_on(database: Database, salon: Salon) -> None:
    """Each step replaces the last one and counts the half hour anew."""
    claimed, _, _ = await write_and_claim(database, salon, ANA)
    await note(database, salon, claimed.id, None)
    await note(database, salon, claimed.id, "mañana", minutes=5)

    assert await rows(database, STATES) == [("open", "Gelish", "mañana", NOW + timedelta(minutes=5) + IDLE)]


async def test_thirty_minutes_of_silence_abandon_a_flow_and_a_word_picks_it_up(
    database: Database, salon: Salon
) -> None:
    """What was known stays known, whether it is resumed or not."""
    claimed, _, _ = await write_and_claim(database, salon, ANA)
    await note(database, salon, claimed.id, "mañana")

    assert [await abandon(database, 29.9), await abandon(database, 30), await abandon(database, 31)] == [0, 1, 0]
    assert await rows(database, STATES) == [("abandoned", "Gelish", "mañana", None)]
    await note(database, salon, claimed.id, "el viernes", minutes=90)
    assert await rows(database, STATES) == [("open", "Gelish", "el viernes", NOW + timedelta(minutes=90) + IDLE)]


async def test_a_completed_flow_is_history_and_the_next_one_is_new(database: Database, salon: Salon) -> None:
    """It is neither abandoned nor resumed, and completing nothing is no error."""
    claimed, _, _ = await write_and_claim(database, salon, ANA)
    await complete(database, salon, claimed.id)
    await note(database, salon, claimed.id, "mañana")
    await complete(database, salon, claimed.id)
    assert await abandon(database, 60) == 0
    await note(database, salon, claimed.id, "el viernes", minutes=61)

    assert [row[0] for row in await rows(database, STATES)] == ["completed", "open"]


async def test_idle_flows_are_taken_a_few_at_a_time_from_all_tenants(database: Database, salon: Salon) -> None:
    """A ticker's round is bounded, and the next one takes the rest."""
    for phone in (ANA, BETO):
        claimed, _, _ = await write_and_claim(database, salon, phone)
        await note(database, salon, claimed.id, "mañana")

    assert [await abandon(database, 40, most=1) for _ in range(3)] == [1, 1, 0]


async def test_a_timer_is_due_though_no_message_waits(database: Database, salon: Salon) -> None:
    """The next due time knows of flows; the next work knows only of messages to answer or to send."""
    claimed, _, _ = await write_and_claim(database, salon, ANA)
    await note(database, salon, claimed.id, "mañana")
    async with database.single() as uow:
        held = await look_ahead(uow)
        await release(uow, claimed, due_at=None)
        at_rest = await look_ahead(uow)

    assert (held.first, held.work) == (claimed.lease_until, claimed.lease_until)
    assert (at_rest.first, at_rest.work) == (NOW + IDLE, None)


async def test_a_statement_works_the_twentieth_time_on_a_connection_too(
    database: Database, database_url: str, salon: Salon
) -> None:
    """From the sixth time on Postgres may plan for any parameters; a condition that hides in one is not found then."""
    claimed, _, _ = await write_and_claim(database, salon, ANA)
    old = open_database(database_url, pool_size=1)
    for number in range(20):
        await note(old, salon, claimed.id, f"{number}")
    await old.close()

    assert await rows(database, "select wanted from flows") == [("19",)]
