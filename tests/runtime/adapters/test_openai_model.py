"""The OpenAI adapter: what it sends, how it retries, and what each failure becomes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from uuid import UUID

import httpx2
import msgspec
import multipart
import pytest

from runtime.adapters.openai import OpenAIModel, Retries, read_retry_after
from runtime.domain.errors import Broken, Unavailable, UnknownOutcome
from runtime.ports import ChatMessage, ChatRole, ModelRequest, PerceptionRequest, ToolCall, ToolSpec

NOW = datetime(2026, 1, 12, 16, 0, tzinfo=UTC)
REQUEST = ModelRequest("customer", "gpt-4.1-mini", (ChatMessage(ChatRole.USER, "hola"),))


class StillClock:
    """A clock on which waiting takes no time, but is remembered."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def now(self) -> datetime:
        """Always the same moment."""
        return NOW

    async def sleep(self, seconds: float) -> None:
        """Remember the wait."""
        self.waits.append(seconds)


class HalfIds:
    """Chance that is always in the middle."""

    def new(self) -> UUID:
        """An identifier; nobody asks for one here."""
        return UUID(int=1)

    def jitter(self) -> float:
        """One half."""
        return 0.5


class Script(httpx2.AsyncBaseTransport):
    """Answers requests with scripted responses or exceptions, the last one for ever."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Give the next answer."""
        await request.aread()
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content, request=request)


def say(**message: object) -> httpx2.Response:
    """A 200 with one choice."""
    body = {
        "id": "x",
        "object": "chat.completion",
        "model": "gpt-4.1-mini-2025-04-14",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }
    return httpx2.Response(200, json=body)


def fail(status: int, **headers: str) -> httpx2.Response:
    """An error in OpenAI's shape."""
    body = {"error": {"message": "no", "type": "x", "param": None, "code": "some_code"}}
    return httpx2.Response(status, json=body, headers={key.replace("_", "-"): value for key, value in headers.items()})


def build(script: Script, clock: StillClock | None = None, **retries: float) -> OpenAIModel:
    """The adapter on a script."""
    return OpenAIModel(
        api_key="k",
        base_url="http://model/v1",
        clock=clock or StillClock(),
        ids=HalfIds(),
        http_client=httpx2.AsyncClient(transport=script),
        retries=msgspec.structs.replace(Retries(), **retries),
    )


async def test_a_request_is_sent_in_openais_form() -> None:
    """Messages, tool calls, tool results and tools all have the fields the API documents."""
    script = Script(say(content="va"))
    request = ModelRequest(
        purpose="customer",
        model="gpt-4.1-mini",
        messages=(
            ChatMessage(ChatRole.SYSTEM, "Eres…"),
            ChatMessage(ChatRole.USER, "hola ñandú 👋"),
            ChatMessage(ChatRole.ASSISTANT, None, (ToolCall("c1", "f", "{no json"),)),
            ChatMessage(ChatRole.TOOL, '{"ok":1}', tool_call_id="c1"),
        ),
        tools=(ToolSpec("f", "Hace f.", msgspec.Raw(b'{"type":"object","properties":{}}')),),
        temperature=0.0,
        max_tokens=600,
    )

    await build(script).complete(request)
    sent = script.requests[0]

    assert sent.url == "http://model/v1/chat/completions"
    assert sent.headers["authorization"] == "Bearer k"
    assert sent.headers["content-type"] == "application/json"
    assert msgspec.json.decode(sent.content) == {
        "model": "gpt-4.1-mini",
        "messages": [
            {"role": "system", "content": "Eres…"},
            {"role": "user", "content": "hola ñandú 👋"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{no json"}}],
            },
            {"role": "tool", "content": '{"ok":1}', "tool_call_id": "c1"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "description": "Hace f.",
                    "parameters": {"type": "object", "properties": {}},
                },
            }
        ],
        "temperature": 0.0,
        "max_tokens": 600,
    }


async def test_newer_families_get_their_own_limits() -> None:
    """They refuse `max_tokens` and a temperature."""
    script = Script(say(content="va"))

    await build(script).complete(msgspec.structs.replace(REQUEST, model="gpt-5-mini"))
    sent = msgspec.json.decode(script.requests[0].content)

    assert sent["max_completion_tokens"] == 600
    assert "temperature" not in sent and "max_tokens" not in sent


async def test_text_and_tool_calls_are_read() -> None:
    """Both may come together; arguments stay raw text."""
    calls = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "not json"}}]

    answer = await build(Script(say(content="ahora", tool_calls=calls))).complete(REQUEST)

    assert (answer.text, answer.tool_calls) == ("ahora", (ToolCall("c1", "f", "not json"),))
    assert (answer.finish, answer.model) == ("stop", "gpt-4.1-mini-2025-04-14")
    assert (answer.input_tokens, answer.output_tokens) == (7, 3)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
