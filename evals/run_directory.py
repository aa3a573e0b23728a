"""A run on disk: `run.json`, `events.jsonl`, `scores.jsonl`, `report.html`, in one directory.

`parlo replay` writes it with `RunWriter`; report, scoreboard and comparison read it with
`RunReader`. Whatever kills the writer (Ctrl-C, kill -9), the directory stays readable and holds
every conversation that was finished: `run.json` is replaced whole, the two others only grow, and a
conversation counts from the moment its last line in `events.jsonl` is complete (its scores are
written before). One process writes a run at a time. Nothing here reads a clock.
"""

from __future__ import annotations

import errno
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from evals.summary import Summary, Tally
from evals.verdicts import Outcome, Verdict, VerdictKind
from runtime.domain.errors import Unavailable
from sim.record import ConversationRecord, LineHead, decode_records, encode_record, name_trial, read_line_head

RUN_FILE, EVENTS_FILE, SCORES_FILE, REPORT_FILE = "run.json", "events.jsonl", "scores.jsonl", "report.html"
RUNS_DIRECTORY = Path(".parlo") / "runs"
LATEST_FILE = "latest"
BASELINE_PREFIX = "baseline:"
BASELINES_DIR = Path(__file__).resolve().parents[1] / "fixtures" / "baselines"
"""Runs that are kept in the repository; `evals.baselines` writes them."""


class RunState(StrEnum):
    """How far a run got. `running` on disk without a process behind it means killed."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"


class Rescoring(msgspec.Struct, frozen=True):
    """That a run was scored anew: which of its files holds the scores since, and which code gave them."""

    scores: str
    code_version: str


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is: enough to repeat it, and to refuse to compare it with another suite.

    `created` is ISO 8601 with zone. `suite_hash` is over all that the suite says, `prompts` maps each prompt file to
    its hash, `locks` each lock to its strategy. `planned` counts the replays that were asked for; `must_pass` are
    the ids of conversations that may never break. `splits` names the split of each conversation, where the suite has
    splits. `cassettes` is the policy by which recorded answers of a model were used, or None where there were none.
    `after_divergence` says how conversations went on that had left their recordings; `trials` is how often each
    conversation is replayed. `rescored` is there once `parlo rescore` has put new scores into it.
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
    splits: dict[str, str] = {}
    cassettes: str | None = None
    after_divergence: str = "recorded"
    trials: int = 1
    rescored: Rescoring | msgspec.UnsetType = msgspec.UNSET

    @property
    def scores_file(self) -> str:
        """The name of the file that holds the run's scores."""
        return SCORES_FILE if isinstance(self.rescored, msgspec.UnsetType) else self.rescored.scores

    @property
    def scored_by(self) -> str:
        """The version of the code that gave them; nothing where it is not known."""
        return self.code_version if isinstance(self.rescored, msgspec.UnsetType) else self.rescored.code_version


class _ScoreLine(msgspec.Struct, frozen=True, omit_defaults=True):
    conversation: str
    scorer: str
    value: bool | float | None
    reason: str
    event: int | None = None
    kind: VerdictKind = VerdictKind.EXPECTATION
    trial: int = 0

    def to_verdict(self) -> Verdict:
        return Verdict(self.scorer, self.value, self.reason, self.event, self.kind)


class _MetLine(msgspec.Struct, frozen=True):
    """In a baseline, all of a conversation's scorers that found nothing wrong, in one line."""

    conversation: str
    met: list[str]
    rules_met: list[str]

    def to_verdicts(self) -> list[Verdict]:
        found = [Verdict(scorer, True, "") for scorer in self.met]
        return found + [Verdict(scorer, True, "", kind=VerdictKind.RULE) for scorer in self.rules_met]


