"""A run on disk can be read, and gone on with, whatever killed its writer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from evals.run_directory import RunInfo, RunReader, RunState, RunWriter, find_run
from evals.scorers import score
from sim.record import ConversationRecord
from sim.story import Story

ROOT = Path(__file__).resolve().parents[2]
INFO = RunInfo(id="r1", created="2026-01-12T10:00:00Z", suite_hash="abc", planned=3)


def tell(identifier: str) -> ConversationRecord:
    """A small good conversation."""
    story = Story(identifier)
    story.say("ana", "hola, ¿me ayudas? 💇")
    story.send("ana", "¡Hola! ¿En qué te ayudo?")
    story.expect(route="5")
    return story.end()


def write(path: Path, *identifiers: str, resume: bool = False) -> RunWriter:
    """A run with these conversations, still open."""
    writer = RunWriter(path, INFO, resume=resume)
    for identifier in identifiers:
        writer.add(record := tell(identifier), score(record))
    return writer


def test_a_finished_run_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """Records, verdicts, figures and state."""
    summary = write(tmp_path / "r1", "uno", "dos").finish(wall_s=2.0)

    reader = RunReader(tmp_path / "r1")

    assert list(reader.records()) == [tell("uno"), tell("dos")]
    assert reader.verdicts() == {"uno": score(tell("uno")), "dos": score(tell("dos"))}
    assert reader.info.state is RunState.FINISHED
    assert reader.info.counts == {"finished": 2, "passed": 2, "broken": 0, "not_run": 0}
    assert reader.summarize() == summary
    assert reader.info.python == sys.version.split()[0]


def test_leaving_by_an_exception_marks_the_run_interrupted(tmp_path: Path) -> None:
    """Ctrl-C keeps what was finished and its figures."""
    with pytest.raises(KeyboardInterrupt), write(tmp_path / "r1", "uno"):
        raise KeyboardInterrupt

    reader = RunReader(tmp_path / "r1")

    assert reader.info.state is RunState.INTERRUPTED
    assert reader.summarize().conversations == 1


def test_every_cut_of_the_event_file_can_be_read_and_gone_on_with(tmp_path: Path) -> None:
    """A torn line or block costs the conversation it belongs to, never a neighbour; its scores go too."""
    write(tmp_path / "whole", "uno", "dos").interrupt()
    events = (tmp_path / "whole" / "events.jsonl").read_bytes()
    first = events.index(b'"final"')

    for cut in range(first, len(events), 97):
        run = tmp_path / f"cut{cut}"
        run.mkdir()
        for name in ("run.json", "scores.jsonl"):
            (run / name).write_bytes((tmp_path / "whole" / name).read_bytes())
        (run / "events.jsonl").write_bytes(events[:cut])
        before = RunReader(run).finished()
        writer = RunWriter(run, INFO, resume=True)

        assert list(writer.finished) == before
        assert set(RunReader(run).verdicts()) == set(before)

        for identifier in {"uno", "dos", "tres"} - set(before):
            writer.add(tell(identifier), score(tell(identifier)))

        assert writer.finish().conversations == 3
        assert sorted(RunReader(run).finished()) == ["dos", "tres", "uno"]


def test_a_torn_score_line_is_left_out(tmp_path: Path) -> None:
    """The reader takes whole lines only."""
    write(tmp_path / "r1", "uno").finish()
    with (tmp_path / "r1" / "scores.jsonl").open("ab") as file:
        file.write(b'{"conversation":"dos","scorer":"route","val')

    assert set(RunReader(tmp_path / "r1").verdicts()) == {"uno"}


def test_a_killed_writer_leaves_a_run_that_is_read_and_resumed(tmp_path: Path) -> None:
    """kill -9 between two lines, for real."""
    script = (
        "import os, sys; from pathlib import Path; from evals.run_directory import *; from evals.scorers import score\n"
        "from sim.story import Story\n"
        "w = RunWriter(Path(sys.argv[1]), RunInfo(id='r1', created='2026-01-12T10:00:00Z'))\n"
        "for n in range(50):\n"
        "    s = Story(f'c{n}'); s.say('ana', 'hola'); s.send('ana', 'Hola, ¿qué tal?')\n"
        "    w.add(s.end(), score(s.end()))\n"
        'w._events.write(b\'{"type":"conversation","id":"roto"\'); w._events.flush()\n'
        "print('ready', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "r1")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        os.kill(process.pid, signal.SIGKILL)

    reader = RunReader(tmp_path / "r1")

    assert reader.info.state is RunState.RUNNING
    assert len(reader.finished()) == 50
    assert write(tmp_path / "r1", "otra", resume=True).finish().conversations == 51


def test_a_run_is_not_overwritten_and_no_conversation_counts_twice(tmp_path: Path) -> None:
    """Mistakes of the caller are told at once."""
    writer = write(tmp_path / "r1", "uno")

    with pytest.raises(ValueError, match="twice"):
        writer.add(tell("uno"), [])
    with pytest.raises(FileExistsError):
        RunWriter(tmp_path / "r1", INFO)
    writer.finish()


def test_a_resumed_run_keeps_its_id_and_its_time(tmp_path: Path) -> None:
    """It is the same run, gone on with."""
    write(tmp_path / "r1", "uno").interrupt()
    other = msgspec.structs.replace(INFO, id="r2", created="2027-01-01T00:00:00Z")

    RunWriter(tmp_path / "r1", other, resume=True).finish()

    assert RunReader(tmp_path / "r1").info.id == "r1"
    assert RunReader(tmp_path / "r1").info.created == INFO.created


def test_the_latest_run_is_found_by_name_path_or_pointer(tmp_path: Path) -> None:
    """The pointer is a file, so that it works where links do not."""
    write(tmp_path / "r1").finish()
    write(tmp_path / "r2").finish()

    assert find_run(runs=tmp_path) == tmp_path / "r2"
    assert find_run("r1", runs=tmp_path) == tmp_path / "r1"
    assert find_run(str(tmp_path / "r1"), runs=tmp_path / "none") == tmp_path / "r1"
    with pytest.raises(FileNotFoundError, match="no run 'r9'"):
        find_run("r9", runs=tmp_path)


def test_equal_runs_have_equal_files(tmp_path: Path) -> None:
    """Nothing in events or scores depends on when or where they were written."""
    for name in ("a", "b"):
        write(tmp_path / name, "uno", "dos").finish(wall_s=1.0)

    for file in ("events.jsonl", "scores.jsonl", "run.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
