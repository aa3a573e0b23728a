"""Two runs of one suite compared: outcomes as pairs, turns aligned, slices, and why they may not be comparable.

`parlo compare` shows it and `parlo gate` decides by it. Records are read one pair at a time, so that memory does not
grow with the runs. A conversation that did not run in one of them is counted and never scored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from evals.comparing.alignment import Change, ConversationPair, UnlikeConversations, align
from evals.run_directory import RunInfo, RunReader, RunState
from evals.statistics.mcnemar import McNemar, compare_outcomes
from evals.statistics.pairs import PairedDifference, compare_pairs
from evals.statistics.slices import correct_holm
from evals.verdicts import Outcome

MOST_SHOWN = 50
"""Conversations of each kind that are kept whole; the others are counted."""


class Slice(msgspec.Struct, frozen=True):
    """The conversations with one tag. `p` is McNemar's, two-sided and corrected for the number of slices."""

    tag: str
    conversations: int
    broken: int
    fixed: int
    p: float


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a suite from the first run to the second.

    Attributes:
        incomparable: Why nothing follows from the two; empty where something does.
        compared: Conversations that ran in both.
        not_run: Conversations whose harness broke in one of them or in both.
        pass_rate: Of conversations; each one is a cluster of its own. None where none could be compared.
        outcomes: The same conversations, passed or not; None likewise.
        turns: How many turns are the same, changed, fixed and broken.
        on_policy: Which share of turns came before the two did different things: what people wrote after that was an
            answer to something the second run perhaps did not say.
        broken_must_pass: Conversations that may never break, passed before and do not now.
        pairs: Those that broke, were fixed or changed; the broken ones first, and among them those that must pass.
    """

    first: RunInfo
    second: RunInfo
    incomparable: tuple[str, ...]
    compared: int
    not_run: tuple[str, ...]
    pass_rate: PairedDifference | None
    outcomes: McNemar | None
    turns: dict[str, int]
    on_policy: float
    slices: tuple[Slice, ...]
    broken_must_pass: tuple[str, ...]
    pairs: tuple[ConversationPair, ...]


def compare_runs(first: RunReader, second: RunReader) -> Comparison:
    """Compare a run with one that is to replace it.

    Runs that are not comparable are compared all the same, as far as they go: whoever asks shall see why.
    """
    reasons = list(_explain_unlike(first, second))
    tally = _Tally()
    for pair in _pair_up(first, second, reasons):
        tally.add(pair)
    before, after = tally.passed
    return Comparison(
        first=first.info,
        second=second.info,
        incomparable=tuple(reasons),
        compared=len(before),
        not_run=tuple(tally.not_run),
        pass_rate=compare_pairs([float(each) for each in before], [float(each) for each in after]) if before else None,
        outcomes=compare_outcomes(before, after) if before else None,
        turns={change.value: tally.turns[change] for change in Change},
        on_policy=tally.on_policy / max(1, tally.turns.total()),
        slices=tally.cut_slices(),
        broken_must_pass=tuple(each for each in tally.broken if each in {*second.info.must_pass}),
        pairs=tally.list_pairs({*second.info.must_pass}),
    )


class _Tally:
    def __init__(self) -> None:
        self.passed: tuple[list[bool], list[bool]] = [], []
        self.not_run: list[str] = []
        self.turns: Counter[Change] = Counter()
        self.on_policy = 0
        self.broken: list[str] = []
        self._tags: dict[str, tuple[list[bool], list[bool]]] = {}
        self._kept: dict[Change, list[ConversationPair]] = {change: [] for change in Change}

    def add(self, pair: ConversationPair) -> None:
        if Outcome.NOT_RUN in (pair.first, pair.second):
            self.not_run.append(pair.id)
            return
        outcomes = pair.first is Outcome.PASSED, pair.second is Outcome.PASSED
        for series in (self.passed, *(self._tags.setdefault(tag, ([], [])) for tag in pair.tags)):
            for values, passed in zip(series, outcomes, strict=True):
                values.append(passed)
        written = [turn for turn in pair.turns if turn.number]
        self.turns.update(turn.change for turn in written)
        self.on_policy += sum(pair.diverged_at is None or turn.number <= pair.diverged_at for turn in written)
        if pair.change is Change.BROKEN:
            self.broken.append(pair.id)
        if pair.change is not Change.SAME and len(self._kept[pair.change]) < MOST_SHOWN:
            self._kept[pair.change].append(pair)

    def cut_slices(self) -> tuple[Slice, ...]:
        found = {tag: compare_outcomes(*series) for tag, series in sorted(self._tags.items())}
        corrected = correct_holm({tag: each.p for tag, each in found.items()})
        return tuple(Slice(tag, each.n, each.broken, each.mended, corrected[tag]) for tag, each in found.items())

    def list_pairs(self, must_pass: set[str]) -> tuple[ConversationPair, ...]:
        kept = self._kept
        kept[Change.BROKEN].sort(key=lambda pair: pair.id not in must_pass)
        return (*kept[Change.BROKEN], *kept[Change.FIXED], *kept[Change.CHANGED])


def _explain_unlike(first: RunReader, second: RunReader) -> Iterator[str]:
    ours, theirs = first.info, second.info
    for name, run in (("first", ours), ("second", theirs)):
        if run.state is not RunState.FINISHED:
            yield f"the {name} run is {run.state}: resume it, or take another"
    if ours.suite_hash != theirs.suite_hash:
        yield f"the suite is not the same: {ours.suite_hash[:12]} and {theirs.suite_hash[:12]}"
    for name, one, other in (
        ("mode", ours.mode, theirs.mode),
        ("seed", ours.seed, theirs.seed),
    ):
        if one != other:
            yield f"the {name} is not the same: {one} and {other}"


def _pair_up(first: RunReader, second: RunReader, reasons: list[str]) -> Iterator[ConversationPair]:
    verdicts = first.verdicts(), second.verdicts()
    others = second.index()
    missing: list[str] = []
    for record in first.records():
        if record.id not in others:
            missing.append(record.id)
            continue
        other = second.read(others.pop(record.id))
        found = verdicts[0].get(record.id, []), verdicts[1].get(record.id, [])
        try:
            yield align(record, other, found)
        except UnlikeConversations as error:
            reasons.append(str(error))
    reasons.extend(_name_missing("second", missing))
    reasons.extend(_name_missing("first", list(others)))


def _name_missing(where: str, ids: Sequence[str]) -> list[str]:
    if not ids:
        return []
    named = ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
    return [f"missing in the {where} run: {named}"]
