"""Orders in a handoff: what is one, what only looks like one, and what a customer says to leave or to ask."""

from __future__ import annotations

from uuid import UUID

import pytest

from runtime.domain.ids import HandoffId
from runtime.domain.spanish.handoff_commands import (
    Command,
    Order,
    is_asking,
    is_leaving,
    read_button,
    read_command,
)

HANDOFF = HandoffId(UUID(int=7))


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("tomar", Command(Order.TAKE)),
        ("/Tomar", Command(Order.TAKE)),
        ("TOMAR.", Command(Order.TAKE)),
        ("tomar a Ana López", Command(Order.TAKE, name="ana lopez")),
        ("tomar 55 1234 5678", Command(Order.TAKE, name="55 1234 5678")),
        ("no puedo", Command(Order.DECLINE)),
        ("15 min", Command(Order.SNOOZE)),
        ("en 15 minutos", Command(Order.SNOOZE)),
        ("pasar con Rosa", Command(Order.PASS_ON, name="rosa")),
        ("pásala a Rosa", Command(Order.PASS_ON, name="rosa")),
        ("pasar", Command(Order.PASS_ON)),
        ("¿Quién espera?", Command(Order.LINE)),
        ("deshacer", Command(Order.UNDO)),
        ("enviar", Command(Order.SEND)),
        ("ayuda", Command(Order.HELP)),
    ],
)
def test_an_order_is_a_whole_message(text: str, command: Command) -> None:
    """However it is dotted, with a slash or without."""
    assert read_command(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "no puedo hoy, ¿te queda mañana?",
        "ya puedes tomar asiento cuando llegues, te esperamos",
        "te espero en 15 min en la entrada",
        "listo",
        "",
        "/",
        "tomar " + "x" * 200,
        "x" * 100_000,
    ],
)
def test_whatever_holds_more_than_an_order_is_none(text: str) -> None:
    """It is left to be judged, so that it can reach the customer."""
    assert read_command(text) is None


@pytest.mark.parametrize(
    ("payload", "order"),
    [("take", Order.TAKE), ("snz", Order.SNOOZE), ("dec", Order.DECLINE), ("end", Order.END), ("undo", Order.UNDO)],
)
def test_a_button_says_which_handoff_it_means(payload: str, order: Order) -> None:
    """And cannot mean anything else."""
    assert read_button(f"{payload}:{HANDOFF}") == Command(order, handoff_id=HANDOFF, by_button=True)


@pytest.mark.parametrize(
    "payload", ["", "take", "take:", "take:ana", "chg:1", "take:7; drop table handoffs", ":", "human"]
)
def test_a_payload_that_is_none_of_ours_is_no_order(payload: str) -> None:
    """A person may send any payload they like."""
    assert read_button(payload) is None


@pytest.mark.parametrize("text", ["salir", "Salir de la fila", "SALIR!", "mejor el asistente", "ya no quiero esperar."])
def test_a_customer_leaves_with_fixed_words(text: str) -> None:
    """Alone in a message."""
    assert is_leaving(text)


@pytest.mark.parametrize("text", ["voy a salir tarde", "¿a qué hora puedo salir?", "cancelar", "", "fin"])
def test_other_words_do_not_take_a_customer_out_of_the_line(text: str) -> None:
    """They are passed on."""
    assert not is_leaving(text)


@pytest.mark.parametrize(
    ("text", "payload"), [("Persona", ""), ("un asesor", ""), ("Hablar con alguien", "human:1"), ("", "human")]
)
def test_a_person_is_asked_for_with_one_word_or_a_button(text: str, payload: str) -> None:
    """No model is needed for it."""
    assert is_asking(text, payload)


@pytest.mark.parametrize(
    "text", ["somos dos personas", "para una persona por favor", "la persona de siempre", "humanos", ""]
)
def test_a_word_within_a_sentence_is_not_enough(text: str) -> None:
    """That is for whoever reads sentences."""
    assert not is_asking(text)
