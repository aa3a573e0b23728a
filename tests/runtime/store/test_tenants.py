"""Tenants never see each other: with row security alone, and with the queries' own filters alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from runtime.domain.enums import Author, FlowKind, HandoffOrigin, OfferOutcome, OutboxKind, StepKind, TaskKind
from runtime.domain.handoff import HandoffEvent
from runtime.domain.ids import AppointmentId, CustomerId, HandoffId, OutboxId
from runtime.store import appointments, business, conversations, flows, handoffs, journal, outbox, people, tables
from runtime.store.database import Database, UnitOfWork
from runtime.store.handoffs import NewHandoff
from runtime.store.journal import NewEvent, NewMessage, Step
from runtime.store.outbox import NewOutbound, NewTask
from tests.runtime.twins import ANA, NOW, Salon, connect_as, open_salon, open_twins, rows, write_and_claim

TENANT_TABLES = sorted(tables.metadata.tables)
HISTORY = {"events", "steps", "messages"}


# Row security alone: raw SQL without a single filter ------------------------------------------------


def as_tenant(database_url: str, organization_id: UUID | None) -> psycopg.Connection[Any]:
    """A connection under the application's role, naming a tenant or none."""
    connection = connect_as(database_url, "parlo_app")
    if organization_id is not None:
        connection.execute("select set_config('app.organization_id', %s, false)", (str(organization_id),))
    return connection


@pytest.fixture
async def twins(database: Database) -> tuple[Salon, Salon]:
    """The seed business and its twin, each with a turn, a handoff and every other kind of row."""
    ours, theirs = await open_twins(database)
    for salon in (ours, theirs):
        await fill(database, salon)
    return ours, theirs


async def fill(database: Database, salon: Salon) -> None:
    """Give a salon rows in the tables that a seed leaves empty."""
    claimed, pending, _ = await write_and_claim(database, salon, ANA)
    org, ids = salon.organization_id, salon.ids
    async with database.tenant(org) as uow:
        turn_id = pending[0].turn_id
        step = Step(1, StepKind.MODEL, "customer", "key", {"text": "hola"}, None)
        await journal.add_step(uow, claimed, turn_id, step, at=NOW)
        await journal.add_messages(uow, org, turn_id, [NewMessage(ids.new(), claimed.id, Author.CUSTOMER, "hola", NOW)])
        await journal.add_events(uow, org, [NewEvent(ids.new(), "x", NOW, claimed.id)])
        await flows.note_step(uow, org, flows.FlowStep(ids.new(), claimed.id, FlowKind.BOOK, "Corte", "hoy"), now=NOW)
        new = NewOutbound(OutboxId(ids.new()), claimed.id, OutboxKind.REPLY, "reply:1", "hola", NOW)
        await outbox.queue_messages(uow, org, turn_id, [new])
        await outbox.add_task(uow, org, NewTask(ids.new(), TaskKind.SIGNUP, "task:1", "Algo", NOW, claimed.id))
        asked = NewHandoff(HandoffId(ids.new()), claimed.id, HandoffOrigin.CUSTOMER, "x", None, NOW)
        taken = {"staff_id": salon.staff["Lupita"], "connected_at": NOW, "last_human_at": NOW}
        await handoffs.move(uow, org, await handoffs.add(uow, org, asked), HandoffEvent.TAKE, taken)
        block = "insert into staff_blocks values (:org, :id, :staff, :now, :later, 'comida')"
        later = NOW + timedelta(hours=1)
        await uow.run(
            text(block), {"org": org, "id": ids.new(), "staff": salon.staff["Rosa"], "now": NOW, "later": later}
        )
        for sql in _OTHER_ROWS:
            await uow.run(text(sql), {"org": org, "id": ids.new(), "staff": salon.staff["Lupita"], "now": NOW})
        await uow.commit()


