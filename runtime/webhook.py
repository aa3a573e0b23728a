"""What a webhook of the provider's comes to, apart from HTTP: checked, told apart, stored, or refused.

The web routes and the simulator both come in through `receive`, so that a replayed message passes the
same signature check and the same refusals as a real one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import structlog

from runtime.domain.errors import Unavailable, Untrusted
from runtime.domain.ids import OutboxId
from runtime.domain.whatsapp import is_status_callback
from runtime.inbox import accept
from runtime.outbox import record_status
from runtime.parts import Parts

log = structlog.get_logger()

OK, BAD_REQUEST, FORBIDDEN, UNAVAILABLE = 200, 400, 403, 503


class Checker(Protocol):
    """Tells the provider's webhooks from anybody else's."""

    def check(
        self, path_and_query: str, content: Sequence[tuple[str, str]] | bytes, headers: Mapping[str, str]
    ) -> None:
        """Return if the request is genuine.

        Raises:
            Untrusted: It is not.
        """
        ...


async def receive(
    parts: Parts,
    checker: Checker,
    path_and_query: str,
    pairs: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    body: bytes | None = None,
) -> int:
    """Take in one webhook and give the HTTP status to answer with.

    Args:
        parts: The runtime's parts.
        checker: Of signatures.
        path_and_query: As received, still percent-encoded.
        pairs: The decoded form, with empty values and repeats.
        headers: Of the request, in any case.
        body: As received, where its hash in the address is what vouches for it; None for a signed form.
    """
    try:
        checker.check(path_and_query, pairs if body is None else body, headers)
    except Untrusted as error:
        log.warning("webhook_refused", reason=str(error))
        return FORBIDDEN
    form = dict(pairs)
    try:
        if is_status_callback(form):
            outbox_id = _read_outbox_id(path_and_query)
            told = outbox_id is not None and await record_status(parts, outbox_id, form)
            log.debug("status_taken_in", new=told)
        else:
            await accept(parts, form)
    except Untrusted as error:
        log.warning("webhook_unreadable", reason=str(error))
        return BAD_REQUEST
    except Unavailable as error:
        log.error("webhook_not_stored", error=str(error))
        return UNAVAILABLE
    return OK


def _read_outbox_id(path_and_query: str) -> OutboxId | None:
    given = parse_qs(urlsplit(path_and_query).query).get("outbox", [""])[0]
    try:
        return OutboxId(UUID(given))
    except ValueError:
        return None
