"""What a human's words and taps do, in each state of a handoff, through the whole turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from runtime.domain import words
from sim.stage import Stage
from sim.twilio.inbound import InboundButton
from tests.runtime.answers.counter import PLEASE, Counter
from tests.runtime.staging import on_stage

Play = Callable[[Counter], Awaitable[None]]


def at_the_counter(database_url: str, play: Play) -> None:
    """Run a scene at Lupita's."""

    async def run(stage: Stage) -> None:
        await play(await Counter.open(stage))

    on_stage(database_url, run)


# Answers to an offer ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["tomar", "La tomo", "yo la atiendo", "tomar ana", "/tomar"])
def test_whoever_is_asked_takes_the_customer_with_a_word(database_url: str, text: str) -> None:
    """The human is told that they have the customer; the customer need not be told again."""

    async def play(counter: Counter) -> None:
        await counter.say("Ana", PLEASE)

        heard = await counter.say("Lupita", text)

        assert heard == [("Lupita", words.taken("Ana"))]
        assert await counter.states() == {"Ana": ("active", "Lupita")}

    at_the_counter(database_url, play)


def test_a_tap_takes_the_customer_and_a_second_tap_changes_nothing(database_url: str) -> None:
    """The button of the alert names the handoff."""

    async def play(counter: Counter) -> None:
        await counter.say("Ana", PLEASE)
        payload = f"take:{await counter.handoff_of('Ana')}"

        first = await counter.tap("Lupita", payload)
        second = await counter.tap("Lupita", payload)

        assert first == [("Lupita", words.taken("Ana"))]
        assert second == [("Lupita", words.taken_already("Ana"))]

    at_the_counter(database_url, play)


def test_whoever_simply_answers_has_the_customer(database_url: str) -> None:
    """The words reach the customer and nothing else is said."""

    async def play(counter: Counter) -> None:
        await counter.say("Ana", PLEASE)

        heard = await counter.say("Lupita", "Hola Ana, te atiendo yo. ¿Qué necesitas?")

        assert heard == [("Ana", "Hola Ana, te atiendo yo. ¿Qué necesitas?")]
        assert await counter.states() == {"Ana": ("active", "Lupita")}

    at_the_counter(database_url, play)


def test_whoever_is_asked_says_no_and_the_next_is_asked(database_url: str) -> None:
    """The human is thanked with a word, the customer hears whom."""

    async def play(counter: Counter) -> None:
        await counter.say("Ana", PLEASE)

        heard = await counter.say("Lupita", "no puedo")

        assert ("Lupita", words.declined("Ana")) in heard and ("Ana", words.connected("Rosa")) in heard
        assert await counter.states() == {"Ana": ("offered", "Rosa")}

    at_the_counter(database_url, play)


def test_whoever_is_asked_puts_the_customer_off(database_url: str) -> None:
    """Both are told, and a quarter of an hour later the human is asked again."""

    async def play(counter: Counter) -> None:
        await counter.say("Ana", PLEASE)

        heard = await counter.say("Lupita", "15 min")
        later = await counter.wait(15.5)

        assert sorted(heard) == [("Ana", words.snoozed_for_customer("Lupita")), ("Lupita", words.snoozed("Ana"))]
        assert [name for name, _ in later] == ["Lupita"] and later[0][1].startswith("⏳ Ana sigue esperando")

    at_the_counter(database_url, play)


def test_a_late_no_of_somebody_who_was_passed_over_does_not_reach_the_customer(database_url: str) -> None:
    """After six minutes Rosa was asked: Lupita's "no puedo" is for Parlo, and takes Ana from nobody."""

    async def play(counter: Counter) -> None:
        await counter.say("Ana", PLEASE)
        await counter.wait(7)

        heard = await counter.say("Lupita", "no puedo")

        assert heard == [("Lupita", words.NOT_ASKED_ANY_MORE)]
        assert await counter.states() == {"Ana": ("offered", "Rosa")}

    at_the_counter(database_url, play)


def test_somebody_who_was_passed_over_may_still_take_the_customer(database_url: str) -> None:
    """As they were told: with the word, or by answering; whoever was asked meanwhile hears it."""

    async def play(counter: Counter) -> None:
        await counter.say("Ana", PLEASE)
        await counter.wait(7)

        heard = await counter.say("Lupita", "tomar")

        assert sorted(heard) == [
            ("Ana", words.joined("Lupita")),
            ("Lupita", words.taken("Ana")),
            ("Rosa", words.taken_by("Lupita", "Ana")),
        ]
        assert await counter.states() == {"Ana": ("active", "Lupita")}

    at_the_counter(database_url, play)


