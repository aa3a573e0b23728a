"""The web process: webhooks, files that are lent to the provider, and health.

`create_app` is called by `runtime.web.serving` and by tests. It refuses to be built when a webhook does not say
how its sender is verified.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ControllerRouterHandler, Message, Scope

from runtime.adapters.twilio.signature import SignatureChecker
from runtime.parts import Parts
from runtime.web.health import CheckBroker, report_life, report_readiness
from runtime.web.media import lend_file
from runtime.web.verification import list_webhooks
from runtime.web.webhooks import Door, receive_message, receive_status

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")

log = structlog.get_logger()


def create_app(
    parts: Parts,
    *,
    check_broker: CheckBroker | None = None,
    routes: Sequence[ControllerRouterHandler] = (),
) -> Litestar:
    """The ASGI application over these parts; it closes the database when it ends.

    Args:
        parts: Only the database, the clock, the ids and the settings are used.
        check_broker: Asked for readiness; None leaves the broker out of it.
        routes: More routes.

    Raises:
        Broken: No secret or no usable public address is set, or a webhook is not verified.
    """
    settings = parts.settings
    headers = (*_HEADERS, _HTTPS_ONLY) if settings.public_url.startswith("https:") else _HEADERS

    async def add_headers(message: Message, _scope: Scope) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(each for each in headers if each[0] not in given)]

    @asynccontextmanager
    async def close_database(_app: Litestar) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await parts.database.close()

    app = Litestar(
        route_handlers=[receive_message, receive_status, lend_file, report_life, report_readiness, *routes],
        lifespan=[close_database],
        before_send=[add_headers],
        exception_handlers={HTTPException: _explain, Exception: _apologise},
        request_max_body_size=settings.body_limit_bytes,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    app.state.door = Door(parts, SignatureChecker(settings.public_url, settings.twilio_secrets))
    app.state.check_broker = check_broker
    list_webhooks(app)
    return app


def _explain(_request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, str]]:
    return Response({"error": error.detail}, status_code=error.status_code, headers=error.headers)


def _apologise(_request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, str]]:
    log.error("request_crashed", exc_info=error)
    return Response({"error": "internal error"}, status_code=500)
