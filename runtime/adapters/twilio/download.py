"""One GET at a time, streamed, without following anything: what `runtime.adapters.twilio.media` fetches files with.

It refuses to connect to an address that is not on the open internet, whatever a name resolves to, except for one
host it is told to trust: the configured address of the API. Which hosts are asked at all is not decided here.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from runtime.ports import MediaRefused

CHUNK_BYTES = 64 * 1024


class Incoming(msgspec.Struct, frozen=True):
    """An answer whose body has not been read yet. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class Download(Protocol):
    """Asks for one address."""

    def open(self, url: URL, headers: Mapping[str, str]) -> AbstractAsyncContextManager[Incoming]:
        """The answer, to be read while it is open; whatever the network raises goes through.

        Raises:
            MediaRefused: `forbidden_host`: the name leads to an address of some inner network.
        """
        ...


class HttpDownload:
    """Port `Download` over the network, with one session for each process.

    Args:
        trusted_host: May have any address, since it is configured; None trusts none.
        resolver: Looks names up; by default the system's.
        connect_timeout_s: How long to try to connect. Whoever reads sets a limit for the whole.
    """

    def __init__(
        self, trusted_host: str | None, *, resolver: AbstractResolver | None = None, connect_timeout_s: float = 5.0
    ) -> None:
        self._trusted_host = trusted_host
        self._resolver = resolver
        self._timeout = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=connect_timeout_s)
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def open(self, url: URL, headers: Mapping[str, str]) -> AsyncIterator[Incoming]:
        """Ask once."""
        async with self._open_session().get(
            url, headers=headers, timeout=self._timeout, allow_redirects=False
        ) as answer:
            folded = {name.lower(): value for name, value in answer.headers.items()}
            yield Incoming(answer.status, folded, answer.content.iter_chunked(CHUNK_BYTES))

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        # Not in __init__: a session belongs to the loop that runs when it is made.
        if self._session is None:
            resolver = _PublicResolver(self._resolver or aiohttp.ThreadedResolver(), self._trusted_host)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False),
                cookie_jar=aiohttp.DummyCookieJar(),
                # a packed body could be a thousand times what is read: it stays packed, and is then no file we know
                auto_decompress=False,
            )
        return self._session


class _PublicResolver(AbstractResolver):
    """Resolves names, and refuses those that lead inside."""

    def __init__(self, inner: AbstractResolver, trusted_host: str | None) -> None:
        self._inner = inner
        self._trusted_host = trusted_host

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if host != self._trusted_host and not all(is_public(each["host"]) for each in found):
            raise MediaRefused("forbidden_host")
        return found

    async def close(self) -> None:
        await self._inner.close()


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_global and not found.is_multicast
