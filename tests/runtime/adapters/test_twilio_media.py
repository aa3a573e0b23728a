"""The port `MediaSource` over Twilio, against a real server: whom it asks, what it tells them, how much it reads."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from runtime.adapters.twilio.download import HttpDownload, Incoming, is_public
from runtime.adapters.twilio.http import encode_basic_auth
from runtime.adapters.twilio.media import TwilioMedia
from runtime.adapters.twilio.messenger import TwilioAccount
from runtime.domain.errors import Broken, Unavailable
from runtime.ports import FetchedMedia, MediaRefused

SID = "AC" + "1" * 32
ACCOUNT = TwilioAccount(SID, "secreto")
PATH = f"/2010-04-01/Accounts/{SID}/Messages/MM1/Media/ME1"
FILE = f"https://api.twilio.com{PATH}"
CREDENTIALS = encode_basic_auth(SID, "secreto")
STORE = "https://media.twiliocdn.com/AC1/ME1?x-amz-signature=a%2Bb%3D"
LIMIT = 1_000
Answer = Callable[[web.Request], Any]


class Seen(msgspec.Struct, frozen=True):
    """A request that came."""

    host: str
    path: str
    authorization: str | None


class Rerouted:
    """Carries requests for any host to a server on this machine, as they are."""

    def __init__(self, base: str) -> None:
        self._base = URL(base)
        self._inner = HttpDownload("127.0.0.1")

    def open(self, url: URL, headers: Mapping[str, str]) -> AbstractAsyncContextManager[Incoming]:
        here = self._base.join(URL(url.raw_path_qs, encoded=True))
        return self._inner.open(here, {**headers, "Host": url.raw_host or ""})

    async def close(self) -> None:
        await self._inner.close()


class Provider:
    """Twilio's API and its stores, all on one port, and what they were asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.seen: list[Seen] = []
        self.base = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(Seen(request.host, request.raw_path, request.headers.get("Authorization")))
        answer = self.answers.get(request.host)
        given = answer(request) if answer else web.Response(status=404)
        return await given if asyncio.iscoroutine(given) else given


@asynccontextmanager
async def run_provider() -> AsyncIterator[Provider]:
    provider = Provider()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", provider.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server = site._server
    assert isinstance(server, asyncio.Server)
    provider.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        await runner.cleanup()


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with run_provider() as running:
        yield running


async def fetch(
    provider: Provider, url: str = FILE, *, timeout_s: float = 5.0, account: TwilioAccount = ACCOUNT
) -> FetchedMedia:
    """Fetch as in production, but that every host is found on this machine."""
    download = Rerouted(provider.base)
    try:
        return await TwilioMedia(account, download=download, timeout_s=timeout_s).fetch(url, limit_bytes=LIMIT)
    finally:
        await download.close()


def give(content: bytes, content_type: str = "image/jpeg", **headers: str) -> Answer:
    return lambda _: web.Response(body=content, headers={"Content-Type": content_type, **headers})


def send_on(location: str, status: int = 307) -> Answer:
    return lambda _: web.Response(status=status, headers={"Location": location})


async def test_a_file_is_fetched_with_our_credentials(provider: Provider) -> None:
    provider.answers["api.twilio.com"] = give(b"hola", "audio/ogg; codecs=opus")

    fetched = await fetch(provider)

    assert fetched == FetchedMedia(b"hola", "audio/ogg; codecs=opus")
    assert provider.seen == [Seen("api.twilio.com", PATH, CREDENTIALS)]


@pytest.mark.parametrize(
    "location",
    [
        STORE,
        "https://mms.twiliocdn.com/a",
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com/AC1/1",
        "https://s3.us-east-1.amazonaws.com/media.twiliocdn.com/AC1/1",
        "https://media.twiliocdn.com.s3.amazonaws.com/AC1/1",
        "//media.twiliocdn.com/a",
    ],
)
async def test_a_redirect_to_a_store_is_followed_without_the_credentials(provider: Provider, location: str) -> None:
    """The store's own signature stands in the address, which arrives unchanged."""
    host = URL(f"https:{location}" if location.startswith("//") else location).host or ""
    provider.answers["api.twilio.com"] = send_on(location)
    provider.answers[host] = give(b"hola")

    fetched = await fetch(provider)

    assert fetched.content == b"hola"
    assert [each.authorization for each in provider.seen] == [CREDENTIALS, None]
    assert provider.seen[1].path == location.partition(host)[2]


