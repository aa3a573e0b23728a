"""A run in a notebook: what became of each conversation, each verdict with its reason, each turn to be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from evals.comparing.turns import Turn, cut_turns
from evals.coverage import find_coverage
from evals.date_resolution import resolve_dates
from evals.handoff_timing import time_handoffs
from evals.notebook.frames import Columns, make_frame
from evals.notebook.showing import Card, Talk, show_share
from evals.reading import Reading
from evals.run_directory import REPORT_FILE, RunReader
from evals.summary import GroupRow, Summary
from evals.verdicts import Outcome, Verdict, VerdictKind, outcome_of
from sim.record import ConversationRecord

if TYPE_CHECKING:
    import pandas as pd

CONVERSATIONS: Columns = {
    "id": "str",
    "title": "str",
    "tags": "object",
    "outcome": "str",
    "met": "int64",
    "expected": "int64",
    "violations": "int64",
    "reason": "str",
    "wall_s": "float64",
}
VERDICTS: Columns = {
    "conversation": "str",
    "scorer": "str",
    "kind": "str",
    "met": "boolean",
    "value": "float64",
    "reason": "str",
}
RATES: Columns = {
    "name": "str",
    "hits": "int64",
    "n": "int64",
    "rate": "float64",
    "low": "float64",
    "high": "float64",
}
TOOLS: Columns = {"tool": "str", "calls": "int64", "ok": "int64", "refusals": "object"}
MEASURES: Columns = {"measure": "str", "value": "float64", "unit": "str", "n": "int64", "over": "str", "unknown": "str"}
COVERAGE: Columns = {"part": "str", "name": "str", "conversations": "int64", "example": "str"}
HANDOFF_TIMES: Columns = {
    "conversation": "str",
    "step": "str",
    "timing": "str",
    "turns": "int64",
    "minutes": "float64",
    "reason": "str",
}
DATES: Columns = {"conversation": "str", "outcome": "str", "words": "str", "reason": "str"}
HANDOFFS: Columns = {
    "conversation": "str",
    "customer": "str",
    "human": "str",
    "event": "str",
    "status": "str",
    "t_s": "float64",
    "turn": "int64",
}


class Run(Card):
    """A run on disk, finished or not; read anew each time, so that it shows what is there.

    Attributes:
        path: Its directory.
        reader: What the commands read it with.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reader = RunReader(path)

    @property
    def id(self) -> str:
        """Its name, for `compare`, `gate` and `resume`."""
        return self.path.name

    @property
    def state(self) -> str:
        """running, finished or interrupted."""
        return RunReader(self.path).info.state.value

    @property
    def report(self) -> Path:
        """One HTML page with every conversation."""
        return self.path / REPORT_FILE

    @cached_property
    def summary(self) -> Summary:
        """All figures, as `parlo eval --json` prints them."""
        return self.reader.summarize()

    def frame(self) -> pd.DataFrame:
        """What became of each conversation.

        Columns: id str, title str, tags object (a tuple), outcome str (passed, broken or not_run), met int64 and
        expected int64 (of its expectations), violations int64 (of rules), reason str (the first, empty where it
        passed), wall_s float64.
        """
        verdicts = self.reader.verdicts()
        rows = (_describe(record, verdicts.get(record.id, [])) for record in self.reader.records())
        return make_frame(CONVERSATIONS, rows)

    def verdicts(self) -> pd.DataFrame:
        """Everything scorers said.

        Columns: conversation str, scorer str, kind str, met boolean (missing: not scored), value float64 (NaN: not
        scored), reason str.
        """
        rows = (
            (name, each.scorer, each.kind.value, None if each.value is None else each.met, each.value, each.reason)
            for name, found in self.reader.verdicts().items()
            for each in found
        )
        return make_frame(VERDICTS, rows)

    def tags(self) -> pd.DataFrame:
        """The share of conversations that passed, of all and by tag.

        Columns: name str, hits int64, n int64 (that ran), rate float64, low float64, high float64 (Wilson, 95 %).
        """
        whole = self.summary.pass_rate
        everything = [("all", whole.hits, whole.n, whole.share, whole.low, whole.high)]
        return make_frame(RATES, [*everything, *(_rate(each) for each in self.summary.tags)])

    def scorers(self) -> pd.DataFrame:
        """The share of verdicts that were met, by scorer, clustered by conversation.

        Columns: name str, hits int64, n int64, rate float64, low float64, high float64 (95 %).
        """
        rows = (
            (each.name, each.rate.hits, each.rate.n, each.rate.share, each.rate.low, each.rate.high)
            for each in self.summary.scorers
        )
        return make_frame(RATES, rows)

    def tools(self) -> pd.DataFrame:
        """What was called. Columns: tool str, calls int64, ok int64, refusals object (code to count)."""
        return make_frame(TOOLS, ((each.name, each.calls, each.ok, each.refusals) for each in self.summary.tools))

    def measures(self) -> pd.DataFrame:
        """What turns and conversations took and cost.

        Columns: measure str, value float64 (NaN: not known), unit str, n int64, over str (what n counts), unknown str
        (why it is not known, else empty).
        """
        rows = (
            (each.measure.value, each.value, each.unit, each.n, each.over, each.unknown)
            for each in self.summary.measures
        )
        return make_frame(MEASURES, rows)

    def handoff_times(self) -> pd.DataFrame:
        """Starts and ends of handoffs against what was expected.

        Columns: conversation str, step str (start or end), timing str (on time, late, missed or false), turns int64
        (messages waited), minutes float64 (virtual; NaN: it never came, or nobody asked), reason str.
        """
        rows = (
            (record.key, each.step.value, each.timing.value, each.turns, each.minutes, each.reason)
            for record in self.reader.records()
            if record.failure is None
            for each in time_handoffs(Reading(record))
        )
        return make_frame(HANDOFF_TIMES, rows)

    def dates(self) -> pd.DataFrame:
        """What became of customers' words for days and times.

        Columns: conversation str, outcome str (right, asked or wrong without asking), words str, reason str.
        """
        rows = (
            (record.key, each.outcome.value, each.words, each.reason)
            for record in self.reader.records()
            if record.failure is None
            for each in resolve_dates(Reading(record))
        )
        return make_frame(DATES, rows)

    def coverage(self) -> pd.DataFrame:
        """What of all there is its conversations exercised.

        Columns: part str (routes, tools, …), name str, conversations int64 (0: never), example str (an id, or empty).
        """
        found = find_coverage(self.id, self.reader.records())
        rows = (
            (section.part.value, str(each.name), each.conversations, each.example or "")
            for section in found.sections
            for each in (*section.items, *section.unlisted)
        )
        return make_frame(COVERAGE, rows)

    def handoffs(self) -> pd.DataFrame:
        """Each step of each handoff.

        Columns: conversation str, customer str, human str, event str, status str (after it), t_s float64 (virtual
        seconds since the conversation began), turn int64 (messages the customer had written by then).
        """
        return make_frame(HANDOFFS, (row for record in self.reader.records() for row in _list_handoffs(record)))

    def conversation(self, identifier: str) -> Talk:
        """What was said and done in one conversation, with what was found wrong.

        Raises:
            KeyError: It is not in this run.
        """
        places = self.reader.index()
        if identifier not in places:
            raise KeyError(f"no conversation {identifier!r} in {self.id}")
        record = self.reader.read(places[identifier])
        turns = cut_turns(Reading(record), self.reader.verdicts().get(identifier, []))
        return Talk(record.id, record.title, [line for turn in turns for line in tell_turn(turn)])

    def _title(self) -> str:
        return f"run {self.id}"

    def _rows(self) -> Iterable[tuple[str, str]]:
        info, summary = RunReader(self.path).info, self.summary
        rate = summary.pass_rate
        yield "suite", f"{info.suite} ({info.suite_hash[:12]}), {info.mode}"
        yield "prompts", ", ".join(f"{name} ({digest})" for name, digest in info.prompts.items())
        yield "locks", ", ".join(f"{kind} {strategy}" for kind, strategy in info.locks.items())
        yield "state", f"{info.state.value}: {summary.conversations} of {info.planned} conversations"
        yield "passed", f"{rate.hits} of {rate.n}: {show_share(rate.share, rate.low, rate.high)}"
        if summary.failed:
            yield "did not run", f"{summary.failed}, counted and not scored"
        yield from ((f"✗ {each.id}", each.reason) for each in summary.worst[:5])
        yield "report", str(self.report)


