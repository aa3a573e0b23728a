"""What a scorer says about one conversation: a value and the reason for it.

Scorers write verdicts; run directory, scoreboard and report read them. A harness that broke is a
third outcome beside met and broken: it is counted and never scored.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class VerdictKind(StrEnum):
    """Where a verdict comes from."""

    EXPECTATION = "expectation"
    RULE = "rule"
    INFRASTRUCTURE = "infrastructure"


class Outcome(StrEnum):
    """What became of a conversation."""

    PASSED = "passed"
    BROKEN = "broken"
    NOT_RUN = "not_run"


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """One scorer's judgement. `value` None means not scored; `event` is an index into the record's events."""

    scorer: str
    value: bool | float | None
    reason: str
    event: int | None = None
    kind: VerdictKind = VerdictKind.EXPECTATION

    @property
    def broken(self) -> bool:
        """True where something was scored and found wrong."""
        return self.value is not None and float(self.value) < 1.0

    @property
    def met(self) -> bool:
        """True where something was scored and found right."""
        return self.value is not None and not self.broken

    @property
    def violation(self) -> bool:
        """True where a rule that holds for every conversation was broken."""
        return self.kind is VerdictKind.RULE and self.broken


def outcome_of(verdicts: Iterable[Verdict]) -> Outcome:
    """Broken if any verdict is; not run where the harness failed; passed otherwise."""
    listed = list(verdicts)
    if any(v.kind is VerdictKind.INFRASTRUCTURE for v in listed):
        return Outcome.NOT_RUN
    return Outcome.BROKEN if any(v.broken for v in listed) else Outcome.PASSED
