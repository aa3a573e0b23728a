"""Reads conversations, redacts them together, and checks what came out. `export_transcripts` is the whole of it."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from evals.exporting.composing import compose_transcript, list_texts
from evals.exporting.worlds import WorldMaker, is_phone
from evals.redaction import Known, Redactor, find_leaks, make_redactor
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


class Exported(msgspec.Struct, frozen=True):
    """Transcripts that passed the check, in order of their ids; `skipped` were of addresses nobody can write from."""

    transcripts: tuple[Transcript, ...]
    skipped: int


class _Read(msgspec.Struct, frozen=True):
    """What was read, before anything is redacted."""

    conversations: list[tuple[FoundConversation, TimelineRows]]
    businesses: dict[OrganizationId, BusinessRows]
    central: str
    skipped: int


async def export_transcripts(database: Database, wanted: Wanted, salt: bytes) -> Exported:
    """Everything that is wanted, redacted with one salt.

    Raises:
        Leaked: Something real was still in it, or it would not load again; it must not be written.
        ValueError: The salt could be guessed.
        Unavailable: The database cannot be reached.
    """
    read = await _read(database, wanted)
    redactor = make_redactor(salt, _gather_known(read), _gather_texts(read))
    makers = {each: WorldMaker(rows, redactor, read.central) for each, rows in read.businesses.items()}
    transcripts = [
        compose_transcript(_name(salt, found), found, rows, makers[found.organization_id], redactor)
        for found, rows in read.conversations
    ]
    transcripts.sort(key=lambda each: each.id)
    _refuse_leaks(transcripts, redactor, [str(found.id) for found, _ in read.conversations])
    return Exported(tuple(transcripts), read.skipped)


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


def _refuse_leaks(transcripts: Sequence[Transcript], redactor: Redactor, ids: list[str]) -> None:
    written = [dump_transcript(each) for each in transcripts]
    lines = (msgspec.json.decode(line) for raw in written for line in raw.splitlines())
    counts = Counter(find_leaks((text for line in lines for text in _list_texts(line)), redactor))
    counts["conversation-id"] = sum(identity.encode() in raw for raw in written for identity in ids)
    counts["unsound"] = sum(len(check_conversation(each)) + len(check_world(each.world)) for each in transcripts)
    found = {kind: count for kind, count in sorted(counts.items()) if count}
    if found:
        raise Leaked(found)


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
