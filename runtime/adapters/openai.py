"""The models, reached through the OpenAI SDK; any server that speaks the same HTTP API will do.

`bootstrap` builds one `OpenAIModel` per process and gives it to the agent and to the classifiers as
the port `Model`, and for listening and looking as `Perception`. It imports this module lazily, since
the SDK takes about a second to import. This is the only layer that retries: the SDK's own retries
are off, and callers do not repeat a call. It never reads a conversation, never chooses a model and
never logs what was said.

The body is encoded and decoded here with msgspec and sent with `AsyncOpenAI.post`, not with
`chat.completions.create`: the typed method walks every message through its declarations (measured:
9.7 ms of CPU for 21 messages and 7 tools, against 0.8 ms), and its answers are not validated. The
retry loop is our own instead of stamina's, because it must sleep through the port `Clock` and take
its jitter from the port `Ids`: a simulated run jumps over the wait and repeats itself exactly.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Literal

import httpx2
import msgspec
from openai import APIConnectionError, APIStatusError, AsyncOpenAI, OpenAIError

from runtime.domain.errors import Broken, Unavailable
from runtime.ports import (
    AnswerSchema,
    ChatMessage,
    ChatRole,
    Clock,
    Ids,
    ModelAnswer,
    ModelRequest,
    PerceptionRequest,
    ToolCall,
    ToolSpec,
)

_WORTH_REPEATING = frozenset({408, 409, 425, 429})
_FIXED_SAMPLING = ("o1", "o3", "o4", "gpt-5", "gpt-6")
"""Families that take `max_completion_tokens` and refuse a temperature."""


_SUFFIXES = {"audio/mpeg": "mp3", "audio/mp4": "m4a"}
"""What a file has to be called for the server to know its kind, where that is not the end of its type."""


class Retries(msgspec.Struct, frozen=True):
    """How often to ask, and how long to wait between two attempts.

    Attributes:
        attempts: How many times one question is asked at most, the first included.
        first_wait_s: Longest wait before the second attempt; it doubles each time.
        longest_wait_s: No wait of ours is longer than this; a `retry-after` may be.
        share: Part of the request's time that one attempt may use, so that a hung one leaves room.
    """

    attempts: int = 3
    first_wait_s: float = 0.5
    longest_wait_s: float = 8.0
    share: float = 0.6


class _Function(msgspec.Struct, frozen=True):
    name: str
    arguments: str


class _Call(msgspec.Struct, frozen=True):
    function: _Function
    id: str = ""
    type: Literal["function"] = "function"


class _Message(msgspec.Struct, frozen=True, omit_defaults=True):
    role: str
    content: str | None = None
    tool_calls: tuple[_Call, ...] | None = None
    tool_call_id: str | None = None


class _SentCall(msgspec.Struct, frozen=True, tag_field="type", tag="function"):
    id: str
    function: _Function


class _Text(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    text: str


class _Address(msgspec.Struct, frozen=True):
    url: str
    detail: str


class _Picture(msgspec.Struct, frozen=True, tag_field="type", tag="image_url"):
    image_url: _Address


class _SentMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    role: str
    content: str | tuple[_Text | _Picture, ...] | None
    tool_calls: tuple[_SentCall, ...] = ()
    tool_call_id: str | None = None


class _ToolFunction(msgspec.Struct, frozen=True):
    name: str
    description: str
    parameters: msgspec.Raw


class _Tool(msgspec.Struct, frozen=True, tag_field="type", tag="function"):
    function: _ToolFunction


class _NamedSchema(msgspec.Struct, frozen=True):
    name: str
    schema: msgspec.Raw
    strict: bool = True


class _ResponseFormat(msgspec.Struct, frozen=True, tag_field="type", tag="json_schema"):
    json_schema: _NamedSchema


class _Body(msgspec.Struct, frozen=True, omit_defaults=True):
    model: str
    messages: tuple[_SentMessage, ...]
    tools: tuple[_Tool, ...] = ()
    temperature: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    response_format: _ResponseFormat | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Message
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct, frozen=True):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _PromptDetails | None = None


class _Completion(msgspec.Struct, frozen=True):
    choices: tuple[_Choice, ...]
    model: str = ""
    usage: _Usage | None = None


class _TokensUsed(msgspec.Struct, frozen=True):
    input_tokens: int = 0
    output_tokens: int = 0


class _Transcription(msgspec.Struct, frozen=True):
    text: str
    usage: _TokensUsed | None = None


_decode_transcription = msgspec.json.Decoder(_Transcription).decode
_decode_completion = msgspec.json.Decoder(_Completion).decode
_encode = msgspec.json.Encoder().encode


class _TryAgain(Exception):
    """One attempt failed in a way that another may not."""

    def __init__(self, what: str, wait_s: float | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.wait_s = wait_s


class OpenAIModel:
    """Ports `Model` and `Perception` over HTTP.

    A request's `timeout_s` is a deadline for all attempts together, waits included.
    """

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        clock: Clock,
        ids: Ids,
        http_client: httpx2.AsyncClient | None = None,
        retries: Retries | None = None,
    ) -> None:
        """Open nothing yet; the first question opens the connection.

        Args:
            api_key: Sent as a bearer token. Any word will do for servers that want none.
            base_url: Up to and including `/v1`.
            clock: Waits between attempts go through it.
            ids: Where jitter comes from.
            http_client: Another way to carry requests, for example the offline model in process.
            retries: Attempts and waits, when the defaults do not fit.
        """
        self._client = AsyncOpenAI(api_key=api_key, base_url=base_url, http_client=http_client, max_retries=0)
        # The SDK would look the platform up in a thread, which a virtual event loop does not have.
        self._client._platform = "Unknown"
        self._clock = clock
        self._ids = ids
        self._retries = retries or Retries()

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Ask, and ask again while that can help and time is left; see the port for what is raised."""
        body = encode_request(request)

        async def ask(timeout_s: float) -> ModelAnswer:
            return decode_answer(await self._post_chat(body, timeout_s))

        return await self._insist(ask, request.timeout_s)

    async def describe(self, request: PerceptionRequest) -> ModelAnswer:
        """A picture as a part of the question; see the port for what is raised."""
        body = encode_picture(request)

        async def ask(timeout_s: float) -> ModelAnswer:
            return decode_answer(await self._post_chat(body, timeout_s))

        return await self._insist(ask, request.timeout_s)

    async def transcribe(self, request: PerceptionRequest) -> ModelAnswer:
        """A recording as a form with a file; see the port for what is raised."""
        name = f"nota.{_SUFFIXES.get(request.content_type, request.content_type.rpartition('/')[2])}"
        # the form's own boundary would be another each time, and the same question has to be the same bytes
        boundary = sha256(request.content).hexdigest()[:32]

        async def ask(timeout_s: float) -> ModelAnswer:
            response = await self._send(
                lambda: self._client.post(
                    "/audio/transcriptions",
                    cast_to=httpx2.Response,
                    body={"model": request.model, "language": "es", "prompt": request.prompt, "temperature": "0"},
                    files=[("file", (name, request.content, request.content_type))],
                    options={
                        "timeout": timeout_s,
                        "headers": {"Content-Type": f"multipart/form-data; boundary={boundary}"},
                    },
                ),
                timeout_s,
            )
            return decode_transcription(response, request.model)

        return await self._insist(ask, request.timeout_s)

    async def _insist(self, ask: Callable[[float], Awaitable[ModelAnswer]], timeout_s: float) -> ModelAnswer:
        """Ask, and again while that can help and time is left; `ask` takes the seconds that one attempt may use."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        attempt = 0
        while True:
            attempt += 1
            left_s = max(deadline - loop.time(), 0.001)
            try:
                return await ask(min(left_s, timeout_s * self._retries.share))
            except _TryAgain as failure:
                wait_s = self._wait_s(attempt, failure.wait_s)
                if attempt >= self._retries.attempts or loop.time() + wait_s >= deadline:
                    raise Unavailable(f"model: {failure.what}", retry_after_s=failure.wait_s) from failure
            await self._clock.sleep(wait_s)

    async def close(self) -> None:
        """Give connections back."""
        await self._client.close()

    def _wait_s(self, attempt: int, asked_s: float | None) -> float:
        """Full jitter below a doubling bound, and never sooner than the server asked."""
        bound_s = min(self._retries.first_wait_s * 2.0 ** (attempt - 1), self._retries.longest_wait_s)
        return max(asked_s or 0.0, bound_s * self._ids.jitter())

    async def _post_chat(self, body: bytes, timeout_s: float) -> bytes:
        return await self._send(
            lambda: self._client.post(
                "/chat/completions", cast_to=httpx2.Response, content=body, options={"timeout": timeout_s}
            ),
            timeout_s,
        )

    async def _send(self, post: Callable[[], Awaitable[httpx2.Response]], timeout_s: float) -> bytes:
        try:
            # The SDK's own time-out is per read, so a server that trickles would never meet it.
            async with asyncio.timeout(timeout_s):
                response = await post()
        except APIStatusError as error:
            raise self._explain_status(error) from error
        except (APIConnectionError, TimeoutError) as error:
            raise _TryAgain(type(error).__name__) from error
        except OpenAIError as error:
            raise Broken(f"model: {type(error).__name__}") from error
        return response.content

    def _explain_status(self, error: APIStatusError) -> _TryAgain | Broken:
        status = error.status_code
        if status in _WORTH_REPEATING or status >= 500:
            return _TryAgain(str(status), read_retry_after(error.response.headers, self._clock.now()))
        code = error.code or "no code"
        return Broken(f"model: refused with {status} ({code})")


def encode_request(request: ModelRequest) -> bytes:
    """The body of `POST /chat/completions` for a request of ours."""
    fixed = request.model.startswith(_FIXED_SAMPLING)
    return _encode(
        _Body(
            model=request.model,
            messages=tuple(_write_message(message) for message in request.messages),
            tools=tuple(_write_tool(tool) for tool in request.tools),
            temperature=None if fixed else request.temperature,
            max_tokens=None if fixed else request.max_tokens,
            max_completion_tokens=request.max_tokens if fixed else None,
            response_format=_write_format(request.answer_schema),
        )
    )


def encode_picture(request: PerceptionRequest) -> bytes:
    """The body of `POST /chat/completions` that asks about a picture."""
    address = f"data:{request.content_type};base64,{base64.b64encode(request.content).decode('ascii')}"
    fixed = request.model.startswith(_FIXED_SAMPLING)
    parts = _Text(request.prompt), _Picture(_Address(address, "low"))
    return _encode(
        _Body(
            model=request.model,
            messages=(_SentMessage(ChatRole.USER, parts),),
            temperature=None if fixed else 0.0,
            max_tokens=None if fixed else request.max_tokens,
            max_completion_tokens=request.max_tokens if fixed else None,
        )
    )


def decode_transcription(content: bytes, model: str) -> ModelAnswer:
    """Read the body of a 200 to a recording; nothing said is an answer too.

    Raises:
        _TryAgain: It is not JSON, or holds no text.
    """
    try:
        found = _decode_transcription(content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _TryAgain(f"unreadable transcription ({type(error).__name__})") from error
    usage = found.usage or _TokensUsed()
    return ModelAnswer(found.text.strip() or None, (), "stop", model, usage.input_tokens, usage.output_tokens)


def decode_answer(content: bytes) -> ModelAnswer:
    """Read the body of a 200.

    Raises:
        _TryAgain: It is not JSON, holds no choice, or a choice with neither text nor a tool call.
    """
    try:
        completion = _decode_completion(content)
    except msgspec.MsgspecError as error:
        raise _TryAgain(f"unreadable answer ({error})") from error
    except UnicodeDecodeError as error:
        raise _TryAgain("unreadable answer (not UTF-8)") from error
    if not completion.choices:
        raise _TryAgain("answer without a choice")
    choice = completion.choices[0]
    calls = tuple(
        ToolCall(id=call.id or f"call_{n}", name=call.function.name, arguments=call.function.arguments)
        for n, call in enumerate(choice.message.tool_calls or ())
    )
    text = choice.message.content or None
    if text is None and not calls:
        raise _TryAgain("answer with neither text nor a tool call")
    usage = completion.usage or _Usage()
    return ModelAnswer(
        text=text,
        tool_calls=calls,
        finish=choice.finish_reason or "stop",
        model=completion.model,
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cached_tokens=(usage.prompt_tokens_details or _PromptDetails()).cached_tokens or 0,
    )


def read_retry_after(headers: httpx2.Headers, now: datetime) -> float | None:
    """Seconds to wait as a server says it: milliseconds, seconds or a date; None when it does not."""
    try:
        if (millis := headers.get("retry-after-ms")) is not None:
            return float(millis) / 1000.0 if millis.replace(".", "", 1).isdigit() else None
        said = headers.get("retry-after")
        if said is None:
            return None
        if said.replace(".", "", 1).isdigit():
            return float(said)
        moment = parsedate_to_datetime(said)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - now).total_seconds(), 0.0)


def _write_message(message: ChatMessage) -> _SentMessage:
    calls = tuple(
        _SentCall(id=call.id, function=_Function(name=call.name, arguments=call.arguments))
        for call in message.tool_calls
    )
    if message.role is ChatRole.ASSISTANT or message.content is not None:
        return _SentMessage(message.role, message.content, calls, message.tool_call_id)
    return _SentMessage(message.role, "", calls, message.tool_call_id)


def _write_tool(tool: ToolSpec) -> _Tool:
    return _Tool(_ToolFunction(tool.name, tool.description, tool.parameters))


def _write_format(schema: AnswerSchema | msgspec.UnsetType) -> _ResponseFormat | None:
    return None if schema is msgspec.UNSET else _ResponseFormat(_NamedSchema(schema.name, schema.schema))
