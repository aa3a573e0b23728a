"""Looking for a time and booking it: what comes back, what is written, who is told, and every refusal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runtime.domain import words
from runtime.domain.ids import AppointmentId
from runtime.store import appointments
from runtime.store.appointments import NewAppointment
from runtime.store.database import Database
from tests.runtime.twins import (
    ANA,
    BETO,
    CARLA,
    LUPITA,
    NOW,
    Called,
    Salon,
    call_tool,
    connect_as,
    digest_rows,
    open_salon,
    rows,
    run,
)

CORTE = "Corte de dama"
TOMORROW_AT_FIVE = datetime(2026, 1, 13, 23, 0, tzinfo=UTC)
APPOINTMENTS = (
    "select s.name, st.name, a.starts_at, a.ends_at, a.occupied_until, a.status::text, sp.name, a.price_cents"
    " from appointments a join services s on s.id = a.service_id join staff st on st.id = a.staff_id"
    " left join spots sp on sp.id = a.spot_id join customers c on c.id = a.customer_id where c.name = :name"
)


async def book(
    database: Database, salon: Salon, phone: str = ANA, *, key: str = "turn:1", **arguments: object
) -> Called:
    """Book a cut for tomorrow at five, but for what is said otherwise."""
    usual: dict[str, object] = {"service": CORTE, "when": "mañana a las 5", "customer_name": "Ana López"}
    return await call_tool(database, salon, phone, "book_appointment", usual | arguments, key=key)


async def check(database: Database, salon: Salon, **arguments: object) -> Called:
    """Ask for a cut, but for what is said otherwise."""
    return await call_tool(database, salon, ANA, "check_availability", {"service": CORTE} | arguments)


# Looking -------------------------------------------------------------------------------------------------


async def test_a_free_moment_is_offered_with_the_first_person_who_has_it(database: Database) -> None:
    """The asked time comes back as a customer reads it, with price and length."""
    salon = await open_salon(database)

    called = await check(database, salon, when="viernes 16 de enero, 3:00 PM")

    assert called.result.ok and not called.result.ends_turn
    assert called.body == {
        "status": "available",
        "service": CORTE,
        "minutes": 45,
        "price": "$250",
        "slots": [{"when": "viernes 16 de enero, 3:00 PM", "staff": "Lupita"}],
        "asked": "viernes 16 de enero, 3:00 PM",
        "reason": None,
    }


async def test_a_person_who_is_named_is_the_only_one_looked_at(database: Database) -> None:
    """Karla's own hours count when Karla is asked for: she pauses from two to three."""
    salon = await open_salon(database)

    free = await check(database, salon, when="viernes 16 de enero a las 4", staff="karla")
    pausing = await check(database, salon, when="viernes 16 de enero a las 2 de la tarde", staff="Karla")

    assert free.body["slots"] == [{"when": "viernes 16 de enero, 4:00 PM", "staff": "Karla"}]
    assert (pausing.body["status"], pausing.body["reason"]) == ("unavailable", "A esa hora no está Karla.")
    assert {slot["staff"] for slot in pausing.body["slots"]} == {"Karla"}


async def test_a_taken_moment_says_so_and_offers_others_that_are_free(database: Database) -> None:
    """Both chairs or all who could serve are busy: the reason and four other times."""
    salon = await open_salon(database)
    taken = await book(database, salon, when="mañana a las 5", staff="Karla")
    assert taken.result.ok

    called = await check(database, salon, when="mañana a las 5", staff="Karla")

    assert called.body["status"] == "unavailable"
    assert called.body["reason"] == "martes 13 de enero, 5:00 PM ya está ocupado."
    assert len(called.body["slots"]) == 4
    for slot in called.body["slots"]:
        again = await check(database, salon, when=slot["when"], staff="Karla")
        assert again.body["status"] == "available", slot


async def test_a_part_of_a_day_is_answered_with_a_few_round_times_in_it(database: Database) -> None:
    """ "Mañana en la tarde" is no moment: up to four times spread over the afternoon."""
    salon = await open_salon(database)

    called = await check(database, salon, when="mañana en la tarde")

    whens = [slot["when"] for slot in called.body["slots"]]
    assert called.body["status"] == "available" and called.body["asked"] is None
    assert 2 <= len(whens) <= 4
    assert all(when.startswith("martes 13 de enero, ") and when.endswith(("00 PM", "30 PM")) for when in whens)


