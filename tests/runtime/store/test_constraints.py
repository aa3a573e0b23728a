"""What the database refuses by itself: two appointments in one place, two turns, two handoffs, foreign pointers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from runtime.domain.enums import AppointmentStatus, HandoffOrigin, HandoffState, OfferOutcome
from runtime.domain.handoff import HandoffEvent
from runtime.domain.ids import AppointmentId, ConversationId, HandoffId, ServiceId
from runtime.store import appointments, handoffs
from runtime.store.appointments import NewAppointment
from runtime.store.database import Database, UnitOfWork
from runtime.store.handoffs import NewHandoff
from tests.runtime.twins import ANA, BETO, NOW, Salon, open_salon, open_twins, rows, run, write_and_claim

OCCUPYING = ["pending", "confirmed", "completed", "no_show"]
NOON = NOW + timedelta(days=11, hours=2)
CHAIR = "Silla 1"


def appointment(salon: Salon, *, staff: str = "Lupita", spot: str | None = None, begins_min: int = 0) -> NewAppointment:
    """An hour from noon on, kept for another quarter of an hour."""
    starts_at = NOON + timedelta(minutes=begins_min)
    return NewAppointment(
        id=AppointmentId(salon.ids.new()),
        location_id=salon.location_id,
        customer_id=salon.customers["Valeria Castillo"],
        service_id=salon.services["Peinado"],
        staff_id=salon.staff[staff],
        spot_id=salon.spots[spot] if spot else None,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=60),
        occupied_until=starts_at + timedelta(minutes=75),
        price_cents=35000,
    )


async def add(uow: UnitOfWork, salon: Salon, new: NewAppointment) -> bool:
    """Write an appointment as the booking tool does."""
    return await appointments.try_add(uow, salon.organization_id, new, now=NOW)


@pytest.mark.parametrize("status", list(AppointmentStatus))
async def test_an_appointment_keeps_its_person_unless_it_is_cancelled(database: Database, status: str) -> None:
    """Every status but cancelled occupies whoever serves."""
    salon = await open_salon(database)
    first = appointment(salon)
    async with database.tenant(salon.organization_id) as uow:
        assert await add(uow, salon, first)
        await uow.run(
            text("update appointments set status = cast(:status as appointment_status) where id = :id"),
            {"status": status, "id": first.id},
        )

        taken = await add(uow, salon, appointment(salon))

    assert taken == (status not in OCCUPYING)


@pytest.mark.parametrize("status", list(AppointmentStatus))
async def test_an_appointment_keeps_its_chair_unless_it_is_cancelled(database: Database, status: str) -> None:
    """The same for the spot, whoever serves at it."""
    salon = await open_salon(database)
    first = appointment(salon, spot=CHAIR)
    async with database.tenant(salon.organization_id) as uow:
        assert await add(uow, salon, first)
        await uow.run(
            text("update appointments set status = cast(:status as appointment_status) where id = :id"),
            {"status": status, "id": first.id},
        )

        taken = await add(uow, salon, appointment(salon, staff="Karla", spot=CHAIR))

    assert taken == (status not in OCCUPYING)


@pytest.mark.parametrize(
    ("begins_min", "fits"),
    [(-75, True), (-74, False), (-1, False), (1, False), (60, False), (74, False), (75, True)],
)
async def test_the_buffer_is_occupied_too_and_its_end_is_free(database: Database, begins_min: int, fits: bool) -> None:
    """An hour with a quarter of buffer refuses everything that begins within 75 minutes, to either side."""
    salon = await open_salon(database)
    async with database.tenant(salon.organization_id) as uow:
        assert await add(uow, salon, appointment(salon))

        assert await add(uow, salon, appointment(salon, begins_min=begins_min)) == fits


async def test_another_person_at_another_chair_may_work_at_the_same_time(database: Database) -> None:
    """What is refused is a shared person or a shared chair, nothing else; no chair collides with no chair."""
    salon = await open_salon(database)
    async with database.tenant(salon.organization_id) as uow:
        assert await add(uow, salon, appointment(salon, spot="Silla 1"))
        assert await add(uow, salon, appointment(salon, staff="Karla", spot="Silla 2"))
        assert await add(uow, salon, appointment(salon, staff="Rosa"))
        assert await add(uow, salon, appointment(salon, staff="Memo"))


async def test_a_refused_appointment_leaves_the_transaction_usable(database: Database) -> None:
    """A lost race costs a savepoint, not the work before it."""
    salon = await open_salon(database)
    first, late = appointment(salon), appointment(salon, begins_min=120)
    async with database.tenant(salon.organization_id) as uow:
        assert await add(uow, salon, first)
        assert not await add(uow, salon, appointment(salon))
        assert await add(uow, salon, late)
        await uow.commit()

    found = await rows(
        database,
        "select id from appointments where starts_at >= :noon and starts_at < :end order by starts_at",
        noon=NOON,
        end=NOON + timedelta(hours=4),
    )
    assert found == [(first.id,), (late.id,)]


async def test_an_appointment_that_is_moved_does_not_stand_in_its_own_way(database: Database) -> None:
    """A quarter of an hour later overlaps only with itself; onto somebody else's time it cannot go."""
    salon = await open_salon(database)
    mine, other = appointment(salon), appointment(salon, begins_min=180)

    def to(begins_min: int) -> appointments.Move:
        new = appointment(salon, begins_min=begins_min)
        return appointments.Move(new.staff_id, new.spot_id, new.starts_at, new.ends_at, new.occupied_until)

    async with database.tenant(salon.organization_id) as uow:
        assert await add(uow, salon, mine) and await add(uow, salon, other)

        assert await appointments.try_move(uow, salon.organization_id, mine.id, to(15), now=NOW)
        assert not await appointments.try_move(uow, salon.organization_id, mine.id, to(150), now=NOW)
        assert await appointments.cancel(uow, salon.organization_id, other.id, now=NOW)
        assert await appointments.try_move(uow, salon.organization_id, mine.id, to(150), now=NOW)
        assert not await appointments.try_move(uow, salon.organization_id, other.id, to(400), now=NOW)
        assert not await appointments.cancel(uow, salon.organization_id, other.id, now=NOW)


