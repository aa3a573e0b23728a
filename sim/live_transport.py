"""Asks a real model over HTTP from a virtual event loop, on which no time passes while it answers.

A stage takes it in place of the offline model's transport (`Stage.open_model`): the runtime's own SDK and adapter send
the request, and this sends it on. The real exchange blocks the thread: every task waits, virtual time stands still, and
none of the runtime's time-outs can fire. So a conversation takes the same steps in the same order as with the offline
model in process, however long a model thinks. Only one conversation at a time runs on a virtual loop, so nobody is kept
waiting who could go on; for more at once there are more processes.

What the runtime would do in virtual time, where waiting costs nothing, is done here in real time: a server that is busy
or out of reach is asked again after as long as it says. When that does not help, `failure` says why, and the replay
must be counted as not run: nothing the runtime did after it says anything about a prompt. The key is added here, below
whatever records, which therefore never sees it. Never use it on an ordinary loop, which it would block.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2
import msgspec

from runtime.adapters.openai import read_retry_after

_BUSY = frozenset({408, 409, 425, 429})
_SENT_ON = ("accept", "content-type")
"""Headers of the SDK's that a server needs; the others say which machine and version asks."""


class Patience(msgspec.Struct, frozen=True):
    """How long a real model is waited for, in real seconds.

    Attributes:
        attempts: How many times one request is sent at most, the first included.
        answer_s: How long one answer may take as a whole.
        first_wait_s: Before the second attempt; it doubles each time. A server that names a longer wait gets it.
        longest_wait_s: Nobody is waited for any longer, whatever a server says.
    """

    attempts: int = 5
    answer_s: float = 120.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0


class LiveTransport(httpx2.AsyncBaseTransport):
    """Answers requests of an OpenAI client by a server that is really asked.

    Attributes:
        requests: How many requests have been sent, repeated ones too.
        failure: Why a request got no answer at last, the first one since `begin`; None while all is well.
        refused: Whether it was refused for good (a wrong key, an unknown model): whatever is asked next will be too.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        patience: Patience | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open nothing yet.

        Args:
            base_url: Up to and including `/v1`; takes the place of whatever the client was told.
            api_key: Takes the place of the client's.
            patience: How long to wait, and for what.
            pause: Waits between two attempts, in real seconds.
        """
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._patience = patience or Patience()
        self._pause = pause
        self._http = httpx2.Client(timeout=self._patience.answer_s)
        self.requests = 0
        self.failure: str | None = None
        self.refused = False

    def begin(self) -> None:
        """Forget a failure: another conversation begins."""
        self.failure = None

    def close(self) -> None:
        """Give connections back."""
        self._http.close()

    async def aclose(self) -> None:
        """Keep connections: clients come and go with conversations, and `close` ends this."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request on and wait for its answer, blocking the thread.

        Raises:
            httpx2.TransportError: Nobody answered, however often it was asked.
        """
        body = await request.aread()
        attempt = 0
        while True:
            attempt += 1
            try:
                response = self._send(request, body)
            except httpx2.TransportError as error:
                if attempt >= self._patience.attempts:
                    self._note(f"the model did not answer: {type(error).__name__}")
                    raise
                wait_s = self._wait_s(attempt, None)
            else:
                again = response.status_code in _BUSY or response.status_code >= 500
                if not again or attempt >= self._patience.attempts:
                    return self._judge(response)
                wait_s = self._wait_s(attempt, response)
            self._pause(wait_s)

    def _send(self, request: httpx2.Request, body: bytes) -> httpx2.Response:
        """One exchange in real time. Its limit is over all of it, so that a server that trickles meets it too."""
        self.requests += 1
        headers = {name: request.headers[name] for name in _SENT_ON if name in request.headers}
        url = self._base_url + request.url.path.removeprefix("/v1")
        give_up_at = time.perf_counter() + self._patience.answer_s
        authorization = {"authorization": f"Bearer {self._api_key}"}
        parts = []
        with self._http.stream(request.method, url, headers=headers | authorization, content=body) as answer:
            for part in answer.iter_bytes():
                parts.append(part)
                if time.perf_counter() > give_up_at:
                    raise httpx2.ReadTimeout("the answer did not end in time", request=request)
        # the body is decoded already, and how it was packed is nobody's affair above
        packing = ("content-encoding", "content-length", "transfer-encoding")
        kept = [(name, value) for name, value in answer.headers.multi_items() if name.lower() not in packing]
        return httpx2.Response(answer.status_code, headers=kept, content=b"".join(parts), request=request)

    def _judge(self, response: httpx2.Response) -> httpx2.Response:
        status = response.status_code
        if status != 200:
            self._note(f"the model refused with {status}")
            self.refused = self.refused or status in (401, 403, 404)
        return response

    def _note(self, failure: str) -> None:
        self.failure = self.failure or failure

    def _wait_s(self, attempt: int, response: httpx2.Response | None) -> float:
        own_s = self._patience.first_wait_s * 2.0 ** (attempt - 1)
        asked_s = read_retry_after(response.headers, _read_date(response)) if response is not None else None
        return min(max(own_s, asked_s or 0.0), self._patience.longest_wait_s)


def _read_date(response: httpx2.Response) -> datetime:
    """When the server answered by its own clock, which a `retry-after` that is a date is meant by."""
    try:
        said = parsedate_to_datetime(response.headers.get("date", ""))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return said if said.tzinfo is not None else said.replace(tzinfo=UTC)
