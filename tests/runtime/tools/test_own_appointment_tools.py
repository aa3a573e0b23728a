"""A customer's own appointments: shown, cancelled and moved; anybody else's do not exist for them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from runtime.domain import words
from runtime.store.database import Database
from tests.runtime.twins import (
    ANA,
    NOW,
    Called,
    Salon,
    call_tool,
    digest_rows,
    meet,
    open_salon,
    open_twins,
    rows,
    run,
)

GABRIELA = "+522221230008"
GELISH = "Gabriela Luna, Gelish"
CHANGES = [
    ("cancel_appointment", {}),
    ("reschedule_appointment", {"when": "mañana a las 5"}),
]


async def call(database: Database, salon: Salon, name: str, **arguments: object) -> Called:
    """Gabriela's model calls a tool."""
    return await call_tool(database, salon, GABRIELA, name, arguments)


async def test_a_customer_sees_their_own_future_appointments_in_order(database: Database) -> None:
    """Only hers, only what is open and still to come, with the ids that changes take."""
    salon = await open_salon(database)

    called = await call(database, salon, "get_my_appointments")

    assert called.body["appointments"] == [
        {
            "appointment_id": str(salon.appointments[GELISH]),
            "service": "Gelish",
            "when": "jueves 15 de enero, 12:00 PM",
            "staff": "Karla",
        },
        {
            "appointment_id": str(salon.appointments["Gabriela Luna, Peinado"]),
            "service": "Peinado",
            "when": "sábado 17 de enero, 9:00 AM",
            "staff": "Lupita",
        },
    ]


async def test_a_stranger_and_somebody_with_only_past_visits_have_none(database: Database) -> None:
    """An empty list, not an error."""
    salon = await open_salon(database)
    stranger = await call_tool(database, salon, ANA, "get_my_appointments", {})
    later = await call_tool(database, salon, GABRIELA, "get_my_appointments", {}, now=NOW + timedelta(days=30))

    assert stranger.body == later.body == {"appointments": []}


async def test_a_cancelled_appointment_frees_its_time_and_the_business_is_told(database: Database) -> None:
    """The row stays as cancelled, the hour can be had again, owner and Karla hear of it."""
    salon = await open_salon(database)

    called = await call(database, salon, "cancel_appointment", appointment_id=str(salon.appointments[GELISH]))

    when = "jueves 15 de enero, 12:00 PM"
    assert called.body == {"status": "cancelled", "service": "Gelish", "when": when, "staff": "Karla"}
    told = words.booking_cancelled(customer="Gabriela Luna", service="Gelish", when=when, staff="Karla")
    assert [message.body for message in called.outgoing] == [told] * 2
    again = await call_tool(
        database, salon, ANA, "book_appointment", {"service": "Gelish", "when": when, "customer_name": "Ana"}
    )
    assert again.body["status"] == "booked"


async def test_what_was_cancelled_can_neither_be_cancelled_nor_moved_again(database: Database) -> None:
    """It does not come back to life, and nobody is told twice."""
    salon = await open_salon(database)
    await call(database, salon, "cancel_appointment", appointment_id=str(salon.appointments[GELISH]))
    before = await digest_rows(database)

    for name, arguments in CHANGES:
        called = await call(database, salon, name, appointment_id=str(salon.appointments[GELISH]), **arguments)

        assert called.code == "not_found"
    assert await digest_rows(database) == before


async def test_two_cancellations_at_once_cancel_once(database: Database) -> None:
    """The row's lock decides: the second finds it no longer active."""
    salon = await open_salon(database)
    await meet(database, salon, GABRIELA)

    called = await asyncio.gather(
        *(call(database, salon, "cancel_appointment", appointment_id=str(salon.appointments[GELISH])) for _ in range(2))
    )

    assert sorted(each.code or "done" for each in called) == ["done", "not_found"]
    assert await rows(database, "select count(*) from events where kind = 'appointment_cancelled'") == [(1,)]


async def test_a_moved_appointment_keeps_its_person_if_it_can(database: Database) -> None:
    """Same row, new time; before and after are told to the customer and to the business."""
    salon = await open_salon(database)
    appointment_id = salon.appointments["Gabriela Luna, Peinado"]

    called = await call(
        database,
        salon,
        "reschedule_appointment",
        appointment_id=str(appointment_id),
        when="viernes a las 5 de la tarde",
    )

    assert called.body == {
        "status": "rescheduled",
        "service": "Peinado",
        "before": "sábado 17 de enero, 9:00 AM",
        "when": "viernes 16 de enero, 5:00 PM",
        "staff": "Lupita",
    }
    assert len(called.outgoing) == 1 and "de sábado 17 de enero, 9:00 AM a viernes" in called.outgoing[0].body
    assert await rows(
        database,
        "select status::text, ends_at - starts_at, occupied_until - ends_at from appointments where id = :id",
        id=appointment_id,
    ) == [("confirmed", timedelta(hours=1), timedelta(0))]


async def test_another_person_takes_over_when_the_first_is_busy_then(database: Database) -> None:
    """Lupita has a tint on Monday at four: Karla does the styling unless Lupita was asked for."""
    salon = await open_salon(database)
    appointment_id = str(salon.appointments["Gabriela Luna, Peinado"])
    when = "hoy a las 4 de la tarde"

    insisting = await call(
        database, salon, "reschedule_appointment", appointment_id=appointment_id, when=when, staff="Lupita"
    )
    called = await call(database, salon, "reschedule_appointment", appointment_id=appointment_id, when=when)

    assert insisting.code == "slot_taken"
    assert (called.body["status"], called.body["staff"]) == ("rescheduled", "Karla")


