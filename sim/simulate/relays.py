"""The side panel's handoffs: who asked for a person, who attends, who waits in which place, and how each ended.

The figures are those of `parlo handoffs`, here with names; nothing is measured twice.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from runtime.domain.enums import HandoffState
from runtime.store.database import Database
from runtime.store.handoff_metrics import HandoffMetrics, HandoffSummary, measure_handoffs, summarize
from sim.simulate.rows import open_reading

MOST_MEASURED = 200
MOST_SHOWN = 30

_EVER = datetime(2000, 1, 1, tzinfo=UTC)
_ORDER = (
    HandoffState.ACTIVE,
    HandoffState.OFFERED,
    HandoffState.REQUESTED,
    HandoffState.WAITING,
    HandoffState.ENDED,
)


class Panel(msgspec.Struct, frozen=True):
    """What the panel shows: the handoffs, and the figures over all that were measured; None where there was none."""

    relays: list[HandoffMetrics] = []
    summary: HandoffSummary | None = None

    @property
    def running(self) -> bool:
        """Some handoff is open, so that time passes on the panel."""
        return self.summary is not None and self.summary.open > 0


async def read_panel(database: Database) -> Panel:
    """Open ones first, the line in its order; then the ended, newest first.

    Raises:
        Unavailable: The database cannot be reached.
    """
    async with open_reading(database) as uow:
        found = await measure_handoffs(uow, since=_EVER, most=MOST_MEASURED)
    if not found:
        return Panel()
    return Panel(sorted(found, key=_rank)[:MOST_SHOWN], summarize(found))


def _rank(relay: HandoffMetrics) -> tuple[int, float]:
    ended_s = relay.ended_at.timestamp() if relay.ended_at else 0.0
    return _ORDER.index(relay.state), -ended_s or relay.requested_at.timestamp()
