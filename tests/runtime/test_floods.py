"""Floods and spending: what one sender and one business may cost, and that nobody else notices."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil

import msgspec
import pytest

from runtime.domain import words
from runtime.domain.enums import StepKind, TaskKind
from runtime.ports import ModelAnswer
from runtime.store.conversations import gather_facts
from runtime.store.database import Database
from runtime.store.journal import Step, add_step
from sim.stage import SETTINGS, Stage
from tests.runtime.staging import ANA, LUPITA, Salon, on_stage
from tests.runtime.test_turns import ScriptedModel, calling, with_parts
from tests.runtime.twins import NOW as TWINS_NOW
from tests.runtime.twins import open_twins, write_and_claim

BETO = "+525512345679"
PER_MINUTE = SETTINGS.sender_calls_per_minute
_STEPS = "select at from steps where kind = 'model' order by at"


def most_in_a_minute(moments: list[datetime]) -> int:
    """Most moments that fall within any minute."""
    minute = timedelta(seconds=60)
    return max((sum(start <= each < start + minute for each in moments) for start in moments), default=0)


async def flood(salon: Salon, messages: int, *, seconds: float, text: str = "hola {}") -> None:
    """Ana writes again and again while everything that falls due is done."""
    for number in range(messages):
        assert await salon.post(ANA, text.format(number)) == 200
        await salon.wait_running(seconds / messages)


def test_a_thousand_messages_in_a_minute_cost_six_calls_a_minute_and_all_become_final(database_url: str) -> None:
    """The first minute too: a burst is for somebody who talks. Nothing is lost and nothing is answered twice."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await flood(salon, 1000, seconds=60)
        await salon.scheduler.settle()

        assert most_in_a_minute(salon.scene.model.asked) <= PER_MINUTE
        assert await salon.rows("select state::text, count(*) from inbox group by 1") == [("done", 1000)]
        assert await salon.count("select count(*) from messages where author = 'customer'") == 1000
        turns = await salon.count("select count(*) from turns where state = 'done'")
        assert turns == len(salon.heard(ANA)) <= ceil(70 / 10) + 1
        assert await salon.count("select count(*) from turns where state <> 'done'") == 0
        assert await salon.count("select count(*) from tasks") == 0

    on_stage(database_url, play)


def test_a_flood_asks_nothing_again_in_later_minutes_than_six(database_url: str) -> None:
    """Three minutes of it: the rate holds, and the conversation is claimed about as often as it is answered."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await flood(salon, 600, seconds=180, text="¿tienen lugar {}?")
        await salon.scheduler.settle()

        asked = salon.scene.model.asked
        assert most_in_a_minute(asked) <= PER_MINUTE
        assert len(asked) >= 15
        fences = await salon.count("select fence from conversations where their_key = '+525512345678'")
        assert fences <= 3 * len(asked)

    on_stage(database_url, play)


@pytest.mark.parametrize("rate", [0.0, 1000.0])
def test_another_customer_is_answered_as_soon_as_without_the_flood(database_url: str, rate: float) -> None:
    """Beto waits for the quiet period and nothing else."""

    async def play(stage: Stage) -> list[float]:
        salon = await Salon.open(stage)
        waits = []
        for _ in range(10):
            asked_at = salon.scene.clock.now()
            await salon.post(BETO, "¿qué servicios tienen?")
            heard = len(salon.heard(BETO))
            while len(salon.heard(BETO)) == heard:
                if rate:
                    await salon.post(ANA, f"hola {asked_at} {salon.scene.clock.now()}")
                await salon.wait_running(60 / 1000)
            waits.append((salon.scene.clock.now() - asked_at).total_seconds())
            await salon.wait_running(10)
        return waits

    waits = on_stage(database_url, play)

    assert max(waits) <= SETTINGS.quiet_s + 0.25


def test_messages_above_the_allowance_wait_and_get_one_answer(database_url: str) -> None:
    """Two calls are allowed in a row: the third message waits for the fourth, and both are answered together."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        settings = msgspec.structs.replace(SETTINGS, sender_burst=2)
        salon = with_parts(salon, settings=settings)
        for text in ("hola", "gracias"):
            await salon.post(ANA, text)
            await salon.wait_running(2)
        assert len(salon.heard(ANA)) == 2

        await salon.post(ANA, "¿qué servicios tienen?")
        await salon.wait_running(3)
        await salon.post(ANA, "¿y a qué hora abren?")
        await salon.wait_running(2)
        assert len(salon.heard(ANA)) == 2
        await salon.wait_running(10)

        assert len(salon.heard(ANA)) == 3
        assert await salon.rows("select count(*) from inbox group by turn_id order by 1") == [(1,), (1,), (2,)]
        asked = salon.scene.model.asked
        assert (asked[2] - asked[0]).total_seconds() >= 10

    on_stage(database_url, play, settings=SETTINGS)


