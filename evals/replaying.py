"""Replays a suite of transcripts and scores it, in one process or several, into a run directory.

`sim.driver` replays one conversation, `evals.scorers` judges it; this module does what lies around:
databases, processes, progress, saving. An interrupted run is whole up to its last conversation.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import msgspec

from evals.report import write_report
from evals.run_directory import RUNS_DIRECTORY, RunInfo, RunWriter
from evals.scoreboard import ProgressView
from evals.scorers import score
from evals.summary import Summary
from evals.version import describe_code
from runtime.settings import Settings
from sim.databases import create_copy, drop_copies, drop_copy
from sim.driver import Mode, replay
from sim.quiet_logs import silence_logs
from sim.record import ConversationRecord
from sim.stage import SETTINGS, Stage, describe_prompts, open_stage
from sim.transcripts import Transcript, hash_transcript
from sim.virtual_time import VirtualLoop

SMALL = 12
"""Suites up to this size are replayed in one process: starting another costs more than it saves."""


class ReplayPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to replay and how.

    Attributes:
        suite: What the run is called, for example `fixtures`.
        suite_hash: Of all that the suite says; by default of the transcripts.
        must_pass: Ids of conversations that may never break.
        resume: Go on with a run that was interrupted, in `directory`: what is finished is not replayed again.
        server_url: A Postgres in which databases may be made and dropped.
        created: ISO 8601 with zone.
        settings: Of the runtime: which prompts, which model, which locks.
        jobs: Processes; None chooses by the machine and the suite's size.
        directory: Where the run is written; None makes a new one under the usual place.
    """

    suite: str
    transcripts: Sequence[Transcript]
    server_url: str
    created: str
    suite_hash: str | None = None
    must_pass: tuple[str, ...] = ()
    resume: bool = False
    mode: Mode = Mode.FREE
    seed: int = 0
    settings: Settings = SETTINGS
    jobs: int | None = None
    directory: Path | None = None


class Replayed(msgspec.Struct, frozen=True):
    """A finished run."""

    directory: Path
    report: Path
    summary: Summary


def replay_suite(plan: ReplayPlan) -> Replayed:
    """Replay, score and save every conversation, showing progress on standard error.

    Raises:
        FileExistsError: The directory holds a run, and it is not to be resumed.
        KeyboardInterrupt: After what was finished has been saved, scored and reported.
    """
    started = time.perf_counter()
    directory = plan.directory or RUNS_DIRECTORY / f"{plan.created[:19].replace(':', '')}-{plan.suite}-{os.getpid()}"
    with RunWriter(directory, _describe(plan, directory.name), resume=plan.resume) as writer:
        done = {*writer.finished}
        left = msgspec.structs.replace(plan, transcripts=_leave_out(plan.transcripts, done)) if done else plan
        try:
            with ProgressView(len(left.transcripts)) as progress, _records(left) as records:
                for record in records:
                    progress.advance(writer.add(record, score(record)))
        except KeyboardInterrupt:
            writer.interrupt(time.perf_counter() - started)
            write_report(directory)
            raise
        summary = writer.finish(time.perf_counter() - started)
    return Replayed(directory, write_report(directory), summary)


def _leave_out(transcripts: Sequence[Transcript], done: set[str]) -> list[Transcript]:
    return [each for each in transcripts if each.id not in done]


def _describe(plan: ReplayPlan, identifier: str) -> RunInfo:
    digest = sha256("".join(hash_transcript(each) for each in plan.transcripts).encode()).hexdigest()
    return RunInfo(
        id=identifier,
        created=plan.created,
        suite=plan.suite,
        suite_hash=plan.suite_hash or digest,
        must_pass=plan.must_pass,
        mode=plan.mode,
        model=plan.settings.customer_model,
        prompts=describe_prompts(plan.settings),
        locks={"booking": plan.settings.booking_lock, "conversation": plan.settings.conversation_lock},
        code_version=describe_code(),
        seed=plan.seed,
        planned=len(plan.transcripts),
    )


@contextmanager
def _records(plan: ReplayPlan) -> Iterator[Iterator[ConversationRecord]]:
    jobs = plan.jobs or (1 if len(plan.transcripts) <= SMALL else os.cpu_count() or 1)
    if jobs == 1:
        with _Theatre(plan.server_url, f"parlo_replay_{os.getpid()}", plan.settings) as theatre:
            yield (theatre.play(each, plan.mode, plan.seed) for each in plan.transcripts)
        return
    executor = ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_start_process, initargs=(plan.server_url, plan.settings)
    )
    try:
        modes, seeds = [plan.mode] * len(plan.transcripts), [plan.seed] * len(plan.transcripts)
        yield executor.map(_play_in_process, plan.transcripts, modes, seeds)
    finally:
        executor.shutdown(cancel_futures=True)
        # the processes are gone, and with them whatever was connected
        drop_copies(plan.server_url, f"parlo_replay_{os.getpid()}_")


class _Theatre:
    """A stage on a virtual loop of its own, with a database that is dropped afterwards."""

    def __init__(self, server_url: str, name: str, settings: Settings) -> None:
        self._server_url = server_url
        self._name = name
        self._settings = settings
        self._loop = VirtualLoop()
        self._exits = AsyncExitStack()
        self._stage: Stage | None = None

    def __enter__(self) -> _Theatre:
        silence_logs()
        url = create_copy(self._server_url, self._name)
        self._stage = self._loop.run_until_complete(self._exits.enter_async_context(open_stage(url, self._settings)))
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.run_until_complete(self._exits.aclose())
        self._loop.close()
        drop_copy(self._server_url, self._name)

    def play(self, transcript: Transcript, mode: Mode, seed: int) -> ConversationRecord:
        """Replay one conversation."""
        assert self._stage is not None
        asyncio.set_event_loop(self._loop)
        return self._loop.run_until_complete(replay(self._stage, transcript, mode=mode, seed=seed))


_theatre: _Theatre | None = None


def _start_process(server_url: str, settings: Settings) -> None:
    global _theatre
    # Ctrl-C is for the parent, which stops us in order
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _theatre = _Theatre(server_url, f"parlo_replay_{os.getppid()}_{os.getpid()}", settings)
    _theatre.__enter__()


def _play_in_process(transcript: Transcript, mode: Mode, seed: int) -> ConversationRecord:
    assert _theatre is not None
    return _theatre.play(transcript, mode, seed)