async def test_without_words_for_a_time_the_next_free_ones_are_given(database: Database) -> None:
    """Nothing in the past, nothing that is taken, in order."""
    salon = await open_salon(database)

    called = await check(database, salon)

    assert [slot["when"] for slot in called.body["slots"]] == [
        "lunes 12 de enero, 10:00 AM",
        "lunes 12 de enero, 10:30 AM",
        "lunes 12 de enero, 11:00 AM",
        "lunes 12 de enero, 12:00 PM",
    ]


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ("domingo a las 11 de la mañana", "El domingo 18 de enero está cerrado."),
        ("2 de febrero a las 11 de la mañana", "El lunes 2 de febrero está cerrado."),
        ("mañana a las 8 de la mañana", "El martes 13 de enero abrimos de 9:00 AM a 7:00 PM."),
        (
            "mañana a las 6:30 de la tarde",
            "A esa hora ya no alcanza el tiempo: el martes 13 de enero abrimos de 9:00 AM a 7:00 PM.",
        ),
    ],
)
async def test_a_closed_moment_says_why_with_the_real_hours(database: Database, when: str, reason: str) -> None:
    """Sundays, holidays, before opening and too late for the service each have their sentence, and other times."""
    salon = await open_salon(database)

    called = await check(database, salon, when=when)

    assert (called.body["status"], called.body["reason"]) == ("unavailable", reason)
    assert called.body["slots"]


async def test_looking_remembers_what_the_customer_is_in_the_middle_of(database: Database) -> None:
    """Service and words for the time are kept for thirty minutes, so that it can be picked up again."""
    salon = await open_salon(database)
    await check(database, salon, when="mañana en la tarde")
    await check(database, salon, service="Gelish", when="el viernes")

    assert await rows(database, "select kind::text, state::text, service, wanted, due_at from flows") == [
        ("book", "open", "Gelish", "el viernes", NOW + timedelta(minutes=30))
    ]


# Booking -------------------------------------------------------------------------------------------------


async def test_a_booking_is_written_with_everything_that_belongs_to_it(database: Database) -> None:
    """Customer, person, chair, price and times stand in the row; the answer is what the customer is told."""
    salon = await open_salon(database)

    called = await book(database, salon)

    appointment_id = called.body.pop("appointment_id")
    assert called.body == {
        "status": "booked",
        "service": CORTE,
        "when": "martes 13 de enero, 5:00 PM",
        "staff": "Lupita",
        "price": "$250",
        "minutes": 45,
    }
    ends_at = TOMORROW_AT_FIVE + timedelta(minutes=45)
    written = (CORTE, "Lupita", TOMORROW_AT_FIVE, ends_at, ends_at, "confirmed", "Silla 1", 25000)
    assert await rows(database, APPOINTMENTS, name="Ana López") == [written]
    assert await rows(database, "select subject_id::text from events where kind = 'appointment_booked'") == [
        (appointment_id,)
    ]


async def test_the_buffer_of_a_service_is_written_with_the_booking(database: Database) -> None:
    """A tint keeps its person and chair a quarter of an hour longer."""
    salon = await open_salon(database)
    await book(database, salon, service="Tinte completo", when="mañana a las 9 de la mañana")

    ((*_, ends_at, occupied_until, _, _, _),) = await rows(database, APPOINTMENTS, name="Ana López")
    assert occupied_until - ends_at == timedelta(minutes=15)


async def test_the_owner_and_whoever_serves_are_told_once_each(database: Database) -> None:
    """Karla serves, Lupita owns: one notice for each; when the owner serves herself, one in all."""
    salon = await open_salon(database)
    with_karla = await book(database, salon, staff="Karla", when="mañana a las 5")
    with_lupita = await book(database, salon, staff="Lupita", when="mañana a las 6", key="turn:2")

    told = words.new_booking(customer="Ana López", service=CORTE, when="martes 13 de enero, 5:00 PM", staff="Karla")
    assert [message.body for message in with_karla.outgoing] == [told] * 2
    assert len({message.conversation_id for message in with_karla.outgoing}) == 2
    assert len(with_lupita.outgoing) == 1
    assert await rows(
        database,
        "select c.their_key from outbox o join conversations c on c.id = o.conversation_id where o.id = :id",
        id=with_lupita.outgoing[0].id,
    ) == [(LUPITA,)]


