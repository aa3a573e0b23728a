"""Replays provoke failures on purpose; what the runtime logs about them belongs in no terminal."""

from __future__ import annotations

import logging

import structlog


def silence_logs() -> None:
    """Drop the runtime's log lines in this process; the record of a replay tells what went wrong."""
    # a connection that a scenario cuts is reported by its pool, with a traceback
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