def test_a_turn_that_runs_out_in_the_middle_goes_on_where_it_was(database_url: str) -> None:
    """One call each ten seconds: the tools of the turn run once, and waiting is no failed attempt."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        model = ScriptedModel(
            calling("update_customer_info", '{"name": "Ana"}'),
            calling("get_my_appointments"),
            calling("check_availability", '{"service": "Corte de dama", "when": "mañana"}'),
            ModelAnswer("Listo, Ana.", (), "stop", "fake", 1, 1),
        )
        salon = with_parts(salon, model=model, settings=msgspec.structs.replace(SETTINGS, sender_burst=1))
        await salon.say(ANA, "soy Ana")

        assert salon.heard(ANA) == ["Listo, Ana."]
        assert len(model.asked) == 4
        moments = [row[0] for row in await salon.rows(_STEPS)]
        assert all(later - earlier >= timedelta(seconds=10) for earlier, later in pairwise(moments))
        assert await salon.rows("select name from steps where kind = 'tool' order by number") == [
            ("update_customer_info",),
            ("get_my_appointments",),
            ("check_availability",),
        ]
        assert await salon.rows("select state::text, attempts from turns") == [("done", 1)]

    on_stage(database_url, play)


def test_a_request_for_a_person_does_not_wait_for_the_allowance(database_url: str) -> None:
    """It needs no model, and so it needs no call."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        salon = with_parts(salon, settings=msgspec.structs.replace(SETTINGS, sender_burst=1))
        await salon.post(ANA, "hola")
        await salon.wait_running(2)
        await salon.post(ANA, "quiero hablar con una persona")
        await salon.wait_running(2)

        assert len(salon.heard(ANA)) == 2
        assert await salon.rows("select state::text from handoffs") == [("offered",)]

    on_stage(database_url, play)


def test_words_that_are_relayed_cost_no_call_and_wait_for_none(database_url: str) -> None:
    """In a handoff forty messages in a row reach the person, and the bucket is as full as before."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await salon.say(ANA, "quiero hablar con una persona")
        await salon.say(LUPITA, "tomar")
        before = await salon.rows("select paid_until from conversations order by id")
        asked = len(salon.scene.model.asked)
        for number in range(40):
            await salon.post(ANA, f"recado {number}")
        await salon.wait_running(10)

        assert sum("recado" in each for each in salon.heard(LUPITA)) == 40
        assert len(salon.scene.model.asked) == asked
        assert await salon.rows("select paid_until from conversations order by id") == before

    on_stage(database_url, play)


def test_a_humans_flood_is_passed_on_without_being_judged_by_a_model(database_url: str) -> None:
    """Lupita writes a hundred lines to Ana: all arrive, and six a minute were judged."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        await salon.say(ANA, "quiero hablar con una persona")
        await salon.say(LUPITA, "tomar")
        before = len(salon.scene.model.asked)
        for number in range(100):
            await salon.post(LUPITA, f"sí te puedo hacer el tono rubio ceniza {number}")
            await salon.wait_running(0.1)
        await salon.wait_running(20)

        assert sum("rubio ceniza" in each for each in salon.heard(ANA)) == 100
        assert most_in_a_minute(salon.scene.model.asked[before:]) <= PER_MINUTE

    on_stage(database_url, play)


