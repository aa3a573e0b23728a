"""The commands that race locking strategies against each other: `race booking` and `race conversation`.

`evals.cli` puts them into the program `parlo`. Progress goes to standard error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from evals.racing import Part, RacePlan, RaceReport

app = typer.Typer(help="Locking strategies against each other.", no_args_is_help=True)

S = TypeVar("S", bound=StrEnum)
LARGEST_CROWD = 64

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Seed = Annotated[int, typer.Option("--seed", help="Of everything that is left to chance.")]
Strategy = Annotated[str, typer.Option("--strategy", help="A strategy of docs/locking.md, or all.")]
Actors = Annotated[int, typer.Option("--actors", min=2, max=200, help="The largest crowd; load takes 64 at most.")]
Orders = Annotated[int, typer.Option("--orders", min=0, help="Played of what is too much to be played whole.")]
Chart = Annotated[Path | None, typer.Option("--chart", help="Write a picture there: .svg, or .html.")]


@app.command("booking")
def race_booking(  # noqa: PLR0913 - each is an option
    strategy: Strategy = "all",
    actors: Actors = 32,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Of the whole path; of each crowd at least.")] = 3,
    orders: Orders = 30,
    only: Annotated[str | None, typer.Option("--only", help="orders, load or path; by default the first two.")] = None,
    processes: Annotated[
        int, typer.Option("--processes", min=0, max=16, help="Real worker processes for the path; with 0 simulated.")
    ] = 0,
    seed: Seed = 0,
    chart: Chart = None,
    as_json: AsJson = False,
) -> None:
    """Have customers want the same slot: every order of their steps, crowds, and the whole path.

    Exit 1 if anything went wrong under a strategy that keeps rivals apart, or nothing did under `none`.
    """
    from evals.racing import Part, race_booking
    from runtime.domain.strategies import BookingStrategy

    parts = _choose_parts(only, tuple(Part), (Part.ORDERS, Part.LOAD))
    plan = _plan_race(parts, actors=actors, rounds=rounds, orders=orders, processes=processes, seed=seed)
    chosen = _choose_strategies(strategy, list(BookingStrategy))
    _show_race(race_booking(plan, chosen, _tell), chart, as_json=as_json)


@app.command("conversation")
def race_conversation(  # noqa: PLR0913 - each is an option
    strategy: Strategy = "all",
    actors: Actors = 32,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Of each crowd at least.")] = 3,
    orders: Orders = 30,
    only: Annotated[str | None, typer.Option("--only", help="orders or load; by default both.")] = None,
    chart: Chart = None,
    as_json: AsJson = False,
) -> None:
    """Give one conversation to several workers: many orders of their steps, and crowds.

    Exit 1 if anything went wrong under a strategy that keeps workers apart, or nothing did under `none`.
    """
    from evals.racing import Part, race_conversation
    from runtime.domain.strategies import ConversationStrategy

    parts = _choose_parts(only, (Part.ORDERS, Part.LOAD), (Part.ORDERS, Part.LOAD))
    plan = _plan_race(parts, actors=actors, rounds=rounds, orders=orders)
    chosen = _choose_strategies(strategy, list(ConversationStrategy))
    _show_race(race_conversation(plan, chosen, _tell), chart, as_json=as_json)


def _choose_parts(only: str | None, there_are: Sequence[Part], default: Sequence[Part]) -> frozenset[Part]:
    if only is None:
        return frozenset(default)
    found = [part for part in there_are if part == only]
    if not found:
        raise typer.BadParameter(f"{only!r} is none of {', '.join(there_are)}", param_hint="--only")
    return frozenset(found)


def _choose_strategies(name: str, there_are: list[S]) -> list[S]:
    found = [each for each in there_are if name in ("all", each.value)]
    if not found:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(there_are)} or all", param_hint="--strategy")
    return found


def _plan_race(
    parts: frozenset[Part], *, actors: int, rounds: int, orders: int, processes: int = 0, seed: int = 0
) -> RacePlan:
    from evals.racing import Part, RacePlan
    from runtime.adapters.embedded import choose_database_url, choose_redis_url

    if Part.LOAD in parts and actors > LARGEST_CROWD:
        raise typer.BadParameter(f"under load {LARGEST_CROWD} at most: each needs a connection", param_hint="--actors")
    if processes and Part.PATH not in parts:
        raise typer.BadParameter("worker processes run the whole path: --only path", param_hint="--processes")
    return RacePlan(
        # what is measured under load is the locks, not the disk
        server_url=choose_database_url(os.environ, durable=bool(processes)),
        redis_url=choose_redis_url(os.environ) if processes else "",
        parts=parts,
        actors=actors,
        rounds=rounds,
        orders=orders,
        processes=processes,
        seed=seed,
    )


def _show_race(report: RaceReport, chart: Path | None, *, as_json: bool) -> None:
    import msgspec

    from evals.race_chart import write_chart
    from evals.race_table import print_race

    if chart is not None:
        write_chart(report, chart)
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report)).decode() + "\n")
    else:
        print_race(report)
    if not report.good:
        raise typer.Exit(1)


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
