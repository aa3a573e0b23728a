"""Composes the forms by which Twilio hands over what a person sent.

The driver describes a message as an `Inbound`; the emulator, which keeps the files and the history, calls
`compose_form`. Which fields appear follows public recordings of real webhooks.
"""

from __future__ import annotations

import msgspec

from sim.twilio.messages import API_VERSION


class InboundMedia(msgspec.Struct, frozen=True):
    """A file a person sends. Without `url` the emulator keeps `content` and serves it; not one that is `expired`."""

    content_type: str
    content: bytes = b""
    url: str | None = None
    expired: bool = False


class InboundPlace(msgspec.Struct, frozen=True):
    """A location a person shares."""

    latitude: float
    longitude: float
    label: str | None = None
    address: str | None = None


class InboundButton(msgspec.Struct, frozen=True):
    """A tap on a quick-reply button."""

    payload: str
    text: str


class InboundChoice(msgspec.Struct, frozen=True):
    """A chosen row of a list."""

    id: str
    title: str
    description: str | None = None


class Inbound(msgspec.Struct, frozen=True, kw_only=True):
    """What a person sends.

    Attributes:
        from_address: ``whatsapp:+…``, or ``whatsapp:CC.id`` for a person without a visible number.
        sid: To repeat one; None makes a new one.
        external_user_id: A second address beside the number.
        sticker: True to send `media` as a sticker.
        fields: Added last: they replace what was composed. None leaves a field out.
    """

    from_address: str
    to_address: str
    text: str = ""
    profile_name: str = "Ana"
    sid: str | None = None
    media: tuple[InboundMedia, ...] = ()
    sticker: bool = False
    location: InboundPlace | None = None
    button: InboundButton | None = None
    choice: InboundChoice | None = None
    replied_to_sid: str | None = None
    external_user_id: str | None = None
    forwarded: bool = False
    messaging_service_sid: str | None = None
    fields: dict[str, str | None] = {}


def compose_form(inbound: Inbound, *, sid: str, account_sid: str, media_urls: list[str]) -> dict[str, str]:
    """The form as Twilio would post it; `media_urls` are in the order of `inbound.media`."""
    context = {"ProfileName": inbound.profile_name}
    if inbound.from_address.startswith("whatsapp:+"):
        context["WaId"] = inbound.from_address.removeprefix("whatsapp:+")
    form = {
        "SmsMessageSid": sid,
        "NumMedia": str(len(inbound.media)),
        "ProfileName": inbound.profile_name,
        "MessageType": _name_type(inbound),
        "SmsSid": sid,
        **({"WaId": context["WaId"]} if "WaId" in context else {}),
        "SmsStatus": "received",
        "Body": choose_body(inbound),
        "To": inbound.to_address,
        "NumSegments": "1",
        "ReferralNumMedia": "0",
        "MessageSid": sid,
        "AccountSid": account_sid,
        "From": inbound.from_address,
        "ApiVersion": API_VERSION,
    }
    for index, (media, url) in enumerate(zip(inbound.media, media_urls, strict=True)):
        form[f"MediaContentType{index}"] = media.content_type
        form[f"MediaUrl{index}"] = url
    shown = _compose_interaction(inbound) | _compose_context(inbound)
    form |= shown
    kept_out = (
        "ButtonPayload",
        "MessagingServiceSid",
        "ExternalUserId",
        "OriginalRepliedMessageSid",
        "OriginalRepliedMessageSender",
    )
    context |= {name: value for name, value in shown.items() if name not in kept_out}
    form["ChannelMetadata"] = msgspec.json.encode({"type": "whatsapp", "data": {"context": context}}).decode()
    replaced = {name: value for name, value in inbound.fields.items() if value is not None}
    return {name: value for name, value in form.items() if name not in inbound.fields} | replaced


def _name_type(inbound: Inbound) -> str:
    if inbound.button or inbound.choice:
        return "interactive"
    if inbound.location:
        return "location"
    if inbound.sticker:
        return "sticker"
    if not inbound.media:
        return "text"
    content_type = inbound.media[0].content_type
    if "vcard" in content_type:
        return "contacts"
    family = content_type.partition("/")[0]
    return family if family in ("image", "audio", "video") else "document"


def choose_body(inbound: Inbound) -> str:
    """What was written; a tap repeats the words of the button or row."""
    if inbound.button:
        return inbound.text or inbound.button.text
    if inbound.choice:
        return inbound.text or inbound.choice.title
    return inbound.text


def _compose_interaction(inbound: Inbound) -> dict[str, str]:
    fields: dict[str, str] = {}
    if inbound.button:
        fields |= {"ButtonText": inbound.button.text, "ButtonPayload": inbound.button.payload}
    if inbound.choice:
        fields |= {"ListId": inbound.choice.id, "ListTitle": inbound.choice.title}
        if inbound.choice.description:
            fields["ListDescription"] = inbound.choice.description
    if inbound.location:
        fields["Latitude"] = str(inbound.location.latitude)
        fields["Longitude"] = str(inbound.location.longitude)
        fields |= {"Address": inbound.location.address} if inbound.location.address else {}
        fields |= {"Label": inbound.location.label} if inbound.location.label else {}
    return fields


def _compose_context(inbound: Inbound) -> dict[str, str]:
    fields: dict[str, str] = {}
    if inbound.button or inbound.forwarded:
        fields |= {"Forwarded": str(inbound.forwarded).lower(), "FrequentlyForwarded": "false"}
    if inbound.replied_to_sid:
        fields["OriginalRepliedMessageSid"] = inbound.replied_to_sid
        fields["OriginalRepliedMessageSender"] = inbound.to_address
    if inbound.messaging_service_sid:
        fields["MessagingServiceSid"] = inbound.messaging_service_sid
    user_id = inbound.external_user_id
    if user_id is None and not inbound.from_address.startswith("whatsapp:+"):
        user_id = inbound.from_address
    if user_id:
        fields["ExternalUserId"] = user_id
    return fields