async def test_an_appointment_may_be_moved_onto_its_own_old_time(database: Database) -> None:
    """Half an hour later overlaps only with itself, which is no conflict."""
    salon = await open_salon(database)

    called = await call(
        database,
        salon,
        "reschedule_appointment",
        appointment_id=str(salon.appointments[GELISH]),
        when="jueves 15 de enero, 12:30 PM",
    )

    assert called.body["when"] == "jueves 15 de enero, 12:30 PM"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"when": "domingo a las 11 de la mañana"}, "closed"),
        ({"when": "mañana a las 10 de la mañana"}, "slot_taken"),
        ({"when": "hoy a las 9 de la mañana"}, "past"),
        ({"when": "mañana"}, "ask_date"),
        ({"when": "cuando puedas"}, "ask_date"),
        ({"when": "mañana a las 5", "staff": "Lupita"}, "staff_does_not_do_service"),
        ({"when": "mañana a las 5", "staff": "Nadie"}, "unknown_staff"),
        ({}, "invalid_arguments"),
    ],
)
async def test_a_move_that_cannot_be_leaves_the_appointment_where_it_was(
    database: Database, arguments: dict[str, Any], code: str
) -> None:
    """The old time is not lost to a failed attempt at a new one."""
    salon = await open_salon(database)
    await meet(database, salon, GABRIELA)
    before = await digest_rows(database)

    called = await call(
        database, salon, "reschedule_appointment", appointment_id=str(salon.appointments[GELISH]), **arguments
    )

    assert called.code == code
    assert await digest_rows(database) == before


async def test_a_service_that_was_retired_can_be_cancelled_but_not_moved(database: Database) -> None:
    """Moving says that it is no longer on offer."""
    salon = await open_salon(database)
    await run(database, "update services set active = false where name = 'Gelish'")
    appointment_id = str(salon.appointments[GELISH])

    moved = await call(database, salon, "reschedule_appointment", appointment_id=appointment_id, when="mañana a las 5")
    cancelled = await call(database, salon, "cancel_appointment", appointment_id=appointment_id)

    assert moved.code == "unknown_service"
    assert cancelled.body["status"] == "cancelled"


@pytest.mark.parametrize(("name", "arguments"), CHANGES)
async def test_other_peoples_appointments_do_not_exist_for_a_customer(
    database: Database, name: str, arguments: dict[str, Any]
) -> None:
    """Not another customer's, not the same phone's in the twin business, not one from the past: not a row changes."""
    ours, theirs = await open_twins(database)
    foreign = [
        ours.appointments["Sofía Torres, Corte de dama"],
        theirs.appointments[GELISH],
        theirs.appointments["Sofía Torres, Corte de dama"],
        ours.appointments["Daniela Soto, Manicure"],
    ]
    await meet(database, ours, GABRIELA)
    before = await digest_rows(database)

    called = [await call(database, ours, name, appointment_id=str(each), **arguments) for each in foreign]

    assert [each.code for each in called] == ["not_found"] * 4
    assert len({each.result.content for each in called}) == 1, "the answer does not tell what exists"
    assert await digest_rows(database) == before


_NO_IDS = ["", "1", "' or '1'='1", "null", "todas", str(UUID(int=0)), "{" * 5000, "\x00", "ñ" * 36, "urn:uuid:x"]


@pytest.mark.parametrize("name", ["cancel_appointment", "reschedule_appointment"])
async def test_an_id_that_is_no_id_is_not_found(database: Database, name: str) -> None:
    """Whatever a model makes up in place of an id is answered the same way."""
    salon = await open_salon(database)

    called = [await call(database, salon, name, appointment_id=each, when="mañana a las 5") for each in _NO_IDS]

    assert [each.code for each in called] == ["not_found"] * len(_NO_IDS)
    assert await rows(database, "select count(*) from appointments where changed_at <> :now", now=NOW) == [(0,)]


async def test_a_customer_is_called_what_they_say(database: Database) -> None:
    """A new customer is made on the way; a known one is renamed; the name is cleaned."""
    salon = await open_salon(database)
    new = await call_tool(database, salon, ANA, "update_customer_info", {"name": "  Ana \n María\u202e "})
    renamed = await call_tool(database, salon, GABRIELA, "update_customer_info", {"name": "Gaby Luna"})

    assert new.body == {"status": "updated", "name": "Ana María"}
    assert renamed.body == {"status": "updated", "name": "Gaby Luna"}
    found = await rows(database, "select name from customers where name in ('Ana María', 'Gaby Luna', 'Gabriela Luna')")
    assert sorted(found) == [("Ana María",), ("Gaby Luna",)]


async def test_a_name_without_a_letter_is_asked_for_again(database: Database) -> None:
    """Nothing is stored, and the refusal has a question."""
    salon = await open_salon(database)
    await meet(database, salon, ANA)
    before = await digest_rows(database)

    for name in ("", "   ", "12345", "🌸🌸", "\u202e\u200b", "\x00"):
        called = await call_tool(database, salon, ANA, "update_customer_info", {"name": name})

        assert called.code == "invalid_arguments", name
        assert called.body["error"]["question"] == "¿A nombre de quién queda?"
    assert await digest_rows(database) == before


async def test_a_very_long_name_is_cut(database: Database) -> None:
    """Eighty characters are enough for anybody, and for a notice to be read."""
    salon = await open_salon(database)

    called = await call_tool(database, salon, ANA, "update_customer_info", {"name": "Ana " * 5000})

    assert len(called.body["name"]) <= 80
