"""The command that changes what CI gates against: `bless`.

`evals.cli` puts it into the program `parlo`. The difference goes to standard output before anything is written.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command("bless")
def bless_run(  # noqa: PLR0913 - the options of a command
    run: Annotated[str, typer.Argument(help="The run: its directory, name, or `latest`.")],
    by: Annotated[str, typer.Option("--by", help="Who answers for it.")],
    why: Annotated[str, typer.Option("--why", help="Why what it does is right; it is kept.")],
    baseline: Annotated[str, typer.Option("--baseline", help="The baseline's name.")] = "core",
    new_suite: Annotated[
        bool, typer.Option("--new-suite", help="Though it cannot be compared with the present one, or is the first.")
    ] = False,
    dirty: Annotated[bool, typer.Option("--dirty", help="Though its code is in no commit; that is kept too.")] = False,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where baselines are kept; by default fixtures/baselines.")
    ] = None,
) -> None:
    """Make a run the baseline that CI gates against, after showing what that changes; exit 2 when it is refused."""
    import msgspec

    from evals.baselines import Blessing, bless
    from evals.comparing.showing import print_comparison
    from evals.run_directory import BASELINES_DIR, DiskFull, find_run
    from runtime.adapters.system import SystemClock
    from runtime.domain.errors import Broken

    place = folder or BASELINES_DIR
    when = SystemClock().now().isoformat()
    blessing = Blessing(by=by, why=why, when=when, new_suite=new_suite, dirty=dirty)
    try:
        changed = bless(find_run(run), baseline, blessing, folder=place, show=print_comparison)
    except (Broken, FileNotFoundError, msgspec.DecodeError) as error:
        sys.stderr.write(f"parlo: {error}\n")
        raise typer.Exit(2) from error
    except (OSError, DiskFull) as error:
        reason = error.strerror if isinstance(error, OSError) else "the disk is full"
        sys.stderr.write(f"parlo: the baseline cannot be written: {reason}; the present one stays\n")
        raise typer.Exit(1) from error
    path = place / baseline
    said = f"{path} is written: commit it" if changed else f"{path} says just that already: nothing is written"
    sys.stdout.write(f"{said}\n")
