"""The offline model as a classifier that learns from the examples of its prompt, and from nothing else."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.offline_model import MODEL_NAME
from sim.offline_model.classify import classify, read_examples, read_subject, score_labels
from sim.offline_model.wire import answer_http
from tests.sim.offline_salon import Salon

OWNER = """Decide qué es el mensaje. Contesta con una sola palabra:
- relay: es para el cliente
- end: es para Parlo
Ejemplos:
end | listo
end | ya terminé
end | fin
end | ya acabé con ella
end | puedes seguir tú
relay | listo, te espero mañana a las 4
relay | ok
relay | ¿a qué hora puedes venir?
relay | cuesta $250
relay | nos vemos el sábado
"""


def ask(prompt: str, text: str, **extra: object) -> str:
    """The answer to a fenced text."""
    messages = [{"role": "system", "content": prompt}, {"role": "user", "content": f"<<<{text}>>>"}]
    body = msgspec.json.encode({"model": MODEL_NAME, "messages": messages, **extra})
    reply = msgspec.json.decode(answer_http("POST", "/v1/chat/completions", "Bearer k", body).body)
    content: str = reply["choices"][0]["message"]["content"]
    return content


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Listo.", "end"),
        ("ya termine", "end"),
        ("ya acabe con el", "end"),
        ("sigue tú", "end"),
        ("listo, te veo el sábado a las 5", "relay"),
        ("ok", "relay"),
        ("a que hora vienes?", "relay"),
        ("cuesta $300 con lavado", "relay"),
    ],
)
def test_near_examples_decide(text: str, label: str) -> None:
    """Missing accents, other numbers and other words around are forgiven."""
    assert ask(OWNER, text) == label


def test_editing_an_example_changes_the_answer() -> None:
    """There is no rule about what a label means."""
    assert ask(OWNER, "cuesta $300") == "relay"
    assert ask(OWNER.replace("relay | cuesta", "end | cuesta"), "cuesta $300") == "end"


def test_labels_are_whatever_the_prompt_says() -> None:
    """Another task with other labels works as well."""
    prompt = "fruta | manzana roja\nfruta | pera verde\nverdura | lechuga fresca\nverdura | zanahoria"

    assert ask(prompt, "una manzana") == "fruta"
    assert ask(prompt, "lechugas") == "verdura"


@pytest.mark.parametrize("text", ["", "   ", "🤷", "zzz www", "x" * 3000])
def test_nothing_near_gives_the_most_frequent_label(text: str) -> None:
    """Odd input is answered with a label of the prompt all the same."""
    assert ask("si | claro que sí\nno | nunca jamás\nno | de ninguna manera", text) == "no"


def test_a_json_schema_with_an_enum_is_answered_in_json() -> None:
    """Structured output carries the label where the enum is."""
    schema = {
        "type": "object",
        "properties": {"intent": {"type": "string", "enum": ["relay", "end"]}},
        "required": ["intent"],
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "intent", "schema": schema}}

    assert msgspec.json.decode(ask(OWNER, "ya terminé", response_format=wanted)) == {"intent": "end"}


def test_the_prompt_of_the_agent_is_no_list_of_examples() -> None:
    """Its services and pending flow hold bars, too, but teach nothing."""
    salon = Salon(flow="reserva | servicio: Corte de dama | cuándo: viernes | paso: fecha")

    assert read_examples(salon.prompt()) == ()


def test_the_fence_is_taken_off() -> None:
    """Only what stands in the fence is judged."""
    assert read_subject("texto: <<< hola\nqué tal >>> fin") == "hola\nqué tal"
    assert read_subject("sin cerca") == "sin cerca"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_any_text_gets_a_label_and_shares_that_sum_to_one(text: str) -> None:
    """The classifier is total."""
    examples = read_examples(OWNER)

    assert classify(examples, text) in ("relay", "end")
    assert abs(sum(score_labels(examples, text).values()) - 1) < 1e-9
