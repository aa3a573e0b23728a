"""Writes to a running Parlo as a person would, and listens for the answers. Called by `parlo say`.

It composes the form Twilio would post, signs it, and posts it to the web process; then it asks the emulator's list of
sent messages. It knows no more of the system than its addresses and the secret both sides share.
"""

from __future__ import annotations

import asyncio

import aiohttp
import msgspec

from runtime.domain.errors import Broken
from sim.twilio.inbound import Inbound, compose_form
from sim.twilio.messages import SentRecord
from sim.twilio.server import Wrote
from sim.twilio.signing import SigningKey, sign_form

MESSAGES_PATH = "/webhooks/twilio/messages"
POLL_S = 0.1
SILENCE_S = 2.0
"""Answers may come in parts, and a person may be told of something: this long without any is the end."""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where to write and listen.

    Attributes:
        web: Of the web process.
        signed_url: What it believes its own address to be, without a trailing slash.
        twilio: Of the emulator.
    """

    web: str
    signed_url: str
    twilio: str
    account_sid: str
    secret: str


class Heard(msgspec.Struct, frozen=True):
    """What came of it. `status` is the webhook's answer; `messages` all that was sent meanwhile, to whomever."""

    status: int
    sid: str
    messages: list[SentRecord]


async def say(address: Address, inbound: Inbound, sid: str, *, wait_s: float) -> Heard:
    """Post one message, and collect what is sent until it is quiet, or nothing came for `wait_s`.

    Raises:
        Broken: The web process or the emulator cannot be reached.
    """
    form = compose_form(inbound, sid=sid, account_sid=address.account_sid, media_urls=[])
    headers = sign_form(address.signed_url + MESSAGES_PATH, form, SigningKey(address.secret))
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:
            await _open_window(session, address, inbound)
            before = len(await _list_sent(session, address))
            async with session.post(address.web + MESSAGES_PATH, data=form, headers=headers) as answer:
                status = answer.status
            if status != 200:
                return Heard(status, sid, [])
            return Heard(status, sid, await _listen(session, address, before, wait_s))
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Broken(f"nobody answers at {address.web} or {address.twilio}: is it up?") from error


async def _open_window(session: aiohttp.ClientSession, address: Address, inbound: Inbound) -> None:
    """Tell the emulator, past which this is written: it refuses free words to whoever it has not heard from."""
    wrote = [Wrote(inbound.to_address, inbound.from_address)]
    async with session.post(f"{address.twilio}/emulator/windows", data=msgspec.json.encode(wrote)):
        return


async def _listen(session: aiohttp.ClientSession, address: Address, before: int, wait_s: float) -> list[SentRecord]:
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + wait_s
    heard: list[SentRecord] = []
    while loop.time() < give_up_at:
        await asyncio.sleep(POLL_S)
        sent = (await _list_sent(session, address))[before:]
        if len(sent) > len(heard):
            heard, give_up_at = sent, loop.time() + SILENCE_S
    return heard


async def _list_sent(session: aiohttp.ClientSession, address: Address) -> list[SentRecord]:
    async with session.get(f"{address.twilio}/emulator/sent") as answer:
        return msgspec.json.decode(await answer.read(), type=list[SentRecord])
