"""What staff do with customers and their appointments: found as they were named, asked about, told, and taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from runtime.domain import words_staff
from runtime.domain.templates import BUSINESS_CHANGED
from runtime.store.database import Database
from runtime.store.staff_actions import StaffAction, load_latest
from runtime.tools.confirming import undo
from tests.runtime.tools.behind_the_counter import NOON, call_as, chat_of
from tests.runtime.twins import ANA, NOW, Salon, call_tool, digest_rows, open_salon, open_twins, rows

STATUS = "select a.status::text from appointments a join customers c on c.id = a.customer_id where c.name = :name"
PATRICIA, JORGE, SOFIA, ELENA = "Patricia Gómez", "Jorge Méndez", "Sofía Torres", "Elena Vargas"


async def latest(database: Database, salon: Salon, name: str) -> StaffAction | None:
    """What somebody was asked or did last, in the business's chat."""
    async with database.platform() as uow:
        chats = await rows(
            database,
            "select c.id from conversations c join staff s on s.person_id = c.person_id where s.id = :id",
            id=salon.staff[name],
        )
        return await load_latest(uow, salon.organization_id, salon.staff[name], chats[0][0])


async def take_back(database: Database, salon: Salon, name: str) -> bool:
    """Undo it, as the answer to "deshaz" does."""
    action = await latest(database, salon, name)
    assert action is not None and action.undo is not None
    async with database.tenant(salon.organization_id) as uow:
        undone = await undo(uow, salon.organization_id, action.undo, now=NOW)
        await uow.commit()
    return undone


# The schedule ------------------------------------------------------------------------------------------


async def test_a_day_is_told_in_order_of_time_with_what_is_blocked(database: Database) -> None:
    """Noon comes after eleven and before four, and nothing of it is in English."""
    salon = await open_salon(database)
    await call_as(database, salon, "Karla", "block_time", {"when": "hoy de 3 a 5", "reason": "dentista"})

    told = await call_as(database, salon, "Lupita", "get_schedule", {})

    assert told.body["text"].splitlines() == [
        "Citas de hoy, lunes 12 de enero:",
        "• 11:00 AM Corte de dama, María Fernanda Ruiz (con Lupita)",
        "• 12:00 PM Gelish, Daniela Soto (con Karla)",
        "• 3:00 PM a 5:00 PM Karla: dentista",
        "• 4:00 PM Tinte completo, Patricia Gómez (con Lupita)",
    ]


@pytest.mark.parametrize(
    ("who", "arguments", "says", "not_says"),
    [
        ("Karla", {}, "Gelish", "María Fernanda"),
        ("Karla", {"whose": "todos"}, "María Fernanda", "Mechas"),
        ("Lupita", {"whose": "mía"}, "María Fernanda", "Daniela"),
        ("Rosa", {"whose": "Karla"}, "Daniela", "María Fernanda"),
        ("Memo", {"day": "el viernes"}, "Claudia Reyes", "Daniela"),
        ("Lupita", {"only_next": True}, "Sigue María Fernanda Ruiz", "Daniela"),
        ("Karla", {"only_next": True}, "Sigue Daniela Soto", "María"),
        ("Rosa", {"only_next": True}, "Sigue María Fernanda Ruiz", "Daniela"),
        ("Lupita", {"day": "domingo"}, "está libre", "•"),
    ],
)
async def test_whose_day_is_told_goes_by_who_asks_and_what_they_say(
    database: Database, who: str, arguments: dict[str, Any], says: str, not_says: str
) -> None:
    """Who serves sees their own unless they say otherwise; owners and admins everybody's."""
    salon = await open_salon(database)

    told = await call_as(database, salon, who, "get_schedule", arguments)

    assert says in told.body["text"] and not_says not in told.body["text"]


