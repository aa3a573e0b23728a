"""Twilio's webhooks over HTTP: a person's message, and the report on a message of ours.

A request is read once, handed to `runtime.webhook`, and answered with nothing to say. No model, provider or broker
is touched. Either address takes both kinds of form, since a sender may be set up with one address for both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from litestar import Request, Response, post
from litestar.exceptions import HTTPException

from runtime.adapters.twilio.signature import SignatureChecker, read_form
from runtime.domain.errors import Untrusted
from runtime.parts import Parts
from runtime.web.verification import VERIFICATION, Verification
from runtime.webhook import OK, UNAVAILABLE, receive

MESSAGES_PATH = "/webhooks/twilio/messages"
STATUS_PATH = "/webhooks/twilio/status"

ACCEPT_LIMIT_S = 5.0
"""Twilio waits 15 seconds; a database that takes longer than this counts as down."""
RETRY_AFTER_S = 5

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
_SIGNED_HEADERS = ("x-twilio-signature", "x-twilio-webhooks-signature-settings")
_NOTHING_TO_SAY = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
_OPTIONS: dict[str, object] = {VERIFICATION: Verification.TWILIO_SIGNATURE}
_REASONS = {400: "a webhook without sid, sender or recipient", 403: "the signature does not match"}

log = structlog.get_logger()

WebRequest = Request[Any, Any, Any]
Pairs = Sequence[tuple[str, str]]


class Door:
    """What the handlers need, kept in the app's state."""

    def __init__(self, parts: Parts, checker: SignatureChecker) -> None:
        self.parts = parts
        self.checker = checker


@post(MESSAGES_PATH, status_code=OK, opt=_OPTIONS)
async def receive_message(request: WebRequest) -> Response[bytes]:
    """Take in what a person wrote."""
    return await _receive(request)


@post(STATUS_PATH, status_code=OK, opt=_OPTIONS)
async def receive_status(request: WebRequest) -> Response[bytes]:
    """Take in what became of a message of ours; `?outbox=` says which."""
    return await _receive(request)


async def _receive(request: WebRequest) -> Response[bytes]:
    door: Door = request.app.state.door
    body = await request.body()
    pairs, is_json = _read_pairs(request.headers.get("content-type", ""), body)
    query = request.scope["query_string"]
    address = request.scope["raw_path"] + (b"?" + query if query else b"")
    headers = {name: request.headers.get(name, "") for name in _SIGNED_HEADERS}
    try:
        async with asyncio.timeout(ACCEPT_LIMIT_S):
            status = await receive(
                door.parts, door.checker, address.decode("latin-1"), pairs, headers, body if is_json else None
            )
    except TimeoutError as error:
        log.error("webhook_timed_out")
        raise _answer(UNAVAILABLE) from error
    if status != OK:
        raise _answer(status)
    return Response(_NOTHING_TO_SAY, media_type="text/xml")


def _read_pairs(content_type: str, body: bytes) -> tuple[Pairs, bool]:
    """The form, and whether it came as JSON, which Twilio signs differently."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (FORM, JSON):
        raise _refuse(415, "neither a form nor JSON")
    try:
        # A form is percent-encoded, but UTF-8 as it is has only one reading too.
        body.decode("utf-8")
        pairs = _read_json(body) if kind == JSON else read_form(body)
    except (UnicodeDecodeError, Untrusted, msgspec.MsgspecError) as error:
        raise _refuse(400, "a body that cannot be read") from error
    return pairs, kind == JSON


def _read_json(body: bytes) -> Pairs:
    """A JSON object as a form: what is no text becomes its own JSON."""
    values = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    return [(name, _read_value(bytes(value))) for name, value in values.items()]


def _read_value(value: bytes) -> str:
    return msgspec.json.decode(value, type=str) if value.startswith(b'"') else value.decode()


def _refuse(status: int, reason: str) -> HTTPException:
    log.warning("webhook_refused", status=status, reason=reason)
    return HTTPException(reason, status_code=status)


def _answer(status: int) -> HTTPException:
    headers = {"retry-after": str(RETRY_AFTER_S)} if status == UNAVAILABLE else None
    return HTTPException(_REASONS.get(status, "unavailable"), status_code=status, headers=headers)