async def test_passing_trouble_is_tried_again_after_a_jittered_wait(status: int) -> None:
    """Waits double, with full jitter, and go through the clock."""
    script, clock = Script(fail(status), fail(status), say(content="va")), StillClock()

    answer = await build(script, clock).complete(REQUEST)

    assert answer.text == "va"
    assert clock.waits == [0.25, 0.5]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_lasting_trouble_is_unavailable(status: int) -> None:
    """After the last attempt the caller learns when to come back, if that was said."""
    script = Script(fail(status, retry_after="2"))

    with pytest.raises(Unavailable) as caught:
        await build(script).complete(REQUEST)

    assert len(script.requests) == 3
    assert caught.value.retry_after_s == 2.0
    assert not isinstance(caught.value, UnknownOutcome)


async def test_retry_after_is_honoured() -> None:
    """No attempt comes sooner than the server asked, in whatever form it asked."""
    clock = StillClock()
    script = Script(
        fail(429, retry_after="3"),
        fail(429, retry_after_ms="1500"),
        fail(503, retry_after="Mon, 12 Jan 2026 16:00:04 GMT"),
        say(content="va"),
    )

    await build(script, clock, attempts=4).complete(REQUEST)

    assert clock.waits == [3.0, 1.5, 4.0]


async def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    """Coming back in a minute does not fit a turn of twenty seconds."""
    script, clock = Script(fail(429, retry_after="60")), StillClock()

    with pytest.raises(Unavailable) as caught:
        await build(script, clock).complete(REQUEST)

    assert (len(script.requests), clock.waits, caught.value.retry_after_s) == (1, [], 60.0)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
async def test_a_refused_request_is_broken_and_not_repeated(status: int) -> None:
    """Asking again would not help: a developer must look."""
    script = Script(fail(status))

    with pytest.raises(Broken, match=f"{status} .some_code"):
        await build(script).complete(REQUEST)

    assert len(script.requests) == 1


