"""The emulator's messages and files, and how Twilio's API shows them.

`sim.twilio.api` renders them, `sim.twilio.emulator` changes them.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime

import msgspec

from runtime.domain.whatsapp import DeliveryStatus

API_VERSION = "2010-04-01"


class MediaFile(msgspec.Struct, frozen=True):
    """A file kept for a message."""

    sid: str
    content_type: str
    content: bytes
    created_at: datetime


class Message(msgspec.Struct, kw_only=True):
    """A message as Twilio keeps it. Only the emulator changes it.

    Attributes:
        sent_at: None while it is still queued.
        media: Its files, by sid: those a person sent, or those that were fetched to be sent.
        media_urls: Addresses we were asked to fetch files from.
    """

    sid: str
    account_sid: str
    direction: str
    from_address: str
    to_address: str
    body: str
    status: str
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None = None
    error_code: int | None = None
    status_callback: str | None = None
    messaging_service_sid: str | None = None
    media: dict[str, MediaFile] = {}
    media_urls: tuple[str, ...] = ()


class SentFile(msgspec.Struct, frozen=True):
    """A file that was fetched to be sent; its content is kept with the message, under this sid."""

    sid: str
    content_type: str
    size_bytes: int
    digest: str


class SentRecord(msgspec.Struct, frozen=True):
    """A message that was accepted for sending.

    Attributes:
        outbox_id: From the query of its status callback, or None.
        failure: The error code with which it will be reported as failed, or None. A failed message is never seen
            by the person.
        media: The files that came from `media_urls`; `digest` is the SHA-256 of the content, in hex.
        body: What a person reads; of a content, its text with the values in it.
        buttons: Title and payload of each quick reply under it.
        content_sid: The content it was made from, or None.
    """

    sid: str
    to_address: str
    from_address: str
    body: str
    created_at: datetime
    outbox_id: str | None = None
    failure: int | None = None
    media_urls: tuple[str, ...] = ()
    media: tuple[SentFile, ...] = ()
    buttons: tuple[tuple[str, str], ...] = ()
    content_sid: str | None = None


class MessageAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A message resource, field for field."""

    account_sid: str
    api_version: str
    body: str
    date_created: str
    date_sent: str | None
    date_updated: str
    direction: str
    error_code: int | None
    error_message: str | None
    from_address: str = msgspec.field(name="from")
    messaging_service_sid: str | None
    num_media: str
    num_segments: str
    price: str | None
    price_unit: str | None
    sid: str
    status: str
    subresource_uris: dict[str, str]
    to: str
    uri: str


class MediaAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A media resource, field for field."""

    account_sid: str
    content_type: str
    date_created: str
    date_updated: str
    parent_sid: str
    sid: str
    uri: str


def render_message(message: Message) -> MessageAnswer:
    """The resource as the API shows it."""
    path = f"/{API_VERSION}/Accounts/{message.account_sid}/Messages/{message.sid}"
    failed = message.error_code is not None
    return MessageAnswer(
        account_sid=message.account_sid,
        api_version=API_VERSION,
        body=message.body,
        date_created=format_datetime(message.created_at),
        date_sent=format_datetime(message.sent_at) if message.sent_at else None,
        date_updated=format_datetime(message.updated_at),
        direction=message.direction,
        error_code=message.error_code,
        error_message="the message could not be delivered" if failed else None,
        from_address=message.from_address,
        messaging_service_sid=message.messaging_service_sid,
        num_media=str(max(len(message.media), len(message.media_urls))),
        num_segments="1",
        price=None,
        price_unit=None,
        sid=message.sid,
        status=message.status,
        subresource_uris={"media": f"{path}/Media.json"},
        to=message.to_address,
        uri=f"{path}.json",
    )


def render_media(message: Message, media: MediaFile) -> MediaAnswer:
    """The resource that describes a file; its content is at the same address without ``.json``."""
    created = format_datetime(media.created_at)
    return MediaAnswer(
        account_sid=message.account_sid,
        content_type=media.content_type,
        date_created=created,
        date_updated=created,
        parent_sid=message.sid,
        sid=media.sid,
        uri=f"{media_path(message, media.sid)}.json",
    )


def media_path(message: Message, media_sid: str) -> str:
    """Where the content of a file is."""
    return f"/{API_VERSION}/Accounts/{message.account_sid}/Messages/{message.sid}/Media/{media_sid}"


def compose_callback(message: Message, status: str, error_code: int | None) -> dict[str, str]:
    """The form that reports a status."""
    form = {
        "ChannelPrefix": "whatsapp",
        "ApiVersion": API_VERSION,
        "MessageStatus": status,
        "SmsSid": message.sid,
        "SmsStatus": status,
        "ChannelInstallSid": f"XE{message.account_sid[2:]}",
        "To": message.to_address,
        "From": message.from_address,
        "MessageSid": message.sid,
        "AccountSid": message.account_sid,
        "ChannelToAddress": _mask(message.to_address.removeprefix("whatsapp:")),
    }
    if status in (DeliveryStatus.DELIVERED, DeliveryStatus.READ):
        form["EventType"] = status.upper()
    if message.messaging_service_sid:
        form["MessagingServiceSid"] = message.messaging_service_sid
    if error_code is not None:
        form["ErrorCode"] = str(error_code)
        form["ErrorMessage"] = "the message could not be delivered"
        form["ChannelStatusMessage"] = "the message could not be delivered"
    return form


def _mask(address: str) -> str:
    return f"{address[:-4]}XXXX" if len(address) > 4 else address
