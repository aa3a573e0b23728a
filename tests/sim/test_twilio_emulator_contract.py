"""One suite for both ways into the emulator, through the SDK, checked against Twilio's published contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import aiohttp
import jsonschema
import msgspec
import pytest
import uvicorn
from twilio.base.exceptions import TwilioRestException
from twilio.http import AsyncHttpClient
from twilio.rest import Client

from runtime.adapters.twilio.download import Download
from runtime.adapters.twilio.http import TwilioHttp
from runtime.adapters.twilio.media import TwilioMedia
from runtime.adapters.twilio.messenger import TwilioAccount, TwilioMessenger
from runtime.domain.errors import Unavailable, UnknownOutcome
from runtime.domain.ids import OutboxId
from runtime.ports import FetchedMedia, MediaRefused, MessageRefused, OutgoingMessage
from sim.samples import Sample, make_sample
from sim.twilio.emulator import Account, TwilioEmulator
from sim.twilio.faults import FaultKind
from sim.twilio.files import Fetched
from sim.twilio.inbound import Inbound, InboundMedia
from sim.twilio.reports import Behaviour
from sim.twilio.server import EmulatorApp, HandedOver, HttpSink, Wrote
from sim.twilio.transport import EmulatedHttp
from tests.sim.twilio_contract import Contract, Exchange, Listening, SteadyClock, serve

pytestmark = pytest.mark.contract

CONTRACT = Contract("twilio_api_v2010.json")
ACCOUNT = Account()
OURS = "whatsapp:+5215550000000"
ANA = "whatsapp:+5215512345678"
MESSAGE = OutgoingMessage(OutboxId(UUID(int=9)), OURS, ANA, "¿Te espero mañana a las 4:00 PM? *Sí* 😀 a&b=c+d")


class Line(msgspec.Struct, frozen=True):
    """The emulator and the SDK's two ends of it."""

    emulator: TwilioEmulator
    http: Listening
    messenger: TwilioMessenger
    base_url: str | None = None
    download: Download | None = None

    def open_media(self) -> TwilioMedia:
        """Who fetches what people sent."""
        account = TwilioAccount(ACCOUNT.account_sid, ACCOUNT.auth_token, base_url=self.base_url)
        return TwilioMedia(account, download=self.download)

    @property
    def messages(self) -> Any:
        """The SDK's own list of messages."""
        return Client(ACCOUNT.account_sid, ACCOUNT.auth_token, http_client=self.http).messages


@pytest.fixture(params=["in process", "over http"])
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    """The emulator, reached by a function call or through a real server on loopback."""
    emulator = TwilioEmulator(SteadyClock(), account=ACCOUNT, senders={OURS}, behaviour=Behaviour(0, 0))
    account = TwilioAccount(ACCOUNT.account_sid, ACCOUNT.auth_token)

    def connect(inner: AsyncHttpClient, base_url: str | None, download: Download | None) -> Line:
        http = Listening(inner)
        messenger = TwilioMessenger(account, "https://parlo.example", http_client=http)
        return Line(emulator, http, messenger, base_url, download)

    if request.param == "in process":
        provider = EmulatedHttp(emulator)
        yield connect(provider, None, provider)
        return
    async with serve(EmulatorApp(emulator)) as base_url:
        inner = TwilioHttp(base_url)
        yield connect(inner, base_url, None)
        await inner.close()


async def test_a_message_is_created_fetched_and_listed(line: Line) -> None:
    """Every character arrives, and all three show the same resource."""
    sent = await line.messenger.send(MESSAGE)

    fetched = await line.messages(sent.sid).fetch_async()
    found = await line.messenger.find(to_address=ANA, from_address=OURS, since=line.emulator.sent[0].created_at)

    assert fetched.body == sent.body == MESSAGE.body
    assert [it.sid for it in found] == [sent.sid]
    assert line.emulator.sent[0].outbox_id == str(MESSAGE.outbox_id)


