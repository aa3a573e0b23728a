"""Conversations in which a customer asks for, cancels or moves appointments with the offline model."""

from __future__ import annotations

import msgspec
import pytest

from tests.sim.offline_salon import CORTE, GELISH, Line, Salon, Visit, perform

CANCEL, MOVE, CHECK, LIST = "cancel_appointment", "reschedule_appointment", "check_availability", "get_my_appointments"


class Change(msgspec.Struct, frozen=True):
    """A scripted change."""

    id: str
    lines: tuple[Line, ...]
    visits: tuple[Visit, ...] = (CORTE,)
    taken: tuple[str, ...] = ()


CHANGES = (
    Change(
        "cancel-the-only-one",
        (
            Line(
                "hola, quiero cancelar mi cita del viernes",
                (),
                contains=("viernes 16 de enero, 3:00 PM", "¿La cancelo?"),
            ),
            Line("sí, cancélala por favor", (CANCEL,), {"appointment_id": CORTE.id}, ("cancelada", "viernes 16")),
        ),
    ),
    Change(
        "cannot-come", (Line("no voy a poder ir, una disculpa", (), contains=("¿La cancelo?",)), Line("si", (CANCEL,)))
    ),
    Change(
        "take-it-away",
        (Line("se me complicó, mejor la quitamos", (), contains=("¿La cancelo?",)), Line("👍", (CANCEL,))),
    ),
    Change(
        "cancel-one-of-two",
        (
            Line("cancela mi cita", (), contains=("1) Corte de dama", "2) Gelish", "¿Cuál quieres cancelar?")),
            Line("la segunda", (), contains=("Gelish", "¿La cancelo?")),
            Line("sí por favor", (CANCEL,), {"appointment_id": GELISH.id}),
        ),
        visits=(CORTE, GELISH),
    ),
    Change(
        "cancel-by-service",
        (
            Line("canselame el gelish porfa", (), contains=("sábado 17 de enero, 11:00 AM", "¿La cancelo?")),
            Line("no, mejor no", (), contains=("la dejo como está",)),
        ),
        visits=(CORTE, GELISH),
    ),
    Change(
        "cancel-by-day",
        (Line("ya no voy a poder ir el sábado", (), contains=("Gelish", "¿La cancelo?")), Line("aja", (CANCEL,))),
        visits=(CORTE, GELISH),
    ),
    Change("nothing-to-cancel", (Line("quiero cancelar mi cita", (), contains=("No veo ninguna cita",)),), visits=()),
    Change(
        "instead-of-cancelling-move",
        (
            Line("quiero cancelar mi cita", (), contains=("¿La cancelo?",)),
            Line("mejor muévela al sábado a las 11", (MOVE,), {"when": "sábado a las 11"}, ("11:00 AM",)),
        ),
    ),
    Change(
        "an-hour-later",
        (Line("me la recorres una hora?", (MOVE,), {"when": "viernes 16 de enero, 4:00 PM"}, ("4:00 PM",)),),
    ),
    Change(
        "half-an-hour-earlier",
        (Line("la puedes adelantar media hora? digo mi cita", (MOVE,), {"when": "viernes 16 de enero, 2:30 PM"}),),
    ),
    Change(
        "to-thursday",
        (
            Line(
                "pásala pal jueves",
                (CHECK,),
                {"when": "el jueves a las 3:00 PM"},
                ("jueves 15 de enero, 3:00 PM", "¿La muevo?"),
            ),
            Line("sí", (MOVE,), {"when": "jueves 15 de enero, 3:00 PM", "appointment_id": CORTE.id}, ("jueves 15",)),
        ),
    ),
    Change(
        "another-day",
        (
            Line("mejor otro día", (), contains=("¿A qué día y hora la muevo?",)),
            Line("el sábado a las 11", (MOVE,), {"when": "el sábado a las 11"}, ("sábado 17 de enero, 11:00 AM",)),
        ),
    ),
    Change(
        "from-friday-to-saturday",
        (
            Line(
                "puedo cambiar mi cita del viernes al sábado?",
                (CHECK,),
                {"when": "sábado a las 3:00 PM"},
                ("¿La muevo?",),
            ),
            Line("no", (), lacks=("agendada",)),
        ),
    ),
    Change(
        "moved-to-a-taken-time",
        (
            Line("cambia mi cita a las 5", (MOVE,), contains=("ocupado", "1) viernes 16 de enero, 5:30 PM")),
            Line("la primera", (MOVE,), {"when": "viernes 16 de enero, 5:30 PM"}, ("5:30 PM",)),
        ),
        taken=("viernes 16 de enero, 5:00 PM",),
    ),
    Change(
        "which-one-to-move",
        (
            Line("quiero reagendar mi cita", (), contains=("¿Cuál quieres mover?",)),
            Line("la del gelish", (), contains=("Gelish", "¿A qué día y hora la muevo?")),
            Line("el lunes 19 a las 10", (MOVE,), {"appointment_id": GELISH.id}, ("lunes 19 de enero, 10:00 AM",)),
        ),
        visits=(CORTE, GELISH),
    ),
    Change("when-is-it", (Line("cuándo es mi cita?", (LIST,), contains=("viernes 16 de enero, 3:00 PM",)),)),
    Change(
        "list-them", (Line("consultar mis citas", (LIST,), contains=("1) Corte", "2) Gelish")),), visits=(CORTE, GELISH)
    ),
    Change("none-to-list", (Line("tengo cita?", (LIST,), contains=("No veo ninguna",)),), visits=()),
    Change("who-serves-me", (Line("con quién me toca?", (), contains=("Lupita",)),)),
    Change("late", (Line("voy en camino, llego 10 min tarde", (), lacks=("¿La", "cancel")),)),
)


@pytest.mark.parametrize("case", CHANGES, ids=lambda case: case.id)
async def test_a_change_goes_as_scripted(case: Change) -> None:
    """Nothing is cancelled before a yes; a move uses the words said, or the appointment's own hour."""
    salon = Salon(customer="Ana López", visits=case.visits, taken=case.taken)

    await perform(salon, case.lines)


async def test_cancelling_while_booking_with_no_appointment_drops_the_booking() -> None:
    """`cancela` in the middle of a booking means the booking, when there is nothing else to cancel."""
    salon = Salon(customer="Ana")
    await salon.say("corte de dama mañana a las 4")

    reply = await salon.say("cancela")

    assert reply.names == [] and "no agendo nada" in reply.text


async def test_somebody_elses_appointment_is_not_touched() -> None:
    """A name that is not the customer's own gets a polite refusal and no tool call."""
    salon = Salon(customer="Ana", visits=(CORTE,))

    reply = await salon.say("cancela la cita de Pedro")

    assert reply.names == []
    assert "propias citas" in reply.text
