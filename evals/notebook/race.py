"""A race of locking strategies in a notebook: orders of steps, crowds, and the shortest story that goes wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from evals.notebook.frames import Columns, make_frame
from evals.notebook.showing import Card, Talk
from evals.race_table import find_shortest
from evals.racing import RaceReport
from sim.races.timeline import draw_story

if TYPE_CHECKING:
    import pandas as pd

STRATEGIES: Columns = {
    "strategy": "str",
    "default": "bool",
    "orders": "int64",
    "complete": "bool",
    "anomalies": "int64",
    "deadlocks": "int64",
    "retries": "int64",
    "put_off": "int64",
    "p50_ms": "float64",
    "p95_ms": "float64",
    "p99_ms": "float64",
    "per_s": "float64",
    "fairness": "float64",
}
ORDERS: Columns = {
    "strategy": "str",
    "scenario": "str",
    "attempts": "int64",
    "played": "int64",
    "of_at_most": "int64",
    "complete": "bool",
    "wrong": "int64",
    "deadlocks": "int64",
    "retried": "int64",
    "waits": "int64",
}
CROWDS: Columns = {
    "strategy": "str",
    "actors": "int64",
    "places": "int64",
    "rounds": "int64",
    "won": "int64",
    "refused": "int64",
    "put_off": "int64",
    "retried": "int64",
    "wrong": "int64",
    "deadlocks": "int64",
    "p50_ms": "float64",
    "p95_ms": "float64",
    "p99_ms": "float64",
    "per_s": "float64",
    "fairness": "float64",
}


class Race(Card):
    """Strategies that were raced.

    Attributes:
        report: As `parlo race --json` prints it.
    """

    def __init__(self, report: RaceReport) -> None:
        self.report = report

    def frame(self) -> pd.DataFrame:
        """One row for each strategy; figures of a part that was not played are 0.

        Columns: strategy str, default bool (production's), orders int64, complete bool, anomalies int64, deadlocks
        int64, retries int64, put_off int64, p50_ms float64, p95_ms float64, p99_ms float64 (of the largest crowd at one
        thing), per_s float64 (of the largest crowd at things of their own), fairness float64.
        """
        rows = (
            (
                *(each.name, each.default, each.interleavings, each.complete, each.anomalies, each.deadlocks),
                *(each.retries, each.put_off, each.p50_ms, each.p95_ms, each.p99_ms, each.throughput, each.fairness),
            )
            for each in self.report.strategies
        )
        return make_frame(STRATEGIES, rows)

    def orders(self) -> pd.DataFrame:
        """One row for each scenario of each strategy.

        Columns: strategy str, scenario str, attempts int64, played int64, of_at_most int64, complete bool, wrong int64
        (orders with an anomaly), deadlocks int64, retried int64, waits int64.
        """
        names = list(ORDERS)[1:]
        rows = (
            (score.name, *(getattr(each, name) for name in names))
            for score in self.report.strategies
            for each in score.scenarios
        )
        return make_frame(ORDERS, rows)

    def crowds(self) -> pd.DataFrame:
        """One row for each crowd of each strategy.

        Columns: strategy str, actors int64, places int64 (1: all want one thing), rounds int64, won int64, refused
        int64, put_off int64, retried int64, wrong int64, deadlocks int64, p50_ms float64, p95_ms float64, p99_ms
        float64, per_s float64, fairness float64.
        """
        names = list(CROWDS)[1:]
        rows = (
            (score.name, *(getattr(each, name) for name in names))
            for score in self.report.strategies
            for each in score.crowds
        )
        return make_frame(CROWDS, rows)

    def story(self, strategy: str) -> Talk | None:
        """The shortest order that went wrong, step by step; None where none did.

        Raises:
            KeyError: The strategy was not raced.
        """
        found = next((each for each in self.report.strategies if each.name == strategy), None)
        if found is None:
            raise KeyError(f"{strategy!r} was not raced")
        shortest = find_shortest(found)
        if shortest is None:
            return None
        title, *lines = draw_story(shortest)
        return Talk(strategy, title, [("", line) for line in lines])

    def _title(self) -> str:
        return f"race of {len(self.report.strategies)} strategies for a {self.report.race}"

    def _rows(self) -> Iterable[tuple[str, str]]:
        for each in self.report.strategies:
            orders = f"{each.interleavings} orders, " if each.scenarios else ""
            crowds = f", p95 {each.p95_ms:.0f} ms, {each.throughput:.0f} a second" if each.crowds else ""
            name = f"{each.name} (default)" if each.default else each.name
            yield name, f"{orders}{each.anomalies} anomalies, {each.deadlocks} deadlocks{crowds}"
