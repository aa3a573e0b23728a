"""The importers of corpora, on rows of our own in their shape; and on the shared data where it is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from sim.importers import import_file
from sim.importers.recorded import BURST_GAP_S
from sim.problems import MalformedInput
from sim.transcripts import (
    End,
    RecordedTool,
    Said,
    Say,
    check_conversation,
    dump_transcripts,
    hash_transcript,
    load_transcripts,
)

SESSION: dict[str, object] = {
    "id": "s-1",
    "source": "nuestra",
    "lang": "es-CO",
    "started_at": "2020-08-07T22:46:00",
    "turns": [
        {"role": "assistant", "text": "Buenas noches, ¿cómo te llamas?"},
        {"role": "assistant", "options": ["Agendar", "Cancelar"], "title": "¿Qué quieres hacer?"},
        {"role": "customer", "text": "ruben", "intent": "x", "entities": []},
        {"role": "customer", "text": "kiero agendar"},
        {"role": "tool", "name": "save_appointment", "outcome": "ok"},
        {"role": "assistant", "title": "Listo"},
    ],
}
CHAT: dict[str, object] = {
    "id": "b-1",
    "source": "nuestra",
    "lang": "es-MX",
    "title": "Pregunta por la barba",
    "turns": [{"role": "customer", "text": "cuánto la barba?"}, {"role": "assistant", "text": "$200"}],
}
DIALOGUE: dict[str, object] = {
    "id": "g-1",
    "source": "ours",
    "lang": "en",
    "trade": "dentist",
    "today": "2019-03-01",
    "turns": [
        {"role": "customer", "text": "A dentist next Monday, please.", "acts": [], "slots": {}},
        {
            "role": "tool",
            "name": "find_provider",
            "arguments": {"city": "Albany"},
            "outcome": "found",
            "result_count": 1,
            "results": [{"name": "Dr. Pine"}],
        },
        {"role": "assistant", "text": "How about Dr. Pine?", "acts": []},
    ],
    "expect": {},
}
TIMED: dict[str, object] = {
    "id": "t-1",
    "source": "ours",
    "lang": "en",
    "task": "doctor_schedule",
    "happy": False,
    "goal": "Get an appointment on Tuesday.",
    "turns": [
        {"role": "customer", "t": 12, "text": "hi"},
        {"role": "customer", "t": 15, "text": "Tuesday at 4?"},
        {
            "role": "tool",
            "t": 31,
            "name": "doctor_schedule",
            "request": "Check",
            "arguments": [{"field": "Day", "op": "is_equal_to", "value": "Tuesday"}],
            "outcome": "unavailable",
            "result": {"Message": "no"},
        },
        {"role": "assistant", "t": 40, "text": "No, sorry."},
    ],
}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes rows to a file and gives its path."""

    def write_rows(*rows: object) -> Path:
        path = tmp_path / "rows.jsonl"
        path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
        return path

    return write_rows


def test_a_session_becomes_a_conversation_at_its_hour(write: Write) -> None:
    """It begins on the clock of Bogotá; bubbles are history; two turns in a row are a burst."""
    (transcript,) = import_file("sesiones", write(SESSION))

    assert transcript.header.now.isoformat() == "2020-08-07T22:46:00-05:00"
    assert (transcript.header.lang, transcript.header.world) == ("es-CO", "consultorio-bienestar")
    assert transcript.events == (
        Said(by="parlo", to="cliente", text="Buenas noches, ¿cómo te llamas?"),
        Said(by="parlo", to="cliente", text="¿Qué quieres hacer?\n- Agendar\n- Cancelar"),
        Say(by="cliente", text="ruben"),
        Say(by="cliente", text="kiero agendar", gap=BURST_GAP_S),
        RecordedTool(name="save_appointment", outcome="ok"),
        Said(by="parlo", to="cliente", text="Listo"),
        End(handoffs=()),
    )


def test_an_example_chat_keeps_its_title(write: Write) -> None:
    """It has no times: each message comes when the system is at rest."""
    (transcript,) = import_file("barberia", write(CHAT))

    assert (transcript.header.title, transcript.header.world) == ("Pregunta por la barba", "barberia-clasica")
    assert transcript.says == [Say(by="cliente", text="cuánto la barba?")]


def test_a_dialogue_begins_on_its_today(write: Write) -> None:
    """The recorded call keeps its own name, arguments and results."""
    (transcript,) = import_file("sgd", write(DIALOGUE))

    assert transcript.header.now.isoformat() == "2019-03-01T09:00:00-06:00"
    assert transcript.events[1] == RecordedTool(
        name="find_provider", arguments={"city": "Albany"}, outcome="found", result=[{"name": "Dr. Pine"}]
    )


def test_recorded_seconds_are_kept(write: Write) -> None:
    """What was typed at second 15 is said at second 15; the goal goes along."""
    (transcript,) = import_file("star", write(TIMED))

    assert [(say.at, say.gap) for say in transcript.says] == [(12, None), (15, None)]
    assert transcript.header.goal == "Get an appointment on Tuesday."
    assert transcript.events[2] == RecordedTool(
        name="doctor_schedule",
        arguments={"constraints": [{"field": "Day", "op": "is_equal_to", "value": "Tuesday"}], "request": "Check"},
        outcome="unavailable",
        result={"Message": "no"},
        at=31,
    )


