"""A customer, the assistant and a person: who answers when a person comes, stays or goes in the middle of a turn."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from runtime.domain import words
from runtime.domain.errors import Unavailable
from runtime.ports import Model, ModelAnswer, ModelRequest, ToolCall
from sim.stage import Stage
from sim.twilio.inbound import InboundButton
from tests.runtime.answers.counter import PHONES, PLEASE, Counter
from tests.runtime.staging import on_stage

HELLO = ModelAnswer("¡Hola! ¿En qué te ayudo?", (), "stop", "fake", 1, 1)
CALL = ModelAnswer(
    None, (ToolCall("call_1", "handoff_to_human", '{"reason": "lo pidió"}'),), "tool_calls", "fake", 1, 1
)
BOOK = '{"service": "Gelish", "when": "mañana a las 5 pm", "staff": null, "customer_name": "Ana"}'


class GatedModel:
    """Asks the real one, and gives its next answer only when the test opens the gate."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.opened = asyncio.Event()
        self.reached = asyncio.Event()

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Wait at the gate."""
        answer = await self._model.complete(request)
        self.reached.set()
        await self.opened.wait()
        return answer


class ScriptedModel:
    """Gives these answers in turn, the last one for ever."""

    def __init__(self, *answers: ModelAnswer) -> None:
        self._answers = list(answers)

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """The next answer."""
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def use_model(counter: Counter, model: Model) -> None:
    """Another model from now on."""
    scene = counter.salon.scene
    scene.parts = dataclasses.replace(scene.parts, model=model)
    counter.salon = type(counter.salon)(counter.salon.stage, scene)


# Asking -----------------------------------------------------------------------------------------------


def test_a_person_can_be_asked_for_with_the_model_down(database_url: str) -> None:
    """The explicit wish needs no model."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        counter.salon.scene.model.inject("down", until=counter.salon.scene.parts.after(3000))

        heard = await counter.say("Ana", PLEASE)

        assert ("Ana", words.connected("Lupita")) in heard
        assert await counter.states() == {"Ana": ("offered", "Lupita")}

    on_stage(database_url, play)


def test_an_explicit_wish_that_the_model_ignores_is_heard_all_the_same(database_url: str) -> None:
    """Whatever it answers instead is not sent."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        use_model(counter, ScriptedModel(HELLO))

        heard = await counter.say("Ana", PLEASE)

        assert ("Ana", words.connected("Lupita")) in heard and ("Ana", HELLO.text) not in heard
        assert await counter.states() == {"Ana": ("offered", "Lupita")}

    on_stage(database_url, play)


class DeafModel:
    """Greets, whatever is said; what the small model is asked is answered by a word of one's own, or not at all."""

    def __init__(self, heard: str | None) -> None:
        self._heard = heard
        self.purposes: list[str] = []

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """A greeting, or that word."""
        self.purposes.append(request.purpose)
        if request.purpose != "asks_human":
            return HELLO
        if self._heard is None:
            raise Unavailable("down")
        return ModelAnswer(self._heard, (), "stop", "fake", 1, 1)


@pytest.mark.parametrize(("heard", "connected"), [("si", True), ("no", False), (None, False)])
def test_a_wish_in_words_of_their_own_is_heard_by_the_small_model(
    database_url: str, heard: str | None, connected: bool
) -> None:
    """When it says so; when it is down or says no, the assistant's answer is sent."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        model = DeafModel(heard)
        use_model(counter, model)

        said = await counter.say("Ana", "esto mejor lo veo con una de las muchachas")

        assert (("Ana", words.connected("Lupita")) in said) is connected
        assert (("Ana", HELLO.text) in said) is not connected
        assert model.purposes[-1] == "asks_human"

    on_stage(database_url, play)


def test_a_message_in_which_nobody_is_spoken_of_costs_no_second_question(database_url: str) -> None:
    """Most messages are such."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        model = DeafModel("si")
        use_model(counter, model)

        said = await counter.say("Ana", "a las 5 mejor")

        assert ("Ana", HELLO.text) in said
        assert "asks_human" not in model.purposes

    on_stage(database_url, play)


