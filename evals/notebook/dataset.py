"""A suite in a notebook: its conversations and labelled messages as frames, slices of it, and each one to be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from evals.datasets import Conversation, Split, Suite, check_suite, slice_suite
from evals.notebook.frames import Columns, make_frame
from evals.notebook.showing import Card, Talk
from sim.transcripts import ClockEvent, End, Expect, Fault, RecordedTool, Said, Say, Transcript
from sim.transcripts import Event as TranscriptEvent

if TYPE_CHECKING:
    import pandas as pd

CONVERSATIONS: Columns = {
    "id": "str",
    "title": "str",
    "tags": "object",
    "split": "str",
    "must_pass": "bool",
    "messages": "int64",
    "expectations": "int64",
}
MESSAGES: Columns = {
    "id": "str",
    "task": "str",
    "text": "str",
    "label": "str",
    "split": "str",
    "hard": "bool",
    "tags": "object",
}
FINDINGS: Columns = {"kind": "str", "places": "object", "message": "str"}


class Dataset(Card):
    """A suite, or a slice of one.

    Attributes:
        suite: What the commands work on.
    """

    def __init__(self, suite: Suite) -> None:
        self.suite = suite

    def __len__(self) -> int:
        return len(self.suite.conversations)

    def frame(self) -> pd.DataFrame:
        """The conversations.

        Columns: id str, title str, tags object (a tuple), split str, must_pass bool, messages int64 (that people
        write), expectations int64.
        """
        return make_frame(CONVERSATIONS, (_describe(each) for each in self.suite.conversations))

    def messages(self) -> pd.DataFrame:
        """The labelled messages.

        Columns: id str, task str, text str, label str, split str, hard bool (no rule decides it), tags object
        (a tuple).
        """
        rows = (
            (each.id, each.task.value, each.row.text, each.row.label, each.split.value, "hard" in each.tags, each.tags)
            for each in self.suite.rows
        )
        return make_frame(MESSAGES, rows)

    def check(self) -> pd.DataFrame:
        """What makes figures of it untrue; empty where all is well.

        Columns: kind str, places object (a tuple of file:line), message str.
        """
        rows = ((each.kind.value, each.places, each.message) for each in check_suite(self.suite))
        return make_frame(FINDINGS, rows)

    def pick(
        self,
        *,
        tags: str | Sequence[str] = (),
        split: str | None = None,
        ids: str | Sequence[str] = (),
        must_pass: bool = False,
    ) -> Dataset:
        """The part that every given condition holds for; it has a hash of its own.

        Args:
            tags: Conversations and messages with one of these.
            split: dev or test.
            ids: Patterns of ids, such as `relevo-*`.
            must_pass: Only conversations that may never break.

        Raises:
            ValueError: There is no such split.
        """
        wanted = Split(split) if split is not None else None
        return Dataset(
            slice_suite(self.suite, tags=as_tuple(tags), split=wanted, ids=as_tuple(ids), must_pass=must_pass)
        )

    def conversation(self, identifier: str) -> Talk:
        """A conversation as it was recorded: what people say, what was answered then, and what is expected.

        Raises:
            KeyError: There is none of this id.
        """
        found = next((each.transcript for each in self.suite.conversations if each.id == identifier), None)
        if found is None:
            raise KeyError(f"no conversation {identifier!r} in {self.suite.name}")
        return Talk(found.id, found.header.title, list(_tell(found)))

    def _title(self) -> str:
        return f"suite {self.suite.name}"

    def _rows(self) -> Iterable[tuple[str, str]]:
        suite = self.suite
        if suite.description:
            yield "what", suite.description
        dev = sum(each.split is Split.DEV for each in suite.conversations)
        yield "conversations", f"{len(self)} ({dev} dev, {len(self) - dev} test), {len(suite.must_pass)} must pass"
        yield "labelled messages", f"{len(suite.rows)}"
        yield "hash", suite.content_hash[:12]


def as_tuple(given: str | Sequence[str] | None) -> tuple[str, ...]:
    """One text or several, as a tuple; None is none."""
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(given)


def _describe(each: Conversation) -> Sequence[object]:
    transcript = each.transcript
    asked = sum(isinstance(event, Expect | End) for event in transcript.events)
    title, written = transcript.header.title, len(transcript.says)
    return each.id, title, each.tags, each.split.value, each.must_pass, written, asked


def _tell(transcript: Transcript) -> Iterator[tuple[str, str]]:
    for event in transcript.events:
        if (line := _tell_event(event)) is not None:
            yield line


def _tell_event(event: TranscriptEvent) -> tuple[str, str] | None:
    match event:
        case Say():
            return event.by, event.text or "(no words)"
        case Said():
            return event.by, event.text
        case RecordedTool():
            return "· tool", f"{event.name} {event.outcome or ''}".strip()
        case ClockEvent():
            return "· clock", f"{event.for_s:g} s pass" if event.for_s is not None else f"until {event.at} s"
        case Fault():
            return "· fault", f"{event.target}: {event.kind}"
        case Expect() | End():
            given = msgspec.to_builtins(event)
            given.pop("type", None)
            return "· expected" if isinstance(event, Expect) else "· at the end", msgspec.json.encode(given).decode()
    return None
