"""A comparison on a terminal: the verdict first, then figures, then each turn that broke, with what was said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from evals.comparing.alignment import Change, ConversationPair, TurnPair
from evals.comparing.comparison import Comparison
from evals.comparing.gating import GateResult, explain_bless
from evals.comparing.labels import LabelledComparison
from evals.comparing.measuring import MeasureChange
from evals.comparing.policies import PASS_RATE
from evals.comparing.thresholds import choose_told
from evals.comparing.turns import Turn
from evals.measures import QUANTILES, show_value
from evals.scoreboard import clean_line
from evals.statistics.distributions import show_p
from evals.statistics.gate import GateVerdict
from evals.statistics.rates import Rate, rate_of

_TENTH_S = 0.1
"""A baseline's times are kept no finer."""
MOST_TOLD = 10
"""Conversations that are told turn by turn."""
_STYLES = {
    GateVerdict.PASS: "bold green",
    GateVerdict.WARN: "bold yellow",
    GateVerdict.BLOCK: "bold red",
    GateVerdict.INCONCLUSIVE: "bold yellow",
    GateVerdict.NOT_COMPARABLE: "bold yellow",
}


def print_comparison(comparison: Comparison) -> None:
    """Write it to standard output."""
    console = Console(highlight=False, soft_wrap=True)
    for line in describe_comparison(comparison):
        console.print(line, markup=False)


def print_gate(comparison: Comparison, result: GateResult) -> None:
    """Write a gate's verdict and the comparison it rests on to standard output."""
    console = Console(highlight=False, soft_wrap=True)
    verdict = result.decision.verdict
    console.print(Text(f"{verdict}  {result.decision.reason}", style=_STYLES[verdict]))
    for line in (*describe_gate(comparison, result), "", *describe_comparison(comparison, result)):
        console.print(line, markup=False)
    advice = explain_bless(comparison, result)
    if advice is not None:
        console.print(f"\n{advice}", markup=False)


def describe_gate(comparison: Comparison, result: GateResult) -> Iterator[str]:
    """What would settle it, how sure the floor is, and each metric of the policy."""
    if result.decision.further_cases is not None:
        yield f"about {result.decision.further_cases} further conversations like these would settle it"
    yield f"policy {result.policy}: margin {result.margin:g}"
    yield from describe_floor(comparison, result)
    if result.absences is not None and result.absences.verdict is GateVerdict.PASS:
        yield result.absences.reason
    for line in result.lines:
        change = line.change
        moved = f"{change.worse} worse, {change.better} better of {change.conversations}"
        chance = f" (corrected p {show_p(line.p)})" if line.p is not None else ""
        floor = (
            f"; A/A {_show_rate(line.floor)}" if line.floor is not None and result.floor and result.floor.run else ""
        )
        said = line.reason if line.verdict is not GateVerdict.PASS else moved
        yield f"  {line.tier:<10} {line.metric:<26} {line.verdict:<12} {said}{chance}{floor}"
    for limit in result.limits:
        yield f"  {'limit':<10} {limit.title:<26} {limit.verdict:<12} {limit.reason}"
    for judge in result.judges:
        yield f"  {'judge':<10} {judge.title:<26} {judge.verdict:<12} {judge.reason}"
    told, others = choose_told(result.thresholds)
    yield from (f"  {'must pass':<10} {held.title:<26} {held.verdict:<12} {held.reason}" for held in told)
    if others is not None:
        yield f"  {'must pass':<10} {others}"


def describe_floor(comparison: Comparison, result: GateResult) -> Iterator[str]:
    """The noise floor beside the flips that were seen."""
    flips = next((each.flips for each in comparison.metrics if (each.metric, each.tag) == (PASS_RATE, None)), None)
    floor = result.floor
    if flips is None:
        return
    seen = f"flips: {_show_rate(flips)}"
    if floor is None:
        yield f"{seen}; noise floor not measured: run the old version again and name it with --noise"
    elif floor.certain:
        yield f"{seen}; noise floor 0: the offline model answers the same each time, so that every flip was changed"
    else:
        yield f"{seen}; noise floor {_show_rate(floor.metrics.get(PASS_RATE, rate_of(0, 0)))}, from {floor.run}"


def _show_rate(rate: Rate) -> str:
    if rate.share is None:
        return "of nothing"
    return f"{rate.share:.1%} ({rate.hits} of {rate.n}; 95 % interval {rate.low:.1%} to {rate.high:.1%})"


def describe_comparison(comparison: Comparison, result: GateResult | None = None) -> Iterator[str]:
    """The same as lines of text; with a gate's result, only slices that rise above the noise floor."""
    slices = comparison.slices if result is None else tuple(each.slice for each in result.slices)
    first, second = comparison.first, comparison.second
    yield f"{first.id} → {second.id}"
    if first.model != second.model:
        yield f"model {first.model}, now {second.model}"
    yield from (f"not comparable: {reason}" for reason in comparison.incomparable)
    yield from describe_scoring(comparison)
    changed = sorted({*second.prompts.items()} - {*first.prompts.items()})
    yield from (f"prompt {reference} ({digest})" for reference, digest in changed)
    yield from _describe_trials(comparison)
    outcomes, rate = comparison.outcomes, comparison.pass_rate
    if outcomes is not None and rate is not None:
        interval = f"95 % interval {rate.guarded_low:+.1%} to {rate.guarded_high:+.1%}"
        yield f"{comparison.compared} conversations: {rate.before:.1%} passed, now {rate.after:.1%}"
        yield f"difference {rate.difference.mean:+.1%}, {interval}"
        chance = f"exact p {show_p(outcomes.p)} (worse: {show_p(outcomes.p_worse)})"
        yield f"{outcomes.broken} broken, {outcomes.mended} fixed; {chance}"
    if comparison.not_run:
        yield f"{len(comparison.not_run)} did not run and are not counted: {', '.join(comparison.not_run[:5])}"
    turns = comparison.turns
    yield "turns: " + ", ".join(f"{turns[change]} {change}" for change in Change)
    yield f"{comparison.on_policy:.0%} of turns before the two went different ways"
    yield from (
        f"tag {each.tag}: {each.broken} of {each.conversations} broken (corrected p {show_p(each.p)})"
        for each in sorted(slices, key=lambda each: each.p)
        if each.broken and each.p < 0.05
    )
    yield from (f"must pass and broke: {name}" for name in comparison.broken_must_pass)
    yield from describe_changes(comparison.measures)
    if comparison.labelled is not None:
        yield from _describe_labelled(comparison.labelled)
    told = [pair for pair in comparison.pairs if pair.change in (Change.BROKEN, Change.FIXED)]
    for pair in told[:MOST_TOLD]:
        yield ""
        yield from _tell(pair)
    if len(told) > MOST_TOLD:
        yield f"… and {len(told) - MOST_TOLD} more"


