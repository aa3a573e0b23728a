"""Lets the Twilio SDK reach the emulator in process: no sockets, no threads, no real time.

Give an `EmulatedHttp` to `TwilioMessenger(http_client=…)`. The whole SDK runs as it would against Twilio; only the
last step, the request itself, is a function call.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlsplit

import msgspec
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from yarl import URL

from runtime.adapters.twilio.download import Incoming
from sim.twilio.api import ApiAnswer, ApiRequest, read_credentials
from sim.twilio.emulator import AnswerLost, NotReachable, TwilioEmulator

_log = logging.getLogger(__name__)


class EmulatedHttp(AsyncHttpClient):  # type: ignore[misc]  # an untyped base class
    """The SDK's HTTP client and the adapter's `Download`, answered by an emulator."""

    def __init__(self, emulator: TwilioEmulator) -> None:
        super().__init__(_log, True, None)
        self._emulator = emulator

    async def request(  # noqa: PLR0913 - the SDK's signature
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Answer one request.

        Raises:
            ConnectionRefusedError: The emulator is down.
            TimeoutError: The answer is lost.
        """
        parts = urlsplit(url)
        query = [*parse_qsl(parts.query, keep_blank_values=True), *_list_pairs(params)]
        is_json = (headers or {}).get("Content-Type") == "application/json"
        body = msgspec.json.encode(data) if is_json and data is not None else b""
        form = [] if is_json else _list_pairs(data)
        answer = await self._ask(ApiRequest(method.upper(), parts.path, query, form, auth, body))
        return Response(answer.status, answer.body.decode("utf-8", "replace"), {"Content-Type": answer.content_type})

    @asynccontextmanager
    async def open(self, url: URL, headers: Mapping[str, str]) -> AsyncIterator[Incoming]:
        """Answer a request for a file: what `runtime.adapters.twilio.media` asks the network otherwise.

        Raises:
            ConnectionRefusedError: The emulator is down.
            TimeoutError: The answer is lost.
        """
        credentials = read_credentials(headers.get("Authorization", ""))
        answer = await self._ask(ApiRequest("GET", url.raw_path, credentials=credentials))
        stated = {"content-type": answer.content_type, "content-length": str(len(answer.body))}
        yield Incoming(answer.status, stated, _give(answer.body))

    async def _ask(self, request: ApiRequest) -> ApiAnswer:
        try:
            return await self._emulator.request(request)
        except NotReachable as error:
            raise ConnectionRefusedError("the emulator is down") from error
        except AnswerLost as error:
            raise TimeoutError("the answer is lost") from error


async def _give(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _list_pairs(fields: Mapping[str, object] | None) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in (fields or {}).items():
        if isinstance(value, list | tuple):
            pairs.extend((name, str(item)) for item in value)
        else:
            pairs.append((name, str(value)))
    return pairs
