"""What the workbench adds to what it measures: scoring, storing, and decisions looked at without a database."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from evals.bench.figures import Figure, Measurement, Unit
from evals.bench.ground import Ground, fresh_database
from evals.bench.proc import read_memory
from evals.classifying import asking
from evals.models import open_model
from evals.reading import Reading
from evals.run_directory import RunInfo, RunWriter
from evals.scorers import score
from evals.scorers.final_rows import score_final_rows
from runtime.agent.asks_human import hear_by
from runtime.agent.owner_intent import judge_by
from runtime.domain.whatsapp import clean_text
from sim.driver import replay
from sim.quiet_logs import silence_logs
from sim.record import ConversationRecord, EventKind
from sim.stage import SETTINGS, open_stage
from sim.transcripts import Say, Transcript, list_participants, load_transcripts
from sim.virtual_time import VirtualLoop

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures" / "transcripts"
ROUNDS = 5
IMPORTS = 5
EVERY = 4
PLAYS = 270
FROM = 135
"""By then each has been played three times: all is imported, and every cache is as full as it gets."""
MOST_OVERHEAD_MS = 1.0
MOST_STATE_MS = 1.0
MOST_IMPORT_S = 1.0
MOST_GROWTH_MB = 5.0
LEAST_DECIDED = 300.0

T = TypeVar("T")


class _Played(msgspec.Struct):
    """What was replayed, and the memory held after `FROM` conversations and after all."""

    records: list[ConversationRecord] = []
    before_mb: float = 0.0
    after_mb: float = 0.0


def measure_workbench(ground: Ground) -> Measurement:
    """Replay some conversations, then time what is done with them."""
    silence_logs()
    transcripts = load_transcripts([FIXTURES])
    with fresh_database(ground.fast_url, "workbench") as url:
        played = _run(_replay(url, transcripts[::EVERY]))
    growth = (played.after_mb - played.before_mb) / (PLAYS - FROM) * 1000
    figures = [
        *_time_scoring(played.records),
        _time_decisions(transcripts),
        Figure(
            name="memory for 1000 conversations more",
            value=growth,
            unit=Unit.MEGABYTES,
            n=PLAYS - FROM,
            how=f"growth of the resident set from {FROM} to {PLAYS} replays, scored and let go",
            most=MOST_GROWTH_MB,
        ),
        _time_import(),
    ]
    return Measurement(name="workbench", figures=figures)


async def _replay(url: str, transcripts: Sequence[Transcript]) -> _Played:
    played = _Played(records=[])
    async with open_stage(url) as stage:
        for number in range(PLAYS):
            record = await replay(stage, transcripts[number % len(transcripts)])
            score(record)
            if number + 1 == FROM:
                played.before_mb = _read_memory_mb()
            if number < len(transcripts):
                played.records.append(record)
        played.after_mb = _read_memory_mb()
    return played


def _read_memory_mb() -> float:
    return read_memory(os.getpid()).rss_mb


def _time_scoring(records: Sequence[ConversationRecord]) -> list[Figure]:
    turns = sum(event.kind is EventKind.SAY for record in records for event in record.events)
    whole, state = [], []
    for number in range(ROUNDS):
        with (
            tempfile.TemporaryDirectory(prefix="parlo-bench-") as folder,
            RunWriter(Path(folder) / "run", RunInfo(id=str(number), created="2026-01-12T16:00:00+00:00")) as writer,
        ):
            started = time.perf_counter()
            for record in records:
                writer.add(record, score(record))
            whole.append((time.perf_counter() - started) / turns * 1000)
        readings = [Reading(record) for record in records]
        started = time.perf_counter()
        for reading in readings:
            list(score_final_rows(reading))
        state.append((time.perf_counter() - started) / len(records) * 1000)
    return [
        Figure(
            name="scored and stored, a message",
            value=statistics.median(whole),
            unit=Unit.MILLISECONDS,
            n=turns,
            how=f"every scorer, both files of the run; median of {ROUNDS} passes over {len(records)} conversations",
            most=MOST_OVERHEAD_MS,
        ),
        Figure(
            name="final rows scored, a conversation",
            value=statistics.median(state),
            unit=Unit.MILLISECONDS,
            n=len(records),
            how=f"median of {ROUNDS} passes",
            most=MOST_STATE_MS,
        ),
    ]


def _time_decisions(transcripts: Sequence[Transcript]) -> Figure:
    """What is decided about each message alone: whether a customer asks for a person, what one of staff means."""
    _run(_decide(transcripts[:10]))
    started = time.perf_counter()
    _run(_decide(transcripts))
    return Figure(
        name="forced decisions, no database",
        value=len(transcripts) / (time.perf_counter() - started),
        unit=Unit.PER_SECOND,
        n=len(transcripts),
        how="conversations of fixtures/: each message heard or judged as in production, rules first, then the model",
        least=LEAST_DECIDED,
    )


async def _decide(transcripts: Sequence[Transcript]) -> None:
    settings, model = open_model(SETTINGS, None)
    ask = asking(model)
    for transcript in transcripts:
        people = list_participants(transcript)
        history: tuple[str, ...] = ()
        for line in transcript.events:
            if not isinstance(line, Say) or not line.text:
                continue
            text = clean_text(line.text)
            if people[line.by].role == "customer":
                await hear_by(ask, settings, text, ())
            else:
                await judge_by(ask, settings, text, history)
            history = (*history[-5:], text)


def _time_import() -> Figure:
    """Beside a Python that imports nothing."""

    def start(code: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
        return time.perf_counter() - started

    took = [start("import evals") - start("pass") for _ in range(IMPORTS)]
    return Figure(
        name="import evals",
        value=statistics.median(took),
        unit=Unit.SECONDS,
        n=IMPORTS,
        how="a new process each, less one that imports nothing",
        most=MOST_IMPORT_S,
    )


def _run(work: Coroutine[Any, Any, T]) -> T:
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(work)
    finally:
        asyncio.set_event_loop(None)
        loop.close()