@pytest.mark.parametrize(
    "error",
    [
        httpx2.ConnectError("no"),
        httpx2.ReadTimeout("slow"),
        httpx2.RemoteProtocolError("cut"),
        httpx2.PoolTimeout("full"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_lost_connection_is_tried_again(error: Exception) -> None:
    """A question has no effect, so it may be repeated."""
    script = Script(error, say(content="va"))

    answer = await build(script).complete(REQUEST)

    assert answer.text == "va"


GARBAGE = {
    "no-json": httpx2.Response(200, content=b"<html>hola</html>"),
    "empty": httpx2.Response(200, content=b""),
    "not-utf8": httpx2.Response(200, content=b'{"choices": "\xff"}'),
    "list": httpx2.Response(200, json=[]),
    "no-choices-field": httpx2.Response(200, json={"id": "x"}),
    "no-choices": httpx2.Response(200, json={"choices": []}),
    "null-message": httpx2.Response(200, json={"choices": [{"message": None}]}),
    "no-content": say(content=None),
    "blank": say(content=""),
    "refusal-only": say(content=None, refusal="I can't."),
    "no-calls": say(content=None, tool_calls=[]),
    "wrong-content": say(content=7),
    "object-arguments": say(content=None, tool_calls=[{"id": "c", "function": {"name": "f", "arguments": {}}}]),
    "nameless-call": say(content=None, tool_calls=[{"id": "c", "type": "function", "function": {}}]),
    "other-call": say(content=None, tool_calls=[{"id": "c", "type": "custom", "custom": {"name": "f", "input": ""}}]),
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_an_unreadable_answer_is_unavailable_after_its_retries(name: str) -> None:
    """Garbage is treated as an outage: tried again, and never handed on."""
    script = Script(GARBAGE[name])

    with pytest.raises(Unavailable):
        await build(script).complete(REQUEST)

    assert len(script.requests) == 3


async def test_one_garbled_answer_is_forgiven() -> None:
    """The next attempt may be fine."""
    answer = await build(Script(httpx2.Response(200, content=b"{"), say(content="va"))).complete(REQUEST)

    assert answer.text == "va"


class Hanging(httpx2.AsyncBaseTransport):
    """Answers nothing, ever."""

    def __init__(self) -> None:
        self.asked = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Hang."""
        self.asked += 1
        await asyncio.sleep(3600)
        raise AssertionError("nobody waits that long")


async def test_the_deadline_covers_all_attempts() -> None:
    """A server that hangs is given up in the request's own time, with room for a second attempt."""
    hanging = Hanging()
    model = OpenAIModel(
        api_key="k",
        base_url="http://model/v1",
        clock=StillClock(),
        ids=HalfIds(),
        http_client=httpx2.AsyncClient(transport=hanging),
    )
    loop = asyncio.get_running_loop()

    began = loop.time()
    with pytest.raises(Unavailable):
        await model.complete(msgspec.structs.replace(REQUEST, timeout_s=1.0))

    assert hanging.asked >= 2
    assert loop.time() - began < 3.0


async def test_cancelling_the_caller_is_not_swallowed() -> None:
    """A turn that is stopped stops here, too."""
    hanging = Hanging()
    model = OpenAIModel(
        api_key="k",
        base_url="http://model/v1",
        clock=StillClock(),
        ids=HalfIds(),
        http_client=httpx2.AsyncClient(transport=hanging),
    )
    task = asyncio.create_task(model.complete(REQUEST))
    await asyncio.sleep(0.05)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Mon, 12 Jan 2026 15:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after-ms": "x"}, None),
        ({"retry-after-ms": "nan"}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds go before seconds; a date counts from now; nonsense counts for nothing."""
    assert read_retry_after(httpx2.Headers(headers), NOW) == seconds


class Server:
    """A real HTTP server on this machine."""

    def __init__(self, answer: Callable[[int], tuple[int, bytes]]) -> None:
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            """One connection."""

            def do_POST(self) -> None:  # the base class's own word
                """Answer as told."""
                self.rfile.read(int(self.headers["content-length"]))
                status, body = answer(outer.asked)
                outer.asked += 1
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def url(self) -> str:
        """Where to ask."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"


async def test_it_works_over_a_real_connection() -> None:
    """The SDK's own HTTP client, a 503 first, then an answer."""
    answers = [(503, b'{"error": {"message": "busy"}}'), (200, say(content="va").content)]
    with Server(lambda n: answers[min(n, 1)]) as server:
        model = OpenAIModel(api_key="k", base_url=server.url, clock=StillClock(), ids=HalfIds())

        answer = await model.complete(REQUEST)
        await model.close()

        assert (answer.text, server.asked) == ("va", 2)


async def test_a_server_that_is_gone_is_unavailable() -> None:
    """Nobody listens on the port any more."""
    with Server(lambda n: (200, b"{}")) as server:
        url = server.url
    model = OpenAIModel(api_key="k", base_url=url, clock=StillClock(), ids=HalfIds())

    with pytest.raises(Unavailable):
        await model.complete(REQUEST)

    await model.close()


async def test_a_recording_is_sent_in_openais_form() -> None:
    """The documented fields and the file under a name that tells its kind; the same recording is the same bytes."""
    script = Script(httpx2.Response(200, json={"text": " hola "}), httpx2.Response(200, json={"text": ""}))
    model = build(script)
    request = PerceptionRequest("gpt-4o-mini-transcribe", b"OggS\x00\xff", "audio/ogg", "Salón en México.")

    answers = [await model.transcribe(request), await model.transcribe(request)]

    sent = script.requests[0]
    fields = {
        part.name: part.raw.decode("latin-1")
        for part in multipart.MultipartParser(BytesIO(sent.content), boundary_of(sent))
    }
    assert sent.url == "http://model/v1/audio/transcriptions"
    assert {name: fields[name] for name in ("model", "language", "prompt")} == {
        "model": "gpt-4o-mini-transcribe",
        "language": "es",
        "prompt": "Salón en México.".encode().decode("latin-1"),
    }
    assert fields["file"] == "OggS\x00\xff" and b'filename="nota.ogg"' in sent.content
    assert sent.content == script.requests[1].content
    assert [answer.text for answer in answers] == ["hola", None]


async def test_a_picture_is_sent_as_a_part_of_the_question() -> None:
    """A data URL beside the words, as the API documents it."""
    script = Script(say(content="Un corte bob."))

    answer = await build(script).describe(
        PerceptionRequest("gpt-4.1-mini", b"\xff\xd8\xff", "image/jpeg", "¿Qué se ve?")
    )

    message = msgspec.json.decode(script.requests[0].content)["messages"][0]
    assert message["content"] == [
        {"type": "text", "text": "¿Qué se ve?"},
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9j/", "detail": "low"}},
    ]
    assert answer.text == "Un corte bob."


@pytest.mark.parametrize("answer", [httpx2.Response(200, content=b"<html>"), httpx2.Response(200, json={}), fail(503)])
async def test_an_unreadable_transcription_is_asked_for_again(answer: httpx2.Response) -> None:
    """Once more, and then it is there."""
    script = Script(answer, httpx2.Response(200, json={"text": "hola"}))

    found = await build(script).transcribe(PerceptionRequest("m", b"OggS", "audio/ogg", "x"))

    assert (found.text, len(script.requests)) == ("hola", 2)


def boundary_of(request: httpx2.Request) -> str:
    """Between the parts of a form."""
    return str(request.headers["content-type"].partition("boundary=")[2])
