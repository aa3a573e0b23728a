"""Parses the text of an exported or copied WhatsApp chat into messages.

WhatsApp writes dates as the phone's region does and says nowhere which way round: the order is
inferred from the whole text. Called by the `whatsapp-export` importer. It never reads a file and
never decides who is the business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

import msgspec

ASSUMED_YEAR = 2026
"""Year of the first message where the lines name none (text copied from a phone)."""

_MARKS = "\u200e\u200f\u202a\u202b\u202c\ufeff"
_DATE = r"(?P<date>\d{1,4}[./-]\s?\d{1,4}[./-]\s?\d{1,4}\.?)"
_SHORT_DATE = r"(?P<date>\d{1,2}[./-]\d{1,2})"
_TIME = r"(?P<time>\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:\s?[ap]\.?\s?m\b\.?)?)"
_DATE_TIME = rf"{_DATE},?\s(?:klo\s|a las\s)?{_TIME}"
_STYLES = tuple(
    re.compile(rf"[{_MARKS}]*{pattern}", re.IGNORECASE | re.DOTALL)
    for pattern in (
        rf"\[{_DATE_TIME}\]\s(?P<rest>.*)",
        rf"\[{_TIME},\s{_DATE}\]\s(?P<rest>.*)",
        rf"\[{_SHORT_DATE},\s{_TIME}\]\s(?P<rest>.*)",
        rf"{_DATE_TIME}\s[-–]\s(?P<rest>.*)",
        rf"{_DATE_TIME}:\s(?P<rest>.*)",
        rf"{_DATE_TIME}\s(?P<rest>[^:]+:\s.*)",
    )
)
_CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?\s?(?:([ap])\.?\s?m)?", re.IGNORECASE)
_AUTHOR = re.compile(r"(?P<author>[^:\n\"“«]{1,100}?):(?:\s(?P<text>.*))?", re.DOTALL)
_SYSTEM_TEXT = re.compile(
    r"(?:los mensajes y las? llamadas|los mensajes y llamadas|los mensajes) .{0,40}cifrad[oa]s de extremo a extremo"
    r"|messages and calls are end-to-end encrypted"
    r"|messages to this (?:chat|group) are now secured"
    r"|est[ea] (?:chat|empresa) (?:es con|trabaja con|usa|utiliza) .{0,60}(?:empresa|meta|servicio)",
    re.IGNORECASE,
)
_ATTACHED = (
    re.compile(r"<\s*(?:attached|adjunto|archivo adjunto)\s*:\s*(?P<name>[^<>\n]+?)\s*>", re.IGNORECASE),
    re.compile(
        r"^(?P<name>[^\n]+?\.\w{1,5})\s+"
        r"(?:\((?:file attached|archivo adjunto|adjunto|datei angehängt)\)|<(?:attached|adjunto)>)",
        re.IGNORECASE | re.MULTILINE,
    ),
)
_OMITTED = re.compile(
    r"<?(?P<what>multimedia|imagen|foto|audio|video|sticker|gif|documento|contacto|tarjeta de contacto"
    r"|media|image|document|contact card) (?:omitid[oa]|omitted)>?\.?",
    re.IGNORECASE,
)
_CONTENT_TYPES = {
    "imagen": "image/jpeg",
    "foto": "image/jpeg",
    "image": "image/jpeg",
    "audio": "audio/ogg",
    "video": "video/mp4",
    "gif": "video/mp4",
    "sticker": "image/webp",
    "documento": "application/pdf",
    "document": "application/pdf",
    "contacto": "text/vcard",
    "tarjeta de contacto": "text/vcard",
    "contact card": "text/vcard",
}
_UNKNOWN_CONTENT = "application/octet-stream"
_DELETED = re.compile(
    r"(?:se eliminó este mensaje|eliminaste este mensaje|este mensaje fue eliminado"
    r"|this message was deleted|you deleted this message)\.?",
    re.IGNORECASE,
)
_EDITED = re.compile(r"\s*<(?:se editó este mensaje|this message was edited)\.?>$", re.IGNORECASE)


class DateOrder(StrEnum):
    """Which way round the numbers of a date are written."""

    DMY = "dmy"
    MDY = "mdy"
    YMD = "ymd"
    YDM = "ydm"
    M_YEAR_D = "m-year-d"
    D_YEAR_M = "d-year-m"
    DM = "dm"
    MD = "md"


class ExportMessage(msgspec.Struct, frozen=True):
    """One message as the export shows it.

    Attributes:
        ts: Local time of the phone that exported, to the minute or second.
        author: Name or number, without direction marks and without the "~" of unknown contacts; None for the system.
        text: As written, line ends as a line feed, markers of attachments and edits included.
        system: WhatsApp said it, not a person.
        attachment: File name of what was attached, where the export names it.
        omitted: Content type of what was sent and left out of the export, as far as its marker tells.
        deleted: The author took the message back; `text` is only WhatsApp's note of it.
        edited: The author changed it; `text` ends with WhatsApp's note of it.
    """

    ts: datetime
    author: str | None
    text: str
    system: bool
    attachment: str | None = None
    omitted: str | None = None
    deleted: bool = False
    edited: bool = False


class _Start(NamedTuple):
    """The first line of a message, dates not understood yet."""

    line: int
    date: tuple[str, ...]
    time: tuple[int, int, int]
    rest: str


def parse_export(text: str, *, order: DateOrder | None = None, assumed_year: int = ASSUMED_YEAR) -> list[ExportMessage]:
    """The messages of a chat, in the order written; empty where no line looks like one.

    Args:
        text: The whole export. Lines ahead of the first message are dropped.
        order: How dates are written; inferred where None: the order in which every date exists and
            time runs backwards least often and spans the fewest years, day first where that decides nothing.
        assumed_year: For lines that carry no year.
    """
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    starts = list(_find_starts(lines))
    if not starts:
        return []
    if order is None:
        order = infer_order(start.date for start in starts)
    moments = _date_all(starts, order, assumed_year)
    if all(moment is None for moment in moments):
        return []
    kept = [(start, moment) for start, moment in zip(starts, moments, strict=True) if moment is not None]
    ends = [start.line for start, _ in kept[1:]] + [len(lines)]
    return [
        _read_message("\n".join([start.rest, *lines[start.line + 1 : end]]), moment)
        for (start, moment), end in zip(kept, ends, strict=True)
    ]


def infer_order(dates: Iterable[tuple[str, ...]]) -> DateOrder:
    """How these dates are written, judged by all of them together."""
    known = list(dates)

    def badness(order: DateOrder) -> tuple[int, int, int]:
        days = [_order_date(date, order, ASSUMED_YEAR) for date in known]
        real = [day for day in days if day is not None]
        backwards = sum(later < earlier for earlier, later in pairwise(real))
        years = max(real)[0] - min(real)[0] if real else 0
        return len(days) - len(real), backwards, years

    return min(_list_candidates(known[0]), key=badness)


def strip_marks(text: str) -> str:
    """The text without the invisible direction marks WhatsApp strews in."""
    return text.translate({ord(mark): None for mark in _MARKS})


def strip_edit_note(text: str) -> str:
    """The text without WhatsApp's note that it was edited."""
    return _EDITED.sub("", strip_marks(text))


