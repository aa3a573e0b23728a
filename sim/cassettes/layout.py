"""How a cassette is written: JSON that a person can review, and that gives the very same requests back.

vcrpy calls it as its serializer. Bodies are JSON objects, not text in text. A system message is long and returns in
every request with a line or two changed (the time, an appointment), and tools always return: both are written once,
a system message as lines, a similar one as what differs from the one before. Whatever would not come back to the byte
is left as it is.
"""

from __future__ import annotations

from typing import Any

import msgspec

_SYSTEM = "system"
_PROMPTS, _TOOLS, _INTERACTIONS = "prompts", "tools", "interactions"
_MOST_CHANGED = 0.5
"""A system message of which more lines differ is written whole."""

_encode = msgspec.json.Encoder().encode


def serialize(cassette: dict[str, Any]) -> str:
    """The text of a cassette from what vcrpy gives: version, interactions, metadata."""
    writer = _Writer()
    interactions = [writer.write(each) for each in cassette[_INTERACTIONS]]
    value = {
        "version": cassette["version"],
        "metadata": cassette.get("metadata", {}),
        _PROMPTS: writer.prompts,
        _TOOLS: {name: msgspec.Raw(tools) for tools, name in writer.tools.items()},
        _INTERACTIONS: interactions,
    }
    return msgspec.json.format(_encode(value), indent=1).decode() + "\n"


def deserialize(text: str) -> dict[str, Any]:
    """What vcrpy wants, from the text.

    Raises:
        ValueError: It is no cassette of ours.
    """
    try:
        value = msgspec.json.decode(text)
        prompts = _read_prompts(value[_PROMPTS])
        interactions = [_read(each, prompts, value[_TOOLS]) for each in value[_INTERACTIONS]]
        return {"version": value["version"], "metadata": value["metadata"], _INTERACTIONS: interactions}
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"no cassette: {type(error).__name__}: {error}") from error


class _Writer:
    """One cassette being written: what has been written once already."""

    def __init__(self) -> None:
        self.prompts: dict[str, dict[str, Any]] = {}
        self.tools: dict[bytes, str] = {}
        self._texts: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def write(self, interaction: dict[str, Any]) -> dict[str, Any]:
        """One request and its answer."""
        request, response = interaction["request"], interaction["response"]
        body = _open(request["body"])
        if isinstance(body, dict):
            body = self._shorten(body)
        content = response["body"]["string"]
        return {
            "request": {**request, "body": body},
            "response": {**response, "body": _open(content)},
        }

    def _shorten(self, body: dict[str, Any]) -> dict[str, Any]:
        short = dict(body)
        if isinstance(body.get("messages"), list):
            short["messages"] = [self._shorten_message(each) for each in body["messages"]]
        if isinstance(body.get(_TOOLS), list):
            name = self.tools.setdefault(_encode(body[_TOOLS]), f"tools-{len(self.tools) + 1}")
            short[_TOOLS] = {"see": name}
        return short

    def _shorten_message(self, message: Any) -> Any:
        if not isinstance(message, dict) or message.get("role") != _SYSTEM:
            return message
        content = message.get("content")
        return {**message, "content": {"see": self._name(content)}} if isinstance(content, str) else message

    def _name(self, text: str) -> str:
        if text not in self._names:
            name = f"system-{len(self._names) + 1}"
            self.prompts[name] = self._compare(text)
            self._names[text], self._texts[name] = name, text
        return self._names[text]

    def _compare(self, text: str) -> dict[str, Any]:
        """A text as its lines, or as those in which it differs from the latest that is much like it."""
        lines = text.split("\n")
        for name, other in reversed(self._texts.items()):
            before = other.split("\n")
            changed = {str(n): now for n, (was, now) in enumerate(zip(before, lines, strict=False), 1) if was != now}
            if len(before) == len(lines) and len(changed) <= _MOST_CHANGED * len(lines):
                return {"like": name, "lines": changed}
        return {"lines": lines}


def _open(body: Any) -> Any:
    """A body as JSON where that says the same to the byte, else as text."""
    if not isinstance(body, str):
        return body
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body
    return value if isinstance(value, dict) and _encode(value) == body.encode() else body


def _close(value: Any) -> Any:
    return _encode(value).decode() if isinstance(value, dict) else value


def _read_prompts(written: dict[str, dict[str, Any]]) -> dict[str, str]:
    texts: dict[str, list[str]] = {}
    for name, prompt in written.items():
        if "like" in prompt:
            lines = list(texts[prompt["like"]])
            for number, line in prompt["lines"].items():
                lines[int(number) - 1] = line
        else:
            lines = prompt["lines"]
        texts[name] = lines
    return {name: "\n".join(lines) for name, lines in texts.items()}


def _read(interaction: dict[str, Any], prompts: dict[str, str], tools: dict[str, Any]) -> dict[str, Any]:
    request, response = interaction["request"], interaction["response"]
    body = request["body"]
    if isinstance(body, dict):
        body = dict(body)
        if isinstance(body.get("messages"), list):
            body["messages"] = [_read_message(each, prompts) for each in body["messages"]]
        if isinstance(body.get(_TOOLS), dict):
            body[_TOOLS] = tools[body[_TOOLS]["see"]]
    return {
        "request": {**request, "body": _close(body)},
        "response": {**response, "body": {"string": _close(response["body"])}},
    }


def _read_message(message: Any, prompts: dict[str, str]) -> Any:
    if not isinstance(message, dict) or not isinstance(message.get("content"), dict):
        return message
    return {**message, "content": prompts[message["content"]["see"]]}
