"""Every notebook runs from its first cell to its last in a real kernel, with smaller numbers and the same cells."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
CELL_LIMIT_S = 240

BOOKINGS = ["reserva-[cs]*", "pregunta-p*"]
SMALL: dict[str, dict[str, object]] = {
    "00_start_here": {"PATTERNS": [*BOOKINGS, "relevo-fin"], "JOBS": 1},
    "01_read_conversations": {"PATTERNS": [*BOOKINGS, "relevo-fin"], "JOBS": 1},
    "02_change_a_prompt": {"PATTERNS": BOOKINGS, "JOBS": 1},
    "03_handoff_intent": {"PATTERNS": ["relevo-in*", "relevo-fin*", "relevo-a*"], "JOBS": 1, "LIMIT": 80},
    "04_locking_under_load": {"STRATEGIES": ["none", "line"], "ACTORS": 4, "ROUNDS": 1, "ORDERS": 0},
    "05_before_deploy": {"PATTERNS": BOOKINGS, "JOBS": 1},
    "06_from_production": {},
}
TOLD = {
    "00_start_here": "Every dot is a share, every line its 95 % interval",
    "01_read_conversations": "Half of these 11 conversations have at most",
    "02_change_a_prompt": "BLOCK for the first draft, INCONCLUSIVE for the second",
    "03_handoff_intent": "mistakes were made in doubt",
    "04_locking_under_load": "Production uses line: its p95 goes from",
    "05_before_deploy": "BLOCK: broken that must pass: reserva-simple",
    "06_from_production": "The new test notices a careless prompt. The suite in",
}
"""What the page must have found: sentences of its outputs, which stand in no cell."""


def execute(name: str, out: Path, values: dict[str, object]) -> subprocess.CompletedProcess[str]:
    """Run a notebook as `./just notebooks` does, with everything it writes under `out`."""
    words = [word for key, value in values.items() for word in ("--set", f"{key}={value!r}")]
    command = [sys.executable, "-m", "evals.notebook.executing", name, "--out", str(out / "pages"), *words]
    command += ["--limit", str(CELL_LIMIT_S)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.replay
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in NOTEBOOKS.glob("[0-9]*.py")))
def test_a_notebook_runs_and_finds_what_it_tells(groups: None, server_url: str, tmp_path: Path, name: str) -> None:
    """In a kernel of its own; a cell that fails fails the test, with the cell and what it said."""
    ended = execute(name, tmp_path, SMALL[name])

    assert ended.returncode == 0, ended.stderr[-4000:]
    page = (tmp_path / "pages" / f"{name}.html").read_text(encoding="utf-8")
    assert "image/png" in page
    assert TOLD[name] in re.sub(r"<[^>]+>", "", page)


def test_what_is_committed_has_no_outputs_and_a_parameters_cell() -> None:
    """Percent format, paired by its own header; no twin with outputs."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in NOTEBOOKS.glob("[0-9]*.py")}
    listing = subprocess.run(["git", "ls-files", "notebooks"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert {*texts} == {*SMALL} == {*TOLD}
    assert [name for name, text in texts.items() if "formats: ipynb,py:percent" not in text] == []
    assert [name for name, text in texts.items() if text.count('# %% tags=["parameters"]') != 1] == []
    assert [line for line in listing.stdout.splitlines() if line.endswith(".ipynb")] == []


def test_a_notebook_that_is_not_there_is_an_error_of_usage(groups: None, tmp_path: Path) -> None:
    """Named, with those there are."""
    ended = execute("99", tmp_path, {})

    assert ended.returncode == 2
    assert "no notebook is called '99'; there are 00_start_here" in ended.stderr


def test_a_cell_that_fails_is_shown_and_ends_with_one(groups: None, tmp_path: Path) -> None:
    """A parameter that no suite can be made of."""
    ended = execute("00", tmp_path, {"SUITE": "fixtures/no-such-suite"})

    assert ended.returncode == 1
    assert "no-such-suite" in ended.stderr
    assert (tmp_path / "pages" / "00_start_here.html").is_file()