async def test_a_notice_repeated_for_the_same_call_is_queued_once(database: Database) -> None:
    """The dedupe key is the call's, so a turn that is run again tells nobody twice."""
    salon = await open_salon(database)
    first = await book(database, salon, staff="Lupita", when="mañana a las 5")
    second = await book(database, salon, staff="Lupita", when="mañana a las 6")

    assert first.outgoing[0].dedupe_key == second.outgoing[0].dedupe_key, "both are the same step of the same turn"
    assert await rows(database, "select body from outbox") == [(first.outgoing[0].body,)]


async def test_anybody_means_whoever_is_free(database: Database) -> None:
    """Lupita is busy with a tint at four on Monday, so Karla gets the cut."""
    salon = await open_salon(database)

    called = await book(database, salon, when="hoy a las 4 de la tarde", staff="quien sea")

    assert called.body["staff"] == "Karla"


async def test_a_name_that_is_known_need_not_be_given(database: Database) -> None:
    """Returning customers are not asked again."""
    salon = await open_salon(database)
    await book(database, salon)

    again = await book(database, salon, when="mañana a las 6", customer_name=None)

    assert again.result.ok
    assert len(await rows(database, APPOINTMENTS, name="Ana López")) == 2
    assert await rows(database, "select count(*) from customers where name = 'Ana López'") == [(1,)]


async def test_a_booking_completes_the_flow(database: Database) -> None:
    """What was pending is pending no more."""
    salon = await open_salon(database)
    await check(database, salon, when="mañana en la tarde")
    await book(database, salon)

    assert await rows(database, "select state::text, due_at from flows") == [("completed", None)]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param({"service": "Masaje tailandés"}, "unknown_service", "Ese servicio no lo tenemos. Ofrecemos Corte"),
        pytest.param({"service": ""}, "unknown_service", "Ese servicio no lo tenemos", id="no-service"),
        pytest.param(
            {"service": "corte"}, "unknown_service", "Tenemos Corte de dama, Corte de caballero y Corte de niño."
        ),
        pytest.param({"staff": "Brenda"}, "unknown_staff", "No encuentro a Brenda en el equipo."),
        pytest.param(
            {"staff": "Rosa"},
            "staff_does_not_do_service",
            "Rosa no hace Corte de dama. Te puede atender Lupita o Karla.",
        ),
        pytest.param({"when": "pronto"}, "ask_date", "No me quedó claro el día.", id="no-date"),
        pytest.param({"when": ""}, "ask_date", "No me quedó claro el día.", id="empty-date"),
        pytest.param({"when": "mañana"}, "ask_date", "Falta la hora.", id="no-time"),
        pytest.param({"when": "hoy a las 9 de la mañana"}, "past", "ya pasó"),
        pytest.param({"when": "1 de enero de 2020 a las 3 de la tarde"}, "past", "ya pasó", id="long-past"),
        pytest.param({"when": "el 20 de diciembre de 2026 a las 4 de la tarde"}, "past", "Todavía no", id="too-far"),
        pytest.param({"when": "domingo a las 11 de la mañana"}, "closed", "El domingo 18 de enero está cerrado."),
        pytest.param({"when": "mañana a las 8 de la noche"}, "closed", "El martes 13 de enero abrimos de 9:00 AM"),
        pytest.param(
            {"when": "hoy a las 12:30 pm", "staff": "Karla"},
            "slot_taken",
            "lunes 12 de enero, 12:30 PM ya está ocupado.",
        ),
        pytest.param({"customer_name": None}, "name_needed", "Falta el nombre.", id="no-name"),
        pytest.param({"customer_name": "  "}, "name_needed", "Falta el nombre.", id="blank-name"),
        pytest.param({"customer_name": "🌸"}, "invalid_arguments", "Ese nombre no se entiende.", id="flower-name"),
        pytest.param({"customer_name": 7}, "invalid_arguments", "Los datos no están completos", id="number-name"),
    ],
)
async def test_a_booking_that_cannot_be_is_refused_with_words_and_nothing_is_written(
    database: Database, arguments: dict[str, Any], code: str, says: str
) -> None:
    """Each refusal has a code for the program, Spanish for the customer, and leaves not a row behind."""
    salon = await open_salon(database)
    await call_tool(database, salon, ANA, "get_my_appointments", {})
    before = await digest_rows(database)

    called = await book(database, salon, **arguments)

    assert not called.result.ok and not called.outgoing
    assert called.code == code
    assert says in called.body["error"]["message"]
    assert await digest_rows(database) == before


