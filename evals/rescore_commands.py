"""The command that puts today's scores into a stored run: `rescore`.

`evals.cli` puts it into the program `parlo`. What changed goes to standard output.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evals.rescoring import Rescored

app = typer.Typer()

MOST_TOLD = 50
"""Changed scores that are told; `--json` has all of them."""


@app.command("rescore")
def rescore_run(
    run: Annotated[str, typer.Argument(help="The run: its directory, name, or `latest`.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Score a stored run with the scorers of today, without a replay; exit 2 when it is half a run or unreadable."""
    from evals.commands import print_json
    from evals.report import write_report
    from evals.rescoring import rescore
    from evals.run_directory import DiskFull, find_run
    from evals.version import describe_code
    from runtime.domain.errors import Broken

    try:
        path = find_run(run)
        found = rescore(path, describe_code(), dry=dry_run)
    except (Broken, FileNotFoundError) as error:
        sys.stderr.write(f"parlo: {error}\n")
        raise typer.Exit(2) from error
    except (OSError, DiskFull) as error:
        reason = error.strerror if isinstance(error, OSError) else "the disk is full"
        sys.stderr.write(f"parlo: the new scores cannot be written: {reason}; the old ones stay\n")
        raise typer.Exit(1) from error
    if as_json:
        print_json(found)
    else:
        sys.stdout.writelines(f"{line}\n" for line in describe_rescored(found))
    try:
        if found.written:
            write_report(path)
    except OSError as error:
        sys.stderr.write(f"parlo: {path} has its new scores, and its report cannot be written: {error.strerror}\n")
        raise typer.Exit(1) from error


def describe_rescored(found: Rescored) -> Iterator[str]:
    """What changed, line by line."""
    from evals.scoreboard import clean_line

    before, after = (each or "unknown code" for each in found.scored_by)
    yield f"{found.run}: {found.conversations} conversations, scored by {before}, now by {after}"
    yield f"{found.passed[0]} passed, now {found.passed[1]}; {len(found.changes)} scores changed"
    if found.reworded:
        yield f"{found.reworded} conversations have the same scores with other reasons or at other places"
    yield from (f"  {each.conversation}: {each.before}, now {each.after}" for each in found.outcomes)
    for each in found.changes[:MOST_TOLD]:
        why = f": {clean_line(each.reason)}" if each.reason else ""
        yield f"  {each.conversation}  {each.scorer}  {each.before} → {each.after}{why}"
    if len(found.changes) > MOST_TOLD:
        yield f"  … and {len(found.changes) - MOST_TOLD} more"
    same = not found.changes and not found.reworded
    written = f"they stay in {found.written}" if same else f"written to {found.written}"
    yield written if found.written else "nothing is written"
