"""Texts of strangers made safe and readable for the report: escaped, capped, with invisible characters shown.

The template never marks anything safe by itself; the markup that comes from here is the only exception.
"""

from __future__ import annotations

import re

import msgspec
from markupsafe import Markup, escape

SHOWN_AT_ONCE = 600
SHOWN_AT_ALL = 6000
JSON_LIMIT = 3000

# Everything that moves a cursor, hides, or turns the direction of what follows. Joiners inside emoji stay.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
)


class ShownText(msgspec.Struct, frozen=True):
    """A text in two parts: what is seen at once, and what a click shows. `left_out` counts what is not here."""

    head: Markup
    rest: Markup | None = None
    length: int = 0
    left_out: int = 0


def show_text(text: str) -> ShownText:
    """A message for a bubble, safe to put into the page."""
    plain = text.replace("\r\n", "\n")
    if len(plain) <= SHOWN_AT_ONCE * 1.25:
        return ShownText(head=mark_up(plain), length=len(plain))
    return ShownText(
        head=mark_up(plain[:SHOWN_AT_ONCE]),
        rest=mark_up(plain[SHOWN_AT_ONCE:SHOWN_AT_ALL]),
        length=len(plain),
        left_out=max(0, len(plain) - SHOWN_AT_ALL),
    )


def mark_up(text: str) -> Markup:
    """The text escaped, each invisible character as a small chip with its code point."""
    if _INVISIBLE.search(text) is None:
        return escape(text)
    parts: list[str] = []
    end = 0
    for found in _INVISIBLE.finditer(text):
        parts += [str(escape(text[end : found.start()])), f'<span class="ctl">U+{ord(found[0]):04X}</span>']
        end = found.end()
    return Markup("").join([Markup(part) for part in [*parts, str(escape(text[end:]))]])


def spell_out(value: object) -> object:
    """A plain text with its invisible characters spelt out; markup and everything else as it is.

    The template engine calls this on all it prints, so that attributes and names are safe too.
    """
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return _INVISIBLE.sub(lambda found: f"[U+{ord(found[0]):04X}]", value)


def show_json(value: object) -> Markup:
    """A value as indented JSON, capped; a text that is not JSON as it is."""
    text = value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    cut = f"\n… {len(text) - JSON_LIMIT:,} more characters in events.jsonl" if len(text) > JSON_LIMIT else ""
    return mark_up(text[:JSON_LIMIT]) + cut


def shorten(text: str, limit: int) -> str:
    """A text on one line, cut with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
