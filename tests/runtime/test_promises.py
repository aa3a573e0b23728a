"""Promises that cut across the parts: one slow model stalls nobody, and nothing personal is logged."""

from __future__ import annotations

import asyncio
import dataclasses
import logging

import pytest
import structlog

from runtime.ports import Clock, ModelAnswer, ModelRequest
from sim.stage import Stage
from tests.runtime.staging import ANA, BUSINESS, Salon, on_stage

CANARY_NAME = "Xochiquétzal Canaria"
CANARY_WORDS = "mi secreto es zanahoria"
THINKING_S = 0.3


class ThinkingModel:
    """Takes its time for every question."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.asked: list[ModelRequest] = []

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Think, then greet."""
        self.asked.append(request)
        await self._clock.sleep(THINKING_S)
        return ModelAnswer("¡Hola! ¿En qué te ayudo?", (), "stop", "fake", 1, 1)


def test_one_slow_model_stalls_nobody(database_url: str) -> None:
    """Ten customers at once with a model that thinks for 0.3 s are all answered within 0.6 s."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        salon.scene.parts = dataclasses.replace(salon.scene.parts, model=ThinkingModel(salon.scene.clock))
        phones = [f"+5255000000{number:02d}" for number in range(10)]
        for phone in phones:
            await salon.post(phone, "hola")
        await salon.scene.clock.sleep(2)
        started_s = salon.scene.clock.elapsed_s

        worked = await asyncio.gather(*(salon.run_turn(phone) for phone in phones))

        assert worked == [True] * 10
        assert salon.scene.clock.elapsed_s - started_s <= 0.6

    on_stage(database_url, play)


def test_a_customers_message_is_in_the_prompt_once(database_url: str) -> None:
    """The words of this turn are the last message, and not part of the history before it."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        model = ThinkingModel(salon.scene.clock)
        salon.scene.parts = dataclasses.replace(salon.scene.parts, model=model)
        salon = Salon(stage, salon.scene)
        await salon.say(ANA, "primera pregunta")

        await salon.say(ANA, "segunda pregunta")

        told = [message.content or "" for message in model.asked[-1].messages]
        assert sum("segunda pregunta" in each for each in told) == 1
        assert sum("primera pregunta" in each for each in told) == 1
        assert told[-1] == "segunda pregunta"

    on_stage(database_url, play)


def test_nothing_personal_is_logged(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither words nor numbers nor names, also where model, provider, database and signature fail."""
    caplog.set_level(logging.DEBUG)

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await salon.say(ANA, f"hola, soy {CANARY_NAME}, {CANARY_WORDS}")
        salon.scene.model.inject("garbage", times=6)
        salon.scene.twilio.faults.inject("21211", times=1)
        await salon.say(ANA, f"quiero un gelish mañana a las 5, {CANARY_WORDS}")
        salon.scene.model.inject("loop", times=20)
        await salon.say(ANA, CANARY_WORDS)
        stage.switch.take_down(salon.scene.clock, salon.scene.parts.after(5))
        await salon.post(ANA, CANARY_WORDS)
        await salon.wait(60)
        form = {"MessageSid": "SM1", "From": f"whatsapp:{ANA}", "To": f"whatsapp:{BUSINESS}", "Body": CANARY_WORDS}
        await salon.scene.post("https://api.parlo.example/webhooks/twilio/messages", form, {})

    with structlog.testing.capture_logs() as entries:
        on_stage(database_url, play)

    # the simulated statements' own parameters are hidden by the engine; what is left is what would be written
    logged = [*map(repr, entries), *caplog.text.splitlines()]
    assert entries
    for canary in (ANA.removeprefix("+52"), "Xochiqu", "zanahoria"):
        assert [line for line in logged if canary in line] == []
