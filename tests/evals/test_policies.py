"""A gate is decided by its policy: tiers, must-pass conversations, noise; what a policy names has to be there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from evals.cli import run
from evals.comparing.comparison import Comparison, compare_runs
from evals.comparing.gating import GateResult, decide
from evals.comparing.policies import DEFAULT_POLICY, Metric, MustPass, Policy, read_policy
from evals.run_directory import RunReader
from evals.scorers import SCORER_NAMES, score
from evals.statistics.gate import GateVerdict
from evals.verdicts import Verdict
from sim.record import ConversationRecord
from tests.evals.test_comparison import BROKEN, many, tell, write

QUESTIONS, FORMAT = "rule/one-question", "rule/format"
PLAIN = Policy(name="plain")


def judge(
    policy: Policy, first: Path, second: Path, noise: Path | None = None
) -> tuple[GateVerdict, GateResult, Comparison]:
    """The verdict, the whole result, and what it was decided on."""
    before = RunReader(first)
    found = compare_runs(before, RunReader(second), policy)
    result = decide(found, policy, compare_runs(before, RunReader(noise), policy) if noise else None)
    return result.decision.verdict, result, found


def fail(scorer: str, *ids: str) -> Callable[[ConversationRecord], list[Verdict]]:
    """Scores as ever, but that this scorer finds something wrong with these conversations."""

    def scored(record: ConversationRecord) -> list[Verdict]:
        verdicts = score(record)
        if record.id not in ids:
            return verdicts
        return [msgspec.structs.replace(each, value=False) if each.scorer == scorer else each for each in verdicts]

    return scored


def write_policy(path: Path, **fields: object) -> Path:
    """A policy of these fields in a file, a line each."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode({"name": "mine", **fields}), indent=1))
    return path


def test_a_loss_of_a_critical_metric_blocks_of_a_supporting_one_warns_and_of_an_advisory_one_is_told(
    tmp_path: Path,
) -> None:
    """The pass rate alone would let two of 150 pass."""
    metric = Metric(QUESTIONS, margin=0.01)
    first = write(tmp_path / "a", many(150))
    second = write(tmp_path / "b", many(150, c3=BROKEN, c4=BROKEN))

    alone, _, _ = judge(Policy(name="alone", primary=Metric(margin=0.05)), first, second)
    critical, blocked, _ = judge(Policy(name="c", primary=Metric(margin=0.05), critical=(metric,)), first, second)
    supporting, _, _ = judge(Policy(name="s", primary=Metric(margin=0.05), supporting=(metric,)), first, second)
    advisory, told, _ = judge(Policy(name="a", primary=Metric(margin=0.05), advisory=(metric,)), first, second)

    assert (alone, critical, supporting, advisory) == ("PASS", "BLOCK", "WARN", "PASS")
    assert "critical rule/one-question: lost 0.013, more than the margin of 0.01: 2 worse" in blocked.decision.reason
    line = told.lines[-1]
    assert (line.change.worse, line.p) == (2, 0.5)


def test_a_critical_loss_that_may_be_chance_blocks_nothing_and_passes_nothing(tmp_path: Path) -> None:
    """Of a model that answers differently each time, two flips of 150 are no proof."""
    policy = Policy(name="c", primary=Metric(margin=0.05), critical=(Metric(QUESTIONS, margin=0.01),))
    first = write(tmp_path / "a", many(150), model="gpt")
    second = write(tmp_path / "b", many(150, c3=BROKEN, c4=BROKEN), model="gpt")

    verdict, result, _ = judge(policy, first, second)

    assert verdict == "INCONCLUSIVE"
    assert "it may be chance" in result.decision.reason


