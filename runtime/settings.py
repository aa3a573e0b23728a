"""What an installation may set, read from the environment once, in the composition root."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Annotated

import msgspec

from runtime.domain.allowance import Allowance
from runtime.domain.errors import Broken
from runtime.domain.strategies import BookingStrategy, ConversationStrategy

PREFIX = "PARLO_"
_MEDIA_LABEL = b"parlo: addresses of files"
"""Keeps the key made from the provider's token from being that token."""
_SHARED = {
    "DATABASE_URL": "database_url",
    "REDIS_URL": "redis_url",
    "OPENAI_API_KEY": "openai_api_key",
    "OPENAI_BASE_URL": "openai_base_url",
    "TWILIO_ACCOUNT_SID": "twilio_account_sid",
    "TWILIO_AUTH_TOKEN": "twilio_auth_token",
    "TWILIO_BASE_URL": "twilio_base_url",
}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every setting with its default; times in seconds.

    Attributes:
        public_url: The address Twilio signs, for example `https://api.parlo.mx`.
        twilio_auth_token: One secret, or several separated by commas while one is being rotated.
        central_number: Parlo's own number, where businesses sign up; `parlo migrate` writes it down.
        transcription_model: Writes down customers' voice notes; empty where there is none: they are asked to write.
        vision_model: Describes their pictures; empty as above.
        prompt_drafts: A folder of prompts in the making, looked into before those in production.
        quiet_s: How long a conversation must be silent before a burst counts as complete.
        burst_s: How long a burst may go on before it is answered anyway.
        lease_s: How long a worker may hold a conversation before another may take it.
        reconcile_s: How often the provider's list of messages is compared with ours, for those it could not deliver.
        under_way_s: How long a message may be on its way to our webhook before it counts as not delivered.
        turn_attempts: Claims after which a turn is given up, with an apology and a task.
        send_attempts: Tries after which a message counts as failed, with a task.
        model_rounds: Model answers a turn may use before it is given up.
        sender_burst: Model calls one sender may cause in a row when they have not written for a while.
        sender_calls_per_minute: Model calls a minute one sender may cause after that; what they write waits.
        flood_messages: A turn over more messages than this is a flood: nothing of the burst is left to its sender.
        business_calls_per_day: Model calls one business may cause in a day of its own calendar; 0 is no limit.
        media_secret: Signs the addresses of files, one or several like the token; without it made from the token.
        media_days: How many days a file that somebody sent is kept.
        booking_lock: How rivals for one calendar are kept apart: a strategy of docs/locking.md.
        conversation_lock: How workers on one conversation are kept apart: a strategy of docs/locking.md.
        clock_file: A file that moves this process's clock forward, only for `parlo up`; production leaves it unset.
    """

    database_url: str | None = None
    redis_url: str | None = None
    openai_api_key: str | None = None
    openai_base_url: str | None = None
    twilio_account_sid: str = "AC00000000000000000000000000000000"
    twilio_auth_token: str = ""
    twilio_base_url: str | None = None
    public_url: str = "http://127.0.0.1:8000"
    central_number: str | None = None
    customer_model: str = "gpt-4.1"
    classifier_model: str = "gpt-4.1-nano"
    transcription_model: str = ""
    vision_model: str = ""
    customer_prompt: str = "customer@1"
    staff_prompt: str = "staff@1"
    owner_intent_prompt: str = "owner_intent@2"
    asks_human_prompt: str = "asks_human@1"
    prompt_drafts: str | None = None
    quiet_s: float = 1.5
    burst_s: float = 6.0
    lease_s: float = 45.0
    reoffer_s: float = 10.0
    tick_s: float = 0.25
    sweep_s: float = 10.0
    reconcile_s: float = 120.0
    under_way_s: float = 60.0
    turn_attempts: int = 5
    send_attempts: int = 5
    model_rounds: int = 6
    sender_burst: Annotated[int, msgspec.Meta(ge=1)] = 20
    sender_calls_per_minute: Annotated[int, msgspec.Meta(ge=1)] = 6
    flood_messages: Annotated[int, msgspec.Meta(ge=1)] = 10
    business_calls_per_day: Annotated[int, msgspec.Meta(ge=0)] = 3000
    model_timeout_s: float = 20.0
    turn_deadline_s: float = 35.0
    body_limit_bytes: int = 65_536
    media_secret: str = ""
    media_days: int = 7
    worker_threads: int = 32
    pool_size: int = 10
    booking_lock: BookingStrategy = BookingStrategy.LINE
    conversation_lock: ConversationStrategy = ConversationStrategy.LEASE
    clock_file: str | None = None

    @property
    def allowance(self) -> Allowance:
        """What one sender may have a model asked."""
        return Allowance(self.sender_burst, self.sender_calls_per_minute)

    @property
    def twilio_secrets(self) -> tuple[str, ...]:
        """The secrets a webhook may be signed with."""
        return _split(self.twilio_auth_token)

    @property
    def media_secrets(self) -> tuple[bytes, ...]:
        """The keys an address of a file may be signed with; the first one signs."""
        if own := _split(self.media_secret):
            return tuple(secret.encode() for secret in own)
        return tuple(hmac.digest(token.encode(), _MEDIA_LABEL, "sha256") for token in self.twilio_secrets)


def _split(secrets: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in secrets.split(",") if part.strip())


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from environment variables: `PARLO_<NAME>`, and the usual names of shared services.

    Raises:
        Broken: A value does not fit, or a `PARLO_` variable is not known (a typing error).
    """
    given = {field: environment[name] for name, field in _SHARED.items() if environment.get(name)}
    # PARLO_HOME says where embedded parts live; it is read before there are settings.
    ours = {name: value for name, value in environment.items() if name.startswith(PREFIX) and name != "PARLO_HOME"}
    given |= {name.removeprefix(PREFIX).lower(): value for name, value in ours.items()}
    try:
        return msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise Broken(f"settings: {error}") from error
