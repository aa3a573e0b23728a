"""The messenger says truthfully what became of a message: refused, not accepted, accepted, or unknown."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs
from uuid import UUID

import msgspec
import pytest
from twilio.http import AsyncHttpClient
from twilio.http.response import Response

from runtime.adapters.twilio.http import TwilioHttp, encode_basic_auth
from runtime.adapters.twilio.messenger import TwilioAccount, TwilioMessenger, compose_callback_url
from runtime.domain.errors import Unavailable, UnknownOutcome
from runtime.domain.ids import OutboxId
from runtime.ports import MessageRefused, OutgoingMessage

ACCOUNT = TwilioAccount("AC" + "1" * 32, "secreto")
OUTBOX = OutboxId(UUID("01920000-0000-7000-8000-000000000001"))
MESSAGE = OutgoingMessage(OUTBOX, "whatsapp:+5215550000000", "whatsapp:+5215512345678", "¡Listo, *Ana*! 😀")
PAIR = {"to_address": MESSAGE.to_address, "from_address": MESSAGE.from_address}
NOON = datetime(2026, 1, 12, 12, 0, 30, tzinfo=UTC)


def resource(sid: str = "SM1", *, created_at: datetime = NOON, body: str = MESSAGE.body) -> dict[str, object]:
    return {
        "sid": sid,
        "status": "queued",
        "body": body,
        "from": MESSAGE.from_address,
        "to": MESSAGE.to_address,
        "date_created": created_at.strftime("%a, %d %b %Y %H:%M:%S +0000"),
        "date_sent": None,
    }


class ScriptedHttp(AsyncHttpClient):  # type: ignore[misc]  # an untyped base class
    """Gives prepared answers and remembers what was asked."""

    def __init__(self, *answers: Response | BaseException) -> None:
        super().__init__(None, True, None)
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Mapping[str, str], Mapping[str, str]]] = []

    async def request(  # noqa: PLR0913 - the SDK's signature
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        self.asked.append((method, url, params or {}, data or {}))
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def answer(status: int, value: object) -> Response:
    return Response(status, value if isinstance(value, str) else json.dumps(value))


def build(*answers: Response | BaseException) -> tuple[TwilioMessenger, ScriptedHttp]:
    http = ScriptedHttp(*answers)
    return TwilioMessenger(ACCOUNT, "https://parlo.example", http_client=http), http


async def test_a_message_is_sent_once_with_its_outbox_id_in_the_callback() -> None:
    """The id in the query lets a callback settle a message whose answer was lost."""
    messenger, http = build(answer(201, resource()))

    sent = await messenger.send(MESSAGE)

    assert (sent.sid, sent.status, sent.body, sent.created_at) == ("SM1", "queued", MESSAGE.body, NOON)
    [(method, url, _, data)] = http.asked
    assert method == "POST" and url.endswith(f"/2010-04-01/Accounts/{ACCOUNT.account_sid}/Messages.json")
    assert data == {
        "To": MESSAGE.to_address,
        "From": MESSAGE.from_address,
        "Body": MESSAGE.body,
        "StatusCallback": f"https://parlo.example/webhooks/twilio/status?outbox={OUTBOX}",
    }


@pytest.mark.parametrize("body", ["Ana: mira", ""])
async def test_a_file_is_sent_by_its_address_with_or_without_words(body: str) -> None:
    """A body that is there but empty would be refused."""
    messenger, http = build(answer(201, resource(body=body)))
    photo = msgspec.structs.replace(MESSAGE, body=body, media_url="https://parlo.example/media/x/1/y")

    sent = await messenger.send(photo)

    assert sent.body == body
    data = http.asked[0][3]
    assert dict[str, object](data).get("MediaUrl") == ["https://parlo.example/media/x/1/y"]
    assert data.get("Body") == (body or None)
    assert "StatusCallback" in data


def test_a_trailing_slash_of_the_public_address_does_no_harm() -> None:
    """The callback's path has no double slash, or its signature would not match."""
    assert compose_callback_url("https://parlo.example/", OUTBOX).startswith("https://parlo.example/webhooks/")


async def test_text_that_cannot_travel_is_cleaned() -> None:
    """A lone surrogate or NUL from a model is no reason to fail."""
    messenger, http = build(answer(201, resource()))

    await messenger.send(msgspec.structs.replace(MESSAGE, body="a\x00b\ud800"))

    assert http.asked[0][3]["Body"] == "ab\ufffd"


class Refusal(msgspec.Struct, frozen=True):
    """An HTTP answer and what it means."""

    status: int
    body: object
    code: int
    retry: bool


