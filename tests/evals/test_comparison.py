"""Two runs on disk are compared pair by pair; what cannot be compared says why, and never passes a gate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from evals.cli import run
from evals.comparing.alignment import Change
from evals.comparing.comparison import Comparison, compare_runs
from evals.comparing.showing import describe_comparison
from evals.run_directory import RunInfo, RunReader, RunWriter
from evals.scorers import score
from evals.verdicts import Verdict
from sim.record import ConversationRecord
from sim.story import Story

INFO = RunInfo(id="", created="2026-01-12T10:00:00+00:00", suite="core", suite_hash="a" * 64, must_pass=("c0",))


def tell(
    name: str, answer: str = "Abrimos a las 9:00 AM.", *, tag: str = "ask", failure: str | None = None
) -> ConversationRecord:
    """Somebody asks and is answered; two questions in one answer break a rule."""
    story = Story(name)
    story.say("ana", "¿a qué hora abren?")
    story.send("ana", answer)
    return story.end(tags=(tag,), failure=failure)


BROKEN = "¿Hoy? ¿O mañana?"


def write(
    path: Path,
    records: Sequence[ConversationRecord],
    *,
    finish: bool = True,
    scorer: Callable[[ConversationRecord], list[Verdict]] = score,
    **fields: object,
) -> Path:
    """A run with these conversations."""
    info = msgspec.structs.replace(INFO, id=path.name, planned=len(records), **fields)
    with RunWriter(path, info) as writer:
        for record in records:
            writer.add(record, scorer(record))
        if finish:
            writer.finish(1.0)
    return path


def many(count: int, **answers: str) -> list[ConversationRecord]:
    """So many conversations, c0, c1, …; some with another answer."""
    return [
        tell(f"c{number}", **({"answer": answers[f"c{number}"]} if f"c{number}" in answers else {}))
        for number in range(count)
    ]


def compare(first: Path, second: Path) -> Comparison:
    return compare_runs(RunReader(first), RunReader(second))


def test_what_broke_and_what_was_fixed_is_counted_in_pairs(tmp_path: Path) -> None:
    """Whatever order the conversations finished in."""
    first = write(tmp_path / "a", many(20, c3=BROKEN))
    second = write(tmp_path / "b", many(20, c5=BROKEN, c7=BROKEN, c9="A las 9:00 AM.")[::-1])

    found = compare(first, second)

    assert found.incomparable == ()
    assert found.outcomes is not None
    assert (found.compared, found.outcomes.broken, found.outcomes.mended) == (20, 2, 1)
    assert [(pair.id, pair.change) for pair in found.pairs] == [
        ("c5", Change.BROKEN), ("c7", Change.BROKEN), ("c3", Change.FIXED), ("c9", Change.CHANGED),
    ]  # fmt: skip
    assert found.turns == {"same": 16, "changed": 1, "fixed": 1, "broken": 2, "off-policy": 0}
    assert found.broken_must_pass == ()
    assert "✗ c5: Ana reserva un corte" in list(describe_comparison(found))


def test_a_must_pass_conversation_that_breaks_is_named(tmp_path: Path) -> None:
    """One that was broken before is not."""
    found = compare(write(tmp_path / "a", many(3)), write(tmp_path / "b", many(3, c0=BROKEN)))
    before = compare(write(tmp_path / "c", many(3, c0=BROKEN)), write(tmp_path / "d", many(3, c0=BROKEN)))

    assert found.broken_must_pass == ("c0",)
    assert before.broken_must_pass == ()


def test_what_did_not_run_is_counted_and_never_scored(tmp_path: Path) -> None:
    """A harness that broke is no failure of the prompt's, nor a success."""
    first = write(tmp_path / "a", many(12))
    second = write(tmp_path / "b", [*many(11), tell("c11", failure="no database")])

    found = compare(first, second)

    assert (found.compared, found.not_run) == (11, ("c11",))
    assert found.outcomes is not None and found.outcomes.broken == 0


@pytest.mark.parametrize(
    ("change", "count", "reason"),
    [
        ({"suite_hash": "b" * 64}, 12, "the suite is not the same"),
        ({"mode": "forced"}, 12, "the mode is not the same: free and forced"),
        ({"seed": 7}, 12, "the seed is not the same"),
        ({}, 11, "missing in the second run: c11"),
        ({"finish": False}, 12, "the second run is interrupted"),
    ],
)
def test_runs_that_are_unlike_are_not_comparable_and_the_gate_says_so(
    tmp_path: Path, change: dict[str, object], count: int, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Never a pass: neither a missing case, nor a changed dataset, nor half a run."""
    first = write(tmp_path / "a", many(12))
    second = write(tmp_path / "b", many(count), **change)  # type: ignore[arg-type]

    found = compare(first, second)
    code = run(["gate", str(first), str(second)])

    assert any(reason in each for each in found.incomparable)
    assert code == 101
    assert capsys.readouterr().out.startswith("NOT_COMPARABLE")


@pytest.mark.parametrize(
    ("answers", "count", "code", "verdict"),
    [
        ({}, 150, 0, "PASS"),
        ({}, 20, 101, "INCONCLUSIVE"),
        ({f"c{number}": BROKEN for number in range(1, 21)}, 150, 100, "BLOCK"),
        ({"c0": BROKEN}, 150, 100, "BLOCK"),
    ],
    ids=["unchanged", "too-few", "worse", "must-pass"],
)
def test_the_gate_ends_as_its_verdict_says(
    tmp_path: Path, answers: dict[str, str], count: int, code: int, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """0, 100 and 101, in words and as JSON."""
    first, second = write(tmp_path / "a", many(count)), write(tmp_path / "b", many(count, **answers))

    ended = run(["gate", str(first), str(second), "--json"])

    shown = msgspec.json.decode(capsys.readouterr().out)
    assert (ended, shown["decision"]["verdict"]) == (code, verdict)


def test_a_run_that_is_not_there_is_an_error_of_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Named, with exit code 2."""
    first = write(tmp_path / "a", many(1))

    assert run(["compare", str(first), "no-such-run"]) == 2
    assert "no run 'no-such-run'" in capsys.readouterr().err


def test_conversations_are_found_in_a_file_without_reading_it_whole(tmp_path: Path) -> None:
    """What a kill has torn is not among them."""
    path = write(tmp_path / "a", many(5))
    with (path / "events.jsonl").open("ab") as file:
        file.write(b'{"type":"conversation","id":"torn"}\n{"type":"event","conv')

    reader = RunReader(path)
    places = reader.index()

    assert list(places) == [f"c{number}" for number in range(5)]
    assert reader.read(places["c3"]) == next(each for each in reader.records() if each.id == "c3")
