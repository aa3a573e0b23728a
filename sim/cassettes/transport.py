"""Puts vcrpy's interception of httpx around one transport: between the OpenAI SDK and whatever answers.

`playing` gives it to a stage. vcrpy's own stub decides what is played, recorded or refused; it is bound to this
transport instead of being patched into the process, so that two conversations cannot get mixed up.
"""

from __future__ import annotations

from typing import Any

import httpx2
from vcr.errors import CannotOverwriteExistingCassetteException
from vcr.stubs.httpx_stubs import vcr_handle_async_request

from sim.cassettes.nearest import explain_miss
from sim.cassettes.secrets import Disguise
from sim.cassettes.tapes import Tape, make_request


class NoAnswer(httpx2.AsyncBaseTransport):
    """What stands behind a cassette in replay: nothing is ever asked of it."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Refuse.

        Raises:
            httpx2.ConnectError: Always.
        """
        raise httpx2.ConnectError("a replay reaches no model", request=request)


class CassetteTransport(httpx2.AsyncBaseTransport):
    """Answers from a cassette, or records into one what the transport behind it answers.

    Attributes:
        miss: What is wrong with the first request that the cassette does not answer; None while all is well.
    """

    def __init__(self, tape: Tape, behind: httpx2.AsyncBaseTransport, disguise: Disguise) -> None:
        self._tape = tape
        self._behind = behind
        self._disguise = disguise
        self._handle = vcr_handle_async_request(tape, type(behind).handle_async_request, httpx2)
        self.miss: str | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request.

        Raises:
            httpx2.TransportError: The cassette has no answer, or whatever is recorded gave none.
        """
        body = await request.aread()
        try:
            response: httpx2.Response = await self._handle(self._behind, request)
        except CannotOverwriteExistingCassetteException:
            self.miss = self.miss or self._explain(request, body)
            raise httpx2.ConnectError("no cassette answers this request", request=request) from None
        if not self._tape.write_protected:
            return response
        content = self._disguise.restore(await response.aread())
        return httpx2.Response(response.status_code, headers=response.headers, content=content, request=request)

    def _explain(self, request: httpx2.Request, body: bytes) -> str:
        asked = self._tape.filter_request(make_request(request.method, str(request.url), body, {}))
        recorded = [_bytes(each) for each in self._tape.requests]
        played = [self._tape.play_counts[place] for place in range(len(recorded))]
        return explain_miss(_bytes(asked), recorded, played)


def _bytes(request: Any) -> bytes:
    body = request.body
    return body.encode() if isinstance(body, str) else body or b""
