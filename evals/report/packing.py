"""Many conversations in one page that opens at once: rows for the list, details packed in blocks, words to search in.

The page's script unpacks a block when one of its conversations is unfolded (`report.js`). What is packed is JSON,
deflated, in base64: nothing a stranger wrote can end the element it stands in. Called for each kind of report; it
knows nothing of what a row shows.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from markupsafe import Markup

ROWS_AT_ONCE = 40
"""Rows that are in the page itself and seen before any script runs."""
BLOCK_SIZE = 25
"""Conversations that are packed and unpacked together."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation of the list.

    Attributes:
        flags: What the buttons over the list choose by.
        scorers: Those that found something wrong.
        words: What is searched, as people wrote it.
        row: Its line of the list, as HTML.
        detail: What unfolds under it, as HTML.
    """

    id: str
    flags: Sequence[str]
    tags: Sequence[str]
    scorers: Sequence[str]
    words: str
    row: str
    detail: str


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """All entries, ready for the page. `index` and `words` hold one item for each entry, `blocks` the details."""

    count: int
    first: Markup
    index: str
    words: str
    blocks: Sequence[str]
    block_size: int
    tags: Sequence[str]
    scorers: Sequence[str]
    flags: frozenset[str]


class _Index(msgspec.Struct):
    """What the list is drawn and chosen by; tags and scorers are places in the page's own lists of them."""

    ids: list[str]
    flags: list[Sequence[str]]
    tags: list[list[int]]
    scorers: list[list[int]]
    rows: list[str]


def pack_entries(entries: Iterable[Entry]) -> Listing:
    """Take the entries one at a time, so that no more than a block of details is held unpacked."""
    kept: list[Entry] = []
    blocks: list[str] = []
    for block in _cut(entries):
        blocks.append(pack([entry.detail for entry in block]))
        kept += [msgspec.structs.replace(entry, detail="") for entry in block]
    tags, scorers = _number([each.tags for each in kept]), _number([each.scorers for each in kept])
    index = _Index(
        ids=[each.id for each in kept],
        flags=[each.flags for each in kept],
        tags=[[tags[tag] for tag in each.tags] for each in kept],
        scorers=[[scorers[scorer] for scorer in each.scorers] for each in kept],
        rows=[each.row for each in kept],
    )
    return Listing(
        count=len(kept),
        first=Markup("\n").join(Markup(row) for row in index.rows[:ROWS_AT_ONCE]),
        index=pack(index),
        words=pack([each.words for each in kept]),
        blocks=blocks,
        block_size=BLOCK_SIZE,
        tags=list(tags),
        scorers=list(scorers),
        flags=frozenset(flag for each in kept for flag in each.flags),
    )


def pack(value: object) -> str:
    """A value as JSON, deflated, in base64."""
    return base64.b64encode(zlib.compress(msgspec.json.encode(value), 9)).decode()


def unpack(packed: str) -> object:
    """What `pack` was given, as the page's script gets it."""
    return msgspec.json.decode(zlib.decompress(base64.b64decode(packed)))


def hash_source(text: str) -> str:
    """What a content security policy calls a script or style that may stand in the page."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _number(names: Iterable[Sequence[str]]) -> dict[str, int]:
    """Each name that occurs with its place in their order."""
    return {name: place for place, name in enumerate(sorted({name for each in names for name in each}))}


def _cut(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    block: list[Entry] = []
    for entry in entries:
        block.append(entry)
        if len(block) == BLOCK_SIZE:
            yield block
            block = []
    if block:
        yield block
