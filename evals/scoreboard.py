"""A run in the terminal: a progress bar while it goes on, a scoreboard when it is done.

The commands call this; it only prints. Without a terminal the bar becomes one line for every so
many conversations and nothing has colour; `NO_COLOR` is obeyed (rich does).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from evals.costs import describe_usage
from evals.date_resolution import describe_date_scores
from evals.divergences import describe_on_policy
from evals.handoff_timing import describe_handoff_times
from evals.measures import describe_measures
from evals.statistics.rates import Rate
from evals.summary import GroupRow, Summary, Worst
from evals.verdicts import Outcome

LINES_WITHOUT_TERMINAL = 10
WORST_SHOWN = 10
TAGS_SHOWN = 12

ROUTE_NAMES = {
    "1": "business onboarding",
    "1b": "onboarding resumed",
    "2a": "management, central number",
    "2b": "staff of several businesses",
    "3": "staff onboarding",
    "4": "business management",
    "4h": "human in a handoff",
    "5": "customer conversation",
    "5h": "customer in a handoff",
    "x-unknown-number": "unknown number",
    "x-suspended": "suspended organization",
    "x-opted-out": "opted-out sender",
    "x-unsupported": "unsupported content",
}

_MARKS = {Outcome.PASSED: ("✓", "green"), Outcome.BROKEN: ("✗", "red"), Outcome.NOT_RUN: ("!", "yellow")}


class ProgressView:
    """Shows how far a run is. Use as a context manager; call `advance` once for each conversation.

    Args:
        total: How many conversations there are.
        done: How many a resumed run has already.
        console: Where to show it; standard error by default, so that `--json` stays clean.
        every: Without a terminal: one line for so many conversations; None chooses about ten lines.
    """

    def __init__(self, total: int, *, done: int = 0, console: Console | None = None, every: int | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.total = total
        self._done = done
        self._counts: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self._every = every or max(1, total // LINES_WITHOUT_TERMINAL)
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._bar = Progress(
                TextColumn("replaying"),
                BarColumn(bar_width=None, complete_style="cyan", finished_style="green"),
                MofNCompleteColumn(),
                TextColumn("{task.fields[counts]}"),
                TimeRemainingColumn(compact=True),
                console=self.console,
                transient=True,
            )
            self._task = self._bar.add_task("replaying", total=self.total, completed=self._done, counts="")
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, outcome: Outcome) -> None:
        """Count one conversation that is done."""
        self._done += 1
        self._counts[outcome] += 1
        if self._bar is not None:
            self._bar.update(self._task, advance=1, counts=self._describe())
        elif self._done % self._every == 0 or self._done == self.total:
            self.console.print(f"{self._done}/{self.total} conversations: {self._describe()}", markup=False)

    def _describe(self) -> str:
        passed, broken, not_run = (self._counts[outcome] for outcome in Outcome)
        return f"{passed} ✓" + (f"  {broken} ✗" if broken else "") + (f"  {not_run} not run" if not_run else "")


def make_console(*, stderr: bool = False) -> Console:
    """A console that is plain where nobody looks; without a terminal it is 100 columns wide."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=100, no_color=True)


def print_scoreboard(
    summary: Summary, *, console: Console | None = None, report: Path | None = None, worst: int = WORST_SHOWN
) -> None:
    """Print a run's figures: groups, routes, broken conversations with reasons, totals, the report's path."""
    out = console or make_console()
    out.print()
    out.print(_tabulate_groups(summary))
    out.print()
    out.print(_tabulate_routes(summary))
    if summary.worst:
        out.print()
        _print_worst(out, summary.worst, worst)
    out.print()
    _print_totals(out, summary)
    if report is not None:
        out.print(Text(f"Report: {report}"), soft_wrap=True)


