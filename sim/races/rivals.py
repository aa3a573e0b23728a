"""Customers who want the same slot at the same instant, through the whole path.

Each writes two messages like any customer; the second ones, the confirmations, all come in at once. Nothing
here decides who wins: the database does. `race` plays a round on the virtual clock, statement by statement;
`evals.racing` plays it through real processes, and both are judged by `judge`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import text

from sim.scheduler import Scheduler
from sim.stage import MESSAGES_URL, Scene, Stage
from sim.twilio.inbound import Inbound
from sim.virtual_time import derive_seed
from sim.worlds import load_world

WORLD = "estetica-lupita"
STARTS = datetime.fromisoformat("2026-01-12T10:00:00-06:00")
WISH = "hola, soy {name}, quiero un gelish el {when}"
WHEN = "jueves 15 de enero a las 5 de la tarde"
FIRST_NAMES = ("Ana", "Beatriz", "Carmen", "Diana", "Elena", "Fernanda", "Gabriela", "Irene", "Julia", "Karina")
LAST_NAMES = ("López", "Pérez", "García", "Torres", "Ramírez", "Flores", "Castillo", "Mendoza", "Ortiz", "Vargas")


class Race(msgspec.Struct, frozen=True):
    """One round. `won` and `refused` count customers by what they were told, `booked` counts rows.

    `polite` counts those refused who were offered other times in the same message; `unanswered`
    those who heard nothing after confirming, `doubly_answered` those who heard more than one answer.
    `deadlocks` are those the server had to break.
    """

    rivals: int
    won: int
    booked: int
    refused: int
    polite: int
    unanswered: int
    doubly_answered: int
    deadlocks: int = 0

    @property
    def fair(self) -> bool:
        """One winner, who has a row, and a polite answer for each of the others."""
        losers = self.rivals - 1
        return (self.won, self.booked, self.refused, self.polite) == (1, 1, losers, losers) and not (
            self.unanswered or self.doubly_answered or self.deadlocks
        )


async def race(stage: Stage, *, rivals: int, seed: int) -> Race:
    """Play one round from an empty week."""
    world = load_world(WORLD)
    scene = await stage.set_scene(world, STARTS, derive_seed(seed, "race"))
    scheduler = Scheduler(scene)
    number = world.business.channel
    phones = [f"+5255{index:08d}" for index in range(rivals)]
    people = [(phone, name_rival(index)) for index, phone in enumerate(phones)]
    await asyncio.gather(*(_say(scene, phone, number, WISH.format(name=name, when=WHEN)) for phone, name in people))
    await scheduler.settle()
    before = {phone: len(_heard(scene, phone)) for phone in phones}
    await asyncio.gather(*(_say(scene, phone, number, "sí") for phone in phones))
    await scheduler.settle()
    answers = {phone: _heard(scene, phone)[before[phone] :] for phone in phones}
    async with stage.database.single() as uow:
        booked = await uow.run(text("select count(*) from appointments where starts_at = '2026-01-15T17:00-06:00'"))
        rows = int(booked.scalar_one())
    return judge(rows, answers)


def judge(booked: int, answers: Mapping[str, Sequence[str]]) -> Race:
    """What a round came to.

    Args:
        booked: Rows there are for the slot.
        answers: What each rival heard after confirming.
    """
    texts = ["\n".join(answer) for answer in answers.values()]
    refused = [each for each in texts if "ocupad" in each]
    return Race(
        rivals=len(answers),
        won=sum("quedó agendada" in each for each in texts),
        booked=booked,
        refused=len(refused),
        polite=sum("1)" in each for each in refused),
        unanswered=sum(not answer for answer in answers.values()),
        doubly_answered=sum(len(answer) > 1 for answer in answers.values()),
    )


def name_rival(index: int) -> str:
    """One of a hundred believable names."""
    return f"{FIRST_NAMES[index // 10 % 10]} {LAST_NAMES[index % 10]}"


async def _say(scene: Scene, phone: str, number: str | None, words: str) -> None:
    inbound = Inbound(from_address=f"whatsapp:{phone}", to_address=f"whatsapp:{number}", text=words)
    status = await scene.twilio.send_inbound(MESSAGES_URL, inbound)
    assert status == 200, f"the webhook answered {status}"


def _heard(scene: Scene, phone: str) -> list[str]:
    return [each.body for each in scene.twilio.sent if each.to_address == f"whatsapp:{phone}"]
