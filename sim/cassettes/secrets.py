"""What is never written to a cassette: keys, people's numbers, and whatever a replay does not need.

`tapes` applies it to each request and answer before vcrpy keeps it, and to each request that is looked up, so that a
request with something hidden in it still finds itself. The key of a live model is added below the recorder
(`sim.live_transport`) and never gets here; what looks like one came in by a prompt, a tool or a server's own words.
A number that the transcript knows is put back in replay; any other stays hidden.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

HIDDEN, HIDDEN_NUMBER = "[hidden]", "[number]"
KEPT_HEADERS = frozenset({"content-type"})
"""All others go: authorization, organization and project, cookies, request ids, what machine asked and when."""
KEPT_OF_ANSWER = frozenset({"object", "model", "choices", "usage", "error"})
"""All else goes: ids, fingerprints and times of a server's."""

_KEYS = re.compile(r"\bsk-[A-Za-z0-9_-]{8,}|\b(?:org|proj)[-_][A-Za-z0-9]{10,}|(?i:\bbearer\s+)[A-Za-z0-9._~+/-]{8,}=*")
PHONE = re.compile(r"(?<![\w.-])(?:\+\d(?:[ -]?\d){9,14}|\d{10,13}|\d{2,3}[ -]\d{3,4}[ -]\d{4})(?![\w-])")
"""A number of a phone as people and programs write it; no date, time or id."""
_DIGITS = re.compile(r"\D")
_LOCAL_DIGITS = 10
_SHORTEST_KEY = 12
"""What is shorter is no key (a local server takes any word), and may stand anywhere."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Disguise:
    """Hides what one conversation must not give away, and puts its people's numbers back.

    Args:
        phones: People's numbers as the transcript has them.
        secrets: Words that must not be written, for example a key.
    """

    def __init__(self, phones: Sequence[str] = (), secrets: Sequence[str] = ()) -> None:
        self._secrets = [each for each in secrets if len(each) >= _SHORTEST_KEY]
        self._numbers = {}
        for position, phone in enumerate(dict.fromkeys(phones), 1):
            digits = _DIGITS.sub("", phone)
            if len(digits) >= _LOCAL_DIGITS:
                self._numbers[phone] = f"[number-{position}]"
                self._numbers.setdefault(digits, f"[digits-{position}]")
                self._numbers.setdefault(digits[-_LOCAL_DIGITS:], f"[local-{position}]")
        longest_first = sorted(self._numbers, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        self._back = {stand_in: number for number, stand_in in self._numbers.items()}

    def hide_text(self, text: str) -> str:
        """A text as it may be written."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        text = _KEYS.sub(HIDDEN, text)
        if self._known is not None:
            text = self._known.sub(lambda found: self._numbers[found.group()], text)
        return PHONE.sub(HIDDEN_NUMBER, text)

    def hide_request(self, body: bytes) -> bytes:
        """The body of a request as it may be written."""
        return self._hide(body, lambda value: value)

    def hide_answer(self, body: bytes) -> bytes:
        """The body of an answer as it may be written, without what a server adds for itself."""

        def strip(value: Any) -> Any:
            if not isinstance(value, dict):
                return value
            return {name: part for name, part in value.items() if name in KEPT_OF_ANSWER}

        return self._hide(body, strip)

    def restore(self, body: bytes) -> bytes:
        """An answer with the numbers of the conversation's people in it again."""
        for stand_in, number in self._back.items():
            body = body.replace(stand_in.encode(), number.encode())
        return body

    def _hide(self, body: bytes, strip: Callable[[Any], Any]) -> bytes:
        try:
            value = _decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self.hide_text(body.decode(errors="replace")).encode()
        return _encode(self._walk(strip(value)))

    def _walk(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.hide_text(value)
        if isinstance(value, dict):
            return {name: self._walk(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self._walk(part) for part in value]
        return value


def strip_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    """The headers that are kept, by their names in small letters."""
    return {name.lower(): value for name, value in headers.items() if name.lower() in KEPT_HEADERS}


def strip_host(uri: str) -> str:
    """Only the path: where a server is reached is nobody's affair, and may be a name inside a company."""
    return urlsplit(uri).path
