"""Parlo's part: dialogues replayed, scored and stored as `parlo eval` does it, in one process on a real Postgres."""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from benchmarks.timing import time_dialogues
from evals.run_directory import RunInfo, RunWriter
from evals.scorers import score
from runtime.adapters.embedded import choose_database_url
from sim.databases import borrow_copy
from sim.driver import replay
from sim.quiet_logs import silence_logs
from sim.record import EventKind
from sim.stage import open_stage
from sim.transcripts import Transcript, load_transcripts
from sim.virtual_time import VirtualLoop

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
    silence_logs()
    server_url = choose_database_url(os.environ, durable=False)
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    exits = AsyncExitStack()
    with (
        tempfile.TemporaryDirectory(prefix="parlo-turns-") as folder,
        borrow_copy(server_url, f"parlo_peers_{os.getpid()}") as url,
        RunWriter(Path(folder) / "run", RunInfo(id="turns", created="2026-01-12T16:00:00+00:00")) as writer,
    ):
        stage = loop.run_until_complete(exits.enter_async_context(open_stage(url)))
        dialogue = _compose(turns, Path(folder) / "turns.jsonl")
        made = 0

        def play(count: int) -> None:
            nonlocal made
            for _ in range(count):
                made += 1
                transcript = msgspec.structs.replace(
                    dialogue, header=msgspec.structs.replace(dialogue.header, id=f"t{made}")
                )
                record = loop.run_until_complete(replay(stage, transcript))
                calls = sum(event.kind is EventKind.TOOL for event in record.events)
                assert record.failure is None and calls >= turns, record.failure or f"{calls} tool calls"
                writer.add(record, score(record))

        took_s = time_dialogues(play, dialogues, warm_up)
        loop.run_until_complete(exits.aclose())
    loop.close()
    return took_s


def _compose(turns: int, file: Path) -> Transcript:
    says = [
        {"type": "say", "by": "sofia", "text": f"¿qué horas tienes el {DAYS[turn % len(DAYS)]} para un corte de dama?"}
        for turn in range(turns)
    ]
    file.write_bytes(msgspec.json.Encoder().encode_lines([HEADER, *says]))
    [transcript] = load_transcripts([file])
    return transcript
