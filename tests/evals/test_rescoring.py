"""A stored run gets the scores that today's scorers give, without a replay, or stays as it was."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from evals.baselines import Blessing, bless, write_reduced
from evals.cli import run
from evals.comparing.comparison import compare_runs
from evals.comparing.showing import describe_comparison
from evals.report.comparisons import list_facts
from evals.rescoring import ScoreChange, rescore
from evals.run_directory import RunReader, RunWriter
from evals.scorers import score
from evals.verdicts import Outcome, Verdict
from runtime.domain.errors import Broken
from sim.record import ConversationRecord
from tests.evals.test_baselines import write_production
from tests.evals.test_comparison import BROKEN, many, write
from tests.evals.test_trials import write as write_trials

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = "rule/one-question"
LIMIT_S = 60.0


def score_as_then(record: ConversationRecord) -> list[Verdict]:
    """As scorers of before: nobody minded two questions, and a rule that is gone was broken by c2."""
    kept = [each for each in score(record) if each.scorer != QUESTIONS]
    return [*kept, Verdict("rule/gone", record.id != "c2", "it was so")]


def read_all(path: Path) -> dict[str, bytes]:
    """Every file of a run, drafts too."""
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_a_rescored_run_is_as_if_it_had_been_scored_today(tmp_path: Path) -> None:
    """Verdicts, counts and figures; what was said and done is not touched."""
    old = write(tmp_path / "old", many(4, c1=BROKEN), scorer=score_as_then, code_version="then")
    new = RunReader(write(tmp_path / "new", many(4, c1=BROKEN)))
    before = read_all(old)

    found = rescore(old, "now")

    reader = RunReader(old)
    assert reader.verdicts() == new.verdicts()
    assert (reader.info.counts, reader.info.summary) == (new.info.counts, new.info.summary)
    assert (reader.info.code_version, reader.info.scored_by) == ("then", "now")
    after = read_all(old)
    assert {name for name in before if before[name] != after[name]} == {"run.json"}
    assert found.written == "scores-1.jsonl" and (old / found.written).exists()


def test_what_changed_is_told_by_conversation_and_scorer(tmp_path: Path) -> None:
    """From what to what, with the reason for what is wrong now; a dry run writes nothing."""
    old = write(tmp_path / "old", many(3, c1=BROKEN), scorer=score_as_then, code_version="then")
    before = read_all(old)

    found = rescore(old, "now", dry=True)

    assert read_all(old) == before
    assert (found.written, found.scored_by, found.passed) == (None, ("then", "now"), (2, 2))
    assert [(each.conversation, each.before, each.after) for each in found.outcomes] == [
        ("c1", Outcome.PASSED, Outcome.BROKEN), ("c2", Outcome.BROKEN, Outcome.PASSED),
    ]  # fmt: skip
    changed = [each for each in found.changes if each.conversation == "c1"]
    reason = next(each.reason for each in score(many(2, c1=BROKEN)[1]) if each.scorer == QUESTIONS)
    assert changed == [
        ScoreChange("c1", "rule/gone", "met", "not scored", ""),
        ScoreChange("c1", QUESTIONS, "not scored", "broken", reason),
    ]
    assert ScoreChange("c2", "rule/gone", "broken", "not scored", "") in found.changes


def test_a_second_time_keeps_the_first_ones_scores_and_the_same_scores_are_no_new_file(tmp_path: Path) -> None:
    """No file of scores is ever written over; which code would give them is noted all the same."""
    path = write(tmp_path / "a", many(3), scorer=score_as_then)
    rescore(path, "now")
    kept = (path / "scores-1.jsonl").read_bytes()

    again = rescore(path, "later")

    assert (again.written, again.changes, again.reworded) == ("scores-1.jsonl", (), 0)
    assert RunReader(path).info.scored_by == "later"
    assert (path / "scores-1.jsonl").read_bytes() == kept
    assert not (path / "scores-2.jsonl").exists()


def test_a_rescored_run_goes_on_and_becomes_a_baseline_with_its_new_scores(tmp_path: Path) -> None:
    """Whoever writes a run writes the first scores file, and reads the one that counts."""
    path = write(tmp_path / "a", many(3, c1=BROKEN), scorer=score_as_then)
    rescore(path, "now")
    verdicts = RunReader(path).verdicts()

    write_reduced(RunReader(path), tmp_path / "reduced", "baseline:core")
    with RunWriter(path, RunReader(path).info, resume=True) as writer:
        writer.finish(1.0)

    assert RunReader(path).verdicts() == verdicts
    assert RunReader(path).info.scores_file == "scores.jsonl"
    assert compare_runs(RunReader(path), RunReader(tmp_path / "reduced")).incomparable == ()


def test_a_comparison_says_that_two_runs_were_scored_by_different_code(tmp_path: Path) -> None:
    """Then a difference may be the scorers'; scored by the same code there is nothing to say."""
    first = write(tmp_path / "a", many(3), code_version="then")
    second = write(tmp_path / "b", many(3), code_version="now")
    told = "scored by different code, then and now now: `parlo rescore` gives a stored run today's scores"

    before = list(describe_comparison(compare_runs(RunReader(first), RunReader(second))))
    rescore(first, "now")
    after = list(describe_comparison(compare_runs(RunReader(first), RunReader(second))))

    facts = [(each.name, each.before, each.now) for each in list_facts(RunReader(first).info, RunReader(second).info)]
    assert told in before
    assert not any("scored by" in line for line in after)
    assert ("Code", "then", "now") in facts and ("Scored by", "now", "now") in facts


