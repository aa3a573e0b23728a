"""Where a simulated customer did not keep to what they want: their fault then, and no measure of the system.

It judges lines and not the code that wrote them, so that another customer behind the same words can be judged too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from runtime.domain.spanish.folding import fold, fold_words
from sim.customers.goal import Goal, Want
from sim.divergence.words import Asks, agrees, list_asked

REPEATS = 3
"""So often may nobody say the same."""

MOMENT = re.compile(
    r"((?:lunes|martes|miercoles|jueves|viernes|sabado|domingo) \d{1,2} de [a-z]+), (\d{1,2}:\d\d [ap]m)"
)
_ASKED_ABOUT = {
    Want.CANCEL: re.compile(r"la cancelo|que (?:la )?cancele"),
    Want.MOVE: re.compile(r"la (?:muevo|cambio)|que la (?:mueva|cambie)"),
    Want.BOOK: re.compile(r"(?:la|lo|te) agendo"),
}


class Exchange(msgspec.Struct, frozen=True):
    """What somebody was told, and what they said to it."""

    heard: str
    said: str


def find_fault(goal: Goal, exchanges: Sequence[Exchange]) -> str | None:
    """What a customer with this goal should not have said, or None."""
    said = [fold_words(each.said) for each in exchanges]
    for line in said:
        if said.count(line) >= REPEATS:
            return f"said {line!r} {said.count(line)} times"
    for each in exchanges:
        problem = _find_contradiction(goal, each)
        if problem is not None:
            return f"{problem}: {each.said!r} to {' '.join(each.heard.split())[-120:]!r}"
    return None


def _find_contradiction(goal: Goal, exchange: Exchange) -> str | None:
    heard = fold(exchange.heard)
    if list_asked([exchange.heard])[-1:] == [Asks.NAME]:
        given = set(fold_words(exchange.said).split())
        return None if given & set(fold_words(goal.name).split()) or not goal.name else "gave another name"
    if not agrees(exchange.said):
        return None
    about = next((want for want, pattern in _ASKED_ABOUT.items() if pattern.search(heard)), None)
    if about is None:
        return None
    if about is not goal.want and not (goal.want is Want.MOVE and about is Want.BOOK):
        return f"wants to {goal.want} and agreed to {about}"
    days = {found[0] for found in MOMENT.findall(heard)}
    if goal.when and days and fold(goal.when).split(",")[0] not in days:
        return f"wants {goal.when} and agreed to another day"
    return None
