"""Imports example chats of a barbershop bot: `id`, `lang`, `title` and `turns` without times.

Called through `import_file`. The chats have no date; they begin on a Monday morning at which the
barbershop of their world is open.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sim.importers.recorded import RecordedRow, import_rows, make_customer
from sim.transcripts.structs import VERSION, Header, Transcript

WORLD = "barberia-clasica"
NOW = datetime(2026, 1, 12, 10, tzinfo=ZoneInfo("America/Mexico_City"))


class ExampleRow(RecordedRow, frozen=True, kw_only=True):
    """One chat."""

    title: str


def import_barberia(path: Path) -> list[Transcript]:
    """One transcript for each chat.

    Raises:
        MalformedInput: With every row that cannot be used.
    """
    return import_rows(path, ExampleRow, _compose_header)


def _compose_header(row: ExampleRow, number: int) -> Header:
    return Header(
        version=VERSION,
        id=row.id,
        title=row.title,
        tags=("imported", "barberia"),
        lang=row.lang,
        source=row.source,
        now=NOW,
        world=WORLD,
        people=make_customer(number),
    )
