"""What the emulator makes of files it is asked to send: fetched as a stranger, kept for the phone, or failed later."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import httpx
import msgspec
import pytest
from aiohttp import web

from runtime.adapters.twilio.messenger import TwilioAccount, TwilioMessenger
from runtime.domain.ids import OutboxId
from runtime.ports import MessageRefused, OutgoingMessage
from sim.samples import Sample, make_file, make_sample
from sim.serving import address_of, listen, serve
from sim.twilio.emulator import Account, TwilioEmulator
from sim.twilio.files import FETCH_FAILED, IMAGE_LIMIT, LIMIT, REFUSED_TYPE, TOO_BIG, Fetched
from sim.twilio.inbound import Inbound, InboundMedia
from sim.twilio.reports import Behaviour
from sim.twilio.server import EmulatorApp, HttpFetcher
from sim.twilio.transport import EmulatedHttp

OURS, ANA = "whatsapp:+5215550000000", "whatsapp:+5215512345678"
ADDRESS = "https://parlo.example/media/a"
PHOTO = OutgoingMessage(OutboxId(UUID(int=9)), OURS, ANA, "mira", media_url=ADDRESS)
ACCOUNT = Account()
JPEG = make_sample(Sample.JPEG)


class StillClock:
    """Never moves."""

    def now(self) -> datetime:
        return datetime(2026, 1, 12, 16, 0, tzinfo=UTC)

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here waits")


class Line:
    """An emulator that fetches what a test gives, and what it reported."""

    def __init__(self, fetched: Fetched | None) -> None:
        self.reported: list[tuple[str, str | None]] = []
        self.emulator = TwilioEmulator(StillClock(), account=ACCOUNT, behaviour=Behaviour(0, 0), sink=self.receive)
        self._fetched = fetched
        self.emulator.fetcher = self.fetch if fetched is not None else None
        account = TwilioAccount(ACCOUNT.account_sid, ACCOUNT.auth_token)
        http = EmulatedHttp(self.emulator)
        self.messenger = TwilioMessenger(account, "https://parlo.example", http_client=http)

    async def fetch(self, url: str) -> Fetched:
        assert self._fetched is not None
        return self._fetched

    async def receive(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> int:
        self.reported.append((form.get("MessageStatus", ""), form.get("ErrorCode")))
        return 200


async def test_a_file_is_kept_with_the_message_for_the_phone_to_show() -> None:
    """Its type, size and digest in the list; its content under its sid."""
    line = Line(Fetched(200, "image/jpeg", JPEG))

    await line.messenger.send(PHOTO)
    await line.emulator.deliver_due()

    [file] = line.emulator.sent[0].media
    kept = line.emulator.find_file(file.sid)
    assert (file.content_type, file.size_bytes) == ("image/jpeg", len(JPEG))
    assert file.digest == hashlib.sha256(JPEG).hexdigest()
    assert kept is not None and kept.content == JPEG
    assert line.reported == [("sent", None), ("delivered", None)]


FAILURES = [
    (Fetched(0), FETCH_FAILED),
    (Fetched(404), FETCH_FAILED),
    (Fetched(503), FETCH_FAILED),
    (Fetched(200, "image/jpeg", make_sample(Sample.HTML)), FETCH_FAILED),
    (Fetched(200, "image/jpeg", b""), FETCH_FAILED),
    (Fetched(200, "text/html", make_sample(Sample.HTML)), REFUSED_TYPE),
    (Fetched(200, "image/svg+xml", make_sample(Sample.SVG)), REFUSED_TYPE),
    (Fetched(200, "", JPEG), REFUSED_TYPE),
    (Fetched(200, "image/jpeg", make_file("image/jpeg", size=IMAGE_LIMIT + 1)), TOO_BIG),
    (Fetched(200, "video/mp4", make_file("video/mp4", size=LIMIT + 1)), TOO_BIG),
]


@pytest.mark.parametrize(("fetched", "code"), FAILURES, ids=lambda value: str(value)[:60])
async def test_a_file_that_cannot_be_sent_fails_the_message_later(fetched: Fetched, code: int) -> None:
    """It is accepted first, and nothing of the file is kept."""
    line = Line(fetched)

    sent = await line.messenger.send(PHOTO)
    await line.emulator.deliver_due()

    assert sent.status == "queued"
    assert (line.emulator.sent[0].failure, line.emulator.sent[0].media) == (code, ())
    assert line.reported == [("undelivered", str(code))]


HONEST = ["image/png", "image/webp", "audio/ogg", "audio/amr", "audio/mpeg", "audio/aac", "audio/mp4", "video/3gpp"]
HONEST += ["application/pdf", "application/msword", "text/vcard", "video/mp4", "audio/ogg; codecs=opus"]


@pytest.mark.parametrize("content_type", HONEST)
async def test_what_whatsapp_takes_is_delivered(content_type: str) -> None:
    line = Line(Fetched(200, content_type, make_file(content_type)))

    await line.messenger.send(PHOTO)

    assert line.emulator.sent[0].failure is None


async def test_without_a_fetcher_a_file_is_taken_to_be_there() -> None:
    line = Line(None)

    await line.messenger.send(PHOTO)

    assert (line.emulator.sent[0].failure, line.emulator.sent[0].media_urls) == (None, (ADDRESS,))


@pytest.mark.parametrize("url", ["ftp://parlo.example/a", "https://", "x"])
async def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    line = Line(Fetched(200, "image/jpeg", JPEG))

    with pytest.raises(MessageRefused) as caught:
        await line.messenger.send(msgspec.structs.replace(PHOTO, media_url=url))

    assert caught.value.code == 21620
    assert line.emulator.sent == []


async def test_over_the_network_files_are_fetched_and_shown() -> None:
    """Without credentials; the person at the keyboard sees what came, and sends files as JSON."""
    seen: list[str | None] = []

    async def lend(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(body=JPEG, content_type="image/jpeg")

    app = web.Application()
    app.router.add_get("/media/a", lend)
    runner = web.AppRunner(app)
    await runner.setup()
    ours = listen(None)
    await web.SockSite(runner, ours).start()
    line, theirs = Line(None), listen(None)
    line.emulator.fetcher = HttpFetcher()
    server = EmulatorApp(line.emulator, "https://parlo.example/webhooks/twilio/messages")
    async with serve(server, theirs), httpx.AsyncClient(base_url=address_of(theirs)) as client:
        there = msgspec.structs.replace(PHOTO, media_url=f"{address_of(ours)}/media/a")
        await line.messenger.send(there)
        await line.messenger.send(msgspec.structs.replace(there, media_url=f"{address_of(ours)}/media/b"))
        await line.messenger.send(msgspec.structs.replace(there, media_url="http://127.0.0.1:1/a"))
        sent = (await client.get("/emulator/sent")).json()
        shown = await client.get(f"/emulator/files/{sent[0]['media'][0]['sid']}")
        missing = await client.get("/emulator/files/ME0")
        note = {"content_type": "image/jpeg", "content": base64.b64encode(JPEG).decode()}
        said = {"from_address": ANA, "to_address": OURS, "media": [note]}
        handed = await client.post("/emulator/inbound", json=said | {"sid": "MM1"}, headers={})
    await runner.cleanup()

    assert seen == [None]
    assert [each["failure"] for each in sent] == [None, FETCH_FAILED, FETCH_FAILED]
    assert (shown.content, shown.headers["content-type"]) == (JPEG, "image/jpeg")
    assert missing.status_code == 404
    assert handed.json()["sid"] == "MM1"
    form = line.emulator.compose_inbound(Inbound(from_address=ANA, to_address=OURS, sid="MM1"))
    assert form["MessageSid"] == "MM1"


def test_an_expired_file_has_an_address_and_nothing_there() -> None:
    line = Line(None)
    gone = InboundMedia("audio/ogg", make_sample(Sample.OGG), expired=True)

    form = line.emulator.compose_inbound(Inbound(from_address=ANA, to_address=OURS, media=(gone,)))

    assert form["MediaUrl0"].startswith("https://api.twilio.com/")
    assert line.emulator.find_file(form["MediaUrl0"].rpartition("/")[2]) is None
