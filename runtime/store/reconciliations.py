"""How far the provider's list of received messages has been read. One row, the platform's; platform jobs only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from runtime.domain.ids import PLATFORM
from runtime.store.database import UnitOfWork

_CLAIM = text(
    """
    insert into reconciliations as r (organization_id, read_until, due_at) values (:platform, :now, :again_at)
    on conflict (organization_id) do update set due_at = excluded.due_at where r.due_at <= :now
    returning read_until
    """
)


async def claim(uow: UnitOfWork, *, now: datetime, again_at: datetime) -> datetime | None:
    """Take on what is due, for whoever asks first.

    Returns:
        Until when the list has been read; None where it is not time yet. What came in before the very first time is
        nobody's concern.
    """
    return (await uow.run(_CLAIM, {"platform": PLATFORM, "now": now, "again_at": again_at})).scalar_one_or_none()


_NOTE = text("update reconciliations set read_until = :until where organization_id = :platform")


async def note_read(uow: UnitOfWork, *, until: datetime) -> None:
    """All that was received until then is ours."""
    await uow.run(_NOTE, {"platform": PLATFORM, "until": until})


_UNSEEN = text(
    """
    select given.sid from unnest(cast(:sids as text[])) with ordinality as given (sid, place)
    where not exists (select from inbox where provider = 'twilio' and inbox.sid = given.sid)
    order by place
    """
)


async def find_unseen(uow: UnitOfWork, sids: Sequence[str]) -> list[str]:
    """Those that are not in any inbox, in the order given."""
    return [row.sid for row in await uow.run(_UNSEEN, {"sids": list(sids)})]
