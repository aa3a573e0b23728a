"""The names of the locking strategies, as settings and scores have them; no column does."""

from __future__ import annotations

from enum import StrEnum


class BookingStrategy(StrEnum):
    """How rivals for one calendar are kept apart; `runtime.store.locking` says what each does."""

    NONE = "none"
    EXCLUSION = "exclusion"
    ROW = "row"
    ADVISORY = "advisory"
    VERSION = "version"
    SERIALIZABLE = "serializable"
    LINE = "line"


class ConversationStrategy(StrEnum):
    """How workers on one conversation are kept apart; `runtime.store.locking` says what each does."""

    NONE = "none"
    ADVISORY = "advisory"
    LEASE = "lease"