@pytest.mark.parametrize(
    "location",
    [
        "http://media.twiliocdn.com/a",
        "http://media.twiliocdn.com:443/a",
        "https://media.twiliocdn.com:8443/a",
        "https://user:pass@media.twiliocdn.com/a",
        "https://evil.example/a",
        "https://twiliocdn.com.evil.example/a",
        "https://eviltwiliocdn.com/a",
        "https://evil.s3.amazonaws.com/a",
        "https://s3.amazonaws.com/evil/media.twiliocdn.com/a",
        "https://127.0.0.1/a",
        "https://[::1]/a",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://api.twilio.com\\@evil.example/a",
        "https://[/",
        "",
    ],
)
async def test_a_redirect_to_anybody_else_is_refused_unasked(provider: Provider, location: str) -> None:
    """Not even a connection is made."""
    provider.answers["api.twilio.com"] = send_on(location, 302)

    with pytest.raises(MediaRefused) as caught:
        await fetch(provider)

    assert caught.value.reason == "forbidden_host"
    assert len(provider.seen) == 1


async def test_only_a_files_own_address_is_told_our_credentials(provider: Provider) -> None:
    """With them, everything of the account's could be read."""
    elsewhere = f"/2010-04-01/Accounts/{SID}/Keys.json"
    answers = {PATH: send_on(elsewhere), elsewhere: give(b"{}", "application/json")}
    provider.answers["api.twilio.com"] = lambda request: answers[request.path](request)

    await fetch(provider)

    assert [(each.path, each.authorization) for each in provider.seen] == [(PATH, CREDENTIALS), (elsewhere, None)]


async def test_a_redirect_within_the_api_keeps_the_credentials(provider: Provider) -> None:
    """Messages of one account may be kept in several regions, under other names of theirs."""
    other = PATH.replace("MM1", "MM2")
    answers = {PATH: send_on(other), other: give(b"hola")}
    provider.answers["api.twilio.com"] = lambda request: answers[request.path](request)

    await fetch(provider)

    assert [each.authorization for each in provider.seen] == [CREDENTIALS, CREDENTIALS]


async def test_redirects_without_end_are_given_up(provider: Provider) -> None:
    """Three are followed."""
    provider.answers["api.twilio.com"] = send_on(STORE)
    provider.answers["media.twiliocdn.com"] = send_on(STORE)

    with pytest.raises(MediaRefused, match="forbidden_host"):
        await fetch(provider)

    assert len(provider.seen) == 4


@pytest.mark.parametrize(
    "url",
    [
        f"http://api.twilio.com{PATH}",
        f"https://api.twilio.com:444{PATH}",
        f"https://user:pass@api.twilio.com{PATH}",
        f"https://api.twilio.com.evil.example{PATH}",
        f"https://media.twiliocdn.com{PATH}",
        f"https://evil.example{PATH}",
        f"https://127.0.0.1{PATH}",
        f"https://api.twilio.com/2010-04-01/Accounts/{SID}.json",
        f"https://api.twilio.com{PATH}/../../../../Keys",
        f"https://api.twilio.com{PATH.replace(SID, 'AC' + '2' * 32)}",
        f"https://api.twilio.com{PATH}%2f..%2f..",
        f"ftp://api.twilio.com{PATH}",
        PATH,
        "https://[/",
        "",
    ],
)
async def test_what_is_no_file_of_our_account_is_not_asked_for(provider: Provider, url: str) -> None:
    """Whatever a webhook says, nobody but the provider is asked."""
    with pytest.raises(MediaRefused, match="forbidden_host"):
        await fetch(provider, url)

    assert provider.seen == []


async def test_a_query_is_not_passed_on(provider: Provider) -> None:
    """Only the path of the address counts."""
    provider.answers["api.twilio.com"] = give(b"hola")

    await fetch(provider, f"{FILE}?x=1#y")

    assert provider.seen[0].path == PATH


@pytest.mark.parametrize("status", [400, 403, 404, 410])
async def test_a_file_that_is_gone_is_expired(provider: Provider, status: int) -> None:
    """Asking again would change nothing."""
    provider.answers["api.twilio.com"] = lambda _: web.Response(status=status)

    with pytest.raises(MediaRefused, match="expired"):
        await fetch(provider)


@pytest.mark.parametrize("status", [401, 408, 429, 500, 503])
async def test_a_provider_in_trouble_is_asked_again_later(provider: Provider, status: int) -> None:
    """Our own credentials being wrong is trouble too: the file is there."""
    provider.answers["api.twilio.com"] = send_on(STORE)
    provider.answers["media.twiliocdn.com"] = lambda _: web.Response(status=status)

    with pytest.raises(Unavailable):
        await fetch(provider)


async def test_a_file_as_large_as_allowed_is_taken(provider: Provider) -> None:
    provider.answers["api.twilio.com"] = give(b"x" * LIMIT)

    assert len((await fetch(provider)).content) == LIMIT


