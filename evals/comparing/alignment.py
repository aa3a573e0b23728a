"""Two replays of one conversation, turn beside turn: the same, changed, fixed or broken.

It compares what was done and what scorers found; it scores nothing itself, and knows of one conversation at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from evals.comparing.turns import Fault, Turn, cut_turns
from evals.reading import Reading
from evals.verdicts import Outcome, Verdict, outcome_of
from sim.record import ConversationRecord, Divergence, FinalRows, Person


class Change(StrEnum):
    """What became of a turn from the first run to the second.

    A turn that lost one fault and got another one is broken: who reads it must not take it for mended. From the
    first recorded line on that did not fit in one of the runs, turns are off-policy, whatever became of them.
    """

    SAME = "same"
    CHANGED = "changed"
    FIXED = "fixed"
    BROKEN = "broken"
    OFF_POLICY = "off-policy"


class TurnPair(msgspec.Struct, frozen=True, kw_only=True):
    """One message and what each run made of it.

    Attributes:
        number: The place of the message in the conversation, from 1; 0 is the conversation as a whole.
        lost: Faults that only the first run had.
        gained: Faults that only the second run has.
    """

    number: int
    change: Change
    first: Turn
    second: Turn
    lost: tuple[Fault, ...] = ()
    gained: tuple[Fault, ...] = ()


class ConversationPair(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation in both runs.

    Attributes:
        change: Of its outcome: broken where passing became failing, fixed the other way; changed where only turns did.
        diverged_at: The first turn at which the two did different things, or None. What people wrote after it was an
            answer to something the second run perhaps did not say.
        people: By the keys that turns and rows name them by.
        finals: The rows at the end of each run.
        off_policy_from: The first message that no longer fitted in one of the runs, or None. Up to there people wrote
            the same in both.
        misfit: Why it did not fit.
        rates: The share of its scored trials that passed, in each run; None where none was scored.
    """

    id: str
    title: str
    tags: tuple[str, ...]
    first: Outcome
    second: Outcome
    change: Change
    turns: tuple[TurnPair, ...]
    diverged_at: int | None = None
    people: dict[str, Person] = {}
    finals: tuple[FinalRows, FinalRows] = (FinalRows(), FinalRows())
    off_policy_from: int | None = None
    misfit: str = ""
    rates: tuple[float | None, float | None] = (None, None)

    def list_changed(self, *changes: Change) -> list[TurnPair]:
        """The turns with one of these changes."""
        return [pair for pair in self.turns if pair.change in changes]


class UnlikeConversations(ValueError):
    """Two records that are not of one conversation, or in which people wrote different things."""


def align(
    first: ConversationRecord,
    second: ConversationRecord,
    verdicts: tuple[Sequence[Verdict], Sequence[Verdict]],
) -> ConversationPair:
    """Set two replays of one transcript side by side.

    Args:
        first: Of the version that was there before.
        second: Of the one that is to replace it.
        verdicts: What scorers found, for each.

    Raises:
        UnlikeConversations: They are not replays of one transcript.
    """
    if first.id != second.id:
        raise UnlikeConversations(f"{first.id} is not {second.id}")
    ours, theirs = (cut_turns(Reading(each), found) for each, found in zip((first, second), verdicts, strict=True))
    said = [[(turn.by, turn.said) for turn in turns] for turns in (ours, theirs)]
    shared = min(len(said[0]), len(said[1]))
    misfit = _find_first_misfit(first, second)
    exact = shared if misfit is None else min(shared, misfit.turn)
    if said[0][:exact] != said[1][:exact]:
        raise UnlikeConversations(f"{first.id}: people wrote different things in the two runs")
    until = None if misfit is None else misfit.turn
    pairs = tuple(_pair(one, other, until) for one, other in zip(ours[:shared], theirs[:shared], strict=True))
    outcomes = outcome_of(verdicts[0]), outcome_of(verdicts[1])
    return ConversationPair(
        id=first.id,
        title=first.title,
        tags=tuple(first.tags),
        first=outcomes[0],
        second=outcomes[1],
        change=_judge(outcomes, pairs),
        turns=pairs,
        diverged_at=next((pair.number for pair in pairs if pair.first.content != pair.second.content), None),
        people=second.people,
        finals=(_name_rows(first.final), _name_rows(second.final)),
        off_policy_from=until,
        misfit="" if misfit is None else f"{misfit.rule}: {misfit.reason}",
    )


def _find_first_misfit(first: ConversationRecord, second: ConversationRecord) -> Divergence | None:
    found = [each.diverged_at for each in (first, second) if each.diverged_at is not None]
    return min(found, key=lambda each: each.turn, default=None)


def _pair(first: Turn, second: Turn, until: int | None) -> TurnPair:
    had, has = ({fault.scorer for fault in turn.faults} for turn in (first, second))
    lost = tuple(fault for fault in first.faults if fault.scorer not in has)
    gained = tuple(fault for fault in second.faults if fault.scorer not in had)
    change = Change.SAME if first.content == second.content else Change.CHANGED
    if gained or lost:
        change = Change.BROKEN if gained else Change.FIXED
    if until is not None and first.number >= until:
        change = Change.OFF_POLICY
    return TurnPair(number=first.number, change=change, first=first, second=second, lost=lost, gained=gained)


def _judge(outcomes: tuple[Outcome, Outcome], pairs: Sequence[TurnPair]) -> Change:
    passed = [outcome is Outcome.PASSED for outcome in outcomes]
    if passed[0] != passed[1] and Outcome.NOT_RUN not in outcomes:
        return Change.FIXED if passed[1] else Change.BROKEN
    same = all(pair.change is Change.SAME or _is_same(pair) for pair in pairs)
    return Change.SAME if same else Change.CHANGED


def _is_same(pair: TurnPair) -> bool:
    """Whether an off-policy turn is the same in both runs, which left the recording alike."""
    return pair.first.content == pair.second.content and not (pair.lost or pair.gained)


def _name_rows(final: FinalRows) -> FinalRows:
    """What people would ask about; each message's own row says no more than its turn."""
    return msgspec.structs.replace(final, messages=[])
