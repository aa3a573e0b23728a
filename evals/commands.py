"""The commands that replay and score: `demo`, `replay`, `report`, `classify` and `bench`.

`evals.cli` puts them into the program `parlo`. Each command imports what it needs when it runs. A figure that a
program reads comes with `--json` on standard output; everything else, progress included, goes to standard error.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from evals.labelled import LabelledTask
    from evals.replaying import Replayed

app = typer.Typer()

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "transcripts"

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes; by default as many as cores.")]
Seed = Annotated[int, typer.Option("--seed", help="Of everything that is left to chance.")]
Out = Annotated[Path | None, typer.Option("--out", help="Directory of the run; by default a new one in .parlo/runs.")]


@app.command()
def demo(as_json: AsJson = False, jobs: Jobs = None) -> None:
    """Replay every conversation of fixtures/ through the production runtime, score them, and show the result."""
    _tell("Replaying the recorded conversations of fixtures/ through the production runtime,")
    _tell("with the offline model, emulated Twilio and an embedded Postgres.")
    _replay("fixtures", [FIXTURES], forced=False, seed=0, jobs=jobs, out=None, as_json=as_json)


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Transcripts, or directories of them.", exists=True)],
    forced: Annotated[bool, typer.Option("--forced", help="Score each decision after the recorded history.")] = False,
    seed: Seed = 0,
    jobs: Jobs = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Replay transcripts through the production runtime and score them; exit 1 when something did not hold."""
    name = files[0].stem if len(files) == 1 else "several"
    _replay(name, files, forced=forced, seed=seed, jobs=jobs, out=out, as_json=as_json)


def _replay(  # noqa: PLR0913 - the options of a command
    suite: str, files: list[Path], *, forced: bool, seed: int, jobs: int | None, out: Path | None, as_json: bool
) -> None:
    from evals.replaying import ReplayPlan, replay_suite
    from runtime.adapters.embedded import choose_database_url
    from runtime.adapters.system import SystemClock
    from sim.driver import Mode
    from sim.transcripts import load_transcripts

    if out is not None and (out / "run.json").exists():
        _tell(f"parlo: {out} holds a run already")
        raise typer.Exit(2)
    transcripts = load_transcripts(files)
    plan = ReplayPlan(
        suite=suite,
        transcripts=transcripts,
        server_url=choose_database_url(os.environ, durable=False),
        created=SystemClock().now().isoformat(),
        mode=Mode.FORCED if forced else Mode.FREE,
        seed=seed,
        jobs=jobs,
        directory=out,
    )
    replayed = replay_suite(plan)
    show_replayed(replayed, as_json=as_json)
    if not replayed.summary.good:
        raise typer.Exit(1)


def show_replayed(replayed: Replayed, *, as_json: bool) -> None:
    """Write a finished run's figures to standard output."""
    import msgspec

    from evals.classification_table import print_labelled
    from evals.scoreboard import print_scoreboard

    if as_json:
        shown = msgspec.to_builtins(replayed.summary)
        shown |= {"run": str(replayed.directory), "report": str(replayed.report)}
        shown["labelled"] = [_sum_up(task) for task in replayed.labelled]
        print_json(shown)
    else:
        print_scoreboard(replayed.summary, report=replayed.report)
        print_labelled(replayed.labelled)


def _sum_up(task: LabelledTask) -> dict[str, object]:
    """Figures and mistakes; the messages that were taken for what they are stay in the run's directory."""
    import msgspec

    shown: dict[str, object] = msgspec.to_builtins(task)
    mistakes = [msgspec.to_builtins(each) for each in task.messages if not each.right]
    return shown | {"messages": len(task.messages), "mistakes": mistakes}


@app.command()
def report(run: Annotated[str, typer.Argument(help="A run's directory, its name, or `latest`.")] = "latest") -> None:
    """Write a run's report anew and print its path."""
    from evals.report import write_report
    from evals.run_directory import find_run

    try:
        found = find_run(run)
    except FileNotFoundError as error:
        _tell(f"parlo: {error}")
        raise typer.Exit(2) from error
    sys.stdout.write(f"{write_report(found)}\n")


@app.command("classify")
def classify_messages(
    task: Annotated[str, typer.Argument(help="owner-intent or asks-human.")],
    file: Annotated[Path, typer.Option("--file", help="JSON Lines: text, label, and whatever else is to be kept.")],
    model: Annotated[
        str | None, typer.Option("--model", help="A model of OPENAI_API_KEY's; by default the offline one.")
    ] = None,
    split: Annotated[str | None, typer.Option("--split", help="Only rows whose `split` is this.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how production's code tells labelled messages apart."""
    import asyncio

    from evals.classification_table import print_classified
    from evals.classifying import Task, classify, read_labelled
    from evals.models import open_model
    from runtime.settings import read_settings

    if task not in tuple(Task):
        _tell(f"parlo: {task!r} is no task; there are {' and '.join(Task)}")
        raise typer.Exit(2)
    rows = read_labelled(file, Task(task), split=split)
    settings, opened = open_model(read_settings(os.environ), model)
    classified = asyncio.run(classify(rows, Task(task), settings, opened, tell=_tell))
    if as_json:
        print_json(classified)
    else:
        print_classified(classified)


_MEASUREMENTS = (
    "Of route, turn, replay, accept, memory, handoff, flood, simulate, start, workbench and cassettes; "
    "all of them by default."
)


@app.command()
def bench(
    names: Annotated[list[str] | None, typer.Argument(help=_MEASUREMENTS)] = None,
    as_json: AsJson = False,
) -> None:
    """Measure speed and memory, with the machine's own limits in the same run."""
    from evals.bench import run_bench

    raise typer.Exit(run_bench(names or [], as_json=as_json))


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")


def print_json(value: object) -> None:
    """Write a value to standard output as one JSON object, for a program that reads it."""
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value)).decode() + "\n")
