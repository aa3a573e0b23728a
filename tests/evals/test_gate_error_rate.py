"""How often a policy blocks a version that was compared with itself: no more often for having many metrics."""

from __future__ import annotations

from random import Random

from evals.comparing.comparison import Comparison
from evals.comparing.gating import decide
from evals.comparing.metrics import MetricChange, MetricTally
from evals.comparing.policies import Metric, Policy
from evals.comparing.trials import Trial, Trials
from evals.run_directory import RunInfo
from evals.statistics.gate import GateVerdict, decide_gate
from evals.verdicts import Outcome, Verdict

SCORERS = tuple(f"scorer{number}" for number in range(8))
POLICY = Policy(name="many", critical=tuple(Metric(name, margin=0.01) for name in SCORERS))
RUN = RunInfo(id="a", created="", model="gpt")
GATES, CONVERSATIONS, MET = 400, 120, 0.8


def draw_trial(chance: Random) -> Trials:
    """One replay, in which each scorer is met four times in five."""
    verdicts = tuple(Verdict(name, chance.random() < MET, "") for name in SCORERS)
    return Trials((Trial(0, 0, verdicts, Outcome.PASSED),))


def compare_with_itself(chance: Random) -> tuple[MetricChange, ...]:
    """Two runs of one version in which each scorer is met four times in five, by chance alone."""
    tally = MetricTally()
    for _ in range(CONVERSATIONS):
        trials = draw_trial(chance), draw_trial(chance)
        tally.add((), (float(chance.random() < MET), float(chance.random() < MET)), trials)
    return tally.list_changes()


def make_comparison(metrics: tuple[MetricChange, ...]) -> Comparison:
    """Of which only the metrics matter."""
    return Comparison(
        first=RUN,
        second=RUN,
        incomparable=(),
        compared=CONVERSATIONS,
        not_run=(),
        pass_rate=None,
        outcomes=None,
        turns={},
        on_policy=1.0,
        slices=(),
        broken_must_pass=(),
        pairs=(),
        metrics=metrics,
    )


def test_eight_critical_metrics_block_a_version_against_itself_in_at_most_one_of_twenty_gates() -> None:
    """Each by itself, at its own 95 % interval, they would do so far more often."""
    chance = Random(20260112)
    blocked = uncorrected = 0

    for _ in range(GATES):
        metrics = compare_with_itself(chance)
        blocked += decide(make_comparison(metrics), POLICY).decision.verdict is GateVerdict.BLOCK
        uncorrected += any(
            decide_gate(each.pairs, 0.01).verdict is GateVerdict.BLOCK for each in metrics if each.pairs is not None
        )

    assert blocked / GATES <= 0.05
    assert uncorrected / GATES > 0.10
