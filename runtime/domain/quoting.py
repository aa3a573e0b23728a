"""Somebody's words inside other words: one short line, which cannot pass for anything around it."""

from __future__ import annotations

from collections.abc import Sequence


def shorten(text: str, limit: int) -> str:
    """The text in one line of at most `limit` characters, the last of them … where something was left out."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def cut_middle(text: str, limit: int) -> str:
    """The text with its middle left out where it is longer than `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit * 2 // 3]} … {text[-(limit // 3) + 3 :]}"


def condense(lines: Sequence[str], *, most: int = 20, most_chars: int = 8000) -> tuple[str, ...]:
    """What somebody wrote in a row, as much of it as may be put before a model.

    What is repeated at once is said once. Of more than `most` lines, or `most_chars` characters, the last ones are
    kept, each different one once, under a line that says how many were left out.
    """
    kept = [line for index, line in enumerate(lines) if index == 0 or line != lines[index - 1]]
    if len(kept) > most:
        kept = list(dict.fromkeys(reversed(kept)))[:most][::-1]
    kept = [cut_middle(line, most_chars // 2) for line in kept]
    while sum(map(len, kept)) > most_chars:
        kept.pop(0)
    shown = set(kept)
    hidden = sum(line not in shown and cut_middle(line, most_chars // 2) not in shown for line in lines)
    return (f"[{hidden} mensajes más]", *kept) if hidden else tuple(kept)
