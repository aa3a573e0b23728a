"""What the team orders of Parlo besides serving customers: their day by chat, as staff do in between.

Drawn apart from everything else, so that an order more does not change who else there is in a world.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random

import msgspec

from runtime.domain.enums import StaffRole
from sim.simulation.manners import Chat
from sim.virtual_time import derive_seed
from sim.worlds import Organization

_SHARE = 0.5
_MOST = 3
_WITHIN_S = 150.0
_READS_S = (4.0, 12.0)
"""How long somebody looks at an answer before they say yes to it."""


class Errand(msgspec.Struct, frozen=True):
    """One order: when it is written, and its lines one after another."""

    at_s: float
    lines: tuple[str, ...]


class Around(msgspec.Struct, frozen=True):
    """Whom and what an order may name: the business, its customers by name, and days with hours in words."""

    business: Organization
    customers: tuple[str, ...]
    slots: tuple[str, ...]


_Draw = Callable[[Random, Around], tuple[str, ...]]

_ORDERS: Sequence[_Draw] = (
    lambda random, around: (random.choice(("qué tengo hoy", "¿qué sigue?", "pásame la agenda de mañana")),),
    lambda random, around: ("bloquea mañana de 1 a 2", *random.choice(((), ("deshaz",)))),
    lambda random, around: (
        f"agéndame a {random.choice(around.customers)} para {random.choice(around.business.services).name.lower()} "
        f"{random.choice(around.slots)}",
        "sí",
    ),
    lambda random, around: (f"cancela la cita de {random.choice(around.customers)}", random.choice(("sí", "no"))),
    lambda random, around: (
        f"pasa la cita de {random.choice(around.customers)} para {random.choice(around.slots)}",
        "sí",
    ),
    lambda random, around: (f"dile a {random.choice(around.customers)} que llegue 10 minutos antes", "sí", "sí"),
    lambda random, around: (f"dile a {random.choice(around.customers)} que traiga efectivo", "mejor no", "sí"),
)


def draw_errands(seed: int, phone: str, role: StaffRole, around: Around) -> tuple[Errand, ...]:
    """What whoever has this phone orders; half of the team orders nothing."""
    random = Random(derive_seed(seed, "errands", phone))
    if random.random() >= _SHARE or not around.customers:
        return ()
    drawn = [random.choice(_ORDERS)(random, around) for _ in range(random.randrange(1, _MOST + 1))]
    if role is not StaffRole.OWNER:
        # an owner's alone: it has to be refused
        drawn.append((f"sube {random.choice(around.business.services).name.lower()} a $999",))
    return tuple(sorted((Errand(random.uniform(0.0, _WITHIN_S), lines) for lines in drawn), key=lambda it: it.at_s))


async def run_errands(chat: Chat, errands: Sequence[Errand], seed: int, phone: str) -> None:
    """Write them, one after another."""
    random = Random(derive_seed(seed, "pauses", phone))
    passed_s = 0.0
    for errand in errands:
        await asyncio.sleep(max(0.0, errand.at_s - passed_s))
        passed_s = max(passed_s, errand.at_s)
        for number, line in enumerate(errand.lines):
            if number:
                pause_s = random.uniform(*_READS_S)
                await asyncio.sleep(pause_s)
                passed_s += pause_s
            chat.say(line)
