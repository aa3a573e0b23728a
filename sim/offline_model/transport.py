"""The offline model inside this process, behind the OpenAI SDK's `http_client`.

`bootstrap` and tests use it: `httpx2.AsyncClient(transport=OfflineTransport())`. It opens no socket,
starts no thread and waits for nothing, so it runs on a virtual event loop.
"""

from __future__ import annotations

from collections.abc import Callable

import httpx2

from sim.offline_model.wire import answer_http


def _no_time() -> int:
    return 0


class OfflineTransport(httpx2.AsyncBaseTransport):
    """Answers every request of an HTTP client by the offline model."""

    def __init__(self, now: Callable[[], int] = _no_time) -> None:
        """Take the source of `created`, in seconds since 1970; by default answers carry 0."""
        self._now = now

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request."""
        body = await request.aread()
        authorization = request.headers.get("authorization", "")
        reply = answer_http(request.method, request.url.path, authorization, body, self._now())
        return httpx2.Response(
            reply.status, headers={"content-type": reply.content_type}, content=reply.body, request=request
        )
