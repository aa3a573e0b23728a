"""The offline model's own labelled messages, for the two prompts that it answers in place of a real model.

`classify` calls `load_own`. A row of `examples/*.jsonl` is `{"label": …, "text": …}`. All of them were written for this
project, none comes from a customer or from a data set: messages as salons get them, with what was missed when it was
measured on messages nobody had learned from, which are then learned from as well (`fixtures/intents`, split `dev`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

_FOLDER = Path(__file__).with_name("examples")
_OPENINGS = {
    "Un cliente de un negocio de belleza escribe por WhatsApp": "asks_human",
    "La persona que atiende un negocio de belleza está hablando por WhatsApp": "owner_intent",
}
"""The first words of a prompt, by which it is known: a request does not carry its name."""


_LEANS: dict[str, dict[str, float]] = {"asks_human": {"si": 0.27}, "owner_intent": {"end": 0.1, "aside": 0.15}}
"""Chosen by cross-validation and on unseen batches: a request that is missed costs as much as one heard wrongly, and
what is kept aside can still be sent."""


class Example(msgspec.Struct, frozen=True, cache_hash=True):
    """One labelled message."""

    label: str
    text: str


def load_own(prompt: str) -> tuple[Example, ...]:
    """Our examples for a prompt; none for one that begins otherwise than the two."""
    name = _name(prompt)
    return () if name is None else _read(name)


def load_leans(prompt: str) -> Mapping[str, float]:
    """What is added to the margin of which label for a prompt; nothing for most."""
    return _LEANS.get(_name(prompt) or "", {})


def _name(prompt: str) -> str | None:
    return next((name for opening, name in _OPENINGS.items() if prompt.startswith(opening)), None)


@cache
def _read(name: str) -> tuple[Example, ...]:
    return tuple(msgspec.json.Decoder(Example).decode_lines((_FOLDER / f"{name}.jsonl").read_bytes()))
