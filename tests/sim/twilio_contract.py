"""Twilio's published contract, and the two ends of a line on which it is checked: what contract tests share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import msgspec
import pytest
import uvicorn
from twilio.http import AsyncHttpClient
from twilio.http.response import Response

from sim.twilio.server import EmulatorApp

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "twilio" / "openapi"


class SteadyClock:
    """Real pace, made-up start: loopback servers wait in real time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._started_s = self._loop.time()

    def now(self) -> datetime:
        return datetime(2026, 1, 12, 16, 0, tzinfo=UTC) + timedelta(seconds=self._loop.time() - self._started_s)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Exchange(msgspec.Struct, frozen=True):
    """A request the SDK made, and the answer it got."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, object]
    status: int
    text: str


class Listening(AsyncHttpClient):  # type: ignore[misc]  # an untyped base class
    """Passes requests on and notes them down."""

    def __init__(self, inner: AsyncHttpClient) -> None:
        super().__init__(None, True, None)
        self.inner = inner
        self.exchanges: list[Exchange] = []

    async def request(  # noqa: PLR0913 - the SDK's signature
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        response = await self.inner.request(method, url, params, data, headers, auth, timeout, allow_redirects)
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query)) | {name: str(value) for name, value in (params or {}).items()}
        self.exchanges.append(
            Exchange(method.upper(), parts.path, query, dict(data or {}), response.status_code, response.text)
        )
        return response


@asynccontextmanager
async def serve(app: EmulatorApp) -> AsyncIterator[str]:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, ws="none", log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


class Contract:
    """One of Twilio's OpenAPI documents."""

    def __init__(self, name: str) -> None:
        self._path = FOLDER / name

    def read(self) -> dict[str, Any]:
        """The document; where it is not beside this checkout, the test is left out."""
        if not self._path.exists():
            pytest.skip("../shared is not beside this checkout")
        return self._document

    @cached_property
    def _document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self._path.read_text())
        return document

    def find_operation(self, exchange: Exchange) -> dict[str, Any]:
        """The operation of the contract; a literal path wins over a template."""
        for path, operations in sorted(self.read()["paths"].items(), key=lambda item: item[0].count("{")):
            ours, theirs = exchange.path.split("/"), path.split("/")
            same = len(ours) == len(theirs) and all(_fits(*pair) for pair in zip(ours, theirs, strict=True))
            if same and exchange.method.lower() in operations:
                operation: dict[str, Any] = operations[exchange.method.lower()]
                return operation
        raise AssertionError(f"{exchange.method} {exchange.path} is not in the contract")

    def check(self, exchange: Exchange) -> None:
        """Assert that a request and its answer keep to the contract."""
        operation = self.find_operation(exchange)
        parameters = {it["name"]: it["schema"] for it in operation.get("parameters", ()) if it["in"] == "query"}
        for name, value in exchange.query.items():
            schema = parameters[name]
            jsonschema.validate(int(value) if schema["type"] == "integer" else value, self._convert(schema))
        if exchange.method == "POST":
            [body] = operation["requestBody"]["content"].values()
            jsonschema.validate(exchange.form, self._convert(body["schema"]))
        answer = operation["responses"][str(exchange.status)]
        if "content" not in answer:
            assert exchange.text == ""
            return
        schema = self._convert(answer["content"]["application/json"]["schema"])
        value = json.loads(exchange.text)
        jsonschema.validate(value, schema)
        assert value.keys() == schema["properties"].keys()

    def _convert(self, schema: Any) -> Any:
        """A schema of OpenAPI 3.0 in the words of JSON Schema: nullable, closed, with its references resolved."""
        if isinstance(schema, list):
            return [self._convert(item) for item in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            target: Any = self.read()
            for name in schema["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            return self._convert(target)
        converted = {
            name: self._convert(value) for name, value in schema.items() if name not in ("nullable", "example")
        }
        if schema.get("format") == "date-time-rfc-2822":
            converted["pattern"] = r"^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} \+0000$"
        if isinstance(schema.get("properties"), dict):
            converted["additionalProperties"] = False
        return {"anyOf": [converted, {"type": "null"}]} if schema.get("nullable") else converted


def _fits(ours: str, theirs: str) -> bool:
    return (theirs.startswith("{") and ours.endswith(theirs.partition("}")[2])) or ours == theirs
