"""Turns: one considered answer to a burst, one worker at a time, and an end for every message."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import suppress

import msgspec

from runtime.domain import words
from runtime.domain.errors import Unavailable
from runtime.domain.ids import ConversationId
from runtime.ports import Clock, Job, Model, ModelAnswer, ModelRequest, Queue, ToolCall
from runtime.settings import Settings
from runtime.store.conversations import claim
from runtime.turn import run_conversation
from sim.stage import SETTINGS, Stage
from tests.runtime.staging import ANA, LUPITA, Salon, conversation_of, on_stage

HELLO = ModelAnswer("¡Hola! ¿En qué te ayudo?", (), "stop", "fake", 1, 1)


class SlowModel:
    """Takes its time for the first question and answers the others at once."""

    def __init__(self, clock: Clock, first_s: float) -> None:
        self._clock = clock
        self._wait_s = first_s
        self.asked: list[ModelRequest] = []

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Wait, then greet."""
        self.asked.append(request)
        wait_s, self._wait_s = self._wait_s, 0.0
        await self._clock.sleep(wait_s)
        return HELLO


class ScriptedModel:
    """Gives these answers in turn, the last one for ever."""

    def __init__(self, *answers: ModelAnswer) -> None:
        self._answers = list(answers)
        self.asked: list[ModelRequest] = []

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """The next answer."""
        self.asked.append(request)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class DeadQueue:
    """A broker that is down."""

    async def enqueue(self, job: Job, conversation_id: ConversationId) -> None:
        """Refuse."""
        raise Unavailable("the broker is down")


def calling(name: str, arguments: str = "{}") -> ModelAnswer:
    """An answer that calls one tool."""
    return ModelAnswer(None, (ToolCall("call_1", name, arguments),), "tool_calls", "fake", 1, 1)


def with_parts(
    salon: Salon, *, model: Model | None = None, queue: Queue | None = None, settings: Settings | None = None
) -> Salon:
    """The same salon with some of the runtime's parts replaced."""
    parts = salon.scene.parts
    salon.scene.parts = dataclasses.replace(
        parts, model=model or parts.model, queue=queue or parts.queue, settings=settings or parts.settings
    )
    return Salon(salon.stage, salon.scene)


def test_three_quick_bubbles_get_one_considered_answer(database_url: str) -> None:
    """A burst is gathered until it is quiet, and becomes one turn."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        for bubble in ("hola", "cuánto cuesta", "el gelish?"):
            await salon.post(ANA, bubble)
            await salon.scene.clock.sleep(0.8)

        await salon.scheduler.settle()

        assert len(salon.heard(ANA)) == 1
        assert "$280" in salon.heard(ANA)[0]
        assert await salon.count("select count(*) from turns") == 1
        assert await salon.count("select count(distinct turn_id) from inbox where state = 'done'") == 1

    on_stage(database_url, play)


def test_a_burst_that_does_not_end_is_answered_after_its_limit(database_url: str) -> None:
    """Somebody who keeps typing is not left waiting for ever."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        started = salon.scene.clock.elapsed_s
        while not salon.heard(ANA) and salon.scene.clock.elapsed_s - started < 30:
            await salon.post(ANA, "y otra cosa")
            await salon.wait_running(1.0)

        waited = salon.scene.clock.elapsed_s - started

        assert salon.heard(ANA)
        assert waited <= SETTINGS.burst_s + SETTINGS.quiet_s + 1.0

    on_stage(database_url, play)


def test_a_message_that_comes_in_during_a_turn_is_answered_in_the_next_one(database_url: str) -> None:
    """Nothing that arrives while a model thinks is lost or mixed into the turn under way."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        salon = with_parts(salon, model=SlowModel(salon.scene.clock, 5.0))
        await salon.post(ANA, "hola")
        await salon.scene.clock.sleep(2)
        turn = asyncio.create_task(salon.run_turn(ANA))
        await salon.scene.clock.sleep(2)
        await salon.post(ANA, "sigo aquí")
        await turn

        await salon.scheduler.settle()

        assert len(salon.heard(ANA)) == 2
        assert await salon.count("select count(*) from turns where state = 'done'") == 2
        assert await salon.count("select count(*) from inbox where state = 'done'") == 2

    on_stage(database_url, play)


def test_a_worker_stopped_beyond_its_lease_changes_nothing_when_it_wakes_up(database_url: str) -> None:
    """The fencing number moved on: the late answer is discarded, the customer hears one."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        settings = msgspec.structs.replace(stage.settings, lease_s=10.0, turn_deadline_s=300.0)
        model = SlowModel(salon.scene.clock, 60.0)
        salon = with_parts(salon, settings=settings, model=model)
        await salon.post(ANA, "hola")
        await salon.scene.clock.sleep(2)
        late = asyncio.create_task(salon.run_turn(ANA))
        await salon.scene.clock.sleep(15)

        assert await salon.run_turn(ANA)
        await late
        await salon.scheduler.settle()

        assert len(model.asked) == 2
        assert len(salon.heard(ANA)) == 1
        assert await salon.count("select count(*) from steps") == 1

    on_stage(database_url, play)


