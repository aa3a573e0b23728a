"""The `MediaSource` port over Twilio: files that people sent, fetched with our credentials.

Bootstrap builds one per process; `runtime.media` calls it. Credentials go to the API alone, and there only to the
files of our own account's messages. It follows the API's redirects to Twilio's stores by hand, reads no more than it
was allowed to, and never retries.
"""

from __future__ import annotations

import asyncio
import re
from typing import NoReturn

import aiohttp
from yarl import URL

from runtime.adapters.twilio.download import Download, HttpDownload, Incoming
from runtime.adapters.twilio.http import encode_basic_auth
from runtime.adapters.twilio.messenger import API_URL, TwilioAccount
from runtime.domain.errors import Broken, Unavailable
from runtime.domain.files import FileRefusal
from runtime.ports import FetchedMedia, MediaRefused

API = URL(API_URL)
MOST_REDIRECTS = 3

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LATER = frozenset({401, 408, 425, 429})
"""The file may well be there: our credentials, the rate or the moment are what is wrong."""
_STORE = re.compile(r"(?:[a-z0-9-]+\.)+(?:twilio|twiliocdn)\.com")
_S3 = r"s3(?:-external-1|[.-][a-z]{2}(?:-[a-z]+)+-[0-9])?\.amazonaws\.com"
_BUCKET = r"(?:media|mms)\.twiliocdn\.com"
_BUCKET_OF_S3 = re.compile(rf"{_BUCKET}\.{_S3}/.*|{_S3}/{_BUCKET}/.*")


class TwilioMedia:
    """Fetches files.

    Args:
        account: Credentials, and another address of the API if there is one.
        download: How to ask for an address; by default over the network.
        timeout_s: How long a file may take, redirects included.

    Raises:
        Broken: The address of the API is neither https nor this machine's own.
    """

    def __init__(self, account: TwilioAccount, *, download: Download | None = None, timeout_s: float = 20.0) -> None:
        self._api = URL(account.base_url.rstrip("/")) if account.base_url else API
        if self._api.scheme != "https" and self._api.host not in _LOOPBACK:
            raise Broken("TWILIO_BASE_URL must be https, or on this machine")
        self._download = download or HttpDownload(self._api.host if account.base_url else None)
        self._timeout_s = timeout_s
        self._authorization = encode_basic_auth(
            account.api_key or account.account_sid, account.api_secret if account.api_key else account.auth_token
        )
        self._file = re.compile(
            rf"/[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}/Accounts/{re.escape(account.account_sid)}"
            r"/Messages/[A-Za-z0-9]+/Media/[A-Za-z0-9]+"
        )

    async def fetch(self, url: str, *, limit_bytes: int) -> FetchedMedia:
        """Fetch one file, whole.

        Raises:
            MediaRefused: Not one of our account's files, gone, or larger than the limit.
            Unavailable: Twilio or its store cannot be reached, took too long, or says to come back later.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._follow(self._enter(url), limit_bytes)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            # never str(error): it may quote an address that opens the file
            raise Unavailable(f"twilio media: {type(error).__name__}") from error

    async def aclose(self) -> None:
        """Close the connections, where there are any."""
        if isinstance(self._download, HttpDownload):
            await self._download.close()

    def _enter(self, text: str) -> URL:
        """Where to begin: made anew from the path alone, so that nothing else of the text counts."""
        url = _parse(text)
        path = url.raw_path
        if _same_origin(url, self._api):
            path = path.removeprefix(self._api.raw_path.rstrip("/"))
        elif not _same_origin(url, API):
            _refuse_host()
        if url.user is not None or url.password is not None or not self._file.fullmatch(path):
            _refuse_host()
        return URL(str(self._api).rstrip("/") + path, encoded=True)

    async def _follow(self, url: URL, limit_bytes: int) -> FetchedMedia:
        for _ in range(1 + MOST_REDIRECTS):
            headers = {"Accept-Encoding": "identity"}
            if self._is_file_of_api(url):
                headers["Authorization"] = self._authorization
            async with self._download.open(url, headers) as answer:
                if answer.status not in _REDIRECTS:
                    return await _read(answer, limit_bytes)
                url = self._next(url, answer.headers.get("location", ""))
        _refuse_host()

    def _next(self, url: URL, location: str) -> URL:
        if not location:
            _refuse_host()
        following = url.join(_parse(location))
        host = following.raw_host or ""
        if self._is_file_of_api(following):
            return following
        if following.scheme != "https" or following.port != 443 or following.user is not None:
            _refuse_host()
        if not (_STORE.fullmatch(host) or _BUCKET_OF_S3.fullmatch(host + following.raw_path)):
            _refuse_host()
        return following

    def _is_file_of_api(self, url: URL) -> bool:
        path = url.raw_path.removeprefix(self._api.raw_path.rstrip("/"))
        return _same_origin(url, self._api) and url.user is None and self._file.fullmatch(path) is not None


async def _read(answer: Incoming, limit_bytes: int) -> FetchedMedia:
    _check_status(answer.status)
    stated = answer.headers.get("content-length", "")
    if stated.isascii() and stated.isdigit() and int(stated) > limit_bytes:
        raise MediaRefused(FileRefusal.TOO_BIG)
    content = bytearray()
    async for chunk in answer.chunks:
        content += chunk
        if len(content) > limit_bytes:
            raise MediaRefused(FileRefusal.TOO_BIG)
    return FetchedMedia(bytes(content), answer.headers.get("content-type", ""))


def _check_status(status: int) -> None:
    if status >= 500 or status in _LATER:
        raise Unavailable(f"twilio media: HTTP {status}")
    if status != 200:
        raise MediaRefused(FileRefusal.EXPIRED)


def _parse(text: str) -> URL:
    try:
        return URL(text, encoded=True)
    except ValueError:
        _refuse_host()


def _same_origin(url: URL, other: URL) -> bool:
    return (url.scheme, url.raw_host, url.port) == (other.scheme, other.raw_host, other.port)


def _refuse_host() -> NoReturn:
    raise MediaRefused(FileRefusal.FORBIDDEN_HOST)
