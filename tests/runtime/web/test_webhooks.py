"""The webhooks over HTTP, on a real database: what is believed, what is refused, and that nothing crashes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote_plus

import msgspec
import pytest
import pytest_asyncio

from runtime.adapters.twilio import messenger
from runtime.store.database import Database, open_database
from runtime.web import webhooks
from sim.twilio.signing import Algorithm, SigningKey, sign_body, sign_form
from tests.runtime.web.knocking import (
    FORM_TYPE,
    KEY,
    MESSAGES,
    PUBLIC_URL,
    STATUS,
    Knocker,
    knocking,
    make_app,
    make_form,
)

pytestmark = pytest.mark.integration

NO_OUTBOX = "00000000-0000-7000-8000-0000000000ff"


@pytest_asyncio.fixture
async def door(database: Database) -> AsyncIterator[Knocker]:
    async with knocking(make_app(database), database) as knocker:
        yield knocker


async def test_a_signed_message_is_stored_and_answered_with_nothing_to_say(door: Knocker) -> None:
    """200 with an empty TwiML document: the answer comes later, by the API."""
    answer = await door.post(make_form())

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert answer.text.endswith("<Response/>")
    assert await door.count_stored() == 1


async def test_a_repeated_sid_is_taken_in_once(door: Knocker) -> None:
    """Twilio repeats what it got no answer to: each time 200, one row."""
    answers = [await door.post(make_form("SM7", Body=text)) for text in ("uno", "uno", "dos")]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert await door.count_stored() == 1


@pytest.mark.parametrize(
    "key",
    [
        SigningKey("second-secret"),
        SigningKey("first-secret", Algorithm.SHA256),
        SigningKey("second-secret", Algorithm.SHA256),
    ],
)
async def test_every_secret_and_both_algorithms_count(door: Knocker, key: SigningKey) -> None:
    """So that a secret can be rotated and the newer way of signing be switched on at any time."""
    answer = await door.post(make_form(), key=key)

    assert answer.status_code == 200


async def test_what_is_not_signed_by_twilio_is_refused_and_not_stored(door: Knocker) -> None:
    """No signature, another secret, another form, another path or another query: 403."""
    form = make_form()
    good = sign_form(PUBLIC_URL + MESSAGES, form, KEY)
    body = "&".join(f"{name}={quote_plus(value)}" for name, value in form.items()).encode()

    answers = [
        await door.send(body, headers={}),
        await door.post(form, key=SigningKey("third-secret")),
        await door.send(body + b"&Body=cancela", headers=good),
        await door.send(body, STATUS, headers=good),
        await door.send(body, MESSAGES + "?outbox=1", headers=good),
        await door.client.post(
            MESSAGES,
            content=body,
            headers=[(b"content-type", FORM_TYPE.encode()), (b"x-twilio-signature", b"\xff\xc3")],
        ),
    ]

    assert [answer.status_code for answer in answers] == [403] * 6
    assert await door.count_stored() == 0


async def test_the_signed_address_is_the_configured_one_whatever_the_request_says(door: Knocker) -> None:
    """Host and forwarding headers are a client's own words: they neither break a signature nor make one."""
    lies = {"host": "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "http"}
    form = make_form()
    for_evil = sign_form(f"http://evil.example{MESSAGES}", form, KEY)

    believed = await door.post(form, headers=lies)
    refused = await door.post(form, headers=lies | for_evil)

    assert (believed.status_code, refused.status_code) == (200, 403)


@pytest.mark.parametrize("missing", ["MessageSid", "From", "To"])
async def test_a_signed_form_without_sid_sender_or_recipient_is_a_bad_request(door: Knocker, missing: str) -> None:
    """There is nobody to answer, or nothing to tell a repeat by."""
    form = make_form()

    answers = [
        await door.post({name: value for name, value in form.items() if name != missing}),
        await door.post(form | {missing: ""}),
    ]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert await door.count_stored() == 0


async def test_only_sid_sender_and_recipient_are_needed(door: Knocker) -> None:
    """A voice note has no Body; unknown fields, empty ones and repeated ones are no fault."""
    note = {"MediaUrl0": "https://media.example/a.ogg", "MediaContentType0": "audio/ogg", "NumMedia": "1"}
    bare = {name: value for name, value in make_form("SM1").items() if name != "Body"}

    answers = [
        await door.post(bare),
        await door.post(make_form("SM2", Body="") | note),
        await door.post(
            make_form("SM3", Nuevo="", Otro="\x00\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"))
        ),
        await door.post([*make_form("SM4").items(), ("Repeated", "b"), ("Repeated", "a"), ("Repeated", "a")]),
        await door.post(make_form("SM5", Body="x" * 5000)),
    ]

    assert [answer.status_code for answer in answers] == [200] * 5
    assert await door.count_stored() == 5


