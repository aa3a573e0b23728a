"""Which files may be passed between people, and what a file really is, judged by its first bytes.

`runtime.media` asks before it stores one. What the sender's side claims only has to agree in family: the type that
is kept, and served later, is the one that was found. Nothing here unpacks, decodes or trusts a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

import msgspec

from runtime.domain.ids import MediaId
from runtime.domain.whatsapp import MessageKind

FILE_LIMIT = 16 * 1024 * 1024
"""The largest file WhatsApp takes, in bytes."""
IMAGE_LIMIT = 5 * 1024 * 1024
"""The largest image, in bytes."""
ADDRESS_LIFETIME = timedelta(hours=1)
"""How long the provider has to fetch a file that we send."""


class FileRefusal(StrEnum):
    """Why a file cannot be passed on."""

    TOO_BIG = "too_big"
    FORBIDDEN_TYPE = "forbidden_type"
    EXPIRED = "expired"
    FORBIDDEN_HOST = "forbidden_host"


class FileFamily(StrEnum):
    """What a file is to the person who opens it."""

    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"
    CONTACT = "contact"


_CAPTIONED = frozenset({MessageKind.IMAGE, MessageKind.VIDEO})
_ALIASES = {
    "application/ogg": "audio/ogg",
    "text/x-vcard": "text/vcard",
    "text/directory": "text/vcard",
}
_OFFICE = "application/vnd.openxmlformats-officedocument."
_FAMILIES = {"image": FileFamily.IMAGE, "audio": FileFamily.AUDIO, "video": FileFamily.VIDEO}
_DOCUMENTS = frozenset(
    {
        "application/pdf",
        "application/msword",
        f"{_OFFICE}wordprocessingml.document",
        f"{_OFFICE}presentationml.presentation",
        f"{_OFFICE}spreadsheetml.sheet",
    }
)
_NO_CLAIM = frozenset({"", "application/octet-stream", "binary/octet-stream"})


def takes_caption(kind: MessageKind) -> bool:
    """Whether words sent with a file of this kind arrive beside it; with any other they need their own message."""
    return kind in _CAPTIONED


def limit_of(content_type: str) -> int:
    """How many bytes a file may have that is said to be of this type."""
    return IMAGE_LIMIT if family_of(content_type) is FileFamily.IMAGE else FILE_LIMIT


def family_of(content_type: str) -> FileFamily | None:
    """The family of a content type; None for one that belongs to none of ours."""
    name = _normalise(content_type)
    if name == "text/vcard":
        return FileFamily.CONTACT
    if name in _DOCUMENTS:
        return FileFamily.DOCUMENT
    return _FAMILIES.get(name.partition("/")[0])


def identify_file(declared: str, content: bytes) -> str | None:
    """The content type to serve a file with, or None when it may not be passed on.

    Args:
        declared: What it is said to be, with or without parameters; a type that claims nothing agrees with any.
        content: All of it.
    """
    claimed = _normalise(declared)
    family = family_of(claimed)
    if family is None and claimed not in _NO_CLAIM:
        return None
    found = next((name for name in (sign.read(content, family) for sign in _SIGNS) if name is not None), None)
    if found is None or (family is not None and family_of(found) is not family):
        return None
    return found


def is_shown_inline(content_type: str) -> bool:
    """Whether a browser may show a file of this type in its place; any other is only ever saved."""
    return family_of(content_type) in (FileFamily.IMAGE, FileFamily.AUDIO, FileFamily.VIDEO)


def _normalise(content_type: str) -> str:
    name = content_type.partition(";")[0].strip().lower()
    return _ALIASES.get(name, name)


class _Sign(msgspec.Struct, frozen=True):
    """What begins with `magic` at `offset` is what `name` says, if it says anything."""

    magic: bytes
    name: str | Callable[[bytes, FileFamily | None], str | None]
    offset: int = 0

    def read(self, content: bytes, family: FileFamily | None) -> str | None:
        if not content.startswith(self.magic, self.offset):
            return None
        return self.name if isinstance(self.name, str) else self.name(content, family)


_MP4_BRANDS = frozenset(
    {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"dash", b"mmp4", b"M4V ", b"MSNV"}
)
_VCARD = re.compile(rb"(?:\xef\xbb\xbf)?\s*BEGIN:VCARD\s", re.IGNORECASE)
_OPUS_WITHIN = 512
"""The first page of an Ogg file names the codec."""


def _name_riff(content: bytes, _family: FileFamily | None) -> str | None:
    return "image/webp" if content[8:12] == b"WEBP" else None


def _name_ogg(content: bytes, _family: FileFamily | None) -> str | None:
    return "audio/ogg" if b"OpusHead" in content[:_OPUS_WITHIN] else None


def _name_boxes(content: bytes, family: FileFamily | None) -> str | None:
    """MP4 and its kin: the brand tells them from other formats in the same wrapping, not sound from pictures."""
    brand = content[8:12]
    kind = "audio" if family is FileFamily.AUDIO else "video"
    if brand[:3] == b"3gp":
        return f"{kind}/3gpp"
    if brand in (b"M4A ", b"M4B "):
        return "audio/mp4"
    return f"{kind}/mp4" if brand in _MP4_BRANDS else None


def _name_frames(content: bytes, _family: FileFamily | None) -> str | None:
    """MPEG audio that begins with a frame: layer 3 is MP3, no layer at all is AAC."""
    second = content[1] if len(content) > 1 else 0
    if second & 0xF6 == 0xF0:
        return "audio/aac"
    return "audio/mpeg" if second & 0xE6 == 0xE2 and second & 0x18 != 0x08 else None


def _name_zip(content: bytes, _family: FileFamily | None) -> str | None:
    """An office document says so among the names of its parts, which are not packed; so does a program within it."""
    if b"[Content_Types].xml" not in content or b"vbaProject.bin" in content:
        return None
    parts = {b"word/": "wordprocessingml.document", b"ppt/": "presentationml.presentation"}
    parts |= {b"xl/": "spreadsheetml.sheet"}
    return next((_OFFICE + name for part, name in parts.items() if b"%s" % part in content), None)


def _name_compound(content: bytes, _family: FileFamily | None) -> str | None:
    """Installers and old spreadsheets come in the same wrapping as old Word files."""
    return "application/msword" if "WordDocument".encode("utf-16-le") in content else None


def _name_card(content: bytes, _family: FileFamily | None) -> str | None:
    return "text/vcard" if _VCARD.match(content) else None


_SIGNS = (
    _Sign(b"\xff\xd8\xff", "image/jpeg"),
    _Sign(b"\x89PNG\r\n\x1a\n", "image/png"),
    _Sign(b"RIFF", _name_riff),
    _Sign(b"OggS", _name_ogg),
    _Sign(b"#!AMR\n", "audio/amr"),
    _Sign(b"#!AMR-WB\n", "audio/amr"),
    _Sign(b"ID3", "audio/mpeg"),
    _Sign(b"\xff", _name_frames),
    _Sign(b"ftyp", _name_boxes, offset=4),
    _Sign(b"%PDF-", "application/pdf"),
    _Sign(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _name_compound),
    _Sign(b"PK\x03\x04", _name_zip),
    _Sign(b"", _name_card),
)


class Attachment(msgspec.Struct, frozen=True):
    """One file of an inbound message: kept under `media_id`, or refused. Exactly one of the two is None.

    Attributes:
        position: Its place in the message, from 0.
        kind: What it is to a person, from what it was said to be.
        refusal: Why it cannot be passed on; a file whose time is over counts as expired.
    """

    position: int
    kind: MessageKind
    media_id: MediaId | None
    refusal: FileRefusal | None
