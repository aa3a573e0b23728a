"""The labelled messages of fixtures/intents: enough of each kind, each once, and split by their own words."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from runtime.domain.spanish.folding import fold_words

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "intents"
FILES = ("owner-intent", "asks-human")


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A labelled message. `history` holds lines such as `Ana: …`, oldest first."""

    text: str
    label: bool | str
    hard: bool
    split: Literal["dev", "test"]
    history: tuple[str, ...] = ()


def load(name: str) -> list[Row]:
    """Every row of one file."""
    return msgspec.json.Decoder(Row).decode_lines((FOLDER / f"{name}.jsonl").read_bytes())


@pytest.mark.parametrize(
    ("name", "at_least"),
    [("owner-intent", {"relay": 150, "end": 90, "aside": 90}), ("asks-human", {True: 120, False: 200})],
)
def test_there_is_enough_of_each_kind_and_a_third_of_it_is_hard(name: str, at_least: dict[str | bool, int]) -> None:
    """A rate over a handful of easy rows would say nothing."""
    rows = load(name)

    counts = Counter(row.label for row in rows)

    assert len(rows) >= 330
    assert set(counts) == set(at_least)
    assert all(counts[label] >= least for label, least in at_least.items())
    assert sum(row.hard for row in rows) >= len(rows) / 3


@pytest.mark.parametrize("name", FILES)
def test_no_message_is_there_twice(name: str) -> None:
    """However it is dotted, accented or decorated."""
    texts = [fold_words(row.text) or row.text for row in load(name)]

    assert [text for text, times in Counter(texts).items() if times > 1] == []


@pytest.mark.parametrize("name", FILES)
def test_the_hash_of_a_message_says_on_which_side_it_is(name: str) -> None:
    """Nobody chose which rows the figures are measured on: an odd first byte of the SHA-256 is `test`."""
    rows = load(name)

    assert [row.text for row in rows if row.split != ("dev", "test")[sha256(row.text.encode()).digest()[0] % 2]] == []
    assert sum(row.split == "test" for row in rows) >= 160
