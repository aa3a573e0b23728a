"""A gate's result as one page of Markdown: the verdict, why, and each turn that broke with the words before and after.

`parlo gate --summary` writes it, for a pull request or whoever decides. What people wrote is set as code, so that
nothing in it is read as Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from evals.comparing.alignment import Change, ConversationPair, TurnPair
from evals.comparing.comparison import Comparison
from evals.comparing.gating import GateResult, explain_bless
from evals.comparing.showing import MOST_TOLD, describe_changes, describe_floor, describe_scoring, list_doings
from evals.comparing.thresholds import choose_told
from evals.run_directory import write_lines
from evals.statistics.distributions import show_p
from evals.statistics.gate import GateVerdict

_TICKS = re.compile(r"`+")
_MEANINGS = {
    GateVerdict.PASS: "may be deployed",
    GateVerdict.WARN: "may be deployed; something got worse within what is tolerated",
    GateVerdict.BLOCK: "must not be deployed",
    GateVerdict.INCONCLUSIVE: "cannot be told yet, and so is not let through",
    GateVerdict.NOT_COMPARABLE: "nothing follows from these two runs, and so it is not let through",
}


def write_summary(path: Path, comparison: Comparison, result: GateResult) -> None:
    """Write it, in place only when it is whole.

    Raises:
        OSError: It cannot be written; nothing is left of it.
    """
    write_lines(path, (f"{line}\n" for line in describe_summary(comparison, result)))


def describe_summary(comparison: Comparison, result: GateResult) -> Iterator[str]:
    """The page, line by line."""
    decision = result.decision
    yield f"# {decision.verdict}: {_MEANINGS[decision.verdict]}"
    yield ""
    yield f"{set_code(comparison.first.id)} → {set_code(comparison.second.id)}, by the policy {set_code(result.policy)}"
    yield ""
    yield f"**Why.** {escape(decision.reason)}"
    yield ""
    yield from _describe_figures(comparison, result)
    yield from _describe_settling(comparison, result)
    advice = explain_bless(comparison, result)
    if advice is not None:
        yield advice
        yield ""
    yield from _describe_lines(result)
    yield from _describe_broken(comparison)
    yield from _describe_labelled(comparison)


def _describe_figures(comparison: Comparison, result: GateResult) -> Iterator[str]:
    outcomes, rate = comparison.outcomes, comparison.pass_rate
    if outcomes is not None and rate is not None:
        yield f"- {comparison.compared} conversations: {rate.before:.1%} passed before, {rate.after:.1%} now"
        yield (
            f"- difference {rate.difference.mean:+.1%}, {rate.confidence:.0%} interval {rate.guarded_low:+.1%} to "
            f"{rate.guarded_high:+.1%}; margin {result.margin:.1%}"
        )
        chance = f"exact p {show_p(outcomes.p)}"
        yield f"- discordant pairs: b = {outcomes.broken} broken, c = {outcomes.mended} fixed; {chance}"
    for line in (*describe_scoring(comparison), *describe_floor(comparison, result)):
        yield f"- {escape(line)}"
    yield from (f"- {escape(line)}" for line in describe_changes(comparison.measures))
    yield "- turns: " + ", ".join(f"{comparison.turns[change]} {change}" for change in Change)
    yield f"- {comparison.on_policy:.0%} of turns came before the two runs went different ways"
    if comparison.not_run:
        yield f"- {len(comparison.not_run)} did not run and are not counted: {_list_ids(comparison.not_run)}"
    for name in comparison.broken_must_pass:
        yield f"- must pass and broke: {set_code(name)}"
    for each in result.slices:
        found = each.slice
        chance = f"corrected p {show_p(found.p)}"
        yield f"- tag {set_code(found.tag)}: {found.broken} of {found.conversations} broken ({chance})"
    yield ""


def _describe_settling(comparison: Comparison, result: GateResult) -> Iterator[str]:
    """What whoever reads this can do next, where something is open."""
    if result.decision.verdict is GateVerdict.NOT_COMPARABLE:
        yield "**What would settle it.** Two runs of the same suite, mode and seed, both finished and scored alike."
    elif result.decision.further_cases is not None:
        yield f"**What would settle it.** About {result.decision.further_cases} further conversations like these."
    elif result.decision.verdict is GateVerdict.INCONCLUSIVE:
        yield "**What would settle it.** What the reason names; more of the same conversations would not."
    elif result.decision.verdict is GateVerdict.BLOCK and not any(
        case.change is Change.BROKEN for case in comparison.cases
    ):
        yield "**What would settle it.** What the reason names: no conversation broke."
    elif result.decision.verdict is GateVerdict.BLOCK:
        yield "**What would settle it.** The turns below: each is one that was right and is not."
    else:
        return
    yield ""


def _describe_lines(result: GateResult) -> Iterator[str]:
    yield "| tier | metric | before | now | worse | better | of | verdict |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |"
    for line in result.lines:
        change = line.change
        before, after = (
            ("–", "–") if change.pairs is None else (f"{change.pairs.before:.1%}", f"{change.pairs.after:.1%}")
        )
        yield (
            f"| {line.tier} | {set_code(line.metric)} | {before} | {after} | {change.worse} | {change.better} "
            f"| {change.conversations} | {line.verdict} |"
        )
    yield ""
    yield from (f"- limit: {escape(each.reason)} ({each.verdict})" for each in result.limits)
    yield from (f"- judge {escape(each.title)}: {escape(each.reason)} ({each.verdict})" for each in result.judges)
    if result.limits or result.judges:
        yield ""
    told, others = choose_told(result.thresholds)
    yield from (f"- must pass: {escape(each.reason)} ({each.verdict})" for each in told)
    if others is not None:
        yield f"- must pass: {others}"
    if told:
        yield ""


def _describe_broken(comparison: Comparison) -> Iterator[str]:
    broken = [pair for pair in comparison.pairs if pair.change is Change.BROKEN]
    count = sum(case.change is Change.BROKEN for case in comparison.cases)
    if not count:
        return
    yield f"## {count} broke"
    yield ""
    for pair in broken[:MOST_TOLD]:
        yield from _tell(pair)
    if count > MOST_TOLD:
        told = {pair.id for pair in broken[:MOST_TOLD]}
        left = [case.id for case in comparison.cases if case.change is Change.BROKEN and case.id not in told]
        yield f"… and {len(left)} more: {_list_ids(left)}"


def _describe_labelled(comparison: Comparison) -> Iterator[str]:
    """Each message that is no longer taken for what it is."""
    labelled = comparison.labelled
    if labelled is None:
        return
    rate = labelled.pass_rate
    yield f"## {labelled.compared} labelled messages"
    yield ""
    yield f"{rate.before:.1%} right before, {rate.after:.1%} now; {labelled.broken} broken, {labelled.fixed} fixed"
    yield ""
    broken = [flip for flip in labelled.flips if flip.change is Change.BROKEN]
    for flip in broken[:MOST_TOLD]:
        words = f"{flip.task}, {flip.label}: {set_code(flip.text)}"
        yield f"- {words} was {set_code(flip.before)}, now {set_code(flip.after)}"
    if len(broken) > MOST_TOLD:
        yield f"- … and {len(broken) - MOST_TOLD} more"
    if broken:
        yield ""


def _tell(pair: ConversationPair) -> Iterator[str]:
    yield f"### {set_code(pair.id)} {escape(pair.title)}"
    yield ""
    for turn in pair.list_changed(Change.BROKEN, Change.OFF_POLICY):
        if turn.gained:
            yield from _tell_turn(turn)


def _tell_turn(turn: TurnPair) -> Iterator[str]:
    head = f"Turn {turn.number}, {turn.first.by}: {set_code(turn.first.said)}" if turn.number else "At the end"
    yield f"{head} (off-policy)" if turn.change is Change.OFF_POLICY else head
    yield ""
    for name, side in (("before", turn.first), ("now", turn.second)):
        yield from (f"- {name}: {set_code(line)}" for line in list_doings(side))
    for fault in turn.gained:
        yield f"- **{set_code(fault.scorer)}**: {escape(fault.reason)}"
    yield ""


def _list_ids(ids: tuple[str, ...] | list[str]) -> str:
    return ", ".join(set_code(each) for each in ids[:20]) + (" …" if len(ids) > 20 else "")


def set_code(text: str) -> str:
    """The text as code on one line, whatever ticks are in it."""
    one_line = " ".join(text.split()).replace("|", "¦").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if not one_line:
        return "` `"
    ticks = "`" * (1 + max((len(found) for found in _TICKS.findall(one_line)), default=0))
    pad = " " if "`" in one_line else ""
    return f"{ticks}{pad}{one_line}{pad}{ticks}"


def escape(text: str) -> str:
    """The text so that Markdown and HTML in it stay what they are."""
    return re.sub(r"([\\`*_\[\]<>#|&])", r"\\\1", " ".join(text.split()))
