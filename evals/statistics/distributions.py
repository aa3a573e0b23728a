"""Normal, Student's t and fair-coin binomial probabilities. Used by the rest of this package, which needs no SciPy.

Tails are exact sums of `math.comb`, or the regularized incomplete beta function by its continued fraction; tests
compare them with published tables.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_STANDARD = NormalDist()
_MOST_STEPS = 500
_TINY = 1e-300


def normal_quantile(probability: float) -> float:
    """The z below which a standard normal value falls with this probability.

    Raises:
        ValueError: The probability is not strictly between 0 and 1.
    """
    check_share("probability", probability)
    return _STANDARD.inv_cdf(probability)


def normal_cdf(z: float) -> float:
    """The chance that a standard normal value is at most z."""
    return _STANDARD.cdf(z)


def student_t_cdf(t: float, df: float) -> float:
    """The chance that Student's t with `df` degrees of freedom is at most t.

    Raises:
        ValueError: `df` is not positive.
    """
    if df <= 0:
        raise ValueError(f"degrees of freedom must be positive, not {df}")
    tail = 0.5 * incomplete_beta(df / (df + t * t), df / 2, 0.5)
    return tail if t < 0 else 1 - tail


@lru_cache(maxsize=4096)
def student_t_quantile(probability: float, df: float) -> float:
    """The t below which Student's t with `df` degrees of freedom falls with this probability, by bisection.

    Raises:
        ValueError: The probability is not strictly between 0 and 1, or `df` is not positive.
    """
    check_share("probability", probability)
    if probability < 0.5:
        return -student_t_quantile(1 - probability, df)
    low, high = 0.0, 1.0
    while student_t_cdf(high, df) < probability:
        low, high = high, high * 2
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if student_t_cdf(middle, df) < probability else (low, middle)
    return (low + high) / 2


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function I_x(a, b), for x in 0..1 and a, b > 0.

    Raises:
        ValueError: An argument is outside its range.
    """
    if not (0 <= x <= 1 and a > 0 and b > 0):
        raise ValueError(f"the incomplete beta function is not defined at x={x}, a={a}, b={b}")
    if x in (0.0, 1.0):
        return x
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    # The fraction converges fast on this side of the mean only; the other side is its mirror image.
    if x > (a + 1) / (a + b + 2):
        return 1 - math.exp(log_front) * _evaluate_fraction(1 - x, b, a) / b
    return math.exp(log_front) * _evaluate_fraction(x, a, b) / a


def coin_tail(successes: int, flips: int) -> float:
    """The chance of at least so many heads in so many flips of a fair coin, exactly.

    Raises:
        ValueError: A negative number of flips.
    """
    if flips < 0:
        raise ValueError(f"{flips} flips cannot be made")
    first = max(successes, 0)
    ways, favourable = math.comb(flips, first), 0
    for heads in range(first, flips + 1):
        favourable += ways
        ways = ways * (flips - heads) // (heads + 1)  # from one binomial coefficient to the next, exactly
    # As integers: a quotient of two huge ones is still rounded correctly.
    return favourable / (1 << flips)


def coin_point(successes: int, flips: int) -> float:
    """The chance of exactly so many heads in so many flips of a fair coin.

    Raises:
        ValueError: A negative number of flips or heads.
    """
    if flips < 0 or successes < 0:
        raise ValueError(f"{successes} heads in {flips} flips is not a count")
    return math.comb(flips, successes) / (1 << flips)


def check_share(name: str, value: float) -> None:
    """Refuse what is not strictly between 0 and 1.

    Raises:
        ValueError: It is not.
    """
    if not 0 < value < 1:
        raise ValueError(f"{name} must be strictly between 0 and 1, not {value}")


def _evaluate_fraction(x: float, a: float, b: float) -> float:
    """Lentz's method for the continued fraction of the incomplete beta function."""
    c, d = 1.0, 1.0 / _keep_from_zero(1 - (a + b) * x / (a + 1))
    value = d
    for step in range(1, _MOST_STEPS + 1):
        even = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        for term in (even, odd):
            d = 1.0 / _keep_from_zero(1 + term * d)
            c = _keep_from_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value


def _keep_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def show_p(p: float, sign: bool = False) -> str:
    """A p value in words: `0.125`, or `< 0.001` rather than a zero that it never is; with a sign `= 0.125`."""
    return "< 0.001" if p < 0.0005 else f"{'= ' if sign else ''}{p:.3f}"
