"""Reads a JSON Lines file line by line, tolerant of how it was saved and exact about what is broken.

A byte-order mark, CRLF line ends and blank lines are accepted. Bad UTF-8, NUL bytes, broken JSON,
a key given twice and a line without end are `Problem`s with their line. Called by the transcript
loader and by the importers; it never looks inside an object.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from sim.problems import Problem

MAX_LINE_BYTES = 4 * 1024 * 1024
"""A longer line is refused unread: the longest WhatsApp message is 4,096 characters."""

_BOM = b"\xef\xbb\xbf"


class JsonLine(NamedTuple):
    """One object of the file; `number` counts from 1, blank lines included."""

    number: int
    value: dict[str, object]


class _DuplicateKey(ValueError):
    """A key stands twice in one object."""


def read_json_lines(path: Path, name: str | None = None) -> Iterator[JsonLine | Problem]:
    """The objects of a file and its faults, in order of their lines. `name` is what problems call it."""
    name = name or str(path)
    try:
        with path.open("rb") as file:
            for number, raw in _cut_lines(file):
                item = _read_line(name, number, raw)
                if item is not None:
                    yield item
    except OSError as error:
        yield Problem(name, message=f"cannot be read: {error.strerror or error}")


def _cut_lines(file: IO[bytes]) -> Iterator[tuple[int, bytes | int]]:
    """Numbered lines without their ends; one that is too long comes as its size only."""
    number = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        size = len(raw)
        while size > MAX_LINE_BYTES and not raw.endswith(b"\n"):
            raw = file.readline(MAX_LINE_BYTES)
            size += len(raw)
            if not raw:
                break
        if size > MAX_LINE_BYTES + 1:
            yield number, size
            continue
        yield number, raw.removeprefix(_BOM) if number == 1 else raw


def _read_line(name: str, number: int, raw: bytes | int) -> JsonLine | Problem | None:
    if isinstance(raw, int):
        return Problem(name, number, message=f"the line has {raw:,} bytes; at most {MAX_LINE_BYTES:,} are read")
    raw = raw.strip()
    if not raw:
        return None
    try:
        return JsonLine(number, parse_object(raw))
    except ValueError as error:
        return Problem(name, number, message=str(error))


def parse_object(raw: bytes) -> dict[str, object]:
    """One JSON object from its bytes.

    Raises:
        ValueError: It is not one; the message says why, and where in the text.
    """
    if (at := raw.find(b"\0")) >= 0:
        raise ValueError(f"a NUL byte at position {at + 1}; write it as \\u0000")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: byte 0x{raw[error.start]:02x} at position {error.start + 1}") from None
    try:
        value = json.loads(text, object_pairs_hook=_object_of, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at position {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("expected an object in braces")
    _refuse_lone_surrogates(raw)
    return value


def _object_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _DuplicateKey(f"not usable: the key {twice!r} stands twice in one object")
    return result


def _refuse_constant(word: str) -> object:
    raise ValueError(f"not JSON: {word} is not a number")


def _refuse_lone_surrogates(raw: bytes) -> None:
    """Half of a surrogate pair passes Python's parser and can then be neither stored nor sent."""
    if b"\\u" not in raw:
        return
    try:
        msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise ValueError(f"not JSON: {error}") from None