async def test_either_address_takes_both_kinds_of_form(door: Knocker) -> None:
    """One sender may have one address for everything."""
    status = {"MessageSid": "SM9", "MessageStatus": "delivered"}

    answers = [
        await door.post(make_form("SM1"), STATUS),
        await door.post(status, f"{MESSAGES}?outbox={NO_OUTBOX}"),
        await door.post(status, f"{STATUS}?outbox={NO_OUTBOX}"),
        await door.post(status, STATUS),
        await door.post(status, f"{STATUS}?outbox=nonsense"),
    ]

    assert [answer.status_code for answer in answers] == [200] * 5
    assert await door.count_stored() == 1


async def test_json_vouched_for_by_its_hash_is_read_like_a_form(door: Knocker) -> None:
    """The signature then covers the address, and the address covers the body."""
    body = msgspec.json.encode(make_form() | {"NumMedia": 0, "Nested": {"a": [None, True]}})
    url, headers = sign_body(PUBLIC_URL + MESSAGES, body, KEY)
    path = url.removeprefix(PUBLIC_URL)

    altered = await door.send(body.replace(b"hola", b"adio"), path, headers=headers, content_type="application/json")
    good = await door.send(body, path, headers=headers, content_type="application/json")

    assert (altered.status_code, good.status_code) == (403, 200)
    assert await door.count_stored() == 1


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"a=1", "text/plain", 415),
        (b"a=1", "multipart/form-data; boundary=x", 415),
        (b"a=1", "", 415),
        (b"Body=\xff\xfe", FORM_TYPE, 400),
        (b"Body=%ZZ%&%=%", FORM_TYPE, 403),
        (b"Body=%FF", FORM_TYPE, 403),
        (b"&".join(b"f%d=1" % n for n in range(501)), FORM_TYPE, 400),
        (b"", FORM_TYPE, 403),
        (b"[1]", "application/json", 400),
        (b"{", "application/json", 400),
        (b'{"Body":"\xff"}', "application/json", 400),
    ],
)
async def test_what_cannot_be_read_is_refused_by_a_defined_answer(
    door: Knocker, body: bytes, content_type: str, status: int
) -> None:
    """Never a 500, whatever arrives."""
    answer = await door.send(body, headers={"X-Twilio-Signature": "eA=="}, content_type=content_type)

    assert answer.status_code == status
    assert list(answer.json()) == ["error"]


async def test_a_body_over_the_limit_is_not_read_to_its_end(door: Knocker) -> None:
    """413, be its length announced or not."""

    async def drip() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"a" * 1000

    announced = await door.post(make_form(Body="a" * 20_001))
    dripping = await door.client.post(MESSAGES, content=drip(), headers={"content-type": FORM_TYPE})

    assert (announced.status_code, dripping.status_code) == (413, 413)
    assert await door.count_stored() == 0


async def test_an_identifier_of_absurd_length_is_a_bad_request(door: Knocker) -> None:
    """No index of the database holds it, and no provider sends it."""
    noise = "".join(chr(33 + n * 7919 % 90) for n in range(9_000))

    answers = [await door.post(make_form(noise)), await door.post(make_form(From=f"whatsapp:{noise}"))]

    assert [answer.status_code for answer in answers] == [400, 400]


async def test_a_database_that_is_down_is_a_503_that_says_when_to_come_back() -> None:
    """Nothing was stored, so the provider must try again."""
    database = open_database("postgresql://parlo@127.0.0.1:1/none")
    async with knocking(make_app(database), database) as knocker:
        answer = await knocker.post(make_form())

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_the_address_given_to_twilio_for_callbacks_is_one_that_is_served() -> None:
    """The sender and the web process each know the path; they must agree."""
    assert messenger.STATUS_PATH == webhooks.STATUS_PATH
