"""How far a run kept to its recordings: which conversations diverged, where, and how turns before and after scored.

The run's figures hold it (`evals.summary`), scoreboard and comparison read it. It finds no divergence itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from evals.statistics.rates import Rate, rate_of, rate_of_clusters
from evals.verdicts import Verdict, VerdictKind
from sim.record import ConversationRecord, EventKind

MOST_KEPT = 200
"""Divergences that are listed; the others are counted."""


class Diverged(msgspec.Struct, frozen=True):
    """One conversation's divergence: the message that no longer fits, by its number, and why."""

    conversation: str
    turn: int
    rule: str
    reason: str
    went_on: str


class OnPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A run's divergences in figures.

    Attributes:
        diverged: Conversations with one.
        mean_turn: The message at which they did on average; None where none did.
        turns: Messages people wrote in all conversations that ran.
        on_policy_turns: Those before a divergence.
        share: Their share; 1 where nobody wrote.
        rules: How often each rule found one.
        before: Expectations about a point before a divergence, clustered by conversation.
        after: Those about a point after it. What is to be left at the end is in neither.
        customer_faults: Conversations that are not scored, since a simulated customer was at fault.
        listed: The divergences, in the order the conversations were finished.
    """

    diverged: int = 0
    mean_turn: float | None = None
    turns: int = 0
    on_policy_turns: int = 0
    share: float = 1.0
    rules: dict[str, int] = {}
    before: Rate = rate_of(0, 0)
    after: Rate = rate_of(0, 0)
    customer_faults: int = 0
    listed: list[Diverged] = []


class DivergenceTally:
    """Counts records one at a time."""

    def __init__(self) -> None:
        self._listed: list[Diverged] = []
        self._places: list[int] = []
        self._rules: Counter[str] = Counter()
        self._turns = 0
        self._on_policy = 0
        self._faults = 0
        self._before: list[tuple[int, int]] = []
        self._after: list[tuple[int, int]] = []

    def add(self, record: ConversationRecord, verdicts: Sequence[Verdict]) -> None:
        """Count one conversation whose harness held."""
        if record.customer_fault is not None:
            self._faults += 1
            return
        said = [event for event in record.events if event.kind is EventKind.SAY]
        self._turns += len(said)
        self._on_policy += sum(not record.is_off_policy(event) for event in said)
        if record.diverged_at is not None:
            found = record.diverged_at
            self._places.append(found.turn)
            self._rules[found.rule] += 1
            if len(self._listed) < MOST_KEPT:
                self._listed.append(Diverged(record.id, found.turn, found.rule, found.reason, found.went_on))
        self._count_expectations(record, verdicts)

    def _count_expectations(self, record: ConversationRecord, verdicts: Sequence[Verdict]) -> None:
        sides: dict[bool, list[bool]] = {False: [], True: []}
        for verdict in verdicts:
            placed = verdict.event is not None and verdict.event < len(record.events)
            if placed and verdict.value is not None and verdict.kind is VerdictKind.EXPECTATION:
                sides[record.is_off_policy(record.events[verdict.event or 0])].append(verdict.met)
        for clusters, met in ((self._before, sides[False]), (self._after, sides[True])):
            if met:
                clusters.append((sum(met), len(met)))

    def summarize(self) -> OnPolicy:
        """The figures so far."""
        places = self._places
        return OnPolicy(
            diverged=len(places),
            mean_turn=round(sum(places) / len(places), 2) if places else None,
            turns=self._turns,
            on_policy_turns=self._on_policy,
            share=round(self._on_policy / self._turns, 4) if self._turns else 1.0,
            rules=dict(sorted(self._rules.items())),
            before=rate_of_clusters(self._before),
            after=rate_of_clusters(self._after),
            customer_faults=self._faults,
            listed=list(self._listed),
        )


def describe_on_policy(found: OnPolicy) -> str | None:
    """The figures in a line; None where everything went as recorded."""
    if not found.diverged and not found.customer_faults:
        return None
    parts = [f"{found.diverged} diverged"]
    if found.mean_turn is not None:
        parts[0] += f", at message {found.mean_turn:.1f} on average"
        parts.append(f"{found.share:.0%} of messages on policy")
        parts.append(f"expectations met before {_show(found.before)}, after {_show(found.after)}")
    if found.customer_faults:
        parts.append(f"{found.customer_faults} not scored for a simulated customer's fault")
    return " · ".join(parts)


def _show(rate: Rate) -> str:
    return "–" if rate.share is None else f"{rate.share:.0%}"
