"""The wording of Twilio's API: requests read, answers and errors written, lists paged.

The emulator calls it; it holds no state and knows no clock.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from typing import NoReturn, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from sim.twilio.messages import MediaAnswer, Message, MessageAnswer, render_message

BODY_LIMIT = 1600
_ADDRESS = re.compile(r"(?:whatsapp:)?\+[1-9][0-9]{6,14}|whatsapp:[A-Z]{2}\.[A-Za-z0-9.]{1,128}")
_MAX_PAGE_SIZE = 1000
_DEFAULT_PAGE_SIZE = 50
_Record = TypeVar("_Record")

Pairs = Sequence[tuple[str, str]]


class ApiRequest(msgspec.Struct, frozen=True):
    """A request to the API, decoded.

    Attributes:
        credentials: User and password of basic authentication, or None.
        json: The body of a request that carries JSON and no form.
    """

    method: str
    path: str
    query: Pairs = ()
    form: Pairs = ()
    credentials: tuple[str, str] | None = None
    json: bytes = b""


class ApiAnswer(msgspec.Struct, frozen=True):
    """An answer of the API, encoded."""

    status: int
    body: bytes
    content_type: str = "application/json;charset=utf-8"


class ApiError(Exception):
    """A refusal, as Twilio words it."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class NewMessage(msgspec.Struct, frozen=True):
    """A message somebody asks to be sent, found valid. A content takes the place of body and files."""

    to_address: str
    from_address: str
    body: str
    status_callback: str | None
    messaging_service_sid: str | None
    media_urls: tuple[str, ...]
    content_sid: str | None = None
    content_variables: str = ""


class _ErrorAnswer(msgspec.Struct, frozen=True):
    code: int
    message: str
    more_info: str
    status: int


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Where a page of a list stands, as Twilio's older APIs put it."""

    first_page_uri: str
    end: int
    next_page_uri: str | None
    page: int
    page_size: int
    previous_page_uri: str | None
    start: int
    uri: str


class _MessagePage(Page, frozen=True, kw_only=True):
    messages: list[MessageAnswer]


class _MediaPage(Page, frozen=True, kw_only=True):
    media_list: list[MediaAnswer]


def read_credentials(header: str) -> tuple[str, str] | None:
    """User and password of an Authorization header, or None."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password


def answer_json(value: object, status: int = 200) -> ApiAnswer:
    """An answer that carries a resource."""
    return ApiAnswer(status, msgspec.json.encode(value))


def answer_error(error: ApiError) -> ApiAnswer:
    """An answer that carries a refusal."""
    more_info = f"https://www.twilio.com/docs/errors/{error.code}"
    return answer_json(_ErrorAnswer(error.code, error.message, more_info, error.status), error.status)


def refuse(code: int, message: str, status: int = 400) -> NoReturn:
    """Raise an `ApiError`."""
    raise ApiError(status, code, message)


def refuse_missing(path: str) -> NoReturn:
    """Raise the `ApiError` for a resource that is not there."""
    refuse(20404, f"The requested resource {path} was not found", 404)


def read_new_message(form: Pairs, senders: Collection[str] | None) -> NewMessage:
    """Check a request to send a message.

    Args:
        form: As posted.
        senders: Addresses that may send; None allows every well-formed one.

    Raises:
        ApiError: It is refused.
    """
    fields = dict(form)
    to_address, from_address = fields.get("To", ""), fields.get("From", "")
    service = fields.get("MessagingServiceSid") or None
    media_urls = tuple(value for name, value in form if name == "MediaUrl")
    _check_recipient(to_address)
    if not (from_address or service):
        refuse(21603, "A 'From' phone number is required.")
    if from_address:
        _check_sender(from_address, to_address, senders)
    content_sid = fields.get("ContentSid") or None
    body, media_urls = ("", ()) if content_sid else (fields.get("Body", ""), media_urls)
    if fields.get("ContentVariables") and not content_sid:
        refuse(21654, "ContentSid Required")
    _check_media(media_urls)
    if not (body.strip() or media_urls or content_sid):
        refuse(21602, "Message body is required.")
    if len(body.encode("utf-16-le", "replace")) // 2 > BODY_LIMIT:
        refuse(21617, "The concatenated message body exceeds the 1600 character limit.")
    return NewMessage(
        to_address,
        from_address,
        body,
        _read_callback(fields),
        service,
        media_urls,
        content_sid,
        fields.get("ContentVariables", ""),
    )


def list_messages(messages: Sequence[Message], request: ApiRequest) -> ApiAnswer:
    """The page of `messages`, given oldest first, that a request asks for, newest first."""
    query = dict(request.query)
    wanted = _read_filter(query)
    page, records = cut_page(
        [it for it in reversed(messages) if wanted(it)], request, lambda message: message.sid, len(messages)
    )
    rendered = [render_message(record) for record in records]
    return answer_json(_MessagePage(messages=rendered, **msgspec.structs.asdict(page)))


def list_media(media: Sequence[MediaAnswer], request: ApiRequest) -> ApiAnswer:
    """The page of a message's files that a request asks for."""
    page, records = cut_page(media, request, lambda it: it.sid, len(media))
    return answer_json(_MediaPage(media_list=list(records), **msgspec.structs.asdict(page)))


