"""The only words for the outside world: time, chance, the model, WhatsApp and the queue.

The runtime depends on these protocols; `runtime.adapters` holds the real parts, `sim` the
simulated ones. Nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec

from runtime.domain.enums import TemplateStatus
from runtime.domain.ids import ConversationId, OutboxId
from runtime.domain.templates import Template


class Clock(Protocol):
    """Time, as told to the program."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let other work run for this long."""
        ...


class Ids(Protocol):
    """Identifiers and chance."""

    def new(self) -> UUID:
        """A fresh identifier, ordered by creation."""
        ...

    def jitter(self) -> float:
        """A number in [0, 1) to spread retries."""
        ...


class ToolSpec(msgspec.Struct, frozen=True):
    """A function the model may call. `parameters` is its JSON Schema, encoded."""

    name: str
    description: str
    parameters: msgspec.Raw


class ToolCall(msgspec.Struct, frozen=True):
    """A call the model asked for. `arguments` is its raw text: it may be anything."""

    id: str
    name: str
    arguments: str


class ChatRole(StrEnum):
    """Who speaks in a model's context."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class ChatMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a model's context."""

    role: ChatRole
    content: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


class AnswerSchema(msgspec.Struct, frozen=True):
    """The form an answer's text must have: a JSON Schema, encoded, and a name for it (letters, digits, `_`, `-`)."""

    name: str
    schema: msgspec.Raw


class ModelRequest(msgspec.Struct, frozen=True):
    """One question to a model; its canonical encoding is the journal's request key.

    `answer_schema` is left out of the encoding where it is not set, so that keys of requests without stay as they are.
    """

    purpose: str
    model: str
    messages: tuple[ChatMessage, ...]
    tools: tuple[ToolSpec, ...] = ()
    temperature: float = 0.0
    max_tokens: int = 600
    timeout_s: float = 20.0
    answer_schema: AnswerSchema | msgspec.UnsetType = msgspec.UNSET


class ModelAnswer(msgspec.Struct, frozen=True):
    """What a model said: text, tool calls, or both. `cached_tokens` are those of the input that cost less."""

    text: str | None
    tool_calls: tuple[ToolCall, ...]
    finish: str
    model: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0


class Model(Protocol):
    """A chat model."""

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Ask once.

        Raises:
            Unavailable: 429, 5xx, time-out or an unreadable answer, after the adapter's own retries.
            Broken: The request itself was refused (400, 401, 404).
        """
        ...


class PerceptionRequest(msgspec.Struct, frozen=True):
    """A file for a model that listens or looks.

    Attributes:
        model: Its name.
        content: The file, whole.
        content_type: What it is, such as `audio/ogg` or `image/jpeg`.
        prompt: What is asked of it: what to write down, or what to look for.
    """

    model: str
    content: bytes
    content_type: str
    prompt: str
    max_tokens: int = 200
    timeout_s: float = 20.0


class Perception(Protocol):
    """A model that listens to voice notes and looks at pictures."""

    async def transcribe(self, request: PerceptionRequest) -> ModelAnswer:
        """What is said in a recording, in its own words; no text where nothing is.

        Raises:
            Unavailable: 429, 5xx, time-out or an unreadable answer, after the adapter's own retries.
            Broken: The request itself was refused: no such model, or a file it cannot open.
        """
        ...

    async def describe(self, request: PerceptionRequest) -> ModelAnswer:
        """What is to be seen in a picture. Raises as `transcribe`."""
        ...


class TemplateUse(msgspec.Struct, frozen=True):
    """An approved template and what fills it: the provider's id of it, and a value for each variable by number."""

    content_sid: str
    values: tuple[str, ...]


class OutgoingMessage(msgspec.Struct, frozen=True):
    """One WhatsApp message to send. Addresses are `whatsapp:+…` or `whatsapp:CC.id`.

    Attributes:
        body: The words; with a template, what the template says when it is filled, for comparing only.
        template: Sent in place of the body, as is needed outside the 24 hours.
        media_url: Where the provider can fetch a file without credentials, or None.
    """

    outbox_id: OutboxId
    from_address: str
    to_address: str
    body: str
    template: TemplateUse | None = None
    media_url: str | None = None


