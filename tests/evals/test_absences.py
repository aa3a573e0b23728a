"""What did not run is left out of both runs up to a share that the policy names, is told, and never passes for more."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from evals.cli import run
from evals.comparing.policies import Metric, MustPass, Policy, Threshold
from sim.record import ConversationRecord
from tests.evals.test_comparison import BROKEN, many, tell, write
from tests.evals.test_policies import judge, write_policy

LOOSE = Metric(margin=0.05)


def lose(count: int, *ids: str, **answers: str) -> list[ConversationRecord]:
    """So many conversations, of which these did not run."""
    return [
        tell(each.id, failure="the provider was busy") if each.id in ids else each for each in many(count, **answers)
    ]


def tolerate(share: float, **fields: object) -> Policy:
    """A policy that puts up with this."""
    return msgspec.structs.replace(Policy(name="p", primary=LOOSE, max_not_run=share), **fields)


def test_up_to_the_share_they_are_left_out_and_named_and_beyond_it_nothing_is_settled(tmp_path: Path) -> None:
    """Of either run; by default none is tolerated."""
    first = write(tmp_path / "a", lose(150, "c7"), model="gpt")
    second = write(tmp_path / "b", lose(150, "c8", "c9"), model="gpt")

    strict, _, _ = judge(tolerate(0.0), first, second)
    tight, beyond, _ = judge(tolerate(0.015), first, second)
    loose, passed, found = judge(tolerate(0.02), first, second)

    assert (strict, tight, loose) == ("INCONCLUSIVE", "INCONCLUSIVE", "PASS")
    assert "3 conversations did not run in one of the two (2.0%, tolerated 1.5%)" in beyond.decision.reason
    told = "3 did not run in one of the two and are left out of both (2.0%, tolerated 2.0%): c7, c8, c9"
    assert passed.decision.reason.endswith(told)
    assert (found.compared, found.not_run) == (147, ("c7", "c8", "c9"))
    line = passed.lines[0]
    assert line.change.conversations == 147


def test_what_is_tolerated_hides_no_loss(tmp_path: Path) -> None:
    """A conversation that broke blocks as ever."""
    first = write(tmp_path / "a", many(150))
    second = write(tmp_path / "b", lose(150, "c8", **{f"c{number}": BROKEN for number in range(20, 50)}))

    verdict, result, _ = judge(tolerate(0.05), first, second)

    assert verdict == "BLOCK"
    assert "did not run" not in result.decision.reason


@pytest.mark.parametrize(
    "must_pass",
    [MustPass(ids=("c7",)), MustPass(tags=("ask",)), MustPass(thresholds=(Threshold(id="c7", at_least=0.5),))],
    ids=["id", "tag", "threshold"],
)
def test_a_conversation_that_must_pass_has_to_run(tmp_path: Path, must_pass: MustPass) -> None:
    """Whatever share is tolerated."""
    first, second = write(tmp_path / "a", many(150)), write(tmp_path / "b", lose(150, "c7"))

    verdict, result, _ = judge(tolerate(0.5, must_pass=must_pass), first, second)

    assert verdict == "INCONCLUSIVE"
    assert "must pass" in result.decision.reason and "c7" in result.decision.reason
    assert "did not run" in result.decision.reason


def test_a_suites_must_pass_conversation_has_to_run_in_both(tmp_path: Path) -> None:
    """c0 is one of the suite's own; where it did not run before, nobody knows whether it broke."""
    first, second = write(tmp_path / "a", lose(150, "c0")), write(tmp_path / "b", many(150))

    verdict, result, _ = judge(tolerate(0.5), first, second)

    assert (verdict, result.decision.reason) == (
        "INCONCLUSIVE", "must pass and did not run in one of the two: c0",
    )  # fmt: skip


@pytest.mark.parametrize("share", [-0.1, 1, 1.5])
def test_a_share_that_is_none_is_an_error_of_usage(
    tmp_path: Path, share: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, with file, line and key."""
    first, second = write(tmp_path / "a", many(20)), write(tmp_path / "b", many(20))
    policy = write_policy(tmp_path / "policy.json", max_not_run=share)

    assert run(["gate", str(first), str(second), "--policy", str(policy)]) == 2
    told = capsys.readouterr().err
    assert re.search(rf"{re.escape(str(policy))}:\d+: max_not_run: must be from 0 to below 1; it is {share:g}", told)


def test_what_is_left_out_is_shown_wherever_a_gate_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As text and JSON, for CI as skipped, as Markdown and on the page."""
    first, second = write(tmp_path / "a", many(150)), write(tmp_path / "b", lose(150, "c7"))
    policy = write_policy(tmp_path / "policy.json", max_not_run=0.02, primary={"margin": 0.05})
    outputs = [f"--{kind}={tmp_path / kind}" for kind in ("junit", "summary", "html")]

    code = run(["gate", str(first), str(second), "--policy", str(policy), *outputs])
    shown = capsys.readouterr().out
    run(["gate", str(first), str(second), "--policy", str(policy), "--json"])
    printed = msgspec.json.decode(capsys.readouterr().out)

    assert code == 0
    told = "1 did not run in one of the two and are left out of both (0.7%, tolerated 2.0%): c7"
    assert f"\n{told}\n" in shown
    assert (printed["gate"]["absences"]["ids"], printed["gate"]["absences"]["verdict"]) == (["c7"], "PASS")
    suite = ElementTree.parse(tmp_path / "junit").getroot().findall("testsuite")[1]
    assert (suite.get("skipped"), suite.get("errors"), suite.get("failures")) == ("1", "0", "0")
    assert "(0.7%, tolerated 2.0%): c7" in (tmp_path / "summary").read_text("utf-8")
    assert "(0.7%, tolerated 2.0%): c7" in (tmp_path / "html").read_text("utf-8")
