"""A client that costs little: it posts signed webhooks over kept-open connections and notes how long each took.

`knock` runs it as a process of its own, so that its work is not the server's: a plan goes in on standard input, and
what was measured comes out on standard output. Everything is composed and signed before the clock starts.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import cast
from urllib.parse import urlencode, urlsplit

import msgspec
import uvloop

from runtime.domain.errors import Broken
from sim.twilio.inbound import Inbound, compose_form
from sim.twilio.signing import SigningKey, sign_form

MESSAGES_PATH = "/webhooks/twilio/messages"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to post.

    Attributes:
        first: Number of the first person and message; each is used once.
        clients: Connections, each with one request under way.
        rate: Requests a second at even distances, whether the server keeps up or not; None: as fast as it answers.
        most: Requests at most.
        seconds: At most; requests under way are waited for.
    """

    web: str
    business: str
    account_sid: str
    secret: str
    first: int
    clients: int
    most: int
    seconds: float
    rate: float | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What came of it. At a given rate a time counts from the moment a request was due, not from when it left."""

    accepted: int
    refused: int
    wall_s: float
    times_ms: list[float]


def knock(plan: Plan) -> Outcome:
    """Carry out a plan in another process.

    Raises:
        Broken: It could not: nobody listens, or a connection was closed.
    """
    command = [sys.executable, "-c", f"from {__name__} import main; main()"]
    limit_s = 60 + 2 * plan.seconds
    done = subprocess.run(command, input=msgspec.json.encode(plan), capture_output=True, check=False, timeout=limit_s)
    if done.returncode:
        raise Broken(f"the client failed: {done.stderr.decode(errors='replace').strip()[-300:]}")
    return msgspec.json.decode(done.stdout, type=Outcome)


def main() -> None:
    """Carry out the plan on standard input."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    requests = [_compose(plan, plan.first + number) for number in range(plan.most)]
    outcome = uvloop.run(_post(plan, requests))
    sys.stdout.buffer.write(msgspec.json.encode(outcome))


def name_sender(number: int) -> str:
    """Who writes the message of this number."""
    return f"whatsapp:+52155{number:08d}"


def _compose(plan: Plan, number: int) -> bytes:
    inbound = Inbound(from_address=name_sender(number), to_address=plan.business, text="hola, quiero un corte mañana")
    form = compose_form(inbound, sid=f"SM{number:032x}", account_sid=plan.account_sid, media_urls=[])
    url = plan.web + MESSAGES_PATH
    body = urlencode(form).encode()
    headers = {
        "Host": urlsplit(url).netloc,
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(body)),
        "User-Agent": "TwilioProxy/1.1",
        **sign_form(url, form, SigningKey(plan.secret)),
    }
    lines = [f"POST {MESSAGES_PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Line(asyncio.Protocol):
    """One connection; its answers are short and have a length."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are no subclass of asyncio's
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if found and self._answer is not None and len(body) >= int(length or 0):
            self._received = b""
            self._answer.set_result(int(head[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server closed the connection"))

    async def ask(self, request: bytes) -> int:
        """The HTTP status of the answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        self._answer = None
        if self._transport is not None:
            self._transport.close()


async def _post(plan: Plan, requests: list[bytes]) -> Outcome:
    host, _, port = urlsplit(plan.web).netloc.partition(":")
    loop = asyncio.get_running_loop()
    lines = [(await loop.create_connection(_Line, host, int(port)))[1] for _ in range(plan.clients)]
    waiting = enumerate(requests)
    statuses: list[int] = []
    times_ms: list[float] = []
    started = time.perf_counter()

    async def work(line: _Line) -> None:
        for number, request in waiting:
            due = time.perf_counter()
            if plan.rate is not None:
                due = started + number / plan.rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            statuses.append(await line.ask(request))
            times_ms.append((time.perf_counter() - due) * 1000)
            if time.perf_counter() - started > plan.seconds:
                return

    await asyncio.gather(*(work(line) for line in lines))
    wall_s = time.perf_counter() - started
    for line in lines:
        line.close()
    accepted = sum(status == 200 for status in statuses)
    return Outcome(accepted, len(statuses) - accepted, wall_s, times_ms)
