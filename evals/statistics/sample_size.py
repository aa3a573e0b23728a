"""How many cases a comparison needs, and how small a difference the cases there are can show.

Called before a comparison, and beside its result. Numbers of cases are rounded up. All formulas are for large samples
and independent cases: with clusters, multiply by the design effect (clustered over plain variance).
"""

from __future__ import annotations

import math

from evals.statistics.distributions import check_share, normal_quantile


def count_cases(
    difference: float,
    spread: float,
    *,
    noise: float = 0.0,
    repeats: int = 1,
    alpha: float = 0.05,
    power: float = 0.8,
) -> int:
    """Cases of a paired comparison that shows this difference.

    Args:
        difference: What is to be seen, in the score's units; its sign does not matter.
        spread: Variance between cases of the true difference: Var(A) + Var(B) - 2 Cov(A, B).
        noise: What a single try adds: the variance of A's tries of one case plus that of B's.
        repeats: Tries of each case, K; they divide the noise and nothing else.
        alpha: How often a difference may be seen that is none, two-sided.
        power: How often the difference shall be seen.

    Raises:
        ValueError: No difference, a negative variance, no repeat, or an alpha or power outside 0..1.
    """
    if difference == 0 or not math.isfinite(difference):
        raise ValueError("a difference of nothing cannot be seen")
    variance = _add_noise(spread, noise, repeats)
    return max(2, math.ceil((_add_quantiles(alpha, power, two_sided=True) / difference) ** 2 * variance))


def find_detectable_difference(
    cases: int,
    spread: float,
    *,
    noise: float = 0.0,
    repeats: int = 1,
    alpha: float = 0.05,
    power: float = 0.8,
) -> float:
    """The smallest difference that so many cases show (MDE); the inverse of `count_cases`.

    Raises:
        ValueError: No case, a negative variance, no repeat, or an alpha or power outside 0..1.
    """
    if cases < 1:
        raise ValueError(f"{cases} cases show nothing")
    return _add_quantiles(alpha, power, two_sided=True) * math.sqrt(_add_noise(spread, noise, repeats) / cases)


def count_cases_mcnemar(
    difference: float, discordant: float, *, alpha: float = 0.05, power: float = 0.8, two_sided: bool = True
) -> int:
    """Cases for McNemar's test to show a difference of two shares of passed cases.

    Args:
        difference: The difference to be seen, (c - b) / n; its sign does not matter.
        discordant: The share of cases that come out differently, (b + c) / n; at least the difference.
        alpha: How often a difference may be seen that is none.
        power: How often the difference shall be seen.
        two_sided: Whether both directions are asked about; a gate asks about one.

    Raises:
        ValueError: No difference, more difference than discordant cases, or a share outside 0..1.
    """
    size = abs(difference)
    if not 0 < size <= discordant <= 1:
        raise ValueError(f"a difference of {difference} with a discordant share of {discordant} cannot be")
    outer = _take_alpha(alpha, two_sided=two_sided) * math.sqrt(discordant)
    check_share("power", power)
    inner = normal_quantile(power) * math.sqrt(discordant - size**2)
    return max(2, math.ceil(((outer + inner) / size) ** 2))


def find_detectable_difference_mcnemar(
    cases: int, discordant: float, *, alpha: float = 0.05, power: float = 0.8, two_sided: bool = True
) -> float | None:
    """The smallest difference that McNemar's test shows with so many cases; None where not even the largest one.

    As a share of the discordant cases it is roughly 2.8 / sqrt(b + c).

    Raises:
        ValueError: No case, or a share outside 0..1.
    """
    if cases < 1:
        raise ValueError(f"{cases} cases show nothing")
    if not 0 < discordant <= 1:
        raise ValueError(f"{discordant} is no share of discordant cases")
    outer = _take_alpha(alpha, two_sided=two_sided)
    check_share("power", power)
    # sqrt(cases) * d = outer * sqrt(q) + inner * sqrt(q - d^2), solved for d.
    inner = normal_quantile(power)
    weight = cases + inner**2
    part = math.sqrt(cases * discordant) * outer
    root = part**2 - weight * discordant * (outer**2 - inner**2)
    if root < 0:
        return None
    found = (part + math.copysign(math.sqrt(root), inner)) / weight
    return found if found <= discordant else None


def count_useful_repeats(noise: float, spread: float) -> int:
    """Tries of each case after which further cases help more than further tries: E[noise] / Var(case means).

    Args:
        noise: The mean variance of the tries of one case.
        spread: The variance of the cases' true means.

    Raises:
        ValueError: A negative noise, or a spread that is not positive.
    """
    if noise < 0 or spread <= 0:
        raise ValueError(f"a noise of {noise} and a spread of {spread} are no variances")
    return max(1, math.ceil(noise / spread))


def _add_noise(spread: float, noise: float, repeats: int) -> float:
    if spread < 0 or noise < 0:
        raise ValueError(f"a spread of {spread} and a noise of {noise} are no variances")
    if repeats < 1:
        raise ValueError(f"each case is tried at least once, not {repeats} times")
    return spread + noise / repeats


def _add_quantiles(alpha: float, power: float, *, two_sided: bool) -> float:
    check_share("power", power)
    return _take_alpha(alpha, two_sided=two_sided) + normal_quantile(power)


def _take_alpha(alpha: float, *, two_sided: bool) -> float:
    check_share("alpha", alpha)
    return normal_quantile(1 - alpha / 2 if two_sided else 1 - alpha)