async def test_a_broken_rule_that_is_no_conflict_is_not_mistaken_for_one(database: Database) -> None:
    """Only the exclusion constraints mean "taken"; a service that does not exist is an error."""
    salon = await open_salon(database)
    async with database.tenant(salon.organization_id) as uow:
        nowhere = appointment(salon)
        wrong = NewAppointment(
            **{**{f: getattr(nowhere, f) for f in nowhere.__struct_fields__}, "service_id": ServiceId(salon.ids.new())}
        )

        with pytest.raises(IntegrityError, match="appointments_organization_id_service_id_fkey"):
            await add(uow, salon, wrong)


# One of a kind --------------------------------------------------------------------------------------


async def test_a_conversation_has_at_most_one_turn_under_way(database: Database) -> None:
    """The partial unique index holds even where the lease would not."""
    salon = await open_salon(database)
    claimed, _, _ = await write_and_claim(database, salon, ANA)
    another = (
        "insert into turns (organization_id, id, conversation_id, state, started_at)"
        " values (:org, :id, :conversation, cast(:state as turn_state), :now)"
    )
    values: dict[str, Any] = {"org": salon.organization_id, "conversation": claimed.id, "now": NOW}

    with pytest.raises(IntegrityError, match="turns_one_running"):
        await run(database, another, id=salon.ids.new(), state="running", **values)

    await run(database, another, id=salon.ids.new(), state="done", **values)
    await run(database, another, id=salon.ids.new(), state="done", **values)


def request(salon: Salon, conversation_id: ConversationId) -> NewHandoff:
    """A customer who asks for a person."""
    return NewHandoff(HandoffId(salon.ids.new()), conversation_id, HandoffOrigin.CUSTOMER, "x", None, NOW)


async def give(uow: UnitOfWork, salon: Salon, conversation_id: ConversationId, event: HandoffEvent) -> None:
    """A new request, offered to Lupita or taken by her."""
    added = await handoffs.add(uow, salon.organization_id, request(salon, conversation_id))
    changes = {"staff_id": salon.staff["Lupita"], "offered_at": NOW, "connected_at": NOW, "last_human_at": NOW}
    await handoffs.move(uow, salon.organization_id, added, event, changes)


@pytest.mark.parametrize("event", [None, HandoffEvent.QUEUE, HandoffEvent.OFFER, HandoffEvent.TAKE])
async def test_a_conversation_has_at_most_one_open_handoff(database: Database, event: HandoffEvent | None) -> None:
    """Just asked for, in line, offered or with a person, a second request cannot become a second row."""
    salon = await open_salon(database)
    claimed, _, _ = await write_and_claim(database, salon, ANA)
    org = salon.organization_id
    async with database.tenant(org) as uow:
        if event is HandoffEvent.QUEUE or event is None:
            added = await handoffs.add(uow, org, request(salon, claimed.id))
            if event is not None:
                await handoffs.move(uow, org, added, event, {})
        else:
            await give(uow, salon, claimed.id, event)

        with pytest.raises(IntegrityError, match="handoffs_one_per_conversation"):
            await handoffs.add(uow, org, request(salon, claimed.id))


