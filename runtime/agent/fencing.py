"""Somebody's words between marks that they cannot close, for the classifiers' prompts. Never judges them."""

from __future__ import annotations

import re

TEXT_WIDTH = 1500
"""Characters of a message in a prompt; its middle is cut."""

_MARKS = re.compile(r"<{3,}|>{3,}")


def fence(text: str) -> str:
    """`<<<…>>>` around a message of at most `TEXT_WIDTH` characters without such marks."""
    return f"<<<{defuse(_cut_middle(text))}>>>"


def defuse(text: str) -> str:
    """No fence marks. A space in their place, so that what is left of two marks cannot make a third."""
    text = _MARKS.sub(" ", text)
    # next to our own marks a single one would lengthen them
    return text.strip("<>") if text[:1] in "<>" or text[-1:] in "<>" else text


def _cut_middle(text: str) -> str:
    if len(text) <= TEXT_WIDTH:
        return text
    return f"{text[: TEXT_WIDTH * 2 // 3]} … {text[-TEXT_WIDTH // 3 :]}"
