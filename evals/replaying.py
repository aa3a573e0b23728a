"""Replays a suite of transcripts and scores it, in one process or several, into a run directory.

`sim.theatre` replays one conversation, `evals.scorers` judges it; this module does what lies around: trials, processes,
progress, saving. An interrupted run is whole up to its last conversation.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import msgspec

from evals.labelled import LabelledTask, write_labelled
from evals.report import write_report
from evals.run_directory import RUNS_DIRECTORY, RunInfo, RunWriter
from evals.scoreboard import ProgressView
from evals.scorers import score
from evals.summary import Summary
from evals.version import describe_code
from runtime.settings import Settings
from sim.cassettes.plan import CassettePlan
from sim.databases import drop_copies
from sim.divergence import AfterDivergence
from sim.driver import Mode
from sim.record import ConversationRecord, decode_records, encode_record, name_trial
from sim.stage import SETTINGS, describe_prompts
from sim.theatre import Theatre, Trial, spare_collector
from sim.transcripts import Transcript, hash_transcript
from sim.virtual_time import derive_seed

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
        splits: Of each conversation by id, for the report.
        after: How a free replay goes on once a recorded line no longer fits.
        cassettes: Recorded answers in the model's place, or where they are to be recorded.
        trials: How often each conversation is replayed, at least once, each time with another seed.
        labelled: What the suite's labelled messages were taken for; kept beside the conversations.
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
    splits: dict[str, str] = {}
    after: AfterDivergence = AfterDivergence.RECORDED
    cassettes: CassettePlan | None = None
    trials: int = 1
    labelled: tuple[LabelledTask, ...] = ()


class Replayed(msgspec.Struct, frozen=True):
    """A finished run."""

    directory: Path
    report: Path
    summary: Summary
    labelled: tuple[LabelledTask, ...] = ()


Playing = Callable[[ReplayPlan, Sequence[Trial]], AbstractContextManager[Iterator[ConversationRecord]]]
"""Plays these trials of a plan and gives their records in that order, for as long as the context is open."""


def replay_suite(plan: ReplayPlan, playing: Playing | None = None, progress: ProgressView | None = None) -> Replayed:
    """Replay, score and save every conversation, showing progress on standard error or where the caller wants it.

    Args:
        plan: What and how.
        playing: Who replays; by default processes of this machine.
        progress: Shows how far it is; by default on standard error.

    Raises:
        FileExistsError: The directory holds a run, and it is not to be resumed.
        KeyboardInterrupt: After what was finished has been saved, scored and reported.
    """
    started = time.perf_counter()
    directory = plan.directory or RUNS_DIRECTORY / f"{plan.created[:19].replace(':', '')}-{plan.suite}-{os.getpid()}"
    with RunWriter(directory, _describe(plan, directory.name), resume=plan.resume) as writer:
        if plan.labelled:
            write_labelled(directory, plan.labelled)
        left = list_trials(plan, {*writer.finished})
        try:
            with progress or ProgressView(len(left)) as view, (playing or play_here)(plan, left) as records:
                for record in records:
                    view.advance(writer.add(record, score(record)))
        except KeyboardInterrupt:
            writer.interrupt(time.perf_counter() - started)
            write_report(directory)
            raise
        summary = writer.finish(time.perf_counter() - started)
    return Replayed(directory, write_report(directory), summary, plan.labelled)


def list_trials(plan: ReplayPlan, done: Collection[str] = ()) -> list[Trial]:
    """What there is to replay but for what is done, one conversation's trials after another's."""
    return [
        Trial(
            transcript=transcript, number=number, seed=seed_trial(plan.seed, number), mode=plan.mode, after=plan.after
        )
        for transcript in plan.transcripts
        for number in range(plan.trials)
        if name_trial(transcript.id, number) not in done
    ]


def seed_trial(seed: int, trial: int) -> int:
    """The seed of a trial: the first one's is the run's own, so that one trial is the run as it always was.

    With this seed `sim.driver.replay`, which adds the conversation's id to it, repeats the trial alone.
    """
    return derive_seed(seed, "trial", str(trial)) if trial else seed


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
        planned=len(plan.transcripts) * plan.trials,
        splits=plan.splits,
        after_divergence=plan.after,
        cassettes=plan.cassettes.policy if plan.cassettes else None,
        trials=plan.trials,
    )


@contextmanager
def play_here(plan: ReplayPlan, trials: Sequence[Trial]) -> Iterator[Iterator[ConversationRecord]]:
    """The records of these trials, replayed by this process or by several of this machine. Nothing is stored."""
    jobs = plan.jobs or (1 if len(trials) <= SMALL else os.cpu_count() or 1)
    if jobs == 1:
        with Theatre(plan.server_url, f"parlo_replay_{os.getpid()}", plan.settings, plan.cassettes) as theatre:
            yield (theatre.play(trial) for trial in trials)
        return
    executor = ProcessPoolExecutor(
        jobs,
        mp_context=get_context("spawn"),
        initializer=_start_process,
        initargs=(plan.server_url, plan.settings, plan.cassettes),
    )
    try:
        # as JSON: a pickled default is no longer known for one, and would be written out
        played = executor.map(_play_in_process, (msgspec.json.encode(trial) for trial in trials))
        yield (record for encoded in played for record in decode_records(encoded.splitlines()))
    finally:
        executor.shutdown(cancel_futures=True)
        # the processes are gone, and with them whatever was connected
        drop_copies(plan.server_url, f"parlo_replay_{os.getpid()}_")


_theatre: Theatre | None = None
_DECODER = msgspec.json.Decoder(Trial)


def _start_process(server_url: str, settings: Settings, cassettes: CassettePlan | None) -> None:
    global _theatre
    # Ctrl-C is for the parent, which stops us in order
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _theatre = Theatre(server_url, f"parlo_replay_{os.getppid()}_{os.getpid()}", settings, cassettes)
    _theatre.__enter__()
    spare_collector()


def _play_in_process(trial: bytes) -> bytes:
    assert _theatre is not None
    return encode_record(_theatre.play(_DECODER.decode(trial)))
