"""What every measurement stands on: the servers, and databases that are dropped afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from sim.databases import create_copy, drop_copy


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """Where to measure.

    Attributes:
        durable_url: A Postgres whose commits wait for the disk, as in production.
        fast_url: One whose commits do not, as replays use it.
        redis_url: A broker; only its last database is used.
    """

    durable_url: str
    fast_url: str
    redis_url: str


@contextmanager
def fresh_database(server_url: str, purpose: str) -> Iterator[str]:
    """A migrated database of this process's own, for as long as it is used."""
    name = f"parlo_bench_{purpose}_{os.getpid()}"
    try:
        yield create_copy(server_url, name)
    finally:
        drop_copy(server_url, name)
