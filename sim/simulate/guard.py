"""Keeps other pages of the same browser out: the right host for everything, the same origin for what changes something.

Any page that is open somewhere may post to this machine, and a name that resolves to it may read from it. The browser
says where a request comes from; one that does not say it comes from here changes nothing.
"""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.exceptions import HTTPException
from litestar.types import Message, Scope

HOSTS = ("127.0.0.1", "localhost", "[::1]")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_POLICY = (
    b"content-security-policy",
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
)


async def add_headers(message: Message, _scope: Scope) -> None:
    """Give every answer its protective headers; one that brings a policy of its own keeps it."""
    if message["type"] == "http.response.start":
        given = list(message["headers"])
        own = {name.lower() for name, _ in given}
        wanted = [*_HEADERS, _POLICY, (b"cache-control", b"no-store")]
        message["headers"] = [*given, *(pair for pair in wanted if pair[0] not in own)]


async def check_origin(request: Request[Any, Any, Any]) -> None:
    """Let through what this page itself asks for.

    Raises:
        HTTPException: 421 for a host that is not this machine, 403 for a change that another page asks for.
    """
    host = request.headers.get("host", "")
    if host.rpartition(":")[0] not in HOSTS and host not in HOSTS:
        raise HTTPException("this page is served to this machine only", status_code=421)
    if request.method in ("GET", "HEAD"):
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if origin is None and site is None:
        raise HTTPException("a request that does not say where it comes from", status_code=403)
    if site not in (None, "same-origin") or origin not in (None, f"http://{host}"):
        raise HTTPException("a request of another page", status_code=403)
