"""What WhatsApp can say to us and how far a message of ours has got, as plain structs.

The web routes call `is_status_callback`, `parse_inbound` and `parse_status` on a verified form; the
inbox and outbox keep the results; the sender cuts long answers with `split_body`. Nothing here reads
a clock, touches a network or raises on odd content: only a payload without sid, sender or recipient
is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from runtime.domain.errors import Untrusted

BODY_LIMIT = 1500
"""Longest part we send; the provider refuses more than 1600."""

_SID_FIELDS = ("MessageSid", "SmsMessageSid", "SmsSid")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_MEDIA_FIELD = re.compile(r"MediaUrl([0-9]{1,3})")
_SEPARATOR = re.compile(r"\s+")
_UNBREAKABLE = re.compile(
    r"```.+?```"  # mono, may span lines
    r"|(?<!\w)\*(?=\S)[^*\n]*?(?<=\S)\*(?!\w)"  # *bold*
    r"|(?<!\w)_(?=\S)[^_\n]*?(?<=\S)_(?!\w)"  # _italic_
    r"|(?<!\w)~(?=\S)[^~\n]*?(?<=\S)~(?!\w)",  # ~strike~
    re.DOTALL,
)
_INSIDE = 4
"""Rank of white space within a formatted span: cut there only where the span alone is too long."""
_SENTENCE_END = re.compile(r"[.!?…:;][)\]\"'»”*_~]*$")


class MessageKind(StrEnum):
    """What a person sent, as the router cares about it."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACTS = "contacts"
    BUTTON = "button"
    LIST = "list"
    UNKNOWN = "unknown"


class Media(msgspec.Struct, frozen=True):
    """A file the provider keeps for us. Reading `url` needs our credentials."""

    url: str
    content_type: str


class Place(msgspec.Struct, frozen=True):
    """A shared location, in degrees."""

    latitude: float
    longitude: float
    label: str | None = None
    address: str | None = None


class ButtonTap(msgspec.Struct, frozen=True):
    """A quick-reply button: `payload` is the id we gave it, empty where we gave none."""

    payload: str
    text: str


class ListChoice(msgspec.Struct, frozen=True):
    """A chosen row of a list message."""

    id: str
    title: str


class InboundMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message a person sent us, safe to store.

    Attributes:
        sid: The provider's identifier: the key against repeats.
        from_address: The sender's address as received, for example ``whatsapp:+5215512345678``; answer to this.
        to_address: Our own address as received.
        external_user_id: ``whatsapp:CC.id`` of a person who may hide the phone number, or None.
        wa_id: The digits WhatsApp knows the sender by, or None.
        profile_name: The name the person chose; never to be trusted.
        text: What was written, possibly empty; a tap carries the button's or row's words.
        media: In the order received; several make an album.
        replied_to_sid: The sid of our message that this one answers, or None.
        has_referral: True for the first message after a tap on an advertisement.
        raw: Every field received, known or not, cleaned for storage.
    """

    sid: str
    from_address: str
    to_address: str
    kind: MessageKind
    text: str
    raw: dict[str, str]
    external_user_id: str | None = None
    wa_id: str | None = None
    profile_name: str | None = None
    media: tuple[Media, ...] = ()
    location: Place | None = None
    button: ButtonTap | None = None
    choice: ListChoice | None = None
    replied_to_sid: str | None = None
    forwarded: bool = False
    frequently_forwarded: bool = False
    has_referral: bool = False


class StatusUpdate(msgspec.Struct, frozen=True):
    """How far one of our messages has got. `status` is the provider's own word."""

    sid: str
    status: str
    from_address: str
    to_address: str
    error_code: int | None = None


class DeliveryStatus(StrEnum):
    """The provider's words for how far a message has got."""

    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    CANCELED = "canceled"
    FAILED = "failed"
    UNDELIVERED = "undelivered"
    PARTIALLY_DELIVERED = "partially_delivered"
    DELIVERED = "delivered"
    READ = "read"


STATUS_RANK: dict[str, int] = {status: rank for rank, status in enumerate(DeliveryStatus)}
"""Callbacks come repeated and in any order: the highest rank seen is the truth.

A failure outranks everything short of a delivery, since a message that a handset has shown did arrive.
"""


def advance_status(current: str | None, incoming: str) -> str:
    """The status to keep after `incoming` was reported; never a step back.

    The result does not depend on the order or number of reports. A word we do not know gives way to every
    one we do, and changes nothing once there is a status.
    """
    if current is None:
        return incoming
    return incoming if STATUS_RANK.get(incoming, -1) > STATUS_RANK.get(current, -1) else current


def clean_text(text: str) -> str:
    """The text without NUL, and with lone surrogates replaced: fit for Postgres and UTF-8."""
    return _UNSTORABLE.sub(_replace_unstorable, text)


