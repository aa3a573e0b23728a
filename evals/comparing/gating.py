"""Decides whether a change may be deployed: a comparison judged by a policy.

`parlo gate` calls it. Each metric is decided by `evals.statistics.gate`; here lies what its tier makes of that, what
never passes, and what a second run of the old version (A against A) says about chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from evals.comparing.absences import Absences, judge_absences
from evals.comparing.comparison import Comparison, Slice, compare_runs
from evals.comparing.judged import JudgeLine, judge_judged
from evals.comparing.limits import LimitLine, judge_limits
from evals.comparing.metrics import MetricChange
from evals.comparing.policies import LABEL_METRICS, PASS_RATE, Metric, Policy, Tier, check_policy, name_metric
from evals.comparing.thresholds import ThresholdLine, judge_threshold
from evals.run_directory import BASELINE_PREFIX, RunInfo, RunReader
from evals.statistics.distributions import student_t_quantile
from evals.statistics.gate import GateDecision, GateVerdict, decide_gate
from evals.statistics.mcnemar import compare_counts
from evals.statistics.noise_floor import is_within_noise
from evals.statistics.pairs import PairedDifference
from evals.statistics.rates import Rate, rate_of
from evals.statistics.slices import correct_holm
from sim.offline_model.protocol import MODEL_NAME
from sim.problems import MalformedInput, Problem

REPEATABLE = frozenset({"offline", MODEL_NAME})
"""Models that answer the same thing each time: what differs between two runs was changed, and no chance."""
ALPHA = 0.05


class Floor(msgspec.Struct, frozen=True):
    """How much differs between two runs of the old version.

    Attributes:
        run: The second one, or nothing where none was needed.
        certain: Nothing is left to chance, so that nothing can differ.
        metrics: The share of conversations that flip, by a metric's title.
        slices: The same of the pass rate, by tag.
    """

    run: str
    certain: bool
    metrics: dict[str, Rate] = {}
    slices: dict[str, Rate] = {}


class PolicyLine(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one metric of a policy, and what follows.

    Attributes:
        verdict: What this metric alone asks for; an advisory one never asks for anything but PASS.
        p: Of an advisory one, exact and corrected for the number of them; else None.
        floor: The flip rate of A against A; None where it was not measured.
    """

    tier: Tier
    metric: str
    margin: float
    verdict: GateVerdict
    reason: str
    change: MetricChange
    p: float | None = None
    floor: Rate | None = None


class ChangedSlice(msgspec.Struct, frozen=True):
    """A tag whose conversations came out differently, more so than by chance."""

    slice: Slice
    flips: Rate
    floor: Rate | None


class GateResult(msgspec.Struct, frozen=True, kw_only=True):
    """A gate's verdict with all that it rests on."""

    decision: GateDecision
    policy: str
    margin: float
    lines: tuple[PolicyLine, ...]
    slices: tuple[ChangedSlice, ...]
    floor: Floor | None
    thresholds: tuple[ThresholdLine, ...] = ()
    absences: Absences | None = None
    limits: tuple[LimitLine, ...] = ()
    judges: tuple[JudgeLine, ...] = ()


def gate_runs(
    first: RunReader, second: RunReader, policy: Policy, path: Path, noise: RunReader | None = None
) -> tuple[Comparison, GateResult]:
    """Compare two runs, and decide whether the second's change may be deployed.

    Args:
        first: The run before.
        second: The run that is to replace it.
        policy: Names what may be lost.
        path: Where the policy is from.
        noise: A second run of the first's version: the noise floor.

    Raises:
        MalformedInput: The policy names what neither run knows, or the noise is the first run itself.
    """
    if noise is not None and noise.path.resolve() == first.path.resolve():
        raise MalformedInput([Problem(str(noise.path), message="the noise must be another run of the same version")])
    comparison = compare_runs(first, second, policy)
    if not comparison.incomparable:
        check_policy(
            policy,
            path,
            ids={each.id for each in comparison.cases},
            tags={tag for each in comparison.cases for tag in each.tags},
            scorers={each.metric for each in comparison.metrics if each.conversations or each.lost},
        )
    return comparison, decide(comparison, policy, compare_runs(first, noise, policy) if noise else None)