_OTHER_ROWS = (
    "insert into handoff_offers (organization_id, handoff_id, number, staff_id, offered_at)"
    " select organization_id, id, 1, :staff, :now from handoffs where organization_id = :org",
    "insert into media (organization_id, id, conversation_id, inbox_id, position, state, content_type, size_bytes,"
    " content, created_at, delete_at)"
    " select organization_id, :id, conversation_id, id, 0, 'stored', 'image/jpeg', 1, 'x', :now, :now from inbox"
    " where organization_id = :org",
    "insert into templates (organization_id, name, language, content_hash, values_hash, body, content_sid, status,"
    " changed_at) values (:org, 'saludo', 'es_MX', 'x', 'y', 'hola', 'HX1', 'pending', :now)",
    "insert into reconciliations values (:org, :now, :now)",
    "insert into staff_actions values (:org, :id, :staff, :id, 'get_schedule', '{}', null, 'done', :now, :now)",
)


async def test_without_a_tenant_the_application_sees_nothing(twins: tuple[Salon, Salon], database_url: str) -> None:
    """Forgetting to name a tenant shows empty tables, not everybody's rows."""
    with as_tenant(database_url, None) as connection:
        seen = {table: connection.execute(f"select * from {table}".encode()).rowcount for table in TENANT_TABLES}

    assert seen == dict.fromkeys(TENANT_TABLES, 0)


async def test_with_a_tenant_the_application_sees_its_rows_and_no_others(
    twins: tuple[Salon, Salon], database_url: str, database: Database
) -> None:
    """A query without any condition gives exactly the tenant's rows, and there are some in every table."""
    ours, _ = twins
    there = await _count_rows(database, ours)
    with as_tenant(database_url, ours.organization_id) as connection:
        for table in TENANT_TABLES:
            seen = connection.execute(f"select organization_id from {table}".encode()).fetchall()

            assert seen == [(ours.organization_id,)] * there[table], table
            assert seen, table


async def test_changing_every_row_reaches_only_the_tenants_own(
    twins: tuple[Salon, Salon], database_url: str, database: Database
) -> None:
    """An update without a condition leaves the twin's rows alone, and cannot carry a row over to it."""
    ours, theirs = twins
    there = await _count_rows(database, ours)
    with as_tenant(database_url, ours.organization_id) as connection:
        for table in sorted(set(TENANT_TABLES) - HISTORY):
            changed = connection.execute(f"update {table} set organization_id = organization_id".encode()).rowcount
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                connection.execute(f"update {table} set organization_id = %s".encode(), (theirs.organization_id,))

            assert changed == there[table], table


async def test_removing_every_row_reaches_only_the_tenants_own(
    twins: tuple[Salon, Salon], database_url: str, database: Database
) -> None:
    """A delete without a condition, and even one that names the twin, leaves the twin as it was."""
    ours, theirs = twins
    before = await _counts(database, theirs)
    with as_tenant(database_url, ours.organization_id) as connection:
        connection.execute("delete from appointments")
        gone = connection.execute("delete from tasks where organization_id = %s", (theirs.organization_id,)).rowcount

    assert gone == 0
    assert await _counts(database, theirs) == before
    assert (await _count_rows(database, ours))["appointments"] == 0


async def _count_rows(database: Database, salon: Salon) -> dict[str, int]:
    one = "select '{0}', count(*)::int from {0} where organization_id = :org"
    sql = " union all ".join(one.format(table) for table in TENANT_TABLES)
    return dict(await rows(database, sql, org=salon.organization_id))


async def test_a_row_cannot_be_written_into_another_tenant(twins: tuple[Salon, Salon], database: Database) -> None:
    """The policy checks what is written as well as what is read."""
    ours, theirs = twins
    async with database.tenant(ours.organization_id) as uow:
        with pytest.raises(ProgrammingError, match="row-level security"):
            await people.ensure_customer(
                uow,
                theirs.organization_id,
                (
                    await rows(
                        database, "select person_id from customers where organization_id = :o", o=theirs.organization_id
                    )
                )[0][0],
                new_id=CustomerId(ours.ids.new()),
                now=NOW,
            )


async def test_the_tenant_is_forgotten_when_its_transaction_ends(database: Database) -> None:
    """A setting once used reads as an empty text afterwards, which must mean no tenant and not an error."""
    salon = await open_salon(database)
    count = text("select count(*), current_setting('app.organization_id', true) from staff")
    async with database.tenant(salon.organization_id) as uow:
        during = (await uow.run(count)).one()
        await uow.commit()
        after = (await uow.run(count)).one()

    assert tuple(during) == (4, str(salon.organization_id))
    assert tuple(after) == (0, "")