def is_status_callback(form: Mapping[str, str]) -> bool:
    """True when a form reports on a message of ours: one URL may receive both kinds."""
    status = form.get("MessageStatus") or form.get("SmsStatus") or ""
    return status not in ("", "received", "receiving")


def parse_status(form: Mapping[str, str]) -> StatusUpdate:
    """Read a status callback.

    Raises:
        Untrusted: It names no message or no status.
    """
    fields = _clean_form(form)
    sid = _first(fields, *_SID_FIELDS)
    status = _first(fields, "MessageStatus", "SmsStatus")
    if sid is None or status is None:
        raise Untrusted("a status callback without sid or status")
    return StatusUpdate(
        sid=sid,
        status=status.lower(),
        from_address=fields.get("From", "").strip(),
        to_address=fields.get("To", "").strip(),
        error_code=_parse_error_code(fields.get("ErrorCode", "")),
    )


def parse_inbound(form: Mapping[str, str]) -> InboundMessage:
    """Read an inbound message, whatever it carries.

    Raises:
        Untrusted: It has no sid, no sender or no recipient.
    """
    fields = _clean_form(form)
    sid = _first(fields, *_SID_FIELDS)
    from_address = _first(fields, "From")
    to_address = _first(fields, "To")
    if sid is None or from_address is None or to_address is None:
        raise Untrusted("an inbound message without sid, sender or recipient")
    media = _parse_media(fields)
    location = _parse_location(fields)
    button = _parse_button(fields)
    choice = _parse_choice(fields)
    text = fields.get("Body", "")
    if not text.strip():
        text = button.text if button else choice.title if choice else text
    return InboundMessage(
        sid=sid,
        from_address=from_address,
        to_address=to_address,
        kind=_derive_kind(fields, media, location, button, choice),
        text=text,
        raw=fields,
        external_user_id=_with_channel(_first(fields, "ExternalUserId")),
        wa_id=_first(fields, "WaId"),
        profile_name=_first(fields, "ProfileName"),
        media=media,
        location=location,
        button=button,
        choice=choice,
        replied_to_sid=_first(fields, "OriginalRepliedMessageSid"),
        forwarded=fields.get("Forwarded", "").lower() == "true",
        frequently_forwarded=fields.get("FrequentlyForwarded", "").lower() == "true",
        has_referral=_has_referral(fields),
    )


def split_body(text: str, limit: int = BODY_LIMIT) -> tuple[str, ...]:
    """Cut an answer into parts of at most `limit` UTF-16 units, at paragraphs, else sentences, else words.

    Formatted spans (``*bold*``) and links stay whole unless one alone exceeds the limit. The parts hold the same
    words in the same order and are never blank; a blank text gives no part.
    """
    text = text.strip()
    parts: list[str] = []
    breaks = _list_breaks(text) if _fits_until(text, 0, limit) < len(text) else ()
    start = 0
    while start < len(text):
        end = _fits_until(text, start, limit)
        if end == len(text):
            parts.append(text[start:])
            break
        cut, resume = _choose_cut(text, breaks, start, end)
        parts.append(text[start:cut].rstrip())
        start = resume
    return tuple(parts)


def _replace_unstorable(match: re.Match[str]) -> str:
    return "" if match.group() == "\x00" else "\ufffd"


def _clean_form(form: Mapping[str, str]) -> dict[str, str]:
    return {clean_text(name): clean_text(value) for name, value in form.items()}


def _first(fields: Mapping[str, str], *names: str) -> str | None:
    for name in names:
        value = fields.get(name, "").strip()
        if value:
            return value
    return None


def _with_channel(address: str | None) -> str | None:
    if address is None or ":" in address:
        return address
    return f"whatsapp:{address}"


def _parse_error_code(text: str) -> int | None:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        return None
    return int(text) or None


def _parse_media(fields: Mapping[str, str]) -> tuple[Media, ...]:
    # NumMedia is not asked: the files are those whose address we were given.
    found: list[tuple[int, str]] = []
    for name, value in fields.items():
        match = _MEDIA_FIELD.fullmatch(name)
        if match and value.strip():
            found.append((int(match.group(1)), value.strip()))
    return tuple(Media(url, fields.get(f"MediaContentType{index}", "").strip().lower()) for index, url in sorted(found))


def _parse_degrees(text: str, bound: float) -> float | None:
    try:
        degrees = float(text)
    except ValueError:
        return None
    return degrees if math.isfinite(degrees) and abs(degrees) <= bound else None


def _parse_location(fields: Mapping[str, str]) -> Place | None:
    latitude = _parse_degrees(fields.get("Latitude", ""), 90.0)
    longitude = _parse_degrees(fields.get("Longitude", ""), 180.0)
    if latitude is None or longitude is None:
        return None
    return Place(latitude, longitude, _first(fields, "Label"), _first(fields, "Address"))


