"""The offline model as an HTTP API: OpenAI's shapes and errors, in process and on a port."""

from __future__ import annotations

import asyncio
import selectors
import threading
import time

import httpx2
import msgspec
import openai
import pytest
import uvicorn
from openai import AsyncOpenAI

from sim.offline_model import MODEL_NAME, OfflineTransport
from sim.offline_model.server import OfflineApp
from sim.offline_model.wire import Reply, answer_http
from tests.sim.offline_salon import Salon

HELLO = {"model": MODEL_NAME, "messages": [{"role": "user", "content": "hola"}]}


def ask(body: object, *, key: str = "Bearer k", method: str = "POST", path: str = "/v1/chat/completions") -> Reply:
    """One request, its body encoded."""
    return answer_http(method, path, key, msgspec.json.encode(body))


def open_client() -> AsyncOpenAI:
    """The SDK on the offline model."""
    http_client = httpx2.AsyncClient(transport=OfflineTransport(lambda: 1_768_000_000))
    return AsyncOpenAI(api_key="k", base_url="http://offline/v1", max_retries=0, http_client=http_client)


async def test_the_sdk_reads_a_completion() -> None:
    """Every field that the SDK declares is there."""
    completion = await open_client().chat.completions.create(
        model=MODEL_NAME, messages=[{"role": "user", "content": "hola"}]
    )

    assert completion.id.startswith("chatcmpl-")
    assert completion.created == 1_768_000_000
    assert completion.model == MODEL_NAME
    assert completion.choices[0].finish_reason == "stop"
    assert completion.choices[0].message.content
    assert completion.usage is not None and completion.usage.total_tokens > 0


async def test_the_sdk_lists_the_model() -> None:
    """`GET /v1/models` names the one model."""
    listed = [model.id async for model in open_client().models.list()]

    assert listed == [MODEL_NAME]


