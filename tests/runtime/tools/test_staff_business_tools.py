"""What staff change of the business: blocked time, services, hours, people; and its figures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from runtime.domain import words_staff
from runtime.store.database import Database
from tests.runtime.tools.behind_the_counter import call_as
from tests.runtime.tools.test_staff_appointment_tools import latest, take_back
from tests.runtime.twins import ANA, Salon, call_tool, digest_rows, open_salon, rows

BLOCKS = "select s.name, b.starts_at, b.ends_at from staff_blocks b join staff s on s.id = b.staff_id order by 2"
SERVICE = "select price_cents, minutes, active from services where name = :name"
TEAM = "select name, role::text, active from staff order by position"


async def list_free(database: Database, salon: Salon, when: str, staff: str = "Karla") -> str:
    """Whether a customer is offered a manicure at this moment, and why not."""
    asked = {"service": "Manicure", "when": when, "staff": staff}
    called = await call_tool(database, salon, ANA, "check_availability", asked)
    return str(called.body.get("reason") or called.body["status"])


# Blocked time ----------------------------------------------------------------------------------------------


async def test_a_blocked_hour_closes_itself_alone_and_is_freed_again(database: Database) -> None:
    """Around it customers are served; another block beside it breaks nothing."""
    salon = await open_salon(database)
    await call_as(database, salon, "Karla", "block_time", {"when": "mañana de 3 a 4"})
    told = await call_as(database, salon, "Karla", "block_time", {"when": "mañana de 5 a 6"})

    assert "el martes 13 de enero de 5:00 PM a 6:00 PM" in told.body["text"]
    assert "ocupado" in await list_free(database, salon, "mañana a las 3:15 de la tarde")
    assert await list_free(database, salon, "mañana a las 4 de la tarde") == "available"

    freed = await call_as(database, salon, "Karla", "unblock_time", {"when": "mañana de 3 a 4"})

    assert "el martes 13 de enero de 3:00 PM a 4:00 PM" in freed.body["text"]
    assert await list_free(database, salon, "mañana a las 3 de la tarde") == "available"
    assert await take_back(database, salon, "Karla")
    assert len(await rows(database, BLOCKS)) == 2


async def test_a_day_off_is_the_whole_day_and_a_week_is_seven(database: Database) -> None:
    """From midnight to midnight on the shop's clock."""
    salon = await open_salon(database)

    told = await call_as(database, salon, "Karla", "block_time", {"when": "el 20 de enero"})

    assert "el martes 20 de enero, todo el día" in told.body["text"]
    [(_, starts_at, ends_at)] = await rows(database, BLOCKS)
    assert (starts_at.hour, ends_at - starts_at) == (6, timedelta(days=1))


async def test_a_block_over_an_appointment_is_asked_about_and_leaves_it_standing(database: Database) -> None:
    """Nothing is blocked before the yes; afterwards the appointment is still there."""
    salon = await open_salon(database)
    wish = {"when": "mañana de 9 a 11"}

    asked = await call_as(database, salon, "Karla", "block_time", wish)
    before = await rows(database, BLOCKS)
    done = await call_as(database, salon, "Karla", "block_time", wish, confirmed=True)

    assert asked.body["status"] == "asked" and "Jorge Méndez" in asked.body["text"] and before == []
    assert done.body["status"] == "done"
    assert await rows(database, "select count(*) from appointments where status = 'cancelled'") == [(0,)]


async def test_a_part_of_a_blocked_day_is_freed_and_the_rest_stays(database: Database) -> None:
    """Two hours out of a day off; undoing makes the day whole again."""
    salon = await open_salon(database)
    await call_as(database, salon, "Karla", "block_time", {"when": "el 20 de enero"})

    told = await call_as(database, salon, "Karla", "unblock_time", {"when": "el 20 de enero de 3 a 5"})

    assert "el martes 20 de enero de 3:00 PM a 5:00 PM" in told.body["text"]
    assert await list_free(database, salon, "el 20 de enero a las 3 de la tarde") == "available"
    assert "ocupado" in await list_free(database, salon, "el 20 de enero a las 5:15 de la tarde")
    assert "ocupado" in await list_free(database, salon, "el 20 de enero a las 12")
    assert await take_back(database, salon, "Karla")
    assert [ends - starts for _, starts, ends in await rows(database, BLOCKS)] == [timedelta(days=1)]


