"""What is wrong with a suite that can be read: things that make its figures mean less than they seem to.

`parlo datasets --check` calls `check_suite`. What cannot be read at all is the loaders' to say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from evals.datasets.suites import Conversation, Suite, Utterance, normalise
from sim.transcripts import Callback, ClockEvent, End, Expect, Fault, Say


class FindingKind(StrEnum):
    """What was found."""

    ID_TWICE = "id-twice"
    TWO_LABELS = "two-labels"
    LEAK = "leak"
    EXPECTS_NOTHING = "expects-nothing"
    UNKNOWN_ID = "unknown-id"
    UNKNOWN_TAG = "unknown-tag"


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing, where it is (`file:line`, several where it is about several) and in words."""

    kind: FindingKind
    places: tuple[str, ...]
    message: str


def check_suite(suite: Suite) -> list[Finding]:
    """Everything found, by kind and place; empty where all is well.

    - a labelled message that is there twice, or with two different labels after the same words before it;
    - a leak: the same message, but for case, accents and punctuation, in both splits of a task; or a
      conversation in which the same is said and done in the same world;
    - a conversation that expects nothing;
    - ids and tags in the manifest that no conversation has.
    """
    findings = [
        *_find_in_rows(suite),
        *_find_leaking_conversations(suite),
        *_find_idle(suite),
        *_find_unknown(suite),
    ]
    return sorted(findings)


def _find_in_rows(suite: Suite) -> Iterator[Finding]:
    by_id: defaultdict[str, list[Utterance]] = defaultdict(list)
    by_context: defaultdict[tuple[str, ...], list[Utterance]] = defaultdict(list)
    by_text: defaultdict[tuple[str, str], list[Utterance]] = defaultdict(list)
    place = {id(item): f"{each.file}:{item.row.line}" for each in suite.utterances for item in each.items}
    for item in suite.rows:
        words = normalise(item.row.text)
        by_id[item.id].append(item)
        by_context[item.task, words, *(normalise(line) for line in item.row.history)].append(item)
        by_text[item.task, words].append(item)
    for same in by_id.values():
        if len(same) > 1:
            yield Finding(FindingKind.ID_TWICE, _places(same, place), f"the message {same[0].id} is there twice")
    for same in by_context.values():
        labels = sorted({item.row.label for item in same})
        if len(labels) > 1:
            message = f"one text is labelled {' and '.join(labels)}"
            yield Finding(FindingKind.TWO_LABELS, _places(same, place), message)
    for same in by_text.values():
        if len({item.split for item in same}) > 1:
            yield Finding(FindingKind.LEAK, _places(same, place), "one text is in dev and in test")


def _places(items: list[Utterance], place: dict[int, str]) -> tuple[str, ...]:
    return tuple(place[id(item)] for item in items)


def _find_leaking_conversations(suite: Suite) -> Iterator[Finding]:
    alike: defaultdict[bytes, list[Conversation]] = defaultdict(list)
    for conversation in suite.conversations:
        alike[_digest_doings(conversation)].append(conversation)
    for same in alike.values():
        if len({each.split for each in same}) > 1:
            places = tuple(_place(each) for each in same)
            ids = " and ".join(each.id for each in same)
            yield Finding(FindingKind.LEAK, places, f"{ids} say the same, in dev and in test")


def _digest_doings(conversation: Conversation) -> bytes:
    """All that is said and done in a conversation, without who is called what and what is expected."""
    done: list[object] = [conversation.transcript.world.name]
    numbers: dict[str, str] = {}
    for event in conversation.transcript.events:
        if isinstance(event, Say):
            by = numbers.setdefault(event.by, f"p{len(numbers)}")
            done.append(msgspec.structs.replace(event, by=by, text=normalise(event.text)))
        elif isinstance(event, Callback):
            done.append(msgspec.structs.replace(event, to=numbers.setdefault(event.to, f"p{len(numbers)}")))
        elif isinstance(event, ClockEvent | Fault):
            done.append(event)
    return msgspec.json.encode(done)


def _find_idle(suite: Suite) -> Iterator[Finding]:
    for each in suite.conversations:
        asked = [event for event in each.transcript.events if isinstance(event, Expect | End)]
        if all(event in (Expect(), End()) for event in asked):
            yield Finding(FindingKind.EXPECTS_NOTHING, (_place(each),), f"{each.id} expects nothing")


def _find_unknown(suite: Suite) -> Iterator[Finding]:
    manifest = suite.manifest
    if manifest is None:
        return
    ids = {each.id for each in suite.conversations}
    tags = {tag for each in suite.conversations for tag in each.tags}
    named = [("must_pass.ids", each) for each in manifest.must_pass.ids] + [("split", each) for each in manifest.split]
    for field, name in named:
        if name not in ids:
            yield Finding(FindingKind.UNKNOWN_ID, (str(suite.path),), f"{field}: no conversation is called {name!r}")
    fields = (("must_pass.tags", manifest.must_pass.tags), ("with_tags", manifest.with_tags))
    for field, given in fields:
        for tag in given:
            if tag not in tags:
                message = f"{field}: no conversation has the tag {tag!r}"
                yield Finding(FindingKind.UNKNOWN_TAG, (str(suite.path),), message)


def _place(conversation: Conversation) -> str:
    return f"{conversation.transcript.file}:{conversation.transcript.line}"
