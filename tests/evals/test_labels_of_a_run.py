"""Labelled messages of a suite are classified with its conversations, kept, and compared apart from them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from evals.classifying import Task, classify
from evals.cli import run
from evals.commands import show_replayed
from evals.comparing.alignment import Change
from evals.comparing.comparison import compare_runs
from evals.comparing.showing import describe_comparison
from evals.datasets import SUITES_DIR, Suite, load_suite, slice_suite
from evals.evaluating import Options, choose_settings, evaluate
from evals.labelled import LABELLED_FILE, LabelledTask, classify_suite, read_labelled_tasks, write_labelled
from evals.models import open_model
from evals.run_directory import RunInfo, RunReader, RunWriter
from evals.scorers import score
from sim.story import Story

CREATED = "2026-01-12T10:00:00+00:00"


@pytest.fixture(scope="module")
def suite() -> Suite:
    """Two conversations and sixty labelled messages of the core suite."""
    core = slice_suite(load_suite(SUITES_DIR / "core"), ids=("pregunta-precio", "*:0*"))
    kept = [msgspec.structs.replace(each, items=each.items[:60]) for each in core.utterances]
    return msgspec.structs.replace(core, utterances=tuple(kept))


@pytest.fixture(scope="module")
def tasks(suite: Suite) -> tuple[LabelledTask, ...]:
    """What they are taken for."""
    return classify_suite(suite, choose_settings(Options()))


async def test_they_are_taken_for_what_parlo_classify_takes_them_for(
    suite: Suite, tasks: tuple[LabelledTask, ...]
) -> None:
    """The same code, the same figures."""
    rows = [item.row for item in suite.utterances[0].items]
    settings, model = open_model(choose_settings(Options()), None)

    alone = await classify(rows, Task.OWNER_INTENT, settings, model, tell=lambda _: None)

    assert [each.task for each in tasks] == [Task.OWNER_INTENT, Task.ASKS_HUMAN]
    assert (tasks[0].accuracy, tasks[0].per_class) == (alone.accuracy, alone.per_class)
    assert [each.predicted for each in tasks[0].messages] == [row["predicted"] for row in alone.rows]
    assert tasks[0].asked.n == sum(row["ask_to_end"] is True for row in alone.rows)
    assert {each.predicted for each in tasks[1].messages} <= {"true", "false"}


def write_run(path: Path, tasks: tuple[LabelledTask, ...]) -> Path:
    """A run of one conversation with these labelled messages."""
    story = Story("c0")
    story.say("ana", "hola")
    story.send("ana", "¡Hola!")
    with RunWriter(path, RunInfo(id=path.name, created=CREATED, suite_hash="a" * 64)) as writer:
        writer.add(record := story.end(), score(record))
        writer.finish(1.0)
    write_labelled(path, tasks)
    return path


def flip(tasks: tuple[LabelledTask, ...], place: int) -> tuple[LabelledTask, ...]:
    """The first task with one message taken for something else."""
    messages = list(tasks[0].messages)
    wrong = next(label for label in ("relay", "end") if label != messages[place].label)
    messages[place] = msgspec.structs.replace(messages[place], predicted=wrong)
    return msgspec.structs.replace(tasks[0], messages=tuple(messages)), *tasks[1:]


def test_what_flips_is_named_with_its_words_and_counted_apart(tmp_path: Path, tasks: tuple[LabelledTask, ...]) -> None:
    """The conversations' rate stays their own."""
    right = [place for place, each in enumerate(tasks[0].messages) if each.right]
    first = write_run(tmp_path / "a", flip(tasks, right[0]))
    second = write_run(tmp_path / "b", flip(flip(tasks, right[1]), right[2]))

    found = compare_runs(RunReader(first), RunReader(second))

    assert found.labelled is not None and found.pass_rate is not None
    assert (found.labelled.broken, found.labelled.fixed) == (2, 1)
    assert found.labelled.compared == sum(len(each.messages) for each in tasks)
    assert found.labelled.pass_rate.difference.mean == pytest.approx(-1 / found.labelled.compared)
    assert found.pass_rate.difference.mean == 0.0
    assert [each.change for each in found.labelled.flips] == [Change.BROKEN, Change.BROKEN, Change.FIXED]
    broken = tasks[0].messages[right[1]]
    assert found.labelled.flips[0].text == broken.text
    told = [line for line in describe_comparison(found) if line.startswith("  ✗ owner-intent")]
    assert len(told) == 2 and repr(broken.text) in told[0]


def test_a_run_without_its_labelled_messages_is_not_comparable(
    tmp_path: Path, tasks: tuple[LabelledTask, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """A message that is missing is never a pass."""
    first, second = write_run(tmp_path / "a", tasks), write_run(tmp_path / "b", ())

    code = run(["gate", str(first), str(second)])

    assert code == 101
    count = sum(len(each.messages) for each in tasks)
    assert f"missing in the second run: {count} labelled messages" in capsys.readouterr().out


@pytest.mark.replay
def test_a_run_keeps_them_and_shows_them(
    server_url: str, tmp_path: Path, suite: Suite, tasks: tuple[LabelledTask, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """In a file of their own, for people and as JSON."""
    found = evaluate(
        suite, Options(jobs=1, messages=True), server_url=server_url, created=CREATED, directory=tmp_path / "run"
    )

    show_replayed(found, as_json=False)
    shown = capsys.readouterr().out
    show_replayed(found, as_json=True)
    printed = msgspec.json.decode(capsys.readouterr().out)

    assert (tmp_path / "run" / LABELLED_FILE).exists()
    kept = read_labelled_tasks(tmp_path / "run")
    assert [each.messages for each in kept] == [each.messages for each in tasks]
    assert f"owner-intent: {len(tasks[0].messages)} labelled messages" in shown
    assert "relay: precision " in shown and " · F1 " in shown
    assert [each["messages"] for each in printed["labelled"]] == [len(each.messages) for each in tasks]
    assert found.summary.conversations == 1
