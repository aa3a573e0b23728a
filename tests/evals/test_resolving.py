"""`parlo resolve-date --file`: an answer for each row in order, faults by line, and three figures kept apart."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from evals.cli import run
from evals.resolving import Answer, Kind, Outcome, Scores, answer_row, read_phrases, score_rows
from sim.problems import MalformedInput

DATES = Path(__file__).resolve().parents[2] / "fixtures" / "dates"
NOW = "2026-01-12T10:00:00-06:00"


def write(path: Path, *rows: dict[str, object]) -> Path:
    """A file of rows, written on a Monday at ten where nothing else is said."""
    path.write_bytes(b"\n".join(msgspec.json.encode({"now": NOW, **row}) for row in rows) + b"\n")
    return path


def resolve(folder: Path, text: str, **row: object) -> Answer:
    """The answer to one row."""
    return answer_row(read_phrases(write(folder / "one.jsonl", {"text": text, **row}))[0])


def test_each_row_gets_one_answer_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An instant, a window, a question, nothing: with moments in the business's zone and the reason why."""
    file = write(
        tmp_path / "rows.jsonl",
        {"text": "mañana a las 4", "opens": "09:00", "closes": "20:00", "tz": "America/Mexico_City"},
        {"text": "el jueves", "opens": None, "closes": None, "tz": "America/Tijuana"},
        {"text": "el sábado o el domingo"},
        {"text": "cuánto cuesta"},
    )

    code = run(["resolve-date", "--file", str(file)])

    found = [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 0
    assert [(each["kind"], each["start"], each["end"]) for each in found] == [
        ("instant", "2026-01-13T16:00:00-06:00", None),
        ("window", "2026-01-15T09:00:00-08:00", "2026-01-15T20:00:00-08:00"),
        ("ask", None, None),
        ("none", None, None),
    ]
    assert all(each["why"] for each in found)
    assert found[2]["why"].startswith("¿Te refieres")


@pytest.mark.parametrize(
    ("text", "row", "kind", "start"),
    [
        ("a las 8", {"opens": "09:00", "closes": "20:30"}, Kind.INSTANT, "2026-01-12T20:00:00-06:00"),
        ("mañana a las 8", {"opens": "07:00", "closes": "15:00"}, Kind.INSTANT, "2026-01-13T08:00:00-06:00"),
        ("hoy a las 9 de la mañana", {}, Kind.ASK, None),
        ("ayer a las 5", {}, Kind.ASK, None),
        ("mañana a las 2:30 am", {"now": "2026-03-07T12:00", "tz": "America/Tijuana"}, Kind.ASK, None),
        (
            "mañana a las 9",
            {"now": "2026-03-07T12:00", "tz": "America/Tijuana"},
            Kind.INSTANT,
            "2026-03-08T09:00:00-07:00",
        ),
        ("mañana a las 9", {"now": "2026-12-31T12:00"}, Kind.INSTANT, "2027-01-01T09:00:00-06:00"),
        ("el 32 de enero", {}, Kind.ASK, None),
    ],
)
def test_hours_zone_and_clock_decide(
    tmp_path: Path, text: str, row: dict[str, object], kind: Kind, start: str | None
) -> None:
    """Opening hours choose the half of the day; what is over, skipped or impossible is asked about."""
    found = resolve(tmp_path, text, **row)

    assert (found.kind, found.start) == (kind, start)


def test_faults_are_told_by_line_and_nothing_is_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All of them at once, exit 2."""
    file = tmp_path / "rows.jsonl"
    rows: list[dict[str, object]] = [
        {"text": "mañana", "now": NOW},
        {"text": "mañana"},
        {"text": "mañana", "now": "ayer"},
        {"text": "mañana", "now": NOW, "tz": "Mars/Olympus"},
        {"text": "mañana", "now": NOW, "opens": "20:00", "closes": "09:00"},
        {"text": "mañana", "now": NOW, "opens": "09:00"},
        {"text": 5, "now": NOW},
        {"text": "mañana", "now": NOW, "opens": "9", "closes": "25:00"},
        {"text": "mañana", "now": NOW, "tz": "../../etc/passwd"},
    ]
    file.write_bytes(b"\n".join(map(msgspec.json.encode, rows)) + b"\n{broken\n")

    code = run(["resolve-date", "--file", str(file)])

    told = capsys.readouterr()
    assert (code, told.out) == (2, "")
    for line, field in (
        (2, "now"),
        (3, "now"),
        (4, "tz"),
        (5, "closes"),
        (6, "closes"),
        (7, "text"),
        (8, "opens"),
        (9, "tz"),
    ):
        assert f"{file.name}:{line}: {field}: " in told.err
    assert f"{file.name}:10: " in told.err


@pytest.mark.parametrize(
    "words",
    [
        ["mañana", "--file", "rows.jsonl"],
        ["--file", "rows.jsonl", "--now", NOW],
        ["--score", "mañana", "--now", NOW],
        ["--file", "nowhere.jsonl"],
        [],
    ],
)
def test_what_does_not_go_together_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """Exit 2, before anything is read."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "rows.jsonl", {"text": "mañana"})

    assert run(["resolve-date", *words]) == 2


def test_what_is_asked_and_what_is_wrong_are_counted_apart(tmp_path: Path) -> None:
    """Exact, asked, missed, wrong; rows that do not say what is meant are left out."""
    rows = read_phrases(
        write(
            tmp_path / "rows.jsonl",
            {"text": "mañana a las 4", "kind": "instant", "start": "2026-01-13T16:00"},
            {"text": "mañana a las 4", "kind": "instant", "start": "2026-01-13T22:00:00+00:00"},
            {"text": "mañana a las 4", "kind": "instant", "start": "2026-01-14T16:00"},
            {"text": "mañana a las 4", "kind": "ask"},
            {"text": "mañana a las 4", "kind": "none"},
            {"text": "el sábado o el domingo", "kind": "instant", "start": "2026-01-17T16:00"},
            {"text": "hola", "kind": "ask"},
            {"text": "hola"},
        )
    )

    scores = score_rows(rows, map(answer_row, rows))

    assert (scores.rows, scores.exact.hits, scores.asked.hits, scores.missed.hits, scores.wrong.hits) == (7, 2, 1, 1, 3)
    assert [each.line for each in scores.not_exact if each.outcome is Outcome.WRONG] == [3, 4, 5]


def test_phrases_written_before_looking_are_never_wrong_without_asking(capsys: pytest.CaptureFixture[str]) -> None:
    """Through the command, which ends with 1 where one is."""
    code = run(["resolve-date", "--file", str(DATES / "a_ciegas.jsonl"), "--score", "--json"])

    scores = msgspec.json.decode(capsys.readouterr().out, type=Scores)
    assert (code, scores.wrong.hits) == (0, 0)
    assert scores.rows >= 180
    assert scores.exact.share is not None and scores.exact.share >= 0.97


def test_a_wrong_row_makes_the_score_fail(tmp_path: Path) -> None:
    """For scripts that look at nothing else."""
    file = write(tmp_path / "rows.jsonl", {"text": "mañana a las 4", "kind": "none"})

    assert run(["resolve-date", "--file", str(file), "--score"]) == 1


def test_a_file_without_rows_is_no_success(tmp_path: Path) -> None:
    """An empty file is a mistake."""
    (tmp_path / "empty.jsonl").write_text("")

    with pytest.raises(MalformedInput, match="has no rows"):
        read_phrases(tmp_path / "empty.jsonl")