def test_a_metric_can_be_a_slice_by_tag(tmp_path: Path) -> None:
    """What is lost in the whole without notice is much of a few."""
    records = [tell(f"c{number}", tag="book" if number < 15 else "ask") for number in range(150)]
    broken = [tell("c3", BROKEN, tag="book"), tell("c4", BROKEN, tag="book")]
    first = write(tmp_path / "a", records)
    second = write(tmp_path / "b", [*records[:3], *broken, *records[5:]])
    slice_of = Policy(name="s", primary=Metric(margin=0.05), critical=(Metric("conversations", "book", 0.05),))
    whole = Policy(name="w", primary=Metric(margin=0.05), critical=(Metric(QUESTIONS, margin=0.05),))

    found = judge(slice_of, first, second)
    untouched, _, _ = judge(whole, first, second)

    assert (found[0], untouched) == ("BLOCK", "PASS")
    assert found[1].lines[-1].change.conversations == 15
    assert "critical conversations of book: lost 0.133" in found[1].decision.reason


def test_a_policy_adds_to_what_must_pass(tmp_path: Path) -> None:
    """By id and by tag; what either run's suite names counts as before."""
    first = write(tmp_path / "a", [*many(150), tell("vip", tag="vip")])
    second = write(tmp_path / "b", [*many(150, c9=BROKEN), tell("vip", BROKEN, tag="vip")])
    loose = Metric(margin=0.06)

    without, _, _ = judge(Policy(name="p", primary=loose), first, second)
    by_id, _, ids = judge(Policy(name="p", primary=loose, must_pass=MustPass(ids=("c9",))), first, second)
    by_tag, _, tags = judge(Policy(name="p", primary=loose, must_pass=MustPass(tags=("vip",))), first, second)

    assert (without, by_id, by_tag) == ("PASS", "BLOCK", "BLOCK")
    assert (ids.broken_must_pass, tags.broken_must_pass) == (("c9",), ("vip",))


def test_a_suite_that_no_longer_names_a_must_pass_conversation_does_not_free_it(tmp_path: Path) -> None:
    """Who breaks it could as well strike it from the list."""
    first = write(tmp_path / "a", many(150))
    second = write(tmp_path / "b", many(150, c0=BROKEN), must_pass=())

    verdict, _, found = judge(PLAIN, first, second)

    assert (verdict, found.broken_must_pass) == ("BLOCK", ("c0",))