class SentMessage(msgspec.Struct, frozen=True):
    """A message as the provider knows it. `status` is the provider's own word."""

    sid: str
    status: str
    body: str
    from_address: str
    to_address: str
    created_at: datetime | None = None
    error_code: int | None = None


class MessageRefused(Exception):
    """The provider refused a message for good or for now.

    Attributes:
        code: The provider's error code, for example 21610; 0 where it gave none.
        retry: True when the provider says the request was not processed and may be repeated.
    """

    def __init__(self, code: int, text: str, *, retry: bool = False) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.retry = retry


class ReceivedMessage(msgspec.Struct, frozen=True):
    """That somebody sent us something, as the provider lists it."""

    sid: str
    created_at: datetime


class Messenger(Protocol):
    """WhatsApp, as reached through a provider."""

    async def send(self, message: OutgoingMessage) -> SentMessage:
        """Send once, never retrying by itself.

        Raises:
            MessageRefused: The provider said no (4xx); `retry` is set for 429.
            Unavailable: It was certainly not accepted (could not connect).
            UnknownOutcome: 5xx, or the answer was lost after the request was sent.
        """
        ...

    async def find(self, *, to_address: str, from_address: str, since: datetime) -> list[SentMessage]:
        """Messages the provider holds for this pair, created at or after `since`, oldest first."""
        ...

    async def list_received(self, *, since: datetime) -> list[ReceivedMessage]:
        """What people sent to any of our numbers at or after `since`, oldest first, whether we were told of it or not.

        Raises:
            Unavailable: The list could not be read, for whatever reason.
        """
        ...

    async def read_received(self, sid: str) -> Mapping[str, str]:
        """One of these in the words of the provider's webhook, as far as the provider still knows them.

        Raises:
            Unavailable: It could not be read, for whatever reason.
        """
        ...


class RegisteredTemplate(msgspec.Struct, frozen=True):
    """A template as the provider has it.

    Attributes:
        version: Its name and text, as `runtime.domain.templates.name_version` calls it.
        rejection: Why it may not be used, in WhatsApp's words, or None.
    """

    content_sid: str
    version: str
    status: TemplateStatus
    rejection: str | None = None


class TemplateRefused(Exception):
    """The provider did not take a template as it is; to try again changes nothing.

    Attributes:
        code: The provider's, or the HTTP status where it gave none.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code


class TemplateRegistry(Protocol):
    """Templates at the provider's: made, handed in for approval, looked at."""

    async def list_templates(self) -> list[RegisteredTemplate]:
        """Everything the account has, ours or not, each with how far its approval has got.

        Raises:
            Unavailable: The list could not be read, for whatever reason.
        """
        ...

    async def create(self, template: Template) -> str:
        """Make one and give its content sid. What was made by a call that failed is found in the list by its version.

        Raises:
            TemplateRefused: It is not well-formed.
            Unavailable: It may or may not have been made.
        """
        ...

    async def submit(self, content_sid: str, template: Template) -> RegisteredTemplate:
        """Hand one in for approval by WhatsApp, and give what came of it so far.

        Raises:
            TemplateRefused: It was not taken.
            Unavailable: It may or may not have been handed in.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections, where there are any."""
        ...


class FetchedMedia(msgspec.Struct, frozen=True):
    """A file of the provider's, fetched whole. `content_type` is what the provider said when it was fetched."""

    content: bytes
    content_type: str


class MediaRefused(Exception):
    """A file that cannot be had, however often it is asked for.

    Attributes:
        reason: `too_big`, `expired` (gone, or never there) or `forbidden_host`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MediaSource(Protocol):
    """Files people sent, as the provider keeps them."""

    async def fetch(self, url: str, *, limit_bytes: int) -> FetchedMedia:
        """Fetch one file with our credentials, from the provider's own hosts only.

        Raises:
            MediaRefused: Not the provider's, gone, or larger than the limit.
            Unavailable: The provider cannot be reached, or says to come back later.
        """
        ...


class Job(StrEnum):
    """Work a broker may carry. It carries ids only."""

    RUN_CONVERSATION = "run_conversation"
    DELIVER = "deliver"


class Queue(Protocol):
    """A disposable broker: losing it loses nothing, since due rows are offered again."""

    async def enqueue(self, job: Job, conversation_id: ConversationId) -> None:
        """Hand over an id.

        Raises:
            Unavailable: The broker cannot be reached.
        """
        ...
