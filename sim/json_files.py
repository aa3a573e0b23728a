"""Reads a JSON file that people write by hand over many lines into a struct, with every fault and its line.

The loaders of worlds and of suites call it. What the fields mean is theirs to check.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from sim.fields import Fault, decode_value
from sim.json_positions import find_line
from sim.jsonlines import parse_object
from sim.problems import MalformedInput, Problem

T = TypeVar("T")


def read_json_file(path: Path, kind: type[T], check: Callable[[T], Sequence[Fault]]) -> T:
    """The object in this file as a struct that `check` finds nothing wrong with.

    Raises:
        MalformedInput: With every fault and its line.
    """
    try:
        raw = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        value = parse_object(raw)
    except OSError as error:
        raise MalformedInput([Problem(str(path), message=f"cannot be read: {error.strerror or error}")]) from error
    except ValueError as error:
        line = 1 + raw.count(b"\n", 0, _position_in(str(error)))
        raise MalformedInput([Problem(str(path), line, message=str(error))]) from error
    found = decode_value(value, kind)
    faults = found if isinstance(found, list) else check(found)
    if faults or isinstance(found, list):
        text = raw.decode()
        raise MalformedInput(
            Problem(str(path), find_line(text, fault.path), fault.path, fault.message) for fault in faults
        )
    return found


def _position_in(message: str) -> int:
    """The place in the text that a message of `parse_object` ends with; 0 where it names none."""
    word = message.split(";")[0].rsplit(" ", 1)[-1]
    return int(word) - 1 if word.isdigit() else 0