# Attendance --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"when": "la de las 11"}, "María Fernanda Ruiz"),
        ({"customer": "daniela"}, "Daniela Soto"),
        ({"customer": "Daniela Soto", "when": "a las 12"}, "Daniela Soto"),
    ],
)
async def test_an_appointment_of_today_is_marked_as_it_was_named(
    database: Database, arguments: dict[str, Any], name: str
) -> None:
    """By its hour though that is past, by a first name, or by both; and taken back within half a minute."""
    salon = await open_salon(database)

    told = await call_as(database, salon, "Lupita", "mark_appointment", {"outcome": "no_show"} | arguments, now=NOON)

    assert f"{name} no llegó" in told.body["text"]
    assert ("no_show",) in await rows(database, STATUS, name=name)
    assert await take_back(database, salon, "Lupita")
    assert ("no_show",) not in await rows(database, STATUS, name=name)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"when": "el de las 4"}, "not_yet"),
        ({"customer": "Brenda"}, "not_found"),
        ({"customer": "Brenda", "when": "a las 11"}, "not_found"),
        ({"when": "a las 10 de la noche"}, "not_found"),
        ({}, "not_found"),
    ],
)
async def test_what_cannot_be_marked_is_refused_and_nothing_is_changed(
    database: Database, arguments: dict[str, Any], code: str
) -> None:
    """Not begun, nobody of that name, nothing at that hour: another's appointment is never marked instead."""
    salon = await open_salon(database)
    await call_as(database, salon, "Lupita", "get_schedule", {})
    before = await digest_rows(database)

    told = await call_as(database, salon, "Lupita", "mark_appointment", {"outcome": "no_show"} | arguments, now=NOON)

    assert told.code == code
    assert await digest_rows(database) == before


async def test_two_appointments_in_the_same_minute_are_asked_about_unless_one_is_their_own(database: Database) -> None:
    """On Wednesday at four both have somebody: Rosa is asked, Karla means hers."""
    salon = await open_salon(database)
    arguments = {"when": "el miércoles a las 4"}

    asked = await call_as(database, salon, "Rosa", "cancel_for_customer", arguments)
    own = await call_as(database, salon, "Karla", "cancel_for_customer", arguments)

    assert asked.code == "which_one"
    assert SOFIA in asked.body["error"]["message"] and ELENA in asked.body["error"]["message"]
    assert ELENA in own.body["text"]


# What touches a customer ---------------------------------------------------------------------------------


async def test_nothing_is_cancelled_before_a_yes_and_the_customer_is_told_after_it(database: Database) -> None:
    """The question names whom and when; what is kept for the yes is that very appointment."""
    salon = await open_salon(database)

    asked = await call_as(database, salon, "Karla", "cancel_for_customer", {"customer": "jorge"})
    action = await latest(database, salon, "Karla")
    assert action is not None

    assert asked.body["status"] == "asked" and not asked.outgoing
    assert "Jorge Méndez: Corte de caballero, martes 13 de enero, 10:00 AM" in asked.body["text"]
    assert await rows(database, STATUS, name=JORGE) == [("confirmed",)]
    assert str(salon.appointments[f"{JORGE}, Corte de caballero"]) in action.arguments

    done = await call_as(database, salon, "Karla", "cancel_for_customer", action.arguments, confirmed=True)

    assert await rows(database, STATUS, name=JORGE) == [("cancelled",)]
    [notice] = done.outgoing
    assert notice.body == words_staff.cancelled_for_you(
        service="Corte de caballero", when="martes 13 de enero, 10:00 AM"
    )
    assert notice.template == BUSINESS_CHANGED.name
    assert "Ya le avisé" in done.body["text"]


async def test_what_is_cancelled_meanwhile_is_not_cancelled_again(database: Database) -> None:
    """The yes finds the appointment gone, and nobody is told twice."""
    salon = await open_salon(database)
    await call_as(database, salon, "Karla", "cancel_for_customer", {"customer": "jorge"})
    action = await latest(database, salon, "Karla")
    assert action is not None
    await call_as(database, salon, "Lupita", "cancel_for_customer", action.arguments, confirmed=True)

    again = await call_as(database, salon, "Karla", "cancel_for_customer", action.arguments, confirmed=True)

    assert again.code == "not_found" and not again.outgoing


