"""What WhatsApp may send is read without failing, statuses only advance, and answers are cut where it hurts least."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.domain.errors import Untrusted
from runtime.domain.whatsapp import (
    STATUS_RANK,
    DeliveryStatus,
    Media,
    MessageKind,
    Place,
    advance_status,
    is_status_callback,
    parse_inbound,
    parse_status,
    split_body,
)

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "data" / "twilio" / "webhooks.jsonl"

BARE = {"MessageSid": "SM1", "From": "whatsapp:+5215512345678", "To": "whatsapp:+5215550000000"}


class KindCase(msgspec.Struct, frozen=True):
    """Fields beside the bare ones, and the kind they make."""

    id: str
    fields: dict[str, str]
    kind: MessageKind


KINDS = [
    KindCase("text", {"Body": "hola", "MessageType": "text"}, MessageKind.TEXT),
    KindCase("text without type", {"Body": "hola"}, MessageKind.TEXT),
    KindCase("text of an unknown type", {"Body": "hola", "MessageType": "order"}, MessageKind.TEXT),
    KindCase("stated text without words", {"Body": "", "MessageType": "text"}, MessageKind.TEXT),
    KindCase("nothing at all", {}, MessageKind.UNKNOWN),
    KindCase("unknown type without words", {"MessageType": "reaction"}, MessageKind.UNKNOWN),
    KindCase(
        "voice note", {"MessageType": "audio", "MediaUrl0": "u", "MediaContentType0": "audio/ogg"}, MessageKind.AUDIO
    ),
    KindCase("voice note without type", {"MediaUrl0": "u", "MediaContentType0": "audio/ogg"}, MessageKind.AUDIO),
    KindCase("ogg by its other name", {"MediaUrl0": "u", "MediaContentType0": "application/ogg"}, MessageKind.AUDIO),
    KindCase("photo", {"MediaUrl0": "u", "MediaContentType0": "image/jpeg"}, MessageKind.IMAGE),
    KindCase(
        "photo said to be text",
        {"MediaUrl0": "u", "MediaContentType0": "image/jpeg", "MessageType": "text"},
        MessageKind.IMAGE,
    ),
    KindCase("sticker", {"MediaUrl0": "u", "MediaContentType0": "image/webp"}, MessageKind.STICKER),
    KindCase("video", {"MediaUrl0": "u", "MediaContentType0": "VIDEO/MP4"}, MessageKind.VIDEO),
    KindCase("pdf", {"MediaUrl0": "u", "MediaContentType0": "application/pdf"}, MessageKind.DOCUMENT),
    KindCase("file of no type", {"MediaUrl0": "u"}, MessageKind.DOCUMENT),
    KindCase("contact card", {"MediaUrl0": "u", "MediaContentType0": "text/x-vcard"}, MessageKind.CONTACTS),
    KindCase("contacts by type", {"MessageType": "contacts"}, MessageKind.CONTACTS),
    KindCase("location", {"Latitude": "19.4", "Longitude": "-99.1"}, MessageKind.LOCATION),
    KindCase("location of nowhere", {"MessageType": "location", "Latitude": "nan"}, MessageKind.LOCATION),
    KindCase("button", {"MessageType": "interactive", "ButtonPayload": "ok:1", "Body": "Confirmo"}, MessageKind.BUTTON),
    KindCase("row of a list", {"MessageType": "interactive", "ListId": "3", "ListTitle": "Tinte"}, MessageKind.LIST),
]


@pytest.mark.parametrize("case", KINDS, ids=lambda case: case.id)
def test_the_kind_follows_from_whatever_fields_there_are(case: KindCase) -> None:
    """A stated type counts, and without one the content tells."""
    message = parse_inbound(BARE | case.fields)

    assert message.kind is case.kind


@pytest.mark.parametrize("missing", ["MessageSid", "From", "To"])
def test_a_message_without_sid_sender_or_recipient_is_refused(missing: str) -> None:
    """These three are all that is required; blank is as good as absent."""
    with pytest.raises(Untrusted):
        parse_inbound({**BARE, missing: "  "})


@pytest.mark.parametrize("name", ["SmsMessageSid", "SmsSid"])
def test_the_older_names_of_the_sid_serve_too(name: str) -> None:
    """Recordings of several years carry the sid under three names."""
    message = parse_inbound({name: "SM9", "From": BARE["From"], "To": BARE["To"]})

    assert message.sid == "SM9"


def test_an_album_keeps_all_files_in_order_whatever_the_count_says() -> None:
    """The files are those whose address we were given: NumMedia may be missing or no number."""
    fields = {f"MediaUrl{index}": f"https://x.example/{index}" for index in (10, 2, 0, 1)}

    message = parse_inbound(BARE | fields | {"NumMedia": "muchas", "MediaContentType2": "Image/PNG"})

    assert message.media == (
        Media("https://x.example/0", ""),
        Media("https://x.example/1", ""),
        Media("https://x.example/2", "image/png"),
        Media("https://x.example/10", ""),
    )


def test_everything_a_rich_message_carries_is_kept() -> None:
    """Reply context, names, second address, advertisement, location, and fields nobody knows."""
    message = parse_inbound(
        BARE
        | {
            "WaId": "5215512345678",
            "ProfileName": "Ana",
            "ExternalUserId": "MX.77",
            "Latitude": "19.43",
            "Longitude": "-99.13",
            "Label": "Estética Lupita",
            "OriginalRepliedMessageSid": "SM0",
            "Forwarded": "true",
            "ReferralNumMedia": "0",
            "ReferralHeadline": "Promo",
            "FromTheFuture": "sí",
        }
    )

    assert message.location == Place(19.43, -99.13, "Estética Lupita", None)
    assert message.external_user_id == "whatsapp:MX.77"
    assert (message.wa_id, message.profile_name, message.replied_to_sid) == ("5215512345678", "Ana", "SM0")
    assert (message.forwarded, message.frequently_forwarded, message.has_referral) == (True, False, True)
    assert message.raw["FromTheFuture"] == "sí"


def test_a_count_of_advertised_files_alone_is_no_advertisement() -> None:
    """Every message carries ReferralNumMedia."""
    assert not parse_inbound({**BARE, "ReferralNumMedia": "0"}).has_referral


def test_a_tap_without_body_takes_the_words_of_the_button_or_row() -> None:
    """The words are what the agent reads."""
    button = parse_inbound({**BARE, "ButtonText": "Confirmo"})
    row = parse_inbound({**BARE, "ListId": "1", "ListTitle": "Corte"})

    assert (button.text, row.text) == ("Confirmo", "Corte")


def test_no_stored_text_holds_what_postgres_refuses() -> None:
    """NUL is dropped and lone surrogates replaced, in names and values alike."""
    message = parse_inbound({**BARE, "Body": "ho\x00la \ud800", "Pro\x00file": "\udfff\x00", "ProfileName": "\x00"})

    encoded = msgspec.json.encode(message)
    assert message.text == "hola \ufffd"
    assert message.profile_name is None
    assert b"\\u0000" not in encoded and b"\x00" not in encoded


def test_a_very_long_text_is_kept_whole() -> None:
    """Cutting is for answers, not for what a person wrote."""
    assert len(parse_inbound({**BARE, "Body": "ñ" * 5001}).text) == 5001


FIELD_NAMES = st.sampled_from(
    [
        *("Body", "NumMedia", "MessageType", "Latitude", "Longitude", "ChannelMetadata", "MediaUrl0", "ButtonText"),
        *("MediaContentType0", "ListId", "ExternalUserId", "WaId", "ErrorCode", "MessageStatus", "Forwarded"),
    ]
)
ODD_TEXT = st.text(st.characters(), max_size=30) | st.sampled_from(["", " ", "-1", "1e999", "nan", "{", "true", "²"])
ODD_FORMS = st.dictionaries(FIELD_NAMES | st.text(max_size=8), ODD_TEXT, max_size=12)


@given(form=ODD_FORMS)
def test_no_content_makes_reading_fail(form: dict[str, str]) -> None:
    """Whatever the fields hold, a message with sid and addresses is read and can be stored."""
    message = parse_inbound(form | BARE)

    restored = msgspec.json.decode(msgspec.json.encode(message), type=type(message))
    assert restored == message
    assert not any("\x00" in name + value for name, value in message.raw.items())


@given(form=ODD_FORMS)
def test_no_content_makes_reading_a_status_fail(form: dict[str, str]) -> None:
    """An error code that is no number is no error code."""
    update = parse_status(form | {"MessageSid": "SM1", "MessageStatus": "sent"})

    assert update.status == "sent"


def test_a_status_callback_is_read() -> None:
    """Code, addresses and sid come through."""
    form = {**BARE, "MessageStatus": "undelivered", "ErrorCode": "63016"}

    update = parse_status(form)

    assert (update.sid, update.status, update.error_code) == ("SM1", "undelivered", 63016)
    assert (update.from_address, update.to_address) == (BARE["From"], BARE["To"])


@pytest.mark.parametrize("form", [{"MessageSid": "SM1"}, {"MessageStatus": "sent"}])
def test_a_status_callback_without_sid_or_status_is_refused(form: dict[str, str]) -> None:
    """There is nothing to record."""
    with pytest.raises(Untrusted):
        parse_status(form)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"MessageStatus": "delivered", "SmsStatus": "delivered"}, True),
        ({"SmsStatus": "sent"}, True),
        ({"SmsStatus": "received", "Body": "hola"}, False),
        ({"MessageStatus": "received"}, False),
        ({"Body": "hola"}, False),
    ],
)
def test_one_address_may_receive_messages_and_statuses(form: dict[str, str], expected: bool) -> None:
    """They are told apart by the status alone."""
    assert is_status_callback(form) is expected


def test_recorded_webhooks_are_all_read() -> None:
    """The field sets of public recordings."""
    if not RECORDED.exists():
        pytest.skip("../shared is not beside this checkout")
    rows = [json.loads(line) for line in RECORDED.read_text().splitlines()]

    kinds = [_read(row["fields"]) for row in rows]

    assert kinds == ["text"] * 4 + ["button", "image", "location", "text"] + [
        *["queued", "sent", "delivered", "read", "failed", "undelivered"]
    ]


def _read(fields: Mapping[str, str]) -> str:
    return parse_status(fields).status if is_status_callback(fields) else parse_inbound(fields).kind


STATUSES = st.sampled_from(list(DeliveryStatus)).map(str)


def _settle(reports: list[str]) -> str | None:
    status: str | None = None
    for report in reports:
        status = advance_status(status, report)
    return status


@given(reports=st.lists(STATUSES, min_size=1, max_size=8), data=st.data())
def test_the_order_and_number_of_reports_do_not_matter(reports: list[str], data: st.DataObject) -> None:
    """Shuffled and repeated reports settle on the same status."""
    shuffled = data.draw(st.permutations(reports + data.draw(st.lists(st.sampled_from(reports), max_size=4))))

    assert _settle(shuffled) == _settle(reports)


@given(reports=st.lists(STATUSES, min_size=1, max_size=8), late=STATUSES | st.just("sunrise"))
def test_a_status_never_steps_back(reports: list[str], late: str) -> None:
    """A later report raises the rank or changes nothing; an unknown word changes nothing."""
    before = _settle(reports)
    assert before is not None

    after = advance_status(before, late)

    assert after == before or STATUS_RANK[after] > STATUS_RANK[before]


def test_a_word_we_do_not_know_gives_way_to_every_one_we_do() -> None:
    """And does not replace another such word."""
    assert _settle(["moonrise", "queued"]) == "queued"
    assert _settle(["queued", "moonrise"]) == "queued"
    assert _settle(["moonrise", "sunrise"]) == "moonrise"


def test_a_failure_is_final_unless_a_handset_has_shown_the_message() -> None:
    """Delivered and read outrank failures, in any order."""
    for order in permutations(["sent", "failed", "delivered"]):
        assert _settle(list(order)) == "delivered"
    for order in permutations(["queued", "undelivered", "sent", "sending"]):
        assert _settle(list(order)) == "undelivered"


def test_a_short_answer_stays_whole() -> None:
    """Nothing is cut that fits."""
    assert split_body(" ¡Listo! \n\nTe espero. ") == ("¡Listo! \n\nTe espero.",)


def test_a_blank_answer_has_no_parts() -> None:
    """There is nothing to send."""
    assert split_body(" \n ") == ()


def test_an_answer_is_cut_at_a_paragraph_before_a_sentence_before_a_word() -> None:
    """The better place wins over the later one."""
    paragraphs = split_body("Uno dos. Tres\n\ncuatro. Cinco seis", limit=30)
    sentences = split_body("Uno dos tres. Cuatro cinco seis", limit=24)
    words = split_body("uno dos tres cuatro cinco seis", limit=24)

    assert paragraphs == ("Uno dos. Tres", "cuatro. Cinco seis")
    assert sentences == ("Uno dos tres.", "Cuatro cinco seis")
    assert words == ("uno dos tres cuatro", "cinco seis")


def test_bold_spans_and_links_are_not_cut() -> None:
    """The cut moves before the span."""
    bold = split_body("Tu cita es el *viernes 16 de enero* a las 3", limit=30)
    link = split_body("Confirma aquí https://parlo.example/una/direccion-larga ahora", limit=45)

    assert bold == ("Tu cita es el", "*viernes 16 de enero* a las 3")
    assert link == ("Confirma aquí", "https://parlo.example/una/direccion-larga", "ahora")


def test_a_span_is_not_cut_even_where_that_leaves_a_short_part() -> None:
    """A whole span is worth more than an even cut."""
    assert split_body("Es *el viernes dieciseis* ok", limit=24) == ("Es", "*el viernes dieciseis*", "ok")


def test_a_lone_word_is_not_sent_by_itself_for_the_sake_of_a_paragraph() -> None:
    """A part of less than a quarter is no better place to cut."""
    assert split_body("Sí\n\nuno dos tres cuatro cinco", limit=20) == ("Sí\n\nuno dos tres", "cuatro cinco")


def test_a_word_longer_than_a_part_is_cut_rather_than_refused() -> None:
    """The limit is the provider's: it holds even then."""
    assert split_body("x" * 25, limit=10) == ("x" * 10, "x" * 10, "x" * 5)


def test_characters_outside_the_basic_plane_count_twice() -> None:
    """The provider counts UTF-16 units, and no emoji is torn."""
    assert split_body("😀" * 7, limit=5) == ("😀😀", "😀😀", "😀😀", "😀")


WORDS = st.text(st.sampled_from("aáñ.*_~¡!😀x/:"), min_size=1, max_size=12)


@given(words=st.lists(st.tuples(WORDS, st.sampled_from([" ", "\n", "\n\n", "  "])), max_size=60))
def test_parts_fit_are_never_blank_and_hold_the_same_words(words: list[tuple[str, str]]) -> None:
    """Joined back, the parts are the answer, word for word."""
    text = "".join(word + gap for word, gap in words)

    parts = split_body(text, limit=40)

    assert all(part.strip() == part and part for part in parts)
    assert all(len(part.encode("utf-16-le")) // 2 <= 40 for part in parts)
    assert " ".join(parts).split() == text.split()
