"""Exported WhatsApp chats: parsed line by line, then made into a conversation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.importers import DateOrder, ExportMessage, ExportOptions, import_file, parse_export
from sim.problems import MalformedInput
from sim.transcripts import Media, Said, Say, SharedLocation, dump_transcripts, load_transcripts

CHAT = """\
12/1/26, 10:00 a. m. - Los mensajes y las llamadas están cifrados de extremo a extremo. Obtén más información.
12/1/26, 10:01 a. m. - Ana: hola buenas
12/1/26, 10:01 a. m. - Ana: tienen lugar mañana?
12/1/26, 10:03 a. m. - Estética Lupita: ¡Hola! Sí, mañana martes tenemos a las 11:00 y a las 4:00 de la tarde
12/1/26, 10:05 a. m. - Ana: a las 4 porfa <Se editó este mensaje.>
12/1/26, 10:06 a. m. - Ana: IMG-20260112-WA0003.jpg (archivo adjunto)
así lo quiero
12/1/26, 10:07 a. m. - Ana: Se eliminó este mensaje.
12/1/26, 10:08 a. m. - Ana: audio omitido
12/1/26, 10:09 a. m. - Estética Lupita: Perfecto, te esperamos mañana a las 4:00
"""


class Line(NamedTuple):
    """An export, and what its only message must be."""

    id: str
    text: str
    ts: str
    author: str | None
    said: str
    attachment: str | None = None
    omitted: str | None = None


LINES = [
    Line("android", "27/7/26, 5:24 p. m. - Ana: hola", "2026-07-27T17:24:00", "Ana", "hola"),
    Line("narrow blank", "27/7/26, 5:24\u202fp.\u00a0m. - Ana: hola", "2026-07-27T17:24:00", "Ana", "hola"),
    Line("iphone", "\u200e[27/07/26, 17:24:09] Ana: hola", "2026-07-27T17:24:09", "Ana", "hola"),
    Line("24 hours", "27/07/2026, 17:24 - Ana: hola", "2026-07-27T17:24:00", "Ana", "hola"),
    Line("midnight", "27/7/26, 12:05 a. m. - Ana: hola", "2026-07-27T00:05:00", "Ana", "hola"),
    Line("noon", "27/7/26, 12:05 p. m. - Ana: hola", "2026-07-27T12:05:00", "Ana", "hola"),
    Line("from the web", "[5:24 p. m., 27/7/2026] Ana: va", "2026-07-27T17:24:00", "Ana", "va"),
    Line("from a phone", "[27/7, 5:24 p. m.] Ana: va", "2026-07-27T17:24:00", "Ana", "va"),
    Line("dot in front of nothing", "27/7/26 17:24 - Ana: .", "2026-07-27T17:24:00", "Ana", "."),
    Line("unknown contact", "27/7/26, 17:24 - ~\u202fAna Ruiz: hola", "2026-07-27T17:24:00", "Ana Ruiz", "hola"),
    Line("a number", "27/7/26, 17:24 - +52 1 55 1234 5678: hola", "2026-07-27T17:24:00", "+52 1 55 1234 5678", "hola"),
    Line("colon in the text", "27/7/26, 17:24 - Ana: ojo: a las 5", "2026-07-27T17:24:00", "Ana", "ojo: a las 5"),
    Line("empty, blank cut off", "27/7/26, 17:24 - Ana:", "2026-07-27T17:24:00", "Ana", ""),
    Line("system", "27/7/26, 17:24 - Ana se unió", "2026-07-27T17:24:00", None, "Ana se unió"),
    Line(
        "system with a colon",
        '27/7/26, 17:24 - Ana cambió el nombre del grupo a "Citas: 2026"',
        "2026-07-27T17:24:00",
        None,
        'Ana cambió el nombre del grupo a "Citas: 2026"',
    ),
    Line(
        "encryption, as an iphone signs it",
        "[27/07/26, 17:24:09] Lupita: \u200eLos mensajes y las llamadas están cifrados de extremo a extremo.",
        "2026-07-27T17:24:09",
        None,
        "\u200eLos mensajes y las llamadas están cifrados de extremo a extremo.",
    ),
    Line(
        "encryption, as android does",
        "27/7/26, 17:24 - Los mensajes y las llamadas están cifrados de extremo a extremo: nadie los lee.",
        "2026-07-27T17:24:00",
        None,
        "Los mensajes y las llamadas están cifrados de extremo a extremo: nadie los lee.",
    ),
    Line(
        "media",
        "27/7/26, 17:24 - Ana: <Multimedia omitido>",
        "2026-07-27T17:24:00",
        "Ana",
        "<Multimedia omitido>",
        None,
        "application/octet-stream",
    ),
    Line(
        "image",
        "27/7/26, 17:24 - Ana: \u200eimagen omitida",
        "2026-07-27T17:24:00",
        "Ana",
        "\u200eimagen omitida",
        None,
        "image/jpeg",
    ),
    Line(
        "audio", "27/7/26, 17:24 - Ana: audio omitido", "2026-07-27T17:24:00", "Ana", "audio omitido", None, "audio/ogg"
    ),
    Line(
        "sticker",
        "27/7/26, 17:24 - Ana: sticker omitido",
        "2026-07-27T17:24:00",
        "Ana",
        "sticker omitido",
        None,
        "image/webp",
    ),
    Line(
        "words about it", "27/7/26, 17:24 - Ana: audio omitido dice", "2026-07-27T17:24:00", "Ana", "audio omitido dice"
    ),
    Line(
        "attached",
        "27/7/26, 17:24 - Ana: PTT-20260727-WA0001.opus (archivo adjunto)",
        "2026-07-27T17:24:00",
        "Ana",
        "PTT-20260727-WA0001.opus (archivo adjunto)",
        "PTT-20260727-WA0001.opus",
    ),
    Line(
        "attached on an iphone",
        "[27/07/26, 17:24:09] Ana: \u200e<adjunto: 00000042-PHOTO.jpg>",
        "2026-07-27T17:24:09",
        "Ana",
        "\u200e<adjunto: 00000042-PHOTO.jpg>",
        "00000042-PHOTO.jpg",
    ),
]


@pytest.mark.parametrize("case", LINES, ids=lambda case: case.id)
def test_a_line_is_read_as_whatsapp_meant_it(case: Line) -> None:
    """Moment, author, text and what came along."""
    (message,) = parse_export(case.text)

    assert message.ts.isoformat() == case.ts
    assert (message.author, message.text, message.system) == (case.author, case.said, case.author is None)
    assert (message.attachment, message.omitted) == (case.attachment, case.omitted)


def test_deleted_and_edited_messages_are_marked() -> None:
    """Both ways of deleting, and the note behind an edited one."""
    messages = parse_export(
        "27/7/26, 17:24 - Ana: Se eliminó este mensaje.\n"
        "27/7/26, 17:25 - Ana: Eliminaste este mensaje\n"
        "27/7/26, 17:26 - Ana: a las 5 \u200e<Se editó este mensaje.>\n"
        "27/7/26, 17:27 - Ana: dice que se eliminó este mensaje ayer"
    )

    assert [(m.deleted, m.edited) for m in messages] == [(True, False), (True, False), (False, True), (False, False)]


def test_lines_without_a_date_belong_to_the_message_ahead() -> None:
    """Also a quoted line in another style of date."""
    (message,) = parse_export("27/7/26, 17:24 - Ana: mira\n[5:24 p. m., 27/7/2026] Lupita: te espero\n\nsí?")

    assert message.text == "mira\n[5:24 p. m., 27/7/2026] Lupita: te espero\n\nsí?"


def test_windows_line_ends_are_no_part_of_the_text() -> None:
    """CRLF files give the same messages."""
    text = "27/7/26, 17:24 - Ana: uno\r\ndos\r\n27/7/26, 17:25 - Ana: tres"

    assert [m.text for m in parse_export(text)] == ["uno\ndos", "tres"]


class Dates(NamedTuple):
    """Dates of a chat and the months they must come to."""

    id: str
    dates: tuple[str, ...]
    days: tuple[str, ...]


DATES = [
    Dates("day first by custom", ("3/6/26", "4/6/26"), ("2026-06-03", "2026-06-04")),
    Dates("month first because of a 13", ("6/3/26", "6/13/26"), ("2026-06-03", "2026-06-13")),
    Dates("month first because time runs", ("3/9/26", "4/8/26", "5/7/26"), ("2026-03-09", "2026-04-08", "2026-05-07")),
    Dates("year first", ("2026-06-03", "2026-06-13"), ("2026-06-03", "2026-06-13")),
    Dates("year first in two digits", ("26.06.13", "26.06.30"), ("2026-06-13", "2026-06-30")),
]


@pytest.mark.parametrize("case", DATES, ids=lambda case: case.id)
def test_the_order_of_dates_is_inferred_from_all_of_them(case: Dates) -> None:
    """Every date must exist, and time should not run backwards."""
    text = "\n".join(f"{date}, 10:00 - Ana: hola" for date in case.dates)

    assert tuple(m.ts.date().isoformat() for m in parse_export(text)) == case.days


def test_a_known_order_can_be_given() -> None:
    """Where both orders are possible the caller may know better."""
    (message,) = parse_export("3/6/26, 10:00 - Ana: hola", order=DateOrder.MDY)

    assert message.ts.month == 3


def test_lines_without_a_year_go_on_into_the_next() -> None:
    """January after December is the next year's."""
    messages = parse_export("[30/12, 10:00] Ana: a\n[2/1, 10:00] Ana: b", assumed_year=2025)

    assert [m.ts.date().isoformat() for m in messages] == ["2025-12-30", "2026-01-02"]


