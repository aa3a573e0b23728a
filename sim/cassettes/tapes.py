"""Sets vcrpy up: what it matches on, how it writes, what it keeps. The only module that imports it, with `transport`.

Matched are method, path and the digest of the body, looked up in an index: vcrpy itself walks through all it has, and
its own body matcher makes a unified diff of every pair that does not match, which makes a replay quadratic. Identical
requests get their answers in the order in which they were recorded. A cassette is written to a draft, which takes its
place when it is whole.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import vcr
from vcr.cassette import Cassette
from vcr.record_mode import RecordMode
from vcr.request import Request
from vcr.serialize import deserialize, serialize

from runtime.domain.errors import Broken
from sim.cassettes import layout
from sim.cassettes.secrets import Disguise, strip_headers, strip_host

MATCH_ON = ("method", "path", "digest")
_DIGEST, _STRIPPED = "parlo_digest", "parlo_stripped"
_FOR_PATCHING = ("path_transformer", "func_path_generator", "record_on_exception")
"""What vcrpy's own context manager takes besides what a cassette does."""

_encode_sorted = msgspec.json.Encoder(order="deterministic").encode


class Tape(Cassette):  # type: ignore[misc]  # vcrpy ships no types
    """A cassette of vcrpy's that finds a request by its digest instead of comparing it with all others."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._places: dict[tuple[str, str, str], list[int]] = {}

    def append(self, request: Any, response: Any) -> None:
        """Keep one request and its answer, stripped."""
        before = len(self.data)
        super().append(request, response)
        for place in range(before, len(self.data)):
            self._places.setdefault(_key_of(self.data[place][0]), []).append(place)

    def _responses(self, request: Any) -> Iterator[tuple[int, Any]]:
        for place in self._places.get(_key_of(self._before_record_request(request)), ()):
            yield place, self.data[place][1]


class _Whole:
    """vcrpy's persister: reads a file, and puts a whole one in place."""

    @staticmethod
    def load_cassette(cassette_path: str, serializer: Any) -> Any:
        """Requests, responses, metadata.

        Raises:
            ValueError: What is there is no cassette.
        """
        return deserialize(Path(cassette_path).read_text(encoding="utf-8"), serializer)

    @staticmethod
    def save_cassette(cassette_path: str, cassette_dict: Mapping[str, Any], serializer: Any) -> None:
        """Write what would be read again exactly; anything else is an error of ours."""
        kept = [_plain(each) for each in cassette_dict["requests"]], _bodies(cassette_dict["responses"])
        text = serialize(cassette_dict, serializer)
        requests, responses, *_ = deserialize(text, serializer)
        if ([_plain(each) for each in requests], _bodies(responses)) != kept:
            raise Broken(f"{cassette_path} would not be read as it was recorded")
        put_in_place(Path(cassette_path), text.encode())


def put_in_place(path: Path, content: bytes) -> None:
    """Write a whole file: readers see the old one or the new one, never a part.

    Raises:
        OSError: It cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def digest(one: Any, other: Any) -> bool:
    """The matcher for bodies, registered with vcrpy under its name."""
    return digest_of(one) == digest_of(other)


def digest_of(request: Any) -> str:
    """SHA-256 of a request's body; of JSON without regard to the order of its keys. Worked out once."""
    kept: tuple[Any, str] | None = getattr(request, _DIGEST, None)
    if kept is None or kept[0] is not request.body:
        kept = request.body, hashlib.sha256(canonical_body(_bytes_of(request))).hexdigest()
        setattr(request, _DIGEST, kept)
    return kept[1]


def canonical_body(body: bytes) -> bytes:
    """JSON with its keys in order; anything else as it is."""
    try:
        return _encode_sorted(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body


def make_vcr(mode: RecordMode, disguise: Disguise) -> vcr.VCR:
    """Vcrpy as it is used here; with `use_cassette` it would patch, so `new_tape` or `load_tape` is what to call."""

    def strip_request(request: Any) -> Any:
        if not getattr(request, _STRIPPED, False):
            request.headers = strip_headers(request.headers)
            request.uri = strip_host(request.uri)
            request.body = disguise.hide_request(_bytes_of(request))
            setattr(request, _STRIPPED, True)
        return request

    def strip_response(response: dict[str, Any]) -> dict[str, Any]:
        hidden = {"string": disguise.hide_answer(response["body"]["string"])}
        return {**response, "headers": strip_headers(response["headers"]), "body": hidden}

    machine = vcr.VCR(
        serializer="parlo",
        record_mode=mode,
        match_on=MATCH_ON,
        before_record_request=strip_request,
        before_record_response=strip_response,
    )
    machine.register_serializer("parlo", layout)
    machine.register_matcher("digest", digest)
    machine.register_persister(_Whole)
    return machine


def new_tape(path: Path, disguise: Disguise) -> Tape:
    """An empty cassette to be recorded; nothing is read or written yet."""
    return Tape(**_configure(path, RecordMode.ALL, disguise))


def load_tape(path: Path, disguise: Disguise) -> Tape:
    """A recorded cassette to be replayed: nothing is ever added to it.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It is no cassette.
    """
    tape: Tape = Tape.load(**_configure(path, RecordMode.NONE, disguise))
    return tape


def save_tape(tape: Tape, path: Path, metadata: Mapping[str, Any]) -> None:
    """Write a recorded cassette.

    Raises:
        OSError: It cannot be written.
    """
    whole = {"requests": tape.requests, "responses": tape.responses, "metadata": dict(metadata)}
    _Whole.save_cassette(str(path), whole, layout)


def make_request(method: str, uri: str, body: bytes, headers: Mapping[str, str]) -> Any:
    """A request as vcrpy knows it."""
    return Request(method, uri, body, dict(headers))


def describe_vcrpy() -> str:
    """Its name and version."""
    return f"vcrpy {version('vcrpy')}"


def _key_of(request: Any) -> tuple[str, str, str]:
    return request.method, request.path, digest_of(request)


def _configure(path: Path, mode: RecordMode, disguise: Disguise) -> dict[str, Any]:
    merged: dict[str, Any] = make_vcr(mode, disguise).get_merged_config(path=str(path))
    return {name: value for name, value in merged.items() if name not in _FOR_PATCHING}


def _plain(request: Any) -> tuple[str, str, bytes, dict[str, Any]]:
    return request.method, request.uri, _bytes_of(request), {name: [value] for name, value in request.headers.items()}


def _bodies(responses: Any) -> list[tuple[Any, bytes]]:
    # vcrpy turns the bodies it writes into text in place
    strings = [(each["status"]["code"], each["body"]["string"]) for each in responses]
    return [(code, body.encode() if isinstance(body, str) else body) for code, body in strings]


def _bytes_of(request: Any) -> bytes:
    body = request.body
    return body.encode() if isinstance(body, str) else body or b""
