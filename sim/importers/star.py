"""Imports English dialogues of two people, one of them playing the assistant, with real typing times.

A row has `id`, `lang`, `task`, `happy`, `goal` and `turns` with their seconds `t`, which become the
seconds at which things are said. Called through `import_file`.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sim.importers.recorded import RecordedRow, import_rows, make_customer
from sim.transcripts.structs import VERSION, Header, Transcript

WORLD = "servicios-generales"
NOW = datetime(2026, 1, 12, 9, tzinfo=ZoneInfo("America/Mexico_City"))


class DialogueRow(RecordedRow, frozen=True, kw_only=True):
    """One dialogue. `goal` is what the customer was told to get; not `happy`: told to be difficult."""

    task: str
    happy: bool
    goal: str | None = None


def import_star(path: Path) -> list[Transcript]:
    """One transcript for each dialogue.

    Raises:
        MalformedInput: With every row that cannot be used.
    """
    return import_rows(path, DialogueRow, _compose_header)


def _compose_header(row: DialogueRow, number: int) -> Header:
    return Header(
        version=VERSION,
        id=row.id,
        title=row.task.replace("_", " "),
        tags=("imported", "star", row.task, "happy" if row.happy else "unhappy"),
        lang=row.lang,
        source=row.source,
        now=NOW,
        world=WORLD,
        people=make_customer(number),
        goal=row.goal,
    )