def test_text_that_is_no_export_gives_no_messages() -> None:
    """Nothing is invented."""
    assert parse_export("") == []
    assert parse_export("hola\n12/1/26 fui al dentista\n99/99/9999, 10:00 - Ana: no") == []


@given(st.text(max_size=200))
def test_any_text_parses_to_something(text: str) -> None:
    """No text makes the parser raise, alone or behind the start of a message."""
    assert isinstance(parse_export(text), list)
    assert len(parse_export(f"12/1/26, 10:00 - Ana: {text}")) >= 1


def test_the_shared_cases_parse_exactly(shared_data: Path) -> None:
    """All recorded cases of other parsers, dates, authors, texts and attachments."""
    cases = (shared_data / "whatsapp_exports" / "casos.jsonl").read_bytes()
    rows = [json.loads(line) for line in cases.splitlines()]

    wrong = [row["id"] for row in rows if [_spell(m) for m in parse_export("\n".join(row["lines"]))] != row["expected"]]

    assert len(rows) == 23
    assert wrong == []


def _spell(message: ExportMessage) -> dict[str, object]:
    spelled: dict[str, object] = {
        "ts": message.ts.isoformat(),
        "author": message.author,
        "text": message.text,
        "system": message.system,
    }
    return spelled | ({"attachment": message.attachment} if message.attachment else {})


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    """The chat above as a file."""
    path = tmp_path / "Chat de WhatsApp con Ana.txt"
    path.write_text(CHAT, encoding="utf-8")
    return path


