"""Imports recorded sessions of people with a Spanish bot for medical and dental appointments.

A row has `id`, `lang`, `started_at` (local time of Bogotá, without offset) and `turns`. Times of later
turns are not known, so each message comes when the system is at rest. Called through `import_file`.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from sim.importers.recorded import RecordedRow, import_rows, make_customer
from sim.local_time import parse_local
from sim.transcripts.structs import VERSION, Header, Transcript

ZONE = "America/Bogota"
WORLD = "consultorio-bienestar"


class SessionRow(RecordedRow, frozen=True, kw_only=True):
    """One session."""

    started_at: Annotated[datetime, msgspec.Meta(tz=False, description="a local time such as 2026-01-13T16:00:00")]


def import_sesiones(path: Path) -> list[Transcript]:
    """One transcript for each session.

    Raises:
        MalformedInput: With every row that cannot be used.
    """
    return import_rows(path, SessionRow, _compose_header)


def _compose_header(row: SessionRow, number: int) -> Header:
    return Header(
        version=VERSION,
        id=row.id,
        title=f"Sesión de citas del {row.started_at:%Y-%m-%d}",
        tags=("imported", "sesiones"),
        lang=row.lang,
        source=row.source,
        now=parse_local(row.started_at.isoformat(), ZONE),
        world=WORLD,
        people=make_customer(number),
    )
