"""A comparison on a terminal: the verdict first, then figures, then each turn that broke, with what was said."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from evals.comparing.alignment import Change, ConversationPair, TurnPair
from evals.comparing.comparison import Comparison
from evals.comparing.turns import Turn
from evals.statistics.gate import GateDecision, GateVerdict

MOST_TOLD = 10
"""Conversations that are told turn by turn."""
_STYLES = {
    GateVerdict.PASS: "bold green",
    GateVerdict.WARN: "bold yellow",
    GateVerdict.BLOCK: "bold red",
    GateVerdict.INCONCLUSIVE: "bold yellow",
    GateVerdict.NOT_COMPARABLE: "bold yellow",
}


def print_comparison(comparison: Comparison, decision: GateDecision | None = None) -> None:
    """Write it to standard output."""
    console = Console(highlight=False, soft_wrap=True)
    if decision is not None:
        console.print(Text(f"{decision.verdict}  {decision.reason}", style=_STYLES[decision.verdict]))
        if decision.further_cases is not None:
            console.print(f"about {decision.further_cases} further conversations like these would settle it")
    for line in describe_comparison(comparison):
        console.print(line, markup=False)


def describe_comparison(comparison: Comparison) -> Iterator[str]:
    """The same as lines of text."""
    first, second = comparison.first, comparison.second
    yield f"{first.id} → {second.id}"
    yield from (f"not comparable: {reason}" for reason in comparison.incomparable)
    changed = sorted({*second.prompts.items()} - {*first.prompts.items()})
    yield from (f"prompt {reference} ({digest})" for reference, digest in changed)
    outcomes, rate = comparison.outcomes, comparison.pass_rate
    if outcomes is not None and rate is not None:
        interval = f"95 % interval {rate.guarded_low:+.1%} to {rate.guarded_high:+.1%}"
        yield f"{comparison.compared} conversations: {rate.before:.1%} passed, now {rate.after:.1%}"
        yield f"difference {rate.difference.mean:+.1%}, {interval}"
        chance = f"exact p {outcomes.p:.3f} (worse: {outcomes.p_worse:.3f})"
        yield f"{outcomes.broken} broken, {outcomes.mended} fixed; {chance}"
    if comparison.not_run:
        yield f"{len(comparison.not_run)} did not run and are not counted: {', '.join(comparison.not_run[:5])}"
    turns = comparison.turns
    yield "turns: " + ", ".join(f"{turns[change]} {change}" for change in Change)
    yield f"{comparison.on_policy:.0%} of turns before the two went different ways"
    yield from (
        f"tag {each.tag}: {each.broken} of {each.conversations} broken (corrected p {each.p:.3f})"
        for each in sorted(comparison.slices, key=lambda each: each.p)
        if each.broken and each.p < 0.05
    )
    yield from (f"must pass and broke: {name}" for name in comparison.broken_must_pass)
    told = [pair for pair in comparison.pairs if pair.change in (Change.BROKEN, Change.FIXED)]
    for pair in told[:MOST_TOLD]:
        yield ""
        yield from _tell(pair)
    if len(told) > MOST_TOLD:
        yield f"… and {len(told) - MOST_TOLD} more"


def _tell(pair: ConversationPair) -> Iterator[str]:
    mark = "✗" if pair.change is Change.BROKEN else "✓"
    yield f"{mark} {pair.id}: {pair.title}"
    for turn in pair.list_changed(Change.BROKEN, Change.FIXED):
        yield from _tell_turn(turn)


def _tell_turn(turn: TurnPair) -> Iterator[str]:
    yield f"  turn {turn.number}, {turn.first.by}: {turn.first.said!r}" if turn.number else "  at the end"
    for name, side in (("before", turn.first), ("now", turn.second)):
        yield from (f"    {name:>6}  {line}" for line in _list_doings(side))
    yield from (f"    ✗ {fault.scorer}: {fault.reason}" for fault in turn.gained)
    yield from (f"    ✓ {fault.scorer}" for fault in turn.lost)


def _list_doings(turn: Turn) -> list[str]:
    calls = [f"{call.name}({call.arguments}) {call.outcome}" for call in turn.calls]
    replies = [f"→ {reply.to}: {reply.text}" for reply in turn.replies]
    return [*calls, *turn.handoffs, *replies]
