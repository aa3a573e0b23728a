"""What a turn costs in an evaluation: ours, whole, beside inspect-ai's without any database, and beside a bare loop.

`./just peers` calls it. A *turn* is a customer's message, a model's answer that calls a tool, the tool, and the model's
second answer. Every model answers at once, so what is measured is everything else:

- `parlo`: the replay of a dialogue as `parlo eval` does it. Signed webhook, router, agent, OpenAI SDK, tools, outbox,
  Twilio SDK, delivery reports, real Postgres, the world written before, the record read after, scored and stored.
- `inspect`: the same dialogue as an inspect-ai task with `mockllm/model`, its defaults, a tool that looks into a list.
- `bare`: an asyncio loop with an SQLite database for each dialogue, its state hashed, its events written as lines.

Each runs in a process of its own, one after the other, several rounds; medians are compared within one run, since
machines are noisy. A dialogue of one turn beside one of four tells what a turn costs by itself.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

ROUNDS = 3
TURNS = (1, 4)
DIALOGUES = {"parlo": 60, "inspect": 100, "bare": 400}
LIMIT_S = 300.0
ROOT = Path(__file__).resolve().parents[1]


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one contender's dialogues cost, milliseconds of real time.

    Attributes:
        per_turn: All in: a dialogue of four turns by four.
        marginal: What one turn more costs.
        fixed: What a dialogue costs before its first turn.
        dialogues_per_s: Of four turns.
    """

    name: str
    per_turn: float
    marginal: float
    fixed: float
    dialogues_per_s: float


def main(
    rounds: Annotated[int, typer.Option(help="How often each is measured; medians count.", min=1)] = ROUNDS,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure all three side by side."""
    seconds: dict[tuple[str, int], list[float]] = {(name, turns): [] for name in DIALOGUES for turns in TURNS}
    for number in range(rounds):
        # by turns, so that a slow minute of the machine is everybody's
        for name, turns in seconds:
            sys.stderr.write(f"round {number + 1} of {rounds}: {name}, {turns} turn{'s' * (turns > 1)} … ")
            sys.stderr.flush()
            seconds[name, turns].append(measure_apart(name, turns))
            sys.stderr.write(f"{seconds[name, turns][-1] * 1000:.1f} ms a dialogue\n")
    costs = [weigh(name, *(statistics.median(seconds[name, turns]) for turns in TURNS)) for name in DIALOGUES]
    ours, theirs, bare = costs
    ratios = {"parlo to inspect": ours.per_turn / theirs.per_turn, "parlo to bare": ours.per_turn / bare.per_turn}
    if as_json:
        sys.stdout.write(json.dumps({"costs": msgspec.to_builtins(costs), "ratios": ratios, "rounds": rounds}) + "\n")
    else:
        show(costs, ratios)


def measure_apart(name: str, turns: int) -> float:
    """Seconds a dialogue, in a process of its own, after some that are not counted."""
    python = str(ROOT / ".parlo/peers/bin/python") if name == "inspect" else sys.executable
    command = [python, "-m", "benchmarks.contender", name, str(turns), str(DIALOGUES[name])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode:
        sys.stderr.write(f"\nparlo: {name} could not be measured: {done.stderr.strip()[-800:]}\n")
        raise typer.Exit(1)
    return float(done.stdout.strip().splitlines()[-1])


def weigh(name: str, one_s: float, four_s: float) -> Cost:
    """From the seconds of a dialogue of one turn and of one of four."""
    marginal = (four_s - one_s) / (TURNS[1] - TURNS[0])
    return Cost(
        name=name,
        per_turn=four_s / TURNS[1] * 1000,
        marginal=marginal * 1000,
        fixed=(one_s - marginal) * 1000,
        dialogues_per_s=1 / four_s,
    )


def show(costs: list[Cost], ratios: dict[str, float]) -> None:
    """A table for people."""
    table = Table(box=None, header_style="bold")
    for heading in ("", "ms a turn, all in", "ms for one turn more", "ms a dialogue, fixed", "dialogues/s"):
        table.add_column(heading, justify="right" if heading else "left")
    for cost in costs:
        figures = (cost.per_turn, cost.marginal, cost.fixed, cost.dialogues_per_s)
        table.add_row(cost.name, *(f"{figure:.2f}" for figure in figures))
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    for name, ratio in ratios.items():
        console.print(f"{name}: {ratio:.2f}")


if __name__ == "__main__":
    typer.run(main)
