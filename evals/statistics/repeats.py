"""What repeating a case tells: the chance that k tries all succeed (pass^k), or that one of them does (pass@k).

Both are the unbiased estimates. `(successes / trials) ** k` is not: it flatters, most where trials are few.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from evals.statistics.means import Estimate, estimate_mean


def pass_hat_k(tasks: Sequence[tuple[int, int]], k: int) -> Estimate:
    """The chance that k independent tries of a task all succeed, with its standard error over tasks.

    Args:
        tasks: (successes, trials) of each task; a try that did not run for reasons of the harness is no trial.
        k: How many tries; at most the fewest trials of any task.

    Raises:
        ValueError: No task, k below 1, a miscount, or a task with fewer than k trials.
    """
    return _estimate_over_tasks(tasks, k, lambda hits, n: math.comb(hits, k) / math.comb(n, k))


def pass_at_k(tasks: Sequence[tuple[int, int]], k: int) -> Estimate:
    """The chance that at least one of k independent tries of a task succeeds; otherwise as `pass_hat_k`.

    Raises:
        ValueError: No task, k below 1, a miscount, or a task with fewer than k trials.
    """
    return _estimate_over_tasks(tasks, k, lambda hits, n: 1 - math.comb(n - hits, k) / math.comb(n, k))


def _estimate_over_tasks(
    tasks: Sequence[tuple[int, int]], k: int, estimate_one: Callable[[int, int], float]
) -> Estimate:
    if not tasks:
        raise ValueError("there are no tasks")
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    for hits, trials in tasks:
        if not 0 <= hits <= trials:
            raise ValueError(f"{hits} of {trials} is not a count of successes")
        if trials < k:
            raise ValueError(f"k = {k} needs as many trials of each task; one has {trials}")
    return estimate_mean([estimate_one(hits, trials) for hits, trials in tasks])