def tell_turn(turn: Turn) -> Iterator[tuple[str, str]]:
    """A turn as lines: who, and what they said or did."""
    if turn.number:
        yield turn.by, turn.said or "(no words)"
    yield from (("· tool", f"{call.name}({call.arguments}) {call.outcome}") for call in turn.calls)
    yield from (("· handoff", step) for step in turn.handoffs)
    yield from ((f"→ {reply.to}", reply.text) for reply in turn.replies)
    yield from (("✗", f"{fault.scorer}: {fault.reason}") for fault in turn.faults)


def _describe(record: ConversationRecord, verdicts: list[Verdict]) -> tuple[object, ...]:
    outcome = outcome_of(verdicts)
    expected = [each for each in verdicts if each.kind is VerdictKind.EXPECTATION and each.value is not None]
    wrong = [each for each in verdicts if each.broken or each.kind is VerdictKind.INFRASTRUCTURE]
    first = next((each for each in wrong if each.violation), wrong[0] if wrong else None)
    reason = f"{first.scorer}: {first.reason}" if first is not None and outcome is not Outcome.PASSED else ""
    met, violations = sum(each.met for each in expected), sum(each.violation for each in verdicts)
    tags = tuple(record.tags)
    return record.id, record.title, tags, outcome.value, met, len(expected), violations, reason, record.wall_s


def _rate(row: GroupRow) -> tuple[object, ...]:
    rate = row.rate
    return row.name, rate.hits, rate.n, rate.share, rate.low, rate.high


def _list_handoffs(record: ConversationRecord) -> Iterator[tuple[object, ...]]:
    reading = Reading(record)
    for step in reading.handoffs:
        data = step.data
        written = sum(say.lane == data.customer and say.index < step.index for say in reading.says)
        yield record.id, data.customer, data.human, data.event, data.status, step.t, written
