"""What a file is, by its first bytes: what it claims must agree, and what nobody knows is not passed on."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.domain.files import (
    FILE_LIMIT,
    IMAGE_LIMIT,
    identify_file,
    is_shown_inline,
    limit_of,
    takes_caption,
)
from runtime.domain.whatsapp import MessageKind
from sim.samples import Sample, make_card, make_file, make_sample

OFFICE = "application/vnd.openxmlformats-officedocument."


class Case(msgspec.Struct, frozen=True):
    """What a file claims, what it holds, and what it is served as."""

    declared: str
    content: bytes
    served: str | None

    @classmethod
    def of(cls, declared: str, sample: Sample, served: str | None) -> Case:
        return cls(declared, make_sample(sample), served)


HONEST = [
    ("image/jpeg", "image/jpeg"),
    ("image/png", "image/png"),
    ("image/webp", "image/webp"),
    ("audio/ogg; codecs=opus", "audio/ogg"),
    ("audio/amr", "audio/amr"),
    ("audio/mpeg", "audio/mpeg"),
    ("audio/aac", "audio/aac"),
    ("audio/mp4", "audio/mp4"),
    ("audio/3gpp", "audio/3gpp"),
    ("video/mp4", "video/mp4"),
    ("video/3gpp", "video/3gpp"),
    ("application/pdf", "application/pdf"),
    ("application/msword", "application/msword"),
    (f"{OFFICE}wordprocessingml.document", f"{OFFICE}wordprocessingml.document"),
    (f"{OFFICE}presentationml.presentation", f"{OFFICE}presentationml.presentation"),
    (f"{OFFICE}spreadsheetml.sheet", f"{OFFICE}spreadsheetml.sheet"),
    ("text/vcard", "text/vcard"),
]


@pytest.mark.parametrize(("declared", "served"), HONEST, ids=lambda value: value)
def test_a_file_that_is_what_it_says_is_passed_on(declared: str, served: str) -> None:
    assert identify_file(declared, make_file(declared)) == served


CASES = [
    # another of the same family, or a name of the same thing: what it is counts
    Case.of("image/jpg", Sample.JPEG, "image/jpeg"),
    Case.of("IMAGE/PNG", Sample.JPEG, "image/jpeg"),
    Case.of("audio/mpeg", Sample.OGG, "audio/ogg"),
    Case.of("application/ogg", Sample.OGG, "audio/ogg"),
    Case.of("video/quicktime", Sample.MP4, "video/mp4"),
    Case.of("application/pdf", Sample.DOCX, f"{OFFICE}wordprocessingml.document"),
    Case.of("text/x-vcard", Sample.VCARD, "text/vcard"),
    Case("text/directory", b"\xef\xbb\xbf\r\nbegin:vcard\r\nend:vcard", "text/vcard"),
    Case("text/vcard", make_card("Zoë"), "text/vcard"),
    # nothing claimed
    Case.of("", Sample.PDF, "application/pdf"),
    Case.of("application/octet-stream", Sample.PNG, "image/png"),
    Case.of("application/octet-stream", Sample.PROGRAM, None),
    # a claim that does not hold
    Case.of("image/jpeg", Sample.HTML, None),
    Case.of("image/jpeg", Sample.SVG, None),
    Case.of("image/jpeg", Sample.PROGRAM, None),
    Case.of("image/jpeg", Sample.PDF, None),
    Case.of("image/jpeg", Sample.NOISE, None),
    Case.of("image/jpeg", Sample.EMPTY, None),
    Case.of("audio/ogg", Sample.JPEG, None),
    Case.of("text/vcard", Sample.HTML, None),
    Case.of("application/pdf", Sample.ZIP, None),
    Case.of("application/pdf", Sample.VCARD, None),
    # types that are not passed on, however honest
    Case.of("image/svg+xml", Sample.SVG, None),
    Case.of("text/html", Sample.HTML, None),
    Case.of("application/zip", Sample.ZIP, None),
    Case.of("application/zip", Sample.DOCX, None),
    Case("text/plain", b"BEGIN:VCARD\n", None),
    Case("image/gif", b"GIF89a\x01\x00\x01\x00", None),
    Case("image/heic", b"\x00\x00\x00\x18ftypheic", None),
    Case("video/quicktime", b"\x00\x00\x00\x14ftypqt  ", None),
    Case("audio/wav", b"RIFF\x00\x00\x00\x00WAVEfmt ", None),
    # kin in the same wrapping
    Case("audio/ogg", b"OggS\x00\x02" + b"\x00" * 22 + b"\x01vorbis", None),
    Case("application/msword", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, None),
    Case(f"{OFFICE}wordprocessingml.document", make_sample(Sample.DOCX) + b"word/vbaProject.bin", None),
    Case("application/pdf", b"<script></script>\n%PDF-1.4", None),
    # beginnings that could be a frame of sound, and are none
    Case("audio/mpeg", b"\xff\xfe<\x00h\x00t\x00m\x00l\x00", None),
    Case("audio/mpeg", b"\xff", None),
    Case("image/jpeg", b"\xff\xd8", None),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.declared} {case.content[:12]!r}")
def test_a_file_is_served_as_what_it_is_or_not_at_all(case: Case) -> None:
    assert identify_file(case.declared, case.content) == case.served


@given(st.text(max_size=40), st.binary(max_size=200))
def test_whatever_comes_is_answered(declared: str, content: bytes) -> None:
    """With a type of ours or with none, never with an error or with the sender's own word."""
    assert identify_file(declared, content) in {None, *(served for _, served in HONEST)}


@given(st.sampled_from(sorted(set(Sample) - {Sample.EMPTY})), st.binary(max_size=50))
def test_what_follows_the_beginning_changes_nothing(sample: Sample, tail: bytes) -> None:
    """A bomb in the packing of a document is never unpacked here: it is bytes like any others."""
    content = make_sample(sample)

    assert identify_file("", content + tail) == identify_file("", content)


def test_images_have_a_limit_of_their_own() -> None:
    assert (limit_of("image/jpeg"), limit_of("video/mp4"), limit_of("")) == (IMAGE_LIMIT, FILE_LIMIT, FILE_LIMIT)


def test_only_what_a_browser_may_show_is_shown_in_its_place() -> None:
    """Everything else is only ever saved."""
    shown = {declared for declared, _ in HONEST if is_shown_inline(declared)}

    assert {name.partition("/")[0] for name in shown} == {"image", "audio", "video"}
    assert not is_shown_inline("text/vcard")


def test_words_travel_beside_pictures_only() -> None:
    """A voice note or a document has no place for them."""
    assert {kind for kind in MessageKind if takes_caption(kind)} == {MessageKind.IMAGE, MessageKind.VIDEO}


@pytest.mark.parametrize("sample", Sample)
def test_a_sample_can_be_made_of_any_size(sample: Sample) -> None:
    assert len(make_file("image/jpeg", sample=sample, size=300)) == 300
