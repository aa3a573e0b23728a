"""The offline model on a port, for anybody's OpenAI client (`parlo offline-model --port`).

A plain ASGI application; `serve` runs it until the process is told to stop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

from sim.offline_model.wire import Reply, answer_http

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_LARGEST_BODY = 8_000_000


class OfflineApp:
    """The ASGI application."""

    def __init__(self, now: Callable[[], int] | None = None) -> None:
        """Take the source of `created`, in seconds since 1970; without one, answers carry 0."""
        self._now = now

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            return
        body = await _read_body(receive)
        headers = {key.lower(): value for key, value in scope["headers"]}
        authorization = headers.get(b"authorization", b"").decode("latin-1")
        reply = answer_http(scope["method"], scope["path"], authorization, body, self._now() if self._now else 0)
        await _send_reply(reply, send)


def serve(port: int, host: str = "127.0.0.1", now: Callable[[], int] | None = None) -> None:
    """Answer on a port until interrupted."""
    uvicorn.run(OfflineApp(now), host=host, port=port, log_level="warning")


async def _read_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size <= _LARGEST_BODY:
            parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def _send_reply(reply: Reply, send: Send) -> None:
    headers = [
        (b"content-type", reply.content_type.encode()),
        (b"content-length", str(len(reply.body)).encode()),
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
