"""One message on a phone's screen: its words, files and ticks, and the chips that say what became of it.

`sim.simulate.screens` makes them of rows and of the provider's memory; the templates draw them.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from runtime.domain.whatsapp import MessageKind, Place

_SHORT = 80


class Ticks(StrEnum):
    """How far a message has got, as WhatsApp draws it."""

    WAITING = "waiting"
    ONE = "one"
    TWO = "two"
    BLUE = "blue"
    FAILED = "failed"


class Tone(StrEnum):
    """How a chip looks."""

    PLAIN = "plain"
    GOOD = "good"
    BUSY = "busy"
    BAD = "bad"


class Chip(msgspec.Struct, frozen=True):
    """A short word under a bubble; `title` says more."""

    text: str
    title: str
    tone: Tone = Tone.PLAIN


class Attached(msgspec.Struct, frozen=True):
    """A file of a message. `url` is None where it cannot be shown any more, or not yet."""

    content_type: str
    url: str | None

    @property
    def family(self) -> str:
        """What to show it as: image, audio, video, contact or document."""
        family = self.content_type.partition("/")[0]
        if "vcard" in self.content_type:
            return "contact"
        if self.content_type in ("image/svg+xml", "image/tiff"):
            return "document"
        return family if family in ("image", "audio", "video") else "document"


class Quoted(msgspec.Struct, frozen=True):
    """The message a bubble answers; `text` is None where it is not known any more."""

    sid: str
    text: str | None = None
    mine: bool = False


class Meta(msgspec.Struct, frozen=True):
    """What changes after a bubble appeared. `detail` is where the page tells more, relative to `/detalle/`."""

    ticks: Ticks
    ticks_title: str
    chips: tuple[Chip, ...] = ()
    detail: str | None = None


class Bubble(msgspec.Struct, frozen=True, kw_only=True):
    """One message on a screen.

    Attributes:
        mine: The phone's person wrote it.
        ghost: Why the phone would not really show it, or None.
        buttons: Titles and payloads of quick replies.
        earlier: It is of an earlier run of `parlo up`.
    """

    id: str
    sid: str | None
    mine: bool
    text: str
    at: datetime
    meta: Meta
    kind: str = MessageKind.TEXT
    files: tuple[Attached, ...] = ()
    place: Place | None = None
    buttons: tuple[tuple[str, str], ...] = ()
    quoted: Quoted | None = None
    ghost: str | None = None
    earlier: bool = False

    @property
    def summary(self) -> str:
        """Its first words, or what it is."""
        words = " ".join(self.text.split()) or {"location": "📍 Ubicación"}.get(self.kind, "📎 Archivo")
        return words if len(words) <= _SHORT else f"{words[:_SHORT]}…"


class Screens(msgspec.Struct, frozen=True):
    """All chats by (their key, our key): bubbles in order of time, and in which of them an answer is being written."""

    bubbles: dict[tuple[str, str], list[Bubble]]
    typing: frozenset[tuple[str, str]]
