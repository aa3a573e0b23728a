"""Parlo's part: dialogues replayed, scored and stored as `parlo eval` does it, in one process on a real Postgres."""

from __future__ import annotations

import itertools
import os
import tempfile
from pathlib import Path

import msgspec

from benchmarks.timing import time_dialogues
from evals.run_directory import RunInfo, RunWriter
from evals.scorers import score
from runtime.adapters.embedded import choose_database_url
from sim.record import EventKind
from sim.stage import SETTINGS
from sim.theatre import Theatre, Trial, spare_collector
from sim.transcripts import Transcript, load_transcripts

DAYS = ("martes", "miércoles", "jueves", "viernes")
HEADER = {
    "type": "transcript",
    "version": 1,
    "id": "turns",
    "now": "2026-01-12T10:00:00-06:00",
    "world": "estetica-lupita",
    "people": {"sofia": {"role": "customer", "name": "Sofía Torres", "phone": "+522221230005"}},
}


def measure(turns: int, dialogues: int, warm_up: int) -> float:
    """Seconds a dialogue."""
    server_url = choose_database_url(os.environ, durable=False)
    with (
        tempfile.TemporaryDirectory(prefix="parlo-turns-") as folder,
        RunWriter(Path(folder) / "run", RunInfo(id="turns", created="2026-01-12T16:00:00+00:00")) as writer,
        Theatre(server_url, f"parlo_peers_{os.getpid()}", SETTINGS) as theatre,
    ):
        spare_collector()
        dialogue = _compose(turns, Path(folder) / "turns.jsonl")
        numbers = itertools.count(1)

        def play(count: int) -> None:
            for number in itertools.islice(numbers, count):
                header = msgspec.structs.replace(dialogue.header, id=f"t{number}")
                record = theatre.play(Trial(transcript=msgspec.structs.replace(dialogue, header=header)))
                calls = sum(event.kind is EventKind.TOOL for event in record.events)
                assert record.failure is None and calls >= turns, record.failure or f"{calls} tool calls"
                writer.add(record, score(record))

        return time_dialogues(play, dialogues, warm_up)


def _compose(turns: int, file: Path) -> Transcript:
    says = [
        {"type": "say", "by": "sofia", "text": f"¿qué horas tienes el {DAYS[turn % len(DAYS)]} para un corte de dama?"}
        for turn in range(turns)
    ]
    file.write_bytes(msgspec.json.Encoder().encode_lines([HEADER, *says]))
    [transcript] = load_transcripts([file])
    return transcript
