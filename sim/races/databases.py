"""Throw-away databases for races, without the constraints that a strategy is to do without."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import LiteralString

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from runtime.domain.strategies import BookingStrategy, ConversationStrategy
from runtime.store.locking import BOOKING_LOCKS
from sim.databases import borrow_copy

NEEDS_CONSTRAINTS = frozenset({BookingStrategy.EXCLUSION, BookingStrategy.LINE})
"""Who leans on the exclusion constraints; for everybody else they are not there, or they would win the race."""
_NO_EXCLUSION: LiteralString = (
    "alter table appointments drop constraint appointments_staff_free, drop constraint appointments_spot_free"
)
_NO_SECOND_TURN: LiteralString = "drop index turns_one_running"


@contextmanager
def borrow_for_booking(server_url: str, strategy: BookingStrategy, *, deadlock_ms: int | None = None) -> Iterator[str]:
    """A database for one booking strategy.

    Args:
        server_url: The server.
        strategy: One of `BOOKING_LOCKS`.
        deadlock_ms: After how long the server looks for deadlocks; by default as it is set, a second.
    """
    assert strategy in BOOKING_LOCKS
    changes = [] if strategy in NEEDS_CONSTRAINTS else [_NO_EXCLUSION]
    with _borrow(server_url, f"booking_{strategy}", changes, deadlock_ms) as url:
        yield url


@contextmanager
def borrow_for_conversation(
    server_url: str, strategy: ConversationStrategy, *, deadlock_ms: int | None = None
) -> Iterator[str]:
    """A database for one conversation strategy; only the lease keeps the index that refuses a second open turn."""
    changes = [] if strategy is ConversationStrategy.LEASE else [_NO_SECOND_TURN]
    with _borrow(server_url, f"conversation_{strategy}", changes, deadlock_ms) as url:
        yield url


@contextmanager
def _borrow(server_url: str, purpose: str, changes: Sequence[LiteralString], deadlock_ms: int | None) -> Iterator[str]:
    with borrow_copy(server_url, f"parlo_race_{purpose}_{os.getpid()}") as url:
        with psycopg.connect(url, autocommit=True) as owner:
            for change in changes:
                owner.execute(change)
            if deadlock_ms is not None:
                name = sql.Identifier(make_url(url).database or "")
                owner.execute(sql.SQL("alter database {} set deadlock_timeout = {}").format(name, deadlock_ms))
        yield url
