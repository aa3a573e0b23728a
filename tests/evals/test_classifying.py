"""`parlo classify`: production's own judgement of labelled messages, counted; and the figures that must not fall."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from evals.classifying import Classified, Labelled, Task, Verdict, classify, count_up, read_labelled
from evals.cli import run
from evals.models import open_model
from runtime.agent.prompts import load_prompt
from runtime.domain.errors import Broken
from runtime.domain.spanish.folding import fold_words
from runtime.settings import Settings
from sim.offline_model import MODEL_NAME
from sim.offline_model.classify import read_examples
from sim.problems import MalformedInput

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "intents"
TOO_ALIKE = 0.7
ODD_TEXTS = [
    "",
    "   ",
    "😀👍🏽",
    "\u0000\u0007\u202e",
    "<<< end >>>",
    "a" * 100_000,
    "ya quedó " * 12_000,
    "\n\n/\n",
    "¿?",
]


def write_rows(path: Path, *rows: object) -> Path:
    """A JSON Lines file."""
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return path


def measure(task: Task, path: Path, split: str | None = None) -> Classified:
    """Classify a file with the offline model."""
    settings, model = open_model(Settings(), None)
    return asyncio.run(classify(read_labelled(path, task, split=split), task, settings, model, tell=lambda _: None))


def cut_trigrams(text: str) -> set[str]:
    """The letters of a text in threes."""
    padded = f"  {fold_words(text)} "
    return {padded[start : start + 3] for start in range(len(padded) - 2)}


@pytest.mark.parametrize(("split", "missed", "withheld"), [("dev", 0.03, 0.02), ("test", 0.12, 0.05)])
def test_owners_are_understood_as_well_as_it_is_told(split: str, missed: float, withheld: float) -> None:
    """With the offline model: hardly a false end. The limits of `test` are a little below its figures."""
    costs = measure(Task.OWNER_INTENT, FOLDER / "owner-intent.jsonl", split).costs

    assert (costs["false_end"].rate or 0) <= 0.02
    assert (costs["missed_end"].rate or 0) <= missed
    assert (costs["withheld"].rate or 0) <= withheld


@pytest.mark.parametrize(("split", "recall", "precision"), [("dev", 0.97, 0.97), ("test", 0.82, 0.93)])
def test_requests_for_a_person_are_heard_as_well_as_it_is_told(split: str, recall: float, precision: float) -> None:
    """With the offline model for what the rules leave open; the limits of `test` are its figures."""
    asked = measure(Task.ASKS_HUMAN, FOLDER / "asks-human.jsonl", split).per_class["true"]

    assert (asked.recall.rate or 0) >= recall
    assert (asked.precision.rate or 0) >= precision


@pytest.mark.parametrize(
    ("task", "prompt"),
    [(Task.OWNER_INTENT, Settings().owner_intent_prompt), (Task.ASKS_HUMAN, Settings().asks_human_prompt)],
)
def test_no_example_of_a_prompt_is_among_the_messages_it_is_measured_on(task: Task, prompt: str) -> None:
    """Neither word for word nor nearly: the offline model learns from the examples."""
    examples = [example.text for example in read_examples(load_prompt(prompt).text)]
    rows = read_labelled(FOLDER / f"{task}.jsonl", task, split="test")

    told = [(row.text, cut_trigrams(row.text)) for row in rows]
    alike = [
        (example, text)
        for example in examples
        for text, theirs in told
        if len((ours := cut_trigrams(example)) & theirs) / len(ours | theirs) >= TOO_ALIKE
    ]

    assert {fold_words(example) for example in examples} & {fold_words(row.text) for row in rows} == set()
    assert alike == []


def test_the_command_prints_every_row_and_every_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object on standard output; what a row had besides is kept."""
    rows = (
        {"text": "listo", "label": "end", "mine": 7},
        {"text": "te espero mañana a las 4", "label": "relay", "history": ["Ana: ¿puedo ir?"]},
        {"text": "parlo, bloquea la tarde", "label": "relay"},
    )
    file = write_rows(tmp_path / "rows.jsonl", *rows)

    code = run(["classify", "owner-intent", "--file", str(file), "--json"])

    shown = msgspec.json.decode(capsys.readouterr().out)
    assert code == 0
    assert (shown["task"], shown["model"], shown["n"]) == ("owner-intent", MODEL_NAME, 3)
    assert [row["predicted"] for row in shown["rows"]] == ["end", "relay", "aside"]
    assert [row["decided_by"] for row in shown["rows"]] == ["rule", "model", "rule"]
    assert shown["rows"][0]["mine"] == 7 and shown["rows"][0]["ms"] >= 0
    assert shown["confusion"]["relay"] == {"relay": 1, "end": 0, "aside": 1}
    assert shown["per_class"]["end"]["recall"] == {"n": 1, "of": 1, "rate": 1.0, "interval": [0.2065, 1.0]}
    assert shown["costs"]["withheld"]["n"] == 1 and shown["costs"]["withheld"]["of"] == 2
    assert shown["decided_by"]["rule"]["n"] == 1 and shown["decided_by"]["rule"]["of"] == 2
    assert [row["line"] for row in shown["mistakes"]] == [3]
    assert set(shown["ms"]) == {"p50", "p95"}


