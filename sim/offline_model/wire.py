"""The offline model as an HTTP API: a request's bytes in, a reply's bytes out.

`transport` and `server` call `answer_http`; both therefore say exactly the same. The reply depends
on the request alone: ids are its hash, phrases are chosen by its hash, and `created` is handed in.
"""

from __future__ import annotations

import hashlib

import msgspec

from sim.offline_model.classify import classify, read_examples, read_subject
from sim.offline_model.context import read_context
from sim.offline_model.judging import judge_reply
from sim.offline_model.own_examples import load_leans
from sim.offline_model.perceiving import describe, transcribe
from sim.offline_model.policy import decide
from sim.offline_model.protocol import MODEL_NAME, BadRequest, ChosenTool, Message, Request, Role, read_request
from sim.offline_model.staff import MARK, decide_for_staff
from sim.offline_model.state import State, hear, rebuild
from sim.offline_model.text import fold
from sim.offline_model.turn import Call, Result, Step, Turn, read_outcome
from sim.offline_model.understand import understand

JSON = "application/json"
EVENTS = "text/event-stream; charset=utf-8"

_encode = msgspec.json.Encoder().encode


class Reply(msgspec.Struct, frozen=True):
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str = JSON


class _SaidFunction(msgspec.Struct, frozen=True):
    name: str
    arguments: str


class _SaidCall(msgspec.Struct, frozen=True):
    id: str
    type: str
    function: _SaidFunction


class _SaidMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    role: str
    content: str | None
    refusal: None = None
    tool_calls: tuple[_SaidCall, ...] = ()


class _Choice(msgspec.Struct, frozen=True):
    index: int
    message: _SaidMessage
    finish_reason: str
    logprobs: None = None


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class _Completion(msgspec.Struct, frozen=True):
    id: str
    object: str
    created: int
    model: str
    choices: tuple[_Choice, ...]
    usage: _Usage
    system_fingerprint: str


class _HeardUsage(msgspec.Struct, frozen=True):
    type: str
    input_tokens: int
    output_tokens: int
    total_tokens: int


class _Transcription(msgspec.Struct, frozen=True):
    text: str
    usage: _HeardUsage


class _Fault(msgspec.Struct, frozen=True):
    message: str
    type: str
    param: str | None
    code: str | None


class _FaultBody(msgspec.Struct, frozen=True):
    error: _Fault


class _ModelCard(msgspec.Struct, frozen=True):
    id: str
    object: str
    created: int
    owned_by: str


class _ModelList(msgspec.Struct, frozen=True):
    object: str
    data: tuple[_ModelCard, ...]


class _Delta(msgspec.Struct, frozen=True, omit_defaults=True):
    role: str | None = None
    content: str | None = None
    tool_calls: tuple[dict[str, object], ...] = ()


class _ChunkChoice(msgspec.Struct, frozen=True):
    index: int
    delta: _Delta
    finish_reason: str | None


class _Chunk(msgspec.Struct, frozen=True):
    id: str
    object: str
    created: int
    model: str
    choices: tuple[_ChunkChoice, ...]


class _SchemaNode(msgspec.Struct, frozen=True):
    """As much of a JSON Schema as an answer needs."""

    type: str | list[str] | None = None
    properties: dict[str, _SchemaNode] = {}
    enum: list[str | int | float | bool | None] = []
    anyOf: list[_SchemaNode] = []  # the schema's own word


def answer_http(method: str, path: str, authorization: str, body: bytes, created: int = 0) -> Reply:
    """Answer one HTTP request the way OpenAI would."""
    route = path.rstrip("/").removeprefix("/v1")
    if not authorization.lower().removeprefix("bearer").strip():
        return _fault(BadRequest("You didn't provide an API key.", code="invalid_api_key", status=401))
    card = _ModelCard(MODEL_NAME, "model", created, "parlo")
    if method == "GET" and route == "/models":
        return Reply(200, _encode(_ModelList("list", (card,))))
    if method == "GET" and route == f"/models/{MODEL_NAME}":
        return Reply(200, _encode(card))
    if route == "/audio/transcriptions" and method == "POST":
        return _answer_recording(body)
    if route != "/chat/completions":
        return _fault(BadRequest(f"Invalid URL ({method} {path})", status=404))
    if method != "POST":
        return _fault(BadRequest(f"Not allowed to {method} on {path}.", status=405, code="method_not_supported"))
    try:
        request = read_request(body)
        step = complete(request)
    except BadRequest as refusal:
        return _fault(refusal)
    digest = hashlib.sha256(body).hexdigest()
    completion = _write_completion(request, step, digest, created)
    return _stream(completion) if request.stream else Reply(200, _encode(completion))


