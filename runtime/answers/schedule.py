"""A business's day in words, for staff who ask for it, in a handoff or outside one."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from runtime.domain import words
from runtime.domain.ids import OrganizationId
from runtime.domain.spanish.formats import format_date, format_time
from runtime.parts import Parts
from runtime.store.business import load_business, load_schedule


async def describe_today(parts: Parts, organization_id: OrganizationId) -> str:
    """The business's appointments of the day, as one message."""
    async with parts.database.tenant(organization_id) as uow:
        business = await load_business(uow, organization_id)
        now_local = parts.clock.now().astimezone(ZoneInfo(business.timezone))
        midnight = datetime.combine(now_local.date(), time(), tzinfo=now_local.tzinfo)
        rows = await load_schedule(uow, organization_id, since=midnight, until=midnight + timedelta(days=1))
    lines = [
        words.schedule_line(
            format_time(row.starts_at.astimezone(now_local.tzinfo)),
            row.service,
            row.customer or words.NAMELESS,
            row.staff,
        )
        for row in rows
    ]
    return words.todays_schedule(format_date(now_local.date(), now_local.date()), lines)
