"""The `Messenger` port over Twilio's REST API, through its SDK.

Bootstrap builds one per process; the outbox calls it. It sends each message once and says truthfully whether
the message was refused, certainly not accepted, or may have been: it never retries, and never decides what to do next.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from twilio.base.exceptions import (
    TwilioException,
    TwilioRestException,
    TwilioServiceException,
)
from twilio.http import AsyncHttpClient
from twilio.rest import Client

from runtime.adapters.twilio.http import TwilioHttp
from runtime.domain.errors import Unavailable, UnknownOutcome
from runtime.domain.ids import OutboxId
from runtime.domain.whatsapp import clean_text
from runtime.ports import MessageRefused, OutgoingMessage, ReceivedMessage, SentMessage

API_URL = "https://api.twilio.com"
STATUS_PATH = "/webhooks/twilio/status"

_NOT_CONNECTED = (
    aiohttp.ClientConnectorError,  # refused, unreachable, DNS, TLS
    aiohttp.ConnectionTimeoutError,
    ConnectionRefusedError,
    socket.gaierror,
)
_ANSWER_LOST = (TimeoutError, aiohttp.ClientError, OSError)
# What the SDK raises when a success carries something that is not a message.
_UNREADABLE = (ValueError, TypeError, AttributeError, KeyError)
_PAGE_SIZE = 50
_MAX_PAGES = 20
_LONG_PAGE_SIZE, _MAX_LONG_PAGES = 1000, 200
_LONG_LIST_S = 120.0
_INBOUND = "inbound"


class TwilioAccount(msgspec.Struct, frozen=True):
    """Who we are to Twilio.

    Attributes:
        api_key: With `api_secret`, used in place of the account's token to call the API; empty means the token.
        base_url: Another address of the API, for example an emulator's; None means the vendor's own.
    """

    account_sid: str
    auth_token: str
    api_key: str = ""
    api_secret: str = ""
    base_url: str | None = None

    def __repr__(self) -> str:
        """Names the account and hides the secrets."""
        return f"TwilioAccount({self.account_sid!r})"


class TwilioMessenger:
    """Sends WhatsApp messages and finds those already sent.

    Args:
        account: Credentials.
        public_url: Our address as Twilio reaches it, without a trailing slash: callbacks go there.
        http_client: How to reach the API; by default over the network.
        timeout_s: How long to wait for an answer. After it the outcome of a send is unknown.
    """

    def __init__(
        self,
        account: TwilioAccount,
        public_url: str,
        *,
        http_client: AsyncHttpClient | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self._http = http_client or TwilioHttp(account.base_url)
        self._public_url = public_url
        self._timeout_s = timeout_s
        client = Client(
            account.api_key or account.account_sid,
            account.api_secret if account.api_key else account.auth_token,
            account.account_sid,
            http_client=self._http,
        )
        self._messages: Any = client.messages

    async def send(self, message: OutgoingMessage) -> SentMessage:
        """Send once.

        Raises:
            MessageRefused: Twilio said no; `retry` is set where it did so for the rate (429), unprocessed.
            Unavailable: No connection was made, so nothing was accepted.
            UnknownOutcome: A server error, a lost answer or an unreadable one.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                created = await self._messages.create_async(
                    to=message.to_address,
                    from_=message.from_address,
                    **_compose_content(message),
                    status_callback=compose_callback_url(self._public_url, message.outbox_id),
                )
            sent = _read_message(created)
        except (TwilioRestException, TwilioServiceException) as error:
            raise _explain_refusal(error) from error
        except _NOT_CONNECTED as error:
            raise Unavailable(f"twilio: {_name(error)}") from error
        except (*_ANSWER_LOST, *_UNREADABLE) as error:
            raise UnknownOutcome(f"twilio: {_name(error)}") from error
        if not sent.sid:
            raise UnknownOutcome("twilio: a success without sid")
        return sent

    async def find(self, *, to_address: str, from_address: str, since: datetime) -> list[SentMessage]:
        """Messages Twilio holds for this pair, created at or after `since` (to the second), oldest first.

        Raises:
            Unavailable: The list could not be read, for whatever reason.
        """
        with _failing_as_unavailable():
            async with asyncio.timeout(self._timeout_s):
                records = await self._read_back(since, to=to_address, from_=from_address, page_size=_PAGE_SIZE)
            return [_read_message(record) for record in records]

    async def list_received(self, *, since: datetime) -> list[ReceivedMessage]:
        """What people sent to any number of the account's, at or after `since` (to the second), oldest first.

        Raises:
            Unavailable: The list could not be read, for whatever reason.
        """
        with _failing_as_unavailable():
            async with asyncio.timeout(_LONG_LIST_S):
                records = await self._read_back(since, most_pages=_MAX_LONG_PAGES, page_size=_LONG_PAGE_SIZE)
            return [
                ReceivedMessage(record.sid, record.date_created)
                for record in records
                if record.direction == _INBOUND and isinstance(record.date_created, datetime)
            ]

    async def read_received(self, sid: str) -> Mapping[str, str]:
        """What Twilio still knows of a person's message, in the fields of its webhook.

        Who they are, what they wrote and their files. A tap comes as the button's words: its payload, the place that
        was shared and the message that was answered are in the webhook alone.

        Raises:
            Unavailable: It could not be read, for whatever reason.
        """
        with _failing_as_unavailable():
            async with asyncio.timeout(self._timeout_s):
                context = self._messages(sid)
                record = await context.fetch_async()
                files = await context.media.list_async() if int(record.num_media or 0) else []
            form = {
                "MessageSid": str(record.sid),
                "AccountSid": str(record.account_sid),
                "From": str(record.from_),
                "To": str(record.to),
                "Body": record.body or "",
                "NumMedia": str(len(files)),
            }
            for number, file in enumerate(files):
                form[f"MediaUrl{number}"] = f"{API_URL}{file.uri.removesuffix('.json')}"
                form[f"MediaContentType{number}"] = file.content_type
            return form

    async def _read_back(self, since: datetime, *, most_pages: int = _MAX_PAGES, **wanted: object) -> list[Any]:
        """Records of messages created at or after a moment, oldest first."""
        # Not filtered by DateSent: it knows whole days only, and a message still queued has none,
        # which is just the message that must not be sent again. The list is newest first.
        since = since.astimezone(UTC).replace(microsecond=0)
        found: list[Any] = []
        page: Any = await self._messages.page_async(**wanted)
        for _ in range(most_pages):
            recent = [it for it in page if not isinstance(it.date_created, datetime) or it.date_created >= since]
            found.extend(recent)
            if not recent or not page.next_page_url:
                break
            page = await page.next_page_async()
        return found[::-1]

    async def aclose(self) -> None:
        """Close the connections, where there are any."""
        if isinstance(self._http, TwilioHttp):
            await self._http.close()


