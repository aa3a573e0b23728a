"""Fetch what the provider could not deliver. Run by every worker; whoever comes first when it is due does it.

A webhook that nobody answers in time is given up, and the provider tells nobody. What people sent stands in its list
all the same: every two minutes that list is read from where it was left, and what is not in any inbox is accepted as
if it had just come in. A message that comes by both ways is stored once, since its sid is the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import structlog

from runtime.domain.errors import Unavailable
from runtime.inbox import accept
from runtime.parts import Parts
from runtime.store import reconciliations

OVERLAP = timedelta(minutes=5)
"""The list is read again from so long before: it may lag behind, and the provider's clock differ from ours."""
LONGEST = timedelta(days=7)
"""Nothing older is fetched: nobody waits for an answer to it any more."""

log = structlog.get_logger()


async def reconcile(parts: Parts) -> int:
    """Compare ourselves with the provider's list, if it is time to.

    Returns:
        How many messages were fetched.

    Raises:
        Unavailable: The database or the provider is down. The list is read again from the same place.
    """
    now = parts.clock.now()
    async with parts.database.single() as uow:
        since = await reconciliations.claim(uow, now=now, again_at=parts.after(parts.settings.reconcile_s))
    if since is None:
        return 0
    # what is younger may be on its way to our webhook, which knows more of it
    until = now - timedelta(seconds=parts.settings.under_way_s)
    received = await parts.messenger.list_received(since=max(since - OVERLAP, now - LONGEST))
    settled = {each.sid: each.created_at for each in received if each.created_at <= until}
    async with parts.database.single() as uow:
        unseen = await reconciliations.find_unseen(uow, list(settled))
    fetched = 0
    for sid in unseen:
        try:
            form = await parts.messenger.read_received(sid)
        except Unavailable as error:
            # those after it must not wait for it, nor may it be forgotten
            log.warning("undelivered_message_unread", sid=sid, error=str(error))
            until = min(until, settled[sid])
            continue
        fetched += await _take_in(parts, sid, form)
    async with parts.database.single() as uow:
        await reconciliations.note_read(uow, until=until)
    if fetched:
        log.warning("undelivered_messages_fetched", count=fetched)
    return fetched


async def _take_in(parts: Parts, sid: str, form: Mapping[str, str]) -> bool:
    try:
        return (await accept(parts, form)).new
    except Unavailable:
        raise
    except Exception as error:
        # one that cannot be stored must not keep those after it from being fetched
        log.error("undelivered_message_lost", sid=sid, exc_info=error)
        return False


async def reconcile_forever(parts: Parts) -> None:
    """Reconcile when it is due, until cancelled. A database or provider that is down is tried again next time."""
    while True:
        try:
            await reconcile(parts)
        except Unavailable as error:
            log.warning("not_reconciled", error=str(error))
        except Exception as error:
            log.error("not_reconciled", exc_info=error)
        await parts.clock.sleep(parts.settings.reconcile_s)
