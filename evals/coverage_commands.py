"""The command that says what a run exercised, and what it never did: `coverage`.

`evals.cli` puts it into the program `parlo`. It goes to standard output.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evals.coverage import Coverage

app = typer.Typer()


@app.command("coverage")
def cover_run(
    run: Annotated[str, typer.Argument(help="The run: its directory, name, `latest`, or `baseline:NAME`.")] = "latest",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Show which routes, tools, refusals, steps of handoffs and kinds of messages a run exercised, and which never."""
    import msgspec

    from evals.commands import print_json
    from evals.coverage import find_coverage
    from evals.run_directory import RunReader, find_run

    try:
        reader = RunReader(find_run(run))
        found = find_coverage(reader.info.id, reader.records())
    except FileNotFoundError as error:
        sys.stderr.write(f"parlo: {error}\n")
        raise typer.Exit(2) from error
    except (msgspec.DecodeError, OSError) as error:
        sys.stderr.write(f"parlo: {run} is no run that can be read: {error}\n")
        raise typer.Exit(2) from error
    if as_json:
        print_json(found)
    else:
        sys.stdout.writelines(f"{line}\n" for line in describe_coverage(found))


def describe_coverage(coverage: Coverage) -> Iterator[str]:
    """As lines of text, part by part: what happened with an example, and what never did."""
    from evals.coverage import Part
    from evals.scoreboard import ROUTE_NAMES, clean_line

    left_out = f", {coverage.not_run} that did not run left out" if coverage.not_run else ""
    yield f"{coverage.run}: {coverage.conversations} conversations{left_out}"
    for section in coverage.sections:
        yield ""
        yield f"{section.part}: {len(section.items) - len(section.never)} of {len(section.items)}"
        for each in section.items:
            seen = f"{each.conversations:>5}  {each.example}" if each.conversations else "never"
            name = f"{each.name:<17} {ROUTE_NAMES.get(each.name, '')}" if section.part is Part.ROUTES else each.name
            yield f"  {'✓' if each.conversations else '–'} {name:<49} {seen}"
        for each in section.unlisted:
            yield f"  ? {clean_line(each.name):<49} {each.conversations:>5}  {each.example}, in no list of this version"
