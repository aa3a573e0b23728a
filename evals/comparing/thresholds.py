"""Conversations that must pass in a share of their trials: counted by a comparison, judged by the gate.

Such a share is absolute, of the second run alone: a language model that gets a conversation right nine times in ten is
broken when it is right three times in five, whatever the run before did. `evals.comparing.comparison` counts,
`evals.comparing.gating` judges.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from evals.comparing.policies import MustPass
from evals.statistics.gate import GateVerdict

MOST_TOLD = 10
"""Thresholds that are told one by one where all of them are met: a tag may hold a hundred conversations."""
_SLACK = 1e-9
"""0.8 is not quite four fifths where it is a float."""


class CountedTrials(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation with a threshold of its own, and how its trials of the second run came out.

    Attributes:
        at_least: The share that has to pass, in 0..1.
        scored: Trials whose harness did not break.
    """

    id: str
    at_least: float
    passed: int
    scored: int


class ThresholdLine(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one threshold of a policy, and what follows: PASS, BLOCK or INCONCLUSIVE."""

    counted: CountedTrials
    verdict: GateVerdict
    reason: str

    @property
    def title(self) -> str:
        """How it is called where it is shown."""
        return f"{self.counted.id} in {self.counted.at_least:.0%} of its trials"


def count_thresholds(
    must_pass: MustPass, tags: Mapping[str, Iterable[str]], counts: Mapping[str, tuple[int, int]]
) -> tuple[CountedTrials, ...]:
    """The conversations that a policy gives a threshold, in the order of the runs.

    One by its id counts before one by a tag; of several by tags, the highest.

    Args:
        must_pass: What the policy says.
        tags: Of each conversation, by its id.
        counts: (passed, scored) trials of the second run, by id.
    """
    own = {each.id: each.at_least for each in must_pass.thresholds if each.id is not None}
    by_tag = {each.tag: each.at_least for each in must_pass.thresholds if each.tag is not None}
    found = []
    for case, named in tags.items():
        at_least = own.get(case, max((by_tag[tag] for tag in named if tag in by_tag), default=None))
        if at_least is not None:
            passed, scored = counts[case]
            found.append(CountedTrials(id=case, at_least=at_least, passed=passed, scored=scored))
    return tuple(found)


def count_needed(at_least: float) -> int:
    """The trials it takes until one of them may fail; 1 where none may."""
    return 1 if at_least >= 1 else math.ceil(1 / (1 - at_least) - _SLACK)


def judge_threshold(counted: CountedTrials, *, certain: bool) -> ThresholdLine:
    """What a conversation's trials say of its threshold.

    With fewer trials than it takes until one may fail, it is open what the missing ones would say, unless they cannot
    change it.

    Args:
        counted: How they came out.
        certain: The model answers the same each time, so that one trial says what all would.
    """
    share = f"{counted.at_least:.0%}"
    seen = f"{counted.id} passed in {counted.passed} of {counted.scored} trials"
    if not counted.scored:
        reason = f"{counted.id} did not run, and has to pass in {share} of its trials"
        return ThresholdLine(counted=counted, verdict=GateVerdict.INCONCLUSIVE, reason=reason)
    needed = counted.scored if certain else max(counted.scored, count_needed(counted.at_least))
    wanted = counted.at_least * needed - _SLACK
    if counted.passed >= wanted:
        return ThresholdLine(counted=counted, verdict=GateVerdict.PASS, reason=f"{seen}, at least {share} as it must")
    if counted.passed + needed - counted.scored < wanted:
        return ThresholdLine(counted=counted, verdict=GateVerdict.BLOCK, reason=f"{seen}, and must in {share}")
    reason = f"{seen}: too few to tell whether it does in {share}, which takes {needed} that run (--trials)"
    return ThresholdLine(counted=counted, verdict=GateVerdict.INCONCLUSIVE, reason=reason)


def choose_told(lines: Sequence[ThresholdLine]) -> tuple[list[ThresholdLine], str | None]:
    """Those that people are told, all that are not met first, and a word on the others, if there are any."""
    open_ones = [each for each in lines if each.verdict is not GateVerdict.PASS]
    met = [each for each in lines if each.verdict is GateVerdict.PASS]
    room = max(0, MOST_TOLD - len(open_ones))
    left = len(met) - room
    others = f"{left} others pass in as many of their trials as they have to" if left > 0 else None
    return [*open_ones, *met[:room]], others
