"""A policy may hold a conversation to a share of its trials: absolute, and never passed on too few of them."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from evals.cli import run
from evals.comparing.comparison import Comparison, compare_runs
from evals.comparing.gating import GateResult, decide
from evals.comparing.policies import Metric, MustPass, Policy, Threshold
from evals.comparing.showing import describe_gate
from evals.comparing.thresholds import CountedTrials, count_needed, judge_threshold
from evals.run_directory import RunInfo, RunReader, RunWriter
from evals.scorers import score
from tests.evals.test_policies import write_policy
from tests.evals.test_trials import tell

OTHERS = {f"d{number}": "ppppp" for number in range(150)}


def write(path: Path, *, model: str = "gpt", must_pass: tuple[str, ...] = (), **cases: str) -> Path:
    """A run of a model that answers differently each time, with these conversations beside 150 that always pass."""
    count = max(len(outcomes) for outcomes in cases.values())
    info = RunInfo(id=path.name, created="", suite="core", suite_hash="a" * 64, trials=count, model=model)
    with RunWriter(path, msgspec.structs.replace(info, must_pass=must_pass)) as writer:
        for case, outcomes in {**cases, **{name: each[:count] for name, each in OTHERS.items()}}.items():
            for trial, outcome in enumerate(outcomes):
                writer.add(record := tell(case, trial, outcome), score(record))
        writer.finish(1.0)
    return path


def judge(
    first: Path, second: Path, *thresholds: Threshold, ids: tuple[str, ...] = ()
) -> tuple[GateResult, Comparison]:
    """The gate's result by a policy with these thresholds."""
    must_pass = MustPass(ids=ids, thresholds=thresholds)
    policy = Policy(name="held", primary=Metric(margin=0.05), must_pass=must_pass)
    found = compare_runs(RunReader(first), RunReader(second), policy)
    return decide(found, policy), found


@pytest.mark.parametrize(
    ("at_least", "passed", "scored", "certain", "verdict"),
    [
        (0.8, 4, 5, False, "PASS"),
        (0.8, 3, 5, False, "BLOCK"),
        (0.8, 3, 3, False, "INCONCLUSIVE"),
        (0.8, 2, 3, False, "INCONCLUSIVE"),
        (0.8, 1, 3, False, "BLOCK"),
        (0.8, 1, 1, True, "PASS"),
        (0.8, 0, 1, True, "BLOCK"),
        (0.5, 1, 1, False, "PASS"),
        (1.0, 1, 1, False, "PASS"),
        (1.0, 9, 10, False, "BLOCK"),
        (0.8, 0, 0, True, "INCONCLUSIVE"),
    ],
    ids=[
        *("just", "below", "all-of-too-few", "open", "out-of-reach", "repeats-itself", "repeats-its-fault"),
        *("one-of-two-is-enough", "every-one", "not-every-one", "not-run"),
    ],
)
def test_trials_meet_a_threshold_miss_it_or_leave_it_open(
    at_least: float, passed: int, scored: int, certain: bool, verdict: str
) -> None:
    """Open is what the trials that are missing could still change."""
    counted = CountedTrials(id="c0", at_least=at_least, passed=passed, scored=scored)

    assert judge_threshold(counted, certain=certain).verdict == verdict


def test_a_share_takes_as_many_trials_as_it_needs_to_let_one_fail() -> None:
    """Whatever a float makes of it."""
    assert [count_needed(each) for each in (0.5, 2 / 3, 0.75, 0.8, 0.9, 0.95, 1.0)] == [2, 3, 4, 5, 10, 20, 1]


def test_a_conversation_is_held_to_its_own_share_and_not_to_the_run_before(tmp_path: Path) -> None:
    """Four of five pass though all five did before, and three of five block though it was no better."""
    share = Threshold(id="c0", at_least=0.8)
    first = write(tmp_path / "a", c0="ppppp")
    worse = write(tmp_path / "b", c0="ppbpp")
    never = write(tmp_path / "c", c0="bbbbb")
    poor = write(tmp_path / "d", c0="pbpbp")

    relative, _ = judge(first, worse, ids=("c0",))
    kept, found = judge(first, worse, share)
    poor_before, _ = judge(never, poor, share)

    assert (relative.decision.verdict, kept.decision.verdict) == ("BLOCK", "PASS")
    assert found.broken_must_pass == ()
    assert kept.thresholds[0].reason == "c0 passed in 4 of 5 trials, at least 80% as it must"
    assert poor_before.decision.verdict == "BLOCK"
    assert poor_before.decision.reason == "must pass: c0 passed in 3 of 5 trials, and must in 80%"


def test_a_suites_must_pass_conversation_may_be_given_a_threshold(tmp_path: Path) -> None:
    """One without a threshold is held to the run before, as ever."""
    first = write(tmp_path / "a", must_pass=("c0", "c1"), c0="ppppp", c1="ppppp")
    second = write(tmp_path / "b", must_pass=("c0", "c1"), c0="ppppb", c1="ppppp")

    without, _ = judge(first, second)
    given, _ = judge(first, second, Threshold(id="c0", at_least=0.8))
    other, _ = judge(first, second, Threshold(id="c1", at_least=0.8))

    assert [each.decision.verdict for each in (without, given, other)] == ["BLOCK", "PASS", "BLOCK"]


