"""The HTTP client the Twilio SDK is given.

It adds to the SDK's own client what that one lacks: another base address (for the emulator), a connect
time-out told apart from a lost answer, a session opened only when the first request is made, and no use of
aiohttp's retiring BasicAuth. It never retries and never follows redirects.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

import aiohttp
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from yarl import URL

_log = logging.getLogger(__name__)


class TwilioHttp(AsyncHttpClient):  # type: ignore[misc]  # an untyped base class
    """Sends the SDK's requests with aiohttp.

    Args:
        base_url: Replaces scheme and host of every request, and prefixes its path; None keeps the vendor's.
        connect_timeout_s: How long to try to connect. There is no limit on the answer here: the caller sets one.
    """

    def __init__(self, base_url: str | None = None, *, connect_timeout_s: float = 5.0) -> None:
        super().__init__(_log, True, None)
        self._base_url = base_url
        self._timeout = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=connect_timeout_s)
        self._session: aiohttp.ClientSession | None = None

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
        """Send one request; whatever aiohttp raises goes through."""
        sent_headers = dict(headers or {})
        if auth is not None:
            sent_headers["Authorization"] = encode_basic_auth(*auth)
        async with self._open_session().request(
            method.upper(),
            URL(_compose_url(url, params, self._base_url), encoded=True),
            data=_encode_body(data, sent_headers) if data else None,
            headers=sent_headers,
            timeout=self._timeout,
            allow_redirects=False,
        ) as response:
            text = await response.text(encoding="utf-8", errors="replace")
            return Response(response.status, text, response.headers)

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        # Not in __init__: a session belongs to the loop that runs when it is made.
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def encode_basic_auth(user: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _encode_body(data: Mapping[str, object], headers: Mapping[str, str]) -> bytes:
    # The SDK says by this header alone which of the two it wants.
    if headers.get("Content-Type") == "application/json":
        return json.dumps(data, ensure_ascii=False).encode()
    return urlencode(data, doseq=True).encode()


def _compose_url(url: str, params: Mapping[str, object] | None, base_url: str | None) -> str:
    scheme, netloc, path, query, _ = urlsplit(url)
    if base_url is not None:
        base = urlsplit(base_url)
        scheme, netloc, path = base.scheme, base.netloc, base.path.rstrip("/") + path
    added = urlencode(params, doseq=True) if params else ""
    return urlunsplit((scheme, netloc, path, "&".join(part for part in (query, added) if part), ""))
