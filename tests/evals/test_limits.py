"""A policy may limit what answers take and cost: measured, never guessed, and what is not known never passes."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from evals.cli import run
from evals.comparing.comparison import Comparison, compare_runs
from evals.comparing.gating import GateResult, decide
from evals.comparing.policies import Limit, Metric, Policy, Tier, read_policy
from evals.comparing.showing import describe_changes
from evals.measures import Measure
from evals.run_directory import BASELINES_DIR, RunReader, RunWriter
from sim.problems import MalformedInput
from sim.record import ConversationRecord, EventKind
from tests.evals.test_comparison import write
from tests.evals.test_measures import answer
from tests.evals.test_policies import write_policy

CALLS = Measure.MODEL_CALLS_PER_TURN


def tell(number: int, *waits_s: float, model: str = "offline", tokens: int = 900) -> ConversationRecord:
    """Conversation c0, c1, …: an answer for each wait, each by one call."""
    return msgspec.structs.replace(answer(*waits_s, model=model, tokens=tokens), id=f"c{number}")


def ask_twice(record: ConversationRecord) -> ConversationRecord:
    """The same, but that a model was asked twice each time."""
    events = [event for event in record.events for _ in range(1 + (event.kind is EventKind.MODEL))]
    return msgspec.structs.replace(record, events=events)


def judge(first: Path, second: Path, *limits: Limit) -> tuple[GateResult, Comparison]:
    """The gate's result by a policy with these limits and a wide margin."""
    policy = Policy(name="limited", primary=Metric(margin=0.2), limits=limits)
    found = compare_runs(RunReader(first), RunReader(second), policy)
    return decide(found, policy), found


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The core suite as production answers it, and as a version would that asks its model twice as often."""
    folder = tmp_path_factory.mktemp("versions")
    core = RunReader(BASELINES_DIR / "core")
    verdicts = core.verdicts()
    for name in ("before", "twice"):
        with RunWriter(folder / name, msgspec.structs.replace(core.info, id=name)) as writer:
            for record in core.records():
                writer.add(ask_twice(record) if name == "twice" else record, verdicts[record.key])
            writer.finish(1.0)
    return folder / "before", folder / "twice"


def test_a_version_that_calls_the_model_twice_as_often_is_blocked_and_a_harmless_one_passes(
    versions: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every conversation passes as before; only the limit is beyond, and is named wherever a verdict is read."""
    before, twice = map(str, versions)
    limits = [{"measure": "model_calls_per_turn", "max_ratio": 1.5}, {"measure": "answer_p95_s", "max": 600}]
    policy = write_policy(tmp_path / "p.json", limits=limits)
    outputs = {name: tmp_path / name for name in ("j.xml", "s.md", "p.html")}
    written = [f"--junit={outputs['j.xml']}", f"--summary={outputs['s.md']}", f"--html={outputs['p.html']}"]

    unlimited = run(["gate", before, twice, "--policy", str(write_policy(tmp_path / "q.json"))])
    by_default = run(["gate", before, twice])
    harmless = run(["gate", before, before, "--policy", str(policy)])
    capsys.readouterr()
    blocked = run(["gate", before, twice, "--policy", str(policy), *written])

    said = capsys.readouterr().out
    failures = ElementTree.parse(outputs["j.xml"]).getroot().findall(".//testcase[failure]")
    assert (unlimited, by_default, harmless, blocked) == (0, 100, 0, 100)
    assert said.splitlines()[0].startswith("BLOCK  limit: model_calls_per_turn is 2.")
    assert "1.5 times the 1." in said.splitlines()[0]
    assert [each.get("name") for each in failures] == ["verdict", "limit model_calls_per_turn ≤ 1.5 × before"]
    assert "model\\_calls\\_per\\_turn is 2." in outputs["s.md"].read_text("utf-8")
    assert "What the reason names: no conversation broke." in outputs["s.md"].read_text("utf-8")
    assert "model_calls_per_turn is 2." in outputs["p.html"].read_text("utf-8")