@contextmanager
def _failing_as_unavailable() -> Iterator[None]:
    try:
        yield
    except (TwilioException, *_NOT_CONNECTED, *_ANSWER_LOST, *_UNREADABLE) as error:
        raise Unavailable(f"twilio: {_name(error)}") from error


def compose_callback_url(public_url: str, outbox_id: OutboxId) -> str:
    """Where Twilio reports on a message: the id in the query is covered by its signature."""
    return f"{public_url.rstrip('/')}{STATUS_PATH}?outbox={quote(str(outbox_id))}"


def _compose_content(message: OutgoingMessage) -> dict[str, object]:
    """What the message says; with a template only that, since the provider fills it in and refuses words beside it."""
    if message.template is None:
        said: dict[str, object] = {"body": clean_text(message.body)} if message.body or not message.media_url else {}
        return said | ({"media_url": [message.media_url]} if message.media_url else {})
    values = {str(number): value for number, value in enumerate(message.template.values, 1)}
    return {
        "content_sid": message.template.content_sid,
        "content_variables": msgspec.json.encode(values).decode(),
    }


def _read_message(record: Any) -> SentMessage:
    created_at = record.date_created
    return SentMessage(
        sid=record.sid or "",
        status=record.status or "",
        body=record.body or "",
        from_address=record.from_ or "",
        to_address=record.to or "",
        created_at=created_at if isinstance(created_at, datetime) else None,
        error_code=record.error_code if isinstance(record.error_code, int) else None,
    )


def _explain_refusal(error: Any) -> MessageRefused | UnknownOutcome:
    status = int(error.status)
    # Where the answer gives no code, the SDK puts the HTTP status in its place.
    code = error.code if isinstance(error.code, int) and error.code != status else 0
    if status == 429:
        return MessageRefused(code or 20429, "too many requests", retry=True)
    if 400 <= status < 500 and status != 408:
        return MessageRefused(code, f"HTTP {status}")
    return UnknownOutcome(f"twilio: HTTP {status}, code {code}")


def _name(error: BaseException) -> str:
    # Never str(error): it may quote the address or body of a message.
    return type(error).__name__