async def test_a_file_is_fetched_as_a_stranger_kept_and_shown(line: Line) -> None:
    """The SDK asks for what was sent as for what was received; a message without words is found by its empty body."""
    asked: list[str] = []

    async def fetch(url: str) -> Fetched:
        asked.append(url)
        return Fetched(200, "image/jpeg", make_sample(Sample.JPEG))

    line.emulator.fetcher = fetch
    photo = msgspec.structs.replace(MESSAGE, body="", media_url="https://parlo.example/media/a")

    sent = await line.messenger.send(photo)

    found = await line.messenger.find(to_address=ANA, from_address=OURS, since=line.emulator.sent[0].created_at)
    [media] = await line.messages(sent.sid).media.list_async()
    message = await line.messages(sent.sid).fetch_async()
    assert asked == ["https://parlo.example/media/a"]
    assert [(it.sid, it.body) for it in found] == [(sent.sid, "")]
    assert (media.content_type, message.num_media, sent.sid[:2]) == ("image/jpeg", "1", "MM")
    assert line.emulator.sent[0].media[0].sid == media.sid


async def test_a_received_file_is_fetched_by_the_runtimes_own_adapter(line: Line) -> None:
    """With our credentials; not without, not a deleted one, and not one that was never kept."""
    media = line.open_media()
    kept = InboundMedia("audio/ogg; codecs=opus", make_sample(Sample.OGG))
    gone = InboundMedia("audio/ogg", make_sample(Sample.OGG), expired=True)
    form = line.emulator.compose_inbound(Inbound(from_address=ANA, to_address=OURS, media=(kept, gone)))

    fetched = await media.fetch(form["MediaUrl0"], limit_bytes=1_000)

    assert fetched == FetchedMedia(kept.content, "audio/ogg; codecs=opus")
    with pytest.raises(MediaRefused, match="too_big"):
        await media.fetch(form["MediaUrl0"], limit_bytes=10)
    with pytest.raises(MediaRefused, match="expired"):
        await media.fetch(form["MediaUrl1"], limit_bytes=1_000)
    stranger = TwilioMedia(TwilioAccount(ACCOUNT.account_sid, "wrong", base_url=line.base_url), download=line.download)
    with pytest.raises(Unavailable):
        await stranger.fetch(form["MediaUrl0"], limit_bytes=1_000)
    await stranger.aclose()
    line.emulator.faults.inject(FaultKind.DOWN)
    with pytest.raises(Unavailable):
        await media.fetch(form["MediaUrl0"], limit_bytes=1_000)
    await media.aclose()


async def test_a_hundred_messages_at_once_are_all_accepted(line: Line) -> None:
    """Each once, with its own sid."""
    numbered = [msgspec.structs.replace(MESSAGE, body=str(number)) for number in range(100)]

    sent = await asyncio.gather(*(line.messenger.send(message) for message in numbered))

    assert len({it.sid for it in sent}) == 100
    assert [it.body for it in sent] == [str(number) for number in range(100)]


async def test_a_list_is_streamed_over_its_pages(line: Line) -> None:
    """By the SDK's own paging."""
    for number in range(7):
        await line.messenger.send(msgspec.structs.replace(MESSAGE, body=str(number)))

    bodies = [it.body for it in await line.messages.list_async(to=ANA, page_size=3)]

    assert bodies == [str(number) for number in reversed(range(7))]


async def test_a_refusal_has_twilios_code(line: Line) -> None:
    """Through the SDK's exception and our own."""
    with pytest.raises(MessageRefused) as refused:
        await line.messenger.send(msgspec.structs.replace(MESSAGE, body="x" * 1601))
    with pytest.raises(TwilioRestException) as missing:
        await line.messages("SM" + "0" * 32).fetch_async()

    assert refused.value.code == 21617
    assert (missing.value.status, missing.value.code) == (404, 20404)


async def test_a_refusal_for_the_rate_may_be_repeated(line: Line) -> None:
    """And then succeeds."""
    line.emulator.faults.inject(FaultKind.TOO_MANY)

    with pytest.raises(MessageRefused) as caught:
        await line.messenger.send(MESSAGE)
    await line.messenger.send(MESSAGE)

    assert (caught.value.code, caught.value.retry) == (20429, True)