async def test_a_stream_carries_the_whole_answer() -> None:
    """Clients that insist on events get one delta and an end."""
    stream = await open_client().chat.completions.create(
        model=MODEL_NAME, messages=[{"role": "user", "content": "hola"}], stream=True
    )

    chunks = [chunk async for chunk in stream]

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks).startswith("¡Hola")
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_the_same_request_gets_the_same_bytes() -> None:
    """Nothing in a reply depends on time, chance or what was asked before."""
    first = ask(HELLO)
    ask({**HELLO, "messages": [{"role": "user", "content": "otra cosa"}]})

    assert ask(HELLO) == first


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
REFUSED: dict[str, tuple[object, int, str | None]] = {
    "no-model": ({"messages": HELLO["messages"]}, 400, "model"),
    "other-model": ({**HELLO, "model": "gpt-4.1"}, 404, None),
    "no-messages": ({"model": MODEL_NAME}, 400, "messages"),
    "empty-messages": ({**HELLO, "messages": []}, 400, "messages"),
    "unknown-role": ({**HELLO, "messages": [{"role": "robot", "content": "x"}]}, 400, "messages[0].role"),
    "no-content": ({**HELLO, "messages": [{"role": "user"}]}, 400, "messages[0].content"),
    "wrong-temperature": ({**HELLO, "temperature": 3}, 400, "temperature"),
    "text-temperature": ({**HELLO, "temperature": "hot"}, 400, "temperature"),
    "two-choices": ({**HELLO, "n": 2}, 400, "n"),
    "no-tokens": ({**HELLO, "max_tokens": 0}, 400, "max_tokens"),
    "empty-tools": ({**HELLO, "tools": []}, 400, "tools"),
    "bad-tool-name": (
        {**HELLO, "tools": [{"type": "function", "function": {"name": "a b"}}]},
        400,
        "tools[0].function.name",
    ),
    "choice-without-tools": ({**HELLO, "tool_choice": "required"}, 400, "tool_choice"),
    "choice-of-no-tool": (
        {**HELLO, "tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}},
        400,
        "tool_choice",
    ),
    "answer-without-call": (
        {**HELLO, "messages": [{"role": "tool", "tool_call_id": "c1", "content": "{}"}]},
        400,
        "messages[0].role",
    ),
    "call-without-answer": (
        {
            **HELLO,
            "messages": [
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "user", "content": "y"},
            ],
        },
        400,
        "messages[2].role",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_request_is_refused_in_openais_shape(name: str) -> None:
    """Message, type, param and code are all there, and the status fits."""
    body, status, param = REFUSED[name]

    reply = ask(body)
    error = msgspec.json.decode(reply.body)["error"]

    assert reply.status == status
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert error["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"model": 1}', b"null"])
def test_a_body_that_is_no_request_is_a_400(body: bytes) -> None:
    """Garbage never raises."""
    assert answer_http("POST", "/v1/chat/completions", "Bearer k", body).status == 400


def test_a_key_is_needed_and_paths_are_known() -> None:
    """401 without a bearer token, 404 elsewhere, 405 for another method."""
    assert ask(HELLO, key="").status == 401
    assert ask(HELLO, path="/v1/embeddings").status == 404
    assert ask(HELLO, method="PUT").status == 405


async def test_the_sdk_raises_its_own_errors() -> None:
    """A wrong model name is the SDK's NotFoundError."""
    with pytest.raises(openai.NotFoundError):
        await open_client().chat.completions.create(model="gpt-4.1", messages=[{"role": "user", "content": "x"}])


def test_a_demanded_tool_is_called() -> None:
    """`tool_choice` with a function is obeyed, required text filled with the customer's words."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"anyOf": [{"type": "null"}]}}}
    tool = {"type": "function", "function": {"name": "note", "parameters": schema}}
    choice = {"type": "function", "function": {"name": "note"}}

    reply = ask({**HELLO, "tools": [tool], "tool_choice": choice})
    call = msgspec.json.decode(reply.body)["choices"][0]["message"]["tool_calls"][0]

    assert msgspec.json.decode(call["function"]["arguments"]) == {"a": "hola", "b": None}


@pytest.mark.parametrize(
    "prompt", ["", "You are a helpful assistant.", "## Servicios\nsin orden", "# Recepcionista de X\n## Cliente\n"]
)
@pytest.mark.parametrize("text", ["hola", "quiero una cita mañana a las 4", "what are your prices?", "cancela mi cita"])
def test_a_foreign_prompt_still_gets_an_answer(prompt: str, text: str) -> None:
    """Missing sections are no error, with and without tools."""
    body = {**HELLO, "messages": [{"role": "system", "content": prompt}, {"role": "user", "content": text}]}

    reply = msgspec.json.decode(ask(body).body)

    assert reply["choices"][0]["message"]["content"]


def test_parts_and_developer_messages_are_read() -> None:
    """Content may come as parts, and the prompt as a developer's message."""
    prompt = {"role": "developer", "content": [{"type": "text", "text": Salon().prompt()}]}
    user = {"role": "user", "content": [{"type": "text", "text": "cuánto cuesta el peinado?"}]}

    reply = msgspec.json.decode(ask({**HELLO, "messages": [prompt, user]}).body)

    assert "$350" in reply["choices"][0]["message"]["content"]


def test_a_prompt_without_its_fence_of_tools_answers_in_text() -> None:
    """When no tool may be called any more, the model still says something."""
    body = {
        **HELLO,
        "messages": [
            {"role": "system", "content": Salon().prompt()},
            {"role": "user", "content": "corte de dama mañana a las 4"},
        ],
    }

    message = msgspec.json.decode(ask(body).body)["choices"][0]["message"]

    assert message["content"] and "tool_calls" not in message


class _NoWaiting(selectors.SelectSelector):
    """A selector that never waits for the world."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Whatever is ready; being asked to wait for ever is an error."""
        if timeout is None:
            raise AssertionError("nothing is scheduled: something waits for a thread or a socket")
        return super().select(0)


def test_it_runs_on_a_loop_that_cannot_wait() -> None:
    """No thread, no socket and no sleep is used: a virtual event loop carries it."""

    async def converse() -> str:
        salon = Salon(customer="Ana")
        salon._client._platform = "Unknown"  # the SDK would ask a thread for it, once
        return (await salon.talk("corte de dama mañana a las 4", "sí")).text

    loop = asyncio.SelectorEventLoop(_NoWaiting())
    try:
        assert "agendada" in loop.run_until_complete(converse())
    finally:
        loop.close()


async def test_it_serves_a_port() -> None:
    """The same answers come over a real socket."""
    server = uvicorn.Server(uvicorn.Config(OfflineApp(), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]

    async with AsyncOpenAI(api_key="k", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0) as client:
        answer = await client.chat.completions.create(model=MODEL_NAME, messages=[{"role": "user", "content": "hola"}])
    server.should_exit = True
    thread.join(5)

    assert (answer.choices[0].message.content or "").startswith("¡Hola")


def test_a_completion_is_cheap() -> None:
    """With a full history a completion takes a few milliseconds of CPU at most, the SDK apart."""
    messages: list[dict[str, str]] = [{"role": "system", "content": Salon(customer="Ana").prompt()}]
    for text in ("hola", "quiero una cita", "corte de dama", "cuánto cuesta", "el viernes en la tarde") * 2:
        messages += [{"role": "user", "content": text}, {"role": "assistant", "content": "¿Qué día y a qué hora?"}]
    bodies = [
        {**HELLO, "messages": [*messages, {"role": "user", "content": f"mejor a las {n % 9 + 1}, {n}"}]}
        for n in range(60)
    ]
    ask(bodies[0])

    began = time.process_time()
    for body in bodies:
        ask(body)
    each_ms = (time.process_time() - began) / len(bodies) * 1000

    assert each_ms < 10
