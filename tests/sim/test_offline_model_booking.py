"""Conversations in which a customer books with the offline model."""

from __future__ import annotations

import msgspec
import pytest

from tests.sim.offline_salon import CORTE, Line, Salon, Visit, perform

CHECK, BOOK, NAME = "check_availability", "book_appointment", "update_customer_info"
MARTES_4 = "martes 13 de enero, 4:00 PM"
VIERNES_4 = "viernes 16 de enero, 4:00 PM"


class Booking(msgspec.Struct, frozen=True):
    """A scripted booking."""

    id: str
    lines: tuple[Line, ...]
    customer: str = "Ana López"
    taken: tuple[str, ...] = ()
    visits: tuple[Visit, ...] = ()


BOOKINGS = (
    Booking(
        "new-customer",
        (
            Line("hola, quiero un corte de dama mañana a las 4", (CHECK,), contains=(MARTES_4, "¿A nombre de quién")),
            Line("Ana López", (NAME,), {"name": "Ana López"}, ("Corte de dama", MARTES_4, "$250", "Ana López")),
            Line("sí", (BOOK,), {"when": MARTES_4, "customer_name": "Ana López"}, (MARTES_4, "agendada")),
            Line("gracias!", (), contains=("Ana",)),
        ),
        customer="",
    ),
    Booking(
        "step-by-step",
        (
            Line("hola", (), contains=("Ana", "¿En qué te ayudo?")),
            Line("quiero una cita", (), contains=("¿Qué servicio",)),
            Line("corte", (), contains=("Corte de dama o Corte de caballero",)),
            Line("de dama", (), contains=("¿Qué día",)),
            Line("el viernes", (CHECK,), {"service": "Corte de dama", "when": "el viernes"}, ("1) viernes 16",)),
            Line("la segunda", (), contains=("10:00 AM", "¿La agendo?")),
            Line("sip", (BOOK,), {"when": "viernes 16 de enero, 10:00 AM", "customer_name": None}),
            Line("👍", ()),
        ),
    ),
    Booking(
        "everything-in-one-message",
        (
            Line(
                "Hola, quiero agendar un corte de caballero con Karla para mañana a las 10 am, soy Miguel López",
                (NAME, CHECK),
                {"service": "Corte de caballero", "when": "mañana a las 10 am", "staff": "Karla"},
                ("Con: Karla", "Miguel López", "¿La agendo?"),
            ),
            Line("si porfa", (BOOK,), {"staff": "Karla", "when": "martes 13 de enero, 10:00 AM"}),
        ),
        customer="",
    ),
    Booking(
        "a-burst-of-bubbles",
        (
            Line("hola\nquiero un gelish\npal viernes\na las 4 porfa", (CHECK,), {"when": "el viernes a las 4"}),
            Line("sí\ngracias", (BOOK,), {"when": VIERNES_4, "staff": "Karla"}),
        ),
    ),
    Booking(
        "slang-and-slips",
        (
            Line("kiero un tinte xfa", (), contains=("Tinte completo", "¿Qué día")),
            Line("el juevs x la tarde", (CHECK,), contains=("jueves 15 de enero",)),
            Line("la 1", (), contains=("¿La agendo?",)),
            Line("simon", (BOOK,)),
        ),
    ),
    Booking(
        "questions-on-the-way",
        (
            Line("quiero peinarme", (), contains=("Peinado", "¿Qué día")),
            Line("cuánto cuesta?", (), contains=("$350", "¿Qué día")),
            Line("y dónde están?", (), contains=("Av. Juárez 123", "¿Qué día")),
            Line("mañana a las 11", (CHECK,), contains=("11:00 AM", "¿La agendo?")),
            Line("a qué hora cierran?", (), contains=("7:00 PM", "¿La agendo?")),
            Line("va, agéndala", (BOOK,), {"when": "martes 13 de enero, 11:00 AM"}),
        ),
    ),
    Booking(
        "changes-of-mind",
        (
            Line("corte de dama el viernes a las 4", (CHECK,), contains=(VIERNES_4,)),
            Line("mejor a las 5", (CHECK,), contains=("viernes 16 de enero, 5:00 PM",)),
            Line("no, el jueves", (CHECK,), contains=("jueves 15 de enero, 5:00 PM",)),
            Line("con karla porfa", (CHECK,), {"staff": "Karla"}, ("Con: Karla",)),
            Line("mejor un peinado", (CHECK,), {"service": "Peinado"}, ("Servicio: Peinado", "5:00 PM")),
            Line("sí", (BOOK,), {"service": "Peinado", "when": "jueves 15 de enero, 5:00 PM", "staff": "Karla"}),
        ),
    ),
    Booking(
        "no-to-the-summary",
        (
            Line("corte de dama viernes a las 4", (CHECK,)),
            Line("no", (), contains=("¿Qué te gustaría cambiar",)),
            Line("la hora", (CHECK,), {"when": "viernes 16 de enero"}),
            Line("a las 6", (CHECK,), contains=("6:00 PM", "¿La agendo?")),
            Line("ok", (BOOK,), {"when": "viernes 16 de enero, 6:00 PM"}),
        ),
    ),
    Booking(
        "taken-then-another",
        (
            Line("ay cita pa mañana a las 4? corte de dama", (CHECK,), contains=("ocupado", "1) ", "¿Cuál te queda")),
            Line("la de las 5", (), contains=("5:00 PM", "¿La agendo?")),
            Line("dale", (BOOK,), {"when": "martes 13 de enero, 5:00 PM"}),
        ),
        taken=(MARTES_4,),
    ),
    Booking(
        "none-of-the-offers",
        (
            Line("manicure mañana", (CHECK,), contains=("1) martes 13",)),
            Line("ninguna, gracias", (), contains=("¿Qué otro día u hora",)),
            Line("el sábado a las 10", (CHECK,), contains=("sábado 17 de enero, 10:00 AM",)),
        ),
    ),
    Booking(
        "closed-day",
        (
            Line("corte de dama el domingo", (CHECK,), contains=("cerrado", "lunes 19 de enero")),
            Line("el lunes a las 9", (), contains=("lunes 19 de enero, 9:00 AM",)),
            Line("esa", (BOOK,)),
        ),
    ),
    Booking(
        "as-soon-as-possible",
        (
            Line("quiero un gelish lo antes posible", (CHECK,), {"when": None}, ("1) ",)),
            Line("cualquiera", (), contains=("lunes 12 de enero, 10:30 AM", "¿La agendo?")),
        ),
    ),
    Booking(
        "time-before-service",
        (
            Line("tienes espacio hoy como a las 4?", (), contains=("¿Qué servicio",)),
            Line("uñas de gel", (CHECK,), {"service": "Gelish", "when": "hoy como a las 4"}, ("4:00 PM",)),
        ),
    ),
    Booking(
        "for-an-aunt",
        (
            Line("es para mi tía Claudia, un peinado el sábado a las 10", (CHECK,), contains=("Claudia", "Ana López")),
            Line("si", (BOOK,), {"customer_name": None}),
        ),
    ),
    Booking(
        "for-an-aunt-by-a-stranger",
        (
            Line(
                "una cita de manicure para mi tía Claudia mañana a las 10", (CHECK,), contains=("A nombre de: Claudia",)
            ),
            Line("si", (BOOK,), {"customer_name": "Claudia"}),
        ),
        customer="",
    ),
    Booking(
        "somebody-who-does-not-work-here",
        (
            Line("corte de dama con Brandon el viernes a las 4", (), contains=("Brandon", "Lupita o Karla")),
            Line("con karla", (CHECK,), {"staff": "Karla", "when": "el viernes a las 4"}),
        ),
    ),
    Booking(
        "a-service-they-do-not-have",
        (
            Line("quiero agendar un masaje", (), contains=("no manejamos masajes", "Corte de dama")),
            Line("bueno, un corte de dama mañana a las 4", (CHECK,), contains=("4:00 PM",)),
        ),
    ),
    Booking(
        "gives-up",
        (
            Line("corte de dama viernes a las 4", (CHECK,)),
            Line("olvídalo, mejor no", (), contains=("no agendo nada",), lacks=("¿La agendo?",)),
            Line("gracias", (), lacks=("?",)),
        ),
    ),
    Booking(
        "which-monday",
        (
            Line("cita de peinado para el lunes a las 5 y media", (CHECK,), contains=("hoy lunes 12", "lunes 19")),
            Line("el 19", (CHECK,), contains=("lunes 19 de enero, 5:30 PM",)),
        ),
    ),
    Booking(
        "yes-does-not-give-a-name",
        (
            Line("corte de dama mañana a las 4", (CHECK,), contains=("¿A nombre de quién",)),
            Line("sí", (), contains=("¿A nombre de quién",), lacks=("A nombre de: Sí",)),
            Line("soy jose", (NAME,), contains=("A nombre de: Jose",)),
        ),
        customer="",
    ),
    Booking(
        "morning-or-evening-said-later",
        (
            Line("quiero un peinado mañana en la tarde", (CHECK,)),
            Line("a las 4", (CHECK,), {"when": "mañana a las 4 en la tarde"}, (MARTES_4,)),
        ),
    ),
    Booking(
        "english",
        (
            Line("Hi, can I book a haircut tomorrow at 5 pm?", (), contains=("Corte de dama o Corte de caballero",)),
            Line("men", (CHECK,), {"when": "mañana a las 5 pm"}),
        ),
    ),
    Booking(
        "another-one-besides-the-first",
        (Line("quiero otra cita, gelish el martes a las 5", (CHECK,), contains=("martes 13 de enero, 5:00 PM",)),),
        visits=(CORTE,),
    ),
)