def describe_scoring(comparison: Comparison) -> Iterator[str]:
    """That the two were scored by different code, so that a difference may be the scorers'."""
    before, after = comparison.first.scored_by, comparison.second.scored_by
    if before and after and before != after:
        yield f"scored by different code, {before} and now {after}: `parlo rescore` gives a stored run today's scores"


def describe_changes(measures: Sequence[MeasureChange]) -> Iterator[str]:
    """Measures that are not the same or not known, and how many are."""
    same = 0
    for each in measures:
        if each.unknown:
            yield f"{each.measure} is not known: {each.unknown}"
        elif each.difference and not (each.measure in QUANTILES and abs(each.difference) < _TENTH_S):
            yield f"{each.measure} {show_change(each)}"
        else:
            same += 1
    if same:
        yield f"{same} of {len(measures)} measures of time and cost are the same (times to a tenth of a second)"


def show_change(change: MeasureChange) -> str:
    """A measure before and now, with the interval of the difference where there is one."""
    before, after = (show_value(change.measure, each) for each in (change.before, change.after))
    return f"{before}, now {after}" + (f" ({show_difference(change)})" if change.difference else "")


def show_difference(change: MeasureChange) -> str:
    """The difference with its interval, or with a word on why there is none."""
    if change.difference is None:
        return "not known"
    difference = _sign(change, change.difference)
    if change.interval is None:
        return f"{difference}, no interval"
    low, high = (_sign(change, each) for each in (change.interval.low, change.interval.high))
    return f"{difference}, 95 % interval {low} to {high}"


def _sign(change: MeasureChange, value: float) -> str:
    sign = "−" if value < 0 else "+" if value else ""
    return sign + show_value(change.measure, abs(value))


def _describe_labelled(labelled: LabelledComparison) -> Iterator[str]:
    rate = labelled.pass_rate
    counts = f"{labelled.broken} broken, {labelled.fixed} fixed"
    interval = f"{rate.guarded_low:+.1%} to {rate.guarded_high:+.1%}"
    shares = f"{rate.before:.1%} right, now {rate.after:.1%} ({interval})"
    yield f"{labelled.compared} labelled messages: {shares}; {counts}"
    for flip in labelled.flips[:MOST_TOLD]:
        mark = "✗" if flip.change is Change.BROKEN else "✓"
        yield f"  {mark} {flip.task}, {flip.label}: {clean_line(flip.text)!r} was {flip.before}, now {flip.after}"
    if len(labelled.flips) > MOST_TOLD:
        yield f"  … and {len(labelled.flips) - MOST_TOLD} more"


def _describe_trials(comparison: Comparison) -> Iterator[str]:
    before, after = comparison.first.trials, comparison.second.trials
    if before != after:
        yield f"{before} trials of each conversation, now {after}: means are compared, one of which is less sure"
    elif after > 1:
        yield f"{after} trials of each conversation: their means are compared"
    if any(comparison.dropped):
        yield f"trials that did not run and are not counted: {comparison.dropped[0]}, now {comparison.dropped[1]}"


def _tell(pair: ConversationPair) -> Iterator[str]:
    mark = "✗" if pair.change is Change.BROKEN else "✓"
    before, after = pair.rates
    repeated = before is not None and after is not None and {before, after} - {0.0, 1.0}
    yield f"{mark} {pair.id}: {pair.title}" + (f" ({before:.0%} of trials passed, now {after:.0%})" if repeated else "")
    if pair.off_policy_from is not None:
        yield f"  off-policy from message {pair.off_policy_from}: {pair.misfit}"
    for turn in pair.list_changed(Change.BROKEN, Change.FIXED, Change.OFF_POLICY):
        if turn.gained or turn.lost:
            yield from _tell_turn(turn)


def _tell_turn(turn: TurnPair) -> Iterator[str]:
    aside = " (off-policy)" if turn.change is Change.OFF_POLICY else ""
    yield f"  turn {turn.number}{aside}, {turn.first.by}: {turn.first.said!r}" if turn.number else "  at the end"
    for name, side in (("before", turn.first), ("now", turn.second)):
        yield from (f"    {name:>6}  {line}" for line in list_doings(side))
    yield from (f"    ✗ {fault.scorer}: {fault.reason}" for fault in turn.gained)
    yield from (f"    ✓ {fault.scorer}" for fault in turn.lost)


def list_doings(turn: Turn) -> list[str]:
    """What Parlo did in a turn, a line each."""
    calls = [f"{call.name}({call.arguments}) {call.outcome}" for call in turn.calls]
    replies = [f"→ {reply.to}: {reply.text}" for reply in turn.replies]
    return [*calls, *turn.handoffs, *replies]