def test_a_chat_becomes_a_conversation(chat: Path) -> None:
    """The business's side is history, the customer's is said when it was, deleted and system lines are gone."""
    (transcript,) = import_file("whatsapp-export", chat)

    assert transcript.id == "whatsapp-chat-de-whatsapp-con-ana"
    assert transcript.header.now.isoformat() == "2026-01-12T10:01:00-06:00"
    assert transcript.events == (
        Say(by="ana", text="hola buenas", at=0),
        Say(by="ana", text="tienen lugar mañana?", at=1),
        Said(
            by="parlo", to="ana", text="¡Hola! Sí, mañana martes tenemos a las 11:00 y a las 4:00 de la tarde", at=120
        ),
        Say(by="ana", text="a las 4 porfa", at=240),
        Say(by="ana", text="así lo quiero", media=(Media(content_type="image/jpeg"),), at=300),
        Say(by="ana", media=(Media(content_type="audio/ogg"),), at=420),
        Said(by="parlo", to="ana", text="Perfecto, te esperamos mañana a las 4:00", at=480),
    )


def test_an_imported_chat_can_be_written_and_loaded(chat: Path, tmp_path: Path) -> None:
    """It is a transcript like any other."""
    imported = import_file("whatsapp-export", chat)
    out = tmp_path / "out.jsonl"
    out.write_bytes(dump_transcripts(imported))

    assert [t.events for t in load_transcripts([out])] == [t.events for t in imported]


def test_the_business_can_be_named(chat: Path) -> None:
    """Where the guess is wrong, the caller says who it is."""
    (transcript,) = import_file("whatsapp-export", chat, ExportOptions(business_author="Ana"))

    assert list(transcript.header.people) == ["estetica_lupita"]


def test_of_two_who_wrote_as_much_the_first_is_the_customer(tmp_path: Path) -> None:
    """Customers begin."""
    path = tmp_path / "x.txt"
    path.write_text("27/7/26, 17:24 - Bea: hola\n27/7/26, 17:25 - Salón: hola", encoding="utf-8")

    (transcript,) = import_file("whatsapp-export", path)

    assert list(transcript.header.people) == ["bea"]


def test_a_shared_place_and_a_number_as_author_are_understood(tmp_path: Path) -> None:
    """A number that wrote is the person's phone; a map link of WhatsApp is a place."""
    path = tmp_path / "x.txt"
    path.write_text(
        "27/7/26, 17:24 - +52 1 55 1234 5678: Ubicación: https://maps.google.com/?q=19.04,-98.2\n"
        "27/7/26, 17:25 - Salón: Gracias, ya vimos dónde estás",
        encoding="utf-8",
    )

    (transcript,) = import_file("whatsapp-export", path)

    (person,) = transcript.header.people.values()
    assert person.phone == "+5215512345678"
    assert transcript.says == [
        Say(by="52_1_55_1234_5678", location=SharedLocation(latitude=19.04, longitude=-98.2), at=0)
    ]


def test_what_is_no_export_is_refused_with_its_line(tmp_path: Path) -> None:
    """No message, nobody of that name, only the business, bad bytes."""
    path = tmp_path / "x.txt"

    def explain(content: bytes, options: ExportOptions | None = None) -> str:
        path.write_bytes(content)
        with pytest.raises(MalformedInput) as caught:
            import_file("whatsapp-export", path, options)
        return str(caught.value).removeprefix(f"{path}:")

    one = b"27/7/26, 17:24 - Ana: hola"
    assert explain(b"hola").startswith("1: no line looks like a message")
    assert explain(one, ExportOptions(business_author="Eva")) == "1: author: nobody is called 'Eva' (authors: Ana)"
    assert explain(one, ExportOptions(business_author="Ana")).startswith("1: author: only the business, 'Ana'")
    assert explain(one + b"\nma\xf1ana") == "2: not UTF-8: byte 0xf1"
