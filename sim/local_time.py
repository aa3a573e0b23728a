"""Local dates and times as files write them: parsed, and refused where the clocks skip them.

Called by the checks of worlds and transcripts and by the importers. It never asks what time it is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def find_zone_fault(zone: str) -> str | None:
    """Why this is not a time zone, or None."""
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):  # not found; a path like "a/../b"; a folder of zones
        return f"no time zone is called {zone!r}"
    return None


def parse_local(text: str, zone: str) -> datetime:
    """A local date and time without offset, for example `2026-01-13T16:00`, as an aware moment.

    Raises:
        ValueError: It is no such date, carries an offset, or is skipped by the clocks of the zone;
            the message says which.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        raise ValueError("expected a local time without offset")
    aware = moment.replace(tzinfo=ZoneInfo(zone))
    if aware.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != moment:
        raise ValueError(f"there is no such time in {zone}: the clocks skip it")
    return aware


def find_local_fault(text: str, zone: str) -> str | None:
    """Why this local date and time cannot be, or None."""
    try:
        parse_local(text, zone)
    except ValueError as error:
        return str(error)
    return None