async def test_the_owner_closes_the_shop_for_a_day(database: Database) -> None:
    """Nobody is offered anything then, and undoing opens it again."""
    salon = await open_salon(database)

    told = await call_as(database, salon, "Lupita", "block_time", {"when": "el 20 de enero", "whole_business": True})

    assert "el negocio queda cerrado el martes 20 de enero" in told.body["text"]
    assert "cerrado" in await list_free(database, salon, "el 20 de enero a las 12")
    assert await take_back(database, salon, "Lupita")
    assert await list_free(database, salon, "el 20 de enero a las 12") == "available"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"when": "mañana a las 5"}, "ask_date"),
        ({"when": "luego"}, "ask_date"),
        ({"when": "ayer"}, "past"),
        ({"when": "mañana de 3 a 4", "staff": "Brenda"}, "unknown_staff"),
    ],
)
async def test_a_stretch_that_is_none_is_asked_about(database: Database, arguments: dict[str, Any], code: str) -> None:
    """No end, no day, the past, nobody of that name: nothing is blocked."""
    salon = await open_salon(database)

    told = await call_as(database, salon, "Lupita", "block_time", arguments)

    assert told.code == code
    assert await rows(database, BLOCKS) == []


# Services and hours ------------------------------------------------------------------------------------------


async def test_a_new_price_counts_from_now_on_and_not_for_what_is_booked(database: Database) -> None:
    """And is taken back with what it was."""
    salon = await open_salon(database)
    change = {"change": "update", "service": "corte de caballero", "price_pesos": 180}

    told = await call_as(database, salon, "Lupita", "change_service", change)

    assert told.body["text"] == words_staff.service_changed("Corte de caballero", 18_000, 30)
    assert await rows(database, SERVICE, name="Corte de caballero") == [(18_000, 30, True)]
    booked = (
        "select distinct a.price_cents from appointments a join services s on s.id = a.service_id where s.name = :n"
    )
    assert await rows(database, booked, n="Corte de caballero") == [(15_000,)]
    assert await take_back(database, salon, "Lupita")
    assert await rows(database, SERVICE, name="Corte de caballero") == [(15_000, 30, True)]


