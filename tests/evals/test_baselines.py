"""A baseline is a run in short: it compares as the run does, repeats to the byte, and is changed only with a reason."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evals.baselines import HISTORY_FILE, Blessing, bless
from evals.cli import run
from evals.comparing.comparison import compare_runs
from evals.run_directory import RunReader, find_run
from evals.statistics.gate import GateVerdict
from runtime.domain.errors import Broken
from sim.record import ConversationRecord, RouteData, SendData, SendOrigin, ToolData
from sim.stage import SETTINGS, describe_prompts
from sim.story import Story
from tests.evals.test_comparison import BROKEN, many, tell, write
from tests.evals.test_policies import PLAIN, judge

PRODUCTION: dict[str, object] = {
    "prompts": describe_prompts(SETTINGS),
    "locks": {"booking": SETTINGS.booking_lock, "conversation": SETTINGS.conversation_lock},
    "code_version": "abc1234",
}
BLESSING = Blessing(by="Equipo", why="It greets by name.", when="2026-01-12T10:00:00+00:00")
FIRST = Blessing(by="Equipo", why="The first.", when="2026-01-11T10:00:00+00:00", new_suite=True)


def write_production(path: Path, records: list[ConversationRecord], **fields: object) -> Path:
    """A run with production's prompts and locks, of committed code."""
    return write(path, records, **(PRODUCTION | fields))  # type: ignore[arg-type]


def read_all(folder: Path) -> dict[str, bytes]:
    """Every file there, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_baseline_compares_as_the_run_it_was_made_of(tmp_path: Path) -> None:
    """Outcomes, turns, faults and each scorer's figures; against that very run nothing differs."""
    first = write_production(tmp_path / "a", many(60, c3=BROKEN))
    second = write_production(tmp_path / "b", many(60, c0=BROKEN, c7=BROKEN, c9="A las 9:00 AM.")[::-1])
    bless(first, "core", FIRST, folder=tmp_path / "kept")
    baseline = RunReader(tmp_path / "kept" / "core")

    found, whole = (compare_runs(each, RunReader(second)) for each in (baseline, RunReader(first)))
    same = compare_runs(baseline, RunReader(first))

    for field in ("incomparable", "outcomes", "turns", "slices", "broken_must_pass", "metrics", "pass_rate"):
        assert getattr(found, field) == getattr(whole, field), field
    assert {each.id: each for each in found.pairs} == {each.id: each for each in whole.pairs}
    assert (same.incomparable, same.pairs, same.turns["same"]) == ((), (), 60)


def test_ids_routes_and_refusals_survive_the_reduction(tmp_path: Path) -> None:
    """A tool's arguments name the same row though ids differ; what a tool refused is known by its code."""

    def book(identifier: str, code: str) -> ConversationRecord:
        story = Story("c0")
        said = story.say("ana", "cancela mi cita", route=None)
        story.add("parlo", RouteData(sid=said, case="5", turn=identifier))
        result = {"error": {"code": code}}
        arguments = {"appointment_id": identifier, "reason": None}
        story.add("parlo", ToolData(name="cancel", arguments=arguments, result=result, ok=False, turn=identifier))
        story.add("parlo", SendData(to="ana", turn=identifier, origin=SendOrigin.REPLY), "No la encuentro.")
        return story.end(tags=("ask",))

    one, other = (f"019bb2ef-9d64-7000-afc9-69ddee38fc6{digit}" for digit in "45")
    first = write_production(tmp_path / "a", [book(one, "not_found"), *many(20)[1:]])
    again = write_production(tmp_path / "b", [book(other, "not_found"), *many(20)[1:]])
    changed = write_production(tmp_path / "c", [book(one, "too_late"), *many(20)[1:]])
    bless(first, "core", FIRST, folder=tmp_path / "kept")
    baseline = RunReader(tmp_path / "kept" / "core")

    same, differs = (compare_runs(baseline, RunReader(each)) for each in (again, changed))

    assert (same.turns["changed"], differs.turns["changed"]) == (0, 1)
    assert [pair.turns[1].first.calls[0].outcome for pair in differs.pairs] == ["not_found"]


