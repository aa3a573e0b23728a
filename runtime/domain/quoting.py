"""Somebody's words inside other words: one short line, which cannot pass for anything around it."""

from __future__ import annotations


def shorten(text: str, limit: int) -> str:
    """The text in one line of at most `limit` characters, the last of them … where something was left out."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