async def test_a_new_service_can_be_booked_at_once_and_a_retired_one_no_more(database: Database) -> None:
    """By those who serve, at every chair."""
    salon = await open_salon(database)
    await call_as(
        database,
        salon,
        "Lupita",
        "change_service",
        {"change": "add", "service": "masaje", "price_pesos": 400, "minutes": 60},
    )
    await call_as(database, salon, "Lupita", "change_service", {"change": "retire", "service": "Manicure"})

    masaje = await call_tool(
        database, salon, ANA, "check_availability", {"service": "masaje", "when": "mañana a las 5"}
    )
    manicure = await call_tool(database, salon, ANA, "check_availability", {"service": "manicure"})

    assert (masaje.body["status"], masaje.body["price"]) == ("available", "$400")
    assert manicure.code == "unknown_service"


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("change_service", {"change": "update", "service": "Manicure", "price_pesos": 0}, "invalid_price"),
        ("change_service", {"change": "update", "service": "Manicure", "price_pesos": -50}, "invalid_price"),
        ("change_service", {"change": "update", "service": "Manicure", "price_pesos": 1e9}, "invalid_price"),
        ("change_service", {"change": "update", "service": "Manicure", "minutes": 0}, "invalid_minutes"),
        ("change_service", {"change": "update", "service": "Manicure", "minutes": 100_000}, "invalid_minutes"),
        ("change_service", {"change": "update", "service": "Manicure"}, "invalid_arguments"),
        ("change_service", {"change": "update", "service": "corte", "price_pesos": 180}, "unknown_service"),
        ("change_service", {"change": "add", "service": "Manicure", "price_pesos": 1, "minutes": 30}, "exists"),
        ("change_service", {"change": "add", "service": "Masaje", "minutes": 30}, "price_needed"),
        ("change_service", {"change": "add", "service": "Masaje", "price_pesos": 300}, "minutes_needed"),
        ("change_service", {"change": "free", "service": "Masaje"}, "invalid_arguments"),
        ("change_hours", {"days": "los lunes", "hours": "de 10 de la noche a 2 de la mañana"}, "invalid_hours"),
        ("change_hours", {"days": "los lunes", "hours": "de 5 de la tarde a 3 de la tarde"}, "invalid_hours"),
        ("change_hours", {"days": "los lunes", "hours": ""}, "ask_hours"),
        ("change_hours", {"days": "los domingos", "hours": "cerramos a las 3"}, "ask_hours"),
        ("change_hours", {"days": "mañana", "hours": "de 9 a 6"}, "ask_day"),
        ("set_availability", {"days": "los lunes", "hours": "de 5 de la tarde a 3 de la tarde"}, "invalid_hours"),
        ("set_availability", {"days": "hoy", "hours": "de 9 a 3"}, "ask_day"),
        ("remove_staff", {"name": "yo"}, "last_owner"),
        ("change_permission", {"name": "Lupita", "role": "staff"}, "last_owner"),
        ("remove_staff", {"name": "Brenda"}, "unknown_staff"),
        ("add_staff", {"name": "Karlita", "phone": "044 222 000 0102"}, "exists"),
        ("add_staff", {"name": "Brenda", "phone": "123"}, "invalid_phone"),
        ("add_staff", {"name": "💅", "phone": "55 1234 5678"}, "invalid_arguments"),
        ("get_stats", {"period": "el nunca"}, "ask_date"),
    ],
)
async def test_what_cannot_be_is_refused_in_words_and_nothing_is_half_done(
    database: Database, tool: str, arguments: dict[str, Any], code: str
) -> None:
    """Even after a yes: prices, minutes, hours, the last owner, phones."""
    salon = await open_salon(database)
    await call_as(database, salon, "Lupita", "get_schedule", {})
    before = await digest_rows(database)

    told = await call_as(database, salon, "Lupita", tool, arguments, confirmed=True)

    assert told.code == code
    assert await digest_rows(database) == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"days": "los sábados", "hours": "cerramos a las 3"}, "sábado: 9:00 AM a 3:00 PM"),
        ({"days": "domingos", "hours": "de 10 a 2"}, "domingo: 10:00 AM a 2:00 PM"),
        ({"days": "lunes y martes", "hours": "abrimos a las 10"}, "lunes: 10:00 AM a 7:00 PM y martes: 10:00 AM a"),
        ({"days": "los miércoles", "closed": True}, "miércoles: cerrado"),
        ({"days": "abrimos de lunes a viernes de 8 a 5", "hours": "abrimos de lunes a viernes de 8 a 5"}, "5:00 PM"),
    ],
)
async def test_the_week_is_changed_by_the_words_that_were_said(
    database: Database, arguments: dict[str, Any], says: str
) -> None:
    """Other days stay as they are, and so does the week after an undo."""
    salon = await open_salon(database)
    week = "select weekday, opens_minute, closes_minute from location_hours order by 1, 2"
    before = await rows(database, week)

    told = await call_as(database, salon, "Lupita", "change_hours", arguments)

    assert says in told.body["text"]
    assert await rows(database, week) != before
    assert await take_back(database, salon, "Lupita")
    assert await rows(database, week) == before


