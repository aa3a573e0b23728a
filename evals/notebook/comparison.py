"""A comparison and a gate in a notebook: which conversations and turns broke, with what was said, and the decision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from evals.comparing.alignment import Change, ConversationPair, TurnPair
from evals.comparing.comparison import Comparison
from evals.comparing.gating import GateResult, PolicyLine
from evals.comparing.limits import LimitLine
from evals.comparing.measuring import MeasureChange
from evals.comparing.showing import describe_comparison, describe_gate
from evals.comparing.turns import Turn
from evals.notebook.frames import Columns, make_frame
from evals.notebook.run import tell_turn
from evals.notebook.showing import Card, Talk
from evals.statistics.gate import GateDecision, GateVerdict

if TYPE_CHECKING:
    import pandas as pd

CONVERSATIONS: Columns = {
    "id": "str",
    "title": "str",
    "tags": "object",
    "change": "str",
    "before": "str",
    "after": "str",
    "must_pass": "bool",
    "turns_changed": "int64",
    "diverged_at": "Int64",
}
TURNS: Columns = {
    "conversation": "str",
    "turn": "int64",
    "change": "str",
    "by": "str",
    "said": "str",
    "before": "str",
    "after": "str",
    "gained": "str",
    "lost": "str",
}
LINES: Columns = {
    "tier": "str",
    "metric": "str",
    "margin": "float64",
    "verdict": "str",
    "reason": "str",
    "worse": "int64",
    "better": "int64",
    "conversations": "int64",
}
MEASURES: Columns = {
    "measure": "str",
    "unit": "str",
    "before": "float64",
    "after": "float64",
    "difference": "float64",
    "low": "float64",
    "high": "float64",
    "conversations": "int64",
}
LIMITS: Columns = {
    "tier": "str",
    "limit": "str",
    "before": "float64",
    "after": "float64",
    "allowed": "float64",
    "verdict": "str",
    "reason": "str",
}
TAGS: Columns = {"tag": "str", "conversations": "int64", "broken": "int64", "fixed": "int64", "p": "float64"}


class Compared(Card):
    """What became of a suite from one run to another.

    Attributes:
        comparison: As `parlo compare --json` prints it.
    """

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison

    def frame(self) -> pd.DataFrame:
        """Conversations that are not the same: the broken ones first. At most fifty of each kind are kept.

        Columns: id str, title str, tags object (a tuple), change str (broken, fixed or changed), before str and after
        str (outcomes), must_pass bool, turns_changed int64, diverged_at Int64 (the first turn that differs).
        """
        return make_frame(CONVERSATIONS, (self._describe(each) for each in self.comparison.pairs))

    def turns(self) -> pd.DataFrame:
        """Turns that are not the same; turn 0 is the conversation as a whole.

        Columns: conversation str, turn int64, change str, by str, said str, before str and after str (what Parlo did),
        gained str and lost str (faults: scorer and reason).
        """
        rows = (
            _describe_turn(each, turn)
            for each in self.comparison.pairs
            for turn in each.list_changed(Change.BROKEN, Change.FIXED, Change.CHANGED, Change.OFF_POLICY)
        )
        return make_frame(TURNS, rows)

    def tags(self) -> pd.DataFrame:
        """By tag. Columns: tag str, conversations int64, broken int64, fixed int64, p float64 (Holm-corrected)."""
        slices = self.comparison.slices
        return make_frame(TAGS, ((each.tag, each.conversations, each.broken, each.fixed, each.p) for each in slices))

    def measures(self) -> pd.DataFrame:
        """What turns and conversations took and cost, of those that ran in both.

        Columns: measure str, unit str, before float64 and after float64 (NaN: not known), difference float64,
        low float64, high float64 (95 % of the difference; NaN where there is none), conversations int64.
        """
        return make_frame(MEASURES, (_describe_measure(each) for each in self.comparison.measures))

    def conversation(self, identifier: str) -> Talk:
        """One conversation, turn by turn; where the two did different things, first before, then after.

        Raises:
            KeyError: It is the same in both, or in neither.
        """
        for pair in self.comparison.pairs:
            if pair.id == identifier:
                return Talk(pair.id, f"{pair.title} ({pair.change.value})", list(_tell(pair)))
        raise KeyError(f"no conversation {identifier!r} is different")

    def _describe(self, pair: ConversationPair) -> tuple[object, ...]:
        differing = len(pair.list_changed(Change.BROKEN, Change.FIXED, Change.CHANGED, Change.OFF_POLICY))
        outcomes = pair.change.value, pair.first.value, pair.second.value
        must_pass = pair.id in self.comparison.second.must_pass
        return pair.id, pair.title, pair.tags, *outcomes, must_pass, differing, pair.diverged_at

    def _title(self) -> str:
        return f"{self.comparison.first.id} → {self.comparison.second.id}"

    def _rows(self) -> Iterable[tuple[str, str]]:
        _, *lines = describe_comparison(self.comparison)
        # what was said in each conversation is in `turns` and `conversation`
        told = lines[: lines.index("")] if "" in lines else lines
        yield from (("", line) for line in told)
        yield from ((_mark(each), f"{each.id}: {each.title}") for each in self.comparison.pairs if _mark(each))


class Gated(Compared):
    """A comparison with the gate's decision.

    Attributes:
        result: Verdict, reason, what would settle it, and the lines of the policy.
    """

    def __init__(self, comparison: Comparison, result: GateResult) -> None:
        super().__init__(comparison)
        self.result = result

    @property
    def decision(self) -> GateDecision:
        """Verdict and reason."""
        return self.result.decision

    @property
    def verdict(self) -> GateVerdict:
        """PASS, WARN, BLOCK, INCONCLUSIVE or NOT_COMPARABLE."""
        return self.result.decision.verdict

    @property
    def exit_code(self) -> int:
        """What `parlo gate` would end with."""
        return self.result.decision.exit_code

    @property
    def margin(self) -> float:
        """The loss of the policy's primary metric that is tolerated."""
        return self.result.margin

    def lines(self) -> pd.DataFrame:
        """What each metric of the policy asks for.

        Columns: tier str, metric str, margin float64, verdict str, reason str, worse int64, better int64,
        conversations int64 (or labelled messages).
        """
        return make_frame(LINES, (_describe_line(line) for line in self.result.lines))

    def limits(self) -> pd.DataFrame:
        """What each limit of the policy asks for.

        Columns: tier str, limit str, before float64, after float64 and allowed float64 (NaN: not known), verdict str,
        reason str.
        """
        return make_frame(LIMITS, (_describe_limit(line) for line in self.result.limits))

    def _title(self) -> str:
        return f"{self.verdict.value}: {self.decision.reason}"

    def _rows(self) -> Iterable[tuple[str, str]]:
        # what each metric says is in `lines`
        yield from (("", line) for line in describe_gate(self.comparison, self.result) if not line.startswith(" "))
        yield from super()._rows()


