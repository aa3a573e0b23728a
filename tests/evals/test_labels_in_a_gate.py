"""Labelled messages may decide a gate: as any metric of a policy, and never by their absence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from evals.classifying import Figure, Task
from evals.cli import run
from evals.comparing.comparison import Comparison, compare_runs
from evals.comparing.gating import GateResult, decide
from evals.comparing.policies import Metric, Policy
from evals.datasets import load_suite
from evals.evaluating import Options, choose_settings
from evals.labelled import LabelledMessage, LabelledTask, classify_suite, write_labelled
from evals.run_directory import RunReader
from evals.statistics.mcnemar import compare_counts
from tests.evals.test_comparison import many, write
from tests.evals.test_policies import write_policy

INTENT = "labels/owner-intent"
LOOSE = Metric(margin=0.05)
NOTHING = Figure(0, 0, None, (0.0, 1.0))


def label(
    wrong: Sequence[int], *, count: int = 200, group_of: int | None = None, model: str = "parlo-offline-1"
) -> LabelledTask:
    """So many messages of an owner, these taken for the end of a handoff; each `group_of` of them one conversation."""
    messages = tuple(
        LabelledMessage(
            id=f"m{number}",
            text=f"mensaje <b>{number}</b>",
            label="relay",
            predicted="end" if number in wrong else "relay",
            decided_by="model",
            group=None if group_of is None else f"g{number // group_of}",
        )
        for number in range(count)
    )
    return LabelledTask(Task.OWNER_INTENT, model, "owner_intent@2", NOTHING, {}, NOTHING, messages)


def pair(folder: Path, before: LabelledTask | None, after: LabelledTask | None) -> tuple[Path, Path]:
    """Two runs whose 150 conversations are the same, with these labelled messages."""
    folder.mkdir()
    paths = write(folder / "a", many(150)), write(folder / "b", many(150))
    for path, task in zip(paths, (before, after), strict=True):
        if task is not None:
            write_labelled(path, (task,))
    return paths


def judge(policy: Policy, paths: tuple[Path, Path]) -> tuple[GateResult, Comparison]:
    """The gate's result and what it rests on."""
    found = compare_runs(RunReader(paths[0]), RunReader(paths[1]), policy)
    return decide(found, policy), found


def test_a_loss_of_labelled_messages_blocks_warns_or_is_told_by_its_tier(tmp_path: Path) -> None:
    """The conversations are all the same; without a line of the policy the messages decide nothing."""
    paths = pair(tmp_path / "p", label([]), label(range(10)))
    metric = (Metric(INTENT, margin=0.03),)

    silent, _ = judge(Policy(name="n", primary=LOOSE), paths)
    critical, _ = judge(Policy(name="c", primary=LOOSE, critical=metric), paths)
    supporting, _ = judge(Policy(name="s", primary=LOOSE, supporting=metric), paths)
    advisory, _ = judge(Policy(name="a", primary=LOOSE, advisory=metric), paths)

    verdicts = [each.decision.verdict for each in (silent, critical, supporting, advisory)]
    assert verdicts == ["PASS", "BLOCK", "WARN", "PASS"]
    assert critical.decision.reason.startswith(f"critical {INTENT}: worse, as seen by more than the margin of 0.03")
    line = advisory.lines[-1]
    assert (line.change.worse, line.change.better, line.change.conversations) == (10, 0, 200)
    assert line.p == pytest.approx(compare_counts(10, 0, 200).p)


def test_a_loss_within_the_margin_passes_and_the_other_task_is_untouched(tmp_path: Path) -> None:
    """One of two hundred, with three points to lose."""
    paths = pair(tmp_path / "p", label([5]), label([5, 6]))
    policy = Policy(name="c", primary=LOOSE, critical=(Metric(INTENT, margin=0.03),))

    result, found = judge(policy, paths)

    assert result.decision.verdict == "PASS"
    assert found.labelled is not None
    assert [each.metric for each in found.labelled.metrics] == [INTENT]


def test_messages_may_be_the_primary_metric(tmp_path: Path) -> None:
    """For a prompt that does nothing else."""
    policy = Policy(name="p", primary=Metric(INTENT, margin=0.03))

    kept, _ = judge(policy, pair(tmp_path / "kept", label([]), label([])))
    lost, _ = judge(policy, pair(tmp_path / "lost", label([]), label(range(20))))

    assert (kept.decision.verdict, lost.decision.verdict) == ("PASS", "BLOCK")


def test_messages_of_one_group_are_one_cluster(tmp_path: Path) -> None:
    """Eight messages lost in one conversation are one thing that went wrong, and not eight."""
    alone = judge(
        Policy(name="a", primary=LOOSE, advisory=(Metric(INTENT),)),
        pair(tmp_path / "alone", label([]), label(range(8))),
    )[0].lines[-1]
    grouped = judge(
        Policy(name="a", primary=LOOSE, advisory=(Metric(INTENT),)),
        pair(tmp_path / "grouped", label([], group_of=8), label(range(8), group_of=8)),
    )[0].lines[-1]

    assert alone.change.pairs is not None and grouped.change.pairs is not None
    assert (alone.change.pairs.difference.clusters, grouped.change.pairs.difference.clusters) == (200, 25)
    assert alone.change.pairs.difference.mean == grouped.change.pairs.difference.mean
    assert alone.p == pytest.approx(2 / 2**8)
    assert grouped.p == 1.0