def _check_recipient(to_address: str) -> None:
    if not to_address:
        refuse(21604, "A 'To' phone number is required.")
    if not _ADDRESS.fullmatch(to_address):
        refuse(21211, f"Invalid 'To' Phone Number: {to_address}")


def _check_sender(from_address: str, to_address: str, senders: Collection[str] | None) -> None:
    if not _ADDRESS.fullmatch(from_address):
        refuse(21212, f"Invalid From Number (caller ID): {from_address}")
    if from_address.startswith("whatsapp:") != to_address.startswith("whatsapp:"):
        refuse(21910, "Invalid From and To pair. From and To should be of the same channel")
    if senders is not None and from_address not in senders:
        if from_address.startswith("whatsapp:"):
            refuse(63007, "Twilio could not find a Channel with the specified From address")
        refuse(21212, f"Invalid From Number (caller ID): {from_address}")


def _check_media(urls: Sequence[str]) -> None:
    if len(urls) > 10:
        refuse(21623, "Number of media files exceeds allowed limit")
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            refuse(21620, f"Invalid media URL(s): {url}")


def _read_callback(fields: dict[str, str]) -> str | None:
    url = fields.get("StatusCallback")
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "_" in parts.hostname:
        refuse(21609, f"Invalid StatusCallback URL: {url}")
    return url


def _read_filter(query: dict[str, str]) -> Callable[[Message], bool]:
    to_address, from_address = query.get("To"), query.get("From")
    on, until, since = (_read_day(query.get(name)) for name in ("DateSent", "DateSent<", "DateSent>"))
    dated = on is not None or until is not None or since is not None

    def wanted(message: Message) -> bool:
        if to_address is not None and message.to_address != to_address:
            return False
        if from_address is not None and message.from_address != from_address:
            return False
        if not dated:
            return True
        # Whole days only; a message that has not left yet has no day.
        day = message.sent_at.date() if message.sent_at else None
        return day is not None and on in (None, day) and (until or day) >= day >= (since or day)

    return wanted


def _read_day(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        refuse(20001, f"Invalid date: {text}")


def _read_number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        refuse(20001, f"Invalid {name}: {text}")
    return int(text)


def cut_page(
    records: Sequence[_Record], request: ApiRequest, sid_of: Callable[[_Record], str], total: int
) -> tuple[Page, Sequence[_Record]]:
    """One page. The token names the last record shown, so that new ones do not shift it."""
    query = dict(request.query)
    size = min(max(1, _read_number(query, "PageSize", _DEFAULT_PAGE_SIZE)), _MAX_PAGE_SIZE)
    number = _read_number(query, "Page", 0)
    token = query.get("PageToken", "").removeprefix("PA")
    start = min(number * size, total)
    if token:
        start = next((index + 1 for index, it in enumerate(records) if sid_of(it) == token), len(records))
    shown = records[start : start + size]
    kept = [(name, value) for name, value in request.query if name not in ("Page", "PageSize", "PageToken")]

    def link(page: int, after: str | None = None) -> str:
        tail = [("PageSize", str(size)), ("Page", str(page))] + ([("PageToken", f"PA{after}")] if after else [])
        return f"{request.path}?{urlencode([*kept, *tail])}"

    more = start + size < len(records)
    return Page(
        first_page_uri=link(0),
        end=max(0, number * size + len(shown) - 1),
        next_page_uri=link(number + 1, sid_of(shown[-1])) if more else None,
        page=number,
        page_size=size,
        previous_page_uri=link(number - 1) if number else None,
        start=number * size,
        uri=link(number, token or None),
    ), shown
