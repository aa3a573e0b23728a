"""One suite for both ways into the emulator, through the SDK, checked against Twilio's published contract."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
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
from twilio.http.response import Response
from twilio.rest import Client

from runtime.adapters.twilio.http import TwilioHttp
from runtime.adapters.twilio.messenger import TwilioAccount, TwilioMessenger
from runtime.domain.errors import UnknownOutcome
from runtime.domain.ids import OutboxId
from runtime.ports import MessageRefused, OutgoingMessage
from sim.twilio.emulator import Account, TwilioEmulator
from sim.twilio.faults import FaultKind
from sim.twilio.inbound import Inbound, InboundMedia
from sim.twilio.reports import Behaviour
from sim.twilio.server import EmulatorApp, HandedOver, HttpSink
from sim.twilio.transport import EmulatedHttp

pytestmark = pytest.mark.contract

OPENAPI = Path(__file__).resolve().parents[3] / "shared" / "data" / "twilio" / "openapi" / "twilio_api_v2010.json"
ACCOUNT = Account()
OURS = "whatsapp:+5215550000000"
ANA = "whatsapp:+5215512345678"
MESSAGE = OutgoingMessage(OutboxId(UUID(int=9)), OURS, ANA, "¿Te espero mañana a las 4:00 PM? *Sí* 😀 a&b=c+d")


class SteadyClock:
    """Real pace, made-up start: loopback servers wait in real time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._started_s = self._loop.time()

    def now(self) -> datetime:
        return datetime(2026, 1, 12, 16, 0, tzinfo=UTC) + timedelta(seconds=self._loop.time() - self._started_s)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Exchange(msgspec.Struct, frozen=True):
    """A request the SDK made, and the answer it got."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, object]
    status: int
    text: str


class Listening(AsyncHttpClient):  # type: ignore[misc]  # an untyped base class
    """Passes requests on and notes them down."""

    def __init__(self, inner: AsyncHttpClient) -> None:
        super().__init__(None, True, None)
        self.inner = inner
        self.exchanges: list[Exchange] = []

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
        response = await self.inner.request(method, url, params, data, headers, auth, timeout, allow_redirects)
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query)) | {name: str(value) for name, value in (params or {}).items()}
        self.exchanges.append(
            Exchange(method.upper(), parts.path, query, dict(data or {}), response.status_code, response.text)
        )
        return response


class Line(msgspec.Struct, frozen=True):
    """The emulator and the SDK's two ends of it."""

    emulator: TwilioEmulator
    http: Listening
    messenger: TwilioMessenger

    @property
    def messages(self) -> Any:
        """The SDK's own list of messages."""
        return Client(ACCOUNT.account_sid, ACCOUNT.auth_token, http_client=self.http).messages


@asynccontextmanager
async def serve(app: EmulatorApp) -> AsyncIterator[str]:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, ws="none", log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@pytest.fixture(params=["in process", "over http"])
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    """The emulator, reached by a function call or through a real server on loopback."""
    emulator = TwilioEmulator(SteadyClock(), account=ACCOUNT, senders={OURS}, behaviour=Behaviour(0, 0))
    account = TwilioAccount(ACCOUNT.account_sid, ACCOUNT.auth_token)

    def connect(inner: AsyncHttpClient) -> Line:
        http = Listening(inner)
        return Line(emulator, http, TwilioMessenger(account, "https://parlo.example", http_client=http))

    if request.param == "in process":
        yield connect(EmulatedHttp(emulator))
        return
    async with serve(EmulatorApp(emulator)) as base_url:
        inner = TwilioHttp(base_url)
        yield connect(inner)
        await inner.close()


async def test_a_message_is_created_fetched_and_listed(line: Line) -> None:
    """Every character arrives, and all three show the same resource."""
    sent = await line.messenger.send(MESSAGE)

    fetched = await line.messages(sent.sid).fetch_async()
    found = await line.messenger.find(to_address=ANA, from_address=OURS, since=line.emulator.sent[0].created_at)

    assert fetched.body == sent.body == MESSAGE.body
    assert [it.sid for it in found] == [sent.sid]
    assert line.emulator.sent[0].outbox_id == str(MESSAGE.outbox_id)


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


@cache
def read_contract() -> dict[str, Any]:
    if not OPENAPI.exists():
        pytest.skip("../shared is not beside this checkout")
    contract: dict[str, Any] = json.loads(OPENAPI.read_text())
    return contract


def convert(schema: Any) -> Any:
    """A schema of OpenAPI 3.0 in the words of JSON Schema: nullable, closed, with its references resolved."""
    if isinstance(schema, list):
        return [convert(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target: Any = read_contract()
        for name in schema["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        return convert(target)
    converted = {name: convert(value) for name, value in schema.items() if name not in ("nullable", "example")}
    if schema.get("format") == "date-time-rfc-2822":
        converted["pattern"] = r"^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} \+0000$"
    if isinstance(schema.get("properties"), dict):
        converted["additionalProperties"] = False
    return {"anyOf": [converted, {"type": "null"}]} if schema.get("nullable") else converted


def find_operation(exchange: Exchange) -> dict[str, Any]:
    """The operation of the contract; a literal path wins over a template."""
    for path, operations in sorted(read_contract()["paths"].items(), key=lambda item: item[0].count("{")):
        ours, theirs = exchange.path.split("/"), path.split("/")
        same = len(ours) == len(theirs) and all(_fits(*pair) for pair in zip(ours, theirs, strict=True))
        if same and exchange.method.lower() in operations:
            operation: dict[str, Any] = operations[exchange.method.lower()]
            return operation
    raise AssertionError(f"{exchange.method} {exchange.path} is not in the contract")


def _fits(ours: str, theirs: str) -> bool:
    return (theirs.startswith("{") and ours.endswith(theirs.partition("}")[2])) or ours == theirs


def check(exchange: Exchange) -> None:
    """Assert that a request and its answer keep to the contract."""
    operation = find_operation(exchange)
    parameters = {it["name"]: it["schema"] for it in operation.get("parameters", ()) if it["in"] == "query"}
    for name, value in exchange.query.items():
        schema = parameters[name]
        jsonschema.validate(int(value) if schema["type"] == "integer" else value, convert(schema))
    if exchange.method == "POST":
        body = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
        jsonschema.validate(exchange.form, convert(body))
    answer = operation["responses"][str(exchange.status)]
    if "content" not in answer:
        assert exchange.text == ""
        return
    schema = convert(answer["content"]["application/json"]["schema"])
    value = json.loads(exchange.text)
    jsonschema.validate(value, schema)
    assert value.keys() == schema["properties"].keys()


async def test_requests_and_answers_keep_to_the_published_contract(line: Line) -> None:
    """Each operation the runtime or a test uses: parameters, body, status, every field and no other."""
    read_contract()
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
        check(exchange)
    assert len({(it.method, find_operation(it)["operationId"]) for it in line.http.exchanges}) == 8


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
    read_contract()

    for exchange in broken_exchanges:
        with pytest.raises(jsonschema.ValidationError):
            check(exchange)


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