def _tabulate_groups(summary: Summary) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left", show_edge=False)
    table.add_column("", overflow="fold")
    for heading in ("conversations", "passed", "95 % interval", "expectations", "violations"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in summary.folders:
        _add_group(table, row, style="bold" if len(summary.folders) > 1 else "")
    for row in choose_tags(summary.tags):
        _add_group(table, row, indent="  #")
    if len(summary.folders) != 1:
        _add_group(table, _total_row(summary), style="bold")
    return table


def choose_tags(tags: Sequence[GroupRow]) -> Sequence[GroupRow]:
    """All tags where they are few, else those with something to look at: the report has the rest."""
    return tags if len(tags) <= TAGS_SHOWN else [row for row in tags if row.passed < row.conversations]


def _total_row(summary: Summary) -> GroupRow:
    return GroupRow(
        name="all",
        conversations=summary.conversations,
        passed=summary.passed,
        not_run=summary.failed,
        met=summary.expectations_met,
        expected=summary.expectations_total,
        violations=summary.violations,
        rate=summary.pass_rate,
    )


def _add_group(table: Table, row: GroupRow, *, indent: str = "", style: str = "") -> None:
    whole = row.met == row.expected
    good = row.passed == row.conversations
    table.add_row(
        Text(indent + row.name),
        str(row.conversations),
        Text(str(row.passed), style="green" if good else "red"),
        Text(show_interval(row.rate), style="dim"),
        Text(f"{row.met}/{row.expected}" if row.expected else "–", style="" if whole else "red"),
        Text(str(row.violations), style="red" if row.violations else ""),
        style=style,
    )


def _tabulate_routes(summary: Summary) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    table.add_column("route")
    table.add_column("", overflow="fold")
    table.add_column("messages", justify="right")
    for case, n in summary.routes.items():
        table.add_row(Text(case), Text(ROUTE_NAMES.get(case, ""), style="dim"), str(n))
    return table


def _print_worst(out: Console, worst: Sequence[Worst], shown: int) -> None:
    more = f", the first {shown}" if len(worst) > shown else ""
    out.print(Text(f"{len(worst)} conversations to look at{more}:", style="bold"))
    for row in worst[:shown]:
        mark, colour = _MARKS[row.outcome]
        line = Text(f"  {mark} ", style=colour)
        line.append(row.id, style="bold")
        if row.broken > 1:
            line.append(f" ({row.broken} broken)", style="dim")
        line.append(f"\n      {clean_line(row.reason)}")
        out.print(line, soft_wrap=not out.is_terminal)


def _print_totals(out: Console, summary: Summary) -> None:
    mark, colour = ("✓", "green") if summary.good else ("✗", "red")
    replays = f" in {summary.trials} trials of {summary.cases}" if summary.trials > 1 else ""
    passed = f"{mark} {summary.passed} of {summary.conversations} conversations passed{replays}"
    line = Text(passed, style=f"bold {colour}")
    line.append(
        f" · {summary.expectations_met}/{summary.expectations_total} expectations"
        f" · {summary.violations} violations · {summary.failed} not run",
        style="not bold default",
    )
    out.print(line, soft_wrap=True)
    facts = (
        f"  {summary.messages_in} messages in, {summary.final} in a final state · {summary.replies} sent"
        f" · {summary.appointments} appointments · {summary.handoffs} handoffs"
        f" · {summary.wall_s:.1f} s, {summary.messages_per_s:.1f} messages/s"
    )
    out.print(Text(facts, style="dim"), soft_wrap=True)
    kept = describe_on_policy(summary.divergence)
    if kept is not None:
        out.print(Text(f"  {kept}", style="dim"), soft_wrap=True)
    out.print(Text(f"  {describe_usage(summary.usage, ', '.join(summary.models))}", style="dim"), soft_wrap=True)
    told_apart = *describe_handoff_times(summary.handoff_times), *describe_date_scores(summary.dates)
    for told in (*describe_measures(summary.measures), *told_apart):
        out.print(Text(f"  {told}", style="dim"), soft_wrap=True)
    for each in summary.repeats:
        left_out = f", {each.left_out} with too few trials left out" if each.left_out else ""
        shown = f"{each.rate:.1%} ({each.low:.1%} to {each.high:.1%})"
        out.print(Text(f"  pass^{each.k} {shown} over {each.cases} conversations{left_out}"), soft_wrap=True)


def show_interval(rate: Rate) -> str:
    """A rate with its interval: "98 % [93–99]", or a dash for nothing."""
    if rate.share is None:
        return "–"
    return f"{rate.share * 100:.0f} % [{rate.low * 100:.0f}–{rate.high * 100:.0f}]"


def clean_line(text: str) -> str:
    """A text that cannot move a terminal's cursor or turn its direction: controls become blanks."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
