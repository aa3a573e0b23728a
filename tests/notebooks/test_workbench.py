"""The API of notebooks: frames as they are described, the same figures as the commands', and nothing lost by a stop."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evals.cli import run as run_command
from evals.notebook import Workbench
from evals.notebook.showing import Talk
from sim.problems import MalformedInput

SMOKE = "fixtures/suites/smoke"
FEW = ("reserva-simple", "relevo-inicio", "pregunta-precio")
CONFIRMS = "cuando confirme, agendas"
ROOT = Path(__file__).resolve().parents[2]

_COLUMN = re.compile(r"(\w+) (str|object|bool|boolean|int64|Int64|float64)\b")


def columns_told(method: Callable[..., Any]) -> dict[str, str]:
    """The columns and dtypes that a docstring states after the word `Columns`."""
    words = inspect.getdoc(method) or ""
    told = words.partition("Columns:")[2]
    # what stands in brackets explains, and "low float64, high\nfloat64" is one line too many
    plain = re.sub(r"\([^()]*\)", "", " ".join(told.split()))
    return {name: dtype for name, dtype in _COLUMN.findall(plain) if name != "and"}


def forget_to_confirm(workbench: Workbench) -> str:
    """Production's prompt without the line that has a booking confirmed."""
    lines = workbench.prompt("customer@1").splitlines(keepends=True)
    kept = [line for line in lines if CONFIRMS not in line]
    assert len(kept) == len(lines) - 1
    return workbench.draft("customer@2", "".join(kept))


def test_importing_it_is_quick_and_brings_no_pandas() -> None:
    """Processor time of a fresh interpreter, since a machine may be busy; at most a second."""
    code = (
        "import sys, time; began = time.process_time(); import evals, evals.notebook; "
        "print(time.process_time() - began, 'pandas' in sys.modules, 'sqlalchemy' in sys.modules)"
    )

    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    took_s, pandas, sqlalchemy = told.split()
    assert float(took_s) < 1.0
    assert (pandas, sqlalchemy) == ("False", "False")


@pytest.mark.replay
async def test_a_change_is_scored_compared_and_gated_inside_a_running_loop(
    workbench: Workbench, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a notebook's cell does it, and with the figures that the command prints."""
    suite = workbench.read(SMOKE).pick(ids=FEW)
    before = workbench.evaluate(suite, name="before", progress=False)

    after = workbench.evaluate(suite, prompt=forget_to_confirm(workbench), name="after", progress=False)
    gated = workbench.gate(before, after)

    assert list(before.frame()["outcome"]) == ["passed"] * len(FEW)
    assert list(gated.frame().query("change == 'broken'")["id"]) == ["reserva-simple"]
    assert (gated.verdict, gated.exit_code) == ("BLOCK", 100)
    turns = gated.turns().query("change in ['broken', 'off-policy']")
    assert any("book_appointment" in words for words in turns["gained"])
    capsys.readouterr()
    code = run_command(["gate", str(before.path), str(after.path), "--json"])
    shown = msgspec.json.decode(capsys.readouterr().out)
    assert (code, shown["gate"]) == (gated.exit_code, msgspec.json.decode(msgspec.json.encode(gated.result)))
    assert tuple(gated.lines().iloc[0][["tier", "metric", "verdict"]]) == ("primary", "conversations", "INCONCLUSIVE")
    assert float(before.measures().set_index("measure")["value"]["rounds_per_turn"]) > 0
    assert list(before.coverage().query("name == '5'")["conversations"]) == [len(FEW)]
    assert list(gated.limits()["verdict"]) == ["PASS"] * 3
    assert len(gated.measures()) == len(before.measures())
    for method in (
        before.frame,
        before.verdicts,
        before.tags,
        before.scorers,
        before.tools,
        before.handoffs,
        before.handoff_times,
        before.dates,
    ):
        assert dict(method().dtypes.astype(str)) == columns_told(method), method
    for method in (before.measures, before.coverage, gated.measures, gated.limits):
        assert dict(method().dtypes.astype(str)) == columns_told(method), method
    for method in (gated.frame, gated.turns, gated.tags, gated.lines, suite.frame, suite.messages, suite.check):
        assert dict(method().dtypes.astype(str)) == columns_told(method), method
    assert dict(workbench.list_runs().dtypes.astype(str)) == columns_told(workbench.list_runs)
    assert {*workbench.list_runs()["id"]} == {"before", "after"}
    for thing in (suite, before, gated, before.conversation("reserva-simple"), gated.conversation("reserva-simple")):
        assert "reserva" in repr(thing) or "smoke" in repr(thing)
        assert "<table>" in thing._repr_html_()


@pytest.mark.replay
def test_messages_are_classified_and_strategies_raced(workbench: Workbench) -> None:
    """Frames as described; each row says what it was taken for, and by which layer."""
    found = workbench.classify("owner-intent", split="test", limit=40, progress=False)
    raced = workbench.race(strategies=["none", "line"], only="orders", orders=2, progress=False)

    assert len(found) == len(found.frame()) == found.confusion().to_numpy().sum() == 40
    assert len(found.mistakes()) == (~found.frame()["right"]).sum()
    for method in (found.frame, found.per_class, found.costs, raced.frame, raced.orders, raced.crowds):
        assert dict(method().dtypes.astype(str)) == columns_told(method), method
    assert list(raced.frame()["anomalies"] > 0) == [True, False]
    assert raced.story("line") is None
    assert raced.story("none") is not None
    assert "40 messages" in repr(found)
    assert "line (default)" in repr(raced)


def test_what_is_wrong_is_said_before_anything_runs(workbench: Workbench) -> None:
    """The name that does not fit, and what there is."""
    suite = workbench.read(SMOKE)

    with pytest.raises(FileNotFoundError, match="no run 'nothing'"):
        workbench.compare("nothing", "nothing")
    with pytest.raises(ValueError, match="the margin must be between 0 and 1"):
        workbench.gate("nothing", "nothing", margin=3)
    with pytest.raises(MalformedInput, match=r"none.json: cannot be read"):
        workbench.gate("nothing", "nothing", policy="none.json")
    with pytest.raises(ValueError, match="'half' is not a valid Split"):
        suite.pick(split="half")
    with pytest.raises(ValueError, match="'table' is no race"):
        workbench.race("table")
    with pytest.raises(Exception, match="there is no prompt customer@99"):
        workbench.evaluate(suite, prompt="customer@99", progress=False)
    with pytest.raises(Exception, match="not a prompt reference"):
        workbench.draft("../customer@2", "…")
    with pytest.raises(KeyError, match="no conversation 'x'"):
        suite.conversation("x")


def test_what_people_wrote_is_text_and_never_html() -> None:
    """A customer may write anything."""
    talk = Talk("c1", "<b>title</b>", [("ana", "<script>alert(1)</script>\nhola")])

    assert "<script>" not in talk._repr_html_()
    assert "<b>title" not in talk._repr_html_()
    assert repr(talk) == "c1: <b>title</b>\n  ana  <script>alert(1)</script>\n       hola"


def test_a_workbench_opens_where_a_notebook_says(opened: Workbench, tmp_path: Path) -> None:
    """With the runs in the folder that was given, and paths found from the project's folder."""
    assert opened.runs == tmp_path / "runs"
    assert len(opened.read(SMOKE)) == 12
    assert len(opened.list_runs()) == 0
