"""A race of locking strategies in the terminal: the table, and the shortest story of an anomaly."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from evals.racing import RaceReport, Score
from sim.races.figures import Story
from sim.races.timeline import draw_story

WIDTH = 140
"""Of a file or a pipe, which has none."""

_COLUMNS = (
    "strategy",
    "orders",
    "anomalies",
    "deadlocks",
    "retries",
    "put off",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "per s",
    "fairness",
    "whole path",
)


def print_race(report: RaceReport) -> None:
    """Print it on standard output."""
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDTH
    table = Table(title=f"{report.race}: {', '.join(report.parts)}", title_justify="left")
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column == "strategy" else "right")
    for score in report.strategies:
        table.add_row(*_describe(score))
    console.print(table)
    for line in _tell_bounds(report):
        console.print(line, markup=False)
    for score in report.strategies:
        if (story := find_shortest(score)) is not None:
            console.print(f"\nThe shortest order of `{score.name}` that goes wrong", markup=False)
            for line in draw_story(story):
                console.print(line, markup=False)


def find_shortest(score: Score) -> Story | None:
    """The anomaly with the fewest changes of turn, and then the fewest steps."""
    stories = [each.worst for each in score.scenarios if each.worst is not None]
    return min(stories, key=lambda story: (story.switches, len(story.steps)), default=None)


def _describe(score: Score) -> list[str]:
    path = f"{score.path['fair']}/{score.path['rounds']} fair" if score.path else "–"
    loaded = bool(score.crowds)
    times = [f"{value:.0f}" if loaded else "–" for value in (score.p50_ms, score.p95_ms, score.p99_ms)]
    return [
        f"{score.name} (default)" if score.default else score.name,
        f"{score.interleavings}" if score.scenarios else "–",
        f"{score.anomalies}",
        f"{score.deadlocks}",
        f"{score.retries}",
        f"{score.put_off}",
        *times,
        f"{score.throughput:.0f}" if loaded else "–",
        f"{score.fairness:.2f}" if loaded else "–",
        path,
    ]


def _tell_bounds(report: RaceReport) -> Iterator[str]:
    """What was not played whole, and what of the measurement itself went wrong."""
    for score in report.strategies:
        for each in score.scenarios:
            if not each.complete:
                yield f"{score.name}, {each.scenario}: {each.played:,} orders played of at most {each.of_at_most:,}"
            if each.surprises:
                yield f"{score.name}, {each.scenario}: {each.surprises} statements waited that were taken for private"
    crowds = report.strategies[0].crowds if report.strategies else []
    if crowds:
        yield f"p50 to p99: {crowds[-1].actors} at one thing; per s: each at a thing of its own"