def _parse_button(fields: Mapping[str, str]) -> ButtonTap | None:
    payload = _first(fields, "ButtonPayload")
    text = _first(fields, "ButtonText")
    if payload is None and text is None:
        return None
    return ButtonTap(payload or "", text or "")


def _parse_choice(fields: Mapping[str, str]) -> ListChoice | None:
    identifier = _first(fields, "ListId")
    title = _first(fields, "ListTitle")
    if identifier is None and title is None:
        return None
    return ListChoice(identifier or "", title or "")


def _has_referral(fields: Mapping[str, str]) -> bool:
    # ReferralNumMedia accompanies every message, usually as "0".
    return any(
        name.startswith("Referral") and name != "ReferralNumMedia" and value.strip() for name, value in fields.items()
    )


_KIND_BY_WORD = {
    "text": MessageKind.TEXT,
    "image": MessageKind.IMAGE,
    "audio": MessageKind.AUDIO,
    "voice": MessageKind.AUDIO,
    "ptt": MessageKind.AUDIO,
    "video": MessageKind.VIDEO,
    "document": MessageKind.DOCUMENT,
    "sticker": MessageKind.STICKER,
    "location": MessageKind.LOCATION,
    "contact": MessageKind.CONTACTS,
    "contacts": MessageKind.CONTACTS,
    "button": MessageKind.BUTTON,
    "list": MessageKind.LIST,
}
_KIND_BY_FAMILY = {"image": MessageKind.IMAGE, "audio": MessageKind.AUDIO, "video": MessageKind.VIDEO}


def _derive_kind(
    fields: Mapping[str, str],
    media: tuple[Media, ...],
    location: Place | None,
    button: ButtonTap | None,
    choice: ListChoice | None,
) -> MessageKind:
    if choice is not None:
        return MessageKind.LIST
    if button is not None:
        return MessageKind.BUTTON
    stated = _KIND_BY_WORD.get(fields.get("MessageType", "").strip().lower())
    if media and stated in (None, MessageKind.TEXT):
        return kind_of_media(media[0].content_type)
    if stated is not None:
        return stated
    if location is not None:
        return MessageKind.LOCATION
    return MessageKind.TEXT if fields.get("Body", "").strip() else MessageKind.UNKNOWN


def kind_of_media(content_type: str) -> MessageKind:
    """What a file of this type is to the person who gets it."""
    if content_type == "image/webp":  # photos arrive as JPEG or PNG
        return MessageKind.STICKER
    if "vcard" in content_type or content_type == "text/directory":
        return MessageKind.CONTACTS
    if content_type == "application/ogg":
        return MessageKind.AUDIO
    return _KIND_BY_FAMILY.get(content_type.partition("/")[0], MessageKind.DOCUMENT)


class _Break(msgspec.Struct, frozen=True):
    """White space where a text may be cut; a lower `rank` is a better place."""

    start: int
    end: int
    rank: int


def _list_breaks(text: str) -> tuple[_Break, ...]:
    spans = [match.span() for match in _UNBREAKABLE.finditer(text)]
    breaks: list[_Break] = []
    span = 0
    for match in _SEPARATOR.finditer(text):
        start, end = match.span()
        while span < len(spans) and spans[span][1] <= start:
            span += 1
        inside = span < len(spans) and spans[span][0] < start
        breaks.append(_Break(start, end, _rank_break(text, match, inside=inside)))
    return tuple(breaks)


def _rank_break(text: str, match: re.Match[str], *, inside: bool) -> int:
    if inside:
        return _INSIDE
    lines = match.group().count("\n")
    if lines >= 2:
        return 0
    if lines == 1:
        return 1
    return 2 if _SENTENCE_END.search(text, max(0, match.start() - 4), match.start()) else 3


def _choose_cut(text: str, breaks: tuple[_Break, ...], start: int, end: int) -> tuple[int, int]:
    """Where to end the part that begins at `start`, and where the next one begins."""
    # A part shorter than a quarter of what fits is a poor trade for a better place to cut.
    enough = start + (end - start) // 4
    places = [place for place in breaks if start < place.start <= end]
    if not places:
        return end, end
    best = max(places, key=lambda it: (it.rank < _INSIDE, it.start >= enough, -it.rank, it.start))
    return best.start, best.end


def _fits_until(text: str, start: int, limit: int) -> int:
    """The furthest index at which ``text[start:index]`` takes at most `limit` UTF-16 units, at least one character."""
    end = min(len(text), start + limit)
    # most texts are so short that it does not matter what each character takes
    if text.isascii() or (len(text) - start) * 2 <= limit:
        return end
    units = 0
    for index in range(start, end):
        units += 2 if ord(text[index]) > 0xFFFF else 1
        if units > limit:
            return max(index, start + 1)
    return end
