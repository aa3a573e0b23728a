"""Finds the line on which a value of a JSON document stands, given the path a fault was reported at.

Called by the world loader, whose files are written by hand over many lines. It expects a document
that has been parsed already and gives up quietly (line 0) where the path is not there.
"""

from __future__ import annotations

import re
from json.decoder import JSONDecoder

_SPACE = re.compile(r"[ \t\r\n]*")
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def find_line(text: str, path: str) -> int:
    """The line (from 1) of the value at `path`, for example `organizations[0].staff[1].phone`.

    A path that goes further than the document gives the line of its deepest part that exists.
    """
    at = _skip(text, 0)
    for index, key in _STEP.findall(path):
        deeper = _find_item(text, at, int(index)) if index else _find_key(text, at, key)
        if deeper is None:
            break
        at = deeper
    return text.count("\n", 0, at) + 1


def _find_key(text: str, at: int, wanted: str) -> int | None:
    if text[at] != "{":
        return None
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = _scan(text, at)
        at = _skip(text, _skip(text, at) + 1)
        if key == wanted:
            return at
        at = _next(text, at)
    return None


def _find_item(text: str, at: int, wanted: int) -> int | None:
    if text[at] != "[":
        return None
    at = _skip(text, at + 1)
    index = 0
    while text[at] != "]":
        if index == wanted:
            return at
        at = _next(text, at)
        index += 1
    return None


def _next(text: str, at: int) -> int:
    """Past the value at `at` and the comma behind it."""
    at = _skip(text, _scan(text, at)[1])
    return _skip(text, at + 1) if text[at] == "," else at


def _scan(text: str, at: int) -> tuple[object, int]:
    value, end = JSONDecoder().raw_decode(text, at)
    return value, end


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
