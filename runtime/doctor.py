"""Says whether an installation can work, and for each thing that is wrong what to do about it.

`parlo doctor` calls `examine`. It looks, and changes nothing; it reads no conversation and shows no secret.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from runtime.adapters.queue import RedisQueue
from runtime.adapters.shifted_clock import ShiftedClock
from runtime.adapters.twilio.signature import SignatureChecker
from runtime.domain.errors import ParloError, Untrusted
from runtime.settings import Settings
from runtime.store.database import open_database
from runtime.store.migrate import newest_revision
from runtime.store.revision import read_revision
from runtime.templates import read_reports

CHECK_LIMIT_S = 8.0
_LOCAL = ("127.0.0.1", "localhost", "::1")
_PROBE = ("/webhooks/twilio/messages", [("Body", "ñ"), ("MessageSid", "SM0")])


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at. `remedy` says what to do where it is not well; with `ok` it is a warning."""

    name: str
    ok: bool
    detail: str
    remedy: str | None = None


class _Sick(Exception):
    """A check that failed: what is wrong, and what to do."""

    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.remedy = remedy


class _Odd(_Sick):
    """Nothing that is broken, and yet wrong in production."""


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything. The list has one finding for each check, in the same order each time."""
    checks: list[tuple[str, Callable[[Settings], Awaitable[str]]]] = [
        ("public address", _check_address),
        ("database", _check_database),
        ("migration", _check_migration),
        ("broker", _check_broker),
        ("signature", _check_signature),
        ("time zones", _check_zones),
        ("clock", _check_clock),
        ("model key", _check_model_key),
        ("templates", _check_templates),
    ]
    return [await _look(name, check, settings) for name, check in checks]


async def _look(name: str, check: Callable[[Settings], Awaitable[str]], settings: Settings) -> Finding:
    try:
        async with asyncio.timeout(CHECK_LIMIT_S):
            return Finding(name, True, await check(settings))
    except _Sick as sick:
        return Finding(name, isinstance(sick, _Odd), str(sick), sick.remedy)
    except ParloError as error:
        return Finding(name, False, str(error), "see what it says")
    except TimeoutError:
        return Finding(name, False, f"no answer in {CHECK_LIMIT_S:.0f} s", "look whether it runs and can be reached")


async def _check_address(settings: Settings) -> str:
    parts = urlsplit(settings.public_url)
    if parts.scheme != "https" and parts.hostname not in _LOCAL:
        raise _Sick(f"{settings.public_url} is not https", "set PARLO_PUBLIC_URL to the https:// address Twilio calls")
    return settings.public_url


async def _check_database(settings: Settings) -> str:
    await _read_reached(settings)
    return "answers"


async def _check_migration(settings: Settings) -> str:
    reached, newest = await _read_reached(settings), newest_revision()
    if reached != newest:
        raise _Sick(f"at {reached or 'none'}, the program needs {newest}", "run `parlo migrate`")
    return f"at {newest}, the newest"


async def _read_reached(settings: Settings) -> str | None:
    if not settings.database_url:
        raise _Sick("DATABASE_URL is not set", "set DATABASE_URL")
    database = open_database(settings.database_url, pool_size=1)
    try:
        return await read_revision(database)
    except ParloError as error:
        raise _Sick(str(error), "start Postgres, and check DATABASE_URL and the rights of its user") from error
    finally:
        await database.close()


async def _check_broker(settings: Settings) -> str:
    if not settings.redis_url:
        raise _Sick("REDIS_URL is not set", "set REDIS_URL")
    queue = RedisQueue(settings.redis_url)
    try:
        await queue.check()
    except ParloError as error:
        raise _Sick(str(error), "start Redis or Valkey, and check REDIS_URL; until then nothing is answered") from error
    finally:
        queue.close()
    return "answers"


async def _check_signature(settings: Settings) -> str:
    """Sign as Twilio does, verify as the web process does; and see that an altered form is refused."""
    if not settings.twilio_secrets:
        raise _Sick("no secret to verify webhooks with", "set TWILIO_AUTH_TOKEN")
    path, form = _PROBE
    checker = SignatureChecker(settings.public_url, settings.twilio_secrets)
    for secret in settings.twilio_secrets:
        signed = settings.public_url.rstrip("/") + path + "".join(name + value for name, value in sorted(form))
        digest = hmac.digest(secret.encode(), signed.encode(), "sha1")
        headers = {"X-Twilio-Signature": base64.b64encode(digest).decode("ascii")}
        try:
            checker.check(path, form, headers)
        except Untrusted as error:
            raise _Sick("a right signature is refused", "check PARLO_PUBLIC_URL") from error
        try:
            checker.check(path, [*form, ("To", "x")], headers)
        except Untrusted:
            continue
        raise _Sick("a wrong signature is accepted", "do not run this: report it")
    return f"verified with {len(settings.twilio_secrets)} secret(s)"


async def _check_zones(settings: Settings) -> str:
    try:
        zone = ZoneInfo("America/Mexico_City")
    except ZoneInfoNotFoundError as error:
        raise _Sick("no time-zone data", "install the package tzdata") from error
    # Most of Mexico gave up summer time in 2022: older data would book every summer an hour off.
    if datetime(2026, 7, 1, tzinfo=UTC).astimezone(zone).utcoffset() != timedelta(hours=-6):
        raise _Sick("time-zone data from before 2022", "update tzdata")
    return "as of 2022 or later"


async def _check_clock(settings: Settings) -> str:
    if settings.clock_file is None:
        return "real time"
    ahead_s = ShiftedClock(settings.clock_file).offset_s
    raise _Odd(
        f"{ahead_s:.0f} s ahead, as {settings.clock_file} says", "unset PARLO_CLOCK_FILE, unless this is `parlo up`"
    )


async def _check_model_key(settings: Settings) -> str:
    if not settings.openai_api_key:
        raise _Sick("no key for a model", "set OPENAI_API_KEY, or use `parlo up`, which brings its own model")
    return f"set, for {settings.openai_base_url or 'the vendor itself'}"


async def _check_templates(settings: Settings) -> str:
    if await _read_reached(settings) != newest_revision():
        raise _Sick("the schema is not at its newest", "run `parlo migrate`")
    assert settings.database_url is not None
    database = open_database(settings.database_url, pool_size=1)
    try:
        reports = await read_reports(database)
    finally:
        await database.close()
    bad = [f"{it.name} {it.status}" + (f" ({it.rejection})" if it.rejection else "") for it in reports if not it.sound]
    if bad:
        remedy = "run `parlo templates`; a rejected one needs other words, see docs/architecture.md"
        raise _Sick("; ".join(bad), f"{remedy}. Until then nobody is reached whose 24 hours are over")
    usable = sum(it.usable for it in reports)
    return f"{usable} of {len(reports)} can be sent" + (
        "" if usable == len(reports) else ", the rest waits for approval"
    )