_ENCODER = msgspec.json.Encoder(order="deterministic")
_SCORES = msgspec.json.Decoder(_ScoreLine)
_MET = msgspec.json.Decoder(_MetLine)


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
        # what is written here stands in the first scores file, wherever it was read from
        self._info = msgspec.structs.replace(info, python=info.python or sys.version.split()[0], rescored=msgspec.UNSET)
        # without a buffer: what a full disk did not take must not be tried again when the file is closed
        self._events = (path / EVENTS_FILE).open("ab", buffering=0)
        self._scores = (path / SCORES_FILE).open("ab", buffering=0)
        self._write_info(RunState.RUNNING)
        point_latest(path)

    @property
    def finished(self) -> Sequence[str]:
        """Keys of what is done (`ConversationRecord.key`), in the order it was finished."""
        return tuple(self._finished)

    def add(self, record: ConversationRecord, verdicts: Sequence[Verdict]) -> Outcome:
        """Append one finished conversation and say what became of it.

        Raises:
            ValueError: This run has that trial of the conversation already.
            DiskFull: There is no room for it; what was finished before is whole.
        """
        if record.key in self._finished:
            raise ValueError(f"conversation {record.key!r} is in this run twice")
        _append(self._scores, encode_scores(record, verdicts))
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
        if self._events.closed:
            return
        try:
            self.interrupt()
        except DiskFull:
            # the file that says "running" stays, and the run can be gone on with: the first error is the one to tell
            if error is None:
                raise

    def _count(self, record: ConversationRecord, verdicts: Sequence[Verdict]) -> Outcome:
        outcome = self._tally.add(record, verdicts)
        self._finished[record.key] = outcome
        return outcome

    def _take_up(self) -> None:
        """Cut what a kill tore, and count what was finished."""
        reader = RunReader(self.path)
        kept = {record.key: record for record in reader.records()}
        verdicts = reader.verdicts()
        for record in kept.values():
            self._count(record, verdicts.get(record.key, []))
        replace_file(self.path / EVENTS_FILE, b"".join(encode_record(record) for record in kept.values()))
        scores = (encode_scores(record, verdicts.get(key, [])) for key, record in kept.items())
        replace_file(self.path / SCORES_FILE, b"".join(scores))

    def _close(self, state: RunState, summary: Summary) -> None:
        self._events.close()
        self._scores.close()
        self._write_info(state, summary)

    def _write_info(self, state: RunState, summary: Summary | None = None) -> None:
        outcomes = Counter(str(outcome) for outcome in self._finished.values())
        self._info = msgspec.structs.replace(self._info, state=state, counts=count_outcomes(outcomes), summary=summary)
        write_info(self.path, self._info)


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
        return decode_records(read_whole_lines(self.path / EVENTS_FILE))

    def finished(self) -> list[str]:
        """Keys of the finished conversations, each trial one."""
        return [record.key for record in self.records()]

    def index(self) -> dict[str, int]:
        """Where in the file each finished conversation begins, by its key; for `read`."""
        found: dict[str, int] = {}
        begins: tuple[LineHead, int] | None = None
        place = 0
        for raw in read_whole_lines(self.path / EVENTS_FILE):
            head = read_line_head(raw)
            if head.type == "conversation":
                begins = head, place
            elif head.type == "final" and begins is not None and begins[0].id == head.conversation:
                found[name_trial(head.conversation, begins[0].trial)] = begins[1]
            place += len(raw) + 1
        return found

    def read(self, place: int) -> ConversationRecord:
        """The conversation that begins there, see `index`."""
        with (self.path / EVENTS_FILE).open("rb") as file:
            file.seek(place)
            return next(decode_records(file))

    def verdicts(self) -> dict[str, list[Verdict]]:
        """Verdicts by a conversation's key; of one that was cut off, perhaps only some."""
        found: dict[str, list[Verdict]] = {}
        for raw in read_whole_lines(self.path / self.info.scores_file):
            try:
                line = _SCORES.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError):
                _take_met(raw, found)
                continue
            found.setdefault(name_trial(line.conversation, line.trial), []).append(line.to_verdict())
        return found

    def summarize(self) -> Summary:
        """The stored figures, or for a run without them what can be counted."""
        if self.info.summary is not None:
            return self.info.summary
        tally, verdicts = Tally(), self.verdicts()
        for record in self.records():
            tally.add(record, verdicts.get(record.key, []))
        return tally.summarize()


def count_outcomes(outcomes: Counter[str]) -> dict[str, int]:
    """How many conversations there are, and of each outcome."""
    return {"finished": outcomes.total()} | {str(outcome): outcomes[outcome] for outcome in Outcome}


def write_info(path: Path, info: RunInfo) -> None:
    """Put a run's `run.json` in place, whole or not at all.

    Raises:
        DiskFull: There is no room for it; the old one stays.
    """
    replace_file(path / RUN_FILE, msgspec.json.format(_ENCODER.encode(info), indent=2) + b"\n")


