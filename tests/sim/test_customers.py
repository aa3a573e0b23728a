"""The simulated customer: what she reads out of a recording, what she says to what, and where she is at fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.customers import (
    Exchange,
    Goal,
    SimulatedCustomer,
    Style,
    Want,
    find_fault,
    make_customer,
    read_goal,
    read_style,
)
from sim.divergence import Now
from sim.transcripts import load_transcripts

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "transcripts"
WHEN = "martes 13 de enero, 4:00 PM"
BOOK = Goal(want=Want.BOOK, name="Ana López", service="Corte de dama", staff="Lupita", when=WHEN, patience=6)
CANCEL = Goal(want=Want.CANCEL, name="Ana López", when=WHEN)
SUMMARY = "Te confirmo los datos:\nServicio: {}\nCuándo: {}\n¿La agendo?"


def answer(goal: Goal, *told: str) -> list[str | None]:
    customer = SimulatedCustomer(goal, Style())
    return [customer.answer(Now(texts=(text,))) for text in told]


@pytest.mark.parametrize(
    ("file", "person", "goal"),
    [
        ("reservar/simple", "ana", (Want.BOOK, "Corte de dama", "Lupita", WHEN)),
        ("mover/al-jueves", "sofia", (Want.MOVE, "Corte de dama", "Lupita", "jueves 15 de enero, 4:00 PM")),
        ("cancelar/una", "sofia", (Want.CANCEL, "Corte de dama", "Lupita", "miércoles 14 de enero, 4:00 PM")),
        ("relevo/1-inicio", "valeria", (Want.PERSON, "", "", "")),
        ("preguntar/varias", "ana", (Want.ASK, "", "", "")),
    ],
)
def test_what_somebody_wants_is_read_from_what_was_left(
    file: str, person: str, goal: tuple[Want, str, str, str]
) -> None:
    transcript = load_transcripts([FIXTURES / f"{file}.jsonl"])[0]

    found = read_goal(transcript, person, 0)

    assert (found.want, found.service, found.staff, found.when) == goal


def test_how_somebody_writes_is_read_from_their_lines() -> None:
    assert read_style(["HOLA, QUIERO UN CORTE MAÑANA A LAS CUATRO"]) == Style(shouts=True, bare=True)
    assert read_style(["hola", "si", "a las 4"]) == Style(small=True, bare=True, brief=True)
    assert read_style([]) == Style()
    assert Style(small=True, bare=True).dress("¿Sábado a las 4:00 PM?") == "sabado a las 4:00 pm?"


@pytest.mark.parametrize(
    ("goal", "told", "said"),
    [
        (BOOK, "¿A nombre de quién queda?", "Ana López"),
        (BOOK, "¿Qué servicio te gustaría?", "corte de dama"),
        (BOOK, "¿Qué día y a qué hora te gustaría venir?", "martes 13 de enero a las 4:00 PM"),
        (BOOK, SUMMARY.format("Corte de dama", WHEN), "sí"),
        (BOOK, SUMMARY.format("Corte de dama", "jueves 15 de enero, 4:00 PM"), "no, martes 13 de enero a las 4:00 PM"),
        (BOOK, SUMMARY.format("Gelish", WHEN), "no, martes 13 de enero a las 4:00 PM"),
        (BOOK, f"Está ocupado:\n1) martes 13 de enero, 5:00 PM\n2) {WHEN} con Karla\n¿Cuál?", "2"),
        (BOOK, "Está ocupado:\n1) jueves 15 de enero, 5:00 PM\n2) martes 13 de enero, 6:00 PM\n¿Cuál?", "2"),
        (BOOK, "Está ocupado:\n1) jueves 15 de enero, 5:00 PM\n¿Cuál?", "no, gracias"),
        (BOOK, f"¡Listo! Tu cita de Corte de dama quedó agendada para el {WHEN}.", "gracias"),
        (BOOK, "¿En qué te ayudo?", "quiero corte de dama martes 13 de enero a las 4:00 PM con Lupita"),
        (CANCEL, f"Tu cita de Corte de dama es el {WHEN}. ¿La cancelo?", "sí"),
        (CANCEL, "¿Quieres que te agende una cita?", "quiero cancelar mi cita"),
        (CANCEL, f"Listo, tu cita del {WHEN} quedó cancelada.", "gracias"),
        (Goal(want=Want.PERSON), "¿En qué te ayudo?", "quiero hablar con una persona"),
        (Goal(want=Want.ASK, questions=("¿y abren el domingo?",)), "Cuesta $280.", "¿y abren el domingo?"),
    ],
)
def test_she_answers_from_what_she_wants(goal: Goal, told: str, said: str) -> None:
    assert answer(goal, told) == [said]


def test_she_stops_when_she_has_it_and_when_she_has_had_enough() -> None:
    """Politely; and whoever is put through to a person has nothing more to say to an assistant."""
    enough = answer(BOOK, *["No te entiendo."] * 5)
    tired = answer(BOOK, *["¿A nombre de quién?"] * 8)

    assert enough[2:] == ["bueno, luego escribo, gracias", None, None]
    assert tired[BOOK.patience - 1 :] == ["bueno, luego escribo, gracias", None, None]
    customer = SimulatedCustomer(CANCEL, Style())
    assert customer.answer(Now(texts=("Te comunico con Lupita.",), with_human=True)) == "gracias"
    assert customer.answer(Now()) is None


def test_a_time_she_has_taken_is_what_she_wants_from_then_on() -> None:
    """And of her own appointments she picks the one she wants to move, not the day she wants to move it to."""
    offers = "Está ocupado:\n1) martes 13 de enero, 5:00 PM con Karla\n¿Cuál?"
    booked = "¡Listo! Tu cita de Corte de dama quedó agendada para el martes 13 de enero, 5:00 PM."
    move = Goal(want=Want.MOVE, service="Gelish", when="sábado 17 de enero, 9:00 AM")
    hers = "1) Gelish, jueves 15 de enero, 12:00 PM\n2) Peinado, sábado 17 de enero, 9:00 AM\n¿Cuál quieres mover?"

    assert answer(BOOK, offers, booked) == ["1", "gracias"]
    assert answer(move, hers, "¿A qué día y hora la muevo?") == ["1", "sábado 17 de enero a las 9:00 AM"]


@pytest.mark.parametrize(
    ("goal", "exchanges", "fault"),
    [
        (BOOK, [("¿A nombre de quién?", "Ana López")] * 3, "said 'ana lopez' 3 times"),
        (BOOK, [("¿A nombre de quién?", "Ana López")] * 2, None),
        (BOOK, [("¿A nombre de quién?", "Lucía")], "gave another name"),
        (BOOK, [("¿La cancelo?", "sí")], "wants to book and agreed to cancel"),
        (BOOK, [("¿La cancelo?", "no")], None),
        (BOOK, [(SUMMARY.format("Corte de dama", "jueves 15 de enero, 4:00 PM"), "va")], "agreed to another day"),
        (BOOK, [(SUMMARY.format("Corte de dama", "martes 13 de enero, 6:00 PM"), "sí")], None),
        (CANCEL, [("¿La agendo?", "sí")], "wants to cancel and agreed to book"),
    ],
)
def test_what_she_should_not_have_said_is_her_fault(
    goal: Goal, exchanges: list[tuple[str, str]], fault: str | None
) -> None:
    """Judged by lines alone, whoever wrote them."""
    found = find_fault(goal, [Exchange(*each) for each in exchanges])

    assert (found is None) if fault is None else (found is not None and fault in found)


def test_nobody_carries_on_where_others_have_lines_left() -> None:
    """What an owner says then was said to somebody else's question."""
    alone = load_transcripts([FIXTURES / "reservar" / "simple.jsonl"])[0]
    several = load_transcripts([FIXTURES / "relevo" / "3-duena-a-clienta.jsonl"])[0]

    assert make_customer(alone, "ana", 2) is not None
    assert make_customer(several, "valeria", 0) is None
    assert make_customer(several, "lupita", 0) is None
