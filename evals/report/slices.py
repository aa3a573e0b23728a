"""Slices of a run that its summary does not have: by language and by split. Called by `runs`; compares nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from evals.statistics.rates import Rate, rate_of, rate_of_clusters
from evals.summary import GroupRow
from evals.verdicts import Outcome, Verdict, VerdictKind, outcome_of


class Slices:
    """Counts conversations by the value of one property."""

    def __init__(self) -> None:
        self._rows: dict[str, GroupRow] = {}
        self._ran: dict[str, Counter[str]] = {}
        self._passed: dict[str, Counter[str]] = {}

    def add(self, name: str, case: str, verdicts: Sequence[Verdict]) -> None:
        """Count one replay of the conversation `case`."""
        row = self._rows.get(name) or GroupRow(name, 0, 0, 0, 0, 0, 0, rate_of(0, 0))
        expected = [v for v in verdicts if v.kind is VerdictKind.EXPECTATION and v.value is not None]
        outcome = outcome_of(verdicts)
        self._ran.setdefault(name, Counter())[case] += outcome is not Outcome.NOT_RUN
        self._passed.setdefault(name, Counter())[case] += outcome is Outcome.PASSED
        self._rows[name] = msgspec.structs.replace(
            row,
            conversations=row.conversations + 1,
            passed=row.passed + (outcome is Outcome.PASSED),
            not_run=row.not_run + (outcome is Outcome.NOT_RUN),
            met=row.met + sum(v.met for v in expected),
            expected=row.expected + len(expected),
            violations=row.violations + sum(v.violation for v in verdicts),
        )

    def rows(self) -> list[GroupRow]:
        """One line for each value, with the interval of its pass rate over conversations that ran."""
        return [msgspec.structs.replace(row, rate=self._rate(name)) for name, row in sorted(self._rows.items())]

    def _rate(self, name: str) -> Rate:
        """Independent where each conversation is there once; clustered where one was replayed several times."""
        ran, passed = self._ran[name], self._passed[name]
        if max(ran.values(), default=0) <= 1:
            return rate_of(passed.total(), ran.total())
        return rate_of_clusters([(passed[case], n) for case, n in ran.items()])
