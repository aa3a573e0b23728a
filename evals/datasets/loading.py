"""Loads a suite: all of it or none, with every fault of its manifest and of every file it names.

A suite is a directory with a `suite.json`; any other transcript file or directory of them is one too, as it comes.
"""

from __future__ import annotations

import glob
import os.path
from collections.abc import Iterator, Sequence
from pathlib import Path

from evals.classifying import read_labelled
from evals.datasets.manifest import MANIFEST, Manifest, Split, Utterances, read_manifest
from evals.datasets.suites import (
    Conversation,
    Suite,
    Utterance,
    UtteranceSet,
    hash_items,
    make_conversation,
    make_utterance,
)
from sim.json_positions import find_line
from sim.problems import MalformedInput, Problem
from sim.transcripts import load_transcripts
from sim.worlds import WORLDS_DIR

SUITES_DIR = Path(__file__).resolve().parents[2] / "fixtures" / "suites"
"""Where the suites of this project are."""


def list_suites(folder: Path = SUITES_DIR) -> list[Path]:
    """The directories in a folder that are suites, in order."""
    return sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))


def load_suite(path: Path, *, worlds_dir: Path = WORLDS_DIR) -> Suite:
    """The suite of this directory, its manifest, or whatever transcripts are there.

    Raises:
        MalformedInput: With every fault of every file; or nothing is left after its tags have chosen.
    """
    manifest_path = path / MANIFEST if path.is_dir() else path
    if manifest_path.name != MANIFEST or not manifest_path.is_file():
        found = [make_conversation(each, None) for each in load_transcripts([path], worlds_dir=worlds_dir)]
        return _make_suite(path, None, found, [])
    manifest = read_manifest(manifest_path)
    loader = _Loader(manifest_path, manifest)
    conversations, utterances = loader.load_conversations(worlds_dir), loader.load_utterances()
    if loader.problems:
        raise MalformedInput(loader.problems)
    return _make_suite(manifest_path.parent, manifest, conversations, utterances)


def _make_suite(
    path: Path, manifest: Manifest | None, conversations: Sequence[Conversation], utterances: Sequence[UtteranceSet]
) -> Suite:
    ordered = tuple(sorted(conversations, key=lambda each: each.id))
    return Suite(
        name=manifest.name if manifest else path.resolve().stem,
        description=manifest.description if manifest else "",
        path=path,
        manifest=manifest,
        conversations=ordered,
        utterances=tuple(utterances),
        content_hash=hash_items(ordered, (item for each in utterances for item in each.items)),
    )


class _Loader:
    """One manifest and everything that is wrong with what it names."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self.problems: list[Problem] = []

    def load_conversations(self, worlds_dir: Path) -> list[Conversation]:
        """The transcripts that its tags leave."""
        files: dict[Path, None] = {}
        for index, pattern in enumerate(self.manifest.transcripts):
            found = list(_find_files(self.path.parent, pattern))
            if not found:
                self._report(f"transcripts[{index}]", f"nothing is there: {pattern!r}")
            files |= dict.fromkeys(found)
        if not files:
            return []
        try:
            transcripts = load_transcripts(files, worlds_dir=worlds_dir)
        except MalformedInput as error:
            self.problems += error.problems
            return []
        wanted, unwanted = {*self.manifest.with_tags}, {*self.manifest.without_tags}
        left = [
            each
            for each in transcripts
            if (not wanted or wanted & {*each.header.tags}) and not unwanted & {*each.header.tags}
        ]
        if not left:
            self._report("with_tags" if wanted else "without_tags", "no conversation is left")
        return [make_conversation(each, self.manifest) for each in left]

    def load_utterances(self) -> list[UtteranceSet]:
        """The labelled messages."""
        sets = []
        for named in self.manifest.utterances:
            path = Path(os.path.normpath(self.path.parent / named.file))
            try:
                rows = read_labelled(path, named.task)
            except MalformedInput as error:
                self.problems += error.problems
                continue
            items: list[Utterance] = []
            for row in rows:
                split = self._read_split(path, row.line, row.given.get("split"), named)
                items.append(make_utterance(row, named.task, split))
            sets.append(UtteranceSet(named.task, str(path), tuple(items)))
        return sets

    def _read_split(self, path: Path, line: int, given: object, named: Utterances) -> Split | None:
        if given is None:
            return named.split
        if given in tuple(Split):
            return Split(str(given))
        self.problems.append(Problem(str(path), line, "split", f"must be one of {', '.join(Split)}; it is {given!r}"))
        return None

    def _report(self, field: str, message: str) -> None:
        line = find_line(self.path.read_text(encoding="utf-8-sig"), field)
        self.problems.append(Problem(str(self.path), line, field, message))


def _find_files(base: Path, pattern: str) -> Iterator[Path]:
    """The transcripts a path or pattern means, in order; a directory stands for those under it."""
    for hit in sorted(glob.glob(pattern, root_dir=base, recursive=True)):
        path = Path(os.path.normpath(base / hit))
        if path.is_dir():
            yield from sorted(path.rglob("*.jsonl"))
        else:
            yield path