@pytest.mark.parametrize(
    ("text", "connected"), [("¿puede contestarme Karla?", True), ("quiero mi cita con Karla", False)]
)
def test_the_names_of_the_staff_tell_a_wish_from_an_appointment(database_url: str, text: str, connected: bool) -> None:
    """Asking to be answered by somebody who works there is a wish for a person, though no word says "person"."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        model = DeafModel("no")
        use_model(counter, model)

        said = await counter.say("Ana", text)

        assert (("Ana", words.connected("Lupita")) in said) is connected

    on_stage(database_url, play)


def test_a_wish_for_somebody_by_name_is_heard_with_the_model_down(database_url: str) -> None:
    """The names are read then, since the agent could not tell them."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        counter.salon.scene.model.inject("down", until=counter.salon.scene.parts.after(3000))

        said = await counter.say("Ana", "¿puede contestarme Karla?")

        assert ("Ana", words.connected("Lupita")) in said

    on_stage(database_url, play)


def test_the_words_of_the_flow_are_the_only_answer_when_the_model_calls_a_person(database_url: str) -> None:
    """No second goodbye after it."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        use_model(counter, ScriptedModel(CALL, HELLO))

        heard = await counter.say("Ana", "me quedó mal el tinte, ¿lo puede ver conmigo la encargada?")

        assert [body for name, body in heard if name == "Ana"] == [words.connected("Lupita")]

    on_stage(database_url, play)


@pytest.mark.parametrize(
    "text",
    [
        "¿por qué se me cae el pelo después de alisarlo con keratina?",
        "estoy furiosa, me cobraron de más y quiero mi dinero",
        "¿cuánto es la raíz cuadrada de 2?",
    ],
)
def test_a_hard_question_stays_with_the_assistant_whatever_the_model_wants(database_url: str, text: str) -> None:
    """A model that hands off on its own is refused, and answers itself."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        use_model(counter, ScriptedModel(CALL, HELLO))

        heard = await counter.say("Ana", text)

        assert [name for name, _ in heard] == ["Ana"] and await counter.states() == {}

    on_stage(database_url, play)


@pytest.mark.parametrize("text", ["humano", "¡Un asesor!", "asesora"])
def test_a_fixed_word_asks_for_a_person(database_url: str, text: str) -> None:
    """One word, as people are used to."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        use_model(counter, ScriptedModel(HELLO))

        await counter.say("Ana", text)

        assert await counter.states() == {"Ana": ("offered", "Lupita")}

    on_stage(database_url, play)


def test_a_button_asks_for_a_person(database_url: str) -> None:
    """Whatever its title says."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        use_model(counter, ScriptedModel(HELLO))

        await counter.say("Ana", button=InboundButton("human", "Hablar con alguien"))

        assert await counter.states() == {"Ana": ("offered", "Lupita")}

    on_stage(database_url, play)


# Leaving ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("taken", [False, True])
def test_a_customer_leaves_with_a_word(database_url: str, taken: bool) -> None:
    """The assistant is there again, and the human hears of it."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        await counter.say("Ana", PLEASE)
        if taken:
            await counter.say("Lupita", "tomar")

        heard = await counter.say("Ana", "salir")
        after = await counter.say("Ana", "¿cuánto cuesta el gelish?")

        assert sorted(heard) == [("Ana", words.LEFT_THE_LINE), ("Lupita", words.left_for_human("Ana"))]
        assert [name for name, _ in after] == ["Ana"] and "$280" in after[0][1]

    on_stage(database_url, play)


def test_a_word_of_opting_out_ends_it_and_is_kept(database_url: str) -> None:
    """The human reads the word, since it may have meant something else."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        await counter.give("Ana")

        heard = await counter.say("Ana", "BAJA")

        assert sorted(heard) == [
            ("Ana", words.OPTED_OUT_IN_HANDOFF),
            ("Lupita", words.opted_out_for_human("Ana", "BAJA")),
        ]
        out = "select count(*) from people where opted_out_at is not null and profile_name = 'Ana'"
        assert await counter.salon.count(out) == 1

    on_stage(database_url, play)


