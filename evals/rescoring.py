"""Puts today's scores into a stored run, without a replay: scorers change, and what was said and done does not.

`parlo rescore` calls it. The new scores are a file beside the old one; `run.json`, replaced last and whole, says which
of them counts. Whatever kills this before leaves the run as it was, and the old scores stay in any case.
"""

from __future__ import annotations

import filecmp
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from evals.run_directory import (
    BASELINE_PREFIX,
    RUN_FILE,
    SCORES_FILE,
    Rescoring,
    RunInfo,
    RunReader,
    RunState,
    count_outcomes,
    encode_scores,
    write_info,
    write_lines,
)
from evals.scorers import score
from evals.summary import Tally
from evals.verdicts import Outcome, Verdict, outcome_of
from runtime.domain.errors import Broken


class ScoreChange(msgspec.Struct, frozen=True):
    """What one scorer now says of one conversation.

    Attributes:
        conversation: Its key; from the second trial on with its number.
        before: "met", "broken", "1 of 2 met", or "not scored".
        after: Likewise.
        reason: Of what it finds wrong now; empty where that is nothing.
    """

    conversation: str
    scorer: str
    before: str
    after: str
    reason: str


class OutcomeChange(msgspec.Struct, frozen=True):
    """A conversation that came out otherwise."""

    conversation: str
    before: Outcome
    after: Outcome


class Rescored(msgspec.Struct, frozen=True, kw_only=True):
    """A run's new scores beside its old ones.

    Attributes:
        scored_by: The code that gave the old scores, and the one that gives the new ones; empty where not known.
        written: The file that holds the new scores; None where nothing was to be written.
        conversations: Each trial one.
        passed: How many of them passed, before and now.
        reworded: Verdicts' reasons or places differ, in so many conversations, and nothing else.
        outcomes: In the run's order, as `changes` are.
    """

    run: str
    scored_by: tuple[str, str]
    written: str | None
    conversations: int
    passed: tuple[int, int]
    reworded: int
    outcomes: tuple[OutcomeChange, ...]
    changes: tuple[ScoreChange, ...]


def rescore(path: Path, code_version: str, *, dry: bool = False) -> Rescored:
    """Score a run's conversations with the scorers that there are now. Its report is left to be written anew.

    Args:
        path: The run's directory.
        code_version: Of these scorers; kept with the scores.
        dry: Write nothing.

    Raises:
        Broken: It is half a run, a baseline, or cannot be read.
        OSError: The new scores cannot be written; the run is as it was.
        DiskFull: There is no room for `run.json`; likewise.
    """
    reader = _open(path)
    turn = _Turn(reader)
    if dry:
        for _ in turn.score_all():
            pass
        return turn.describe(code_version, None)
    name = _name_scores(path)
    write_lines(path / name, turn.score_all())
    if filecmp.cmp(path / name, path / reader.info.scores_file, shallow=False):
        # the same scores by newer code: the file that is there will do
        (path / name).unlink()
        name = reader.info.scores_file
    write_info(path, turn.complete(Rescoring(name, code_version)))
    return turn.describe(code_version, name)


def _open(path: Path) -> RunReader:
    try:
        reader = RunReader(path)
    except msgspec.DecodeError as error:
        raise Broken(f"{path} is no run that can be read: {RUN_FILE}: {error}") from error
    info = reader.info
    if info.id.startswith(BASELINE_PREFIX):
        raise Broken(f"{path} is a baseline, which keeps too little to be scored: evaluate its suite and bless that")
    finished = info.counts.get("finished", 0)
    if info.state is not RunState.FINISHED or finished < info.planned:
        raise Broken(f"{path} is {info.state} with {finished} of {info.planned}: go on with --resume first")
    readable = len(reader.index())
    if readable != finished:
        raise Broken(f"{path} has {readable} conversations that can be read, and {RUN_FILE} counts {finished}")
    return reader


def _name_scores(path: Path) -> str:
    """A name that no scores of this run have had."""
    stem, _, end = SCORES_FILE.partition(".")
    taken = [file.name.removeprefix(f"{stem}-").removesuffix(f".{end}") for file in path.glob(f"{stem}-*.{end}")]
    return f"{stem}-{1 + max((int(each) for each in taken if each.isdigit()), default=0)}.{end}"


class _Turn:
    """One passage through a run: scores conversation after conversation, and keeps what is different."""

    def __init__(self, reader: RunReader) -> None:
        self._reader = reader
        self._tally = Tally()
        self._before: Counter[str] = Counter()
        self._after: Counter[str] = Counter()
        self._outcomes: list[OutcomeChange] = []
        self._changes: list[ScoreChange] = []
        self._reworded = 0

    def score_all(self) -> Iterator[str]:
        """The lines of the new scores file, a conversation at a time."""
        old = self._reader.verdicts()
        for record in self._reader.records():
            verdicts = score(record)
            self._compare(record.key, old.get(record.key, []), verdicts)
            self._tally.add(record, verdicts)
            yield encode_scores(record, verdicts).decode()

    def _compare(self, key: str, before: Sequence[Verdict], after: Sequence[Verdict]) -> None:
        outcomes = outcome_of(before), outcome_of(after)
        self._before[outcomes[0]] += 1
        self._after[outcomes[1]] += 1
        if outcomes[0] is not outcomes[1]:
            self._outcomes.append(OutcomeChange(key, *outcomes))
        changes = [*_find_changes(key, before, after)]
        self._changes += changes
        self._reworded += not changes and list(before) != list(after)

    def complete(self, rescored: Rescoring) -> RunInfo:
        """What `run.json` says with the new scores; the run's own real time stays."""
        info = self._reader.info
        summary = self._tally.summarize(info.summary.wall_s if info.summary else None)
        counts = count_outcomes(self._after)
        return msgspec.structs.replace(info, counts=counts, summary=summary, rescored=rescored)

    def describe(self, code_version: str, written: str | None) -> Rescored:
        return Rescored(
            run=str(self._reader.path),
            scored_by=(self._reader.info.scored_by, code_version),
            written=written,
            conversations=self._after.total(),
            passed=(self._before[Outcome.PASSED], self._after[Outcome.PASSED]),
            reworded=self._reworded,
            outcomes=tuple(self._outcomes),
            changes=tuple(self._changes),
        )


def _find_changes(key: str, before: Sequence[Verdict], after: Sequence[Verdict]) -> Iterator[ScoreChange]:
    old, new = _group(before), _group(after)
    for scorer in dict.fromkeys((*old, *new)):
        was, now = (_describe_marks(each.get(scorer, [])) for each in (old, new))
        if was != now:
            reason = next((each.reason for each in new.get(scorer, []) if not each.met), "")
            yield ScoreChange(key, scorer, was, now, reason)


def _group(verdicts: Iterable[Verdict]) -> dict[str, list[Verdict]]:
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.scorer, []).append(verdict)
    return found


def _describe_marks(verdicts: Sequence[Verdict]) -> str:
    scored = [each for each in verdicts if each.value is not None]
    met = sum(each.met for each in scored)
    if not scored:
        return "not scored"
    if len(scored) == 1:
        return "met" if met else "broken"
    return f"{met} of {len(scored)} met"
