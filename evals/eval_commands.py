"""The commands that score a change before it is deployed: `eval`, `compare` and `gate`.

`evals.cli` puts them into the program `parlo`. Results go to standard output, progress to standard error.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evals.commands import print_json

if TYPE_CHECKING:
    from evals.comparing.comparison import Comparison
    from evals.datasets import Suite

app = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
First = Annotated[str, typer.Argument(help="The run before: its directory, name, or `latest`.")]
Second = Annotated[str, typer.Argument(help="The run that is to replace it.")]


@app.command("eval")
def evaluate_suite(  # noqa: PLR0913 - the options of a command
    suite: Annotated[Path, typer.Argument(help="A suite's directory, or transcripts as they come.", exists=True)],
    prompt: Annotated[list[str] | None, typer.Option("--prompt", help="NAME@VERSION in place of production's.")] = None,
    drafts: Annotated[
        Path | None, typer.Option("--drafts", help="A folder of prompts in the making.", file_okay=False)
    ] = None,
    locking: Annotated[
        list[str] | None, typer.Option("--locking", help="booking=STRATEGY or conversation=STRATEGY.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Only what has this tag.")] = None,
    split: Annotated[str | None, typer.Option("--split", help="Only this split: dev or test.")] = None,
    forced: Annotated[bool, typer.Option("--forced", help="Score each decision after the recorded history.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Of everything that is left to chance.")] = 0,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes; by default by the cores.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Directory of the run; by default a new one.")] = None,
    resume: Annotated[str | None, typer.Option("--resume", help="Go on with this run, which was interrupted.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay a suite with these prompts and locks and score it; exit 0 when it ran, however it scored."""
    from evals.commands import show_replayed
    from evals.evaluating import Options, evaluate
    from evals.run_directory import find_run
    from runtime.adapters.embedded import choose_database_url
    from runtime.adapters.system import SystemClock
    from runtime.domain.errors import Broken
    from sim.driver import Mode

    options = Options(
        prompts=tuple(prompt or ()),
        drafts=str(drafts) if drafts else None,
        locks=tuple(locking or ()),
        mode=Mode.FORCED if forced else Mode.FREE,
        seed=seed,
        jobs=jobs,
    )
    try:
        directory = find_run(resume) if resume else out
        replayed = evaluate(
            _load(suite, tag or [], split),
            options,
            server_url=choose_database_url(os.environ, durable=False),
            created=SystemClock().now().isoformat(),
            directory=directory,
            resume=resume is not None,
        )
    except (Broken, FileExistsError, FileNotFoundError) as error:
        sys.stderr.write(f"parlo: {error}\n")
        raise typer.Exit(2) from error
    show_replayed(replayed, as_json=as_json)


@app.command()
def compare(first: First, second: Second, as_json: AsJson = False) -> None:
    """Show what became of each turn of a suite from one run to another."""
    from evals.comparing.showing import print_comparison

    comparison = _compare(first, second)
    if as_json:
        print_json(comparison)
    else:
        print_comparison(comparison)


@app.command()
def gate(
    first: First,
    second: Second,
    margin: Annotated[float, typer.Option("--margin", help="The loss of pass rate that is tolerated.")] = 0.03,
    as_json: AsJson = False,
) -> None:
    """Say whether the second run's change may be deployed: exit 0 for PASS and WARN, 100 for BLOCK, 101 for neither."""
    from evals.comparing.showing import print_comparison
    from evals.statistics.gate import decide_gate

    if not 0 < margin < 1:
        raise typer.BadParameter("must be between 0 and 1", param_hint="--margin")
    comparison = _compare(first, second)
    decision = decide_gate(
        comparison.pass_rate,
        margin,
        broken_must_pass=comparison.broken_must_pass,
        incomparable=comparison.incomparable,
    )
    if as_json:
        print_json({"decision": decision, "comparison": comparison})
    else:
        print_comparison(comparison, decision)
    raise typer.Exit(decision.exit_code)


def _load(path: Path, tags: list[str], split: str | None) -> Suite:
    from evals.datasets import Split, load_suite, slice_suite

    if split is not None and split not in tuple(Split):
        raise typer.BadParameter(f"{split!r} is none of {', '.join(Split)}", param_hint="--split")
    suite = load_suite(path)
    return slice_suite(suite, tags=tags, split=Split(split) if split else None) if tags or split else suite


def _compare(first: str, second: str) -> Comparison:
    from evals.comparing.comparison import compare_runs
    from evals.run_directory import RunReader, find_run

    try:
        return compare_runs(RunReader(find_run(first)), RunReader(find_run(second)))
    except FileNotFoundError as error:
        sys.stderr.write(f"parlo: {error}\n")
        raise typer.Exit(2) from error
