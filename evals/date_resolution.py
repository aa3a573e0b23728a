"""What became of a customer's words for day and time: the moment they meant, a question, or wrong without asking.

`evals.summary` counts them over a run. A booking or a move that was made is held against the appointments its
transcript expects of that customer at the end; a call that was sent back to ask which day or hour was meant is counted
as asked. Looking for free times commits nobody, and words whose customer the transcript expects nothing of have no
known meaning: neither is scored. The resolver by itself, on phrases, is measured by `parlo resolve-date`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from evals.expected import read_ends
from evals.matching import quote
from evals.reading import Reading, error_code
from runtime.domain.spanish.formats import format_when
from sim.record import ToolData

COMMITTED = frozenset({"booked", "rescheduled"})
ASKS = frozenset({"ask_date"})
MOST_EXAMPLES = 10
"""Wrong ones of a run that are told one by one."""


class Resolved(StrEnum):
    """What became of words for a day and time."""

    RIGHT = "right"
    ASKED = "asked"
    WRONG = "wrong without asking"


class ResolvedDate(msgspec.Struct, frozen=True, kw_only=True):
    """One tool call's day and time.

    Attributes:
        words: As the tool was given them.
        event: The place of the call in the record's events.
        reason: In one sentence.
    """

    outcome: Resolved
    words: str
    event: int
    reason: str


class WrongExample(msgspec.Struct, frozen=True):
    """Words that became another moment, by their conversation."""

    conversation: str
    reason: str


class DateScores(msgspec.Struct, frozen=True):
    """The calls of a run, by what became of their words."""

    right: int = 0
    asked: int = 0
    wrong: int = 0
    examples: tuple[WrongExample, ...] = ()

    @property
    def n(self) -> int:
        """How many were scored."""
        return self.right + self.asked + self.wrong


def resolve_dates(reading: Reading) -> list[ResolvedDate]:
    """Every scored call of one conversation, in order."""
    expected = _list_expected(reading)
    found = []
    for tool in reading.tools:
        customer, words = reading.customer_of(tool), _read_words(tool.data)
        if words is None or customer not in expected:
            continue
        if error_code(tool.data) in ASKS:
            reason = f"asked what {quote(words, 60)} means"
            found.append(ResolvedDate(outcome=Resolved.ASKED, words=words, event=tool.index, reason=reason))
            continue
        made = _read_made(tool.data)
        if made is not None:
            right = made in expected[customer]
            wanted = " or ".join(expected[customer]) or "no appointment"
            reason = f"{quote(words, 60)} became {made}" + ("" if right else f", expected {wanted}")
            outcome = Resolved.RIGHT if right else Resolved.WRONG
            found.append(ResolvedDate(outcome=outcome, words=words, event=tool.index, reason=reason))
    return found


def sum_up_dates(resolved: Iterable[tuple[str, Sequence[ResolvedDate]]]) -> DateScores:
    """The figures of a run, from each conversation's id and calls."""
    found = [(name, each) for name, some in resolved for each in some]
    counts = {outcome: sum(each.outcome is outcome for _, each in found) for outcome in Resolved}
    wrong = [WrongExample(name, each.reason) for name, each in found if each.outcome is Resolved.WRONG]
    return DateScores(
        counts[Resolved.RIGHT], counts[Resolved.ASKED], counts[Resolved.WRONG], tuple(wrong[:MOST_EXAMPLES])
    )


def describe_date_scores(scores: DateScores) -> list[str]:
    """One line, and one for each example; nothing where nothing was scored."""
    if not scores.n:
        return []
    counts = f"{scores.right} right, {scores.asked} asked about, {scores.wrong} wrong without asking"
    return [f"days and times of {scores.n} calls: {counts}"] + [
        f"  {each.conversation}: {each.reason}" for each in scores.examples
    ]


def _list_expected(reading: Reading) -> dict[str, list[str]]:
    """Each customer's expected appointments, as tools write moments."""
    found: dict[str, list[str]] = {}
    for end in read_ends(reading.record):
        if end.appointments is None:
            continue
        now = datetime.fromisoformat(reading.record.started_at)
        for each in end.appointments:
            at = datetime.fromisoformat(each.starts_at).replace(tzinfo=now.tzinfo)
            found.setdefault(each.customer, []).append(format_when(at, now))
    return found


def _read_words(tool: ToolData) -> str | None:
    words = tool.arguments.get("when") if isinstance(tool.arguments, dict) else None
    return words if isinstance(words, str) and words else None


def _read_made(tool: ToolData) -> str | None:
    result = tool.result
    if not isinstance(result, dict) or result.get("status") not in COMMITTED:
        return None
    return str(result["when"]) if "when" in result else None
