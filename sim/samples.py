"""Small files that are what they say, and some that are not: what people in a transcript send.

The driver and tests take them. They hold enough of each format to be told by its first bytes and to be opened by
a patient program; nothing in them is anybody's.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from enum import StrEnum
from io import BytesIO
from zipfile import ZipFile, ZipInfo


class Sample(StrEnum):
    """What a file holds, whatever it is said to be."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    OGG = "ogg"
    AMR = "amr"
    MP3 = "mp3"
    AAC = "aac"
    MP4 = "mp4"
    THREE_GP = "3gp"
    PDF = "pdf"
    DOC = "doc"
    DOCX = "docx"
    PPTX = "pptx"
    XLSX = "xlsx"
    VCARD = "vcard"
    HTML = "html"
    SVG = "svg"
    PROGRAM = "program"
    ZIP = "zip"
    NOISE = "noise"
    EMPTY = "empty"


_OFFICE = "application/vnd.openxmlformats-officedocument."
_BY_TYPE = {
    "image/jpeg": Sample.JPEG,
    "image/png": Sample.PNG,
    "image/webp": Sample.WEBP,
    "audio/ogg": Sample.OGG,
    "audio/amr": Sample.AMR,
    "audio/mpeg": Sample.MP3,
    "audio/aac": Sample.AAC,
    "audio/mp4": Sample.MP4,
    "video/mp4": Sample.MP4,
    "audio/3gpp": Sample.THREE_GP,
    "video/3gpp": Sample.THREE_GP,
    "application/pdf": Sample.PDF,
    "application/msword": Sample.DOC,
    f"{_OFFICE}wordprocessingml.document": Sample.DOCX,
    f"{_OFFICE}presentationml.presentation": Sample.PPTX,
    f"{_OFFICE}spreadsheetml.sheet": Sample.XLSX,
    "text/vcard": Sample.VCARD,
    "text/html": Sample.HTML,
    "image/svg+xml": Sample.SVG,
    "application/zip": Sample.ZIP,
}


SAYS = b"\nparlo:says:"
"""Before what a recording or a picture of ours has in it, at its end, where programs that open files look no more."""


def make_file(
    content_type: str, *, sample: Sample | None = None, size: int | None = None, says: str | None = None
) -> bytes:
    """A file that is said to be of this type.

    Args:
        content_type: What it is said to be; it holds that, or noise where nobody knows the type.
        sample: What it holds instead.
        size: How many bytes it has, filled up with zeros or cut off; None as it comes.
        says: What is spoken or to be seen in it; `read_says` finds it again.
    """
    name = content_type.partition(";")[0].strip().lower()
    content = make_sample(sample or _BY_TYPE.get(name, Sample.NOISE))
    content = content if size is None else content[:size].ljust(size, b"\x00")
    return content if says is None else content + SAYS + says.encode()


def read_says(content: bytes) -> str:
    """What is spoken or to be seen in a file of ours; empty in any other."""
    return content.rpartition(SAYS)[2].decode("utf-8", "replace") if SAYS in content else ""


def make_sample(sample: Sample) -> bytes:
    """One such file, the same each time."""
    return _MAKERS[sample]()


def make_card(name: str, phone: str | None = None) -> bytes:
    """A contact as WhatsApp hands it over."""
    lines = ["BEGIN:VCARD", "VERSION:3.0", f"N:;{name};;;", f"FN:{name}"]
    lines += [f"TEL;type=CELL:{phone}"] if phone else []
    return "\r\n".join([*lines, "END:VCARD", ""]).encode()


def _make_png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\x00\xff")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _make_jpeg() -> bytes:
    """One grey pixel."""
    start = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    quantities = b"\xff\xdb\x00\x43\x00" + b"\x01" * 64
    frame = b"\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00"
    codes = b"\xff\xc4\x00\x14\x00\x01" + b"\x00" * 15 + b"\x00"
    codes += b"\xff\xc4\x00\x14\x10\x01" + b"\x00" * 15 + b"\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x3f"
    return start + quantities + frame + codes + scan + b"\xff\xd9"


