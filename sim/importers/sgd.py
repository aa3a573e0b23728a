"""Imports English appointment dialogues with tool calls (hair stylist, dentist, doctor).

A row has `id`, `lang`, `trade`, `today` and `turns`; "today" in the dialogue is that day, so the
conversation begins on its morning. Called through `import_file`.
"""

from __future__ import annotations

from pathlib import Path

from sim.importers.recorded import RecordedRow, import_rows, make_customer
from sim.local_time import parse_local
from sim.transcripts.structs import VERSION, Header, Transcript
from sim.worlds import LocalDate

ZONE = "America/Mexico_City"
WORLD = "servicios-generales"


class DialogueRow(RecordedRow, frozen=True, kw_only=True):
    """One dialogue. `trade` is who is looked for, for example "hair stylist"."""

    trade: str
    today: LocalDate


def import_sgd(path: Path) -> list[Transcript]:
    """One transcript for each dialogue.

    Raises:
        MalformedInput: With every row that cannot be used.
    """
    return import_rows(path, DialogueRow, _compose_header)


def _compose_header(row: DialogueRow, number: int) -> Header:
    return Header(
        version=VERSION,
        id=row.id,
        title=f"Appointment with a {row.trade}",
        tags=("imported", "sgd", row.trade),
        lang=row.lang,
        source=row.source,
        now=parse_local(f"{row.today}T09:00", ZONE),
        world=WORLD,
        people=make_customer(number),
    )
