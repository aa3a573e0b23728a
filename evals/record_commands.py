"""The command that records cassettes: `record`, the only one that lets a conversation reach a live model.

`evals.cli` puts it into the program `parlo`. It shows what it would cost before it spends anything; all it says goes to
standard error, what was recorded to standard output.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from evals.estimating import Estimate
    from evals.recording import Recording

app = typer.Typer()


@app.command("record")
def record_suite(  # noqa: PLR0913 - the options of a command
    suite: Annotated[Path, typer.Argument(help="A suite's directory, or transcripts as they come.", exists=True)],
    model: Annotated[
        str, typer.Option("--model", help="A model of OPENAI_API_KEY's, or `offline`: that one over real HTTP.")
    ] = "offline",
    classifier: Annotated[
        str | None, typer.Option("--classifier", help="Another model that tells messages apart.")
    ] = None,
    cassettes: Annotated[
        Path | None, typer.Option("--cassettes", help="Where they are written; by default .parlo/cassettes/SUITE.")
    ] = None,
    prompt: Annotated[list[str] | None, typer.Option("--prompt", help="NAME@VERSION in place of production's.")] = None,
    drafts: Annotated[
        Path | None, typer.Option("--drafts", help="A folder of prompts in the making.", file_okay=False)
    ] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Only what has this tag.")] = None,
    split: Annotated[str | None, typer.Option("--split", help="Only this split: dev or test.")] = None,
    forced: Annotated[bool, typer.Option("--forced", help="For `eval --forced`.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Of everything that is left to chance.")] = 0,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes; by default by the cores.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Also what is recorded already.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Spend what it costs without asking.")] = False,
) -> None:
    """Record a model's answers to a suite's conversations; exit 1 when some have none."""
    from evals.eval_commands import load_slice
    from evals.evaluating import Options
    from evals.recording import prepare_recording
    from runtime.adapters.system import SystemClock
    from runtime.domain.errors import Broken
    from runtime.settings import read_settings
    from sim.driver import Mode

    options = Options(
        prompts=tuple(prompt or ()),
        drafts=str(drafts) if drafts else None,
        mode=Mode.FORCED if forced else Mode.FREE,
        seed=seed,
        jobs=jobs,
        cassettes=cassettes,
    )
    try:
        recording = prepare_recording(
            load_slice(suite, tag or [], split),
            options,
            models=(model, classifier or model),
            given=read_settings(os.environ),
            created=SystemClock().now().isoformat(),
            again=again,
        )
    except (Broken, FileNotFoundError) as error:
        raise _refuse(str(error)) from error
    if not recording.transcripts:
        _tell(f"everything is recorded in {recording.directory} already; --again records it anew")
        return
    raise typer.Exit(_record(recording, yes=yes))


def _record(recording: Recording, *, yes: bool) -> int:
    from evals.estimating import estimate_recording
    from evals.recording import record_cassettes
    from runtime.adapters.embedded import choose_database_url

    server_url = choose_database_url(os.environ, durable=False)
    _show(estimate_recording(recording, server_url), recording.directory)
    if recording.live is not None and not yes:
        _ask()
    written = 0
    for conversation, failure in record_cassettes(recording, server_url):
        if failure is None:
            written += 1
            sys.stdout.write(f"{recording.directory / conversation}.json\n")
        else:
            _tell(f"parlo: {conversation} was not recorded: {failure}")
    _tell(f"recorded {written} of {len(recording.transcripts)} conversations in {recording.directory}")
    if written == len(recording.transcripts):
        return 0
    _tell("parlo: what was recorded is kept; the same command goes on with the others")
    return 1


def _show(estimate: Estimate, directory: Path) -> None:
    cost = "unknown: no price of a model is at hand" if estimate.usd is None else f"about {estimate.usd:.2f} US dollars"
    _tell(f"{estimate.conversations} conversations of {', '.join(estimate.models)} into {directory}:")
    _tell(f"  about {estimate.calls} calls, {estimate.input_tokens} tokens read and {estimate.output_tokens} written")
    _tell(f"  cost {cost}")
    _tell(f"  ({estimate.how})")


def _ask() -> None:
    if not sys.stdin or not sys.stdin.isatty():
        raise _refuse("this asks a live model, which costs money: say --yes")
    if not typer.confirm("Record it?", err=True):
        raise typer.Exit(2)


def _refuse(why: str) -> typer.Exit:
    _tell(f"parlo: {why}")
    return typer.Exit(2)


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
