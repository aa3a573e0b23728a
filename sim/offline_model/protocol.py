"""OpenAI's chat completions as structs: what may be asked, and every way a request can be wrong.

`read_request` turns a body into a `Request` or raises `BadRequest` in OpenAI's words and shape.
Used by `wire` alone.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

MODEL_NAME = "parlo-offline-1"
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class BadRequest(Exception):
    """A request that is refused, with OpenAI's fields."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.status = status


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    FUNCTION = "function"


class ImageAddress(msgspec.Struct, frozen=True):
    """Where a picture is."""

    url: str


class Part(msgspec.Struct, frozen=True):
    """One part of a message; texts and pictures are read."""

    type: str
    text: str = ""
    image_url: ImageAddress | None = None


class CalledFunction(msgspec.Struct, frozen=True):
    """A function and its arguments, as text."""

    name: str
    arguments: str = ""


class ToolCall(msgspec.Struct, frozen=True):
    """A call in an assistant's message."""

    id: str
    function: CalledFunction
    type: str = "function"


class Message(msgspec.Struct, frozen=True):
    """One message."""

    role: Role
    content: str | tuple[Part, ...] | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """The words of a message, whatever form they came in."""
        if isinstance(self.content, tuple):
            return "\n".join(part.text or f"[{part.type}]" for part in self.content)
        return self.content or ""


class ToolFunction(msgspec.Struct, frozen=True):
    """A function that may be called."""

    name: str
    description: str | None = None
    parameters: msgspec.Raw = msgspec.Raw(b"{}")


class Tool(msgspec.Struct, frozen=True):
    """A tool; only functions are known."""

    function: ToolFunction
    type: str = "function"


class Schema(msgspec.Struct, frozen=True):
    """The named schema of a structured answer."""

    name: str = ""
    schema: msgspec.Raw = msgspec.Raw(b"{}")


class ResponseFormat(msgspec.Struct, frozen=True):
    """The form an answer must have."""

    type: str
    json_schema: Schema | None = None


class ChosenFunction(msgspec.Struct, frozen=True):
    """The name of a function that must be called."""

    name: str


class ChosenTool(msgspec.Struct, frozen=True):
    """A tool that must be called."""

    function: ChosenFunction
    type: str = "function"


class Request(msgspec.Struct, frozen=True):
    """A request for a completion. Fields that change nothing here are accepted and left out."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] | None = None
    tool_choice: str | ChosenTool | None = None
    response_format: ResponseFormat | None = None
    stream: bool | None = None
    n: int | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None


_decode = msgspec.json.Decoder(Request).decode


def read_request(body: bytes) -> Request:
    """A valid request.

    Raises:
        BadRequest: It is not JSON, lacks a field, has a wrong one, or its tool messages do not match.
    """
    try:
        request = _decode(body)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest("We could not parse the JSON body of your request.") from error
    if request.model != MODEL_NAME:
        raise BadRequest(
            f"The model `{request.model}` does not exist or you do not have access to it.",
            code="model_not_found",
            status=404,
        )
    if not request.messages:
        raise BadRequest("Invalid 'messages': empty array. Expected an array with minimum length 1.", param="messages")
    _check_numbers(request)
    _check_tools(request)
    _check_tool_messages(request.messages)
    return request


def _explain(what: str) -> BadRequest:
    missing = re.search(r"missing required field `(\w+)`", what)
    place = re.search(r"at `\$\.?([^`]*)`", what)
    param = re.sub(r"\[\.\.\.\]", "[*]", place.group(1)) if place else ""
    if missing:
        param = f"{param}.{missing.group(1)}" if param else missing.group(1)
        return BadRequest(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")
    return BadRequest(f"Invalid type or value for '{param}': {what}", param=param or None, code="invalid_type")


def _check_numbers(request: Request) -> None:
    if request.n is not None and request.n != 1:
        raise BadRequest(f"Invalid 'n': {MODEL_NAME} gives exactly one choice.", param="n", code="invalid_value")
    if request.temperature is not None and not 0 <= request.temperature <= 2:
        raise BadRequest(
            "Invalid 'temperature': expected a value between 0 and 2.", param="temperature", code="decimal_out_of_range"
        )
    for param, value in (("max_tokens", request.max_tokens), ("max_completion_tokens", request.max_completion_tokens)):
        if value is not None and value < 1:
            raise BadRequest(f"Invalid '{param}': expected a value >= 1.", param=param, code="integer_below_min_value")


def _check_tools(request: Request) -> None:
    tools = request.tools
    if tools is None:
        if request.tool_choice not in (None, "none", "auto"):
            raise BadRequest(
                "Invalid value for 'tool_choice': only allowed when 'tools' are specified.", param="tool_choice"
            )
        return
    if not tools:
        raise BadRequest("Invalid 'tools': empty array. Expected an array with minimum length 1.", param="tools")
    for n, tool in enumerate(tools):
        if tool.type != "function" or not _TOOL_NAME.fullmatch(tool.function.name):
            raise BadRequest(f"Invalid 'tools[{n}]'.", param=f"tools[{n}].function.name", code="invalid_value")
    if isinstance(request.tool_choice, str) and request.tool_choice not in ("none", "auto", "required"):
        raise BadRequest(f"Invalid value: '{request.tool_choice}'.", param="tool_choice", code="invalid_value")
    names = {tool.function.name for tool in tools}
    if isinstance(request.tool_choice, ChosenTool) and request.tool_choice.function.name not in names:
        raise BadRequest("Invalid 'tool_choice': the function is not among 'tools'.", param="tool_choice")


def _check_tool_messages(messages: tuple[Message, ...]) -> None:
    """Every tool call is answered right after it, and nothing else is."""
    waiting: set[str] = set()
    for n, message in enumerate(messages):
        if message.role is Role.TOOL:
            if message.tool_call_id is None:
                raise BadRequest(
                    f"Missing required parameter: 'messages[{n}].tool_call_id'.", param=f"messages[{n}].tool_call_id"
                )
            if message.tool_call_id not in waiting:
                raise BadRequest(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceding message with"
                    " 'tool_calls'.",
                    param=f"messages[{n}].role",
                )
            waiting.discard(message.tool_call_id)
            continue
        if waiting:
            raise _unanswered(waiting, n)
        if message.role is Role.ASSISTANT and message.content is None and not message.tool_calls:
            raise BadRequest(
                "Invalid value for 'content': expected a string, got null.", param=f"messages[{n}].content"
            )
        if message.role in (Role.USER, Role.SYSTEM, Role.DEVELOPER) and message.content is None:
            raise BadRequest(
                "Invalid value for 'content': expected a string, got null.", param=f"messages[{n}].content"
            )
        waiting = {called.id for called in message.tool_calls or ()}
    if waiting:
        raise _unanswered(waiting, len(messages))


def _unanswered(waiting: set[str], n: int) -> BadRequest:
    ids = ", ".join(sorted(waiting))
    return BadRequest(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'."
        f" The following tool_call_ids did not have response messages: {ids}",
        param=f"messages[{n}].role",
    )
