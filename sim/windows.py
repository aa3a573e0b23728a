"""Whose 24 hours with which number are open when a conversation begins.

The stage asks here before it writes a world. Whoever is not listed has never written: to them nothing may be sent but
a template, as far as the runtime counts; the emulated provider counts in `parlo up`, and where a transcript names a
window.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from runtime.domain.identity import canonical_key
from sim.worlds import World

STRICT_S = 86_400.0
"""How long WhatsApp keeps a window open."""


class OpenWindow(msgspec.Struct, frozen=True):
    """Somebody has just written to a number of a business; both as the world spells them, without `whatsapp:`."""

    ours: str
    theirs: str


class NamedWindows(msgspec.Struct, frozen=True):
    """The people of a transcript that names a window for somebody: phones by what they are."""

    open: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()


def list_open_windows(world: World, named: NamedWindows | None = None) -> list[OpenWindow]:
    """Each business's staff who have written before and whoever is named open, each once; never who is closed."""
    named = named or NamedWindows()
    closed = {_key(phone) for phone in named.closed}
    return [
        OpenWindow(business.channel, phone)
        for business in world.organizations
        if business.channel is not None
        for key, phone in _by_key([*(it.phone for it in business.staff if it.onboarded), *named.open]).items()
        if key not in closed
    ]


def _by_key(phones: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for phone in phones:
        found.setdefault(_key(phone), phone)
    return found


def _key(phone: str) -> str:
    key = canonical_key(phone)
    return key.value if key else phone
