"""Imports a chat exported from WhatsApp (the `.txt` of "Exportar chat") as one transcript.

One author is the business: what it wrote becomes history; everybody else becomes a customer who
says what they wrote, when they wrote it. Nothing is known about what should have happened, so the
transcript expects nothing. Called through `import_file`.
"""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from sim.importers.recorded import invent_phone
from sim.importers.whatsapp_text import ASSUMED_YEAR, ExportMessage, parse_export, strip_edit_note, strip_marks
from sim.problems import MalformedInput, Problem
from sim.transcripts.structs import (
    PARLO,
    VERSION,
    Event,
    Header,
    Media,
    Person,
    PersonRole,
    Said,
    Say,
    SharedLocation,
    Transcript,
)
from sim.worlds import load_world

_LOCATION = re.compile(
    r"(?:ubicación|ubicacion|location): https?://maps\.google\.com/\?q=(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?)",
    re.IGNORECASE,
)
_SAME_MOMENT_GAP_S = 1.0
"""Exports round to the minute: messages of one moment keep their order, this far apart."""


class ExportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What an export does not say about itself.

    `business_author` is the business's name as the export shows it. Without it, of two authors the one
    who did not write first is taken, since customers begin; of more, the one of the others who wrote the
    most text (the side that lists prices, hours and addresses). With a single author there is no business.
    """

    business_author: str | None = None
    world: str = "estetica-lupita"
    assumed_year: int = ASSUMED_YEAR


def import_whatsapp_export(path: Path, options: ExportOptions | None = None) -> list[Transcript]:
    """The chat as one transcript, in a list as every importer gives.

    Raises:
        MalformedInput: The file is no export, names no such business, or nobody else says anything.
    """
    options = options or ExportOptions()
    messages = parse_export(_read_text(path), assumed_year=options.assumed_year)
    spoken = [message for message in messages if message.author is not None and not message.deleted]
    if not spoken:
        message = "no line looks like a message, for example `12/1/26, 10:05 a. m. - Ana: hola`"
        raise MalformedInput([Problem(str(path), 1, message=message)])
    business = options.business_author or guess_business(spoken)
    authors = list(dict.fromkeys(message.author or "" for message in spoken))
    if options.business_author is not None and business not in authors:
        known = ", ".join(authors)
        raise MalformedInput([Problem(str(path), 1, "author", f"nobody is called {business!r} (authors: {known})")])
    keys = _name_people([author for author in authors if author != business])
    if not keys:
        raise MalformedInput([Problem(str(path), 1, "author", f"only the business, {business!r}, says anything")])
    return [_compose(path, spoken, keys, options, business)]


def guess_business(messages: list[ExportMessage]) -> str | None:
    """Not whoever wrote first; of several others the one who wrote the most text. None for a single author."""
    written: Counter[str] = Counter()
    for message in messages:
        written[message.author or ""] += len(_own_words(message))
    if len(written) < 2:
        return None
    first = messages[0].author
    return max((author for author in written if author != first), key=lambda author: written[author])


def _own_words(message: ExportMessage) -> str:
    """What somebody typed: no file names, places or notes of WhatsApp."""
    if _LOCATION.search(message.text):
        return ""
    return _caption(message) if message.attachment or message.omitted else _clean(message)


def _read_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise MalformedInput([Problem(str(path), message=f"cannot be read: {error.strerror or error}")]) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8: byte 0x{raw[error.start]:02x}"
        raise MalformedInput([Problem(str(path), line, message=message)]) from error


def _compose(
    path: Path, spoken: list[ExportMessage], keys: dict[str, str], options: ExportOptions, business: str | None
) -> Transcript:
    world = load_world(options.world)
    zone = ZoneInfo(world.business.timezone)
    start = spoken[0].ts
    header = Header(
        version=VERSION,
        id=f"whatsapp-{_slug(path.stem, '-') or 'chat'}",
        title=f"Chat exportado de {', '.join(keys)}" + (f" con {business}" if business else ""),
        tags=("imported", "whatsapp-export"),
        source="whatsapp-export",
        now=start.replace(tzinfo=zone),
        world=options.world,
        people={key: _describe_person(who, number) for number, (who, key) in enumerate(keys.items(), start=1)},
    )
    events = _make_events(spoken, keys, start)
    return Transcript(header=header, events=events, world=world, file=str(path), line=1)


def _make_events(spoken: list[ExportMessage], keys: dict[str, str], start: datetime) -> tuple[Event, ...]:
    events: list[Event] = []
    at = -_SAME_MOMENT_GAP_S
    latest: str | None = None
    for message in spoken:
        at = max((message.ts - start) / timedelta(seconds=1), at + _SAME_MOMENT_GAP_S)
        key = keys.get(message.author or "")
        if key is None:
            events.append(Said(by=PARLO, to=latest, text=_clean(message), at=at))
            continue
        latest = key
        events.append(_say(key, message, at))
    return tuple(events)


def _say(key: str, message: ExportMessage, at: float) -> Say:
    located = _LOCATION.search(strip_marks(message.text))
    if located:
        place = SharedLocation(latitude=float(located[1]), longitude=float(located[2]))
        return Say(by=key, location=place, at=at)
    if message.attachment is not None:
        guessed = mimetypes.guess_type(message.attachment)[0] or _guess_opus(message.attachment)
        return Say(by=key, text=_caption(message), media=(Media(content_type=guessed),), at=at)
    if message.omitted is not None:
        return Say(by=key, text=_caption(message), media=(Media(content_type=message.omitted),), at=at)
    return Say(by=key, text=_clean(message), at=at)


def _guess_opus(name: str) -> str:
    """Voice notes are `.opus`, which not every system's table of types knows."""
    return "audio/ogg" if name.lower().endswith(".opus") else "application/octet-stream"


def _clean(message: ExportMessage) -> str:
    return strip_edit_note(message.text).strip()


def _caption(message: ExportMessage) -> str:
    """What was written below a file: the lines after the one with its marker."""
    return _clean(message).partition("\n")[2].strip()


def _name_people(authors: list[str]) -> dict[str, str]:
    """A key for each author, in order; two that look alike are numbered."""
    keys: dict[str, str] = {}
    for author in authors:
        base = _slug(author, "_") or "cliente"
        key, number = base, 2
        while key in keys.values() or key == PARLO:
            key, number = f"{base}_{number}", number + 1
        keys[author] = key
    return keys


def _describe_person(author: str, number: int) -> Person:
    digits = re.sub(r"\D", "", author)
    if author.lstrip().startswith("+") and 8 <= len(digits) <= 15:
        return Person(role=PersonRole.CUSTOMER, phone=f"+{digits}")
    return Person(role=PersonRole.CUSTOMER, name=author, phone=invent_phone(number))


def _slug(text: str, joint: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", joint, plain).strip(joint)
