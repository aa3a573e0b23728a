"""Reads transcript files: all of them or none, with every fault of every file.

Called by the replay and import commands and by tests. A directory stands for the `*.jsonl` files
under it, in order. Nothing is run here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from sim.fields import decode_value
from sim.jsonlines import JsonLine, read_json_lines
from sim.problems import MalformedInput, Problem
from sim.transcripts.checking import check_conversation
from sim.transcripts.structs import EVENT_KINDS, VERSION, Event, Header, Transcript
from sim.worlds import WORLDS_DIR, World, check_world, load_world

_TYPES = ("transcript", *EVENT_KINDS)


class _Draft(msgspec.Struct):
    """A conversation while its lines are being read. `sound` is False once a line of it was not."""

    header: Header | None
    file: str
    line: int
    events: list[Event] = []
    event_lines: list[int] = []
    sound: bool = True


def load_transcripts(paths: Iterable[Path | str], *, worlds_dir: Path = WORLDS_DIR) -> list[Transcript]:
    """Every conversation of these files and directories, in order.

    Raises:
        MalformedInput: Anything is wrong with any of them, or there is no conversation at all.
    """
    loader = _Loader(worlds_dir)
    for path in paths:
        loader.read(Path(path))
    return loader.finish()


class _Loader:
    """What is shared between files: the problems, the ids that are taken, the worlds that were read."""

    def __init__(self, worlds_dir: Path) -> None:
        self.worlds_dir = worlds_dir
        self.problems: list[Problem] = []
        self.transcripts: list[Transcript] = []
        self.taken: dict[str, str] = {}
        self.worlds: dict[str, World | MalformedInput] = {}

    def read(self, path: Path) -> None:
        """Read a file, or the files under a directory."""
        if not path.is_dir():
            self._read_file(path)
            return
        files = sorted(path.rglob("*.jsonl"))
        if not files:
            self.problems.append(Problem(str(path), message="no *.jsonl file is in this directory"))
        for file in files:
            self._read_file(file)

    def finish(self) -> list[Transcript]:
        """What was read, if all of it was sound."""
        if not self.problems and not self.transcripts:
            self.problems.append(Problem("transcripts", message="no file was given"))
        if self.problems:
            raise MalformedInput(self.problems)
        return self.transcripts

    def _read_file(self, path: Path) -> None:
        before = len(self.problems)
        drafts = list(self._draft(path))
        if not drafts and len(self.problems) == before:
            self.problems.append(Problem(str(path), message="no conversation is in this file"))
        for draft in drafts:
            self._complete(draft)

    def _draft(self, path: Path) -> Iterator[_Draft]:
        draft: _Draft | None = None
        for item in read_json_lines(path):
            if isinstance(item, Problem):
                self.problems.append(item)
                if draft is not None:
                    draft.sound = False
            elif item.value.get("type") == "transcript":
                if draft is not None:
                    yield draft
                draft = self._open(str(path), item)
            elif draft is None:
                draft = _Draft(header=None, file=str(path), line=item.number, sound=False)
                message = "the file must begin with a line of type transcript"
                self.problems.append(Problem(str(path), item.number, "event.type", message))
                self._add(draft, item)
            else:
                self._add(draft, item)
        if draft is not None:
            yield draft

    def _open(self, file: str, item: JsonLine) -> _Draft:
        version = item.value.get("version")
        if isinstance(version, int) and version != VERSION:
            message = f"version {version} cannot be read; this program reads version {VERSION}"
            self.problems.append(Problem(file, item.number, "transcript.version", message))
            return _Draft(header=None, file=file, line=item.number, sound=False)
        found = decode_value(item.value, Header)
        if isinstance(found, Header):
            return _Draft(header=found, file=file, line=item.number)
        self._report(file, item.number, "transcript", ((fault.path, fault.message) for fault in found))
        return _Draft(header=None, file=file, line=item.number, sound=False)

    def _add(self, draft: _Draft, item: JsonLine) -> None:
        tag = item.value.get("type")
        kind = EVENT_KINDS.get(tag) if isinstance(tag, str) else None
        if kind is None:
            said = f"unknown type {tag!r}" if "type" in item.value else "missing"
            message = f"{said} (known: {', '.join(_TYPES)})"
            self.problems.append(Problem(draft.file, item.number, "event.type", message))
            draft.sound = False
            return
        found = decode_value(item.value, kind)
        if isinstance(found, list):
            self._report(draft.file, item.number, "event", ((fault.path, fault.message) for fault in found))
            draft.sound = False
            return
        draft.events.append(found)
        draft.event_lines.append(item.number)

    def _complete(self, draft: _Draft) -> None:
        header = draft.header
        if header is None:
            return
        place = f"{draft.file}:{draft.line}"
        if header.id in self.taken:
            message = f"{header.id!r} is taken by {self.taken[header.id]}"
            self.problems.append(Problem(draft.file, draft.line, "transcript.id", message))
        self.taken.setdefault(header.id, place)
        world = self._find_world(header.world)
        if isinstance(world, MalformedInput):
            names = "; ".join(str(problem) for problem in world.problems)
            self.problems.append(Problem(draft.file, draft.line, "transcript.world", names))
            return
        transcript = Transcript(
            header=header,
            events=tuple(draft.events),
            world=world,
            file=draft.file,
            line=draft.line,
            event_lines=tuple(draft.event_lines),
        )
        self.problems += check_conversation(transcript, complete=draft.sound)
        self.transcripts.append(transcript)

    def _find_world(self, named: str | World) -> World | MalformedInput:
        if isinstance(named, World):
            faults = check_world(named)
            return MalformedInput(Problem(named.name, 0, f.path, f.message) for f in faults) if faults else named
        if named not in self.worlds:
            try:
                self.worlds[named] = load_world(named, self.worlds_dir)
            except MalformedInput as error:
                self.worlds[named] = error
        return self.worlds[named]

    def _report(self, file: str, line: int, prefix: str, faults: Iterable[tuple[str, str]]) -> None:
        for path, message in faults:
            self.problems.append(Problem(file, line, f"{prefix}.{path}" if path else prefix, message))