def test_everybody_has_a_phone_of_their_own(write: Write) -> None:
    """Two rows never share a customer."""
    first, second = import_file("barberia", write(CHAT, CHAT | {"id": "b-2"}))

    assert first.header.people["cliente"].phone != second.header.people["cliente"].phone


class Wrong(NamedTuple):
    """A row of a format, and what must be said about it as line 2."""

    id: str
    format: str
    row: object
    said: str


WRONG = [
    Wrong("no turns", "barberia", {key: CHAT[key] for key in CHAT if key != "turns"}, "row.turns: missing: a list"),
    Wrong("nobody asks", "barberia", CHAT | {"turns": []}, "row.turns: no customer says anything"),
    Wrong("role", "barberia", CHAT | {"turns": [{"role": "dog"}]}, "row.turns[0].role: expected one of"),
    Wrong("customer without text", "sgd", DIALOGUE | {"turns": [{"role": "customer"}]}, "row.turns[0].text: missing"),
    Wrong(
        "empty bubble",
        "barberia",
        CHAT | {"turns": [{"role": "assistant"}, {"role": "customer", "text": "a"}]},
        "row.turns[0].text: missing",
    ),
    Wrong(
        "nameless tool",
        "star",
        TIMED | {"turns": [{"role": "tool"}, {"role": "customer", "text": "a"}]},
        "row.turns[0].name: missing",
    ),
    Wrong("start", "sesiones", SESSION | {"started_at": "ayer"}, "row.started_at: expected a local time such as"),
    Wrong(
        "start with offset",
        "sesiones",
        SESSION | {"started_at": "2020-08-07T22:46:00-05:00"},
        "row.started_at: expected a local time",
    ),
    Wrong("no such day", "sgd", DIALOGUE | {"today": "2019-02-30"}, "row: day is out of range for month"),
    Wrong("id with blanks", "barberia", CHAT | {"id": 7}, "row.id: expected text, got 7"),
    Wrong(
        "seconds",
        "star",
        TIMED | {"turns": [{"role": "customer", "text": "a", "t": "1"}]},
        'row.turns[0].t: expected number, got "1"',
    ),
    Wrong("broken JSON", "barberia", "{", "not JSON: "),
]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.id)
def test_a_bad_row_is_named_with_file_line_and_field(write: Write, case: Wrong) -> None:
    """One bad row refuses the file, and says which."""
    good = {"barberia": CHAT, "sesiones": SESSION, "sgd": DIALOGUE, "star": TIMED}[case.format]
    path = write(good | {"id": "good"}, case.row)

    with pytest.raises(MalformedInput) as caught:
        import_file(case.format, path)

    assert str(caught.value.problems[0]).startswith(f"{path}:2: {case.said}")


def test_an_id_that_stands_twice_is_refused(write: Write) -> None:
    """The second row names the first."""
    with pytest.raises(MalformedInput, match=r"rows.jsonl:2: row.id: 'b-1' stands in line 1 already"):
        import_file("barberia", write(CHAT, CHAT))


def test_an_empty_or_missing_file_is_refused(write: Write, tmp_path: Path) -> None:
    """Nothing imported is not a success."""
    with pytest.raises(MalformedInput, match="no row is in this file"):
        import_file("star", write(""))
    with pytest.raises(MalformedInput, match="cannot be read: No such file"):
        import_file("star", tmp_path / "no.jsonl")


def test_an_unknown_format_is_a_usage_error(tmp_path: Path) -> None:
    """The command names the formats there are."""
    with pytest.raises(ValueError, match="'telegram' is not a valid ImportFormat"):
        import_file("telegram", tmp_path / "x")


class Corpus(NamedTuple):
    """A shared corpus and what it must come to."""

    format: str
    file: str
    conversations: int
    says: int
    tools: int


CORPORA = [
    Corpus("sesiones", "sesiones_citas_es/sesiones.jsonl", 121, 609, 18),
    Corpus("barberia", "conversaciones_barberia_es/conversaciones.jsonl", 8, 17, 0),
    Corpus("sgd", "sgd_services/train.jsonl", 551, 3934, 1000),
    Corpus("star", "star_appointments/dialogues.jsonl", 521, 3452, 1553),
]


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda corpus: corpus.format)
def test_a_whole_corpus_is_imported_and_nothing_skipped(corpus: Corpus, shared_data: Path, tmp_path: Path) -> None:
    """Every conversation, every customer's turn and every tool call is there, and what is written loads again."""
    path = shared_data / corpus.file
    out = tmp_path / "out.jsonl"

    imported = import_file(corpus.format, path)
    out.write_bytes(dump_transcripts(imported))

    assert len(imported) == corpus.conversations
    assert sum(len(transcript.says) for transcript in imported) == corpus.says
    assert sum(isinstance(e, RecordedTool) for t in imported for e in t.events) == corpus.tools
    assert [problem for transcript in imported for problem in check_conversation(transcript)] == []
    assert {event.handoffs for t in imported for event in t.events if isinstance(event, End)} == {()}
    assert [hash_transcript(t) for t in load_transcripts([out])] == [hash_transcript(t) for t in imported]
