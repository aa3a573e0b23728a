"""What a loaded suite is: its conversations and labelled messages, their splits, slices of it, and its hash.

Made by `evals.datasets.loading`; nothing here reads a file.

The hash is of content only: for each item, in the order of ids, what it says, expects and is labelled, with the
world it lives in. Where a file lies, what it is called and how it is laid out make no difference. Splits and
must-pass conversations are no content: they choose among items, and a slice has a hash of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from evals.classifying import Labelled, Task
from evals.datasets.manifest import Manifest, Split
from runtime.domain.spanish.folding import fold_words
from sim.transcripts import Transcript, hash_transcript
from sim.worlds import hash_world

TEST_SHARE = 0.3
"""How much of what names no split is kept for the end."""


class Conversation(msgspec.Struct, frozen=True):
    """A recorded conversation of a suite. `digest` is of what it says and of its world."""

    transcript: Transcript
    split: Split
    must_pass: bool
    digest: str

    @property
    def id(self) -> str:
        """The transcript's."""
        return self.transcript.id

    @property
    def tags(self) -> tuple[str, ...]:
        """The transcript's."""
        return self.transcript.header.tags


class Utterance(msgspec.Struct, frozen=True):
    """A labelled message. Its id follows from what is classified, so that a row keeps it wherever it is moved."""

    id: str
    task: Task
    row: Labelled
    split: Split
    tags: tuple[str, ...]
    digest: str


class UtteranceSet(msgspec.Struct, frozen=True):
    """The labelled messages of one file."""

    task: Task
    file: str
    items: tuple[Utterance, ...]


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset. `manifest` is None where files were taken as they came; `path` is where they were found."""

    name: str
    description: str
    path: Path
    manifest: Manifest | None
    conversations: tuple[Conversation, ...]
    utterances: tuple[UtteranceSet, ...]
    content_hash: str

    @property
    def rows(self) -> list[Utterance]:
        """The labelled messages of all its files."""
        return [item for each in self.utterances for item in each.items]

    @property
    def must_pass(self) -> tuple[str, ...]:
        """Ids of the conversations that may never break."""
        return tuple(each.id for each in self.conversations if each.must_pass)


def make_conversation(transcript: Transcript, manifest: Manifest | None) -> Conversation:
    """A transcript with what a manifest says of it."""
    chosen = manifest.must_pass if manifest else None
    must_pass = chosen is not None and (
        transcript.id in chosen.ids or not {*chosen.tags}.isdisjoint(transcript.header.tags)
    )
    named = manifest.split.get(transcript.id) if manifest else None
    digest = _digest([hash_transcript(transcript), hash_world(transcript.world)])
    return Conversation(transcript, named or derive_split(transcript.id), must_pass, digest)


def make_utterance(row: Labelled, task: Task, split: Split | None) -> Utterance:
    """A row as an item; one that is the same but for dots, case and accents gets the same split."""
    asked = msgspec.json.encode([row.text, row.history, row.staff]).decode()
    content = {name: value for name, value in row.given.items() if name != "split"} | {"label": row.label}
    tags = row.given.get("tags")
    named = [each for each in tags if isinstance(each, str)] if isinstance(tags, list) else []
    if row.given.get("hard") is True and "hard" not in named:
        named.append("hard")
    return Utterance(
        id=f"{task}:{_digest([asked])[:12]}",
        task=task,
        row=row,
        split=split or derive_split(normalise(row.text)),
        tags=tuple(named),
        digest=_digest([task, msgspec.json.encode(content, order="sorted").decode()]),
    )


def normalise(text: str) -> str:
    """A text as near duplicates share it: no case, accents or punctuation; of nothing but signs, the signs."""
    return fold_words(text) or text.strip()


def derive_split(identity: str) -> Split:
    """The split that follows from an id alone, so that it stays when other items come and go."""
    share = int.from_bytes(hashlib.sha256(f"split:{identity}".encode()).digest()[:8]) / 2**64
    return Split.TEST if share < TEST_SHARE else Split.DEV


def hash_items(conversations: Iterable[Conversation], utterances: Iterable[Utterance]) -> str:
    """SHA-256 over the digests of all items, in the order of their ids."""
    pairs = [("conversation", each.id, each.digest) for each in conversations]
    pairs += [("utterance", each.id, each.digest) for each in utterances]
    return _digest([" ".join(pair) for pair in sorted(pairs)])


def slice_suite(
    suite: Suite,
    *,
    tags: Sequence[str] = (),
    split: Split | None = None,
    ids: Sequence[str] = (),
    must_pass: bool = False,
) -> Suite:
    """The part of a suite that every given condition holds for, with a hash of its own.

    Args:
        suite: Of which.
        tags: Items that have one of these.
        split: Items of this split.
        ids: Items whose id one of these patterns (`relevo-*`) fits.
        must_pass: Only conversations that may never break, and no labelled messages.
    """

    def fits(item: Conversation | Utterance) -> bool:
        return (
            (not tags or not {*tags}.isdisjoint(item.tags))
            and split in (None, item.split)
            and (not ids or any(fnmatchcase(item.id, pattern) for pattern in ids))
            and (not must_pass or (isinstance(item, Conversation) and item.must_pass))
        )

    conversations = tuple(each for each in suite.conversations if fits(each))
    cut = [
        UtteranceSet(each.task, each.file, tuple(item for item in each.items if fits(item)))
        for each in suite.utterances
    ]
    kept = tuple(each for each in cut if each.items)
    content_hash = hash_items(conversations, (item for each in kept for item in each.items))
    return msgspec.structs.replace(suite, conversations=conversations, utterances=kept, content_hash=content_hash)


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
