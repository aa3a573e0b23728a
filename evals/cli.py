"""The program `parlo`: every command of the three packages, and how each of them ends.

`main` is the entry. A command ends with 0, with 1 when something is wrong, with 2 when what it was given
cannot be used, and with 130 after Ctrl-C; what is wrong is said on standard error, in one line where one is enough.
"""

from __future__ import annotations

import os
import sys

import typer

from evals.baseline_commands import app as baseline_app
from evals.commands import app as evals_app
from evals.coverage_commands import app as coverage_app
from evals.dataset_commands import app as datasets_app
from evals.date_commands import app as dates_app
from evals.eval_commands import app as eval_app
from evals.export_commands import app as export_app
from evals.fleet_commands import app as fleet_app
from evals.judge_commands import app as judge_app
from evals.race_commands import app as race_app
from evals.record_commands import app as record_app
from evals.rescore_commands import app as rescore_app
from runtime.cli import app as runtime_app
from runtime.domain.errors import ParloError
from sim.cli import app as sim_app

INTERRUPTED = 130

app = typer.Typer(
    name="parlo",
    help="A WhatsApp receptionist for small beauty businesses, and the workbench that proves it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(evals_app)
app.add_typer(datasets_app)
app.add_typer(dates_app)
app.add_typer(eval_app)
app.add_typer(rescore_app)
app.add_typer(coverage_app)
app.add_typer(judge_app)
app.add_typer(baseline_app)
app.add_typer(export_app)
app.add_typer(fleet_app)
app.add_typer(record_app)
app.add_typer(race_app, name="race")
app.add_typer(sim_app)
app.add_typer(runtime_app)


def main() -> None:
    """Run the command of this process's arguments, and end the process."""
    sys.exit(run(sys.argv[1:]))


def run(words: list[str]) -> int:
    """Run one command and give its exit code."""
    try:
        app(args=words, prog_name="parlo")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1 if ended.code else 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has enough; the interpreter must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ParloError as error:
        sys.stderr.write(f"parlo: {error}\n")
        return 2 if _is_input(error) else 1
    return 0


def _is_input(error: ParloError) -> bool:
    """Whether a file that was given is at fault. By name: importing its class would slow every command down."""
    return type(error).__name__ == "MalformedInput"


if __name__ == "__main__":
    main()
