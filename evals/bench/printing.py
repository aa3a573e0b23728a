"""Shows a run: a table for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evals.bench.figures import Figure, Measurement, Unit
from evals.bench.machine import Machine
from evals.version import describe_code


class BenchRun(msgspec.Struct, frozen=True):
    """All of a run."""

    machine: Machine
    measurements: Sequence[Measurement]


def encode_run(run: BenchRun) -> str:
    """The run as one JSON object; each figure says whether it met its target, if it has one."""
    shown = msgspec.to_builtins(run)
    shown["code"] = describe_code()
    for measurement, told in zip(run.measurements, shown["measurements"], strict=True):
        for figure, line in zip(measurement.figures, told["figures"], strict=True):
            line["met"] = figure.met
    return msgspec.json.format(msgspec.json.encode(shown)).decode()


def print_run(run: BenchRun, console: Console) -> None:
    """The run as a table."""
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for name, justify in (("", "left"), ("figure", "right"), ("target", "right"), ("", "left"), ("n", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]  # it wants a literal
    table.add_column("how", overflow="fold")
    for measurement in run.measurements:
        table.add_row(Text(measurement.name, style="bold"))
        if measurement.failure is not None:
            table.add_row("  not measured", "", "", Text("!", style="yellow"), "", measurement.failure)
        for figure in measurement.figures:
            table.add_row(*_describe(figure))
        table.add_row()
    console.print(table)
    for measurement in run.measurements:
        for note in measurement.notes:
            console.print(f"{measurement.name}: {note}", markup=False, highlight=False)
    console.print(_describe_machine(run.machine), markup=False, highlight=False)


def _describe(figure: Figure) -> tuple[str | Text, ...]:
    mark = Text() if figure.met is None else Text("✓", style="green") if figure.met else Text("✗", style="red")
    target = ""
    if figure.least is not None:
        target = f"≥ {_show(figure.least, figure.unit)}"
    elif figure.most is not None:
        target = f"≤ {_show(figure.most, figure.unit)}"
    return (f"  {figure.name}", _show(figure.value, figure.unit), target, mark, f"{figure.n:,}", figure.how)


def _show(value: float, unit: Unit) -> str:
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 3
    name = "" if unit is Unit.RATIO else unit
    return f"{value:,.{digits}f} {name}".rstrip()


def _describe_machine(machine: Machine) -> str:
    servers = "; ".join(
        f"{name}: {facts.version}, fsync {facts.fsync}, synchronous_commit {facts.synchronous_commit}"
        for name, facts in machine.postgres.items()
    )
    return (
        f"{machine.system}, {machine.cores} cores, load {machine.load:.1f}, Python {machine.python},"
        f" {machine.core_loops_per_s / 1e6:.1f} M loops/s a core. Postgres {servers}."
    )
