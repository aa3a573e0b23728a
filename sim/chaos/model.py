"""The offline model over HTTP that fails on demand: the real SDK sees what it would see of a real one."""

from __future__ import annotations

from collections import Counter
from collections.abc import MutableMapping
from typing import Any

from sim.model_faults import ModelFaultKind
from sim.offline_model.server import OfflineApp, Receive, Send

_STATUSES = {ModelFaultKind.TOO_MANY: 429, ModelFaultKind.SERVER_ERROR: 500}
_BODY = b'{"error": {"message": "injected", "type": "server_error", "param": null, "code": null}}'
FAILURES = (ModelFaultKind.TOO_MANY, ModelFaultKind.SERVER_ERROR, ModelFaultKind.TIMEOUT)
"""How it may fail."""


class FailingApp:
    """The ASGI application.

    Attributes:
        failure: How it fails now, one of `FAILURES`; None answers.
        struck: How often it failed, by how.
    """

    def __init__(self) -> None:
        self.failure: ModelFaultKind | None = None
        self.struck: Counter[str] = Counter()
        self._sound = OfflineApp()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection."""
        failure = self.failure
        if scope["type"] != "http" or failure is None:
            await self._sound(scope, receive, send)
            return
        self.struck[failure] += 1
        if failure is ModelFaultKind.TIMEOUT:
            # until the caller has had enough
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())]
        await send({"type": "http.response.start", "status": _STATUSES[failure], "headers": headers})
        await send({"type": "http.response.body", "body": _BODY})