def test_a_comparison_shows_each_measure_on_both_sides_with_an_interval(
    versions: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Calls doubled, and so did rounds and tokens; answers took as long as before."""
    before, twice = map(str, versions)

    run(["compare", before, twice, "--html", str(tmp_path / "c.html")])
    text = capsys.readouterr().out
    run(["compare", before, twice, "--json"])
    measures = {each["measure"]: each for each in json.loads(capsys.readouterr().out)["measures"]}

    calls, times = measures["model_calls_per_turn"], measures["answer_p95_s"]
    page = (tmp_path / "c.html").read_text("utf-8")
    assert calls["after"] == 2 * calls["before"]
    assert calls["interval"]["low"] < calls["difference"] < calls["interval"]["high"]
    assert (times["difference"], times["interval"]) == (0.0, {"low": 0.0, "high": 0.0})
    assert measures["answer_max_s"]["interval"] is None
    assert f"model_calls_per_turn {calls['before']:.2f}, now {calls['after']:.2f} (+{calls['difference']:.2f}" in text
    assert "7 of 11 measures of time and cost are the same" in text
    assert [name for name in measures if f"<code>{name}</code>" not in page] == []


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [
        (Limit(measure=Measure.ANSWER_P95_S, max=10), "PASS"),
        (Limit(measure=Measure.ANSWER_P95_S, max=9), "PASS"),
        (Limit(measure=Measure.ANSWER_P95_S, max=8), "BLOCK"),
        (Limit(measure=Measure.ANSWER_P95_S, max=8, tier=Tier.SUPPORTING), "WARN"),
        (Limit(measure=Measure.ANSWER_P95_S, max_ratio=1.8), "PASS"),
        (Limit(measure=Measure.ANSWER_P95_S, max_ratio=1.7), "BLOCK"),
        (Limit(measure=Measure.ANSWER_P95_S, max=8, max_ratio=2), "BLOCK"),
        (Limit(measure=Measure.ANSWER_P95_S, max=20, max_ratio=1.7), "BLOCK"),
        (Limit(measure=Measure.INPUT_TOKENS_PER_CONVERSATION, max_ratio=1), "PASS"),
        (Limit(measure=Measure.COST_USD_PER_CONVERSATION, max_ratio=1.1), "PASS"),
    ],
    ids=[
        *("within", "just", "beyond", "warns", "ratio", "beyond-ratio", "one-of-both", "other-of-both", "same", "free"),
    ],
)
def test_what_a_limit_asks_for_follows_from_what_was_seen(tmp_path: Path, limit: Limit, verdict: str) -> None:
    """Of a model that repeats itself: five seconds before, nine now."""
    first = write(tmp_path / "a", [tell(number, 5) for number in range(30)])
    second = write(tmp_path / "b", [tell(number, 9) for number in range(30)])

    result, _ = judge(first, second, limit)

    assert result.decision.verdict == verdict


def test_what_may_be_chance_blocks_nothing_and_passes_no_critical_limit(tmp_path: Path) -> None:
    """A model that answers differently each time: two of thirty conversations took three more calls."""
    ids = range(30)
    first = write(tmp_path / "a", [tell(number, 5) for number in ids], model="gpt")
    few = [ask_twice(ask_twice(tell(number, 5))) if number < 2 else tell(number, 5) for number in ids]
    second = write(tmp_path / "b", few, model="gpt")
    third = write(tmp_path / "c", [ask_twice(tell(number, 5)) for number in ids], model="gpt")

    chance, _ = judge(first, second, Limit(measure=CALLS, max_ratio=1.1))
    told, _ = judge(first, second, Limit(measure=CALLS, max_ratio=1.1, tier=Tier.SUPPORTING))
    sure, _ = judge(first, third, Limit(measure=CALLS, max_ratio=1.1))
    alone, _ = judge(first, third, Limit(measure=CALLS, max=1.9))

    assert [each.decision.verdict for each in (chance, told, sure, alone)] == ["INCONCLUSIVE", "PASS", "BLOCK", "BLOCK"]
    assert chance.decision.reason.endswith("it may be chance")


def test_times_of_a_model_that_differs_are_beyond_only_if_more_than_chance(tmp_path: Path) -> None:
    """One slow conversation lifts the 95 % of thirty; when all are slow no draw is within. The slowest was so slow."""
    first = write(tmp_path / "a", [tell(number, 5) for number in range(30)], model="gpt")
    one = write(tmp_path / "b", [tell(number, 60 if number < 2 else 5) for number in range(30)], model="gpt")
    all_ = write(tmp_path / "c", [tell(number, 60) for number in range(30)], model="gpt")
    p95, slowest = Limit(measure=Measure.ANSWER_P95_S, max=30), Limit(measure=Measure.ANSWER_MAX_S, max=30)

    found = [judge(first, *each)[0].decision.verdict for each in ((one, p95), (all_, p95), (one, slowest))]

    assert found == ["INCONCLUSIVE", "BLOCK", "BLOCK"]


@pytest.mark.parametrize("tier", [Tier.CRITICAL, Tier.SUPPORTING])
@pytest.mark.parametrize("lacking", [0, 1])
def test_what_is_not_known_is_never_within_a_limit(tmp_path: Path, lacking: int, tier: Tier) -> None:
    """A price that nobody knows, in one conversation of one of the runs."""
    runs = []
    for place in range(2):
        model = "nobody-knows" if place == lacking else "gpt-4.1"
        records = [*(tell(number, 5, model="gpt-4.1") for number in range(29)), tell(29, 5, model=model)]
        runs.append(write(tmp_path / str(place), records))
    limit = Limit(measure=Measure.COST_USD_PER_CONVERSATION, max_ratio=2, tier=tier)

    result, found = judge(runs[0], runs[1], limit)

    where = ("first", "second")[lacking]
    assert result.decision.verdict == "INCONCLUSIVE"
    assert result.decision.exit_code == 101
    assert f"in the {where} run a model without a price in 1 of 30 conversations" in result.decision.reason
    assert next(each.difference for each in found.measures if each.measure is limit.measure) is None


def test_a_time_that_a_baseline_rounded_is_told_as_the_same(tmp_path: Path) -> None:
    """A twentieth of a second is how it is kept; two tenths are more."""
    first = write(tmp_path / "a", [tell(number, 5) for number in range(12)])
    shown = []
    for name, wait_s in (("b", 5.05), ("c", 5.2)):
        second = write(tmp_path / name, [tell(number, wait_s) for number in range(12)])
        _, found = judge(first, second)
        shown.append([line.split()[0] for line in describe_changes(found.measures)])

    assert shown == [["11"], ["answer_p50_s", "answer_p95_s", "answer_max_s", "8"]]


def test_conversations_that_did_not_run_are_left_out_of_both_sides(tmp_path: Path) -> None:
    """The slow one before is not held against the fast ones now."""
    first = write(tmp_path / "a", [tell(0, 900), *(tell(number, 5) for number in range(1, 100))])
    failed = msgspec.structs.replace(tell(0, 5), failure="no database")
    second = write(tmp_path / "b", [failed, *(tell(number, 5) for number in range(1, 100))])

    _, found = judge(first, second)

    times = next(each for each in found.measures if each.measure is Measure.ANSWER_MAX_S)
    assert (times.conversations, times.before, times.after) == (99, 5.0, 5.0)


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"measure": "answer_p95_s"}, "limits nothing: say `max`, `max_ratio` or both"),
        ({"measure": "answer_p95_s", "max": -1}, "must be 0 or more; it is -1"),
        ({"measure": "answer_p95_s", "max_ratio": 0}, "must be above 0; it is 0"),
        ({"measure": "answer_p95_s", "max": 1, "tier": "advisory"}, "is critical or supporting, not advisory"),
        ({"measure": "answer_p99_s", "max": 1}, "answer_p99_s"),
        ({"measure": "answer_p95_s", "most": 1}, "most"),
    ],
    ids=["none", "negative", "ratio", "tier", "measure", "key"],
)
def test_a_limit_that_limits_nothing_is_an_error_of_usage(
    tmp_path: Path, limit: dict[str, object], message: str
) -> None:
    """With the line where it stands."""
    with pytest.raises(MalformedInput, match=r"p\.json:\d+") as refused:
        read_policy(write_policy(tmp_path / "p.json", limits=[limit]))

    assert message in str(refused.value)


def test_a_limit_may_warn_early_and_block_late_but_not_twice_alike(tmp_path: Path) -> None:
    """By its tier."""
    warn: dict[str, object] = {"measure": "answer_p95_s", "max": 10, "tier": "supporting"}
    block: dict[str, object] = {"measure": "answer_p95_s", "max": 30}

    policy = read_policy(write_policy(tmp_path / "p.json", limits=[warn, block]))
    with pytest.raises(MalformedInput, match="answer_p95_s is there twice as critical"):
        read_policy(write_policy(tmp_path / "q.json", limits=[block, block]))

    assert [each.tier for each in policy.limits] == ["supporting", "critical"]