async def test_a_pooled_connection_never_carries_a_tenant_over(database: Database) -> None:
    """The same connection serves one tenant after the other, and each sees itself."""
    ours, theirs = await open_twins(database)
    for salon in (ours, theirs, ours):
        async with database.tenant(salon.organization_id) as uow:
            seen = (await uow.run(text("select distinct organization_id from staff"))).scalars().all()

        assert seen == [salon.organization_id]


async def test_the_two_pools_work_under_the_roles_they_are_named_for(database: Database) -> None:
    """A tenant's work runs as the application, a platform job as the platform; neither is the login itself."""
    salon = await open_salon(database)
    async with database.tenant(salon.organization_id) as uow:
        app = (await uow.run(text("select current_user"))).scalar_one()
    async with database.platform() as uow:
        platform = (await uow.run(text("select current_user"))).scalar_one()

    assert (app, platform) == ("parlo_app", "parlo_platform")


# Code filters alone: repositories under the role that sees everything ---------------------------------


async def _counts(database: Database, salon: Salon) -> dict[str, str]:
    """A fingerprint of one tenant's rows, table by table."""
    one = (
        "select '{0}', md5(coalesce(string_agg(t::text, '|' order by t::text), ''))"
        " from {0} t where organization_id = :org"
    )
    return dict(
        await rows(
            database, " union all ".join(one.format(table) for table in TENANT_TABLES), org=salon.organization_id
        )
    )


async def test_the_read_models_filter_by_tenant_themselves(twins: tuple[Salon, Salon], database: Database) -> None:
    """With row security out of the way, prompts and tools still see one business only."""
    ours, theirs = twins
    org = ours.organization_id
    foreign = {*theirs.staff.values(), *theirs.services.values(), *theirs.spots.values(), *theirs.appointments.values()}
    async with database.platform() as uow:
        shop = await business.load_business(uow, org)
        query = business.BusyQuery(ours.location_id, NOW - timedelta(days=30), NOW + timedelta(days=30))
        busy = await business.load_busy(uow, org, query)
        schedule = await business.load_schedule(uow, org, since=query.since, until=query.until)
        told = await people.find_recipients(uow, org, list(theirs.staff.values()), owners=True)

    assert len(shop.services) == 9 and len(shop.staff) == 4 and len(shop.hours) == 6
    assert not foreign & {each.id for each in shop.services} | foreign & {each.id for each in shop.staff}
    assert not foreign & {id for each in shop.services for id in (*each.staff_ids, *each.spot_ids)}
    assert len(busy) == len(ours.appointments) + 2, "its appointments, one block and one closure"
    assert not foreign & {each.staff_id for each in busy}
    assert len(schedule) == 12 and not foreign & {each.id for each in schedule}
    assert [each.staff_id for each in told] == [ours.staff["Lupita"]]


async def test_foreign_ids_find_nothing_even_where_every_row_is_visible(
    twins: tuple[Salon, Salon], database: Database
) -> None:
    """An id of the twin's, used with our own tenant, matches no row of any repository."""
    ours, theirs = twins
    org = ours.organization_id
    handoff, conversation, turn, person = (
        await rows(
            database,
            "select h.id, h.conversation_id, t.id, c.person_id from handoffs h"
            " join conversations c on c.id = h.conversation_id join turns t on t.conversation_id = c.id"
            " where h.organization_id = :org",
            org=theirs.organization_id,
        )
    )[0]
    customer = theirs.customers["Gabriela Luna"]
    async with database.platform() as uow:
        assert await handoffs.load_open(uow, org, handoff) is None
        assert await handoffs.load_of_conversation(uow, org, conversation) is None
        assert await handoffs.load_of_human(uow, org, theirs.staff["Lupita"]) is None
        assert await handoffs.load_last_ended(uow, org, theirs.staff["Lupita"]) is None
        assert await handoffs.load_line(uow, org) == []
        assert handoff not in [each.id for each in await handoffs.load_all_open(uow, org)]
        assert await handoffs.load_outcomes(uow, org, handoff) == {}
        assert {each.staff_id for each in await handoffs.lock_humans(uow, org)} <= set(ours.staff.values())
        assert await journal.load_steps(uow, org, turn) == []
        assert await journal.load_messages(uow, org, conversation, most=10) == []
        assert not await appointments.lock_owned(
            uow, org, AppointmentId(next(iter(theirs.appointments.values()))), customer
        )
        with pytest.raises(Exception, match="No row"):
            await business.load_customer(uow, org, person, conversation, now=NOW)
        with pytest.raises(Exception, match="No row"):
            await conversations.hold(uow, org, conversation, 1)