async def test_a_file_that_says_it_is_too_big_is_not_read(provider: Provider) -> None:
    """Its first byte never comes, and nobody waits for it."""

    async def promise(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(LIMIT + 1)})
        await response.prepare(request)
        await asyncio.sleep(60)
        return response

    provider.answers["api.twilio.com"] = promise

    with pytest.raises(MediaRefused, match="too_big"):
        await fetch(provider)


async def test_a_body_without_end_is_read_no_further_than_allowed(provider: Provider) -> None:
    """It says nothing of its length, and comes slowly."""

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 400)
            await asyncio.sleep(0.01)

    provider.answers["api.twilio.com"] = drip

    with pytest.raises(MediaRefused, match="too_big"):
        await fetch(provider)


async def test_a_packed_body_stays_packed(provider: Provider) -> None:
    """A thousand zeros for each byte would be no limit at all."""
    packed = b"\x1f\x8b" + b"x" * 50
    provider.answers["api.twilio.com"] = give(packed, **{"Content-Encoding": "gzip"})

    assert (await fetch(provider)).content == packed


async def test_a_body_that_never_ends_is_given_up(provider: Provider) -> None:
    """Redirects and all have one limit."""

    async def hang(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.sleep(60)
        return response

    provider.answers["api.twilio.com"] = hang

    with pytest.raises(Unavailable, match="TimeoutError"):
        await fetch(provider, timeout_s=0.1)


async def test_a_body_that_breaks_off_is_not_half_a_file(provider: Provider) -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"x" * 50)
        assert request.transport is not None
        request.transport.abort()
        return response

    provider.answers["api.twilio.com"] = break_off

    with pytest.raises(Unavailable):
        await fetch(provider)


async def test_a_configured_address_on_this_machine_stands_for_the_api(provider: Provider) -> None:
    """With its prefix, whichever of the two the webhook names; everything goes over the one session."""
    media = TwilioMedia(msgspec.structs.replace(ACCOUNT, base_url=f"{provider.base}/base/"))
    provider.answers[provider.base.removeprefix("http://")] = give(b"hola")

    await media.fetch(FILE, limit_bytes=LIMIT)
    await media.fetch(f"{provider.base}/base{PATH}", limit_bytes=LIMIT)
    await media.aclose()

    assert [(each.path, each.authorization) for each in provider.seen] == [(f"/base{PATH}", CREDENTIALS)] * 2


async def test_a_closed_port_is_unavailable() -> None:
    async with run_provider() as gone:
        pass
    media = TwilioMedia(msgspec.structs.replace(ACCOUNT, base_url=gone.base))

    with pytest.raises(Unavailable):
        await media.fetch(FILE, limit_bytes=LIMIT)
    await media.aclose()


def test_an_unencrypted_address_that_is_not_on_this_machine_is_refused() -> None:
    """Our credentials would travel in the open."""
    with pytest.raises(Broken, match="TWILIO_BASE_URL"):
        TwilioMedia(msgspec.structs.replace(ACCOUNT, base_url="http://twilio.example"))


async def test_an_api_key_is_used_in_place_of_the_token(provider: Provider) -> None:
    provider.answers["api.twilio.com"] = give(b"hola")
    keyed = msgspec.structs.replace(ACCOUNT, api_key="SK1", api_secret="s")

    await fetch(provider, account=keyed)

    assert provider.seen[0].authorization == encode_basic_auth("SK1", "s")


class Resolved(AbstractResolver):
    """Every name leads to one address."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=self._address, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        return None


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.8", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1"])
async def test_a_name_that_leads_inside_is_not_connected_to(address: str) -> None:
    """Whoever can bend a name must not reach what only we can."""
    download = HttpDownload(None, resolver=Resolved(address))

    with pytest.raises(MediaRefused, match="forbidden_host"):
        await TwilioMedia(ACCOUNT, download=download).fetch(FILE, limit_bytes=LIMIT)
    await download.close()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2600::1", True),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("100.64.0.1", False),
        ("x", False),
    ],
)
def test_addresses_of_the_open_internet(address: str, public: bool) -> None:
    assert is_public(address) is public


async def test_what_goes_wrong_says_nothing_of_the_address() -> None:
    """An address of a store opens the file by itself."""

    class Failing:
        def open(self, url: URL, headers: Mapping[str, str]) -> AbstractAsyncContextManager[Incoming]:
            raise aiohttp.ClientError(str(url))

    with pytest.raises(Unavailable) as caught:
        await TwilioMedia(ACCOUNT, download=Failing()).fetch(FILE, limit_bytes=LIMIT)

    assert str(caught.value) == "twilio media: ClientError"
