"""Writes transcripts as JSON Lines and names their content by a hash.

Called by the importers' command, by exporters and by whoever needs to know whether two recordings
are the same. A transcript that is written and loaded again is equal but for where it was read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from sim.transcripts.structs import Transcript


def dump_transcript(transcript: Transcript) -> bytes:
    """The conversation's lines: header first, fields in the format's order, defaults left out."""
    return msgspec.json.Encoder().encode_lines([transcript.header, *transcript.events])


def dump_transcripts(transcripts: Iterable[Transcript]) -> bytes:
    """Several conversations as one file."""
    return b"".join(dump_transcript(transcript) for transcript in transcripts)


def hash_transcript(transcript: Transcript) -> str:
    """SHA-256 of the conversation's canonical JSON (keys sorted, defaults left out, no spaces).

    How the file was written, its line numbers and its name make no difference.
    """
    canonical = msgspec.json.Encoder(order="sorted").encode_lines([transcript.header, *transcript.events])
    return hashlib.sha256(canonical).hexdigest()