REFUSALS = [
    Refusal(400, {"code": 21610, "message": "x", "status": 400}, 21610, False),
    Refusal(401, {"code": 20003, "message": "x", "status": 401}, 20003, False),
    Refusal(404, "<html>", 0, False),
    Refusal(400, {"code": None, "message": "x"}, 0, False),
    Refusal(429, {"code": 20429, "message": "x", "status": 429}, 20429, True),
    Refusal(429, "", 20429, True),
    Refusal(400, {"type": "t", "title": "t", "status": 400, "code": 21211}, 21211, False),
]


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: f"{case.status}-{case.code}")
async def test_a_refusal_carries_the_code_and_whether_to_retry(case: Refusal) -> None:
    """Only a refusal for the rate says that nothing was processed and it may be repeated."""
    messenger, _ = build(answer(case.status, case.body))

    with pytest.raises(MessageRefused) as caught:
        await messenger.send(MESSAGE)

    assert (caught.value.code, caught.value.retry) == (case.code, case.retry)


@pytest.mark.parametrize(
    "reply",
    [
        answer(500, {"code": 20500, "message": "x"}),
        answer(503, ""),
        answer(408, ""),
        answer(307, ""),
        answer(201, "<html>"),
        answer(201, "[]"),
        answer(201, "null"),
        answer(201, {"status": "queued"}),
        answer(201, {"sid": "SM1", "date_created": "Mon, 99 Jan 2026 99:00:00 +0000"}),
        TimeoutError(),
        ConnectionResetError(),
    ],
    ids=str,
)
async def test_what_may_have_been_accepted_is_an_unknown_outcome(reply: Response | BaseException) -> None:
    """Server errors, lost answers and answers that cannot be read."""
    messenger, _ = build(reply)

    with pytest.raises(UnknownOutcome):
        await messenger.send(MESSAGE)


@pytest.mark.parametrize("error", [ConnectionRefusedError(), socket.gaierror()], ids=repr)
async def test_what_was_certainly_not_accepted_is_only_unavailable(error: BaseException) -> None:
    """Without a connection nothing can have been accepted."""
    messenger, _ = build(error)

    with pytest.raises(Unavailable) as caught:
        await messenger.send(MESSAGE)

    assert not isinstance(caught.value, UnknownOutcome)


async def test_errors_name_neither_person_nor_words() -> None:
    """They end in logs."""
    messenger, _ = build(answer(400, {"code": 21211, "message": f"Invalid {MESSAGE.to_address}"}))

    with pytest.raises(MessageRefused) as caught:
        await messenger.send(MESSAGE)

    assert "55123" not in str(caught.value)
    assert "secreto" not in repr(ACCOUNT)


async def test_messages_are_found_oldest_first_from_the_second_asked_for() -> None:
    """Times have whole seconds, so the asked one is cut to its second."""
    records = [resource(f"SM{age}", created_at=NOON - timedelta(seconds=age)) for age in (0, 1, 2)]
    messenger, http = build(answer(200, {"messages": records, "next_page_uri": None}))

    found = await messenger.find(**PAIR, since=NOON - timedelta(seconds=0.5))

    assert [it.sid for it in found] == ["SM1", "SM0"]
    assert http.asked[0][2] == {"To": MESSAGE.to_address, "From": MESSAGE.from_address, "PageSize": 50}


async def test_a_search_reads_on_until_a_page_holds_nothing_recent() -> None:
    """The list is newest first."""
    old = [resource("SM9", created_at=NOON - timedelta(days=1))]
    messenger, http = build(
        answer(200, {"messages": [resource("SM2")], "next_page_uri": "/2010-04-01/a?Page=1"}),
        answer(200, {"messages": [resource("SM1")], "next_page_uri": "/2010-04-01/a?Page=2"}),
        answer(200, {"messages": old, "next_page_uri": "/2010-04-01/a?Page=3"}),
    )

    found = await messenger.find(**PAIR, since=NOON)

    assert [it.sid for it in found] == ["SM1", "SM2"]
    assert len(http.asked) == 3


@pytest.mark.parametrize(
    "reply",
    [answer(401, ""), answer(429, ""), answer(500, ""), answer(200, "<html>"), answer(200, {}), TimeoutError()],
    ids=str,
)
async def test_a_search_that_fails_is_unavailable(reply: Response | BaseException) -> None:
    """Never "nothing found": that would send a message twice."""
    messenger, _ = build(reply)

    with pytest.raises(Unavailable) as caught:
        await messenger.find(**PAIR, since=NOON)

    assert not isinstance(caught.value, UnknownOutcome)


async def test_what_people_sent_is_listed_whoever_it_was_and_what_we_sent_is_not() -> None:
    """By pages of a thousand, back to the second asked for, oldest first."""
    records = [resource(f"SM{age}", created_at=NOON - timedelta(seconds=age)) for age in (0, 1, 2, 3)]
    for number, record in enumerate(records):
        record["direction"] = "outbound-api" if number == 1 else "inbound"
    messenger, http = build(
        answer(200, {"messages": records[:2], "next_page_uri": "/2010-04-01/a?Page=1"}),
        answer(200, {"messages": records[2:], "next_page_uri": None}),
    )

    listed = await messenger.list_received(since=NOON - timedelta(seconds=2))

    assert [(it.sid, it.created_at) for it in listed] == [("SM2", NOON - timedelta(seconds=2)), ("SM0", NOON)]
    assert set(http.asked[0][2]) == {"PageSize"}, "nothing narrows it down"


