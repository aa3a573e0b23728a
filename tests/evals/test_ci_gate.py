"""What CI gates: the core suite, replayed as production is now, against the stored baseline."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.cli import run
from evals.datasets import load_suite
from evals.evaluating import Options, evaluate
from evals.run_directory import BASELINES_DIR
from tests.evals.test_evaluating import CORE, CREATED, leave_out, write_draft

MOST_BYTES = 1_000_000
"""What all baselines may take in the repository."""


@pytest.mark.replay
@pytest.mark.slow
def test_production_passes_the_gate_against_the_stored_baseline(
    server_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failure here shows the turns that broke, and says what to do if that is meant."""
    options = Options(jobs=2)
    evaluate(load_suite(CORE), options, server_url=server_url, created=CREATED, directory=tmp_path / "now")
    capsys.readouterr()

    code = run(["gate", "baseline:core", str(tmp_path / "now")])

    shown = capsys.readouterr().out
    assert (code, shown.split()[0]) == (0, "PASS"), shown


@pytest.mark.replay
@pytest.mark.slow
def test_a_worse_prompt_is_blocked_against_the_stored_baseline(
    server_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line is gone, as edits do; the turns that broke are named in JUnit, in the summary and on the terminal."""
    worse = write_draft(tmp_path / "drafts", 2, leave_out("cuando confirme, agendas"))
    options = Options(prompts=(worse,), drafts=str(tmp_path / "drafts"), jobs=2)
    evaluate(load_suite(CORE), options, server_url=server_url, created=CREATED, directory=tmp_path / "worse")
    capsys.readouterr()
    junit, summary = tmp_path / "gate.xml", tmp_path / "gate.md"

    code = run(["gate", "baseline:core", str(tmp_path / "worse"), "--junit", str(junit), "--summary", str(summary)])

    shown = capsys.readouterr().out
    texts = [shown, *(path.read_text(encoding="utf-8") for path in (junit, summary))]
    assert code == 100
    assert shown.startswith("BLOCK  broken that must pass: dos-la-misma-hora, ")
    assert "prompt customer@2" in shown
    assert all("called no tool, expected book_appointment" in text.replace("\\_", "_") for text in texts)
    assert all("reserva-simple" in text for text in texts)
    assert "If this is what it should do now: run `./just parlo eval fixtures/suites/core`" in shown


def test_the_stored_baselines_are_small() -> None:
    """They are in every clone, and in every diff that changes them."""
    assert sum(path.stat().st_size for path in BASELINES_DIR.rglob("*") if path.is_file()) < MOST_BYTES
