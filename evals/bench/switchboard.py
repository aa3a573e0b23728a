"""People who write to a running Parlo at given moments, and when the provider was given what they are sent.

A message's way is measured from the moment its webhook is posted to the moment the emulated provider accepts what
came of it; both are this machine's time. `evals.bench.handoff` opens it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import LiteralString

import aiohttp
import msgspec

from evals.bench.knocking import MESSAGES_PATH
from evals.live import list_sent, open_windows
from runtime.adapters.system import SystemClock
from runtime.domain.errors import Broken
from runtime.domain.identity import canonical_key
from sim.bare_postgres import open_reader
from sim.twilio.inbound import Inbound, compose_form
from sim.twilio.messages import SentRecord
from sim.twilio.signing import SigningKey, sign_form
from sim.up_record import UpRecord

POLL_S = 0.1
_LEFT = """
select (select count(*) from inbox where state = 'accepted')
  + (select count(*) from outbox where state in ('queued', 'submitting'))
"""


class Saying(msgspec.Struct, frozen=True):
    """What somebody writes; both numbers with their `+`. `after_s` counts from the beginning."""

    sender: str
    to: str
    text: str
    name: str = "Ana"
    after_s: float = 0.0


class Posted(msgspec.Struct, frozen=True):
    """A saying on its way: the sid it has, and when it was posted, in seconds since 1970."""

    saying: Saying
    sid: str
    at: float


def key_of(phone: str) -> str:
    """What a number is called in rows, and whatever way the provider spells it."""
    key = canonical_key(phone)
    if key is None:
        raise Broken(f"{phone} is no number")
    return key.value


class Switchboard:
    """One running Parlo and those who write to it. Use as an async context manager."""

    def __init__(self, record: UpRecord) -> None:
        self.record = record
        self._sids = 0
        self._clock = SystemClock()

    async def __aenter__(self) -> Switchboard:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._reader = await open_reader(self.record.database_url)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        await self._reader.close()

    async def say(self, sayings: Sequence[Saying]) -> list[Posted]:
        """Post each at its moment, whether those before it were answered or not.

        Raises:
            Broken: One was not answered 200.
        """
        for number in {saying.to for saying in sayings}:
            senders = {f"whatsapp:{saying.sender}" for saying in sayings if saying.to == number}
            await asyncio.to_thread(open_windows, self.record, f"whatsapp:{number}", senders)
        # composed and signed before the first leaves
        calls = [self._compose(saying) for saying in sayings]
        starts_at = time.monotonic()
        return list(await asyncio.gather(*(self._post(*call, starts_at) for call in calls)))

    def _compose(self, saying: Saying) -> tuple[Saying, dict[str, str], dict[str, str]]:
        self._sids += 1
        inbound = Inbound(
            from_address=f"whatsapp:{saying.sender}",
            to_address=f"whatsapp:{saying.to}",
            text=saying.text,
            profile_name=saying.name,
        )
        form = compose_form(inbound, sid=f"SM{self._sids:032x}", account_sid=self.record.account_sid, media_urls=[])
        url = self.record.web + MESSAGES_PATH
        return saying, form, sign_form(url, form, SigningKey(self.record.auth_token))

    async def _post(self, saying: Saying, form: dict[str, str], headers: dict[str, str], starts_at: float) -> Posted:
        await asyncio.sleep(max(0.0, starts_at + saying.after_s - time.monotonic()))
        at = self._clock.now().timestamp()
        async with self._session.post(self.record.web + MESSAGES_PATH, data=form, headers=headers) as answer:
            await answer.read()
            if answer.status != 200:
                raise Broken(f"the webhook answered {answer.status}")
        return Posted(saying, form["MessageSid"], at)

    async def read_rows(self, query: LiteralString, *parameters: object) -> list[tuple[object, ...]]:
        """Rows of the database, seen from outside of every business."""
        return await self._reader.read(query, parameters)

    async def wait_for(self, query: LiteralString, count: int, *parameters: object, limit_s: float = 60.0) -> None:
        """Wait until a query of one number gives this one.

        Raises:
            Broken: It does not within the limit.
        """
        give_up_at = time.monotonic() + limit_s
        while (seen := (await self.read_rows(query, *parameters))[0][0]) != count:
            if time.monotonic() > give_up_at:
                raise Broken(f"{seen} where {count} were awaited for {limit_s:.0f} s: {' '.join(query.split())[:80]}")
            await asyncio.sleep(POLL_S)

    async def rest(self, limit_s: float = 60.0) -> None:
        """Wait until nothing is left to be answered or sent."""
        await self.wait_for(_LEFT, 0, limit_s=limit_s)

    async def list_sent(self) -> list[SentRecord]:
        """Everything the provider has accepted."""
        return await asyncio.to_thread(list_sent, self.record)
