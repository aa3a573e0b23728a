"""Every order in which a few attempts can take their steps, one after the other, by replay from the beginning.

The tree of choices is walked from prefixes: what a schedule could have done otherwise after its prefix is kept to
be played later. Without a limit the walk is depth first and ends when the tree does. With one, every other
schedule is the one with the fewest changes of turn that is left, so that short stories are found first, and the
rest are drawn by seeded chance, so that they lie far apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import comb
from random import Random


class Schedule:
    """One way through. Its `choose` goes to `Turnstile.play`.

    Attributes:
        choices: Whose turn it was, step by step.
        diverged: A choice of the prefix was not possible any more, though the same had been played before.
    """

    def __init__(self, prefix: Sequence[int], chance: Random | None) -> None:
        self.choices: list[int] = []
        self.diverged = False
        self._prefix = prefix
        self._chance = chance
        self._options: list[list[int]] = []

    def choose(self, ready: Sequence[int]) -> int:
        """Follow the prefix; beyond it go on with whoever had the last turn, or by chance."""
        position = len(self.choices)
        chosen = self._prefix[position] if position < len(self._prefix) else self._continue(ready)
        if chosen not in ready:
            self.diverged = True
            chosen = ready[0]
        self.choices.append(chosen)
        self._options.append(list(ready))
        return chosen

    def _continue(self, ready: Sequence[int]) -> int:
        if self._chance is not None:
            return self._chance.choice(ready)
        return self.choices[-1] if self.choices and self.choices[-1] in ready else ready[0]

    def list_others(self) -> list[tuple[int, ...]]:
        """The prefixes of what could have been done otherwise, beyond the own prefix."""
        return [
            (*self.choices[:position], other)
            for position in range(len(self._prefix), len(self.choices))
            for other in self._options[position]
            if other != self.choices[position]
        ]


class Walk:
    """Gives schedules to be played; each must have been played before the next is asked for.

    Attributes:
        played: How many were.
        diverged: How many could not follow their prefix.
        complete: Nothing is left.
    """

    def __init__(self, limit: int | None = None, seed: int = 0) -> None:
        self.played = 0
        self.diverged = 0
        self._longest: Counter[int] = Counter()
        self._limit = limit
        self._chance = None if limit is None else Random(seed)
        # each with the changes of turn it has at least
        self._left: list[tuple[int, tuple[int, ...]]] = [(0, ())]

    @property
    def complete(self) -> bool:
        """Whether every one has been played."""
        return not self._left

    @property
    def most(self) -> int:
        """How many there are at most: of as many steps as each attempt was seen to take, in any order."""
        return count_orders(list(self._longest.values()))

    def __iter__(self) -> Iterator[Schedule]:
        while self._left and (self._limit is None or self.played < self._limit):
            schedule = self._take()
            yield schedule
            self.played += 1
            self.diverged += schedule.diverged
            self._longest |= Counter(schedule.choices)
            if not schedule.diverged:
                self._left += [(count_switches(prefix), prefix) for prefix in schedule.list_others()]

    def _take(self) -> Schedule:
        if self._chance is None:
            return Schedule(self._left.pop()[1], None)
        if self.played % 2:
            at = self._chance.randrange(len(self._left))
            return Schedule(self._left.pop(at)[1], self._chance)
        at = min(range(len(self._left)), key=lambda at: self._left[at][0])
        return Schedule(self._left.pop(at)[1], None)


def count_orders(lengths: Sequence[int]) -> int:
    """In how many orders so many steps of each could be taken, if nobody ever waited."""
    orders, steps = 1, 0
    for length in lengths:
        steps += length
        orders *= comb(steps, length)
    return orders


def count_switches(choices: Sequence[int]) -> int:
    """How often the turn went from one to another."""
    return sum(one != other for one, other in pairwise(choices))