def test_a_model_that_may_answer_otherwise_has_to_lose_more_than_chance(tmp_path: Path) -> None:
    """Three of two hundred, beyond a margin of one point: seen to be so offline, and open otherwise."""
    policy = Policy(name="c", primary=LOOSE, critical=(Metric(INTENT, margin=0.01),))

    offline, _ = judge(policy, pair(tmp_path / "offline", label([]), label(range(3))))
    live, _ = judge(policy, pair(tmp_path / "live", label([], model="gpt"), label(range(3), model="gpt")))

    assert (offline.decision.verdict, live.decision.verdict) == ("BLOCK", "INCONCLUSIVE")
    assert "it may be chance" in live.decision.reason


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, None), (label([]), None), (None, label([])), (label([]), label([], count=199))],
    ids=["neither", "not-the-second", "not-the-first", "one-is-missing"],
)
@pytest.mark.parametrize("tier", ["critical", "supporting", "advisory"])
def test_runs_without_the_messages_that_a_policy_names_are_not_comparable(
    tmp_path: Path, before: LabelledTask | None, after: LabelledTask | None, tier: str
) -> None:
    """Whatever the tier: what nobody classified has not passed."""
    paths = pair(tmp_path / "p", before, after)
    policy = Policy(name="p", primary=LOOSE, **{tier: (Metric(INTENT),)})  # type: ignore[arg-type]

    result, _ = judge(policy, paths)

    assert (result.decision.verdict, result.decision.exit_code) == ("NOT_COMPARABLE", 101)
    assert "labelled messages" in result.decision.reason or "with --messages" in result.decision.reason


def test_a_label_metric_has_no_tag_and_a_task_that_is_none_is_no_metric(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, with file, line and key."""
    first, second = pair(tmp_path / "p", label([]), label([]))

    for metric, place in (
        ({"metric": INTENT, "tag": "ask"}, r"critical\[0\].tag: labelled messages are not cut by tags"),
        ({"metric": "labels/route"}, r"critical\[0\].metric: no scorer is called 'labels/route'; .*labels/asks-human"),
    ):
        policy = write_policy(tmp_path / "policy.json", critical=[metric])
        assert run(["gate", str(first), str(second), "--policy", str(policy)]) == 2
        assert re.search(rf"{re.escape(str(policy))}:\d+: {place}", capsys.readouterr().err)


def test_flipped_messages_are_shown_wherever_a_gate_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As text and JSON, for CI, as Markdown and on the page; their words are nothing but words."""
    first, second = pair(tmp_path / "p", label([]), label(range(10)))
    policy = write_policy(tmp_path / "policy.json", critical=[{"metric": INTENT}], primary={"margin": 0.05})
    outputs = [f"--{kind}={tmp_path / kind}" for kind in ("junit", "summary", "html")]

    code = run(["gate", str(first), str(second), "--policy", str(policy), *outputs])
    shown = capsys.readouterr().out
    run(["gate", str(first), str(second), "--policy", str(policy), "--json"])
    printed = msgspec.json.decode(capsys.readouterr().out)

    assert code == 100
    assert re.search(rf"critical +{INTENT} +BLOCK ", shown)
    assert "200 labelled messages: 100.0% right, now 95.0%" in shown
    line = next(each for each in printed["gate"]["lines"] if each["metric"] == INTENT)
    assert (line["verdict"], line["change"]["worse"]) == ("BLOCK", 10)
    assert f'name="critical {INTENT}"' in (tmp_path / "junit").read_text("utf-8")
    summary = (tmp_path / "summary").read_text("utf-8")
    assert f"| critical | `{INTENT}` | 100.0% | 95.0% | 10 | 0 | 200 | BLOCK |" in summary
    assert "- owner-intent, relay: `mensaje <b>3</b>` was `relay`, now `end`" in summary
    page = (tmp_path / "html").read_text("utf-8")
    assert "mensaje &lt;b&gt;3&lt;/b&gt;" in page and "mensaje <b>3" not in page
    assert INTENT in page


def test_a_rows_group_is_kept_with_its_message(tmp_path: Path) -> None:
    """It is a field of the file of labelled messages."""
    rows = [{"text": "listo, gracias", "label": "end", "group": "c7"}, {"text": "a las 5 sí puedo", "label": "relay"}]
    (tmp_path / "intents.jsonl").write_bytes(msgspec.json.Encoder().encode_lines(rows))
    suite = {
        "name": "labels",
        "description": "Two messages.",
        "transcripts": [],
        "utterances": [{"task": "owner-intent", "file": "intents.jsonl"}],
    }
    (tmp_path / "suite.json").write_bytes(msgspec.json.encode(suite))

    tasks = classify_suite(load_suite(tmp_path), choose_settings(Options()))

    assert [each.group for each in tasks[0].messages] == ["c7", None]