def test_each_trial_is_scored_by_itself(tmp_path: Path) -> None:
    """And counted by its conversation, as before."""
    path = write_trials(tmp_path / "a", {"c0": "pb", "c1": "p-"})
    before = RunReader(path)

    found = rescore(path, "now")

    after = RunReader(path)
    assert (found.conversations, found.changes, found.outcomes) == (4, (), ())
    assert (after.verdicts(), after.info.summary) == (before.verdicts(), before.info.summary)
    assert sorted(after.verdicts()) == ["c0", "c0#1", "c1", "c1#1"]


def test_a_run_that_was_scored_by_code_in_no_commit_is_no_baseline(tmp_path: Path) -> None:
    """What it says of right and wrong could not be repeated."""
    path = write_production(tmp_path / "a", many(25))
    rescore(path, "abc1234-dirty")

    with pytest.raises(Broken, match=r"its code \(abc1234-dirty\) is in no commit"):
        bless(path, "mine", Blessing(by="me", why="so", when="2026-01-12", new_suite=True), folder=tmp_path / "kept")


def test_half_a_run_a_baseline_and_what_cannot_be_read_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, with what is wrong; nothing is written."""
    write(tmp_path / "half", many(3), finish=False)
    torn = write(tmp_path / "torn", many(3))
    (torn / "events.jsonl").write_bytes((torn / "events.jsonl").read_bytes()[:-20])
    strange = write(tmp_path / "strange", many(3))
    (strange / "run.json").write_text('{"id": 5}', encoding="utf-8")
    write_reduced(RunReader(write(tmp_path / "a", many(3))), tmp_path / "reduced", "baseline:core")

    for name, reason in (
        ("half", "is interrupted with 3 of 3: go on with --resume first"),
        ("torn", "has 2 conversations that can be read, and run.json counts 3"),
        ("strange", "is no run that can be read: run.json: "),
        ("reduced", "is a baseline"),
        ("nothing", "no run"),
    ):
        before = read_all(tmp_path / name) if name != "nothing" else {}
        assert run(["rescore", str(tmp_path / name)]) == 2, name
        assert reason in capsys.readouterr().err
        assert name == "nothing" or read_all(tmp_path / name) == before


def test_a_killed_rescore_leaves_the_run_as_it_was(tmp_path: Path) -> None:
    """kill -9 while the new scores are being written, for real."""
    path = write(tmp_path / "a", many(3000), scorer=score_as_then)
    before, verdicts = read_all(path), RunReader(path).verdicts()
    script = (
        "import sys; from pathlib import Path; from evals.rescoring import rescore; rescore(Path(sys.argv[1]), 'x')"
    )
    give_up_at = time.monotonic() + LIMIT_S

    with subprocess.Popen([sys.executable, "-c", script, str(path)], cwd=ROOT) as process:
        while not list(path.glob(".scores-1.jsonl.*")) and time.monotonic() < give_up_at:
            time.sleep(0.001)
        os.kill(process.pid, signal.SIGKILL)

    after = read_all(path)
    assert {name: after[name] for name in before} == before
    assert all(name.startswith(".") for name in after.keys() - before.keys())
    assert RunReader(path).verdicts() == verdicts
    assert rescore(path, "now").passed == (2999, 3000)


def test_a_full_disk_leaves_the_old_scores(tmp_path: Path) -> None:
    """Nothing of the new ones is left; exit 1 and one line."""
    path = write(tmp_path / "a", many(200), scorer=score_as_then)
    before = read_all(path)

    def limit() -> None:
        # a signal would end the process before the write can fail
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))

    command = [sys.executable, "-m", "evals.cli", "rescore", str(path)]
    ended = subprocess.run(command, cwd=ROOT, preexec_fn=limit, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert "the new scores cannot be written: File too large; the old ones stay" in ended.stderr
    assert read_all(path) == before


def test_the_command_tells_people_and_programs_what_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As lines and as JSON; the report is written anew."""
    path = write(tmp_path / "a", many(3, c1=BROKEN), scorer=score_as_then, code_version="then")

    assert run(["rescore", str(path), "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert run(["rescore", str(path), "--json"]) == 0
    printed = msgspec.json.decode(capsys.readouterr().out)
    assert run(["rescore", str(path)]) == 0
    again = capsys.readouterr().out

    assert again.endswith("0 scores changed\nthey stay in scores-1.jsonl\n")
    assert "3 conversations, scored by then, now by " in shown
    assert "  c1: passed, now broken\n" in shown
    assert "  c2  rule/gone  broken → not scored\n" in shown
    assert shown.endswith("nothing is written\n")
    assert (printed["passed"], printed["written"]) == ([2, 2], "scores-1.jsonl")
    assert f"Scored by</dt><dd><code>{RunReader(path).info.scored_by}" in (path / "report.html").read_text("utf-8")


def test_what_is_refused_raises_for_whoever_calls_it(tmp_path: Path) -> None:
    """A notebook gets the same words."""
    half = write(tmp_path / "half", many(2), finish=False)

    with pytest.raises(Broken, match="go on with --resume first"):
        rescore(half, "now")
