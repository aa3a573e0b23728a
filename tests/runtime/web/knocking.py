"""A client that knocks at the web app as Twilio would, without a network in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import httpx
from litestar import Litestar
from sqlalchemy import func, select

from runtime.adapters.absent import AbsentMedia, AbsentMessenger, AbsentModel
from runtime.adapters.queue import RedisQueue
from runtime.bootstrap import open_parts
from runtime.parts import Parts
from runtime.settings import Settings
from runtime.store.database import Database
from runtime.store.tables import inbox
from runtime.web.app import create_app
from sim.twilio.signing import SigningKey, sign_form

PUBLIC_URL = "https://api.parlo.example"
MESSAGES = "/webhooks/twilio/messages"
STATUS = "/webhooks/twilio/status"
FORM_TYPE = "application/x-www-form-urlencoded"
KEY = SigningKey("first-secret")
SETTINGS = Settings(
    public_url=PUBLIC_URL,
    twilio_auth_token="first-secret, second-secret",
    redis_url="redis://127.0.0.1:1/0",
    body_limit_bytes=20_000,
)

Pairs = Sequence[tuple[str, str]]


def make_parts(database: Database, settings: Settings = SETTINGS) -> Parts:
    """Parts as the web process has them; their broker is down."""
    return open_parts(
        settings,
        database=database,
        model=AbsentModel(),
        messenger=AbsentMessenger(),
        media=AbsentMedia(),
        queue=RedisQueue(settings.redis_url or ""),
    )


def make_form(sid: str = "SM1", **fields: str) -> dict[str, str]:
    """A person's message."""
    form = {"MessageSid": sid, "From": "whatsapp:+5215512345678", "To": "whatsapp:+522220000001", "Body": "hola"}
    return form | fields


class Knocker:
    """Posts to the app. What the app says about the address it is reached at is not the public one."""

    def __init__(self, client: httpx.AsyncClient, database: Database) -> None:
        self.client = client
        self._database = database

    async def post(
        self,
        form: Mapping[str, str] | Pairs,
        path: str = MESSAGES,
        *,
        key: SigningKey = KEY,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """A rightly signed form."""
        signed = sign_form(PUBLIC_URL + path, form, key)
        return await self.send(urlencode(form).encode(), path, headers=signed | dict(headers or {}))

    async def send(
        self, body: bytes, path: str = MESSAGES, *, headers: Mapping[str, str], content_type: str = FORM_TYPE
    ) -> httpx.Response:
        """Any bytes."""
        return await self.client.post(path, content=body, headers={"content-type": content_type, **headers})

    async def count_stored(self) -> int:
        """How many messages were stored."""
        async with self._database.platform() as uow:
            return int((await uow.run(select(func.count()).select_from(inbox))).scalar_one())


@asynccontextmanager
async def knocking(app: Litestar, database: Database) -> AsyncIterator[Knocker]:
    """A client of this app."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]  # its own names
    async with httpx.AsyncClient(transport=transport, base_url="http://10.0.0.7:8000") as client:
        yield Knocker(client, database)


def make_app(database: Database) -> Litestar:
    """The app as tests use it."""
    parts = make_parts(database)
    assert isinstance(parts.queue, RedisQueue)
    return create_app(parts, check_broker=parts.queue.check)
