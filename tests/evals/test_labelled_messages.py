"""The labelled messages of fixtures/intents: enough of each kind, each once, and kept apart from what was learned."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from runtime.domain.spanish.folding import fold_words

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "intents"
FILES = ("owner-intent", "asks-human")


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A labelled message.

    `history` holds lines such as `Ana: …`, oldest first. Rows with a `batch` were measured once, unseen, and learned
    from afterwards: they can only be `dev`.
    """

    text: str
    label: bool | str
    hard: bool
    split: Literal["dev", "test"]
    history: tuple[str, ...] = ()
    batch: int | None = None


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
def test_a_hundred_messages_are_kept_that_nobody_built_on(name: str) -> None:
    """They came from a last batch by the hash of their words, and were put here without being read."""
    rows = [row for row in load(name) if row.split == "test"]

    assert len(rows) >= 95
    assert all(row.batch is None for row in rows)


@pytest.mark.parametrize("name", FILES)
def test_what_was_learned_from_is_not_measured_again(name: str) -> None:
    """A batch that was looked into is no test any more."""
    rows = [row for row in load(name) if row.batch is not None]

    assert len(rows) >= 150
    assert {row.split for row in rows} == {"dev"}
