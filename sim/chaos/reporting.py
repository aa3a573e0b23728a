"""What `parlo chaos` shows: what there was, how soon it was as before after each kind of fault, and what was broken."""

from __future__ import annotations

import sys

import msgspec

from sim.chaos.play import Outcome
from sim.chaos.recovery import KindRecovery, summarize_recoveries

_COLUMNS = ("fault", "count", "out", "first p50", "max", "clear p50", "max", "bound", "")


class Report(msgspec.Struct, frozen=True):
    """What `--json` prints: the run, and its recoveries by kind."""

    kept: bool
    missed: int
    kinds: list[KindRecovery]
    run: Outcome


def show_outcome(outcome: Outcome, *, as_json: bool) -> bool:
    """Print what came of it; True when every promise was kept. A recovery that took too long is marked, no more."""
    kinds = summarize_recoveries(outcome.recoveries)
    kept = not outcome.violations
    if as_json:
        report = Report(kept, sum(kind.missed for kind in kinds), kinds, outcome)
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report)).decode() + "\n")
    else:
        sys.stdout.write("\n".join([*_describe_run(outcome), *_draw_table(kinds), *_describe_end(outcome)]) + "\n")
    return kept


def _describe_run(outcome: Outcome) -> list[str]:
    restarts = ", ".join(f"{name} {count}" for name, count in outcome.restarts.items() if count) or "none"
    return [
        f"seed {outcome.seed}, {outcome.seconds / 60:.1f} min of {sum(outcome.faults.values())} faults:"
        f" {outcome.written} messages in {outcome.conversations} conversations, {outcome.sent} sent,"
        f" {outcome.model_calls} model answers, {outcome.appointments} appointments, {outcome.handoffs} handoffs",
        f"answered after {outcome.answer_p50_s:.1f} s (p50), {outcome.answer_p95_s:.1f} s (p95)",
        f"webhooks brought again {outcome.brought_again} times, {outcome.given_up} given up by the provider"
        f" ({outcome.fetched} of them fetched); {outcome.copies} messages sent twice, {outcome.excuses} excused;"
        f" {outcome.dead_turns} turns given up",
        f"processes started again: {restarts}",
    ]


def _draw_table(kinds: list[KindRecovery]) -> list[str]:
    rows = [_COLUMNS, *(_draw_row(kind) for kind in kinds)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return ["", *("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows), ""]


def _draw_row(kind: KindRecovery) -> tuple[str, ...]:
    mark = "" if kind.bound_s is None else f"✗ {kind.missed}" if kind.missed else "✓"
    figures = (kind.out_p50_s, kind.first_p50_s, kind.first_max_s, kind.clear_p50_s, kind.clear_max_s, kind.bound_s)
    return (kind.kind, str(kind.count), *("–" if each is None else f"{each:.1f}" for each in figures), mark)


def _describe_end(outcome: Outcome) -> list[str]:
    rested = "not at rest" if outcome.rested_after_s is None else f"at rest {outcome.rested_after_s:.0f} s"
    logs = ", ".join(f"{name} {path}" for name, path in outcome.logs.items())
    lost = outcome.given_up - outcome.fetched
    return [
        f"{rested} after the last fault",
        *([f"! {lost} messages never reached us"] if lost else []),
        f"logs: {outcome.folder}; {logs}",
        *(f"✗ {each.invariant}: {each.detail}" for each in outcome.violations),
        f"{'✗' if outcome.violations else '✓'} {len(outcome.violations)} violations",
    ]