def test_somebody_who_was_passed_over_is_not_told_to_finish_first(database_url: str) -> None:
    """Lupita has nobody: she may take Beto, whom she has not been asked for."""

    async def play(counter: Counter) -> None:
        await counter.say("Beto", "hola")
        await counter.say("Ana", PLEASE)
        await counter.wait(7)

        heard = await counter.say("Lupita", "tomar beto")

        assert sorted(heard) == [("Beto", words.joined("Lupita")), ("Lupita", words.taken("Beto"))]
        assert await counter.states() == {"Ana": ("offered", "Rosa"), "Beto": ("active", "Lupita")}

    at_the_counter(database_url, play)


def test_two_who_tap_at_once_one_has_the_customer_and_the_other_is_told(database_url: str) -> None:
    """Both alerts carry the button; the second to be served reads who was quicker."""

    async def play(counter: Counter) -> None:
        await counter.say("Ana", PLEASE)
        await counter.wait(7)
        button = InboundButton(f"take:{await counter.handoff_of('Ana')}", "Tomar")
        await counter.post("Lupita", button=button)
        await counter.post("Rosa", button=button)
        await counter.salon.scene.clock.sleep(3)

        await asyncio.gather(*(counter.salon.run_turn(phone) for phone in ("+522220000101", "+522220000103")))
        await counter.salon.scheduler.settle()

        heard = counter.heard()
        _, winner = (await counter.states())["Ana"]
        other = {"Lupita": "Rosa", "Rosa": "Lupita"}[winner or ""]
        assert (winner, words.taken("Ana")) in heard
        assert (other, words.taken_by(winner or "", "Ana")) in heard

    at_the_counter(database_url, play)


# In a conversation ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["no puedo", "15 minutos", "pasar a las 5", "Ahorita no puedo, ¿te queda mañana?"])
def test_in_a_conversation_words_that_could_be_orders_reach_the_customer(database_url: str, text: str) -> None:
    """What answers an alert is said to a customer too; there it is theirs."""

    async def play(counter: Counter) -> None:
        await counter.give("Ana")

        heard = await counter.say("Lupita", text)

        assert ("Ana", text) in heard
        assert await counter.states() == {"Ana": ("active", "Lupita")}

    at_the_counter(database_url, play)


@pytest.mark.parametrize("text", ["listo", "Terminé.", "ya quedó, gracias parlo"])
def test_the_taught_words_end_it_and_can_be_taken_back(database_url: str, text: str) -> None:
    """Both are told, and half a minute long the end can be undone."""

    async def play(counter: Counter) -> None:
        await counter.give("Ana")

        ended = await counter.say("Lupita", text)
        undone = await counter.say("Lupita", "deshacer")

        assert sorted(ended) == [("Ana", words.ended_for_customer("Lupita")), ("Lupita", words.ended_for_human("Ana"))]
        assert sorted(undone) == [("Ana", words.resumed_for_customer("Lupita")), ("Lupita", words.undone("Ana"))]

    at_the_counter(database_url, play)


def test_an_end_that_is_taken_back_too_late_stays(database_url: str) -> None:
    """The human reads why."""

    async def play(counter: Counter) -> None:
        await counter.give("Ana")
        await counter.say("Lupita", "listo")
        await counter.wait(1)

        heard = await counter.say("Lupita", "deshacer")

        assert heard == [("Lupita", words.CANNOT_UNDO)]
        assert await counter.states() == {"Ana": ("ended", "Lupita")}

    at_the_counter(database_url, play)


def test_a_button_ends_only_the_handoff_it_names(database_url: str) -> None:
    """An old alert's button does not end today's conversation."""

    async def play(counter: Counter) -> None:
        await counter.give("Ana")
        old = await counter.handoff_of("Ana")
        await counter.say("Lupita", "listo")
        await counter.give("Beto")

        stale = await counter.tap("Lupita", f"end:{old}")
        fresh = await counter.tap("Lupita", f"end:{await counter.handoff_of('Beto')}")

        assert stale == [("Lupita", words.NOTHING_OPEN)]
        assert ("Beto", words.ended_for_customer("Lupita")) in fresh

    at_the_counter(database_url, play)


@pytest.mark.parametrize(
    ("payload", "reply"),
    [("take", words.HANDOFF_OVER), ("dec", words.NOT_ASKED_ANY_MORE), ("snz", words.NOT_ASKED_ANY_MORE)],
)
def test_the_buttons_of_an_alert_that_is_over_do_nothing(database_url: str, payload: str, reply: str) -> None:
    """They stay on the screen for ever."""

    async def play(counter: Counter) -> None:
        await counter.give("Ana")
        old = await counter.handoff_of("Ana")
        await counter.say("Lupita", "listo")

        heard = await counter.tap("Lupita", f"{payload}:{old}")

        assert heard == [("Lupita", reply)]
        assert await counter.states() == {"Ana": ("ended", "Lupita")}

    at_the_counter(database_url, play)


