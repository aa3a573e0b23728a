"""The guard around a model that hands off: wide enough for every request, and closed to questions about hair."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.domain.spanish.mentions_person import mentions_person

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "intents" / "asks-human.jsonl"


def test_no_request_of_our_own_data_is_kept_from_a_person() -> None:
    """Every labelled request passes, with the names of the people who work there."""
    rows = [json.loads(line) for line in FIXTURES.read_text(encoding="utf-8").splitlines()]
    asking = [row for row in rows if row["label"]]

    missed = [
        row["text"] for row in asking if not mentions_person([row["text"]], row.get("staff", ["Lupita", "Karla"]))
    ]

    assert len(asking) > 100 and missed == []


@pytest.mark.parametrize(
    "text",
    [
        "¿por qué se me cae el pelo después de la keratina?",
        "¿el tinte daña si estoy embarazada?",
        "me cobraron de más y quiero mi dinero",
        "¿cuál es la capital de Mongolia?",
        "¿cuánto dura el gelish y se puede quitar en casa con acetona?",
        "",
    ],
)
def test_a_hard_question_mentions_nobody(text: str) -> None:
    """However hard, sad or angry it is."""
    assert not mentions_person([text], ["Lupita"])


def test_what_was_said_before_counts() -> None:
    """A "sí, por favor" belongs to the question before it, and a name to whoever works there."""
    assert mentions_person(["sí, por favor", "¿está la encargada?"])
    assert mentions_person(["¿y Lupita?"], ["Lupita Hernández"]) and not mentions_person(["¿y eso?"], ["Lupita"])
