"""What a transcript's `expect` and `end` lines ask for, read back from a stored record.

A record carries its expectations as they were written, so that an old run can be scored again
without its transcripts. A spec that no longer fits the format becomes a broken verdict with the
reason, never a crash.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from sim.record import ConversationRecord, Expectation
from sim.transcripts.structs import End, Expect


class Asked(msgspec.Struct, frozen=True):
    """A turn expectation and the events it is about: `events[first:stop]`."""

    wanted: Expect
    first: int
    stop: int


def read_turns(record: ConversationRecord) -> Iterator[Asked]:
    """The `expect` lines that can be read, in order."""
    for expectation in record.expectations:
        if expectation.kind == "expect" and explain_unreadable(expectation) is None:
            wanted = msgspec.convert(expectation.spec, Expect)
            yield Asked(wanted=wanted, first=expectation.first, stop=expectation.stop)


def read_ends(record: ConversationRecord) -> Iterator[End]:
    """The `end` lines that can be read."""
    for expectation in record.expectations:
        if expectation.kind == "end" and explain_unreadable(expectation) is None:
            yield msgspec.convert(expectation.spec, End)


def explain_unreadable(expectation: Expectation) -> str | None:
    """Why an expectation cannot be read, or None."""
    wanted: type[Expect | End] = Expect if expectation.kind == "expect" else End
    try:
        msgspec.convert(expectation.spec, wanted)
    except msgspec.ValidationError as error:
        return str(error)
    return None
