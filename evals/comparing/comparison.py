"""Two runs of one suite compared: outcomes as pairs, turns aligned, slices, and why they may not be comparable.

`parlo compare` shows it and `parlo gate` decides by it. Records are read one pair at a time, so that memory does not
grow with the runs. A conversation that did not run in one of them is counted and never scored.

Where conversations were replayed several times, what is paired are the means of each conversation's trials, never one
trial with another: `evals.comparing.trials` makes the pairs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from evals.comparing.alignment import Change, ConversationPair, UnlikeConversations
from evals.comparing.judged import JudgedChange, compare_judged
from evals.comparing.labels import LabelledComparison, compare_labelled, explain_missing
from evals.comparing.measuring import MeasureChange, MeasuredLimit, MeasureTally
from evals.comparing.metrics import MetricChange, MetricTally
from evals.comparing.policies import LABEL_METRICS, Policy
from evals.comparing.thresholds import CountedTrials, count_thresholds
from evals.comparing.trials import Trials, align_trials, group_trials, judge_trials, list_missing
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


class Case(msgspec.Struct, frozen=True):
    """One conversation in a line; `why` names each turn that broke, with what was found there."""

    id: str
    title: str
    tags: tuple[str, ...]
    first: Outcome
    second: Outcome
    change: Change
    why: tuple[str, ...] = ()


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a suite from the first run to the second.

    Attributes:
        incomparable: Why nothing follows from the two; empty where something does.
        compared: Conversations that ran in both.
        not_run: Conversations whose harness broke in one of them or in both.
        pass_rate: Of conversations, each with the mean of its scored trials; each one is a cluster of its own. None
            where none could be compared.
        outcomes: The same conversations, passed or not; None likewise. Of several trials, as many as both runs have
            are taken, the first ones: broken is where fewer of them pass, which chance does as often as the opposite.
        turns: How many turns are the same, changed, fixed and broken.
        on_policy: Which share of turns came before the two did different things: what people wrote after that was an
            answer to something the second run perhaps did not say.
        broken_must_pass: Conversations that may never break, passed before and do not now.
        must_pass_not_run: Those among them that did not run in one of the two.
        thresholds: Those that the policy holds to a share of their trials instead, with what passed in the second run.
        pairs: Those that broke, were fixed or changed; the broken ones first, and among them those that must pass.
        metrics: What became of each scorer, of the slices that a policy names, and of labelled messages by task.
        measures: What turns and conversations took and cost, of those that ran in both.
        limits: Those that the policy sets to them.
        judged: What the policy's judges say of replies.
        cases: Every conversation of both runs, in the first one's order.
        dropped: Trials whose harness broke, in each run, of conversations that were compared nevertheless.
        labelled: The suite's labelled messages, apart from the conversations; None where there are none.
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
    metrics: tuple[MetricChange, ...] = ()
    cases: tuple[Case, ...] = ()
    dropped: tuple[int, int] = (0, 0)
    labelled: LabelledComparison | None = None
    thresholds: tuple[CountedTrials, ...] = ()
    must_pass_not_run: tuple[str, ...] = ()
    measures: tuple[MeasureChange, ...] = ()
    limits: tuple[MeasuredLimit, ...] = ()
    judged: tuple[JudgedChange, ...] = ()


def compare_runs(first: RunReader, second: RunReader, policy: Policy | None = None) -> Comparison:
    """Compare a run with one that is to replace it.

    Runs that are not comparable are compared all the same, as far as they go: whoever asks shall see why.

    Args:
        first: The run before.
        second: The one that is to replace it.
        policy: Names further slices that are looked at, and further conversations that must pass.
    """
    reasons = list(_explain_unlike(first, second))
    wanted = [(each.metric, each.tag) for _, _, each in policy.list_metrics()] if policy else []
    tally = _Tally([each for each in wanted if each[0] not in LABEL_METRICS])
    measures = MeasureTally(first, second)
    for pair, trials in _pair_up(first, second, reasons):
        tally.add(pair, trials)
        if all(each.scored for each in trials):
            measures.add(trials)
    labelled = compare_labelled(first.path, second.path, reasons)
    reasons += explain_missing(policy, labelled) if policy else ()
    before, after = tally.means
    thresholds = tally.count_thresholds(policy) if policy else ()
    must_pass = tally.find_must_pass({*first.info.must_pass, *second.info.must_pass}, policy)
    must_pass -= {each.id for each in thresholds}
    return Comparison(
        first=first.info,
        second=second.info,
        incomparable=tuple(reasons),
        compared=len(before),
        not_run=tuple(tally.not_run),
        pass_rate=compare_pairs(before, after) if before else None,
        outcomes=compare_outcomes(*tally.passed) if before else None,
        turns={change.value: tally.turns[change] for change in Change},
        on_policy=tally.on_policy / max(1, tally.turns.total()),
        slices=tally.cut_slices(),
        broken_must_pass=tuple(
            each.id for each in tally.cases if each.change is Change.BROKEN and each.id in must_pass
        ),
        pairs=tally.list_pairs(must_pass),
        metrics=(*tally.metrics.list_changes(), *(labelled.metrics if labelled else ())),
        cases=tuple(tally.cases),
        dropped=(tally.dropped[0], tally.dropped[1]),
        labelled=labelled,
        thresholds=thresholds,
        must_pass_not_run=tuple(each for each in tally.not_run if each in must_pass),
        measures=measures.list_changes(),
        limits=measures.hold(policy) if policy else (),
        judged=compare_judged(first, second, policy.judges) if policy else (),
    )


class _Tally:
    def __init__(self, wanted: Sequence[tuple[str, str | None]]) -> None:
        self.means: tuple[list[float], list[float]] = [], []
        self.passed: tuple[list[bool], list[bool]] = [], []
        self.dropped = [0, 0]
        self.not_run: list[str] = []
        self.turns: Counter[Change] = Counter()
        self.on_policy = 0
        self.cases: list[Case] = []
        self.metrics = MetricTally(wanted)
        self._counts: dict[str, tuple[int, int]] = {}
        self._tags: dict[str, tuple[list[bool], list[bool]]] = {}
        self._kept: dict[Change, list[ConversationPair]] = {change: [] for change in Change}

    def add(self, pair: ConversationPair, trials: tuple[Trials, Trials]) -> None:
        self.cases.append(_shorten(pair))
        self._counts[pair.id] = trials[1].passed, len(trials[1].scored)
        before, after = pair.rates
        if before is None or after is None:
            self.not_run.append(pair.id)
            return
        for place, (mean, each) in enumerate(zip((before, after), trials, strict=True)):
            self.means[place].append(mean)
            self.dropped[place] += each.dropped
        outcomes = judge_trials(*trials)
        for series in (self.passed, *(self._tags.setdefault(tag, ([], [])) for tag in pair.tags)):
            for values, passed in zip(series, outcomes, strict=True):
                values.append(passed)
        self.metrics.add(pair.tags, (before, after), trials)
        written = [turn for turn in pair.turns if turn.number]
        self.turns.update(turn.change for turn in written)
        self.on_policy += sum(pair.diverged_at is None or turn.number <= pair.diverged_at for turn in written)
        if pair.change is not Change.SAME and len(self._kept[pair.change]) < MOST_SHOWN:
            self._kept[pair.change].append(pair)

    def find_must_pass(self, named: set[str], policy: Policy | None) -> set[str]:
        """Ids of those that may never break: what either run says, and the policy."""
        if policy is None:
            return named
        tags = {*policy.must_pass.tags}
        return named | {*policy.must_pass.ids} | {each.id for each in self.cases if tags & {*each.tags}}

    def count_thresholds(self, policy: Policy) -> tuple[CountedTrials, ...]:
        return count_thresholds(policy.must_pass, {each.id: each.tags for each in self.cases}, self._counts)

    def cut_slices(self) -> tuple[Slice, ...]:
        found = {tag: compare_outcomes(*series) for tag, series in sorted(self._tags.items())}
        corrected = correct_holm({tag: each.p for tag, each in found.items()})
        return tuple(Slice(tag, each.n, each.broken, each.mended, corrected[tag]) for tag, each in found.items())

    def list_pairs(self, must_pass: set[str]) -> tuple[ConversationPair, ...]:
        kept = self._kept
        kept[Change.BROKEN].sort(key=lambda pair: pair.id not in must_pass)
        return (*kept[Change.BROKEN], *kept[Change.FIXED], *kept[Change.CHANGED])


def _shorten(pair: ConversationPair) -> Case:
    why = [
        (f"turn {turn.number}, {turn.first.by}: {turn.first.said!r}: " if turn.number else "")
        + f"{fault.scorer}: {fault.reason}"
        for turn in pair.list_changed(Change.BROKEN, Change.OFF_POLICY)
        for fault in turn.gained
    ]
    return Case(pair.id, pair.title, pair.tags, pair.first, pair.second, pair.change, tuple(why))


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
        ("cassette policy", *_name_cassettes(ours, theirs)),
        ("way on after a divergence", ours.after_divergence, theirs.after_divergence),
    ):
        if one != other:
            yield f"the {name} is not the same: {one} and {other}"


def _name_cassettes(ours: RunInfo, theirs: RunInfo) -> tuple[str, str]:
    """The policies by which cassettes were used; their contents differ where they were asked other things."""
    one, other = ours.cassettes or "none", theirs.cassettes or "none"
    alike = (ours.prompts, ours.model) == (theirs.prompts, theirs.model)
    return (one, other) if alike else (one.split()[0], other.split()[0])


def _pair_up(
    first: RunReader, second: RunReader, reasons: list[str]
) -> Iterator[tuple[ConversationPair, tuple[Trials, Trials]]]:
    ours, theirs = group_trials(first), group_trials(second)
    reasons.extend(_name_unscored(ours, theirs))
    for case in ours:
        if case not in theirs:
            continue
        trials = ours[case], theirs[case]
        where = [name for name, each in zip(("first", "second"), trials, strict=True) if not each.judged]
        if where:
            reasons.append(f"not scored in the {' and '.join(where)} run: {case}")
            continue
        try:
            yield align_trials((first, second), trials), trials
        except UnlikeConversations as error:
            reasons.append(str(error))
    for name, run, found, others in (("second", second, theirs, ours), ("first", first, ours, theirs)):
        reasons.extend(_name_missing(name, list_missing(found, [*others], run.info.trials)))


def _name_unscored(first: Mapping[str, Trials], second: Mapping[str, Trials]) -> Iterator[str]:
    """What no longer scores at all: a run that is judged by less passes more easily."""
    before, after = ({scorer for trials in run.values() for scorer in trials.scorers} for run in (first, second))
    if before - after:
        yield f"not scored any more: {', '.join(sorted(before - after))}"


def _name_missing(where: str, ids: Sequence[str]) -> list[str]:
    if not ids:
        return []
    named = ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
    return [f"missing in the {where} run: {named}"]