@pytest.mark.parametrize(
    "kind", [FaultKind.SERVER_ERROR, FaultKind.TIMEOUT_AFTER_ACCEPT, FaultKind.ERROR_AFTER_ACCEPT, FaultKind.GARBAGE]
)
async def test_a_broken_answer_is_an_unknown_outcome(line: Line, kind: FaultKind) -> None:
    """Over a socket as by a function call."""
    line.emulator.faults.inject(kind, delay_s=0)

    with pytest.raises(UnknownOutcome):
        await line.messenger.send(MESSAGE)


async def test_a_message_is_redacted_and_deleted(line: Line) -> None:
    """As the SDK does it."""
    sent = await line.messenger.send(MESSAGE)

    redacted = await line.messages(sent.sid).update_async(body="")
    deleted = await line.messages(sent.sid).delete_async()

    assert redacted.body == ""
    assert deleted is True


async def test_files_are_listed_and_described(line: Line) -> None:
    """As the SDK does it."""
    photo = InboundMedia("image/jpeg", b"\xff\xd8")
    form = line.emulator.compose_inbound(Inbound(from_address=ANA, to_address=OURS, media=(photo, photo)))

    [first, _] = await line.messages(form["MessageSid"]).media.list_async()
    described = await line.messages(form["MessageSid"]).media(first.sid).fetch_async()

    assert (described.content_type, described.parent_sid) == ("image/jpeg", form["MessageSid"])
    assert (await line.messages(form["MessageSid"]).fetch_async()).num_media == "2"


# -- Twilio's published contract ------------------------------------------------------------------------------------


async def test_requests_and_answers_keep_to_the_published_contract(line: Line) -> None:
    """Each operation the runtime or a test uses: parameters, body, status, every field and no other."""
    CONTRACT.read()
    photo = InboundMedia("image/jpeg", b"\xff\xd8")
    form = line.emulator.compose_inbound(Inbound(from_address=ANA, to_address=OURS, media=(photo,)))
    since = datetime(2026, 1, 1, tzinfo=UTC)

    sent = await line.messenger.send(MESSAGE)
    line.emulator.faults.inject("63024")
    await line.messenger.send(MESSAGE)
    await line.emulator.deliver_due()
    await line.messenger.find(to_address=ANA, from_address=OURS, since=since)
    await line.messages.list_async(to=ANA, date_sent_after=since, date_sent_before=datetime(2027, 1, 1, tzinfo=UTC))
    await line.messages.list_async(page_size=1)
    await line.messages.create_async(to=ANA, from_=OURS, media_url=["https://parlo.example/a.jpg"])
    await line.messages.create_async(to=ANA, messaging_service_sid="MG" + "0" * 32, body="hola")
    await line.messages(sent.sid).fetch_async()
    await line.messages(sent.sid).update_async(body="")
    [media] = await line.messages(form["MessageSid"]).media.list_async()
    await line.messages(form["MessageSid"]).media(media.sid).fetch_async()
    await line.messages(form["MessageSid"]).media(media.sid).delete_async()
    await line.messages(sent.sid).delete_async()

    for exchange in line.http.exchanges:
        CONTRACT.check(exchange)
    assert len({(it.method, CONTRACT.find_operation(it)["operationId"]) for it in line.http.exchanges}) == 8


@pytest.fixture
def broken_exchanges() -> Iterator[list[Exchange]]:
    path = f"/2010-04-01/Accounts/{ACCOUNT.account_sid}/Messages.json"
    yield [
        Exchange("POST", path, {}, {"From": OURS}, 201, "{}"),
        Exchange("POST", path, {}, {"To": ANA, "Cuerpo": "x"}, 201, "{}"),
        Exchange("POST", path, {}, {"To": ANA}, 201, '{"sid": "SM1"}'),
        Exchange("GET", path, {"PageSize": "0"}, {}, 200, "{}"),
        Exchange("GET", path, {}, {}, 200, '{"messages": [{"status": "enviado"}]}'),
    ]


def test_the_check_itself_finds_what_breaks_the_contract(broken_exchanges: list[Exchange]) -> None:
    """A check that passes everything would be worth nothing."""
    CONTRACT.read()

    for exchange in broken_exchanges:
        with pytest.raises(jsonschema.ValidationError):
            CONTRACT.check(exchange)


# -- the server's own -----------------------------------------------------------------------------------------------