async def test_whoever_asked_for_silence_is_not_written_to(database: Database) -> None:
    """The appointment is cancelled, and staff know that the customer does not."""
    salon = await open_salon(database)
    await rows(
        database,
        "update people set opted_out_at = created_at"
        " where id = (select person_id from customers where name = :name) returning 1",
        name=JORGE,
    )

    done = await call_as(database, salon, "Karla", "cancel_for_customer", {"customer": "jorge"}, confirmed=True)
    sent = await call_as(
        database, salon, "Karla", "send_message_to_customer", {"customer": "jorge", "message": "hola"}, confirmed=True
    )

    assert await rows(database, STATUS, name=JORGE) == [("cancelled",)]
    assert "No le pude avisar" in done.body["text"] and not done.outgoing
    assert sent.code == "opted_out" and not sent.outgoing


async def test_a_move_keeps_to_free_times_and_the_same_person(database: Database) -> None:
    """An hour alone stays on the appointment's day; a taken time is refused with others before anything is asked."""
    salon = await open_salon(database)
    move = {"customer": "Sofía", "new_when": "a las 5"}

    asked = await call_as(database, salon, "Lupita", "reschedule_for_customer", move)
    taken = await call_as(
        database,
        salon,
        "Lupita",
        "reschedule_for_customer",
        {"customer": "Jorge", "new_when": "hoy a las 12", "staff": "Karla"},
    )

    assert "de miércoles 14 de enero, 4:00 PM a miércoles 14 de enero, 5:00 PM, con Lupita" in asked.body["text"]
    assert taken.code == "slot_taken" and taken.body["error"]["slots"]


async def test_booking_for_a_known_customer_asks_and_tells_and_for_a_new_one_can_be_undone(database: Database) -> None:
    """Valeria has a number here; Ana is a name."""
    salon = await open_salon(database)
    wish = {"service": "Corte de dama", "when": "mañana a las 5"}

    asked = await call_as(database, salon, "Karla", "book_for_customer", wish | {"customer": "Valeria"})
    booked = await call_as(
        database, salon, "Karla", "book_for_customer", wish | {"customer": "Valeria"}, confirmed=True
    )
    new = await call_as(database, salon, "Lupita", "book_for_customer", wish | {"customer": "Ana"})

    assert "Valeria Castillo" in asked.body["text"] and "con Karla" in asked.body["text"]
    assert [message.template for message in booked.outgoing] == [BUSINESS_CHANGED.name]
    assert "con Lupita" in new.body["text"] and words_staff.UNDO_HINT in new.body["text"]
    assert await rows(database, STATUS, name="Ana") == [("confirmed",)]
    assert await take_back(database, salon, "Lupita")
    assert await rows(database, STATUS, name="Ana") == [("cancelled",)]


async def test_a_new_customer_with_a_number_is_asked_about_told_and_known_by_it(database: Database) -> None:
    """Nobody is made before the yes; afterwards the customer has their notice and their name."""
    salon = await open_salon(database)
    wish = {"service": "Manicure", "customer": "Ana", "phone": "55 1234 5678", "when": "mañana a las 4"}

    asked = await call_as(database, salon, "Karla", "book_for_customer", wish)
    before = await rows(database, "select count(*) from customers where name = 'Ana'")
    booked = await call_as(database, salon, "Karla", "book_for_customer", wish, confirmed=True)

    assert asked.body["status"] == "asked" and before == [(0,)]
    assert [each.conversation_id for each in booked.outgoing] == [chat_of(salon, ANA)]
    assert await rows(database, STATUS, name="Ana") == [("confirmed",)]


