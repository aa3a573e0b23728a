"""Reads what a phone's composer posted into the message a person sends.

The page's route calls it. A form that no person could have made with the page is refused with words for them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import msgspec
from litestar.datastructures import UploadFile

from runtime.domain.errors import Rejected
from runtime.domain.identity import whatsapp_address
from sim.samples import make_voice_note
from sim.simulate.phones import Chat
from sim.twilio.inbound import Inbound, InboundButton, InboundMedia, InboundPlace

MEDIA_LIMIT_BYTES = 16 * 1024 * 1024
TEXT_LIMIT = 4096
"""WhatsApp takes no longer messages from people."""
TOO_LARGE = "Ese archivo pesa más de 16 MB, y WhatsApp no lo manda. Elige uno más chico."
VOICE_S = 3
SAMPLES = Path(__file__).parent / "static" / "samples"


class Sample(msgspec.Struct, frozen=True):
    """A file that lies ready, for whoever has none at hand."""

    content_type: str
    content: bytes
    sticker: bool = False


class Preset(msgspec.Struct, frozen=True):
    """A place that lies ready."""

    label: str
    address: str
    latitude: float
    longitude: float


READY = {
    "foto": Sample("image/png", (SAMPLES / "unas.png").read_bytes()),
    "voz": Sample("audio/ogg", make_voice_note(VOICE_S)),
    "sticker": Sample("image/webp", (SAMPLES / "sticker.webp").read_bytes(), sticker=True),
}
PLACES = {
    "angel": Preset("El Ángel", "Paseo de la Reforma, Ciudad de México", 19.427, -99.1677),
    "zocalo": Preset("Zócalo de Puebla", "Centro Histórico, Puebla", 19.0433, -98.198),
    "minerva": Preset("La Minerva", "Av. Vallarta, Guadalajara", 20.6743, -103.3873),
}
_FILES = ("foto", "voz", "documento", "sticker")

Form = Mapping[str, object]


async def read_message(chat: Chat, form: Form) -> Inbound:
    """The message that a composer's form describes.

    Raises:
        Rejected: There is nothing in it, or something WhatsApp would not take.
    """
    text = _read_text(form, "texto")
    if len(text) > TEXT_LIMIT:
        raise Rejected("text_long", f"WhatsApp no manda más de {TEXT_LIMIT} caracteres.")
    button = _read_button(form)
    media, sticker = await _read_media(form)
    location = _read_place(form)
    if not (text.strip() or media or location or button):
        raise Rejected("empty", "Escribe algo o adjunta un archivo.")
    return Inbound(
        from_address=chat.phone.address,
        to_address=whatsapp_address(chat.ours.number),
        text=text,
        profile_name=chat.phone.name,
        media=media,
        sticker=sticker,
        location=location,
        button=button,
        replied_to_sid=_read_text(form, "cita") or None,
    )


def _read_text(form: Form, name: str) -> str:
    value = form.get(name)
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""


def _read_button(form: Form) -> InboundButton | None:
    title = _read_text(form, "boton")
    return InboundButton(_read_text(form, "carga"), title) if title else None


async def _read_media(form: Form) -> tuple[tuple[InboundMedia, ...], bool]:
    """The one file, and whether it is a sticker."""
    ready = READY.get(_read_text(form, "listo"))
    if ready is not None:
        return (InboundMedia(ready.content_type, ready.content),), ready.sticker
    if _read_text(form, "contacto").strip():
        return (_compose_contact(_read_text(form, "contacto"), _read_text(form, "contacto_numero")),), False
    for name in _FILES:
        value = form.get(name)
        # a file nobody chose is posted without a name
        if isinstance(value, UploadFile) and value.filename:
            content = await value.read()
            if len(content) > MEDIA_LIMIT_BYTES:
                raise Rejected("media_large", TOO_LARGE)
            if not content:
                raise Rejected("media_empty", "Ese archivo está vacío.")
            return (InboundMedia(_read_type(value, name), content),), name == "sticker"
    return (), False


def _read_type(value: UploadFile, name: str) -> str:
    """As the browser says; where it says nothing, by what the person meant it to be."""
    stated = value.content_type.partition(";")[0].strip().lower()
    if stated and stated != "application/octet-stream":
        return stated
    return {"foto": "image/jpeg", "voz": "audio/ogg", "sticker": "image/webp"}.get(name, "application/octet-stream")


def _compose_contact(name: str, number: str) -> InboundMedia:
    name, number = (" ".join(value.replace(";", " ").split()) for value in (name, number))
    card = f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{name}\r\nTEL;TYPE=CELL:{number}\r\nEND:VCARD\r\n"
    return InboundMedia("text/vcard", card.encode())


def _read_place(form: Form) -> InboundPlace | None:
    wanted = _read_text(form, "lugar")
    if not wanted:
        return None
    preset = PLACES.get(wanted)
    if preset is not None:
        return InboundPlace(preset.latitude, preset.longitude, preset.label, preset.address)
    try:
        latitude, longitude = float(_read_text(form, "latitud")), float(_read_text(form, "longitud"))
    except ValueError:
        latitude = longitude = math.nan
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise Rejected("place", "La latitud va de -90 a 90 y la longitud de -180 a 180.")
    return InboundPlace(latitude, longitude)
