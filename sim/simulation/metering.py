"""Counts what a model answers, and refuses what no model ever answers: so the runtime's cost and its patience show."""

from __future__ import annotations

import httpx2
import msgspec

from sim.offline_model.protocol import Message, Role

POISON = "☢"
"""A message with it is refused, as a provider's content filter does: always, with or without faults."""


class _Asked(msgspec.Struct):
    messages: list[Message]


class MeteredModel(httpx2.AsyncBaseTransport):
    """Between a model and whoever asks it.

    Attributes:
        answered: Requests that got a usable answer.
        refused: Requests that it will never answer.
    """

    def __init__(self, sound: httpx2.AsyncBaseTransport) -> None:
        self._sound = sound
        self.answered = 0
        self.refused = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request, or refuse it."""
        body = await request.aread()
        # a recording comes as a form, which holds no words
        asked = _decode(body).messages if request.url.path.endswith("/chat/completions") else []
        said = [each.text for each in asked if each.role is Role.USER]
        if said and POISON in said[-1]:
            self.refused += 1
            fault = {"error": {"message": "refused", "type": "invalid_request_error", "code": "content_filter"}}
            return httpx2.Response(400, json=fault, request=request)
        response = await self._sound.handle_async_request(request)
        self.answered += response.status_code == 200
        return response


_decode = msgspec.json.Decoder(_Asked).decode