async def test_writes_with_foreign_ids_change_nothing_even_where_every_row_is_visible(
    twins: tuple[Salon, Salon], database: Database
) -> None:
    """Every changing repository names its tenant in the statement itself."""
    ours, theirs = twins
    org = ours.organization_id
    before = await _counts(database, theirs)
    handoff, conversation, person, fence = (
        await rows(
            database,
            "select h.id, h.conversation_id, c.person_id, c.fence from handoffs h"
            " join conversations c on c.id = h.conversation_id where h.organization_id = :org",
            org=theirs.organization_id,
        )
    )[0]
    stolen = AppointmentId(theirs.appointments["Gabriela Luna, Gelish"])
    async with database.platform() as uow:
        real = await handoffs.load_open(uow, theirs.organization_id, handoff)
        assert real is not None
        move = appointments.Move(theirs.staff["Rosa"], None, NOW, NOW + timedelta(hours=1), NOW + timedelta(hours=1))
        assert not await appointments.cancel(uow, org, stolen, now=NOW)
        assert not await appointments.try_move(uow, org, stolen, move, now=NOW)
        await people.rename_customer(uow, org, theirs.customers["Gabriela Luna"], "Nadie")
        await people.note_profile_name(uow, org, person, "Nadie")
        await people.set_opted_out(uow, org, person, NOW)
        await people.note_first_message(uow, org, theirs.staff["Memo"], now=NOW)
        await flows.complete(uow, org, conversation, now=NOW)
        await handoffs.settle_offer(uow, org, handoff, OfferOutcome.DECLINED, now=NOW)
        with pytest.raises(AssertionError):
            await handoffs.note(uow, org, real, {"nudges": 1})
        with pytest.raises(AssertionError):
            await handoffs.move(uow, org, real, HandoffEvent.TAKE_OVER, {"staff_id": ours.staff["Rosa"]})
        claimed = await _claim_of(uow, ours, conversation, fence)
        await conversations.release(uow, claimed, due_at=None)
        await uow.commit()

    assert await _counts(database, theirs) == before


async def _claim_of(uow: UnitOfWork, salon: Salon, conversation: Any, fence: int) -> conversations.Claim:
    channel = (
        await uow.run(text("select id from channels where organization_id = :o"), {"o": salon.organization_id})
    ).scalar_one()
    return conversations.Claim(
        organization_id=salon.organization_id,
        id=conversation,
        channel_id=channel,
        person_id=None,
        our_key=salon.number,
        our_address=salon.number,
        their_key=ANA,
        their_address=ANA,
        fence=fence,
        attempts=1,
        lease_until=NOW,
    )


async def test_the_router_learns_of_the_senders_own_tenant_only(twins: tuple[Salon, Salon], database: Database) -> None:
    """The same phone is staff and served in both twins: the facts name our handoff, our staff and our customer."""
    ours, theirs = twins
    await write_and_claim(database, theirs, "+522220000101")
    claimed, _, _ = await write_and_claim(database, ours, "+522220000101")
    async with database.platform() as uow:
        facts = await conversations.gather_facts(uow, claimed, now=NOW, most_calls=10)

    assert facts.staff_id == ours.staff["Lupita"]
    mine = await rows(database, "select id from handoffs where organization_id = :org", org=ours.organization_id)
    assert [(each.handoff_id,) for each in facts.servings] == mine
    assert facts.businesses == [], "only the central number looks across businesses"
