"""The route table, the health checks, and what every answer carries."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from litestar import post
from sqlalchemy import text

from runtime.domain.errors import Broken
from runtime.settings import Settings
from runtime.store.database import Database, open_database
from runtime.store.migrate import newest_revision
from runtime.web.app import create_app
from runtime.web.verification import Verification, list_webhooks
from tests.runtime.web.knocking import FORM_TYPE, MESSAGES, STATUS, Knocker, knocking, make_app, make_parts

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture
async def door(database: Database) -> AsyncIterator[Knocker]:
    async with knocking(make_app(database), database) as knocker:
        yield knocker


@post("/webhooks/anybody")
async def _open_to_anybody() -> None:
    """A webhook whose author forgot who may call it."""


async def test_every_webhook_declares_how_it_is_verified_and_refuses_what_is_not(
    door: Knocker, database: Database
) -> None:
    """Walks the route table, so that a route added later is held to it too."""
    declared = list_webhooks(make_app(database))

    statuses = {path: (await door.send(b"From=x", path, headers={})).status_code for path in declared}

    assert declared == {MESSAGES: Verification.TWILIO_SIGNATURE, STATUS: Verification.TWILIO_SIGNATURE}
    assert set(statuses.values()) == {403}


async def test_an_app_with_an_unverified_webhook_cannot_be_made(database: Database) -> None:
    """It fails when it starts, not when somebody finds out."""
    with pytest.raises(Broken, match="/webhooks/anybody"):
        create_app(make_parts(database), routes=[_open_to_anybody])


async def test_an_app_without_a_secret_or_a_public_address_cannot_be_made(database: Database) -> None:
    """There is no way to run without verification."""
    redis_url = "redis://127.0.0.1:1/0"
    for settings in (
        Settings(redis_url=redis_url, twilio_auth_token=""),
        Settings(redis_url=redis_url, twilio_auth_token="x", public_url="parlo.example"),
    ):
        with pytest.raises(Broken):
            create_app(make_parts(database, settings))


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
async def test_a_webhook_takes_posts_only(door: Knocker, method: str) -> None:
    """Anything else is a 405."""
    answers = [await door.client.request(method, path) for path in (MESSAGES, STATUS)]

    assert [answer.status_code for answer in answers] == [405, 405]


async def test_an_unknown_address_is_a_small_404(door: Knocker) -> None:
    """No page, no trace of the framework, no documentation loaded from elsewhere."""
    answers = [await door.client.get(path) for path in ("/", "/schema", "/docs", "/webhooks/twilio", "/health")]

    assert [answer.status_code for answer in answers] == [404] * 5
    assert {answer.text for answer in answers} == {'{"error":"Not Found"}'}


async def test_every_answer_carries_the_security_headers(door: Knocker) -> None:
    """Those of errors too."""
    answers = [
        await door.client.get("/health/live"),
        await door.client.get("/nowhere"),
        await door.client.post(MESSAGES, content=b"a=1", headers={"content-type": FORM_TYPE}),
    ]

    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "max-age" in answer.headers["strict-transport-security"]


async def test_a_process_without_broker_is_degraded_but_takes_messages(door: Knocker) -> None:
    """The rows are found again when the broker is back."""
    answer = await door.client.get("/health/ready")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "degraded",
        "database": "ok",
        "migration": "ok",
        "broker": "cannot be reached",
    }


async def test_a_process_without_database_lives_but_is_not_ready() -> None:
    """The platform sends it no work, and does not kill it either."""
    database = open_database("postgresql://parlo@127.0.0.1:1/none")
    async with knocking(make_app(database), database) as knocker:
        live, ready = await knocker.client.get("/health/live"), await knocker.client.get("/health/ready")

    assert (live.status_code, ready.status_code) == (200, 503)
    assert ready.json()["database"] == "cannot be reached"


async def test_a_database_behind_the_code_is_not_ready(door: Knocker, database: Database) -> None:
    """It says which revision it wants."""
    async with database.platform() as uow:
        await uow.run(text("set local role none"))
        await uow.run(text("update alembic_version set version_num = 'older'"))
        await uow.commit()
    try:
        answer = await door.client.get("/health/ready")
    finally:
        async with database.platform() as uow:
            await uow.run(text("set local role none"))
            await uow.run(text("update alembic_version set version_num = :newest"), {"newest": newest_revision()})
            await uow.commit()

    assert answer.status_code == 503
    assert answer.json()["migration"].startswith("at older, needs ")