def test_a_customer_in_line_hears_their_place_and_can_leave(database_url: str) -> None:
    """Both humans have somebody."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        await counter.give("Ana")
        await counter.give("Beto", "Rosa")

        waits = await counter.say("Carla", PLEASE)
        asks = await counter.say("Carla", "¿ya mero?")
        leaves = await counter.say("Carla", "ya no quiero esperar")

        assert waits == [("Carla", words.waiting(1))]
        assert asks == [("Carla", words.still_waiting(1))]
        assert leaves == [("Carla", words.LEFT_THE_LINE)]

    on_stage(database_url, play)


def test_what_was_said_in_line_is_read_by_whoever_is_asked(database_url: str) -> None:
    """As the customer was promised: the alert carries it."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        await counter.give("Ana")
        await counter.give("Beto", "Rosa")
        await counter.say("Carla", PLEASE)
        await counter.say("Carla", "es por mi cita de hoy a las cuatro")

        heard = await counter.say("Lupita", "listo")

        assert ("Carla", words.connected("Lupita")) in heard
        alert = next(body for name, body in heard if name == "Lupita" and body.startswith("🙋"))
        assert "  Carla: es por mi cita de hoy a las cuatro" in alert.splitlines()

    on_stage(database_url, play)


def test_a_picture_reaches_the_human_and_one_the_customer(database_url: str) -> None:
    """As a picture, with the words under it."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        await counter.give("Ana")

        there = await counter.photograph("Ana", "así lo quiero")
        back = await counter.photograph("Lupita", "¿como este?")

        files = [len(each.media) for each in counter.salon.scene.twilio.sent if each.media]
        assert there == [("Lupita", "Ana: así lo quiero")]
        assert back == [("Ana", "¿como este?")]
        assert files == [1, 1]

    on_stage(database_url, play)


# Crossing ---------------------------------------------------------------------------------------------


def test_a_message_in_the_second_the_handoff_ends_is_answered_by_the_assistant(database_url: str) -> None:
    """It was routed to the human, who ends it before it is passed on: it is routed again and not lost."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        await counter.give("Ana")
        await counter.post("Lupita", "listo")
        await counter.post("Ana", "¿cuánto cuesta el gelish?")
        await counter.salon.scene.clock.sleep(3)

        await asyncio.gather(*(counter.salon.run_turn(PHONES[name]) for name in ("Ana", "Lupita")))
        await counter.salon.scheduler.settle()

        heard = counter.heard()
        passed_on = ("Lupita", "Ana: ¿cuánto cuesta el gelish?") in heard
        answered = any(name == "Ana" and "$280" in body for name, body in heard)
        assert passed_on != answered, "one of the two, whichever came first"
        assert await counter.salon.count("select count(*) from inbox where state <> 'done'") == 0

    on_stage(database_url, play)


async def take_while_the_model_thinks(counter: Counter, text: str) -> tuple[list[tuple[str, str]], GatedModel]:
    """Lupita takes the conversation after the model was asked, and before its answer comes."""
    model = GatedModel(counter.salon.scene.parts.model)
    use_model(counter, model)
    await counter.post("Ana", text)
    await counter.salon.scene.clock.sleep(3)
    turn = asyncio.create_task(counter.salon.run_turn(PHONES["Ana"]))
    await model.reached.wait()
    await counter.post("Lupita", "tomar ana")
    await counter.salon.scene.clock.sleep(3)
    assert await counter.salon.run_turn(PHONES["Lupita"])
    model.opened.set()
    await turn
    await counter.salon.scheduler.settle()
    return counter.heard(), model


def test_an_answer_is_discarded_when_a_human_took_the_conversation_meanwhile(database_url: str) -> None:
    """The assistant does not talk over the person; the customer's words reach them instead."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        await counter.say("Ana", "hola")

        heard, _ = await take_while_the_model_thinks(counter, "¿cuánto cuesta el gelish?")

        assert ("Lupita", "Ana: ¿cuánto cuesta el gelish?") in heard
        assert [body for name, body in heard if name == "Ana"] == [words.joined("Lupita")]

    on_stage(database_url, play)


def test_an_answer_that_tells_of_a_booking_is_sent_all_the_same(database_url: str) -> None:
    """What was changed is committed already: the customer must hear of it."""

    async def play(stage: Stage) -> None:
        counter = await Counter.open(stage)
        for text in ("quiero un gelish mañana a las 5 pm", "Ana López"):
            await counter.say("Ana", text)

        heard, _ = await take_while_the_model_thinks(counter, "sí, confirmo")

        booked = await counter.salon.count(
            "select count(*) from appointments where created_at > '2026-01-12T16:00:00Z'"
        )
        told = [body for name, body in heard if name == "Ana" and body != words.joined("Lupita")]
        assert booked == 1
        assert len(told) == 1 and "agendada" in told[0].lower(), told

    on_stage(database_url, play)