def test_a_run_that_does_the_same_changes_no_byte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whenever, wherever and by whichever commit it was made, and in whatever order it finished."""
    first = write_production(tmp_path / "a", many(20), created="2025-03-03T03:03:03+00:00")
    later = {"created": "2027-05-05T05:05:05+00:00", "code_version": "def5678", "python": "3.14.1"}
    again = write_production(tmp_path / "b", many(20)[::-1], **later)
    bless(first, "core", FIRST, folder=tmp_path / "kept")
    before = read_all(tmp_path / "kept" / "core")

    code = run(
        ["bless", str(again), "--by", "Equipo", "--why", "x", "--baseline", "core", "--folder", str(tmp_path / "kept")]
    )

    assert code == 0
    assert "says just that already: nothing is written" in capsys.readouterr().out
    assert read_all(tmp_path / "kept" / "core") == before
    written = before["run.json"] + before["events.jsonl"] + before["scores.jsonl"]
    assert not any(word in written for word in (b"2025-03-03", b"abc1234", b"3.11", str(tmp_path).encode()))


def test_bless_shows_the_difference_and_writes_who_why_when_and_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The earlier entries stay, and the next run is compared with the new one."""
    kept = tmp_path / "kept"
    bless(write_production(tmp_path / "a", many(20)), "core", FIRST, folder=kept)
    second = write_production(tmp_path / "b", many(20, c1="¡Hola, Ana!", c2=BROKEN))

    code = run(["bless", str(second), "--by", "Ana <a@x.mx>", "--why", "It *greets*\nby name.", "--folder", str(kept)])

    history = (kept / "core" / HISTORY_FILE).read_text(encoding="utf-8")
    shown = capsys.readouterr().out
    assert code == 0
    assert "turns: 18 same, 1 changed, 0 fixed, 1 broken" in shown
    assert shown.index("✗ c2") < shown.index("is written: commit it")
    assert "## 2026-01-11, Equipo\n\nThe first.\n\n- code `abc1234`, suite `core` (aaaaaaaaaaaa)" in history
    assert ", Ana \\<a@x.mx\\>\n\nIt \\*greets\\* by name.\n\n- code `abc1234`" in history
    assert "- 20 conversations: 100.0% passed before, 95.0% now\n" in history
    assert "- broken: `c2`\n- changed: `c1`\n" in history
    assert compare_runs(RunReader(kept / "core"), RunReader(second)).pairs == ()
    assert sorted(path.name for path in kept.iterdir()) == ["core"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"finish": False}, "it is interrupted with 20 of 20; go on with --resume"),
        ({"mode": "forced"}, "its mode is forced"),
        ({"prompts": {"customer@2": "abc"}}, "its prompts are not production's"),
        ({"locks": {"booking": "none", "conversation": "lease"}}, "its locks are not production's"),
        ({"code_version": "abc1234-dirty"}, r"its code \(abc1234-dirty\) is in no commit"),
        ({"code_version": "unknown"}, r"its code \(unknown\) is in no commit"),
        ({"planned": 25}, "it is finished with 20 of 25"),
        ({"suite_hash": "b" * 64}, "the suite is not the same.*say --new-suite"),
        ({"seed": 3}, "the seed is not the same.*say --new-suite"),
    ],
)
def test_what_is_no_whole_run_of_production_is_refused(tmp_path: Path, fields: dict[str, object], reason: str) -> None:
    """And nothing is written."""
    kept = tmp_path / "kept"
    bless(write_production(tmp_path / "a", many(20)), "core", FIRST, folder=kept)
    before = read_all(kept / "core")
    planned = fields.pop("planned", None)
    other = write_production(tmp_path / "b", many(20, c1="¡Hola!"), **fields)
    if planned is not None:
        info = json.loads((other / "run.json").read_text(encoding="utf-8")) | {"planned": planned}
        (other / "run.json").write_text(json.dumps(info), encoding="utf-8")

    with pytest.raises(Broken, match=reason):
        bless(other, "core", BLESSING, folder=kept)

    assert read_all(kept / "core") == before
    assert sorted(path.name for path in kept.iterdir()) == ["core"]


