"""Serves the emulated parts from within a process, next to whatever else runs on its loop.

`sim.up` and the tests of the processes use it. Signals stay with the caller, unlike with `uvicorn.run`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any

import uvicorn

from runtime.domain.errors import Broken

HOST = "127.0.0.1"

Asgi = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[MutableMapping[str, Any]]],
        Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ],
    Awaitable[None],
]


def listen(given: int | None, usual: int = 0) -> socket.socket:
    """A listening socket on the given port; without one on the usual port if that is free, else on any.

    Raises:
        Broken: The given port is taken.
    """
    for port in (given,) if given else (usual, 0):
        with suppress(OSError):
            return _bind(port)
    raise Broken(f"port {given} is taken")


def _bind(port: int) -> socket.socket:
    # with the protocol named, asyncio turns off Nagle's delay; without, every answer in two parts waits for 40 ms
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def address_of(listening: socket.socket) -> str:
    """Where it can be reached."""
    return f"http://{HOST}:{listening.getsockname()[1]}"


class _Server(uvicorn.Server):
    """A server that leaves signals to the supervisor."""

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]  # it need not be a generator
        """Do nothing."""
        return nullcontext()


@asynccontextmanager
async def serve(app: Asgi, listening: socket.socket) -> AsyncIterator[None]:
    """Serve on a socket from within this process."""
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=1)
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
        listening.close()