@pytest.mark.parametrize("when", ["mañana a las 8 de la noche", "hoy a las 12:30 pm", "domingo a las 11 de la mañana"])
async def test_a_refused_time_comes_with_others_that_can_be_booked(database: Database, when: str) -> None:
    """A polite no: a question, and times that are really free."""
    salon = await open_salon(database)

    called = await book(database, salon, when=when, staff="Karla")

    error = called.body["error"]
    assert error["question"] == "¿Te queda alguno de estos horarios?"
    assert error["slots"]
    booked = await book(database, salon, when=error["slots"][0]["when"], staff=error["slots"][0]["staff"])
    assert booked.body["when"] == error["slots"][0]["when"]


async def test_only_a_day_is_answered_with_the_times_of_that_day(database: Database) -> None:
    """The model can offer them without a second call."""
    salon = await open_salon(database)

    called = await book(database, salon, when="mañana en la tarde")

    assert called.body["error"]["question"] == "¿A qué hora te gustaría?"
    assert all(slot["when"].startswith("martes 13 de enero") for slot in called.body["error"]["slots"])


async def test_a_business_without_a_location_or_without_people_books_nothing(database: Database) -> None:
    """Half a business is refused politely instead of failing."""
    salon = await open_salon(database)
    await run(database, "delete from service_staff where service_id = :id", id=salon.services["Gelish"])

    nobody = await book(database, salon, service="Gelish")

    assert (nobody.code, nobody.body["error"]["message"]) == ("closed", "Por ahora no agendamos Gelish por aquí.")


# Two who want the same ---------------------------------------------------------------------------------------


async def test_the_loser_of_a_race_for_one_person_is_offered_other_times(database: Database) -> None:
    """Both saw the time free; the constraint decides, and the other is told politely in the same call."""
    salon = await open_salon(database)

    both = await asyncio.gather(
        *(
            book(database, salon, phone, staff="Lupita", when="mañana a las 5", customer_name=name)
            for phone, name in [(ANA, "Ana"), (BETO, "Beto")]
        )
    )

    won, lost = sorted(both, key=lambda called: not called.result.ok)
    assert won.body["status"] == "booked"
    assert lost.code == "slot_taken"
    assert lost.body["error"]["slots"]
    assert "martes 13 de enero, 5:00 PM" not in [slot["when"] for slot in lost.body["error"]["slots"]]
    assert await rows(database, "select count(*) from appointments where starts_at = :at", at=TOMORROW_AT_FIVE) == [
        (1,)
    ]
    assert await rows(database, "select count(*) from outbox") == [(1,)], "only the real booking is told"


async def test_a_race_for_anybody_gives_each_a_person_while_there_are_some(database: Database) -> None:
    """Two can serve at five and there are two chairs: of three rivals two are served, by different people."""
    salon = await open_salon(database)

    called = await asyncio.gather(
        *(
            book(database, salon, phone, when="mañana a las 5", customer_name=name)
            for phone, name in [(ANA, "Ana"), (BETO, "Beto"), (CARLA, "Carla")]
        )
    )

    assert sorted(each.body["staff"] for each in called if each.result.ok) == ["Karla", "Lupita"]
    assert [each.code for each in called if not each.result.ok] == ["slot_taken"]


async def test_many_rivals_for_one_slot_get_one_booking_and_polite_answers(database: Database) -> None:
    """Twelve at once, again and again: one winner and eleven alternatives each time."""
    salon = await open_salon(database)
    phones = [f"+5255000000{number:02d}" for number in range(12)]
    for hour in ("9", "10", "11"):
        called = await asyncio.gather(
            *(
                book(database, salon, phone, staff="Lupita", when=f"mañana a las {hour} de la mañana")
                for phone in phones
            )
        )

        assert sum(each.result.ok for each in called) == 1
        assert {each.code for each in called} == {None, "slot_taken"}
        assert all(each.body["error"]["slots"] for each in called if not each.result.ok)