def _describe_line(line: PolicyLine) -> tuple[object, ...]:
    counts = line.change.worse, line.change.better, line.change.conversations
    return line.tier.value, line.metric, line.margin, line.verdict.value, line.reason, *counts


def _describe_limit(line: LimitLine) -> tuple[object, ...]:
    held = line.measured
    return held.tier.value, line.title, held.before, held.after, held.allowed, line.verdict.value, line.reason


def _describe_measure(change: MeasureChange) -> tuple[object, ...]:
    low, high = (change.interval.low, change.interval.high) if change.interval is not None else (None, None)
    values = change.before, change.after, change.difference, low, high
    return change.measure.value, change.unit, *values, change.conversations


def _mark(pair: ConversationPair) -> str:
    return {Change.BROKEN: "✗", Change.FIXED: "✓"}.get(pair.change, "")


def _tell(pair: ConversationPair) -> Iterator[tuple[str, str]]:
    for turn in pair.turns:
        if turn.change is Change.SAME:
            yield from tell_turn(turn.first)
            continue
        if turn.number:
            yield turn.first.by, turn.first.said
        for name, side in (("before", turn.first), ("after", turn.second)):
            lines = list(tell_turn(side))
            yield from ((f"{name} {who}", words) for who, words in (lines[1:] if turn.number else lines))


def _describe_turn(pair: ConversationPair, turn: TurnPair) -> tuple[object, ...]:
    before, after = (_tell_doings(side) for side in (turn.first, turn.second))
    gained, lost = ("; ".join(f"{it.scorer}: {it.reason}" for it in each) for each in (turn.gained, turn.lost))
    return pair.id, turn.number, turn.change.value, turn.first.by, turn.first.said, before, after, gained, lost


def _tell_doings(turn: Turn) -> str:
    lines = [(who, words) for who, words in tell_turn(turn) if who != "✗"]
    # the first is what the person wrote
    return "\n".join(f"{who} {words}" for who, words in (lines[1:] if turn.number else lines))