def test_what_did_not_run_never_passes(tmp_path: Path) -> None:
    """Else a version that breaks the harness where it is weak would be let through."""
    first = write(tmp_path / "a", many(150))
    second = write(tmp_path / "b", [*many(149), tell("c149", failure="no database")])

    verdict, result, _ = judge(PLAIN, first, second)

    assert (verdict, result.decision.exit_code) == ("INCONCLUSIVE", 101)
    assert result.decision.reason.endswith("never passes: c149")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cassettes": "replay"}, "the cassette policy is not the same: none and replay"),
        ({"scorer": None}, "not scored"),
    ],
    ids=["cassettes", "scores-lost"],
)
def test_another_cassette_policy_and_lost_scores_are_not_comparable(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    """Answers from a recording are another experiment, and what nobody judged has not passed."""
    first = write(tmp_path / "a", many(150))
    second = write(tmp_path / "b", many(150), **{name: each for name, each in change.items() if each})  # type: ignore[arg-type]
    if "scorer" in change:
        (second / "scores.jsonl").unlink()

    verdict, result, _ = judge(PLAIN, first, second)

    assert (verdict, result.decision.exit_code) == ("NOT_COMPARABLE", 101)
    assert reason in result.decision.reason


def test_a_scorer_that_went_missing_is_not_comparable(tmp_path: Path) -> None:
    """A run that is judged by less passes more easily."""
    first = write(tmp_path / "a", many(150))
    second = write(
        tmp_path / "b", many(150), scorer=lambda record: [each for each in score(record) if each.scorer != QUESTIONS]
    )

    verdict, result, _ = judge(PLAIN, first, second)

    assert verdict == "NOT_COMPARABLE"
    assert "not scored any more: rule/one-question" in result.decision.reason


def test_a_supporting_metric_within_the_noise_does_not_warn(tmp_path: Path) -> None:
    """The old version flips as often against itself; without that knowledge the same loss warns."""
    policy = Policy(name="s", primary=Metric(QUESTIONS, margin=0.05), supporting=(Metric(FORMAT, margin=0.02),))
    odd = [f"c{number}" for number in range(1, 16)]
    even = [f"c{number}" for number in range(51, 66)]
    first = write(tmp_path / "a", many(150), model="gpt")
    noise = write(tmp_path / "a2", many(150), model="gpt", scorer=fail(FORMAT, *even))
    second = write(tmp_path / "b", many(150), model="gpt", scorer=fail(FORMAT, *odd))

    loud, _, _ = judge(policy, first, second)
    quiet, result, _ = judge(policy, first, second, noise)

    assert (loud, quiet) == ("WARN", "PASS")
    floor = result.lines[-1].floor
    assert floor is not None and (floor.hits, floor.n) == (15, 150)
    assert result.lines[-1].reason == "differs no more than a second run of the old version"


def test_a_slice_within_the_noise_is_not_called_changed(tmp_path: Path) -> None:
    """Twelve of thirty are many by Holm's p, but as many differ between A and A."""

    def tagged(first: int) -> list[ConversationRecord]:
        broken = {f"c{number}" for number in range(first, first + 12)}
        return [
            tell(f"c{n}", *([BROKEN] if f"c{n}" in broken else []), tag="book" if 1 <= n <= 30 else "ask")
            for n in range(150)
        ]

    policy = Policy(name="s", primary=Metric(FORMAT, margin=0.05))
    first = write(tmp_path / "a", tagged(200), model="gpt")
    second, noise = (write(tmp_path / name, tagged(at), model="gpt") for name, at in (("b", 1), ("a2", 15)))

    _, loud, _ = judge(policy, first, second)
    _, quiet, _ = judge(policy, first, second, noise)

    assert [each.slice.tag for each in loud.slices] == ["book"]
    assert quiet.slices == ()


def test_the_floor_of_a_model_that_repeats_itself_is_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And it is said so; of another model the flips of A against A stand beside those of B."""
    first, again = write(tmp_path / "a", many(150)), write(tmp_path / "a2", many(150))
    second = write(tmp_path / "b", many(150, c5=BROKEN))
    live = [write(tmp_path / name, many(150, **answers), model="gpt") for name, answers in LIVE.items()]

    run(["gate", str(first), str(second), "--noise", str(again)])
    offline = capsys.readouterr().out
    run(["gate", str(live[0]), str(live[1]), "--noise", str(live[2])])
    measured = capsys.readouterr().out
    run(["gate", str(live[0]), str(live[1])])
    unmeasured = capsys.readouterr().out

    assert "flips: 0.7% (1 of 150; 95 % interval 0.1% to 3.7%); noise floor 0: the offline model" in offline
    assert "noise floor 1.3% (2 of 150; 95 % interval 0.4% to 4.7%), from live-a2" in measured
    assert "noise floor not measured" in unmeasured


LIVE: dict[str, dict[str, str]] = {"live-a": {}, "live-b": {"c5": BROKEN}, "live-a2": {"c7": BROKEN, "c8": BROKEN}}


def test_a_noise_run_is_a_second_run_of_the_old_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another prompt's differences are no noise, and the very same run has none."""
    first, second = write(tmp_path / "a", many(150)), write(tmp_path / "b", many(150))
    other = write(tmp_path / "other", many(150), prompts={"customer@2": "abc"})
    seeded = write(tmp_path / "seeded", many(150), seed=7)

    assert run(["gate", str(first), str(second), "--noise", str(other)]) == 101
    assert "the noise run is no second run of the first: the prompts are not the same" in capsys.readouterr().out
    assert run(["gate", str(first), str(second), "--noise", str(first)]) == 2
    assert run(["gate", str(first), str(second), "--noise", str(seeded)]) == 0


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        (
            {"critical": [{"metric": "rule/magic"}]},
            r"critical\[0\].metric: no scorer is called 'rule/magic'; there are ",
        ),
        ({"critical": [{"metric": "tools", "tag": "no"}]}, r"critical\[0\].tag: no conversation of these runs has"),
        ({"must_pass": {"ids": ["nobody"]}}, r"must_pass.ids\[0\]: no conversation of these runs is called 'nobody'"),
        ({"must_pass": {"tags": ["no"]}}, r"must_pass.tags\[0\]: no conversation of these runs has the tag 'no'"),
        ({"primary": {"margin": 0}}, "primary.margin: must be between 0 and 1; it is 0"),
        ({"supporting": [{"metric": "tools", "margin": 1.5}]}, r"supporting\[0\].margin: must be between 0 and 1"),
        ({"primary": {"margin": "much"}}, 'primary.margin: expected number, got "much"'),
        ({"tiers": []}, "tiers: unknown field"),
        (
            {"critical": [{"metric": "tools"}], "advisory": [{"metric": "tools"}]},
            r"advisory\[0\]: tools is there twice",
        ),
    ],
    ids=["scorer", "tag", "id", "must-pass-tag", "no-margin", "margin", "word", "key", "twice"],
)
def test_a_policy_that_guards_nothing_is_an_error_of_usage(
    tmp_path: Path, fields: dict[str, object], place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, with file, line and key."""
    first, second = write(tmp_path / "a", many(20)), write(tmp_path / "b", many(20))
    policy = write_policy(tmp_path / "policy.json", **fields)

    code = run(["gate", str(first), str(second), "--policy", str(policy)])

    told = capsys.readouterr().err
    assert code == 2
    assert re.search(rf"{re.escape(str(policy))}:\d+: {place}", told), told


def test_a_policy_that_is_not_there_and_a_run_that_cannot_be_read_are_errors_of_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named, with exit 2."""
    first, broken = write(tmp_path / "a", many(20)), write(tmp_path / "b", many(20))
    (broken / "run.json").write_text('{"id": 5}', encoding="utf-8")
    (tmp_path / "torn.json").write_text('{"name": "x",\n', encoding="utf-8")

    assert run(["gate", str(first), str(first), "--policy", str(tmp_path / "none.json")]) == 2
    assert "none.json: cannot be read: No such file" in capsys.readouterr().err
    assert run(["gate", str(first), str(first), "--policy", str(tmp_path / "torn.json")]) == 2
    assert "torn.json:" in capsys.readouterr().err
    assert run(["gate", str(first), str(broken)]) == 2
    assert "is no run that can be read" in capsys.readouterr().err
    assert run(["gate", str(first), str(first), "--margin", "2"]) == 2


def test_a_margin_that_is_given_takes_the_place_of_the_policys(tmp_path: Path) -> None:
    """Nothing else of the policy changes."""
    first, second = write(tmp_path / "a", many(150)), write(tmp_path / "b", many(150))
    policy = write_policy(tmp_path / "policy.json", primary={"margin": 0.001})

    assert run(["gate", str(first), str(second), "--policy", str(policy)]) == 101
    assert run(["gate", str(first), str(second), "--policy", str(policy), "--margin", "0.05"]) == 0


def test_a_crash_ends_with_one(tmp_path: Path) -> None:
    """Whatever happens there, it is none of a gate's verdicts."""
    first, second = write(tmp_path / "a", many(3)), write(tmp_path / "b", many(3))
    (second / "scores.jsonl").unlink()
    (second / "scores.jsonl").mkdir()

    ended = subprocess.run(
        [sys.executable, "-m", "evals.cli", "gate", str(first), str(second)], capture_output=True, check=False
    )

    assert ended.returncode == 1


def test_the_default_policy_names_scorers_that_are_there() -> None:
    """And is what `--margin` used to be."""
    policy = read_policy(DEFAULT_POLICY)

    assert {each.metric for _, _, each in policy.list_metrics()} <= {*SCORER_NAMES, "conversations"}
    assert (policy.primary.metric, policy.primary.margin) == ("conversations", 0.03)
