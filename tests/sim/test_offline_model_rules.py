"""The offline model does what its prompt says, and where the prompt is silent what a careless assistant does."""

from __future__ import annotations

import msgspec
import pytest

from runtime.agent.prompts import load_prompt
from sim.offline_model.rules import Rules, read_rules
from tests.sim.offline_salon import RULES, Salon

ALL = tuple(Rules.__struct_fields__)
OTHER_WORDS = """# Recepcionista de {{business}}
- Antes de reservar, resume y pide al cliente que confirme.
- Solo di que quedó agendado si la herramienta lo confirmó.
- No inventes datos.
- Si no hay lugar a esa hora, propón las opciones que dio la herramienta.
- Haz una pregunta a la vez.
- Pasa con una persona únicamente cuando el cliente lo solicite.
## Negocio
"""


def leave_out(*words: str) -> str:
    """The rules without the lines in which these words stand."""
    lines = [line for line in RULES.splitlines() if not any(each in line for each in words)]
    assert len(lines) == len(RULES.splitlines()) - len(words)
    return "\n".join(lines)


def broken_rules(prompt: str) -> list[str]:
    """The rules that a prompt does not give."""
    return [name for name, holds in msgspec.structs.asdict(read_rules(prompt)).items() if not holds]


def test_the_prompt_in_production_gives_every_rule() -> None:
    """Whoever leaves one out by mistake learns it here too."""
    assert broken_rules(load_prompt("customer@1").text) == []


def test_a_rule_may_be_given_in_other_words_and_in_any_order() -> None:
    """A prompt that is only reworded is obeyed like the other."""
    head, *rules, tail = OTHER_WORDS.strip().splitlines()

    assert broken_rules(OTHER_WORDS) == []
    assert broken_rules("\n".join([head, *reversed(rules), tail])) == []


@pytest.mark.parametrize("number", range(len(ALL)))
def test_a_rule_that_is_left_out_is_the_only_one_that_is_missed(number: int) -> None:
    """One line, one rule."""
    lines = OTHER_WORDS.splitlines()
    del lines[number + 1]
    order = ("confirms", "keeps_word", "invents_nothing", "lists_times", "one_question", "transfers_on_request")

    assert broken_rules("\n".join(lines)) == [order[number]]


@pytest.mark.parametrize(
    ("words", "missed"),
    [
        ("No agendes nada sin que el cliente lo confirme", "keeps_word"),
        ("Nunca asegures que una cita quedó lista sin que la herramienta lo diga", "confirms"),
    ],
)
def test_a_rule_may_be_given_by_forbidding_its_opposite(words: str, missed: str) -> None:
    """As people write prompts."""
    head, *rules, tail = OTHER_WORDS.strip().splitlines()
    kept = [each for each in rules if "confirm" not in each]

    assert broken_rules("\n".join([head, *kept, f"- {words}.", tail])) == [missed]


@pytest.mark.parametrize(
    ("said", "instead", "missed"),
    [
        ("resume y pide al cliente que confirme", "hazlo de inmediato, sin pedir que confirme", "confirms"),
        ("No inventes datos", "Si no sabes algo, inventa", "invents_nothing"),
        ("únicamente cuando el cliente lo solicite", "siempre que dudes", "transfers_on_request"),
    ],
)
def test_the_opposite_of_a_rule_does_not_give_it(said: str, instead: str, missed: str) -> None:
    """To mention something is not to ask for it."""
    assert broken_rules(OTHER_WORDS.replace(said, instead)) == [missed]


def test_what_is_no_prompt_of_ours_gives_no_rules_to_break() -> None:
    """Nothing is known of how its assistant should behave."""
    assert read_rules("You are a helpful assistant.") == Rules()
    assert len(broken_rules("# Recepcionista de Lupita\n## Negocio")) == len(ALL)


async def test_without_the_rule_it_books_without_asking() -> None:
    """The appointment is there before anybody confirmed it."""
    words = "hola, quiero un corte de dama mañana a las 4, soy Ana López"

    careful = await Salon(customer="Ana López").say(words)
    careless = await Salon(customer="Ana López", rules=leave_out("Para agendar")).say(words)

    assert "book_appointment" not in careful.names
    assert careful.text.endswith("¿La agendo?")
    assert "book_appointment" in careless.names


async def test_without_the_rule_it_says_booked_what_is_not() -> None:
    """No tool had a part in it."""
    careless = Salon(customer="Ana López", rules=leave_out("Nunca digas que algo"))

    reply = await careless.say("quiero un corte de dama mañana a las 4")

    assert "quedó agendada" in reply.text
    assert "book_appointment" not in reply.names
    assert careless.visits == []


async def test_without_the_rule_it_makes_up_what_it_does_not_know() -> None:
    """A service that is not offered, and a way to pay that nobody named."""
    careful, careless = Salon(), Salon(rules=leave_out("no lo inventas"))

    assert "$" not in (await careful.say("¿cuánto cuesta un masaje relajante?")).text
    assert "$350" in (await careless.say("¿cuánto cuesta un masaje relajante?")).text
    assert "No tengo información" in (await careful.say("¿aceptan tarjeta?")).text
    assert "no hay problema" in (await careless.say("¿aceptan tarjeta?")).text


async def test_without_the_rule_it_offers_no_times_in_place_of_a_taken_one() -> None:
    """Whoever asked has to guess."""
    taken = ("martes 13 de enero, 4:00 PM",)
    words = "quiero un corte de dama mañana a las 4"

    careful = await Salon(customer="Ana López", taken=taken).say(words)
    careless = await Salon(customer="Ana López", taken=taken, rules=leave_out("ofrece los horarios")).say(words)

    assert "1)" in careful.text
    assert "1)" not in careless.text
    assert "ocupado" in careless.text


async def test_without_the_rule_it_asks_two_things_at_once() -> None:
    """Every question is followed by another."""
    careful = await Salon(customer="Ana López").say("quiero una cita")
    careless = await Salon(customer="Ana López", rules=leave_out("Una sola pregunta")).say("quiero una cita")

    assert (careful.text.count("?"), careless.text.count("?")) == (1, 2)


async def test_without_the_rule_it_puts_through_whoever_it_does_not_understand() -> None:
    """Nobody asked for a person."""
    words = "necesito el asunto aquel del otro día"

    careful = await Salon().say(words)
    careless = await Salon(rules=leave_out("Comunica con una persona")).say(words)

    assert careful.names == []
    assert careless.names == ["handoff_to_human"]
