"""What a human orders in a handoff with fixed words or buttons: decided here, without a model.

A command is a whole message. Whatever has more in it than the command is left to be judged, so that
"no puedo hoy, ¿te queda mañana?" reaches the customer. Which commands count depends on the handoff's state, which is
the caller's to know.
"""

from __future__ import annotations

import re
from enum import StrEnum
from uuid import UUID

import msgspec

from runtime.domain.ids import HandoffId
from runtime.domain.spanish.folding import fold_words


class Order(StrEnum):
    """What is ordered."""

    TAKE = "take"
    DECLINE = "decline"
    SNOOZE = "snooze"
    PASS_ON = "pass_on"
    LINE = "line"
    UNDO = "undo"
    SEND = "send"
    END = "end"
    HELP = "help"


class Command(msgspec.Struct, frozen=True):
    """An order, about whom, and of which handoff where a button says so.

    Attributes:
        name: As it was written: of a customer to take, or of a human to pass on to.
        by_button: A button cannot mean anything else, whatever the state.
    """

    order: Order
    name: str | None = None
    handoff_id: HandoffId | None = None
    by_button: bool = False


_BUTTONS = {"take": Order.TAKE, "snz": Order.SNOOZE, "dec": Order.DECLINE, "end": Order.END, "undo": Order.UNDO}

_WORDS: dict[str, Order] = {
    **dict.fromkeys(("tomar", "la tomo", "lo tomo", "yo la atiendo", "yo lo atiendo", "yo atiendo"), Order.TAKE),
    **dict.fromkeys(("no puedo", "ahorita no puedo", "ahora no puedo", "rechazar"), Order.DECLINE),
    **dict.fromkeys(
        ("15", "15 min", "15 minutos", "en 15", "en 15 min", "en 15 minutos", "dame 15", "dame 15 minutos"),
        Order.SNOOZE,
    ),
    **dict.fromkeys(("fila", "ver fila", "quien espera", "quien sigue"), Order.LINE),
    **dict.fromkeys(("deshacer", "deshaz"), Order.UNDO),
    **dict.fromkeys(("enviar", "envialo", "enviaselo", "mandalo", "mandaselo", "si envialo"), Order.SEND),
    **dict.fromkeys(("ayuda", "comandos"), Order.HELP),
}
_LONGEST = 100
# a customer's name is one to four words; more is a sentence
_NAMED = re.compile(r"(?P<verb>tomar|pasar|pasasela|pasala|pasalo)(?: (?:a|con|al|para))* (?P<name>\w+(?: \w+){0,3})")


def read_button(payload: str) -> Command | None:
    """The order of a button's payload, such as `take:<handoff id>`; None for a payload that is not of a handoff."""
    name, _, rest = payload.partition(":")
    order = _BUTTONS.get(name.strip().lower())
    if order is None:
        return None
    try:
        return Command(order, handoff_id=HandoffId(UUID(rest.strip())), by_button=True)
    except ValueError:
        return None


def read_command(text: str) -> Command | None:
    """The order a message is, when it is nothing but an order."""
    if len(text) > _LONGEST:
        return None
    folded = fold_words(text.strip().lstrip("/"))
    if folded in _WORDS:
        return Command(_WORDS[folded])
    named = _NAMED.fullmatch(folded)
    if named is None:
        return Command(Order.PASS_ON) if folded == "pasar" else None
    order = Order.TAKE if named["verb"] == "tomar" else Order.PASS_ON
    return Command(order, name=named["name"])


_LEAVING = frozenset(
    {
        "salir",
        "salir de la fila",
        "ya no quiero esperar",
        "ya no espero",
        "mejor ya no",
        "cancelar espera",
        "quiero seguir con el asistente",
        "prefiero el asistente",
        "mejor el asistente",
        "mejor sigo con el asistente",
    }
)


def is_leaving(text: str) -> bool:
    """Whether a customer says, and says nothing else, that they no longer want to wait for a person or talk to one."""
    return len(text) <= _LONGEST and fold_words(text) in _LEAVING


_ASKING = frozenset(
    {
        "persona",
        "una persona",
        "humano",
        "un humano",
        "asesor",
        "asesora",
        "un asesor",
        "una asesora",
        "agente",
        "un agente",
        "operador",
        "operadora",
        "persona real",
        "una persona real",
    }
)
HUMAN_BUTTON = "human"
"""Payload of a button with which a customer asks for a person."""


def is_asking(text: str, payload: str = "") -> bool:
    """Whether a customer asks for a person with a fixed word or a button, and with nothing else."""
    return payload.partition(":")[0] == HUMAN_BUTTON or (len(text) <= _LONGEST and fold_words(text) in _ASKING)