def test_a_conversation_that_did_not_run_is_in_no_baseline(tmp_path: Path) -> None:
    """Whatever came after could never be compared with it."""
    broken = write_production(tmp_path / "a", [*many(19), tell("c19", failure="no database")])

    with pytest.raises(Broken, match="1 conversations did not run"):
        bless(broken, "core", FIRST, folder=tmp_path / "kept")


def test_what_is_refused_can_be_insisted_on(tmp_path: Path) -> None:
    """Another suite with --new-suite, code that is in no commit with --dirty; both are in the history."""
    kept = tmp_path / "kept"
    bless(write_production(tmp_path / "a", many(20)), "core", FIRST, folder=kept)
    other = write_production(tmp_path / "b", many(25), suite_hash="b" * 64, code_version="abc1234-dirty")

    code = run(["bless", str(other), "--by", "E", "--why", "More.", "--new-suite", "--dirty", "--folder", str(kept)])

    history = (kept / "core" / HISTORY_FILE).read_text(encoding="utf-8")
    assert code == 0
    assert "- code `abc1234-dirty`, suite `core` (bbbbbbbbbbbb)\n- not comparable: the suite is not the same" in history
    assert judge(PLAIN, kept / "core", other)[0] is GateVerdict.INCONCLUSIVE


@pytest.mark.parametrize(
    "words",
    [
        ["--why", "x"],
        ["--by", "x"],
        ["--by", " ", "--why", "x"],
        ["--by", "x", "--why", ""],
        ["--by", "x", "--why", "x"],
        ["--by", "x", "--why", "x", "--new-suite", "--baseline", "../core"],
    ],
    ids=["no-by", "no-why", "blank-by", "blank-why", "no-baseline-yet", "path"],
)
def test_bless_wants_a_name_a_reason_and_a_baseline(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, and nothing is written."""
    first = write_production(tmp_path / "a", many(20))

    code = run(["bless", str(first), *words, "--folder", str(tmp_path / "kept")])

    assert code == 2
    assert capsys.readouterr().err
    assert not (tmp_path / "kept").exists()


FULL_DISK = """
import resource, sys
from evals.cli import run
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
sys.exit(run(sys.argv[1:]))
"""


def test_a_full_disk_leaves_the_present_baseline(tmp_path: Path) -> None:
    """Whole, with its history and nothing beside it."""
    kept = tmp_path / "kept"
    bless(write_production(tmp_path / "a", many(20)), "core", FIRST, folder=kept)
    before = read_all(kept / "core")
    other = write_production(tmp_path / "b", many(20, c1="¡Hola!"))

    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, "bless", str(other), "--by", "E", "--why", "x", "--folder", str(kept)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )

    assert ended.returncode == 1
    assert "the baseline cannot be written: the disk is full; the present one stays" in ended.stderr
    assert read_all(kept / "core") == before
    assert sorted(path.name for path in kept.iterdir()) == ["core"]


def test_a_baseline_is_named_as_a_run_is(capsys: pytest.CaptureFixture[str]) -> None:
    """One that is not there is an error of usage."""
    assert RunReader(find_run("baseline:core")).info.id == "baseline:core"
    assert run(["compare", "baseline:no-such", "latest"]) == 2
    assert "no baseline:no-such in" in capsys.readouterr().err


def test_whoever_differs_from_a_baseline_on_purpose_is_told_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the end of the gate, and in the summary."""
    bless(write_production(tmp_path / "a", many(20)), "core", FIRST, folder=tmp_path / "kept")
    second = write_production(tmp_path / "b", many(20, c0=BROKEN))

    code = run(["gate", str(tmp_path / "kept" / "core"), str(second), "--summary", str(tmp_path / "out.md")])

    advice = "run `./just parlo eval fixtures/suites/core`, read `./just parlo compare baseline:core latest`, then "
    assert code == 100
    assert advice in capsys.readouterr().out
    assert advice in (tmp_path / "out.md").read_text(encoding="utf-8")