def _find_starts(lines: list[str]) -> Iterator[_Start]:
    """Lines that begin a message, all in the style of the first one: another style is quoted text."""
    style: re.Pattern[str] | None = None
    for number, line in enumerate(lines):
        if style is None:
            style = next((pattern for pattern in _STYLES if pattern.fullmatch(line)), None)
        match = style.fullmatch(line) if style else None
        if match is None:
            continue
        time = _read_clock(match["time"])
        if time is not None:
            date = tuple(re.findall(r"\d+", match["date"]))
            yield _Start(number, date, time, match["rest"])


def _read_clock(text: str) -> tuple[int, int, int] | None:
    match = _CLOCK.match(text)
    if match is None:
        return None
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    half = (match[4] or "").lower()
    if half and hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    return (hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def _list_candidates(date: tuple[str, ...]) -> tuple[DateOrder, ...]:
    """Orders that dates of this shape may have, likeliest first."""
    if len(date) == 2:
        return (DateOrder.DM, DateOrder.MD)
    if len(date[0]) == 4:
        return (DateOrder.YMD, DateOrder.YDM)
    if len(date[1]) == 4:
        return (DateOrder.M_YEAR_D, DateOrder.D_YEAR_M)
    if len(date[2]) == 4:
        return (DateOrder.DMY, DateOrder.MDY)
    return (DateOrder.DMY, DateOrder.MDY, DateOrder.YMD)


_PLACES: dict[DateOrder, tuple[int | None, int, int]] = {
    DateOrder.DMY: (2, 1, 0),
    DateOrder.MDY: (2, 0, 1),
    DateOrder.YMD: (0, 1, 2),
    DateOrder.YDM: (0, 2, 1),
    DateOrder.M_YEAR_D: (1, 0, 2),
    DateOrder.D_YEAR_M: (1, 2, 0),
    DateOrder.DM: (None, 1, 0),
    DateOrder.MD: (None, 0, 1),
}
"""Where year, month and day stand in a date of each order."""


def _order_date(date: tuple[str, ...], order: DateOrder, year: int) -> tuple[int, int, int] | None:
    """Year, month and day, or None where there is no such day."""
    year_at, month_at, day_at = _PLACES[order]
    try:
        if year_at is not None:
            year = int(date[year_at])
            year += 2000 if year < 100 else 0
        day = datetime(year, int(date[month_at]), int(date[day_at]))  # noqa: DTZ001 - the export has no zone
    except (ValueError, IndexError):
        return None
    return day.year, day.month, day.day


def _date_all(starts: list[_Start], order: DateOrder, year: int) -> list[datetime | None]:
    """The moment of each line; where no year is written, a month that jumps back begins the next one."""
    moments: list[datetime | None] = []
    month_before = 0
    for start in starts:
        day = _order_date(start.date, order, year)
        if day is not None and len(start.date) == 2:
            if month_before - day[1] > 6:
                year += 1
                day = (year, day[1], day[2])
            month_before = day[1]
        moments.append(datetime(*day, *start.time) if day else None)  # noqa: DTZ001 - the export has no zone
    return moments


def _read_message(rest: str, ts: datetime) -> ExportMessage:
    match = _AUTHOR.fullmatch(rest)
    text = (match["text"] or "") if match else rest
    if match is None or _SYSTEM_TEXT.match(strip_marks(rest)):
        return ExportMessage(ts=ts, author=None, text=rest, system=True)
    if _SYSTEM_TEXT.match(strip_marks(text)):  # iPhones sign WhatsApp's own notes with the chat's name
        return ExportMessage(ts=ts, author=None, text=text, system=True)
    author = strip_marks(match["author"]).strip().removeprefix("~").strip()
    bare = strip_marks(text).strip()
    return ExportMessage(
        ts=ts,
        author=author,
        text=text,
        system=False,
        attachment=_find_attachment(strip_marks(text)),
        omitted=_find_omitted(bare),
        deleted=_DELETED.fullmatch(bare) is not None,
        edited=_EDITED.search(bare) is not None,
    )


def _find_attachment(text: str) -> str | None:
    for pattern in _ATTACHED:
        match = pattern.search(text)
        if match:
            return match["name"]
    return None


def _find_omitted(text: str) -> str | None:
    match = _OMITTED.match(text)
    if match is None or (match.end() < len(text) and text[match.end()] != "\n"):
        return None
    return _CONTENT_TYPES.get(match["what"].lower(), _UNKNOWN_CONTENT)
