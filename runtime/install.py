"""What an installation needs in its database before the first message. Called by `parlo migrate`."""

from __future__ import annotations

from runtime.adapters.system import SystemClock, SystemIds
from runtime.domain.errors import Broken
from runtime.domain.identity import canonical_key
from runtime.domain.ids import ChannelId
from runtime.settings import Settings
from runtime.store.channels import ensure_central_number
from runtime.store.database import open_database


async def write_central_number(settings: Settings) -> str | None:
    """Write down Parlo's own number, where one is set; give it as it is stored.

    Raises:
        Broken: The setting is no phone number.
    """
    if settings.central_number is None:
        return None
    key = canonical_key(settings.central_number)
    if key is None:
        raise Broken(f"PARLO_CENTRAL_NUMBER is no phone number: {settings.central_number!r}")
    assert settings.database_url is not None
    database = open_database(settings.database_url, pool_size=1)
    try:
        async with database.single() as uow:
            new_id = ChannelId(SystemIds().new())
            await ensure_central_number(uow, key.value, new_id=new_id, now=SystemClock().now())
    finally:
        await database.close()
    return key.value
