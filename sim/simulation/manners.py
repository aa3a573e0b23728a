"""What some people do besides what they want, without which breakages would go unseen: draws, and the playing of it.

Drawn apart from everything else, so that a manner more does not change who else there is in a world.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from random import Random
from typing import Protocol

import msgspec

from sim.simulation.metering import POISON
from sim.twilio.messages import SentRecord
from sim.virtual_time import derive_seed
from sim.worlds import Organization

_TIRESOME_S = 240.0
"""By then what cannot be answered has been given up."""
_EAGER = 32
_EAGER_PAUSE_S = 4.0


class Manner(StrEnum):
    """How somebody writes.

    Attributes:
        PLAIN: As one does.
        ODD: What cannot be stored, and what no model answers.
        EAGER: Question upon question, each a call of a tool.
        LEAVES: Wants no more messages, and writes all the same.
    """

    PLAIN = "plain"
    ODD = "odd"
    EAGER = "eager"
    LEAVES = "leaves"


_HOW_MANY = {Manner.ODD: 6, Manner.EAGER: 3, Manner.LEAVES: 6}
"""Of a hundred people."""


class Chat(Protocol):
    """Somebody's phone."""

    def say(self, text: str) -> None:
        """Write something."""
        ...

    async def wait(self, seconds: float) -> list[SentRecord]:
        """What comes within so many seconds."""
        ...


def draw_manner(seed: int, phone: str) -> Manner:
    """The manner of whoever has this phone."""
    drawn = Random(derive_seed(seed, "manner", phone)).randrange(100)
    for manner, share in _HOW_MANY.items():
        if drawn < share:
            return manner
        drawn -= share
    return Manner.PLAIN


def draw_walls(seed: int) -> bool:
    """Whether the database's own policies hold; in one world of three the code's filters must do alone."""
    return Random(derive_seed(seed, "walls")).random() < 2 / 3


def draw_chairs(seed: int, organization: Organization) -> Organization:
    """The business with one chair that every service needs, in one of three."""
    if Random(derive_seed(seed, "chairs", organization.key)).random() >= 1 / 3:
        return organization
    chairs = ("Silla 1",)
    services = tuple(msgspec.structs.replace(each, spots=chairs) for each in organization.services)
    return msgspec.structs.replace(organization, spots=chairs, services=services)


async def play_manner(chat: Chat, manner: Manner, service: str) -> None:
    """Do it; `service` is what they ask for, if they ask."""
    if manner is Manner.ODD:
        chat.say("hola\x00 ¿abren?")
        await chat.wait(30.0)
        chat.say(f"{POISON} dime")
        await asyncio.sleep(_TIRESOME_S)
    elif manner is Manner.EAGER:
        for number in range(_EAGER):
            chat.say(f"¿tienes lugar para {service.lower()} mañana a las {number % 8 + 10}:00?")
            await asyncio.sleep(_EAGER_PAUSE_S)
        await chat.wait(60.0)
    elif manner is Manner.LEAVES:
        for text in ("baja", "hola, ¿cuánto cuesta?", "alta", "¿a qué hora abren?"):
            chat.say(text)
            await chat.wait(30.0)