async def test_whoever_came_in_is_served_now_by_whoever_writes(database: Database) -> None:
    """No name, no time, no number; from the next five minutes on."""
    salon = await open_salon(database)
    now = NOW + timedelta(minutes=2)

    told = await call_as(
        database, salon, "Karla", "book_for_customer", {"service": "manicure", "walk_in": True}, now=now
    )

    assert "Sin cita: Manicure, lunes 12 de enero, 10:05 AM, con Karla" in told.body["text"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"service": "corte", "when": "mañana a las 5", "customer": "Ana"}, "unknown_service"),
        ({"service": "Masaje", "when": "mañana a las 5", "customer": "Ana"}, "unknown_service"),
        ({"service": "Gelish", "when": "mañana a las 5"}, "name_needed"),
        ({"service": "Gelish", "customer": "Ana"}, "ask_date"),
        ({"service": "Gelish", "when": "ayer a las 5", "customer": "Ana"}, "past"),
        ({"service": "Gelish", "when": "domingo a las 12", "customer": "Ana"}, "closed"),
        ({"service": "Gelish", "when": "hoy a las 12", "customer": "Ana"}, "slot_taken"),
        ({"service": "Gelish", "when": "mañana a las 5", "customer": "Ana", "phone": "12"}, "invalid_arguments"),
        ({"service": "Gelish", "when": "mañana a las 5", "customer": "Rosa", "phone": "222 000 0103"}, "is_staff"),
    ],
)
async def test_a_booking_that_cannot_be_is_refused_and_nothing_is_half_done(
    database: Database, arguments: dict[str, Any], code: str
) -> None:
    """No customer is made, nobody is told."""
    salon = await open_salon(database)
    await call_as(database, salon, "Karla", "get_schedule", {})
    before = await digest_rows(database)

    told = await call_as(database, salon, "Karla", "book_for_customer", arguments)

    assert told.code == code
    assert await digest_rows(database) == before


async def test_customers_of_one_name_are_told_apart_by_their_numbers(database: Database) -> None:
    """Two Anas: asked; by the whole name, or by the number in any spelling, one is found."""
    salon = await open_salon(database)
    for phone, name in ((ANA, "Ana López"), ("+525512345679", "Ana Ruiz")):
        await call_tool(database, salon, phone, "update_customer_info", {"name": name}, key=phone)

    asked = await call_as(database, salon, "Karla", "customer_history", {"customer": "ana"})
    by_name = await call_as(database, salon, "Karla", "customer_history", {"customer": "Ana López"})
    by_number = await call_as(database, salon, "Karla", "customer_history", {"customer": "+521 55 1234 5678"})

    assert asked.code == "which_customer"
    assert "55 1234 5678" in asked.body["error"]["message"] and "Ana Ruiz" in asked.body["error"]["message"]
    assert "Ana López (55 1234 5678)" in by_name.body["text"]
    assert by_name.body == by_number.body


async def test_a_message_is_sent_after_a_yes_from_the_business_and_remembered_as_said_by_them(
    database: Database,
) -> None:
    """It waits for the window with the template that knocks, and the customer's next turn knows of it."""
    salon = await open_salon(database)
    words = {"customer": "jorge", "message": "¿Puedes llegar 10 minutos antes?"}

    asked = await call_as(database, salon, "Lupita", "send_message_to_customer", words)
    sent = await call_as(database, salon, "Lupita", "send_message_to_customer", words, confirmed=True)

    assert "«¿Puedes llegar 10 minutos antes?»" in asked.body["text"] and not asked.outgoing
    [message] = sent.outgoing
    assert (message.body, message.kind, message.template) == (words["message"], "relay", "respuesta_negocio")
    assert message.conversation_id == chat_of(salon, "+522221230004")
    said = "select m.author::text, s.name from messages m join staff s on s.id = m.staff_id where m.text = :text"
    assert await rows(database, said, text=words["message"]) == [("human", "Lupita")]


async def test_nobody_of_another_business_is_found_by_name_number_or_id(database: Database) -> None:
    """The twin has a customer that the first has not: to the first she does not exist."""
    ours, theirs = await open_twins(database)
    await call_tool(database, theirs, ANA, "update_customer_info", {"name": "Zoila Ajena"})
    there = next(iter(theirs.appointments.values()))

    by_name = await call_as(database, ours, "Lupita", "customer_history", {"customer": "Zoila"})
    by_number = await call_as(database, ours, "Lupita", "send_message_to_customer", {"customer": ANA, "message": "x"})
    by_id = await call_as(
        database, ours, "Lupita", "cancel_for_customer", {"appointment_id": str(there)}, confirmed=True
    )

    assert [by_name.code, by_number.code, by_id.code] == ["unknown_customer", "unknown_customer", "not_found"]