@pytest.mark.parametrize("case", BOOKINGS, ids=lambda case: case.id)
async def test_a_booking_goes_as_scripted(case: Booking) -> None:
    """Tools are called with the customer's own words, and each answer carries what it must."""
    salon = Salon(customer=case.customer, taken=case.taken, visits=case.visits)

    await perform(salon, case.lines)


async def test_a_slot_lost_between_summary_and_yes_is_answered_with_others() -> None:
    """The refusal of `book_appointment` is told, with its slots to choose from."""
    salon = Salon(customer="Ana")
    await salon.say("corte de dama mañana a las 4")
    salon.taken.add(MARTES_4)

    reply = await salon.say("sí")

    assert reply.names == [BOOK]
    assert "ocupado" in reply.text and "1) " in reply.text and "agendada" not in reply.text


async def test_prices_and_times_come_from_the_prompt_or_a_tool() -> None:
    """Nothing with a dollar sign or a clock is said that was not in what the model was given."""
    salon = Salon(customer="Ana", services={"Corte de dama": ("45 min", "$999", ("Lupita",))})

    reply = await salon.say("corte mañana a las 4")

    assert "$999" in reply.text and reply.text.count("$") == 1
    assert MARTES_4 in reply.text


async def test_the_same_conversation_gives_the_same_words() -> None:
    """Variety in phrasing comes from the request alone."""
    messages = ("hola", "quiero un peinado", "mañana a las 4", "sí", "gracias")

    texts = [[(await salon.say(m)).text for m in messages] for salon in (Salon(customer="Ana"), Salon(customer="Ana"))]

    assert texts[0] == texts[1]