@pytest.mark.parametrize("first", [HandoffEvent.OFFER, HandoffEvent.TAKE])
@pytest.mark.parametrize("second", [HandoffEvent.OFFER, HandoffEvent.TAKE])
async def test_a_human_has_at_most_one_customer_and_to_be_asked_counts(
    database: Database, first: HandoffEvent, second: HandoffEvent
) -> None:
    """Two customers never share a person, whatever the program believes."""
    salon = await open_salon(database)
    ana, _, _ = await write_and_claim(database, salon, ANA)
    beto, _, _ = await write_and_claim(database, salon, BETO)
    async with database.tenant(salon.organization_id) as uow:
        await give(uow, salon, ana.id, first)

        with pytest.raises(IntegrityError, match="handoffs_one_per_human"):
            await give(uow, salon, beto.id, second)


async def test_a_handoff_has_at_most_one_offer_without_an_outcome(database: Database) -> None:
    """Nobody is asked while somebody else still is."""
    salon = await open_salon(database)
    claimed, _, _ = await write_and_claim(database, salon, ANA)
    org, lupita, rosa = salon.organization_id, salon.staff["Lupita"], salon.staff["Rosa"]
    async with database.tenant(org) as uow:
        new = request(salon, claimed.id)
        await handoffs.add(uow, org, new)
        first = await handoffs.add_offer(uow, org, new.id, lupita, now=NOW)
        await handoffs.settle_offer(uow, org, new.id, OfferOutcome.DECLINED, now=NOW)
        second = await handoffs.add_offer(uow, org, new.id, rosa, now=NOW)
        assert (first, second) == (1, 2)
        assert await handoffs.load_outcomes(uow, org, new.id) == {lupita: OfferOutcome.DECLINED, rosa: None}

        with pytest.raises(IntegrityError, match="handoff_offers_one_open"):
            await handoffs.add_offer(uow, org, new.id, lupita, now=NOW)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"state": "active"}, id="active-without-human"),
        pytest.param({"state": "offered"}, id="offered-to-nobody"),
        pytest.param({"due_at": None}, id="waiting-for-ever"),
        pytest.param({"state": "ended", "ended_at": NOW, "due_at": None}, id="ended-without-reason"),
        pytest.param({"state": "waiting", "end_reason": "human", "ended_at": NOW}, id="waiting-but-ended"),
        pytest.param({"state": "ended", "ended_at": NOW, "end_reason": "human"}, id="ended-but-due"),
    ],
)
async def test_a_handoff_row_that_makes_no_sense_is_refused(database: Database, row: dict[str, object]) -> None:
    """Each state has exactly the columns that belong to it."""
    salon = await open_salon(database)
    claimed, _, _ = await write_and_claim(database, salon, ANA)
    values = {"state": str(HandoffState.WAITING), "ended_at": None, "end_reason": None, "due_at": NOW} | row

    with pytest.raises(IntegrityError, match=r"handoffs_(connected|human|end|planned)"):
        await run(
            database,
            "insert into handoffs"
            " (organization_id, id, conversation_id, state, reason, requested_at, ended_at, end_reason, due_at)"
            " values (:org, :id, :conversation, cast(:state as handoff_state), 'x', :now, :ended_at,"
            " cast(:end_reason as handoff_end), :due_at)",
            org=salon.organization_id,
            id=salon.ids.new(),
            conversation=claimed.id,
            now=NOW,
            **values,
        )


# Across tenants -------------------------------------------------------------------------------------

_POINTERS = [
    ("appointments", "staff_id", "staff"),
    ("appointments", "customer_id", "customers"),
    ("appointments", "service_id", "services"),
    ("appointments", "spot_id", "spots"),
    ("appointments", "location_id", "locations"),
    ("staff", "person_id", "people"),
    ("customers", "person_id", "people"),
    ("addresses", "person_id", "people"),
    ("service_staff", "staff_id", "staff"),
    ("service_spots", "spot_id", "spots"),
    ("spots", "location_id", "locations"),
]


async def test_a_row_cannot_point_at_another_tenants_row(database: Database, database_url: str) -> None:
    """Even the owner of the schema, with row security out of the way, cannot cross the line."""
    ours, theirs = await open_twins(database)
    for table, column, other in _POINTERS:
        whose = f"select id from {other} where organization_id = :org order by id limit 1"
        target = (await rows(database, whose, org=theirs.organization_id))[0][0]
        one_row = f"select ctid from {table} where organization_id = %s limit 1"
        point = f"update {table} set {column} = %s where ctid = ({one_row})"

        with psycopg.connect(database_url) as owner, pytest.raises(psycopg.errors.ForeignKeyViolation):
            owner.execute(point.encode(), (target, ours.organization_id))


async def test_one_person_may_serve_at_the_same_hour_in_two_businesses(database: Database) -> None:
    """The exclusion constraints are per tenant: the twin's agenda is nobody else's business."""
    ours, theirs = await open_twins(database)
    for salon in (ours, theirs):
        async with database.tenant(salon.organization_id) as uow:
            assert await add(uow, salon, appointment(salon, spot=CHAIR))
            await uow.commit()