def test_a_database_that_goes_away_in_a_turn_delays_it_by_seconds_and_not_by_a_lease(database_url: str) -> None:
    """Whoever lives on gives the conversation back as soon as the database takes it."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        salon = with_parts(salon, model=SlowModel(salon.scene.clock, 3.0))
        await salon.post(ANA, "hola")
        await salon.scene.clock.sleep(2)
        turn = asyncio.create_task(salon.run_turn(ANA))
        await salon.scene.clock.sleep(1)
        stage.switch.take_down(salon.scene.clock, salon.scene.parts.after(8))
        await turn
        back_after_s = salon.scene.clock.elapsed_s

        await salon.wait_running(10)

        assert back_after_s < 15
        assert salon.heard(ANA)[0] == words.HOLDING
        assert len(salon.heard(ANA)) == 2

    on_stage(database_url, play)


def test_a_claim_whose_answer_is_lost_delays_the_turn_by_seconds(database_url: str) -> None:
    """The lease that stands is given back by the worker that does not know its number."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        for lost in range(1, 12):
            await salon.wait(60)
            await salon.post(ANA, "hola")
            await salon.scene.clock.sleep(2)
            heard = len(salon.heard(ANA))
            stage.switch.lose_after = stage.switch.round_trips + lost
            with suppress(Unavailable):
                await salon.run_turn(ANA)

            await salon.wait_running(20)

            assert len(salon.heard(ANA)) > heard, lost

    on_stage(database_url, play)


def test_nobody_who_was_answered_is_told_that_the_answer_takes_longer(database_url: str) -> None:
    """Wherever an answer of the database is lost: the last commit's too, after which the turn is over."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        for lost in range(1, 40):
            await salon.wait(60)
            await salon.post(ANA, "hola")
            await salon.scene.clock.sleep(2)
            heard = len(salon.heard(ANA))
            stage.switch.lose_after = stage.switch.round_trips + lost
            with suppress(Unavailable):
                await salon.run_turn(ANA)
            await salon.wait_running(30)
            stage.switch.lose_after = None

            news = salon.heard(ANA)[heard:]
            assert news, lost
            assert news[-1] != words.HOLDING, lost
            assert await salon.rows("select 1 from conversations where due_at is not null") == [], lost

    on_stage(database_url, play)


def test_two_workers_offered_the_same_conversation_answer_once(database_url: str) -> None:
    """The lease decides; the other finds nothing to do."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await salon.post(ANA, "hola")
        await salon.scene.clock.sleep(2)

        worked = await asyncio.gather(*(salon.run_turn(ANA) for _ in range(5)))
        await salon.scheduler.settle()

        assert sorted(worked) == [False, False, False, False, True]
        assert len(salon.heard(ANA)) == 1

    on_stage(database_url, play)


def test_a_repeated_sid_has_one_effect(database_url: str) -> None:
    """The provider may hand a message over again, even later: 200, and nothing more."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        statuses = await asyncio.gather(*(salon.post(ANA, "hola", sid="SM" + "7" * 32) for _ in range(5)))
        await salon.scheduler.settle()

        late = await salon.post(ANA, "hola", sid="SM" + "7" * 32)
        await salon.scheduler.settle()

        assert {*statuses, late} == {200}
        assert await salon.count("select count(*) from inbox") == 1
        assert len(salon.heard(ANA)) == 1

    on_stage(database_url, play)


def test_a_broker_that_is_down_delays_but_loses_nothing(database_url: str) -> None:
    """Rows are the truth: what the broker refused is offered again."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        real = salon.scene.parts.queue
        salon = with_parts(salon, queue=DeadQueue())
        await salon.post(ANA, "hola")
        await salon.wait_running(5)
        assert not salon.heard(ANA)

        salon = with_parts(salon, queue=real)
        await salon.wait(SETTINGS.reoffer_s + 1)

        assert len(salon.heard(ANA)) == 1

    on_stage(database_url, play)


