"""What a judge gets to see of one reply: what was written before, what tools gave, prices, and the reply itself.

Made from a stored record or from a labelled example; both are judged through the same struct, so that a calibration
holds for runs. Personal data is as it is in the record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from evals.reading import CUSTOMER_ROLES, Placed, Reading
from sim.record import ConversationRecord, SendData, SendOrigin

MOST_LINES = 12
"""How much of the conversation before a reply is shown."""
MOST_CHARS = 1500
"""Of one line; the rest is cut."""


class Line(msgspec.Struct, frozen=True):
    """A message: by the customer or by Parlo."""

    by: str
    text: str


class ToolUse(msgspec.Struct, frozen=True):
    """A tool that was called in the reply's turn, what it was given and what it gave back."""

    name: str
    arguments: object = None
    result: object = None
    ok: bool = True


class Subject(msgspec.Struct, frozen=True):
    """One reply in its context. `prices` are the business's, in pesos; empty where they are not known."""

    conversation: tuple[Line, ...]
    reply: str
    tools: tuple[ToolUse, ...] = ()
    prices: tuple[float, ...] = ()

    @property
    def digest(self) -> str:
        """The first 12 hex digits of the SHA-256 of all of it."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()[:12]


class Judged(msgspec.Struct, frozen=True):
    """A reply of a run: its conversation's key, the index of its (first) event, and what a judge is shown."""

    key: str
    event: int
    subject: Subject


def list_subjects(record: ConversationRecord) -> Iterator[Judged]:
    """Replies to customers, in order; what was sent to one person in one turn is one reply.

    Words that were relayed, notices and alerts are nobody's answer and are left out, as is a record whose harness
    broke.
    """
    if record.failure is not None or record.customer_fault is not None:
        return
    reading = Reading(record)
    done: set[tuple[str, str]] = set()
    for sent in reading.sends:
        person = record.people.get(sent.data.to)
        turn = sent.data.turn or f"event {sent.index}", sent.data.to
        if person is None or person.role not in CUSTOMER_ROLES or not _is_reply(sent) or turn in done:
            continue
        done.add(turn)
        yield Judged(record.key, sent.index, _show(reading, sent))


def _is_reply(sent: Placed[SendData]) -> bool:
    return sent.data.origin is SendOrigin.REPLY and bool(sent.text.strip())


def _show(reading: Reading, sent: Placed[SendData]) -> Subject:
    person, turn = sent.data.to, sent.data.turn
    lines = [(each.index, Line("customer", each.text)) for each in reading.says if each.lane == person]
    lines += [
        (each.index, Line("parlo", each.text))
        for each in reading.sends
        if each.data.to == person and each.data.origin is not SendOrigin.RELAY
    ]
    before = sorted((each for each in lines if each[0] < sent.index and each[1].text), key=lambda each: each[0])
    together = [
        each.text
        for each in reading.sends
        if each.index == sent.index or (turn and each.data.turn == turn and each.data.to == person and _is_reply(each))
    ]
    return Subject(
        conversation=tuple(Line(line.by, _cut(line.text)) for _, line in before[-MOST_LINES:]),
        reply=_cut("\n".join(together)),
        tools=tuple(
            ToolUse(each.data.name, each.data.arguments, each.data.result, each.data.ok)
            for each in reading.tools
            if turn and each.data.turn == turn
        ),
        prices=tuple(cents / 100 for cents in reading.record.prices),
    )


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARS else text[:MOST_CHARS] + " …"