def _answer_recording(body: bytes) -> Reply:
    try:
        text = transcribe(body)
    except BadRequest as refusal:
        return _fault(refusal)
    length, said = 1 + len(body) // 1000, len(text.split())
    used = _HeardUsage("tokens", length, said, length + said)
    return Reply(200, _encode(_Transcription(text, used)))


def complete(request: Request) -> Step:
    """What the model says to a valid request.

    Raises:
        BadRequest: It shows a picture that cannot be opened.
    """
    if (seen := describe(request)) is not None:
        return Step(seen)
    if (opinion := judge_reply(request)) is not None:
        return Step(opinion)
    prompt = "\n".join(m.text for m in request.messages if m.role in (Role.SYSTEM, Role.DEVELOPER))
    start = _find_turn(request.messages)
    pending = "\n".join(m.text for m in request.messages[start:] if m.role is Role.USER)
    if not request.tools:
        examples = read_examples(prompt)
        if examples:
            return Step(_shape(request, classify(examples, read_subject(pending), load_leans(prompt))))
    if isinstance(request.tool_choice, ChosenTool) and not any(m.role is Role.TOOL for m in request.messages[start:]):
        return _obey_choice(request, request.tool_choice.function.name, pending)
    step = _decide(request, prompt, start, pending)
    return Step(_shape(request, step.text)) if step.text else step


def _decide(request: Request, prompt: str, start: int, pending: str) -> Step:
    tools = frozenset(tool.function.name for tool in request.tools or () if request.tool_choice != "none")
    if MARK not in tools:
        return decide(_read_turn(request, prompt, start, pending))
    history = [(message.role is Role.USER, message.text) for message in _list_said(request.messages[:start])]
    results = [message.text for message in request.messages[start:] if message.role is Role.TOOL]
    return decide_for_staff(read_context(prompt), history, pending, results, tools)


def _list_said(messages: tuple[Message, ...]) -> list[Message]:
    return [each for each in messages if each.role in (Role.USER, Role.ASSISTANT) and each.text]


def _find_turn(messages: tuple[Message, ...]) -> int:
    """Where the customer's pending messages begin: the last run of user messages."""
    last = max((n for n, message in enumerate(messages) if message.role is Role.USER), default=len(messages))
    while last > 0 and messages[last - 1].role is Role.USER:
        last -= 1
    return last


def _read_turn(request: Request, prompt: str, start: int, pending: str) -> Turn:
    context = read_context(prompt)
    history = [(message.role is Role.USER, message.text) for message in _list_said(request.messages[:start])]
    before = rebuild(context, history)
    said = understand(pending, context)
    usable = request.tools or () if request.tool_choice != "none" else ()
    return Turn(
        context=context,
        before=before,
        said=said,
        state=hear(before, said, context) if pending else State(has_spoken=before.has_spoken, name=before.name),
        results=_read_results(request.messages[start:]),
        tools=frozenset(tool.function.name for tool in usable),
        seed=f"{len(history)}|{pending}|{history[-1][1] if history else ''}",
    )


def _read_results(messages: tuple[Message, ...]) -> tuple[Result, ...]:
    names = {called.id: called.function.name for message in messages for called in message.tool_calls or ()}
    return tuple(
        Result(names.get(message.tool_call_id or "", ""), read_outcome(message.text))
        for message in messages
        if message.role is Role.TOOL
    )


