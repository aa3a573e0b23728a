"""Writes an export so that there is all of it or nothing: into a draft beside its place, which is then moved there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec

from evals.datasets import MANIFEST, Manifest
from sim.transcripts import Transcript, dump_transcript, load_transcripts


def write_directory(transcripts: Iterable[Transcript], out: Path) -> None:
    """One file for each conversation, and the manifest that makes the directory a suite.

    Args:
        transcripts: Taken and written one at a time. An error that comes from there ends it as one of writing does.
        out: A directory that is empty or not there yet.

    Raises:
        FileExistsError: Something is there already.
        OSError: It cannot be written; nothing is left of it.
        MalformedInput: It could not be loaded again; nothing is left of it.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} is there already and is not empty")
    draft = out.parent / f".{out.name}.{os.getpid()}.draft"
    draft.mkdir(parents=True)
    try:
        for transcript in transcripts:
            path = draft / f"{transcript.id}.jsonl"
            _write(path, dump_transcript(transcript))
            load_transcripts([path])
        manifest = Manifest(
            name="export",
            description="Conversations from production, redacted. They expect nothing until somebody says what.",
            transcripts=("*.jsonl",),
        )
        _write(draft / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
        # an empty directory gives way to the one that takes its place
        draft.rename(out)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def write_fixture(transcript: Transcript, out: Path) -> None:
    """One conversation as one file.

    Raises:
        FileExistsError: It is there already.
        OSError: It cannot be written; nothing is left of it.
        MalformedInput: It could not be loaded again; nothing is left of it.
    """
    if out.exists():
        raise FileExistsError(f"{out} is there already")
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f".{out.name}.{os.getpid()}.draft")
    try:
        _write(draft, dump_transcript(transcript))
        load_transcripts([draft])
        # unlike a rename, this fails where somebody else has written it meanwhile
        os.link(draft, out)
    finally:
        draft.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