def test_a_tag_holds_each_of_its_conversations_and_an_id_counts_before_it(tmp_path: Path) -> None:
    """All of them have the tag `ask`; c0 may fail more often."""
    first = write(tmp_path / "a", c0="ppppp", c1="ppppp")
    second = write(tmp_path / "b", c0="pbbpp", c1="ppbbp")

    found, comparison = judge(first, second, Threshold(tag="ask", at_least=0.8), Threshold(id="c0", at_least=0.6))

    held = {each.counted.id: each.verdict for each in found.thresholds}
    shown = [line for line in describe_gate(comparison, found) if line.startswith("  must pass")]
    assert len(held) == 152
    assert "c1 passed in 3 of 5 trials, and must" in shown[0]
    assert len(shown) == 11 and shown[-1].endswith("142 others pass in as many of their trials as they have to")
    assert (held["c0"], held["c1"], held["d0"]) == ("PASS", "BLOCK", "PASS")
    assert found.decision.reason == "must pass: c1 passed in 3 of 5 trials, and must in 80%"


def test_too_few_trials_are_said_and_never_pass(tmp_path: Path) -> None:
    """Also where some of them did not run; of a model that repeats itself one is enough."""
    share = Threshold(id="c0", at_least=0.8)
    few = judge(write(tmp_path / "a", c0="ppp"), write(tmp_path / "b", c0="ppp"), share)[0]
    dropped = judge(write(tmp_path / "c", c0="ppppp"), write(tmp_path / "d", c0="pp--p"), share)[0]
    offline = [write(tmp_path / name, model="offline", c0="p") for name in ("e", "f")]
    certain = judge(offline[0], offline[1], share)[0]

    assert (few.decision.verdict, few.decision.exit_code) == ("INCONCLUSIVE", 101)
    told = "too few to tell whether it does in 80%, which takes 5 that run (--trials)"
    assert few.decision.reason == f"must pass: c0 passed in 3 of 3 trials: {told}"
    assert dropped.decision.verdict == "INCONCLUSIVE"
    assert certain.decision.verdict == "PASS"


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"thresholds": [{"id": "nobody", "at_least": 0.8}]}, r"thresholds\[0\].id: no conversation of these runs"),
        ({"thresholds": [{"tag": "no", "at_least": 0.8}]}, r"thresholds\[0\].tag: no conversation of these runs has"),
        ({"thresholds": [{"id": "c0", "at_least": 0}]}, r"thresholds\[0\].at_least: must be above 0 and at most 1"),
        ({"thresholds": [{"id": "c0", "at_least": 1.2}]}, r"thresholds\[0\].at_least: must be above 0 and at most 1"),
        ({"thresholds": [{"id": "c0"}]}, r"thresholds\[0\].at_least: missing: number"),
        ({"thresholds": [{"at_least": 0.8}]}, r"thresholds\[0\]: is of a conversation by `id`, or of all with"),
        ({"thresholds": [{"id": "c0", "tag": "ask", "at_least": 0.8}]}, r"thresholds\[0\]: is of a conversation"),
        ({"ids": ["c0"], "thresholds": [{"id": "c0", "at_least": 0.8}]}, r"thresholds\[0\]: c0 is there twice"),
        ({"thresholds": [{"id": "c0", "at_least": 0.8, "margin": 1}]}, r"thresholds\[0\].margin: unknown field"),
    ],
    ids=["id", "tag", "zero", "above-one", "no-share", "neither", "both", "twice", "key"],
)
def test_a_threshold_that_holds_nothing_is_an_error_of_usage(
    tmp_path: Path, fields: dict[str, object], place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, with file, line and key."""
    first, second = write(tmp_path / "a", c0="p"), write(tmp_path / "b", c0="p")
    policy = write_policy(tmp_path / "policy.json", must_pass=fields)

    code = run(["gate", str(first), str(second), "--policy", str(policy)])

    told = capsys.readouterr().err
    assert code == 2
    assert re.search(rf"{re.escape(str(policy))}:\d+: must_pass.{place}", told), told


def test_thresholds_are_shown_wherever_a_gate_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As text and JSON, for CI, as Markdown and on the page."""
    first, second = write(tmp_path / "a", c0="ppppp"), write(tmp_path / "b", c0="pbpbp")
    held = {"thresholds": [{"id": "c0", "at_least": 0.8}]}
    policy = write_policy(tmp_path / "policy.json", must_pass=held, primary={"margin": 0.05})
    outputs = [f"--{kind}={tmp_path / kind}" for kind in ("junit", "summary", "html")]

    code = run(["gate", str(first), str(second), "--policy", str(policy), *outputs])
    shown = capsys.readouterr().out
    run(["gate", str(first), str(second), "--policy", str(policy), "--json"])
    printed = msgspec.json.decode(capsys.readouterr().out)

    told = "c0 passed in 3 of 5 trials, and must in 80%"
    assert code == 100
    assert re.search(rf"must pass +c0 in 80% of its trials +BLOCK +{told}", shown)
    assert printed["gate"]["thresholds"][0]["counted"] == {"id": "c0", "at_least": 0.8, "passed": 3, "scored": 5}
    for kind in ("junit", "summary", "html"):
        assert told in (tmp_path / kind).read_text("utf-8"), kind
