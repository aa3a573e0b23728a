"""Every conversation several times: kept apart on disk, counted by conversation, compared by means of trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from evals.cli import run
from evals.comparing.alignment import Change
from evals.comparing.comparison import Comparison, compare_runs
from evals.comparing.showing import describe_comparison
from evals.datasets import SUITES_DIR, Suite, load_suite, slice_suite
from evals.evaluating import Options, evaluate
from evals.repetition import estimate_pass_hats
from evals.replaying import seed_trial
from evals.run_directory import RunInfo, RunReader, RunWriter
from evals.scorers import score
from evals.summary import Summary
from runtime.domain.errors import Broken
from sim.record import ConversationRecord, fingerprint
from sim.story import Story

CREATED = "2026-01-12T10:00:00+00:00"
PASSED, BROKEN, NOT_RUN = "p", "b", "-"


def tell(case: str, trial: int, outcome: str) -> ConversationRecord:
    """One trial that passes, breaks a rule (two questions at once), or does not run."""
    story = Story(case)
    story.say("ana", "¿a qué hora abren?")
    story.send("ana", "¿Hoy? ¿O mañana?" if outcome == BROKEN else "Abrimos a las 9:00 AM.")
    record = story.end(tags=("ask",), failure="no database" if outcome == NOT_RUN else None)
    return msgspec.structs.replace(record, trial=trial)


def write(path: Path, cases: Mapping[str, str], *, trials: int | None = None, must_pass: Sequence[str] = ()) -> Path:
    """A run; of each conversation its trials as letters, "ppb"."""
    count = trials or max(len(outcomes) for outcomes in cases.values())
    info = RunInfo(
        id=path.name, created=CREATED, suite="core", suite_hash="a" * 64, trials=count, must_pass=tuple(must_pass)
    )
    with RunWriter(path, info) as writer:
        for case, outcomes in cases.items():
            for trial, outcome in enumerate(outcomes):
                writer.add(record := tell(case, trial, outcome), score(record))
        writer.finish(1.0)
    return path


def summarize(path: Path) -> Summary:
    return RunReader(path).summarize()


def compare(first: Path, second: Path) -> Comparison:
    return compare_runs(RunReader(first), RunReader(second))


def test_trials_are_kept_apart_on_disk_and_read_one_by_one(tmp_path: Path) -> None:
    """By a key: the id, and from the second trial on its number."""
    reader = RunReader(write(tmp_path / "a", {"c0": "pb", "c1": "pp"}))

    records = {each.key: each for each in reader.records()}

    assert reader.finished() == ["c0", "c0#1", "c1", "c1#1"]
    assert reader.read(reader.index()["c0#1"]) == records["c0#1"] == tell("c0", 1, BROKEN)
    assert reader.verdicts()["c0#1"] == score(tell("c0", 1, BROKEN))
    assert reader.verdicts()["c0"] == score(tell("c0", 0, PASSED))


def test_a_run_that_knew_no_trials_is_read_as_one_of_one_trial(tmp_path: Path) -> None:
    """Nothing on disk names a trial where there is but one."""
    path = write(tmp_path / "a", {"c0": "p", "c1": "b"})
    written = b"".join((path / name).read_bytes() for name in ("events.jsonl", "scores.jsonl"))
    info = msgspec.json.decode((path / "run.json").read_bytes())
    del info["trials"], info["summary"]["trials"], info["summary"]["cases"], info["summary"]["repeats"]
    (path / "run.json").write_bytes(msgspec.json.encode(info))

    reader = RunReader(path)

    assert b"trial" not in written
    assert reader.info.trials == 1
    assert compare(path, write(tmp_path / "b", {"c0": "p", "c1": "b"})).incomparable == ()


def test_a_torn_run_keeps_the_trials_that_were_finished(tmp_path: Path) -> None:
    """The next trial of the conversation is what is left to do."""
    path = write(tmp_path / "a", {"c0": "pbp"})
    events = path / "events.jsonl"
    events.write_bytes(events.read_bytes()[:-10])

    with RunWriter(path, RunReader(path).info, resume=True) as writer:
        finished = list(writer.finished)
        with pytest.raises(ValueError, match="'c0#1' is in this run twice"):
            writer.add(tell("c0", 1, BROKEN), [])

    assert finished == ["c0", "c0#1"]


def test_the_same_passes_k_times_as_often_as_the_trials_say(tmp_path: Path) -> None:
    """pass^2 of two in three is 1/3, not 4/9; intervals are over conversations."""
    summary = summarize(write(tmp_path / "a", {"c0": "ppb", "c1": "ppp", "c2": "bbb", "c3": "ppp"}))

    assert (summary.conversations, summary.cases, summary.trials) == (12, 4, 3)
    assert [each.rate for each in summary.repeats] == pytest.approx([8 / 12, (1 / 3 + 2) / 4, 2 / 4])
    assert all(each.low < each.rate < each.high and each.left_out == 0 for each in summary.repeats)
    independent = summary.pass_rate.hits, summary.pass_rate.n
    assert independent == (8, 12)
    assert summary.pass_rate.low < 0.30, "twelve independent ones would give 0.39"


def test_trials_that_did_not_run_are_counted_and_never_scored(tmp_path: Path) -> None:
    """A conversation with too few left is left out of pass^k and said to be."""
    summary = summarize(write(tmp_path / "a", {"c0": "p-p", "c1": "ppb", "c2": "---"}))

    assert summary.failed == 4
    assert (summary.pass_rate.hits, summary.pass_rate.n) == (4, 5)
    assert [(each.k, each.cases, each.left_out) for each in summary.repeats] == [(1, 2, 1), (2, 2, 1), (3, 1, 2)]
    assert summary.repeats[1].rate == pytest.approx((1 + 1 / 3) / 2)


def test_where_all_trials_agree_the_interval_has_a_width() -> None:
    """Ten conversations that always passed do not prove that all do."""
    found = estimate_pass_hats([(2, 2)] * 10, 2)

    assert [(each.rate, each.high) for each in found] == [(1.0, 1.0)] * 2
    assert found[1].low == pytest.approx(0.7, abs=0.05)
    assert estimate_pass_hats([(2, 2)], 2)[0].low == 0.0


def test_means_of_trials_are_paired_and_not_trial_with_trial(tmp_path: Path) -> None:
    """The same share in another order is no change."""
    first = write(tmp_path / "a", {"c0": "ppb", "c1": "ppp", "c2": "bbp", **{f"d{n}": "ppp" for n in range(9)}})
    second = write(tmp_path / "b", {"c0": "bpp", "c1": "pbb", "c2": "bpp", **{f"d{n}": "ppp" for n in range(9)}})

    found = compare(first, second)

    assert found.pass_rate is not None and found.outcomes is not None
    assert (found.compared, found.pass_rate.difference.clusters) == (12, 12)
    assert found.pass_rate.difference.mean == pytest.approx((0 - 2 / 3 + 1 / 3) / 12)
    assert (found.outcomes.broken, found.outcomes.mended) == (1, 1)
    assert [(pair.id, pair.change) for pair in found.pairs] == [("c1", Change.BROKEN), ("c2", Change.FIXED)]
    shown = list(describe_comparison(found))
    assert "3 trials of each conversation: their means are compared" in shown
    assert any(line.startswith("✗ c1:") and line.endswith("(100% of trials passed, now 33%)") for line in shown)


def test_runs_with_another_number_of_trials_are_compared_and_it_is_said(tmp_path: Path) -> None:
    """By the means; the exact test takes as many trials as both have, so that neither is favoured."""
    first = write(tmp_path / "a", {f"c{n}": "p" for n in range(12)})
    second = write(tmp_path / "b", {f"c{n}": "ppb" if n == 0 else "ppp" for n in range(12)})

    found = compare(first, second)

    assert found.incomparable == ()
    assert found.pass_rate is not None and found.outcomes is not None
    assert found.pass_rate.difference.mean == pytest.approx(-1 / 3 / 12)
    assert found.outcomes.broken == 0
    assert any("1 trials of each conversation, now 3" in line for line in describe_comparison(found))


def test_a_must_pass_conversation_that_passes_less_often_is_broken(tmp_path: Path) -> None:
    """It may never break, in no trial."""
    first = write(tmp_path / "a", {"c0": "ppp", "c1": "ppp"})
    second = write(tmp_path / "b", {"c0": "ppb", "c1": "ppp"}, must_pass=("c0",))

    assert compare(first, second).broken_must_pass == ("c0",)


def test_dropped_trials_are_counted_by_run_and_a_missing_one_is_named(tmp_path: Path) -> None:
    """A trial that is not there is never a pass; one that did not run is no trial."""
    first = write(tmp_path / "a", {"c0": "p-p", "c1": "ppp", "c2": "---"})
    second = write(tmp_path / "b", {"c0": "ppp", "c1": "pp", "c2": "ppp"}, trials=3)

    found = compare(first, second)

    assert (found.compared, found.not_run, found.dropped) == (2, ("c2",), (1, 0))
    assert found.incomparable == ("missing in the second run: c1#2",)
    assert found.pass_rate is not None and found.pass_rate.difference.mean == 0.0


@pytest.fixture
def few() -> Suite:
    """Two conversations of the smoke suite."""
    return slice_suite(load_suite(SUITES_DIR / "smoke"), ids=("pregunta-*",))


@pytest.mark.replay
@pytest.mark.parametrize("jobs", [1, 2])
def test_every_conversation_is_replayed_so_often_each_time_with_a_seed_of_its_own(
    server_url: str, tmp_path: Path, few: Suite, jobs: int
) -> None:
    """The first trial is the run without trials, and all of them are repeatable."""
    options = Options(jobs=jobs, seed=5, trials=2)
    cases = [each.id for each in few.conversations]

    runs = [
        evaluate(few, each, server_url=server_url, created=CREATED, directory=tmp_path / name)
        for name, each in (("a", options), ("b", options), ("once", Options(jobs=jobs, seed=5)))
    ]

    records = [{each.key: each for each in RunReader(found.directory).records()} for found in runs]
    prints = [{key: fingerprint(each) for key, each in found.items()} for found in records]
    assert sorted(prints[0]) == sorted([*cases, *(f"{case}#1" for case in cases)])
    assert prints[0] == prints[1]
    assert prints[2] == {case: prints[0][case] for case in cases}
    assert {each.seed for each in records[0].values() if each.trial}.isdisjoint(
        {each.seed for each in records[0].values() if not each.trial}
    )
    assert RunReader(tmp_path / "a").info.planned == len(cases) * 2
    assert runs[0].summary.repeats[1].rate == 1.0


def test_a_run_goes_on_by_trials_and_only_with_as_many(server_url: str, tmp_path: Path, few: Suite) -> None:
    """What was finished is not replayed again; another number of trials is another run."""
    options, path = Options(jobs=1, trials=2), tmp_path / "a"
    evaluate(few, options, server_url=server_url, created=CREATED, directory=path)
    before = {each.key: each.wall_s for each in RunReader(path).records()}
    events = path / "events.jsonl"
    events.write_bytes(events.read_bytes()[:-10])

    with pytest.raises(Broken, match="something else \\(trials\\)"):
        evaluate(few, Options(jobs=1), server_url=server_url, created=CREATED, directory=path, resume=True)
    evaluate(few, options, server_url=server_url, created=CREATED, directory=path, resume=True)

    after = {each.key: each.wall_s for each in RunReader(path).records()}
    assert list(after) == list(before)
    assert [key for key in after if after[key] != before[key]] == [list(before)[-1]]


def test_the_command_takes_trials_and_refuses_none(capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage ends with 2."""
    assert run(["eval", str(SUITES_DIR / "smoke"), "--trials", "0"]) == 2
    assert "--trials" in capsys.readouterr().err
    assert seed_trial(5, 0) == 5 != seed_trial(5, 1) != seed_trial(5, 2)
