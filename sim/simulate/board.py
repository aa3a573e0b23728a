"""What everybody's screen shows now, and what changed since: the source of the page's one stream of events.

It reads the database and the emulator's memory whenever something is told to have happened, and twice a second while
somebody looks. Each change is a few fragments of HTML that find their own places; whoever missed too many gets all.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import datetime

import msgspec
import structlog

from runtime.domain.errors import Unavailable
from runtime.store.database import Database
from sim.clock_file import ClockFile
from sim.simulate.bubbles import Bubble
from sim.simulate.phones import Chat, PhoneBook
from sim.simulate.relays import Panel, read_panel
from sim.simulate.rendering import Templates
from sim.simulate.rows import Window, read_rows
from sim.simulate.screens import compose_screens
from sim.simulate.speaking import Speaker
from sim.twilio.emulator import TwilioEmulator

log = structlog.get_logger()

LOOK_S = 0.5
KEPT_CHANGES = 200
HEARTBEAT_S = 15.0


class Change(msgspec.Struct, frozen=True):
    """Fragments, and the version of the board they lead to."""

    version: str
    html: str


class View(msgspec.Struct, frozen=True):
    """One moment of the board.

    Attributes:
        chats: By the page's name of the chat, as is `typing`.
        closing: Until when each chat's person may be written to freely; a chat that is not there is closed.
        minute: The clock's, while something on the page says how long it has been.
    """

    chats: dict[str, list[Bubble]] = {}
    typing: frozenset[str] = frozenset()
    closing: dict[str, datetime] = {}
    panel: Panel = Panel()
    offset_s: float = 0.0
    minute: int = 0
    outage: bool = False


class Board:
    """The board.

    Args:
        database: Read, never written.
        emulator: What it sent is shown.
        speaker: What it handed over is shown.
        book: Whose screens there are.
        file: The clock everything runs by.
        templates: How it looks.
    """

    def __init__(
        self,
        database: Database,
        emulator: TwilioEmulator,
        speaker: Speaker,
        book: PhoneBook,
        file: ClockFile,
        templates: Templates,
    ) -> None:
        self.view = View()
        self.started_at: datetime = file.clock.now()
        self._database = database
        self._emulator = emulator
        self._speaker = speaker
        self._book = book
        self._file = file
        self._templates = templates
        self._number = 0
        # the empty one is what a page that was loaded before anything happened has seen
        self._changes = deque([Change(self.version, "")], maxlen=KEPT_CHANGES)
        self._reading = asyncio.Lock()
        self._told = asyncio.Event()
        self._moved = asyncio.Event()
        self._watchers = 0

    @property
    def version(self) -> str:
        """Of the board now. No two runs share one."""
        return f"{self.started_at.timestamp():.6f}-{self._number}"

    def tell(self) -> None:
        """Something happened: look soon."""
        self._told.set()

    async def run(self) -> None:
        """Keep up to date until cancelled; without anybody looking there is nothing to do."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S if self._watchers else None):
                    await self._told.wait()
            self._told.clear()
            if self._watchers:
                try:
                    await self.refresh()
                except Exception:
                    # the next look may fare better, and the page says since when it shows nothing new
                    log.exception("simulate_look_failed")

    async def refresh(self) -> View:
        """Look now."""
        async with self._reading:
            view = await self._look()
            html = self.compare(self.view, view)
            self.view = view
            if html:
                self._number += 1
                self._changes.append(Change(self.version, html))
                self._moved.set()
                self._moved = asyncio.Event()
        return view

    async def follow(self, version: str | None) -> AsyncGenerator[Change | None, None]:
        """Changes since a version, as they come; None now and then, so that a dead connection is noticed."""
        self._watchers += 1
        try:
            await self.refresh()
            while True:
                moved = self._moved
                for change in self._list_since(version):
                    version = change.version
                    yield change
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        await moved.wait()
                except TimeoutError:
                    yield None
        finally:
            self._watchers -= 1

    def _list_since(self, version: str | None) -> list[Change]:
        if version == self.version:
            return []
        known = [change.version for change in self._changes]
        if version in known:
            return list(self._changes)[known.index(version) + 1 :]
        return [Change(self.version, self.render_all())]

    async def _look(self) -> View:
        now = self._file.clock.now()
        try:
            rows = await read_rows(self._database)
            panel = await read_panel(self._database)
        except Unavailable:
            return msgspec.structs.replace(self.view, outage=True, offset_s=self._file.clock.offset_s)
        screens = compose_screens(rows, self._speaker.spoken, self._emulator.sent, self.started_at)
        chats = self._book.chats
        windows = {(it.their_key, it.our_key): it for it in rows.windows}
        return View(
            {chat.id: screens.bubbles.get((chat.phone.key, chat.ours.key), []) for chat in chats},
            frozenset(chat.id for chat in chats if (chat.phone.key, chat.ours.key) in screens.typing),
            _list_closing(chats, windows, now),
            panel,
            self._file.clock.offset_s,
            int(now.timestamp() // 60) if panel.running else 0,
        )

    # -- fragments -----------------------------------------------------------------------------------------------

    def compare(self, before: View, after: View) -> str:
        """The fragments that make a page of `before` one of `after`; empty where they look alike."""
        parts = []
        for chat in self._book.chats:
            parts.append(self._compare_chat(chat, before.chats.get(chat.id, []), after.chats.get(chat.id, [])))
            if (chat.id in before.typing) is not (chat.id in after.typing):
                parts.append(self._render_typing(chat, after))
            if before.closing.get(chat.id) != after.closing.get(chat.id):
                parts.append(self._render_window(chat, after))
        if (before.panel, before.minute) != (after.panel, after.minute):
            parts.append(self._render_relays(after))
        if before.offset_s != after.offset_s:
            parts.append(self._templates.render("clock.html.j2", **self.describe_clock(), oob=True))
        if before.outage is not after.outage:
            parts.append(self._templates.render("outage.html.j2", outage=after.outage, oob=True))
        return "".join(parts)

    def render_all(self) -> str:
        """The fragments that bring any page up to date."""
        view = self.view
        parts = [self._render_thread(chat, view.chats.get(chat.id, []), "innerHTML") for chat in self._book.chats]
        parts += [self._render_typing(chat, view) for chat in self._book.chats]
        parts += [self._render_window(chat, view) for chat in self._book.chats]
        parts.append(self._render_relays(view))
        parts.append(self._templates.render("clock.html.j2", **self.describe_clock(), oob=True))
        parts.append(self._templates.render("outage.html.j2", outage=view.outage, oob=True))
        return "".join(parts)

    def describe_clock(self) -> dict[str, object]:
        """What the clock's template shows."""
        return {"now": self._file.clock.now(), "offset_s": self._file.clock.offset_s}

    def _compare_chat(self, chat: Chat, before: list[Bubble], after: list[Bubble]) -> str:
        if before == after:
            return ""
        if [bubble.id for bubble in before] != [bubble.id for bubble in after[: len(before)]]:
            return self._render_thread(chat, after, "innerHTML")
        parts = [_Pair(old, new) for old, new in zip(before, after, strict=False) if old != new]
        html = "".join(
            self._templates.render(
                "meta.html.j2" if pair.only_meta else "bubble.html.j2", chat=chat, bubble=pair.new, oob=True
            )
            for pair in parts
        )
        added = after[len(before) :]
        return html + (self._render_thread(chat, added, "beforeend") if added else "")

    def _render_thread(self, chat: Chat, bubbles: list[Bubble], swap: str) -> str:
        return self._templates.render("thread.html.j2", chat=chat, bubbles=bubbles, swap=swap)

    def _render_typing(self, chat: Chat, view: View) -> str:
        return self._templates.render("typing.html.j2", chat=chat, typing=chat.id in view.typing, oob=True)

    def _render_window(self, chat: Chat, view: View) -> str:
        return self._templates.render("window.html.j2", chat=chat, closing=view.closing, oob=True)

    def _render_relays(self, view: View) -> str:
        now = self._file.clock.now()
        return self._templates.render("relays.html.j2", panel=view.panel, now=now, oob=True)


def _list_closing(chats: list[Chat], windows: dict[tuple[str, str], Window], now: datetime) -> dict[str, datetime]:
    found = {}
    for chat in chats:
        window = windows.get((chat.phone.key, chat.ours.key))
        at = window.closes_at(now) if window else None
        if at is not None:
            found[chat.id] = at
    return found


class _Pair(msgspec.Struct, frozen=True):
    """A bubble before and after."""

    old: Bubble
    new: Bubble

    @property
    def only_meta(self) -> bool:
        """Nothing but its ticks and chips changed: the rest stays as it is, playing voice notes and all."""
        return msgspec.structs.replace(self.old, meta=self.new.meta) == self.new
