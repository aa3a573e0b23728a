"""A chat model that misbehaves on demand: a transport around the offline model's.

The runtime reaches it through the real OpenAI SDK, so a fault looks to it as it would in production.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from enum import StrEnum

import httpx2
import msgspec

from runtime.ports import Clock


class ModelFaultKind(StrEnum):
    """What may go wrong with a model."""

    DOWN = "down"
    TOO_MANY = "429"
    SERVER_ERROR = "500"
    TIMEOUT = "timeout"
    GARBAGE = "garbage"
    EMPTY = "empty"
    UNKNOWN_TOOL = "unknown_tool"
    BAD_ARGUMENTS = "bad_arguments"
    LOOP = "loop"


USABLE = (ModelFaultKind.EMPTY, ModelFaultKind.UNKNOWN_TOOL, ModelFaultKind.BAD_ARGUMENTS, ModelFaultKind.LOOP)
"""What is an answer to whoever asked, however wrong."""


class ModelFault(msgspec.Struct):
    """One fault: strikes `times` more requests (None: without end) until it is over."""

    kind: ModelFaultKind
    times: int | None
    until: datetime | None


class FaultyTransport(httpx2.AsyncBaseTransport):
    """Passes requests on to a sound model unless a fault strikes.

    `struck` counts by kind; `asked` holds the moment of every request, failed ones too.
    """

    def __init__(self, sound: httpx2.AsyncBaseTransport, clock: Clock) -> None:
        self._sound = sound
        self._clock = clock
        self._active: list[ModelFault] = []
        self.struck: Counter[str] = Counter()
        self.asked: list[datetime] = []

    def inject(self, kind: str, *, times: int | None = None, until: datetime | None = None) -> None:
        """Arm a fault.

        Raises:
            ValueError: No such kind.
        """
        self._active.append(ModelFault(ModelFaultKind(kind), times, until))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request, or fail it."""
        self.asked.append(self._clock.now())
        fault = self._take()
        if fault is None:
            return await self._sound.handle_async_request(request)
        self.struck[fault] += 1
        if fault is ModelFaultKind.DOWN:
            raise httpx2.ConnectError("the model cannot be reached", request=request)
        if fault is ModelFaultKind.TIMEOUT:
            raise httpx2.ReadTimeout("the model did not answer", request=request)
        if fault in (ModelFaultKind.TOO_MANY, ModelFaultKind.SERVER_ERROR):
            body = {"error": {"message": "injected", "type": "server_error", "param": None, "code": None}}
            return httpx2.Response(int(fault), json=body, request=request)
        if fault is ModelFaultKind.GARBAGE:
            return httpx2.Response(200, content=b'{"id": "x", "choices": [{"mess', request=request)
        return httpx2.Response(200, json=_completion(fault, len(request.content)), request=request)

    def _take(self) -> ModelFaultKind | None:
        now = self._clock.now()
        self._active = [each for each in self._active if each.times != 0 and (each.until is None or now < each.until)]
        if not self._active:
            return None
        fault = self._active[0]
        if fault.times is not None:
            fault.times -= 1
        return fault.kind


def _completion(kind: ModelFaultKind, salt: int) -> dict[str, object]:
    calls = {
        ModelFaultKind.UNKNOWN_TOOL: ("delete_all_customers", "{}"),
        ModelFaultKind.BAD_ARGUMENTS: ("book_appointment", '{"service": 7, "wh'),
        ModelFaultKind.LOOP: ("get_my_appointments", "{}"),
    }
    message: dict[str, object] = {"role": "assistant", "content": None, "refusal": None}
    if kind in calls:
        name, arguments = calls[kind]
        call = {"id": f"call_{salt}", "type": "function", "function": {"name": name, "arguments": arguments}}
        message["tool_calls"] = [call]
    else:
        message["content"] = ""
    finish = "tool_calls" if kind in calls else "stop"
    return {
        "id": "chatcmpl-injected",
        "object": "chat.completion",
        "created": 0,
        "model": "parlo-offline-1",
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
