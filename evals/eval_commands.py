"""The commands that score a change before it is deployed: `eval`, `compare` and `gate`.

`evals.cli` puts them into the program `parlo`. Results go to standard output, progress to standard error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evals.commands import print_json

if TYPE_CHECKING:
    from evals.comparing.comparison import Comparison
    from evals.comparing.gating import GateResult
    from evals.datasets import Suite
    from evals.replaying import Playing
    from evals.run_directory import RunReader

app = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
First = Annotated[str, typer.Argument(help="The run before: its directory, name, `latest`, or `baseline:NAME`.")]
Second = Annotated[str, typer.Argument(help="The run that is to replace it.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write it as a page of one file too.", dir_okay=False)]


class Engine(StrEnum):
    """Who replays a suite: processes of this machine, or whatever workers hear of it."""

    LOCAL = "local"
    DRAMATIQ = "dramatiq"


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
    after_divergence: Annotated[
        str, typer.Option("--after-divergence", help="Where a recorded line no longer fits: stop, recorded, simulated.")
    ] = "recorded",
    out: Annotated[Path | None, typer.Option("--out", help="Directory of the run; by default a new one.")] = None,
    resume: Annotated[str | None, typer.Option("--resume", help="Go on with this run, which was interrupted.")] = None,
    engine: Annotated[Engine, typer.Option("--engine", help="Who replays: this machine, or a fleet.")] = Engine.LOCAL,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", min=0, help="With dramatiq: workers to start here, 0 for none; by default by the cores."
        ),
    ] = None,
    cassettes: Annotated[
        Path | None, typer.Option("--cassettes", help="Answers recorded by `parlo record`, replayed strictly.")
    ] = None,
    trials: Annotated[int, typer.Option("--trials", min=1, help="How often each conversation is replayed.")] = 1,
    messages: Annotated[bool, typer.Option("--messages", help="Classify its labelled messages too.")] = False,
    model: Annotated[str | None, typer.Option("--model", help="Talks to customers; by default `offline`.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay a suite with these prompts, model and locks and score it; exit 0 when it ran, however it scored."""
    from evals.commands import show_replayed
    from evals.evaluating import Options, evaluate
    from evals.run_directory import find_run
    from runtime.adapters.embedded import choose_database_url
    from runtime.adapters.system import SystemClock
    from runtime.domain.errors import Broken
    from runtime.settings import read_settings
    from sim.divergence import AfterDivergence
    from sim.driver import Mode

    if after_divergence not in tuple(AfterDivergence):
        allowed = ", ".join(AfterDivergence)
        raise typer.BadParameter(f"{after_divergence!r} is none of {allowed}", param_hint="--after-divergence")
    options = Options(
        prompts=tuple(prompt or ()),
        drafts=str(drafts) if drafts else None,
        locks=tuple(locking or ()),
        mode=Mode.FORCED if forced else Mode.FREE,
        seed=seed,
        jobs=jobs,
        playing=_choose_playing(engine, workers),
        after=AfterDivergence(after_divergence),
        cassettes=cassettes,
        trials=trials,
        messages=messages,
        model=model,
        openai_api_key=read_settings(os.environ).openai_api_key,
    )
    try:
        directory = find_run(resume) if resume else out
        replayed = evaluate(
            load_slice(suite, tag or [], split),
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
def compare(first: First, second: Second, as_json: AsJson = False, html: Html = None) -> None:
    """Show what became of each turn of a suite from one run to another."""
    from evals.comparing.comparison import compare_runs
    from evals.comparing.showing import print_comparison

    comparison = compare_runs(_open(first), _open(second))
    if html is not None:
        _write_html(html, comparison)
    if as_json:
        print_json(comparison)
    else:
        print_comparison(comparison)


@app.command()
def gate(  # noqa: PLR0913 - the options of a command
    first: First,
    second: Second,
    policy: Annotated[
        Path | None, typer.Option("--policy", help="Decides; by default fixtures/policies/default.json.")
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option("--margin", help="The loss of the primary metric that is tolerated; else the policy's."),
    ] = None,
    noise: Annotated[
        str | None, typer.Option("--noise", help="A second run of the first's version: the noise floor.")
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML for CI.", dir_okay=False)] = None,
    summary: Annotated[Path | None, typer.Option("--summary", help="Write a page of Markdown.", dir_okay=False)] = None,
    as_json: AsJson = False,
    html: Html = None,
) -> None:
    """Say whether the second run's change may be deployed: exit 0 for PASS and WARN, 100 for BLOCK, 101 for neither."""
    from evals.comparing.gating import gate_runs
    from evals.comparing.policies import DEFAULT_POLICY, choose_policy
    from evals.comparing.showing import print_gate

    outputs = {"--junit": junit, "--summary": summary, "--html": html}
    for option, file in outputs.items():
        if file is not None and not file.parent.is_dir():
            raise typer.BadParameter(f"there is no folder {file.parent}", param_hint=option)
    path = policy or DEFAULT_POLICY
    try:
        chosen = choose_policy(path, margin)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--margin") from None
    aside = _open(noise) if noise is not None else None
    comparison, result = gate_runs(_open(first), _open(second), chosen, path, aside)
    # before anything is printed: whoever reads that may have enough before its end
    written = _write_outputs(comparison, result, outputs)
    if as_json:
        print_json({"decision": result.decision, "gate": result, "comparison": comparison})
    else:
        print_gate(comparison, result)
    raise typer.Exit(result.decision.exit_code if written else 1)


def _choose_playing(engine: Engine, workers: int | None) -> Playing | None:
    from evals.fleet import play_on_fleet
    from runtime.adapters.embedded import choose_redis_url

    if engine is Engine.LOCAL:
        if workers is not None:
            raise typer.BadParameter("are the fleet's: --engine dramatiq, or --jobs", param_hint="--workers")
        return None
    redis_url = choose_redis_url(os.environ)
    size = (os.cpu_count() or 1) if workers is None else workers
    return lambda plan, trials: play_on_fleet(plan, trials, redis_url, workers=size)


def load_slice(path: Path, tags: list[str], split: str | None) -> Suite:
    """A suite, or what of it has one of these tags and is of this split."""
    from evals.datasets import Split, load_suite, slice_suite

    if split is not None and split not in tuple(Split):
        raise typer.BadParameter(f"{split!r} is none of {', '.join(Split)}", param_hint="--split")
    suite = load_suite(path)
    return slice_suite(suite, tags=tags, split=Split(split) if split else None) if tags or split else suite


def _write_outputs(comparison: Comparison, result: GateResult, outputs: Mapping[str, Path | None]) -> bool:
    """Write what was asked for, by option, and say whether all of it could be written."""
    from evals.comparing.junit import write_junit
    from evals.comparing.summarizing import write_summary
    from evals.report import write_comparison

    def write_page(path: Path, comparison: Comparison, result: GateResult) -> None:
        write_comparison(comparison, path, decision=result.decision, margin=result.margin, result=result)

    failed = False
    for option, write in (("--junit", write_junit), ("--summary", write_summary), ("--html", write_page)):
        path = outputs[option]
        try:
            if path is not None:
                write(path, comparison, result)
        except OSError as error:
            failed = True
            sys.stderr.write(f"parlo: {path} cannot be written: {error.strerror}; nothing is left of it\n")
    return not failed


def _open(name: str) -> RunReader:
    import msgspec

    from evals.run_directory import RunReader, find_run

    try:
        return RunReader(find_run(name))
    except (FileNotFoundError, msgspec.DecodeError) as error:
        what = f"{name} is no run that can be read: {error}" if isinstance(error, msgspec.DecodeError) else str(error)
        sys.stderr.write(f"parlo: {what}\n")
        raise typer.Exit(2) from error


def _write_html(path: Path, comparison: Comparison) -> None:
    from evals.report import write_comparison

    try:
        written = write_comparison(comparison, path)
    except OSError as error:
        sys.stderr.write(f"parlo: cannot write {path}: {error.strerror}\n")
        raise typer.Exit(2) from error
    sys.stderr.write(f"{written}\n")
