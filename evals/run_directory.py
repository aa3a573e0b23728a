"""A run on disk: `run.json`, `events.jsonl`, `scores.jsonl`, `report.html`, in one directory.

`parlo replay` writes it with `RunWriter`; report, scoreboard and comparison read it with
`RunReader`. Whatever kills the writer (Ctrl-C, kill -9), the directory stays readable and holds
every conversation that was finished: `run.json` is replaced whole, the two others only grow, and a
conversation counts from the moment its last line in `events.jsonl` is complete (its scores are
written before). One process writes a run at a time. Nothing here reads a clock.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from evals.summary import Summary, Tally
from evals.verdicts import Outcome, Verdict, VerdictKind
from sim.record import ConversationRecord, decode_records, encode_record, read_line_head

RUN_FILE, EVENTS_FILE, SCORES_FILE, REPORT_FILE = "run.json", "events.jsonl", "scores.jsonl", "report.html"
RUNS_DIRECTORY = Path(".parlo") / "runs"
LATEST_FILE = "latest"


class RunState(StrEnum):
    """How far a run got. `running` on disk without a process behind it means killed."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is: enough to repeat it, and to refuse to compare it with another suite.

    `created` is ISO 8601 with zone. `suite_hash` is over all that the suite says, `prompts` maps each prompt file to
    its hash, `locks` each lock to its strategy. `planned` counts the conversations that were asked for; `must_pass` are
    the ids of those that may never break.
    """

    id: str
    created: str
    suite: str = ""
    suite_hash: str = ""
    mode: str = "free"
    model: str = "offline"
    prompts: dict[str, str] = {}
    locks: dict[str, str] = {}
    code_version: str = ""
    seed: int = 0
    python: str = ""
    planned: int = 0
    must_pass: tuple[str, ...] = ()
    state: RunState = RunState.RUNNING
    counts: dict[str, int] = {}
    summary: Summary | None = None


class _ScoreLine(msgspec.Struct, frozen=True, omit_defaults=True):
    conversation: str
    scorer: str
    value: bool | float | None
    reason: str
    event: int | None = None
    kind: VerdictKind = VerdictKind.EXPECTATION

    def to_verdict(self) -> Verdict:
        return Verdict(self.scorer, self.value, self.reason, self.event, self.kind)


_ENCODER = msgspec.json.Encoder(order="deterministic")
_SCORES = msgspec.json.Decoder(_ScoreLine)


class RunWriter:
    """Writes one run. Use as a context manager: leaving it by an exception marks the run interrupted.

    Args:
        path: The run's directory; made if it is missing.
        info: What the run is. When resuming, the stored id and creation time stay.
        resume: Go on with what is there. Lines torn by a kill, and scores of unfinished
            conversations, are removed first.

    Raises:
        FileExistsError: The directory holds a run and `resume` is False.
    """

    def __init__(self, path: Path, info: RunInfo, *, resume: bool = False) -> None:
        self.path = path
        self._tally = Tally()
        self._finished: dict[str, Outcome] = {}
        path.mkdir(parents=True, exist_ok=True)
        if (path / RUN_FILE).exists():
            if not resume:
                raise FileExistsError(f"{path} holds a run already")
            stored = RunReader(path).info
            info = msgspec.structs.replace(info, id=stored.id, created=stored.created)
            self._take_up()
        self._info = msgspec.structs.replace(info, python=info.python or sys.version.split()[0])
        self._events: BinaryIO = (path / EVENTS_FILE).open("ab")
        self._scores: BinaryIO = (path / SCORES_FILE).open("ab")
        self._write_info(RunState.RUNNING)
        point_latest(path)

    @property
    def finished(self) -> Sequence[str]:
        """Ids of the conversations that are done, in the order they were finished."""
        return tuple(self._finished)

    def add(self, record: ConversationRecord, verdicts: Sequence[Verdict]) -> Outcome:
        """Append one finished conversation and say what became of it.

        Raises:
            ValueError: This run has a conversation of that id already.
        """
        if record.id in self._finished:
            raise ValueError(f"conversation {record.id!r} is in this run twice")
        lines = [_ScoreLine(record.id, v.scorer, v.value, v.reason, v.event, v.kind) for v in verdicts]
        _append(self._scores, _ENCODER.encode_lines(lines))
        _append(self._events, encode_record(record))
        return self._count(record, verdicts)

    def finish(self, wall_s: float | None = None) -> Summary:
        """Mark the run finished and store its figures; `wall_s` is the run's real time."""
        summary = self._tally.summarize(wall_s)
        self._close(RunState.FINISHED, summary)
        return summary

    def interrupt(self, wall_s: float | None = None) -> Summary:
        """Mark the run interrupted and store the figures so far."""
        summary = self._tally.summarize(wall_s)
        self._close(RunState.INTERRUPTED, summary)
        return summary

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._events.closed:
            self.interrupt()

    def _count(self, record: ConversationRecord, verdicts: Sequence[Verdict]) -> Outcome:
        outcome = self._tally.add(record, verdicts)
        self._finished[record.id] = outcome
        return outcome

    def _take_up(self) -> None:
        """Cut what a kill tore, and count what was finished."""
        reader = RunReader(self.path)
        kept = {record.id: record for record in reader.records()}
        verdicts = reader.verdicts()
        for record in kept.values():
            self._count(record, verdicts.get(record.id, []))
        _replace(self.path / EVENTS_FILE, b"".join(encode_record(record) for record in kept.values()))
        scores = (
            _ScoreLine(i, v.scorer, v.value, v.reason, v.event, v.kind) for i in kept for v in verdicts.get(i, [])
        )
        _replace(self.path / SCORES_FILE, _ENCODER.encode_lines(scores))

    def _close(self, state: RunState, summary: Summary) -> None:
        self._events.close()
        self._scores.close()
        self._write_info(state, summary)

    def _write_info(self, state: RunState, summary: Summary | None = None) -> None:
        outcomes = Counter(str(outcome) for outcome in self._finished.values())
        counts = {"finished": len(self._finished)} | {str(outcome): outcomes[outcome] for outcome in Outcome}
        self._info = msgspec.structs.replace(self._info, state=state, counts=counts, summary=summary)
        _replace(self.path / RUN_FILE, msgspec.json.format(_ENCODER.encode(self._info), indent=2) + b"\n")


