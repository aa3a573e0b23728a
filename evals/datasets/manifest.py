"""The file that makes a directory a suite: `suite.json`, read with every fault and its line.

`evals.datasets.loading` reads the files it names; nothing here opens them.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated

import msgspec

from evals.classifying import Task
from sim.fields import Fault
from sim.json_files import read_json_file

MANIFEST = "suite.json"
"""What a suite's manifest is called in its directory."""

Word = Annotated[str, msgspec.Meta(min_length=1, description="a text that is not empty")]
SuiteName = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="a short name of a-z, 0-9, - and _")
]


class Split(StrEnum):
    """What an item is for: to work on, or to measure with at the end."""

    DEV = "dev"
    TEST = "test"


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of the parts of a manifest."""


class Utterances(_Part, frozen=True):
    """A file of labelled messages; `split` is that of the rows that name none."""

    task: Task
    file: Word
    split: Split | None = None


class MustPass(_Part, frozen=True):
    """The conversations that may never break: by id, and all that have one of the tags."""

    ids: tuple[Word, ...] = ()
    tags: tuple[Word, ...] = ()


class Manifest(_Part, frozen=True, kw_only=True):
    """What a suite is made of.

    Attributes:
        transcripts: Files, directories or patterns such as `../../transcripts/**/*.jsonl`, from the manifest's place.
        with_tags: Where any are given, only conversations that have one of them.
        without_tags: No conversation that has one of them.
        split: Of conversations by their id; the others' follows from their id.
    """

    name: SuiteName
    description: Word
    transcripts: tuple[Word, ...] = ()
    utterances: tuple[Utterances, ...] = ()
    with_tags: tuple[Word, ...] = ()
    without_tags: tuple[Word, ...] = ()
    must_pass: MustPass = MustPass()
    split: dict[str, Split] = {}


def read_manifest(path: Path) -> Manifest:
    """The manifest in this file.

    Raises:
        MalformedInput: With every fault and its line.
    """
    return read_json_file(path, Manifest, lambda manifest: list(_find_faults(manifest)))


def _find_faults(manifest: Manifest) -> Iterator[Fault]:
    if not manifest.transcripts and not manifest.utterances:
        yield Fault("transcripts", "a suite needs transcripts or utterances")
    paths = [(f"transcripts[{index}]", each) for index, each in enumerate(manifest.transcripts)]
    paths += [(f"utterances[{index}].file", each.file) for index, each in enumerate(manifest.utterances)]
    for field, path in paths:
        if PurePosixPath(path).is_absolute():
            yield Fault(field, f"{path!r} must be a path from the manifest's own directory")
    for tag in sorted({*manifest.with_tags} & {*manifest.without_tags}):
        yield Fault("without_tags", f"{tag!r} is asked for and left out at once")
