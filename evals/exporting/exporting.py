"""Reads conversations, redacts them together, and checks what came out. `prepare_export` is the beginning of it.

What people wrote has to be known all together before anything of it is replaced. What is made of it, each conversation
with the whole business it took place in, is many times as much, and is made, checked and given out one at a time.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator

import msgspec

from evals.exporting.composing import compose_transcript, list_texts
from evals.exporting.worlds import WorldMaker, is_phone
from evals.redaction import Known, LeakSearch, make_redactor
from runtime.domain.ids import OrganizationId
from runtime.store.database import Database
from runtime.store.exports import (
    BusinessRows,
    FoundConversation,
    TimelineRows,
    Wanted,
    find_conversations,
    read_business,
    read_central_number,
    read_timeline,
)
from sim.transcripts import Transcript, check_conversation, dump_transcript
from sim.worlds import check_world

NO_CENTRAL = "+525500000001"
"""Where the installation has written down no number of Parlo's own."""


class Leaked(Exception):
    """Something real was still there: by kind how often, or `unsound` where what came out would not load.

    Attributes:
        counts: Never empty, and without any value.
    """

    def __init__(self, counts: dict[str, int]) -> None:
        super().__init__(", ".join(f"{kind}: {count}" for kind, count in counts.items()))
        self.counts = counts


class _Read(msgspec.Struct, frozen=True):
    """What was read, before anything is redacted."""

    conversations: list[tuple[FoundConversation, TimelineRows]]
    businesses: dict[OrganizationId, BusinessRows]
    central: str
    skipped: int


class Export:
    """Conversations that were read and can be redacted with one salt.

    Attributes:
        ids: What their transcripts are called, in order.
        skipped: How many were of addresses nobody can write from.
    """

    def __init__(self, read: _Read, salt: bytes) -> None:
        self._redactor = make_redactor(salt, _gather_known(read), _gather_texts(read))
        self._makers = {each: WorldMaker(rows, self._redactor, read.central) for each, rows in read.businesses.items()}
        self._rows = {_name(salt, found): (found, rows) for found, rows in read.conversations}
        self.ids = tuple(sorted(self._rows))
        self.skipped = read.skipped

    def redact(self) -> Iterator[Transcript]:
        """One transcript after the other, in order of their ids; none any more from the first that does not pass on.

        Raises:
            Leaked: Something real was still in one, or it would not load again. It comes after the last one: whoever
                writes must put nothing in place before.
        """
        real_ids = [str(found.id).encode() for found, _ in self._rows.values()]
        search = LeakSearch(self._redactor)
        counts: Counter[str] = Counter()
        for name in self.ids:
            found, rows = self._rows[name]
            transcript = compose_transcript(name, found, rows, self._makers[found.organization_id], self._redactor)
            counts += _count_faults(transcript, search, real_ids)
            if not counts:
                yield transcript
        if counts:
            raise Leaked(dict(sorted(counts.items())))


async def prepare_export(database: Database, wanted: Wanted, salt: bytes) -> Export:
    """Everything that is wanted, read and looked through.

    Raises:
        ValueError: The salt could be guessed.
        Unavailable: The database cannot be reached.
    """
    return Export(await _read(database, wanted), salt)


async def _read(database: Database, wanted: Wanted) -> _Read:
    async with database.platform() as uow:
        found = await find_conversations(uow, wanted)
        central = await read_central_number(uow) or NO_CENTRAL
        timelines = [(each, await read_timeline(uow, each, wanted)) for each in found if is_phone(each.their_key)]
        businesses = {each: await read_business(uow, each) for each in sorted({it.organization_id for it in found})}
    conversations = [(each, rows) for each, rows in timelines if any(row.staff_id is None for row in rows.inbound)]
    return _Read(conversations, businesses, central, len(found) - len(conversations))


def _gather_known(read: _Read) -> Known:
    """Everybody and every place that any of the businesses knows."""
    businesses = list(read.businesses.values())
    people = {row.name for each in businesses for row in each.staff}
    people |= {row.name for each in businesses for row in each.customers if row.name}
    spoken = {found.their_address for found, _ in read.conversations}
    return Known(
        people=tuple(sorted(people)),
        profiles=tuple(sorted({name for each in businesses for name in each.profiles})),
        businesses=tuple(sorted({each.organization.name for each in businesses})),
        addresses=tuple(sorted({row.address for each in businesses for row in each.locations})),
        phones=tuple(sorted({*spoken, *(address for each in businesses for address in each.addresses), read.central})),
        services=tuple(sorted({row.name for each in businesses for row in each.services})),
    )


def _gather_texts(read: _Read) -> Iterator[str]:
    for _, rows in read.conversations:
        yield from list_texts(rows)
    for each in read.businesses.values():
        yield from (text for row in each.locations for text in (row.name, row.address))
        yield from (row.reason for row in (*each.closures, *each.blocks))
        yield from (*each.spots, *(row.name for row in each.services))


def _name(salt: bytes, found: FoundConversation) -> str:
    """An id that says nothing: that of a conversation follows from its phone numbers."""
    digest = hmac.digest(salt, f"conversation {found.id}".encode(), hashlib.sha256).hex()[:12]
    # letters, so that no digits of it look like a number
    return "prod-" + digest.translate(str.maketrans("0123456789", "ghijklmnop"))


def _count_faults(transcript: Transcript, search: LeakSearch, real_ids: list[bytes]) -> Counter[str]:
    """What is wrong with a transcript, by kind; a kind that is not there is not in it."""
    written = dump_transcript(transcript)
    lines = (msgspec.json.decode(line) for line in written.splitlines())
    counts = search.count(text for line in lines for text in _list_texts(line))
    counts["conversation-id"] = sum(each in written for each in real_ids)
    counts["unsound"] = len(check_conversation(transcript)) + len(check_world(transcript.world))
    return +counts


def _list_texts(value: object) -> Iterator[str]:
    """All texts and keys of a decoded line."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _list_texts(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield str(key)
            yield from _list_texts(each)
