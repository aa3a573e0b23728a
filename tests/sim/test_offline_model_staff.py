"""What the offline model makes of what staff write: which tool, with which of their words, and what it says itself."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from runtime.domain.permissions import Actor
from runtime.tools.registry import specs_for
from sim.offline_model.context import read_context
from sim.offline_model.staff import HELP, decide_for_staff
from sim.offline_model.turn import Step

PROMPT = """## Servicios
- Corte de dama | 45 min | $250
- Corte de caballero | 30 min | $150
- Tinte completo | 2 h | $850
- Manicure | 45 min | $180
## Equipo
- Lupita | dueña o dueño
- Karla | equipo
- Rosa | administración
"""
CONTEXT = read_context(PROMPT)


def ask(text: str, *history: tuple[bool, str], actor: Actor = Actor.OWNER, results: tuple[str, ...] = ()) -> Step:
    """What the model does with a message of somebody in this role."""
    tools = frozenset(spec.name for spec in specs_for(actor))
    return decide_for_staff(CONTEXT, history, text, results, tools)


def called(step: Step) -> tuple[str, dict[str, Any]]:
    """The one call of a step."""
    [call] = step.calls
    return call.tool, msgspec.json.decode(call.arguments, type=dict[str, Any])


CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("el de las 3 no llegó", "mark_appointment", {"outcome": "no_show", "when": "las 3"}),
    ("el de las 3 no llego", "mark_appointment", {"outcome": "no_show", "when": "las 3"}),
    ("Daniela no vino", "mark_appointment", {"outcome": "no_show", "customer": "Daniela"}),
    ("me dejaron plantada la de las 11", "mark_appointment", {"outcome": "no_show", "when": "las 11"}),
    ("la de las 12 sí llegó", "mark_appointment", {"outcome": "completed", "when": "las 12"}),
    ("ya terminé con María Fernanda", "mark_appointment", {"outcome": "completed", "customer": "María Fernanda"}),
    ("bloquea mañana de 2 a 4", "block_time", {"when": "mañana de 2 a 4"}),
    ("bloquéame de 2 a 4", "block_time", {"when": "de 2 a 4"}),
    ("bloquea a Karla mañana de 10 a 12", "block_time", {"when": "mañana de 10 a 12", "staff": "Karla"}),
    ("bloqueame el viernes por favor", "block_time", {"when": "el viernes"}),
    ("mañana no vengo", "block_time", {"when": "mañana"}),
    ("mañana no abrimos", "block_time", {"when": "mañana", "whole_business": True}),
    ("el lunes 2 de febrero cerramos", "block_time", {"when": "el lunes 2 de febrero", "whole_business": True}),
    ("desbloquea mañana de 2 a 4", "unblock_time", {"when": "mañana de 2 a 4"}),
    ("quita el bloqueo de mañana", "unblock_time", {"when": "mañana"}),
    ("siempre si abrimos mañana", "unblock_time", {"when": "mañana", "whole_business": True}),
    ("¿qué sigue?", "get_schedule", {"only_next": True}),
    ("q sigue", "get_schedule", {"only_next": True}),
    ("pásame la agenda del viernes", "get_schedule", {"day": "viernes"}),
    ("me puede pasar las citas de mañana?", "get_schedule", {"day": "mañana"}),
    ("que tengo hoy", "get_schedule", {"day": "hoy"}),
    ("la agenda de karla", "get_schedule", {"whose": "Karla"}),
    ("mi agenda del sabado", "get_schedule", {"day": "sábado", "whose": "mía"}),
    (
        "agéndame a Ana para un corte mañana a las 5",
        "book_for_customer",
        {"service": "corte", "when": "mañana a las 5", "customer": "Ana"},
    ),
    (
        "agende a Jorge Méndez para corte de caballero el jueves a las 11, por favor",
        "book_for_customer",
        {"service": "Corte de caballero", "when": "el jueves a las 11", "customer": "Jorge Méndez"},
    ),
    (
        "agendame a ana un corte de dama mañana a las 5 con karla",
        "book_for_customer",
        {"service": "Corte de dama", "when": "mañana a las 5", "customer": "ana", "staff": "Karla"},
    ),
    ("llego una señora sin cita, manicure", "book_for_customer", {"service": "Manicure", "walk_in": True}),
    (
        "dile a Juan que llegue 10 minutos antes",
        "send_message_to_customer",
        {"customer": "Juan", "message": "Hola, Juan. Te pedimos que llegues 10 minutos antes."},
    ),
    (
        "dígale a Sofía Torres que su cita se mueve",
        "send_message_to_customer",
        {"customer": "Sofía Torres", "message": "Hola, Sofía. Tu cita se mueve."},
    ),
    (
        "mándale a Gabriela: ya está listo tu pedido",
        "send_message_to_customer",
        {"customer": "Gabriela", "message": "ya está listo tu pedido"},
    ),
    (
        "dile al de las 4 que lo espero 10 minutos más tarde",
        "send_message_to_customer",
        {"when": "las 4", "message": "Hola. Te espero 10 minutos más tarde."},
    ),
    ("cancela la cita de Jorge", "cancel_for_customer", {"customer": "Jorge"}),
    ("cancele por favor la de Sofía del miércoles", "cancel_for_customer", {"customer": "Sofía", "when": "miércoles"}),
    ("cancela la de las 4", "cancel_for_customer", {"when": "las 4"}),
    (
        "pasa la cita de Sofía al jueves a las 5",
        "reschedule_for_customer",
        {"customer": "Sofía", "new_when": "jueves a las 5"},
    ),
    (
        "recorre a Elena de las 4 a las 5",
        "reschedule_for_customer",
        {"customer": "Elena", "when": "las 4", "new_when": "a las 5"},
    ),
    (
        "mueve la cita de Claudia del viernes al sábado a las 10",
        "reschedule_for_customer",
        {"customer": "Claudia", "when": "viernes", "new_when": "sábado a las 10"},
    ),
    (
        "mi horario es de lunes a viernes de 10 a 6",
        "set_availability",
        {"days": "mi horario es de lunes a viernes de 10 a 6", "hours": "mi horario es de lunes a viernes de 10 a 6"},
    ),
    ("los martes no trabajo", "set_availability", {"days": "los martes no trabajo", "off": True}),
    (
        "karla trabaja los sábados de 9 a 1",
        "set_availability",
        {
            "days": "karla trabaja los sábados de 9 a 1",
            "hours": "karla trabaja los sábados de 9 a 1",
            "staff": "Karla",
        },
    ),
    ("el martes no trabajo", "block_time", {"when": "el martes"}),
    ("el sabado no vamos a abrir", "block_time", {"when": "el sábado", "whole_business": True}),
    ("el de las tres no llegó", "mark_appointment", {"outcome": "no_show", "when": "las tres"}),
    ("quien viene hoy", "get_schedule", {"day": "hoy"}),
    (
        "avisale a Claudia que voy 15 min tarde",
        "send_message_to_customer",
        {"customer": "Claudia", "message": "Hola, Claudia. Voy 15 min tarde."},
    ),
    (
        "el corte de dama ahora cuesta $300",
        "change_service",
        {"change": "update", "service": "Corte de dama", "price_pesos": 300.0},
    ),
    ("historial de Daniela Soto", "customer_history", {"customer": "Daniela Soto"}),
    ("cuantas veces ha venido Gabriela", "customer_history", {"customer": "Gabriela"}),
    ("sube el corte a $180", "change_service", {"change": "update", "service": "corte", "price_pesos": 180.0}),
    (
        "baja la manicure a $0",
        "change_service",
        {"change": "update", "service": "Manicure", "price_pesos": 0.0},
    ),
    (
        "agrega el servicio Masaje, 60 minutos, $400",
        "change_service",
        {"change": "add", "service": "Masaje", "price_pesos": 400.0, "minutes": 60},
    ),
    ("ya no hacemos manicure", "change_service", {"change": "retire", "service": "Manicure"}),
    (
        "agrega a Brenda al equipo 55 1234 5678",
        "add_staff",
        {"name": "Brenda", "phone": "55 1234 5678", "role": "staff"},
    ),
    ("quita a Karla del equipo", "remove_staff", {"name": "Karla"}),
    ("quítame del equipo", "remove_staff", {"name": "yo"}),
    ("haz a Karla administradora", "change_permission", {"name": "Karla", "role": "admin"}),
    ("cuánto vendimos esta semana", "get_stats", {"period": "esta semana"}),
]


@pytest.mark.parametrize(("text", "tool", "arguments"), CASES, ids=[case[0] for case in CASES])
def test_what_staff_write_becomes_one_call_with_their_own_words(
    text: str, tool: str, arguments: dict[str, Any]
) -> None:
    """Of tú or usted, with accents or without, with chat spelling."""
    assert called(ask(text)) == (tool, arguments)


@pytest.mark.parametrize(
    ("text", "actor", "action"),
    [
        ("sube el corte a $180", Actor.STAFF, "change_services"),
        ("cuánto vendimos hoy", Actor.STAFF, "see_stats"),
        ("haz a Karla administradora", Actor.ADMIN, "change_permissions"),
        ("los sábados cerramos a las 3", Actor.ADMIN, "change_hours"),
        ("bloquea mañana de 2 a 4", Actor.VIEWER, "block_own_time"),
        ("dile a Juan que ya venga", Actor.VIEWER, "message_customers"),
    ],
)
def test_what_a_role_has_no_tool_for_is_asked_about_as_a_permission(text: str, actor: Actor, action: str) -> None:
    """It is refused by the runtime, in its words, and not by the model."""
    assert called(ask(text, actor=actor)) == ("check_permission", {"action": action})


def test_the_words_of_a_tool_are_said_as_they_stand() -> None:
    """A result's text, or a refusal with its question and its times."""
    refusal = '{"error":{"code":"x","message":"No.","question":"¿Otro?","slots":[{"when":"lunes","staff":"Karla"}]}}'

    assert ask("x", results=('{"status":"done","text":"Listo, bloqueé."}',)).text == "Listo, bloqueé."
    assert ask("x", results=(refusal,)).text == "No.\n¿Otro?\n• lunes con Karla"
    assert ask("x", results=("garbage",)).text == "No pude hacerlo."


def test_an_answer_to_a_question_is_read_with_what_it_was_about() -> None:
    """Which service, which customer, which hours; a new wish is not."""
    service = ((True, "agéndame a Ana para un corte mañana a las 5"), (False, "Tenemos dos. ¿Cuál te gustaría?"))
    customer = ((True, "dile a Ana que ya venga"), (False, "Hay dos. ¿A cuál te refieres? Dime el nombre completo."))

    assert called(ask("de caballero", *service))[1]["service"] == "Corte de caballero"
    assert called(ask("Ana Ruiz", *customer))[1] == {
        "customer": "Ana Ruiz",
        "message": "Hola, Ana. Te pedimos que ya vengas.",
    }
    assert called(ask("bloquea mañana de 2 a 4", *service))[0] == "block_time"


@pytest.mark.parametrize("text", ["hola", "sí", "asdf", "te cuidas mucho"])
def test_what_wants_nothing_calls_nothing(text: str) -> None:
    """A yes that answers no question sets nothing going here either."""
    assert ask(text).text == HELP and not ask(text).calls
