"""The offline model as a classifier that learns from the examples of its prompt and, for two prompts, from its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.agent.prompts import load_prompt
from runtime.settings import Settings
from sim.offline_model import MODEL_NAME
from sim.offline_model.classify import classify, read_examples, read_subject, score_labels
from sim.offline_model.own_examples import load_leans, load_own
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


@settings(max_examples=60)
@given(st.text(max_size=80))
def test_any_text_gets_a_label_and_shares_that_sum_to_one(text: str) -> None:
    """The classifier is total."""
    examples = read_examples(OWNER)

    assert classify(examples, text) in ("relay", "end")
    assert abs(sum(score_labels(examples, text).values()) - 1) < 1e-9


# Its own examples ------------------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[2]
PROMPTS = (Settings().owner_intent_prompt, Settings().asks_human_prompt)
SAID = ["ya acabé con la señora", "mejor con quien manda", "te veo el martes", "¿quién va a venir?", "zzz"]
SCORE = """
import sys
from runtime.agent.prompts import load_prompt
from sim.offline_model.classify import read_examples, score_labels
examples = read_examples(load_prompt(sys.argv[1]).text)
print([sorted(score_labels(examples, said).items()) for said in sys.argv[2:]])
"""


@pytest.mark.parametrize("reference", PROMPTS)
def test_the_two_prompts_have_examples_of_their_own_and_some_dozens_in_the_prompt(reference: str) -> None:
    """The prompt is what a real model reads, and pays for; the offline model needs more than that."""
    prompt = load_prompt(reference).text

    told = [line for line in prompt.splitlines() if " | " in line]

    assert 40 <= len(told) <= 70 and len(prompt) < 5000
    assert len(load_own(prompt)) > 1000
    assert {example.label for example in load_own(prompt)} == {line.split(" | ")[0] for line in told}


def test_relay_is_the_commonest_label_among_an_owners_examples() -> None:
    """Where nothing is known of a message the commonest label is answered, and in doubt a message is relayed."""
    examples = read_examples(load_prompt(Settings().owner_intent_prompt).text)

    counts = Counter(example.label for example in examples)

    assert counts.most_common(1)[0][0] == "relay"
    assert classify(examples, "🪿 xyzzy qwrtp") == "relay"


def test_an_example_of_the_prompt_counts_against_its_own() -> None:
    """Editing a prompt moves what is answered, whatever stands in the file."""
    prompt = load_prompt(Settings().owner_intent_prompt).text
    (own,) = (example for example in load_own(prompt) if example.text == "ya acabé con el cliente, gracias")

    examples = read_examples(f"{prompt}\nrelay | {own.text}\n")

    assert own.label == "end"
    assert [example.label for example in examples if example.text == own.text] == ["relay"]


def test_another_prompt_with_the_same_labels_has_only_its_own_lines() -> None:
    """A prompt is known by its first words."""
    assert load_own("Otra cosa.\nsi | claro\nno | nunca") == ()
    assert load_leans("Otra cosa.\nsi | claro\nno | nunca") == {}


@pytest.mark.parametrize("reference", PROMPTS)
def test_every_process_gives_the_same_shares(reference: str) -> None:
    """To the last digit, whatever seed Python's own hashes have."""
    shown = [
        subprocess.run(
            [sys.executable, "-c", SCORE, reference, *SAID],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]

    examples = read_examples(load_prompt(reference).text)
    here = f"{[sorted(score_labels(examples, said).items()) for said in SAID]}\n"
    assert shown == [here, here]


@pytest.mark.parametrize("reference", PROMPTS)
def test_it_is_fitted_once_and_quick_after_that(reference: str) -> None:
    """A simulation asks it thousands of times."""
    examples = read_examples(load_prompt(reference).text)
    score_labels(examples, "primero")
    began = time.process_time()

    for number in range(100):
        score_labels(examples, f"ya quedé con ella para el {number}, te la dejo")

    assert (time.process_time() - began) / 100 < 0.005
