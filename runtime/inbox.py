"""Accept a message once. Called by the webhook and by the simulator, before anything is thought about.

One statement stores the message and marks its conversation as having work, together with whatever else
comes in at that moment (`runtime.store.intake`); a repeated sid changes nothing. No
model, no provider and no broker is touched here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from runtime.domain.errors import Untrusted
from runtime.domain.identity import canonical_key
from runtime.domain.ids import InboxId
from runtime.domain.whatsapp import InboundMessage, parse_inbound
from runtime.parts import Parts
from runtime.store import conversations

LONGEST_IDENTIFIER = 300
"""No sid or address of the provider's is longer; a longer one would not fit an index either."""


class Acceptance(msgspec.Struct, frozen=True):
    """What became of an inbound message: `new` is False for a sid that was already there."""

    sid: str
    new: bool


async def accept(parts: Parts, form: Mapping[str, str]) -> Acceptance:
    """Store one inbound message.

    Args:
        parts: The runtime's parts.
        form: The provider's form fields, whatever they are; the signature has been checked.

    Raises:
        Untrusted: No sid, sender or recipient, or one that cannot be the provider's.
        Unavailable: The database is down; nothing was stored.
    """
    message = parse_inbound(form)
    identifiers = (message.sid, message.from_address, message.to_address, message.external_user_id or "")
    if max(map(len, identifiers)) > LONGEST_IDENTIFIER:
        raise Untrusted("an identifier that is none of the provider's")
    arrival = _describe(parts, message)
    return Acceptance(sid=message.sid, new=await parts.intake.store(arrival))


def _describe(parts: Parts, message: InboundMessage) -> conversations.Arrival:
    now = parts.clock.now()
    return conversations.Arrival(
        inbox_id=InboxId(parts.ids.new()),
        sid=message.sid,
        our_key=_key_of(message.to_address),
        our_address=message.to_address,
        their_key=_key_of(message.from_address),
        their_address=message.from_address,
        kind=message.kind,
        body=message.text,
        payload=message.raw,
        received_at=now,
        quiet_until=now + timedelta(seconds=parts.settings.quiet_s),
    )


def _key_of(address: str) -> str:
    """The identity behind an address; what is no address we know stands for itself."""
    key = canonical_key(address)
    return key.value if key else address[:200]
