"""How far a judging model can be trusted: its verdicts beside those of people, on the same cases.

Called before a judge's verdicts are used. A criterion without such a calibration is shown, never gated on.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from evals.statistics.rates import Rate, rate_of


class JudgeCalibration(msgspec.Struct, frozen=True, kw_only=True):
    """A judge against people.

    Attributes:
        n: Cases that both have judged.
        base_rate: The share that people call good; kappa says little without it.
        agreement: The share on which both agree.
        kappa: Cohen's: agreement beyond chance, 1 at most; None where chance alone agrees on everything.
        tpr: Of what people call good, what the judge calls good too.
        tnr: Of what people call bad, what the judge calls bad too.
    """

    n: int
    base_rate: Rate
    agreement: Rate
    kappa: float | None
    tpr: Rate
    tnr: Rate


def calibrate_judge(human: Sequence[bool], judge: Sequence[bool]) -> JudgeCalibration:
    """Compare a judge's verdicts with people's, the same case at the same place.

    Raises:
        ValueError: No case, or unequal lengths.
    """
    if len(human) != len(judge):
        raise ValueError(f"{len(human)} human labels, but {len(judge)} verdicts")
    if not human:
        raise ValueError("there are no labelled cases")
    n, good, called = len(human), sum(human), sum(judge)
    both = sum(label and verdict for label, verdict in zip(human, judge, strict=True))
    neither = n - good - called + both
    expected = good * called + (n - good) * (n - called)  # times n²
    kappa = (n * (both + neither) - expected) / (n * n - expected) if expected != n * n else None
    return JudgeCalibration(
        n=n,
        base_rate=rate_of(good, n),
        agreement=rate_of(both + neither, n),
        kappa=kappa,
        tpr=rate_of(both, good),
        tnr=rate_of(neither, n - good),
    )


class KappaInterval(msgspec.Struct, frozen=True):
    """A 95 % interval of Cohen's kappa, at most 1."""

    low: float
    high: float


def bound_kappa(found: JudgeCalibration) -> KappaInterval | None:
    """Cohen's own interval: that of the agreement, with chance's agreement taken as known; None where kappa is.

    The agreement's is Wilson's here, so that a judge that agrees on everything is not certain to be perfect.
    """
    agreement = found.agreement.share
    if found.kappa is None or agreement is None:
        return None
    if found.kappa == 1:
        # of what people say alone: the two shares are the same
        share = found.base_rate.hits / found.n
        by_chance = share * share + (1 - share) * (1 - share)
    else:
        by_chance = (agreement - found.kappa) / (1 - found.kappa)
    low, high = ((end - by_chance) / (1 - by_chance) for end in (found.agreement.low, found.agreement.high))
    return KappaInterval(low, min(1.0, high))


def correct_prevalence(observed: float, tpr: float, tnr: float) -> float:
    """The true share of good cases behind the share a judge calls good (Rogan and Gladen), within 0..1.

    Raises:
        ValueError: A share outside 0..1, or a judge no better than chance (TPR + TNR is at most 1).
    """
    if not all(0 <= share <= 1 for share in (observed, tpr, tnr)):
        raise ValueError(f"shares lie in 0..1: observed {observed}, TPR {tpr}, TNR {tnr}")
    if tpr + tnr - 1 <= 1e-12:
        raise ValueError(f"a judge with TPR {tpr} and TNR {tnr} is no better than chance: nothing can be corrected")
    return min(1.0, max(0.0, (observed + tnr - 1) / (tpr + tnr - 1)))


def measure_self_consistency(first: Sequence[bool], second: Sequence[bool]) -> Rate:
    """How often a judge that is asked twice says the same.

    Raises:
        ValueError: No case, or unequal lengths.
    """
    if not first or len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} verdicts: these are not the same cases asked twice")
    return rate_of(sum(one == other for one, other in zip(first, second, strict=True)), len(first))