@pytest.mark.parametrize("ways", [("book", "book"), ("book", "move"), ("move", "move")], ids="+".join)
async def test_rivals_who_waited_for_one_who_gave_up_do_not_wait_for_each_other(
    database: Database, database_url: str, ways: tuple[str, str]
) -> None:
    """Both stand behind a booking that is undone: one gets the slot, and no deadlock breaks the other's turn."""
    salon = await open_salon(database)
    actions = [await prepare(database, salon, way, phone) for way, phone in zip(ways, (ANA, BETO), strict=True)]

    async with hold_slot(database, salon, TOMORROW_AT_FIVE):
        rivals = [asyncio.ensure_future(action()) for action in actions]
        await until_waiting(database_url, 2)
    called = await asyncio.gather(*rivals)

    assert sorted(each.code or "" for each in called) == ["", "slot_taken"]
    assert await rows(database, "select count(*) from appointments where starts_at = :at", at=TOMORROW_AT_FIVE) == [
        (1,)
    ]


async def test_who_moves_in_opposite_order_do_not_wait_for_each_other(database: Database, database_url: str) -> None:
    """One prefers Karla and one Lupita, both would take either: whoever loses both hears it politely."""
    salon = await open_salon(database)
    actions = [
        await prepare(database, salon, "move", phone, staff=staff, then=None)
        for phone, staff in [(ANA, "Lupita"), (BETO, "Karla"), (CARLA, "Lupita")]
    ]

    async with hold_slot(database, salon, TOMORROW_AT_FIVE):
        rivals = [asyncio.ensure_future(action()) for action in actions]
        await until_waiting(database_url, 3)
    called = await asyncio.gather(*rivals)

    assert sorted(each.code or "" for each in called) == ["", "", "slot_taken"]
    assert {each.body["staff"] for each in called if each.result.ok} == {"Karla", "Lupita"}


async def prepare(
    database: Database, salon: Salon, way: str, phone: str, *, staff: str = "Lupita", then: str | None = "Lupita"
) -> Callable[[], Awaitable[Called]]:
    """A call that wants tomorrow at five: a booking, or the move of one that was made first."""
    if way == "book":
        return lambda: book(database, salon, phone, staff=then)
    before = {ANA: "9 de la mañana", BETO: "6 de la tarde", CARLA: "2 de la tarde"}[phone]
    own = await book(database, salon, phone, staff=staff, when=f"mañana a las {before}")
    assert own.result.ok, own.body
    arguments = {"appointment_id": own.body["appointment_id"], "when": "mañana a las 5", "staff": then}
    return lambda: call_tool(database, salon, phone, "reschedule_appointment", arguments, key="turn:2")


@asynccontextmanager
async def hold_slot(database: Database, salon: Salon, starts_at: datetime) -> AsyncIterator[None]:
    """Somebody has Lupita and Karla booked at this moment but has not committed, and gives up at the end."""
    ends_at = starts_at + timedelta(minutes=45)
    async with database.tenant(salon.organization_id) as uow:
        for staff, spot in [("Lupita", "Silla 1"), ("Karla", "Silla 2")]:
            new = NewAppointment(
                id=AppointmentId(salon.ids.new()),
                location_id=salon.location_id,
                customer_id=salon.customers["Valeria Castillo"],
                service_id=salon.services[CORTE],
                staff_id=salon.staff[staff],
                spot_id=salon.spots[spot],
                starts_at=starts_at,
                ends_at=ends_at,
                occupied_until=ends_at,
                price_cents=25000,
            )
            assert await appointments.try_add(uow, salon.organization_id, new, now=NOW)
        yield


async def until_waiting(database_url: str, count: int) -> None:
    """Return when so many connections of this database wait for a lock."""
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    with connect_as(database_url) as connection:
        for _ in range(1000):
            if (connection.execute(waiting).fetchone() or (0,))[0] >= count:
                return
            await asyncio.sleep(0.01)
    raise AssertionError(f"fewer than {count} wait")