def _make_webp() -> bytes:
    lossless = bytes.fromhex("2f000000000730f3fffeff0100")
    chunk = b"VP8L" + struct.pack("<I", len(lossless)) + lossless + b"\x00" * (len(lossless) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def make_voice_note(seconds: int) -> bytes:
    """A voice note that can be played: silence of at most five seconds, in the format WhatsApp records in."""
    packets = [_OPUS_SILENCE] * (seconds * 50)
    played = _OPUS_SKIPPED + 960 * len(packets)
    return _make_ogg_heads(0) + _make_page(packets, _OGG_LAST, 2, played)


_OPUS_SILENCE = b"\xf8\xff\xfe"
"""Twenty milliseconds of it."""
_OPUS_SKIPPED = 312
"""Samples, of 48,000 in a second, that a player leaves out at the beginning."""
_OGG_FIRST, _OGG_LAST = 2, 4


def _make_ogg() -> bytes:
    """A voice note of no length: two pages with the heads that every Opus stream has."""
    return _make_ogg_heads(_OGG_LAST)


def _make_ogg_heads(flags: int) -> bytes:
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, _OPUS_SKIPPED, 16_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 5) + b"parlo" + struct.pack("<I", 0)
    return _make_page([head], _OGG_FIRST, 0) + _make_page([tags], flags, 1)


def _make_page(packets: list[bytes], flags: int, number: int, played: int = 0) -> bytes:
    """A page of whole packets, each shorter than 255 bytes and at most 255 of them."""
    before = b"OggS" + struct.pack("<BBqII", 0, flags, played, 1, number)
    after = bytes([len(packets), *map(len, packets)]) + b"".join(packets)
    return before + struct.pack("<I", _sum_page(before + b"\x00" * 4 + after)) + after


def _sum_page(page: bytes) -> int:
    """Ogg's own checksum, which is not the one of zlib."""
    total = 0
    for byte in page:
        total ^= byte << 24
        for _ in range(8):
            total = ((total << 1) ^ 0x04C11DB7 if total & 0x80000000 else total << 1) & 0xFFFFFFFF
    return total


def _make_boxes(brand: bytes) -> bytes:
    brands = brand + b"\x00\x00\x00\x00" + brand
    return struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands + struct.pack(">I", 8) + b"mdat"


def _make_pdf() -> bytes:
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>",
    )
    content, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    table = b"xref\n0 4\n0000000000 65535 f \n" + table
    return content + table + b"trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(content)


def _make_zip(*names: str) -> bytes:
    target = BytesIO()
    with ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(ZipInfo(name), b"<x/>")
    return target.getvalue()


def _make_doc() -> bytes:
    """The first sector of an old Word file, and the name of its stream."""
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 504
    return head + "WordDocument".encode("utf-16-le").ljust(128, b"\x00")


_TYPES = "[Content_Types].xml"
_MAKERS: dict[Sample, Callable[[], bytes]] = {
    Sample.JPEG: _make_jpeg,
    Sample.PNG: _make_png,
    Sample.WEBP: _make_webp,
    Sample.OGG: _make_ogg,
    Sample.AMR: lambda: b"#!AMR\n" + b"\x7c" + b"\x00" * 12,
    Sample.MP3: lambda: b"\xff\xfb\x10\xc4" + b"\x00" * 100,
    Sample.AAC: lambda: b"\xff\xf1\x50\x80\x01\x7f\xfc" + b"\x00" * 8,
    Sample.MP4: lambda: _make_boxes(b"isom"),
    Sample.THREE_GP: lambda: _make_boxes(b"3gp4"),
    Sample.PDF: _make_pdf,
    Sample.DOC: _make_doc,
    Sample.DOCX: lambda: _make_zip(_TYPES, "word/document.xml"),
    Sample.PPTX: lambda: _make_zip(_TYPES, "ppt/presentation.xml"),
    Sample.XLSX: lambda: _make_zip(_TYPES, "xl/workbook.xml"),
    Sample.VCARD: lambda: make_card("Ana López", "+525512345678"),
    Sample.HTML: lambda: b"<!doctype html><script>alert(1)</script>",
    Sample.SVG: lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    Sample.PROGRAM: lambda: b"MZ\x90\x00" + b"\x00" * 60,
    Sample.ZIP: lambda: _make_zip("leeme.txt"),
    Sample.NOISE: lambda: b"\x00" * 64,
    Sample.EMPTY: lambda: b"",
}