def _obey_choice(request: Request, name: str, pending: str) -> Step:
    """A call that was demanded: the customer's words for whatever text it wants, nothing for the rest."""
    tool = next(tool for tool in request.tools or () if tool.function.name == name)
    try:
        schema = msgspec.json.decode(bytes(tool.function.parameters), type=_SchemaNode)
    except msgspec.MsgspecError:
        schema = _SchemaNode()
    arguments = {key: _fill(node, pending) for key, node in schema.properties.items()}
    return Step(calls=(Call(name, _encode(arguments).decode()),))


def _shape(request: Request, text: str) -> str:
    """A text in the form that was asked for: as it is, or as the JSON of a schema."""
    wanted = request.response_format
    if wanted is None or wanted.type == "text":
        return text
    if wanted.type == "json_object" or wanted.json_schema is None:
        return _encode({"text": text}).decode()
    try:
        schema = msgspec.json.decode(bytes(wanted.json_schema.schema), type=_SchemaNode)
    except msgspec.MsgspecError:
        return _encode({"text": text}).decode()
    return _encode(_fill(schema, text)).decode()


def _fill(schema: _SchemaNode, text: str) -> object:
    """The simplest value of a schema: the text where it fits, else nothing, zero or no."""
    if schema.enum:
        return next((value for value in schema.enum if fold(str(value)) == fold(text)), schema.enum[0])
    kinds = [schema.type] if isinstance(schema.type, str) else list(schema.type or ())
    if schema.properties or "object" in kinds:
        return {key: _fill(node, text) for key, node in schema.properties.items()}
    if "null" in kinds or any(node.type == "null" for node in schema.anyOf):
        return None
    if schema.anyOf:
        return _fill(schema.anyOf[0], text)
    return {"integer": 0, "number": 0, "boolean": False, "array": []}.get(kinds[0] if kinds else "", text)


def _write_completion(request: Request, step: Step, digest: str, created: int) -> _Completion:
    calls = tuple(
        _SaidCall(
            f"call_{hashlib.sha256(f'{digest}|{n}'.encode()).hexdigest()[:24]}",
            "function",
            _SaidFunction(c.tool, c.arguments),
        )
        for n, c in enumerate(step.calls)
    )
    asked = sum(_count_tokens(message.text) + 4 for message in request.messages)
    asked += sum(
        len(tool.function.parameters) // 4 + _count_tokens(tool.function.description or "")
        for tool in request.tools or ()
    )
    said = _count_tokens(step.text) + sum(_count_tokens(call.arguments) + 8 for call in step.calls)
    message = _SaidMessage("assistant", step.text or None, tool_calls=calls)
    return _Completion(
        id=f"chatcmpl-{digest[:24]}",
        object="chat.completion",
        created=created,
        model=MODEL_NAME,
        choices=(_Choice(0, message, "tool_calls" if calls else "stop"),),
        usage=_Usage(asked, said, asked + said),
        system_fingerprint="offline",
    )


def _count_tokens(text: str) -> int:
    """An estimate: Spanish runs at about four letters a token."""
    return (len(text) + 3) // 4


def _stream(completion: _Completion) -> Reply:
    """The whole answer as one delta, for clients that insist on events."""
    choice = completion.choices[0]
    calls = tuple(
        {
            "index": n,
            "id": c.id,
            "type": c.type,
            "function": {"name": c.function.name, "arguments": c.function.arguments},
        }
        for n, c in enumerate(choice.message.tool_calls)
    )
    deltas = (
        (_Delta("assistant", choice.message.content, calls), None),
        (_Delta(), choice.finish_reason),
    )
    chunks = (
        _Chunk(
            completion.id, "chat.completion.chunk", completion.created, completion.model, (_ChunkChoice(0, delta, end),)
        )
        for delta, end in deltas
    )
    events = b"".join(b"data: " + _encode(chunk) + b"\n\n" for chunk in chunks)
    return Reply(200, events + b"data: [DONE]\n\n", EVENTS)


def _fault(refusal: BadRequest) -> Reply:
    fault = _Fault(refusal.message, "invalid_request_error", refusal.param, refusal.code)
    return Reply(refusal.status, _encode(_FaultBody(fault)))