def test_what_is_handed_to_the_model_is_bounded_and_repeats_nothing(database_url: str) -> None:
    """Three hundred times the same and one question: the model reads both, once."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        model = ScriptedModel(ModelAnswer("Hola.", (), "stop", "fake", 1, 1))
        salon = with_parts(salon, model=model)
        for _ in range(300):
            await salon.post(ANA, "COMPRA YA " * 300)
        await salon.post(ANA, "¿tienen lugar hoy?")
        await salon.wait_running(20)
        for number in range(300):
            await salon.post(ANA, f"{number} " * 1000)
        await salon.wait_running(20)

        said = [request.messages[-1].content or "" for request in model.asked]
        assert said[0].count("COMPRA YA") == 300
        assert said[0].endswith("¿tienen lugar hoy?")
        assert said[-1].startswith("[2") and "mensajes más]" in said[-1]
        assert all(len(each) <= 8_200 for each in said)
        whole = [sum(len(message.content or "") for message in request.messages[1:]) for request in model.asked]
        assert max(whole) <= 8_200 + 20 * 1_510

    on_stage(database_url, play)


def test_a_model_that_is_down_is_asked_no_more_often_than_one_that_answers(database_url: str) -> None:
    """Trying again costs as much as asking."""

    async def play(stage: Stage) -> None:
        salon = await Salon.open(stage)
        salon = with_parts(salon, settings=msgspec.structs.replace(SETTINGS, sender_burst=1))
        salon.scene.model.inject("500")
        await salon.say(ANA, "hola")

        tried = sorted({moment.replace(microsecond=0) for moment in salon.scene.model.asked})
        first = [later for earlier, later in pairwise(tried) if later - earlier > timedelta(seconds=5)]
        assert len(first) == SETTINGS.turn_attempts - 1
        assert await salon.rows("select state::text from inbox") == [("dead",)]

    on_stage(database_url, play)


# A business's day ------------------------------------------------------------------------------------------


def limited(salon: Salon, most: int) -> Salon:
    """The salon with so many model calls a day."""
    return with_parts(salon, settings=msgspec.structs.replace(SETTINGS, business_calls_per_day=most))


def test_beyond_the_days_calls_there_is_a_fixed_answer_and_the_owner_is_told_once(database_url: str) -> None:
    """No model is asked; a person can still be had; the next day all is as before."""

    async def play(stage: Stage) -> None:
        salon = limited(await Salon.open(stage), 2)
        await salon.say(LUPITA, "hola")
        await salon.say(ANA, "hola")
        await salon.say(BETO, "hola")
        asked = len(salon.scene.model.asked)
        assert asked == 2

        for phone in (ANA, BETO, ANA, BETO):
            await salon.say(phone, "¿qué servicios tienen?")
        assert [salon.heard(phone)[-2:] for phone in (ANA, BETO)] == [[words.MODEL_LIMIT] * 2] * 2
        assert salon.heard(LUPITA).count(words.MODEL_LIMIT_NOTICE) == 1
        assert await salon.rows("select kind::text, summary from tasks") == [
            (TaskKind.MODEL_LIMIT, words.MODEL_LIMIT_TASK)
        ]
        await salon.say(BETO, "quiero hablar con una persona")
        assert await salon.rows("select state::text from handoffs") == [("offered",)]
        assert len(salon.scene.model.asked) == asked

        # fourteen hours on, it is the next day in Puebla
        await salon.wait(14.5 * 3600)
        await salon.say(ANA, "¿qué servicios tienen?")
        assert len(salon.scene.model.asked) > asked
        assert salon.heard(ANA)[-1] != words.MODEL_LIMIT

    on_stage(database_url, play)


def test_the_day_of_the_limit_is_the_businesss_own(database_url: str) -> None:
    """At eleven at night in Puebla it is tomorrow in Greenwich, and the limit still holds."""

    async def play(stage: Stage) -> None:
        salon = limited(await Salon.open(stage), 1)
        await salon.say(ANA, "hola")
        await salon.wait(13 * 3600)
        await salon.say(ANA, "hola")
        assert salon.heard(ANA)[-1] == words.MODEL_LIMIT
        assert await salon.count("select count(*) from tasks") == 1

        await salon.wait(1.2 * 3600)
        await salon.say(ANA, "hola")
        assert salon.heard(ANA)[-1] != words.MODEL_LIMIT

    on_stage(database_url, play)


def test_a_day_of_limits_reached_twice_is_told_twice(database_url: str) -> None:
    """Once each day, not once for ever."""

    async def play(stage: Stage) -> None:
        salon = limited(await Salon.open(stage), 1)
        for _ in range(2):
            for _ in range(3):
                await salon.say(ANA, "hola")
            await salon.say(LUPITA, "hola")
            await salon.wait(24 * 3600)

        assert salon.heard(LUPITA).count(words.MODEL_LIMIT_NOTICE) == 2
        assert await salon.count("select count(*) from tasks where kind = 'model_limit'") == 2

    on_stage(database_url, play)


async def test_the_calls_of_one_business_are_not_anothers(database: Database) -> None:
    """The same phone writes to both twins; three steps of the one's are counted for that one, up to the limit."""
    ours, theirs = await open_twins(database)
    mine, _, _ = await write_and_claim(database, ours, ANA)
    other, pending, _ = await write_and_claim(database, theirs, ANA)
    async with database.platform() as uow:
        for number in (1, 2, 3):
            step = Step(number, StepKind.MODEL, "customer", "key", {})
            await add_step(uow, other, pending[0].turn_id, step, at=TWINS_NOW, paid_until=TWINS_NOW)

        counted = [
            (await gather_facts(uow, claimed, now=TWINS_NOW, most_calls=most)).calls_today
            for claimed, most in ((mine, 10), (other, 10), (other, 2))
        ]

    assert counted == [0, 3, 2]


def test_a_limit_of_nought_is_none(database_url: str) -> None:
    """Whoever wants no limit says so."""

    async def play(stage: Stage) -> None:
        salon = limited(await Salon.open(stage), 0)
        for _ in range(3):
            await salon.say(ANA, "hola")

        assert words.MODEL_LIMIT not in salon.heard(ANA)

    on_stage(database_url, play)