@pytest.mark.parametrize(
    ("who", "arguments", "says"),
    [
        ("Karla", {"days": "de lunes a miércoles", "hours": "de 10 a 6"}, "miércoles: 10:00 AM a 6:00 PM"),
        ("Karla", {"days": "los martes", "off": True}, "martes: descansa"),
        ("Lupita", {"days": "los sábados", "hours": "salgo a las 3"}, "Lupita queda así: sábado: 9:00 AM a 3:00 PM"),
        (
            "Rosa",
            {"days": "los lunes", "hours": "de 9 a 1", "staff": "karla"},
            "Karla queda así: lunes: 9:00 AM a 1:00 PM",
        ),
    ],
)
async def test_somebodys_week_is_changed_by_the_words_that_were_said(
    database: Database, who: str, arguments: dict[str, Any], says: str
) -> None:
    """Their other days stay; who had the business's hours has their own from then on, and not after an undo."""
    salon = await open_salon(database)
    week = "select staff_id, weekday, opens_minute, closes_minute from staff_hours order by 1, 2, 3"
    before = await rows(database, week)

    told = await call_as(database, salon, who, "set_availability", arguments)

    assert says in told.body["text"]
    assert await rows(database, week) != before
    assert await take_back(database, salon, who)
    assert await rows(database, week) == before


# People ------------------------------------------------------------------------------------------------------


async def test_somebody_is_taken_on_after_a_yes_and_known_by_any_spelling_of_the_number(database: Database) -> None:
    """A +521 and ten digits are one person, a customer before or not; whoever has left can come back."""
    salon = await open_salon(database)
    await call_tool(database, salon, ANA, "update_customer_info", {"name": "Ana"})
    wish = {"name": "Ana López", "phone": "55 1234 5678"}

    asked = await call_as(database, salon, "Rosa", "add_staff", wish)
    before = await rows(database, TEAM)
    await call_as(database, salon, "Rosa", "add_staff", wish, confirmed=True)

    assert "Ana López (55 1234 5678)" in asked.body["text"] and len(before) == 4
    assert (await rows(database, TEAM))[-1] == ("Ana López", "staff", True)
    person = (
        "select count(distinct s.person_id) from staff s join addresses a on a.person_id = s.person_id where a.key = :k"
    )
    assert await rows(database, person, k=ANA) == [(1,)]
    await call_as(database, salon, "Rosa", "remove_staff", {"name": "Ana"}, confirmed=True)
    assert (await rows(database, TEAM))[-1] == ("Ana López", "staff", False)
    await call_as(database, salon, "Rosa", "add_staff", {"name": "Anita", "phone": "+521 5512345678"}, confirmed=True)
    assert (await rows(database, TEAM))[-1] == ("Anita", "staff", True)


async def test_a_second_owner_lets_the_first_go(database: Database) -> None:
    """A business keeps one, whoever it is."""
    salon = await open_salon(database)
    await call_as(database, salon, "Lupita", "change_permission", {"name": "Rosa", "role": "owner"}, confirmed=True)

    gone = await call_as(database, salon, "Lupita", "remove_staff", {"name": "yo"}, confirmed=True)
    last = await call_as(database, salon, "Rosa", "remove_staff", {"name": "yo"}, confirmed=True)

    assert "ya no es parte" in gone.body["text"]
    assert last.code == "last_owner"


async def test_the_question_about_leaving_names_the_appointments_that_are_left(database: Database) -> None:
    """Karla has some to come."""
    salon = await open_salon(database)

    asked = await call_as(database, salon, "Lupita", "remove_staff", {"name": "karla"})
    action = await latest(database, salon, "Lupita")

    assert "5 citas por venir" in asked.body["text"]
    assert action is not None and action.tool == "remove_staff"


async def test_figures_count_what_was_held_missed_and_is_to_come(database: Database) -> None:
    """Of last week one manicure was held; three are to come today."""
    salon = await open_salon(database)

    today = await call_as(database, salon, "Rosa", "get_stats", {})
    friday = await call_as(database, salon, "Rosa", "get_stats", {"period": "el viernes pasado"})

    assert "Números de hoy" in today.body["text"] and "Por venir: 3" in today.body["text"]
    assert "Atendidas: 1 ($180)" in friday.body["text"]
