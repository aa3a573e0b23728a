"""`parlo eval` killed, interrupted or out of room: what was finished is kept, and going on gives the same result."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evals.run_directory import DiskFull, RunInfo, RunReader, RunState, RunWriter
from evals.scorers import score
from sim.record import fingerprint
from sim.story import Story

ROOT = Path(__file__).resolve().parents[2]
SMOKE = ROOT / "fixtures" / "suites" / "smoke"
LIMIT_S = 240.0


def start(*words: str) -> subprocess.Popen[bytes]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "evals.cli", "eval", str(SMOKE), "--jobs", "1", *words]
    environment = os.environ | {"NO_COLOR": "1"}
    # a shell that put the tests into the background has them ignore Ctrl-C, and their children too
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_a_record(path: Path) -> None:
    """Until the first conversation is whole on disk."""
    give_up_at = time.monotonic() + LIMIT_S
    while time.monotonic() < give_up_at:
        if path.exists() and b'"type":"final"' in path.read_bytes():
            return
        time.sleep(0.01)
    raise AssertionError("nothing was finished")


@pytest.mark.replay
@pytest.mark.slow
def test_a_run_that_was_killed_or_interrupted_ends_as_one_in_one_go(server_url: str, tmp_path: Path) -> None:
    """kill -9 and Ctrl-C, for real, after the first record."""
    whole = start("--out", str(tmp_path / "whole"))
    assert whole.wait(LIMIT_S) == 0
    expected = {each.key: fingerprint(each) for each in RunReader(tmp_path / "whole").records()}

    for name, kind, code in (("killed", signal.SIGKILL, -9), ("stopped", signal.SIGINT, 130)):
        path = tmp_path / name
        process = start("--out", str(path))
        wait_for_a_record(path / "events.jsonl")
        process.send_signal(kind)
        assert process.wait(LIMIT_S) == code
        finished = RunReader(path).finished()
        assert 1 <= len(finished) < len(expected)

        assert start("--resume", str(path)).wait(LIMIT_S) == 0

        reader = RunReader(path)
        assert {each.key: fingerprint(each) for each in reader.records()} == expected
        assert reader.finished()[: len(finished)] == finished
        assert reader.info.state is RunState.FINISHED
        assert reader.verdicts() == RunReader(tmp_path / "whole").verdicts()


def test_a_full_disk_is_told_and_leaves_what_was_finished(tmp_path: Path) -> None:
    """No half conversation, no half score; with room again the run goes on."""
    path = tmp_path / "run"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    story = Story("c")
    story.say("ana", "hola")
    story.send("ana", "¡Hola! " * 20)
    info = RunInfo(id="r1", created="2026-01-12T10:00:00Z")
    added: list[str] = []

    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, before[1]))
        with pytest.raises(DiskFull, match="the disk is full") as told, RunWriter(path, info) as writer:
            for number in range(100):
                story.id = f"c{number}"
                writer.add(record := story.end(), score(record))
                added.append(record.id)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert f"--resume {path}" in str(told.value)
    assert added and RunReader(path).finished() == added
    assert all((path / name).read_bytes().endswith(b"\n") for name in ("events.jsonl", "scores.jsonl"))
    assert not [each for each in path.iterdir() if each.name.startswith(".")]
    with RunWriter(path, info, resume=True) as writer:
        story.id = "more"
        writer.add(record := story.end(), score(record))
        assert writer.finish().conversations == len(added) + 1
