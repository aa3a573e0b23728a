"""The command of a fleet's workers, `eval-worker`; `parlo eval --engine dramatiq` gives them their work.

`evals.cli` puts it into the program `parlo`.
"""

from __future__ import annotations

import os
import signal
from typing import Annotated

import typer

app = typer.Typer()


@app.command("eval-worker")
def eval_worker(
    with_parent: Annotated[
        bool, typer.Option("--with-parent", hidden=True, help="End when standard input is closed.")
    ] = False,
) -> None:
    """Replay shards for `parlo eval --engine dramatiq`; run as many as there are cores, on any number of machines."""
    from evals.version import describe_code
    from runtime.adapters.embedded import choose_database_url, choose_redis_url
    from runtime.adapters.logs import configure_logging
    from runtime.adapters.parent import end_with_parent
    from sim.fleet.worker import run_fleet_worker
    from sim.theatre import spare_collector

    configure_logging()
    spare_collector()
    if with_parent:
        end_with_parent()
    ended_by = run_fleet_worker(
        choose_database_url(os.environ, durable=False),
        choose_redis_url(os.environ),
        code_version=describe_code(),
        openai_api_key=os.environ.get("OPENAI_API_KEY"),
    )
    if ended_by == signal.SIGINT:
        raise KeyboardInterrupt
