"""What Twilio makes of a file it is asked to send: fetched without credentials, looked at, kept, or a failure later.

The emulator calls `judge_file`. The rules are written apart from those of `runtime.domain.files`, so that neither
hides a fault of the other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

FETCH_FAILED = 63019
REFUSED_TYPE = 63005
TOO_BIG = 63034
LIMIT = 16 * 1024 * 1024
IMAGE_LIMIT = 5 * 1024 * 1024


class Fetched(msgspec.Struct, frozen=True):
    """What an address gave. `status` is 0 where nobody answered."""

    status: int
    content_type: str = ""
    content: bytes = b""


Fetcher = Callable[[str], Awaitable[Fetched]]
"""Asks for an address, without credentials."""

_STARTS: dict[str, tuple[tuple[int, bytes], ...]] = {
    "image/jpeg": ((0, b"\xff\xd8"),),
    "image/jpg": ((0, b"\xff\xd8"),),
    "image/png": ((1, b"PNG"),),
    "image/webp": ((8, b"WEBP"),),
    "audio/ogg": ((0, b"OggS"),),
    "audio/amr": ((0, b"#!AMR"),),
    "audio/mpeg": ((0, b"ID3"), (0, b"\xff\xfb"), (0, b"\xff\xfa"), (0, b"\xff\xf3"), (0, b"\xff\xf2")),
    "audio/aac": ((0, b"\xff\xf1"), (0, b"\xff\xf9")),
    "audio/mp4": ((4, b"ftyp"),),
    "video/mp4": ((4, b"ftyp"),),
    "audio/3gpp": ((4, b"ftyp3g"),),
    "video/3gpp": ((4, b"ftyp3g"),),
    "application/pdf": ((0, b"%PDF"),),
    "application/msword": ((0, b"\xd0\xcf\x11\xe0"),),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ((0, b"PK"),),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ((0, b"PK"),),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ((0, b"PK"),),
    "text/vcard": ((0, b"BEGIN:VCARD"),),
}


def judge_file(fetched: Fetched) -> int | None:
    """The error code a message with this file ends with, or None when it can be delivered."""
    if fetched.status != 200:
        return FETCH_FAILED
    name = fetched.content_type.partition(";")[0].strip().lower()
    if name not in _STARTS:
        return REFUSED_TYPE
    if len(fetched.content) > (IMAGE_LIMIT if name.startswith("image/") else LIMIT):
        return TOO_BIG
    agrees = any(fetched.content.startswith(start, offset) for offset, start in _STARTS[name])
    return None if agrees else FETCH_FAILED
