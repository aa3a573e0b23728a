"""What the emulator hands over looks like Twilio's webhooks, and our reader reads it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from runtime.adapters.twilio.signature import SignatureChecker
from runtime.domain.errors import Untrusted
from runtime.domain.whatsapp import (
    ButtonTap,
    InboundMessage,
    ListChoice,
    MessageKind,
    Place,
    is_status_callback,
    parse_inbound,
)
from sim.twilio.emulator import TwilioEmulator
from sim.twilio.inbound import Inbound, InboundButton, InboundChoice, InboundMedia, InboundPlace
from sim.twilio.signing import SigningKey, sign_body

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "data" / "twilio" / "webhooks.jsonl"
URL = "https://parlo.example/webhooks/twilio"
HELLO = Inbound(from_address="whatsapp:+5215512345678", to_address="whatsapp:+5215550000000", text="hola")


class StoppedClock:
    """It is always the same moment."""

    def now(self) -> datetime:
        return datetime(2026, 1, 12, 16, 0, tzinfo=UTC)

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits here")


@pytest.fixture
def emulator() -> TwilioEmulator:
    return TwilioEmulator(StoppedClock())


def change(**changes: object) -> Inbound:
    return msgspec.structs.replace(HELLO, **changes)


def files(*types: str) -> tuple[InboundMedia, ...]:
    return tuple(InboundMedia(content_type) for content_type in types)


class Case(msgspec.Struct, frozen=True):
    """What is sent, and the kind it is read as."""

    inbound: Inbound
    kind: MessageKind


CASES = [
    Case(HELLO, MessageKind.TEXT),
    Case(change(text=""), MessageKind.TEXT),
    Case(change(text="", media=files("audio/ogg")), MessageKind.AUDIO),
    Case(change(media=files("image/jpeg", "image/jpeg")), MessageKind.IMAGE),
    Case(change(text="", media=files("video/mp4")), MessageKind.VIDEO),
    Case(change(text="", media=files("application/pdf")), MessageKind.DOCUMENT),
    Case(change(text="", media=files("text/vcard")), MessageKind.CONTACTS),
    Case(change(text="", media=files("image/webp"), sticker=True), MessageKind.STICKER),
    Case(change(text="", location=InboundPlace(19.4, -99.1, "Centro")), MessageKind.LOCATION),
    Case(change(text="", button=InboundButton("ok:1", "Confirmo")), MessageKind.BUTTON),
    Case(change(text="", choice=InboundChoice("2", "Tinte", "desde $800")), MessageKind.LIST),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_our_reader_reads_what_the_emulator_composes(emulator: TwilioEmulator, case: Case) -> None:
    """The two were written apart, from the same facts."""
    form = emulator.compose_inbound(case.inbound)

    message = parse_inbound(form)
    assert message.kind is case.kind
    assert len(message.media) == len(case.inbound.media) == int(form["NumMedia"])
    assert (message.from_address, message.wa_id) == (HELLO.from_address, "5215512345678")
    assert not is_status_callback(form)


def test_taps_places_replies_and_forwards_carry_their_content(emulator: TwilioEmulator) -> None:
    """Each with the fields Twilio gives them."""

    def read(**changes: object) -> InboundMessage:
        return parse_inbound(emulator.compose_inbound(change(**changes)))

    tap = read(text="", button=InboundButton("ok:1", "Confirmo"), replied_to_sid="SM5")
    row = read(text="", choice=InboundChoice("2", "Tinte"))
    place = read(text="", location=InboundPlace(19.4, -99.1, "Centro", "Juárez 1"))

    assert (tap.button, tap.text, tap.replied_to_sid) == (ButtonTap("ok:1", "Confirmo"), "Confirmo", "SM5")
    assert (row.choice, row.text) == (ListChoice("2", "Tinte"), "Tinte")
    assert (place.location, place.text) == (Place(19.4, -99.1, "Centro", "Juárez 1"), "")
    assert read(forwarded=True).forwarded


def test_a_person_without_a_visible_number_is_known_by_an_identifier(emulator: TwilioEmulator) -> None:
    """From and ExternalUserId both carry it, and there is no WaId."""
    form = emulator.compose_inbound(change(from_address="whatsapp:MX.1000000001"))

    assert form["From"] == form["ExternalUserId"] == "whatsapp:MX.1000000001"
    assert "WaId" not in form


def test_fields_can_be_replaced_added_and_left_out(emulator: TwilioEmulator) -> None:
    """For the odd webhook of a transcript."""
    form = emulator.compose_inbound(change(fields={"Body": None, "NumMedia": "x", "FromTheFuture": "1"}))

    assert "Body" not in form
    assert (form["NumMedia"], form["FromTheFuture"]) == ("x", "1")


def test_a_repeated_sid_is_the_same_message_handed_over_again(emulator: TwilioEmulator) -> None:
    """Files keep their addresses."""
    first = emulator.compose_inbound(change(media=files("audio/ogg")))

    again = emulator.compose_inbound(change(media=files("audio/ogg"), sid=first["MessageSid"]))

    assert again == first


def test_an_altered_form_no_longer_matches_its_signature(emulator: TwilioEmulator) -> None:
    """The signature vouches for every field."""
    form = emulator.compose_inbound(HELLO)
    headers = emulator.sign(URL, form)
    checker = SignatureChecker("https://parlo.example", (emulator.account.auth_token,))

    checker.check("/webhooks/twilio", list(form.items()), headers)

    with pytest.raises(Untrusted):
        checker.check("/webhooks/twilio", list((form | {"Body": "otra"}).items()), headers)


def test_a_body_that_is_no_form_is_signed_by_its_hash() -> None:
    """The address then carries the hash."""
    url, headers = sign_body(URL, b'{"a": 1}', SigningKey("secreto"))

    SignatureChecker("https://parlo.example", ("secreto",)).check(
        url.removeprefix("https://parlo.example"), b'{"a": 1}', headers
    )


async def test_a_message_is_posted_signed_through_the_sink(emulator: TwilioEmulator) -> None:
    """Without a sink nobody is there."""
    assert await emulator.send_inbound(URL, HELLO) == 0

    async def receive(url: str, form: object, headers: object) -> int:
        return 200 if url == URL and "X-Twilio-Signature" in dict(headers) else 500  # type: ignore[call-overload]  # a mapping

    emulator.sink = receive
    assert await emulator.send_inbound(URL, HELLO) == 200


RECORDINGS = {
    "inbound text, as recorded since 2024": HELLO,
    "inbound text through a messaging service": change(messaging_service_sid="MG" + "0" * 32),
    "inbound text with the user id that may stand in for a phone number": change(external_user_id="whatsapp:MX.1"),
    "quick-reply button of a template": change(
        text="", button=InboundButton("ok", "Confirmar"), replied_to_sid="SM" + "0" * 32
    ),
    "image (field names from code that reads them, no recording seen)": change(text="", media=files("image/jpeg")),
    "location (field names from code that reads them, no recording seen)": change(
        text="", location=InboundPlace(1, 2, "Barbería", "Centro")
    ),
    "reply to an earlier message (field names from code that reads them, no recording seen)": change(
        replied_to_sid="SM" + "0" * 32
    ),
}


def test_the_field_sets_are_those_of_public_recordings(emulator: TwilioEmulator) -> None:
    """Names, type, and the context within ChannelMetadata; values are our own."""
    if not RECORDED.exists():
        pytest.skip("../shared is not beside this checkout")
    recorded = {row["note"]: row["fields"] for row in map(json.loads, RECORDED.read_text().splitlines())}

    composed = {note: emulator.compose_inbound(inbound) for note, inbound in RECORDINGS.items()}

    for note, form in composed.items():
        assert form.keys() == recorded[note].keys(), note
        assert form["MessageType"] == recorded[note]["MessageType"]
        ours, theirs = (json.loads(it["ChannelMetadata"])["data"]["context"] for it in (form, recorded[note]))
        assert theirs.keys() <= ours.keys(), note