def _take_met(raw: bytes, found: dict[str, list[Verdict]]) -> None:
    try:
        line = _MET.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    found.setdefault(line.conversation, []).extend(line.to_verdicts())


def write_short_scores(path: Path, conversation: str, verdicts: Iterable[Verdict]) -> None:
    """Append a conversation's verdicts: what was met in one line without reasons, all else in full.

    A scorer that was met and not met keeps each of its verdicts.
    """
    listed = list(verdicts)
    mixed = {verdict.scorer for verdict in listed if not verdict.met}
    met = {verdict.scorer: verdict.kind for verdict in listed if verdict.scorer not in mixed}
    lines: list[_MetLine | _ScoreLine] = [
        _MetLine(
            conversation,
            [scorer for scorer, kind in met.items() if kind is not VerdictKind.RULE],
            [scorer for scorer, kind in met.items() if kind is VerdictKind.RULE],
        )
    ]
    lines += [
        _ScoreLine(conversation, v.scorer, v.value, v.reason, v.event, v.kind) for v in listed if v.scorer in mixed
    ]
    with path.open("ab", buffering=0) as file:
        _append(file, _ENCODER.encode_lines(lines))


def point_latest(run: Path) -> None:
    """Write the run's name into the `latest` file beside it."""
    replace_file(run.parent / LATEST_FILE, run.name.encode() + b"\n")


def find_run(name: str = LATEST_FILE, runs: Path = RUNS_DIRECTORY) -> Path:
    """A run's directory from its path, its id, "latest", or `baseline:` and the name of a stored one.

    Raises:
        FileNotFoundError: There is no such run.
    """
    if name.startswith(BASELINE_PREFIX):
        baseline = BASELINES_DIR / name.removeprefix(BASELINE_PREFIX)
        if (baseline / RUN_FILE).is_file():
            return baseline
        raise FileNotFoundError(f"no {name} in {BASELINES_DIR}; `parlo bless` writes one")
    candidates = [Path(name), runs / name]
    if name == LATEST_FILE and (runs / LATEST_FILE).is_file():
        candidates.append(runs / (runs / LATEST_FILE).read_text().strip())
    for candidate in candidates:
        if (candidate / RUN_FILE).is_file():
            return candidate
    raise FileNotFoundError(f"no run {name!r} here or in {runs}")


def read_whole_lines(path: Path) -> Iterator[bytes]:
    """Lines without their end; a last line without one was torn and is left out."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line[:-1]


def encode_scores(record: ConversationRecord, verdicts: Sequence[Verdict]) -> bytes:
    """A conversation's verdicts as lines of a scores file."""
    return _ENCODER.encode_lines(
        [_ScoreLine(record.id, v.scorer, v.value, v.reason, v.event, v.kind, record.trial) for v in verdicts]
    )


class DiskFull(Unavailable):
    """A run's directory takes no more."""


_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def _tell_full_disk(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        run = Path(path).parent
        message = f"the disk is full, {run} takes no more: make room, then go on with --resume {run}"
        raise DiskFull(message) from error


def _append(file: FileIO, data: bytes) -> None:
    """Append all of it, or, where the disk is full, nothing."""
    before = file.seek(0, os.SEEK_END)
    rest = memoryview(data)
    with _tell_full_disk(str(file.name)):
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            file.truncate(before)
            raise


def append_line(path: Path, line: bytes) -> None:
    """Append one line to a file that only grows, whole or not at all.

    Raises:
        DiskFull: There is no room for it.
    """
    with path.open("ab", buffering=0) as file:
        _append(file, line + b"\n")


def replace_file(path: Path, data: bytes) -> None:
    """Put a whole file in place: readers see the old one or the new one, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with _tell_full_disk(str(path)):
        try:
            with draft.open("wb", buffering=0) as file:
                rest = memoryview(data)
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
        except OSError:
            draft.unlink(missing_ok=True)
            raise
    draft.replace(path)


def write_lines(path: Path, chunks: Iterable[str]) -> None:
    """Write a text file from its parts, in place only when it is whole."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with _removed_on_failure(draft), draft.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(chunks)
    draft.replace(path)


@contextmanager
def _removed_on_failure(draft: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
