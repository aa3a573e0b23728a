"""How a webhook proves who sent it. Every route below `/webhooks/` says which way is its own, or there is no app."""

from __future__ import annotations

from enum import StrEnum

from litestar import Litestar
from litestar.routes import HTTPRoute

from runtime.domain.errors import Broken

WEBHOOKS = "/webhooks/"
VERIFICATION = "verification"
"""The key of a route's options."""


class Verification(StrEnum):
    """The ways a sender can be verified."""

    TWILIO_SIGNATURE = "twilio-signature"


def list_webhooks(app: Litestar) -> dict[str, Verification]:
    """The paths of all webhooks and how each is verified.

    Raises:
        Broken: A route below `/webhooks/` does not say.
    """
    found: dict[str, Verification] = {}
    for route in app.routes:
        if not f"{route.path}/".startswith(WEBHOOKS):
            continue
        handlers = route.route_handlers if isinstance(route, HTTPRoute) else [route.route_handler]
        for handler in handlers:
            if getattr(handler, "http_methods", None) == {"OPTIONS"}:
                # the framework's own: it answers which methods there are, and reads nothing
                continue
            declared = handler.opt.get(VERIFICATION)
            if not isinstance(declared, Verification):
                raise Broken(f"{route.path} does not say how its sender is verified")
            found[route.path] = declared
    return found