def test_a_customer_is_passed_on_by_name(database_url: str) -> None:
    """The one who has them, the one who gets them and the customer are told."""

    async def play(counter: Counter) -> None:
        await counter.give("Ana")

        heard = await counter.say("Lupita", "pásala con Rosa")

        assert ("Lupita", words.passed_on("Ana", "Rosa")) in heard and ("Ana", words.connected("Rosa")) in heard
        assert await counter.states() == {"Ana": ("offered", "Rosa")}

    at_the_counter(database_url, play)


def test_a_customer_is_not_passed_on_to_nobody_or_to_somebody_busy(database_url: str) -> None:
    """The human keeps them and reads who else there is."""

    async def play(counter: Counter) -> None:
        await counter.give("Ana")
        asked = await counter.say("Lupita", "pasar")
        await counter.give("Beto", "Rosa")

        busy = await counter.say("Lupita", "pasar a rosa")

        assert asked == [("Lupita", words.cannot_pass_on(["Rosa"], None))]
        assert busy == [("Lupita", words.cannot_pass_on([], "Rosa"))]
        assert await counter.states() == {"Ana": ("active", "Lupita"), "Beto": ("active", "Rosa")}

    at_the_counter(database_url, play)


def test_the_line_shows_who_is_with_whom(database_url: str) -> None:
    """Everybody who is not done, the oldest first."""

    async def play(counter: Counter) -> None:
        await counter.give("Ana")
        await counter.say("Beto", PLEASE)
        await counter.say("Carla", PLEASE)

        heard = await counter.say("Lupita", "fila")

        lines = ["1. Ana: con Lupita", "2. Beto: le avisé a Rosa", "3. Carla: espera"]
        assert heard == [("Lupita", words.line(lines))]

    at_the_counter(database_url, play)


def test_help_is_answered_to_the_human_alone(database_url: str) -> None:
    """With a customer or without one."""

    async def play(counter: Counter) -> None:
        without = await counter.say("Lupita", "ayuda")
        await counter.give("Ana")

        within = await counter.say("Lupita", "ayuda")

        assert without == within == [("Lupita", words.HANDOFF_HELP)]

    at_the_counter(database_url, play)


def test_somebody_elses_customer_is_taken_only_after_ten_minutes_alone(database_url: str) -> None:
    """Until then the one who has them keeps them."""

    async def play(counter: Counter) -> None:
        await counter.give("Ana")
        await counter.say("Lupita", "hola Ana")
        await counter.say("Ana", "¿cuánto cuesta el tinte?")

        early = await counter.say("Rosa", "tomar ana")
        await counter.wait(11)
        late = await counter.say("Rosa", "tomar ana")

        assert early == [("Rosa", words.taken_by("Lupita", "Ana"))]
        assert sorted(late) == [
            ("Ana", words.joined("Rosa")),
            ("Lupita", words.taken_by("Rosa", "Ana")),
            ("Rosa", words.taken("Ana")),
        ]

    at_the_counter(database_url, play)


def test_a_human_with_a_customer_finishes_before_taking_another(database_url: str) -> None:
    """One at a time."""

    async def play(counter: Counter) -> None:
        await counter.say("Beto", "hola")
        await counter.give("Ana")

        heard = await counter.say("Lupita", "tomar beto")

        assert heard == [("Lupita", words.finish_first("Ana"))]

    at_the_counter(database_url, play)


# Without a customer -----------------------------------------------------------------------------------


def test_a_conversation_is_taken_unasked_and_given_back(database_url: str) -> None:
    """Lupita steps in by name and by the last digits; the customer hears who writes, and who goes."""

    async def play(counter: Counter) -> None:
        await counter.say("Ana", "hola")

        taken = await counter.say("Lupita", "tomar 5678")
        said = await counter.say("Lupita", "Hola Ana, ¿en qué te ayudo?")
        ended = await counter.say("Lupita", "listo")

        assert sorted(taken) == [("Ana", words.joined("Lupita")), ("Lupita", words.taken("Ana"))]
        assert said == [("Ana", "Hola Ana, ¿en qué te ayudo?")]
        assert ("Ana", words.ended_for_customer("Lupita")) in ended

    at_the_counter(database_url, play)


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("tomar", words.NOBODY_WAITS),
        ("tomar zutanita", words.unknown_customer("zutanita")),
        ("fila", words.NOBODY_WAITS),
        ("deshacer", words.CANNOT_UNDO),
        ("enviar", words.NOTHING_KEPT),
        ("pasar a rosa", words.NOTHING_OPEN),
    ],
)
def test_orders_without_a_customer_say_that_there_is_nothing(database_url: str, text: str, reply: str) -> None:
    """Nothing is sent to anybody."""

    async def play(counter: Counter) -> None:
        assert await counter.say("Lupita", text) == [("Lupita", reply)]

    at_the_counter(database_url, play)


