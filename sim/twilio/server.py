"""The emulator over HTTP, as an ASGI application.

`parlo up` and contract tests serve it on loopback. Beside Twilio's own paths it has five for the person at
the keyboard: `GET /emulator/sent`, `GET /emulator/files/<sid>` for a file that was sent, `POST /emulator/inbound`,
`POST /emulator/windows` and `POST /emulator/faults`. It is not for the open network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import msgspec

from sim.twilio.api import ApiAnswer, ApiRequest, answer_json, read_credentials
from sim.twilio.emulator import AnswerLost, NotReachable, TwilioEmulator
from sim.twilio.files import LIMIT, Fetched
from sim.twilio.inbound import Inbound

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class HttpSink:
    """Posts webhooks over the network, once each, as Twilio does by default."""

    def __init__(self, timeout_s: float = 15.0) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> int:
        """Give the HTTP status, or 0 where nobody answered."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        try:
            async with self._session.post(url, data=dict(form), headers=dict(headers)) as response:
                await response.read()
                return response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class HttpFetcher:
    """Fetches files over the network, without credentials, as Twilio does before it sends them."""

    def __init__(self, timeout_s: float = 15.0) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, url: str) -> Fetched:
        """What the address gives, and one byte too many where it gives more than may be sent."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        content = bytearray()
        try:
            async with self._session.get(url) as response:
                async for chunk in response.content.iter_chunked(65_536):
                    content += chunk
                    if len(content) > LIMIT:
                        break
                return Fetched(response.status, response.headers.get("content-type", ""), bytes(content))
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Fetched(0)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class FaultOrder(msgspec.Struct, frozen=True):
    """Body of ``POST /emulator/faults``."""

    kind: str
    times: int | None = 1
    to_address: str | None = None
    delay_s: float | None = None


class Wrote(msgspec.Struct, frozen=True):
    """One of the list that ``POST /emulator/windows`` takes: somebody who just wrote to a webhook past the emulator."""

    our_address: str
    their_address: str


class HandedOver(msgspec.Struct, frozen=True):
    """Answer of ``POST /emulator/inbound``: what the webhook said."""

    sid: str
    status: int


class EmulatorApp:
    """The ASGI application.

    Args:
        emulator: Answers; its own sink posts callbacks.
        webhook_url: Where `POST /emulator/inbound` hands messages over; None for nowhere.
    """

    def __init__(self, emulator: TwilioEmulator, webhook_url: str | None = None) -> None:
        self._emulator = emulator
        self._webhook_url = webhook_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        running: asyncio.Task[None] | None = None
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                running = asyncio.ensure_future(self._emulator.run())
                await send({"type": "lifespan.startup.complete"})
                continue
            if running is not None:
                running.cancel()
                await asyncio.wait({running})
            if isinstance(self._emulator.sink, HttpSink):
                await self._emulator.sink.aclose()
            if isinstance(self._emulator.fetcher, HttpFetcher):
                await self._emulator.fetcher.aclose()
            await send({"type": "lifespan.shutdown.complete"})
            return

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read_body(receive)
        try:
            if scope["path"].startswith("/emulator/"):
                answer = await self._control(scope, body)
            else:
                answer = await self._emulator.request(_read_request(scope, body))
        except AnswerLost:
            # A promise of more than comes: the server then drops the connection, as a cut one would.
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        except NotReachable:
            # The connection exists already, so this is as far as "down" goes over HTTP.
            answer = ApiAnswer(503, b"", "text/plain")
        headers = [(b"content-length", str(len(answer.body)).encode()), (b"content-type", answer.content_type.encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _control(self, scope: Scope, body: bytes) -> ApiAnswer:
        path, method = scope["path"], scope["method"]
        try:
            if (method, path) == ("GET", "/emulator/sent"):
                return answer_json(self._emulator.sent)
            if method == "GET" and path.startswith("/emulator/files/"):
                return self._show_file(path.rpartition("/")[2])
            if (method, path) == ("POST", "/emulator/windows"):
                wrote = msgspec.json.decode(body, type=list[Wrote])
                self._emulator.open_windows((it.our_address, it.their_address) for it in wrote)
                return answer_json(wrote)
            if (method, path) == ("POST", "/emulator/faults"):
                order = msgspec.json.decode(body, type=FaultOrder)
                self._emulator.faults.inject(
                    order.kind, times=order.times, to_address=order.to_address, delay_s=order.delay_s
                )
                return answer_json(order)
            if (method, path) == ("POST", "/emulator/inbound") and self._webhook_url and self._emulator.sink:
                form = self._emulator.compose_inbound(msgspec.json.decode(body, type=Inbound))
                headers = self._emulator.sign(self._webhook_url, form)
                status = await self._emulator.sink(self._webhook_url, form, headers)
                return answer_json(HandedOver(form["MessageSid"], status))
        except ValueError as error:  # msgspec's errors are ValueErrors too
            return answer_json({"error": str(error)}, 400)
        return answer_json({"error": "not found"}, 404)

    def _show_file(self, sid: str) -> ApiAnswer:
        file = self._emulator.find_file(sid)
        if file is None:
            return answer_json({"error": "not found"}, 404)
        return ApiAnswer(200, file.content, file.content_type)


async def _read_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        event = await receive()
        parts.append(event.get("body", b""))
        if not event.get("more_body"):
            return b"".join(parts)


def _read_request(scope: Scope, body: bytes) -> ApiRequest:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    is_json = headers.get("content-type", "").startswith("application/json")
    return ApiRequest(
        scope["method"],
        scope["path"],
        parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True),
        [] if is_json else parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True),
        read_credentials(headers.get("authorization", "")),
        body if is_json else b"",
    )