def test_a_flushed_broker_costs_seconds_and_no_message(database_url: str) -> None:
    """Jobs that vanish are offered again within the re-offer time."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await salon.post(ANA, "hola")
        await salon.scene.clock.sleep(2)
        await salon.tick()
        assert salon.scene.queue.take_all()
        flushed_at = salon.scene.clock.elapsed_s

        await salon.scheduler.settle()

        answered_at = (salon.scene.twilio.sent[0].created_at - salon.scene.clock.now()).total_seconds()
        assert len(salon.heard(ANA)) == 1
        assert salon.scene.clock.elapsed_s + answered_at - flushed_at <= 15

    on_stage(database_url, play)


def test_a_model_that_goes_in_circles_ends_in_an_apology_and_a_task(database_url: str) -> None:
    """Limits are hit, the customer hears of it, a person finds a task, the message has its end."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        salon = with_parts(salon, model=ScriptedModel(calling("get_my_appointments")))

        await salon.say(ANA, "hola")

        assert salon.heard(ANA) == [words.APOLOGY]
        assert await salon.count("select count(*) from tasks where kind = 'dead_letter'") == 1
        assert await salon.count("select count(*) from inbox where state = 'dead'") == 1
        assert await salon.count("select count(*) from conversations where due_at is not null") == 0

    on_stage(database_url, play)


def test_a_model_that_calls_an_unknown_tool_is_told_so_and_goes_on(database_url: str) -> None:
    """A refusal is an answer like any other, and nothing was changed."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        model = ScriptedModel(calling("drop_tables", '{"all": true}'), HELLO)
        salon = with_parts(salon, model=model)

        await salon.say(ANA, "hola")

        told = model.asked[1].messages[-1].content or ""
        assert salon.heard(ANA) == [HELLO.text]
        assert "unknown_tool" in told

    on_stage(database_url, play)


def test_a_model_that_says_nothing_ends_in_an_apology(database_url: str) -> None:
    """Empty words are no answer."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        salon = with_parts(salon, model=ScriptedModel(msgspec.structs.replace(HELLO, text=" ** ")))

        await salon.say(ANA, "hola")

        assert salon.heard(ANA) == [words.APOLOGY]

    on_stage(database_url, play)


def test_a_model_that_is_down_is_waited_for_with_one_word_to_the_customer(database_url: str) -> None:
    """The turn is retried; the customer hears once that it takes longer, then the answer."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        salon.scene.model.inject("down", until=salon.scene.parts.after(20))

        await salon.say(ANA, "cuánto cuesta el gelish?")

        first, second = salon.heard(ANA)
        assert first == words.HOLDING
        assert "$280" in second

    on_stage(database_url, play)


def test_a_turn_that_keeps_failing_is_buried_after_its_last_attempt(database_url: str) -> None:
    """No silent poison: apology, task, final state, and the next message is served."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        salon.scene.model.inject("down", until=salon.scene.parts.after(300))
        await salon.say(ANA, "cuánto cuesta el gelish?")

        assert salon.heard(ANA) == [words.HOLDING, words.APOLOGY]
        assert await salon.count("select count(*) from inbox where state = 'dead'") == 1
        await salon.wait(300)
        await salon.say(ANA, "y el manicure cuánto?")

        assert "$180" in salon.heard(ANA)[-1]

    on_stage(database_url, play)


def test_what_a_model_writes_never_contains_what_postgres_cannot_store(database_url: str) -> None:
    """NUL and lone surrogates in an answer are cleaned before they are journaled."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        salon = with_parts(salon, model=ScriptedModel(msgspec.structs.replace(HELLO, text="ho\x00la")))

        await salon.say(ANA, "hola")

        assert salon.heard(ANA) == ["hola"]

    on_stage(database_url, play)


def test_an_owners_word_that_crosses_the_end_of_a_handoff_is_routed_again(database_url: str) -> None:
    """The silence ends the handoff while the owner's message is being classified: it is kept, not sent."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await salon.say(ANA, "quiero hablar con una persona")
        await salon.say(LUPITA, "tomar")
        before = len(salon.heard(ANA))
        model = SlowModel(salon.scene.clock, 10.0)
        salon = with_parts(salon, model=model)
        await salon.wait(30 * 60 - 8)
        await salon.post(LUPITA, "te hago un descuento")
        await salon.scene.clock.sleep(2)
        turn = asyncio.create_task(salon.run_turn(LUPITA))
        await salon.scene.clock.sleep(6)
        await salon.tick()
        await turn
        await salon.scheduler.settle()

        assert model.asked
        assert "30 minutos" in salon.heard(ANA)[before]
        assert len(salon.heard(ANA)) == before + 1
        assert await salon.count("select count(*) from messages where text = 'te hago un descuento'") == 1
        routes = await salon.rows("select route from inbox where body = 'te hago un descuento'")
        assert [row[0] for row in routes] == ["4"]

    on_stage(database_url, play)


def test_an_offer_for_a_conversation_with_nothing_to_do_leaves_no_lease_behind(database_url: str) -> None:
    """A stale job is harmless."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await salon.say(ANA, "hola")

        assert not await run_conversation(salon.scene.parts, conversation_of(ANA))
        async with stage.database.platform() as uow:
            now = salon.scene.clock.now()
            assert await claim(uow, conversation_of(ANA), now=now, lease_until=now) is None
        assert await salon.count("select count(*) from conversations where lease_until is not null") == 0

    on_stage(database_url, play)
