"""A cell that is interrupted in a real kernel keeps what was finished, says how to go on, and goes on."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from evals.run_directory import RunReader, RunState
from sim.record import fingerprint

PATIENCE_S = 120.0
OPEN = """
from evals.notebook import open_workbench
workbench = open_workbench(runs={runs!r}, database_url={url!r})
suite = workbench.read("fixtures/suites/core").pick(ids=["reserva-*"])
"""


def ask(client: Any, code: str) -> dict[str, Any]:
    """Run a cell and give the kernel's reply."""
    content: dict[str, Any] = client.execute_interactive(code, timeout=PATIENCE_S, output_hook=lambda _: None)[
        "content"
    ]
    return content


def wait_for_records(run: Path, count: int) -> None:
    """Until so many conversations are finished."""
    give_up_at = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up_at:
        if (run / "run.json").exists() and len(RunReader(run).finished()) >= count:
            return
        time.sleep(0.05)
    raise AssertionError(f"{run} has no {count} conversations after {PATIENCE_S:g} s")


@pytest.mark.replay
@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupted_cell_loses_nothing_and_goes_on(
    groups: None, server_url: str, tmp_path: Path, jobs: int
) -> None:
    """In this process's thread and in processes of its own; the result is that of a run in one go."""
    from jupyter_client.manager import start_new_kernel  # noqa: PLC0415 - comes with a group

    from evals.notebook.jupyter import prepare_environment  # noqa: PLC0415 - the same

    environment = prepare_environment({**os.environ, "PARLO_HOME": str(tmp_path)})
    del environment["PARLO_HOME"]
    manager, client = start_new_kernel(env=environment, extra_arguments=["--log-level=40"])
    try:
        assert ask(client, OPEN.format(runs=str(tmp_path / "runs"), url=server_url))["status"] == "ok"
        # A kernel aborts what reaches it together with an error: the next cell is asked too soon here for a person.
        client.execute(f"workbench.evaluate(suite, name='cut', jobs={jobs})", stop_on_error=False)
        wait_for_records(tmp_path / "runs" / "cut", 2)

        manager.interrupt_kernel()
        stopped = client.get_shell_msg(timeout=PATIENCE_S)["content"]
        kept = RunReader(tmp_path / "runs" / "cut")
        resumed = ask(client, f"workbench.evaluate(suite, resume='cut', jobs={jobs})")
        whole = ask(client, f"workbench.evaluate(suite, name='whole', jobs={jobs})")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)

    finished = len(kept.finished()) if kept.info.state is RunState.INTERRUPTED else 0
    assert (stopped["status"], stopped["ename"]) == ("error", "KeyboardInterrupt")
    assert "resume='cut' goes on" in stopped["evalue"]
    assert finished >= 2
    assert (resumed["status"], whole["status"]) == ("ok", "ok")
    runs = [RunReader(tmp_path / "runs" / name) for name in ("cut", "whole")]
    assert [run.info.state for run in runs] == [RunState.FINISHED] * 2
    prints = [{record.id: fingerprint(record) for record in run.records()} for run in runs]
    assert prints[0] == prints[1]
