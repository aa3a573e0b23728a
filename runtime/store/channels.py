"""Our own numbers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from runtime.domain.enums import ChannelKind
from runtime.domain.ids import PLATFORM, ChannelId
from runtime.store.database import UnitOfWork
from runtime.store.tables import channels


async def ensure_central_number(uow: UnitOfWork, address_key: str, *, new_id: ChannelId, now: datetime) -> bool:
    """Make this number the platform's own (a platform job); False when it is one of ours already."""
    result = await uow.run(
        insert(channels)
        .values(organization_id=PLATFORM, id=new_id, kind=ChannelKind.CENTRAL, address=address_key, created_at=now)
        .on_conflict_do_nothing(index_elements=["address"])
    )
    return result.rowcount == 1
