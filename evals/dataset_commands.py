"""The command that shows and checks datasets: `datasets`.

`evals.cli` puts it into the program `parlo`. Figures go to standard output, what is wrong to standard error.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evals.commands import print_json

if TYPE_CHECKING:
    from evals.datasets import Suite

app = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
_PATH = "A suite's directory, or transcripts as they come; by default all of fixtures/suites."


@app.command()
def datasets(
    path: Annotated[Path | None, typer.Argument(help=_PATH, exists=True)] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", help="Only what has this tag, or another one given.")
    ] = None,
    split: Annotated[str | None, typer.Option("--split", help="Only this split: dev or test.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Look for what makes figures untrue.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show suites of conversations and labelled messages: tags, splits, must-pass and the hash of their content.

    Exit 1 when --check found something, 2 when a file cannot be read.
    """
    from evals.datasets import check_suite, describe_suite, list_suites, load_suite
    from evals.datasets.overview import print_suite, print_suites

    found = [load_suite(each) for each in ([path] if path else list_suites())]
    # of the whole: what a slice leaves out is neither missing nor leaking
    findings = [check_suite(each) if check else None for each in found]
    sliced = [_slice(each, tag or [], split) for each in found]
    overviews = [describe_suite(each, those) for each, those in zip(sliced, findings, strict=True)]
    if as_json:
        print_json(overviews[0] if path else overviews)
    elif path or check:
        for each in overviews:
            print_suite(each)
    else:
        print_suites(overviews)
    if any(findings):
        raise typer.Exit(1)


def _slice(suite: Suite, tags: list[str], split: str | None) -> Suite:
    from evals.datasets import Split, slice_suite

    if split is not None and split not in tuple(Split):
        raise typer.BadParameter(f"{split!r} is none of {', '.join(Split)}", param_hint="--split")
    if not tags and split is None:
        return suite
    return slice_suite(suite, tags=tags, split=Split(split) if split else None)
