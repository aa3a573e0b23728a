"""The trials of one conversation in two runs: paired by their means, and told by one trial of each that shows it.

`evals.comparing.comparison` calls it. A trial whose harness broke is dropped from its conversation and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from evals.comparing.alignment import ConversationPair, align
from evals.run_directory import RunReader
from evals.verdicts import Outcome, Verdict, outcome_of
from sim.record import name_trial


class Trial(msgspec.Struct, frozen=True):
    """One replay of a conversation: where its record begins in the run's file, and what scorers found."""

    number: int
    place: int
    verdicts: tuple[Verdict, ...]
    outcome: Outcome


class Trials(msgspec.Struct, frozen=True):
    """All replays of a conversation in one run, in the order of their numbers; at least one."""

    all: tuple[Trial, ...]

    @property
    def scored(self) -> list[Trial]:
        """Those whose harness did not break."""
        return [each for each in self.all if each.outcome is not Outcome.NOT_RUN]

    @property
    def passed(self) -> int:
        """How many passed."""
        return sum(each.outcome is Outcome.PASSED for each in self.all)

    @property
    def dropped(self) -> int:
        """How many did not run."""
        return len(self.all) - len(self.scored)

    @property
    def judged(self) -> bool:
        """Whether scorers had a word on each of them."""
        return all(trial.verdicts for trial in self.all)

    @property
    def scorers(self) -> set[str]:
        """The names of those that scored something."""
        return {verdict.scorer for trial in self.all for verdict in trial.verdicts if verdict.value is not None}

    @property
    def rate(self) -> float | None:
        """The share that passed of what was scored, or None."""
        scored = self.scored
        return self.passed / len(scored) if scored else None


def group_trials(run: RunReader) -> dict[str, Trials]:
    """The trials of each conversation by its id, in the order in which conversations were finished."""
    verdicts = run.verdicts()
    found: dict[str, list[Trial]] = {}
    for key, place in run.index().items():
        case, _, number = key.partition("#")
        judged = tuple(verdicts.get(key, ()))
        found.setdefault(case, []).append(Trial(int(number or 0), place, judged, outcome_of(judged)))
    return {case: Trials(tuple(sorted(each, key=lambda trial: trial.number))) for case, each in found.items()}


def list_missing(found: Mapping[str, Trials], cases: Sequence[str], count: int) -> list[str]:
    """What a run lacks of `count` trials of each conversation: whole ones by their ids, trials by their keys."""
    missing: list[str] = []
    for case in cases:
        there = {trial.number for trial in found[case].all} if case in found else set()
        lacking = [name_trial(case, number) for number in range(count) if number not in there]
        missing += lacking if there else [case]
    return missing


def align_trials(runs: tuple[RunReader, RunReader], trials: tuple[Trials, Trials]) -> ConversationPair:
    """Set one trial of each run side by side, chosen so that they show what became of the conversation.

    Where fewer pass than before, one that passed is beside one that broke; where more do, the other way round; where
    as many do, the first ones of one outcome.

    Raises:
        UnlikeConversations: They are not replays of one transcript.
    """
    one, other = _choose(*trials)
    first, second = runs[0].read(one.place), runs[1].read(other.place)
    pair = align(first, second, (one.verdicts, other.verdicts))
    return msgspec.structs.replace(pair, rates=(trials[0].rate, trials[1].rate))


def _choose(first: Trials, second: Trials) -> tuple[Trial, Trial]:
    before, after = first.rate, second.rate
    if before is None or after is None:
        return (first.scored or first.all)[0], (second.scored or second.all)[0]
    ours, theirs = ({trial.outcome: trial for trial in reversed(each.scored)} for each in (first, second))
    if before != after:
        fell = before > after
        return ours[_outcome(passed=fell)], theirs[_outcome(passed=not fell)]
    one = first.scored[0]
    return one, theirs[one.outcome]


def _outcome(*, passed: bool) -> Outcome:
    return Outcome.PASSED if passed else Outcome.BROKEN


def judge_trials(first: Trials, second: Trials) -> tuple[bool, bool]:
    """For each run whether the conversation counts as passed, for a test of which way conversations went.

    Of as many scored trials as both have, the first ones: with fewer on one side, chance alone would favour one of
    them. The run in which fewer pass has it broken; where they are equal, both have it passed if any did.
    """
    count = min(len(first.scored), len(second.scored))
    ours, theirs = (sum(trial.outcome is Outcome.PASSED for trial in each.scored[:count]) for each in (first, second))
    if ours == theirs:
        return ours > 0, ours > 0
    return ours > theirs, theirs > ours