def test_without_json_a_person_can_read_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Labels as they were given, mistakes with their line, and which layer decided."""
    rows = ({"text": "quiero hablar con una persona", "label": True}, {"text": "[hola]", "label": "true"})
    file = write_rows(tmp_path / "rows.jsonl", *rows)

    code = run(["classify", "asks-human", "--file", str(file)])

    shown = capsys.readouterr()
    assert code == 0
    assert "2 messages" in shown.out and "line 2: true taken for False (rule)" in shown.out and "'[hola]'" in shown.out
    assert f"by {MODEL_NAME} with {Settings().asks_human_prompt}" in " ".join(shown.out.split())


def test_progress_of_a_long_file_goes_to_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that what is piped stays clean; and one split can be taken out of a file."""
    rows = [{"text": f"son {n} pesos", "label": False, "split": "ab"[n % 2]} for n in range(210)]
    file = write_rows(tmp_path / "rows.jsonl", *rows)

    code = run(["classify", "asks-human", "--file", str(file), "--split", "b", "--json"])

    shown = capsys.readouterr()
    assert code == 0
    assert shown.err == "classified 100 of 105\n"
    assert msgspec.json.decode(shown.out)["n"] == 105


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"text": "hola"', ":2: not JSON"),
        ('{"label": "relay"}', ":2: text: missing"),
        ('{"text": 3, "label": "relay"}', ":2: text: must be text"),
        ('{"text": "hola", "label": "maybe"}', ":2: label: must be one of relay, end, aside; it is 'maybe'"),
        ('{"text": "hola"}', ":2: label: must be one of"),
        ('{"text": "hola", "label": "end", "history": "Ana: hola"}', ":2: history: must be a list of texts"),
        ("[]", ":2: expected an object"),
    ],
)
def test_a_row_that_cannot_be_used_ends_with_2_and_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    """File, line and field; nothing is classified."""
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "ok", "label": "relay"}\n' + line + "\n", encoding="utf-8")

    code = run(["classify", "owner-intent", "--file", str(file)])

    shown = capsys.readouterr()
    assert (code, shown.out) == (2, "")
    assert f"{file}{said}" in shown.err


def test_a_file_without_rows_cannot_be_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither can one that is not there, nor a task nobody knows."""
    file = write_rows(tmp_path / "rows.jsonl", {"text": "ok", "label": "relay"})

    with pytest.raises(MalformedInput, match="no rows of the split"):
        read_labelled(file, Task.OWNER_INTENT, split="test")
    codes = [
        run(["classify", "owner-intent", "--file", str(tmp_path / "none.jsonl")]),
        run(["classify", "weather", "--file", str(file)]),
    ]

    assert codes == [2, 2]
    assert "cannot be read" in capsys.readouterr().err


def test_a_real_model_needs_a_key() -> None:
    """And says so before a row is read to it."""
    with pytest.raises(Broken, match="OPENAI_API_KEY"):
        open_model(Settings(), "gpt-4.1-nano")


@pytest.mark.parametrize("task", Task)
def test_no_text_is_too_odd_to_be_classified(tmp_path: Path, task: Task) -> None:
    """Empty, emoji alone, control characters, marks of the fence, a hundred thousand letters."""
    label: object = "relay" if task is Task.OWNER_INTENT else False
    file = write_rows(tmp_path / "rows.jsonl", *({"text": text, "label": label} for text in ODD_TEXTS))

    classified = measure(task, file)

    assert [row["predicted"] for row in classified.rows] == [label] * len(ODD_TEXTS)


def test_the_figures_are_counted_as_they_are_defined() -> None:
    """Against figures worked out by hand."""
    truths = ["relay", "relay", "relay", "end", "end", "aside"]
    taken = ["relay", "end", "aside", "end", "relay", "relay"]
    rows = [Labelled(n, "x", label, (), (), {}) for n, label in enumerate(truths, start=1)]
    verdicts = [Verdict(label, "model", float(n)) for n, label in enumerate(taken)]

    counted = count_up(Task.OWNER_INTENT, ("m", "p@1"), rows, verdicts)

    costs = {name: (figure.n, figure.of) for name, figure in counted.costs.items()}
    assert costs == {"false_end": (1, 4), "missed_end": (1, 2), "false_relay": (2, 3), "withheld": (2, 3)}
    assert counted.per_class["end"].precision.rate == counted.per_class["end"].f1.rate == 0.5
    assert counted.per_class["aside"].f1.rate == 0.0
    assert (counted.accuracy.n, counted.accuracy.of) == (2, 6)
    assert counted.ms == {"p50": 2.0, "p95": 5.0}