class Inbox:
    """An ASGI application that takes webhooks."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, str]] = []
        self.arrived = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event.get("body", b""), event.get("more_body", False)
        self.bodies.append(dict(parse_qsl(body.decode(), keep_blank_values=True)))
        self.arrived.set()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def test_the_server_hands_over_messages_and_callbacks_and_serves_files() -> None:
    """As `parlo up` uses it: all over real sockets."""
    inbox = Inbox()
    emulator = TwilioEmulator(SteadyClock(), account=ACCOUNT, behaviour=Behaviour(0, 0), sink=HttpSink())
    config = uvicorn.Config(inbox, host="127.0.0.1", port=0, ws="none", log_config=None, lifespan="off")
    receiver = uvicorn.Server(config)
    running = asyncio.create_task(receiver.serve())
    while not receiver.started:
        await asyncio.sleep(0.005)
    webhook = f"http://127.0.0.1:{receiver.servers[0].sockets[0].getsockname()[1]}/hook"
    photo = InboundMedia("image/jpeg", b"\xff\xd8")
    photo_url = urlsplit(
        emulator.compose_inbound(Inbound(from_address=ANA, to_address=OURS, media=(photo,)))["MediaUrl0"]
    ).path

    async with serve(EmulatorApp(emulator, webhook)) as base_url, aiohttp.ClientSession() as browser:
        wanted = msgspec.json.encode({"from_address": ANA, "to_address": OURS, "text": "¿tienen lugar?"})
        async with browser.post(f"{base_url}/emulator/inbound", data=wanted) as response:
            handed = msgspec.json.decode(await response.read(), type=HandedOver)
        inbox.arrived.clear()
        http = TwilioHttp(base_url)
        account = TwilioAccount(ACCOUNT.account_sid, ACCOUNT.auth_token)
        await TwilioMessenger(account, webhook, http_client=http).send(MESSAGE)
        await asyncio.wait_for(inbox.arrived.wait(), 5)
        credentials = aiohttp.encode_basic_auth(ACCOUNT.account_sid, ACCOUNT.auth_token)
        async with browser.get(base_url + photo_url, headers={"Authorization": credentials}) as response:
            content = await response.read()
        async with browser.get(f"{base_url}/emulator/sent") as response:
            sent = await response.json()
        async with browser.post(f"{base_url}/emulator/faults", data=b'{"kind": "caramba"}') as response:
            odd_fault = response.status
        await http.close()
    receiver.should_exit = True
    await running

    assert (handed.status, inbox.bodies[0]["MessageSid"], inbox.bodies[0]["Body"]) == (
        204,
        handed.sid,
        "¿tienen lugar?",
    )
    assert inbox.bodies[1]["MessageStatus"] == "sent"
    assert content == b"\xff\xd8"
    assert [it["body"] for it in sent] == [MESSAGE.body]
    assert odd_fault == 400


async def test_a_receiver_that_is_not_there_counts_as_no_answer() -> None:
    """Twilio would note it in its debugger and go on."""
    sink = HttpSink()

    assert await sink("http://127.0.0.1:1/nadie", {"a": "b"}, {}) == 0
    await sink.aclose()


async def test_whoever_wrote_past_the_server_may_be_answered_freely_once_it_is_told() -> None:
    """Programs that post webhooks themselves tell it; to all others free words fail with 63016."""
    behaviour = Behaviour(0, 0, window_s=86_400)
    emulator = TwilioEmulator(SteadyClock(), account=ACCOUNT, behaviour=behaviour)
    wrote = msgspec.json.encode([Wrote(OURS, ANA)])

    async with serve(EmulatorApp(emulator)) as base_url, aiohttp.ClientSession() as browser:
        http = TwilioHttp(base_url)
        messenger = TwilioMessenger(
            TwilioAccount(ACCOUNT.account_sid, ACCOUNT.auth_token), "https://parlo.test", http_client=http
        )
        await messenger.send(MESSAGE)
        async with browser.post(f"{base_url}/emulator/windows", data=wrote) as response:
            told = response.status
        await messenger.send(MESSAGE)
        async with browser.post(f"{base_url}/emulator/windows", data=b"{}") as response:
            odd = response.status
        await http.close()

    assert [record.failure for record in emulator.sent] == [63016, None]
    assert (told, odd) == (200, 400)
