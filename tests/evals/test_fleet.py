"""A suite over a fleet of real worker processes with a real broker: what comes back is what one process gives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from evals.fleet import play_on_fleet
from evals.replaying import ReplayPlan, list_trials, play_here, replay_suite
from evals.run_directory import RunReader
from runtime.adapters.embedded import choose_redis_url
from runtime.adapters.shard_queue import ShardWorker
from runtime.agent.prompts import load_prompt
from sim.fleet.worker import ShardPlayer
from sim.record import fingerprint
from sim.stage import SETTINGS
from sim.transcripts import Transcript, load_transcripts

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "transcripts"


@pytest.fixture(scope="module")
def redis_url() -> str:
    return f"{choose_redis_url(os.environ).rpartition('/')[0]}/14"


@pytest.fixture
def transcripts() -> list[Transcript]:
    return load_transcripts([FIXTURES / "preguntar", FIXTURES / "reservar"])


def _plan(server_url: str, transcripts: list[Transcript], directory: Path | None = None) -> ReplayPlan:
    return ReplayPlan(
        suite="fleet",
        transcripts=transcripts,
        server_url=server_url,
        created="2026-01-12T10:00:00+00:00",
        seed=3,
        jobs=1,
        directory=directory,
    )


@contextmanager
def _worker(server_url: str, redis_url: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {"DATABASE_URL": server_url, "REDIS_URL": redis_url}
    process = subprocess.Popen([sys.executable, "-m", "evals.cli", "eval-worker"], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_suite_over_a_fleet_gives_what_one_process_gives_in_the_same_order(
    server_url: str, redis_url: str, transcripts: list[Transcript], tmp_path: Path
) -> None:
    alone = replay_suite(_plan(server_url, transcripts, tmp_path / "alone"))

    spread = replay_suite(
        _plan(server_url, transcripts, tmp_path / "spread"),
        playing=lambda plan, trials: play_on_fleet(plan, trials, redis_url, workers=2, shard=5),
    )

    ours, theirs = (RunReader(each.directory) for each in (alone, spread))
    assert [fingerprint(each) for each in ours.records()] == [fingerprint(each) for each in theirs.records()]
    assert (tmp_path / "alone" / "scores.jsonl").read_bytes() == (tmp_path / "spread" / "scores.jsonl").read_bytes()
    assert spread.summary.conversations == len(transcripts)


def test_a_worker_that_is_killed_costs_time_and_no_conversation(
    server_url: str, redis_url: str, transcripts: list[Transcript]
) -> None:
    """The one that had the shard in its hand dies; another one takes it up once its time is over."""
    plan = _plan(server_url, transcripts)

    with play_on_fleet(plan, list_trials(plan), redis_url, workers=0, shard=4) as records:
        with _worker(server_url, redis_url) as first:
            ids = [next(records).id]
            first.kill()
            first.wait()
        with _worker(server_url, redis_url):
            ids += [record.id for record in records]

    assert ids == [each.id for each in transcripts]


def test_drafts_of_prompts_are_sent_to_workers_who_do_not_have_them(
    server_url: str, redis_url: str, transcripts: list[Transcript], tmp_path: Path
) -> None:
    """The draft forgets to have a booking confirmed, and is gone from the disk when the worker begins."""
    draft = tmp_path / "customer@7.md"
    draft.write_text(load_prompt("customer@1").text.replace("cuando confirme, agendas", ""), encoding="utf-8")
    settings = msgspec.structs.replace(SETTINGS, customer_prompt="customer@7", prompt_drafts=str(tmp_path))
    bookings = [each for each in transcripts if each.id.startswith("reserva-simple")]
    production = _plan(server_url, bookings)
    plan = msgspec.structs.replace(production, settings=settings)
    with play_here(production, list_trials(production)) as before, play_here(plan, list_trials(plan)) as here:
        produced, drafted = [fingerprint(each) for each in before], [fingerprint(each) for each in here]

    with play_on_fleet(plan, list_trials(plan), redis_url, workers=1) as playing:
        draft.unlink()
        spread = [fingerprint(each) for each in playing]

    assert spread == drafted != produced


def test_what_no_worker_can_play_is_counted_and_told_and_holds_up_nothing(
    server_url: str, redis_url: str, transcripts: list[Transcript]
) -> None:
    """The only worker has other code: it refuses whatever it is offered, with the reason."""
    worker = ShardWorker(redis_url, ShardPlayer(server_url, "v0-of-last-year").play)
    worker.start()

    plan = _plan(server_url, transcripts[:2])
    with play_on_fleet(plan, list_trials(plan), redis_url, workers=0) as playing:
        failures = [record.failure or "" for record in playing]

    worker.stop(patience_s=5)
    assert len(failures) == 2
    assert all("this worker of v0-of-last-year" in failure for failure in failures)