async def test_a_message_that_was_received_is_read_in_the_words_of_its_webhook() -> None:
    """With the addresses of its files, which are asked for only where there are some."""
    message = resource("MM1") | {"account_sid": ACCOUNT.account_sid, "direction": "inbound", "num_media": "1"}
    file = {"sid": "ME1", "content_type": "image/png", "uri": "/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1.json"}
    messenger, _ = build(answer(200, message), answer(200, {"media_list": [file], "next_page_uri": None}))

    form = await messenger.read_received("MM1")

    assert dict(form) == {
        "MessageSid": "MM1",
        "AccountSid": ACCOUNT.account_sid,
        "From": MESSAGE.from_address,
        "To": MESSAGE.to_address,
        "Body": MESSAGE.body,
        "NumMedia": "1",
        "MediaUrl0": "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1",
        "MediaContentType0": "image/png",
    }
    plain, asked = build(answer(200, message | {"num_media": "0"}))
    assert (await plain.read_received("MM1"))["NumMedia"] == "0"
    assert len(asked.asked) == 1


@pytest.mark.parametrize(
    "reply",
    [answer(401, ""), answer(404, ""), answer(429, ""), answer(500, ""), answer(200, "<html>"), TimeoutError()],
    ids=str,
)
async def test_a_list_or_a_message_that_cannot_be_read_is_unavailable(reply: Response | BaseException) -> None:
    """Never "nobody wrote": what is missing would be forgotten."""
    messenger, _ = build(reply, reply)

    with pytest.raises(Unavailable):
        await messenger.list_received(since=NOON)
    with pytest.raises(Unavailable):
        await messenger.read_received("SM1")


# -- over real sockets ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def serve(reply: bytes, received: list[bytes] | None = None) -> AsyncIterator[str]:
    """A server that reads a request, says `reply` and hangs up; an empty reply never comes."""
    release = asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if received is not None:
            received.extend((head, await reader.readexactly(length)))
        if reply:
            writer.write(reply)
            await writer.drain()
        else:
            await release.wait()
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/base"
    finally:
        release.set()
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def connect(base_url: str, *, timeout_s: float = 5.0) -> AsyncIterator[TwilioMessenger]:
    account = msgspec.structs.replace(ACCOUNT, base_url=base_url)
    messenger = TwilioMessenger(account, "https://parlo.example", timeout_s=timeout_s)
    try:
        yield messenger
    finally:
        await messenger.aclose()


async def test_a_request_goes_to_the_configured_address_with_our_credentials() -> None:
    """Scheme, host and path prefix are replaced; the form is encoded as UTF-8."""
    received: list[bytes] = []
    body = json.dumps(resource()).encode()
    reply = b"HTTP/1.1 201 Created\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)

    async with serve(reply, received) as base_url, connect(base_url) as messenger:
        sent = await messenger.send(MESSAGE)

    assert sent.body == MESSAGE.body
    assert received[0].startswith(b"POST /base/2010-04-01/Accounts/AC")
    assert encode_basic_auth(ACCOUNT.account_sid, "secreto").encode() in received[0]
    assert parse_qs(received[1].decode())["Body"] == [MESSAGE.body]


@pytest.mark.parametrize(
    "reply", [b"\x00", b"HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{"], ids=["none", "cut"]
)
async def test_a_connection_that_breaks_after_the_request_leaves_the_outcome_unknown(reply: bytes) -> None:
    """The request was sent: it may have taken effect."""
    async with serve(reply) as base_url, connect(base_url) as messenger:
        with pytest.raises(UnknownOutcome):
            await messenger.send(MESSAGE)


async def test_an_answer_that_never_comes_is_given_up_and_its_outcome_unknown() -> None:
    """The time limit is ours: the SDK's client has none."""
    async with serve(b"") as base_url, connect(base_url, timeout_s=0.05) as messenger:
        with pytest.raises(UnknownOutcome):
            await messenger.send(MESSAGE)


async def test_a_closed_port_is_unavailable() -> None:
    """Nothing was sent."""
    async with serve(b"") as base_url:
        pass

    async with connect(base_url) as messenger:
        with pytest.raises(Unavailable) as caught:
            await messenger.send(MESSAGE)

    assert not isinstance(caught.value, UnknownOutcome)


async def test_a_name_that_does_not_resolve_is_unavailable() -> None:
    """Nothing was sent."""
    async with connect("http://nadie.invalid") as messenger:
        with pytest.raises(Unavailable) as caught:
            await messenger.send(MESSAGE)

    assert not isinstance(caught.value, UnknownOutcome)


def test_a_client_can_be_made_before_any_loop_runs() -> None:
    """Bootstrap is not async; connections are opened by the first request."""
    messenger = TwilioMessenger(ACCOUNT, "https://parlo.example", http_client=TwilioHttp())

    asyncio.run(messenger.aclose())