class RunReader:
    """Reads a run, finished or not, while it is being written or after it was killed.

    Raises:
        FileNotFoundError: The directory holds no run.
        msgspec.ValidationError: `run.json` is not one of ours.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.info = msgspec.json.decode((path / RUN_FILE).read_bytes(), type=RunInfo)

    def records(self) -> Iterator[ConversationRecord]:
        """Finished conversations in the order they were finished, one at a time."""
        return decode_records(_read_lines(self.path / EVENTS_FILE))

    def finished(self) -> list[str]:
        """Ids of the finished conversations."""
        return [record.id for record in self.records()]

    def index(self) -> dict[str, int]:
        """Where in the file each finished conversation begins, by id; for `read`."""
        found: dict[str, int] = {}
        begins: tuple[str, int] | None = None
        place = 0
        for raw in _read_lines(self.path / EVENTS_FILE):
            kind, conversation = read_line_head(raw)
            if kind == "conversation":
                begins = conversation, place
            elif kind == "final" and begins is not None and begins[0] == conversation:
                found[conversation] = begins[1]
            place += len(raw) + 1
        return found

    def read(self, place: int) -> ConversationRecord:
        """The conversation that begins there, see `index`."""
        with (self.path / EVENTS_FILE).open("rb") as file:
            file.seek(place)
            return next(decode_records(file))

    def verdicts(self) -> dict[str, list[Verdict]]:
        """Verdicts by conversation id; of a conversation that was cut off, perhaps only some."""
        found: dict[str, list[Verdict]] = {}
        for raw in _read_lines(self.path / SCORES_FILE):
            try:
                line = _SCORES.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            found.setdefault(line.conversation, []).append(line.to_verdict())
        return found

    def summarize(self) -> Summary:
        """The stored figures, or for a run without them what can be counted."""
        if self.info.summary is not None:
            return self.info.summary
        tally, verdicts = Tally(), self.verdicts()
        for record in self.records():
            tally.add(record, verdicts.get(record.id, []))
        return tally.summarize()


def point_latest(run: Path) -> None:
    """Write the run's name into the `latest` file beside it."""
    _replace(run.parent / LATEST_FILE, run.name.encode() + b"\n")


def find_run(name: str = LATEST_FILE, runs: Path = RUNS_DIRECTORY) -> Path:
    """A run's directory from its path, its id, or "latest".

    Raises:
        FileNotFoundError: There is no such run.
    """
    candidates = [Path(name), runs / name]
    if name == LATEST_FILE and (runs / LATEST_FILE).is_file():
        candidates.append(runs / (runs / LATEST_FILE).read_text().strip())
    for candidate in candidates:
        if (candidate / RUN_FILE).is_file():
            return candidate
    raise FileNotFoundError(f"no run {name!r} here or in {runs}")


def _read_lines(path: Path) -> Iterator[bytes]:
    """Lines without their end; a last line without one was torn and is left out."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line[:-1]


def _append(file: BinaryIO, data: bytes) -> None:
    file.write(data)
    file.flush()


def _replace(path: Path, data: bytes) -> None:
    """Put a whole file in place: readers see the old one or the new one, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def write_lines(path: Path, chunks: Iterable[str]) -> None:
    """Write a text file from its parts, in place only when it is whole."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(chunks)
    draft.replace(path)
