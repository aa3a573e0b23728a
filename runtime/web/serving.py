"""Serves the app with uvicorn. Called by `parlo web`."""

from __future__ import annotations

import socket

import uvicorn

from runtime.adapters.absent import AbsentMedia, AbsentMessenger, AbsentModel
from runtime.adapters.queue import RedisQueue
from runtime.bootstrap import open_parts
from runtime.domain.errors import Broken
from runtime.settings import Settings
from runtime.store.database import open_database
from runtime.web.app import create_app

GRACE_S = 10
LOCK_TIMEOUT_S = 2.0
"""A message whose conversation is locked for longer is refused, and brought again by the provider."""
POOL_SIZE = 4
"""An accept is one short statement: more connections than this only make Postgres and this process switch about."""


def run_web(settings: Settings, *, host: str, port: int, inherited: int | None = None) -> None:
    """Serve until told to stop.

    Args:
        settings: Of the installation.
        host: Where to listen.
        port: Where to listen.
        inherited: The number of a socket that listens already, and is used in place of host and port.

    Raises:
        Broken: A setting is missing or wrong, or the port is taken.
    """
    if not settings.redis_url:
        raise Broken("REDIS_URL is not set")
    if not settings.database_url:
        raise Broken("DATABASE_URL is not set")
    queue = RedisQueue(settings.redis_url)
    database = open_database(
        settings.database_url, pool_size=min(settings.pool_size, POOL_SIZE), lock_timeout_s=LOCK_TIMEOUT_S
    )
    parts = open_parts(
        settings,
        database=database,
        model=AbsentModel(),
        messenger=AbsentMessenger(),
        media=AbsentMedia(),
        queue=queue,
    )
    config = uvicorn.Config(
        create_app(parts, check_broker=queue.check),
        host=host,
        port=port,
        loop="uvloop",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # what a client says about itself is not believed: the public address is configured
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = uvicorn.Server(config)
    server.run(sockets=[socket.socket(fileno=inherited)] if inherited is not None else None)
    queue.close()
    if not server.started:
        raise Broken(f"cannot serve on {host}:{port}")