def test_listo_without_a_customer_is_answered_for_what_it_is(database_url: str) -> None:
    """There is nothing to end, and that is said; no error and no handoff."""

    async def play(counter: Counter) -> None:
        heard = await counter.say("Lupita", "listo")

        assert heard == [("Lupita", words.NOTHING_OPEN)]
        assert await counter.states() == {}

    at_the_counter(database_url, play)


# Said to Parlo ----------------------------------------------------------------------------------------


def test_what_was_said_aside_is_sent_exactly_once_when_it_is_ordered(database_url: str) -> None:
    """The customer hears nothing until then, and nothing a second time."""

    async def play(counter: Counter) -> None:
        await counter.give("Ana")

        aside = await counter.say("Lupita", "parlo, ¿qué tengo hoy?")
        sent = await counter.say("Lupita", "enviar")
        again = await counter.say("Lupita", "enviar")

        assert [name for name, _ in aside] == ["Lupita"]
        assert "Citas de hoy" in aside[0][1] and words.kept_aside("Ana") in aside[0][1]
        assert sent == [("Ana", "parlo, ¿qué tengo hoy?")]
        assert again == [("Lupita", words.NOTHING_KEPT)]

    at_the_counter(database_url, play)


def test_the_model_is_not_needed_for_orders(database_url: str) -> None:
    """With the model down a human can take, look, pass on and end."""

    async def play(counter: Counter) -> None:
        counter.salon.scene.model.inject("down", until=counter.salon.scene.parts.after(3000))
        await counter.say("Ana", PLEASE)
        counter.heard()

        taken = await counter.say("Lupita", "tomar")
        told = await counter.say("Lupita", "te hago un descuento del 10%")
        ended = await counter.say("Lupita", "listo")

        assert taken == [("Lupita", words.taken("Ana"))]
        assert sorted(told) == [
            ("Ana", "te hago un descuento del 10%"),
            ("Lupita", words.how_to_end("Ana")),
        ]
        assert ("Ana", words.ended_for_customer("Lupita")) in ended

    at_the_counter(database_url, play)


# Quoting ------------------------------------------------------------------------------------------------


def test_an_answer_that_quotes_another_customer_goes_to_that_one(database_url: str) -> None:
    """Lupita has Beto and quotes a word of Ana's, whose conversation is over."""

    async def play(counter: Counter) -> None:
        await counter.give("Ana")
        await counter.say("Ana", "¿a qué hora abren?")
        quoted = counter.sid_of("Lupita", "¿a qué hora abren?")
        await counter.say("Lupita", "listo")
        await counter.give("Beto")

        heard = await counter.say("Lupita", "a las nueve", replied_to_sid=quoted)

        assert sorted(heard) == [("Ana", "a las nueve"), ("Lupita", words.relayed_by_quote("Ana"))]
        assert await counter.states() == {"Ana": ("ended", "Lupita"), "Beto": ("active", "Lupita")}

    at_the_counter(database_url, play)


def test_an_answer_that_quotes_the_same_customer_is_an_answer_like_any_other(database_url: str) -> None:
    """Nothing is said about it."""

    async def play(counter: Counter) -> None:
        await counter.give("Ana")
        await counter.say("Ana", "¿abren?")

        heard = await counter.say("Lupita", "sí", replied_to_sid=counter.sid_of("Lupita", "¿abren?"))

        assert heard == [("Ana", "sí")]

    at_the_counter(database_url, play)


def test_a_quote_reaches_a_customer_whose_conversation_is_over(database_url: str) -> None:
    """Lupita has nobody; what she answers by quoting goes out as before."""

    async def play(counter: Counter) -> None:
        await counter.give("Ana")
        await counter.say("Ana", "¿a qué hora abren?")
        quoted = counter.sid_of("Lupita", "¿a qué hora abren?")
        await counter.say("Lupita", "listo")

        heard = await counter.say("Lupita", "a las nueve", replied_to_sid=quoted)

        assert sorted(heard) == [("Ana", "a las nueve"), ("Lupita", words.relayed_by_quote("Ana"))]

    at_the_counter(database_url, play)


def test_a_late_no_that_quotes_a_customer_is_for_that_customer(database_url: str) -> None:
    """Lupita is offered nobody, so "no puedo" declines nothing; the quote says to whom it is said."""

    async def play(counter: Counter) -> None:
        await counter.give("Ana")
        await counter.say("Ana", "¿me puedes atender a las siete?")
        quoted = counter.sid_of("Lupita", "¿me puedes atender a las siete?")
        await counter.say("Lupita", "listo")
        await counter.wait(5)

        heard = await counter.say("Lupita", "no puedo", replied_to_sid=quoted)

        assert sorted(heard) == [("Ana", "no puedo"), ("Lupita", words.relayed_by_quote("Ana"))]

    at_the_counter(database_url, play)