def decide(comparison: Comparison, policy: Policy, noise: Comparison | None = None) -> GateResult:
    """Judge a comparison, which was made with this policy.

    Args:
        comparison: Of the run before with the one that is to replace it.
        policy: Names what may be lost.
        noise: Of the run before with a second one of the same version.
    """
    certain = {comparison.first.model, comparison.second.model} <= REPEATABLE
    labels_certain = comparison.labelled is not None and {*comparison.labelled.models} <= REPEATABLE
    floor = measure_floor(comparison.first, noise) if noise else Floor("", certain=True) if certain else None
    changes = {(each.metric, each.tag): each for each in comparison.metrics}
    empty = Rate(0, 0, 0.0, 1.0)
    lines = []
    for _, tier, metric in policy.list_metrics():
        found = changes.get((metric.metric, metric.tag)) or MetricChange(
            metric=metric.metric, tag=metric.tag, conversations=0, pairs=None, worse=0, better=0, flips=empty, lost=0
        )
        sure = labels_certain if metric.metric in LABEL_METRICS else certain
        if tier is Tier.CRITICAL and not sure:
            found = msgspec.structs.replace(found, pairs=_widen(found.pairs, 2 * len(policy.critical)))
        lines.append(_judge_line(tier, metric, found, _find_floor(floor, metric.title, found.flips), certain=sure))
    unlike = (*comparison.incomparable, *(_explain_noise(noise, comparison) if noise else ()))
    thresholds = tuple(judge_threshold(each, certain=certain) for each in comparison.thresholds)
    absences = judge_absences(comparison, policy.max_not_run)
    limits = judge_limits(comparison.limits, certain=certain)
    judges = judge_judged(comparison.judged)
    held = _Held(lines, thresholds, limits, judges)
    return GateResult(
        decision=_note(_combine(comparison, unlike, held, absences), absences),
        policy=policy.name,
        margin=policy.primary.margin,
        lines=tuple(_correct_advisory(lines)),
        slices=tuple(_find_changed_slices(comparison, floor)),
        floor=floor,
        thresholds=thresholds,
        absences=absences,
        limits=limits,
        judges=judges,
    )


class _Held(msgspec.Struct, frozen=True):
    """All that a policy holds a run to, as it was judged."""

    lines: Sequence[PolicyLine]
    thresholds: Sequence[ThresholdLine]
    limits: Sequence[LimitLine]
    judges: Sequence[JudgeLine]

    def list_reasons(self, verdict: GateVerdict) -> list[str]:
        """Why each of those is so that asks for this verdict."""
        found = [f"must pass: {each.reason}" for each in self.thresholds if each.verdict is verdict]
        found += [_explain(line) for line in self.lines if line.verdict is verdict]
        found += [f"limit: {each.reason}" for each in self.limits if each.verdict is verdict]
        return found + [f"judge {each.title}: {each.reason}" for each in self.judges if each.verdict is verdict]


def explain_bless(comparison: Comparison, result: GateResult) -> str | None:
    """What to do where a change that is meant no longer agrees with a stored baseline; else None."""
    baseline = comparison.first.id
    if not baseline.startswith(BASELINE_PREFIX) or result.decision.verdict is GateVerdict.PASS:
        return None
    name = baseline.removeprefix(BASELINE_PREFIX)
    return (
        f"If this is what it should do now: run `./just parlo eval fixtures/suites/{comparison.first.suite}`, read "
        f"`./just parlo compare {baseline} latest`, then "
        f"`./just parlo bless latest --baseline {name} --by NAME --why TEXT`."
    )


def measure_floor(first: RunInfo, noise: Comparison) -> Floor:
    """The noise floor from two runs of one version; none at all where the model repeats itself, and it did."""
    flips = {name_metric(each.metric, each.tag): each.flips for each in noise.metrics}
    slices = {each.tag: rate_of(each.broken + each.fixed, each.conversations) for each in noise.slices}
    differs = any(rate.hits for rate in flips.values())
    return Floor(noise.second.id, {first.model, noise.second.model} <= REPEATABLE and not differs, flips, slices)


def _find_floor(floor: Floor | None, title: str, flips: Rate) -> Rate | None:
    if floor is None:
        return None
    return Rate(0, flips.n, 0.0, 0.0) if floor.certain else floor.metrics.get(title)


def _judge_line(tier: Tier, metric: Metric, found: MetricChange, floor: Rate | None, *, certain: bool) -> PolicyLine:
    verdict, reason = _judge_change(tier, metric.margin, found, certain=certain)
    if tier is Tier.SUPPORTING:
        verdict = GateVerdict.WARN if verdict is GateVerdict.BLOCK else GateVerdict.PASS
        if verdict is GateVerdict.WARN and floor is not None and is_within_noise(found.flips, floor):
            verdict, reason = GateVerdict.PASS, "differs no more than a second run of the old version"
    if tier is Tier.ADVISORY:
        verdict = GateVerdict.PASS
    return PolicyLine(
        tier=tier, metric=metric.title, margin=metric.margin, verdict=verdict, reason=reason, change=found, floor=floor
    )


def _judge_change(tier: Tier, margin: float, found: MetricChange, *, certain: bool) -> tuple[GateVerdict, str]:
    """What a metric asks for: only the primary one has to show that nothing was lost, the others that something was."""
    if found.lost:
        return GateVerdict.INCONCLUSIVE, f"{found.lost} conversations are not scored by it any more"
    if found.pairs is None:
        if tier is Tier.PRIMARY or found.metric in LABEL_METRICS:
            return GateVerdict.INCONCLUSIVE, "no case could be compared"
        return GateVerdict.PASS, "nothing in these runs is scored by it"
    decided, lost = decide_gate(found.pairs, margin), -found.pairs.difference.mean
    if tier is Tier.PRIMARY or decided.verdict in (GateVerdict.BLOCK, GateVerdict.WARN):
        return decided.verdict, decided.reason
    if lost > margin and certain:
        seen = f"{found.worse} worse, {found.better} better of {found.conversations}"
        return GateVerdict.BLOCK, f"lost {lost:.3f}, more than the margin of {margin:g}: {seen}"
    if lost > margin:
        return GateVerdict.INCONCLUSIVE, f"lost {lost:.3f}, more than the margin of {margin:g}; it may be chance"
    return GateVerdict.PASS, f"no loss beyond the margin of {margin:g}"


def _widen(pairs: PairedDifference | None, family: int) -> PairedDifference | None:
    """The same with the interval that one of so many has to have, so that all of them err no more often than one would.

    Whoever looks at eight critical metrics of a version against itself else blocks it one time in six. Twice their
    number leaves room for the primary metric: with it a version is blocked against itself in at most 5 %.
    """
    if pairs is None or pairs.difference.clusters < 2:
        return pairs
    found, confidence = pairs.difference, 1 - (1 - pairs.confidence) / family
    half = student_t_quantile((1 + confidence) / 2, found.clusters - 1) * found.se
    wide = msgspec.structs.replace(found, low=found.mean - half, high=found.mean + half)
    return msgspec.structs.replace(
        pairs, difference=wide, guarded_low=min(pairs.guarded_low, wide.low), confidence=confidence
    )


def _note(decision: GateDecision, absences: Absences | None) -> GateDecision:
    """The decision, which says what was left out where it lets the change through all the same."""
    if absences is None or decision.verdict not in (GateVerdict.PASS, GateVerdict.WARN):
        return decision
    return msgspec.structs.replace(decision, reason=f"{decision.reason}; {absences.reason}")


def _combine(
    comparison: Comparison,
    unlike: Sequence[str],
    held: _Held,
    absences: Absences | None,
) -> GateDecision:
    """One verdict: what cannot be compared first, then what blocks, then what is open, then what warns."""
    primary = held.lines[0]
    decided = decide_gate(
        primary.change.pairs, primary.margin, broken_must_pass=comparison.broken_must_pass, incomparable=unlike
    )
    if unlike or comparison.broken_must_pass:
        return decided
    blocking = held.list_reasons(GateVerdict.BLOCK)
    if blocking:
        return GateDecision(GateVerdict.BLOCK, "; ".join(blocking))
    if absences is not None and absences.verdict is GateVerdict.INCONCLUSIVE:
        return GateDecision(GateVerdict.INCONCLUSIVE, absences.reason)
    if primary.verdict is GateVerdict.INCONCLUSIVE:
        return msgspec.structs.replace(decided, verdict=primary.verdict, reason=_explain(primary))
    for verdict in (GateVerdict.INCONCLUSIVE, GateVerdict.WARN):
        reasons = held.list_reasons(verdict)
        if reasons:
            return GateDecision(verdict, "; ".join(reasons))
    return GateDecision(GateVerdict.PASS, _explain(primary))


def _explain(line: PolicyLine) -> str:
    return line.reason if line.metric == PASS_RATE else f"{line.tier} {line.metric}: {line.reason}"


def _explain_noise(noise: Comparison, comparison: Comparison) -> list[str]:
    """Why a run is no second one of the old version; another seed is what such a run may well have."""
    first, second = comparison.first, noise.second
    reasons = [each for each in noise.incomparable if not each.startswith("the seed is")]
    for name, one, other in (
        ("prompts", first.prompts, second.prompts),
        ("model", first.model, second.model),
        ("locks", first.locks, second.locks),
    ):
        if one != other:
            reasons.append(f"the {name} are not the same")
    return [f"the noise run is no second run of the first: {each}" for each in reasons]


def _correct_advisory(lines: Sequence[PolicyLine]) -> list[PolicyLine]:
    found = {
        line.metric: _find_p(line.change) for line in lines if line.tier is Tier.ADVISORY and line.change.conversations
    }
    corrected = correct_holm(found)
    return [msgspec.structs.replace(line, p=corrected.get(line.metric)) if line.p is None else line for line in lines]


def _find_p(change: MetricChange) -> float:
    return compare_counts(change.worse, change.better, change.conversations).p if change.p is None else change.p


def _find_changed_slices(comparison: Comparison, floor: Floor | None) -> list[ChangedSlice]:
    """Tags that changed by their corrected p, and by more than A differs from A."""
    changed = []
    for each in comparison.slices:
        flips = rate_of(each.broken + each.fixed, each.conversations)
        known = None
        if floor is not None:
            known = Rate(0, flips.n, 0.0, 0.0) if floor.certain else floor.slices.get(each.tag)
        if each.p < ALPHA and not (known and is_within_noise(flips, known)):
            changed.append(ChangedSlice(each, flips, known))
    return changed
