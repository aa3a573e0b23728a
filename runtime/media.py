"""Files on their way from one person to another: taken in from the provider, kept, and lent to it again.

A turn calls `take_in` for each message that carries files, before it opens its own transaction; the outbox calls
`address_media` at the moment it sends one; the web route and the simulator serve what `open_address` gives. A file is
decided about once. Nothing here speaks HTTP or writes to anybody.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from runtime.domain.enums import MediaState
from runtime.domain.errors import Broken
from runtime.domain.files import ADDRESS_LIFETIME, FILE_LIMIT, Attachment, FileRefusal, identify_file, limit_of
from runtime.domain.ids import ConversationId, InboxId, MediaId, OrganizationId
from runtime.domain.whatsapp import Media, MessageKind, kind_of_media, parse_inbound
from runtime.parts import Parts
from runtime.ports import MediaRefused
from runtime.store import media
from runtime.store.media import KeptFile, KnownFile, NewFile

MEDIA_PATH = "/media"
_SIGNATURE_BYTES = 24
_PLACE = re.compile(r"(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/(?P<expires>[1-9][0-9]{0,11})")


class Message(NamedTuple):
    """The inbound message that files belong to."""

    organization_id: OrganizationId
    conversation_id: ConversationId
    inbox_id: InboxId


async def take_in(
    parts: Parts,
    organization_id: OrganizationId,
    conversation_id: ConversationId,
    inbox_id: InboxId,
    payload: Mapping[str, str],
) -> list[Attachment]:
    """Fetch and keep the files of one message that are not kept yet, or note why one cannot be.

    Called again, after a crash or by a second worker, it finds what was decided and fetches only what is missing.
    It opens its own transactions: call it outside of any.

    Args:
        parts: The runtime's parts.
        organization_id: The tenant.
        conversation_id: Whose message it is.
        inbox_id: The message.
        payload: Its form fields as they were received.

    Returns:
        The files in their order; empty where there are none.

    Raises:
        Unavailable: The provider or the database; what was fetched so far is kept.
        Untrusted: The payload is no message.
    """
    sent = parse_inbound(payload)
    if not sent.media:
        return []
    message = Message(organization_id, conversation_id, inbox_id)
    known = await _list_known(parts, message)
    for position, file in enumerate(sent.media):
        if position not in known:
            await _decide(parts, message, position, file)
    known = await _list_known(parts, message)
    kinds = [kind_of_media(file.content_type) for file in sent.media]
    if len(kinds) == 1 and sent.kind in _KINDS:
        kinds = [sent.kind]
    return [_attach(known[position], kind) for position, kind in enumerate(kinds)]


_KINDS = frozenset(
    {
        MessageKind.IMAGE,
        MessageKind.AUDIO,
        MessageKind.VIDEO,
        MessageKind.DOCUMENT,
        MessageKind.STICKER,
        MessageKind.CONTACTS,
    }
)
"""What a message with one file says of that file; any other kind says something of the words beside it."""


async def _list_known(parts: Parts, message: Message) -> dict[int, KnownFile]:
    async with parts.database.tenant(message.organization_id) as uow:
        found = await media.list_files(uow, message.organization_id, message.inbox_id)
    return {file.position: file for file in found}


async def _decide(parts: Parts, message: Message, position: int, file: Media) -> None:
    """Fetch one file and write down what becomes of it."""
    content, content_type, refusal = None, file.content_type, None
    try:
        fetched = await parts.media.fetch(file.url, limit_bytes=limit_of(file.content_type))
    except MediaRefused as error:
        refusal = FileRefusal(error.reason)
    else:
        declared = file.content_type or fetched.content_type
        found = identify_file(declared, fetched.content)
        if found is None:
            refusal = FileRefusal.FORBIDDEN_TYPE
        elif len(fetched.content) > min(FILE_LIMIT, limit_of(found)):
            refusal = FileRefusal.TOO_BIG
        else:
            content, content_type = fetched.content, found
    now = parts.clock.now()
    new = NewFile(
        id=MediaId(parts.ids.new()),
        conversation_id=message.conversation_id,
        inbox_id=message.inbox_id,
        position=position,
        content_type=content_type,
        content=content,
        refusal=refusal,
        created_at=now,
        delete_at=now + timedelta(days=parts.settings.media_days),
    )
    async with parts.database.tenant(message.organization_id) as uow:
        await media.add_file(uow, message.organization_id, new)
        await uow.commit()


def _attach(known: KnownFile, kind: MessageKind) -> Attachment:
    if known.state is MediaState.STORED:
        return Attachment(known.position, kind, known.id, None)
    return Attachment(known.position, kind, None, known.refusal or FileRefusal.EXPIRED)


# Addresses ------------------------------------------------------------------------------------------


def address_media(parts: Parts, media_id: MediaId) -> str:
    """Where the provider can fetch a file without credentials, for the next hour.

    Raises:
        Broken: There is no secret to sign it with.
    """
    settings = parts.settings
    if not settings.media_secrets:
        raise Broken("files cannot be lent without PARLO_MEDIA_SECRET or TWILIO_AUTH_TOKEN")
    expires_at = parts.clock.now() + ADDRESS_LIFETIME
    return sign_media_url(settings.public_url, settings.media_secrets[0], media_id, expires_at)


def sign_media_url(public_url: str, secret: bytes, media_id: MediaId, expires_at: datetime) -> str:
    """The address of a file, good until `expires_at` (to the second)."""
    place = f"{media_id}/{int(expires_at.timestamp())}"
    return f"{public_url.rstrip('/')}{MEDIA_PATH}/{place}/{_sign(secret, place)}"


async def open_address(parts: Parts, place: str, signature: str) -> KeptFile | None:
    """The file that an address of ours stands for; None for every other address, whatever is wrong with it.

    Args:
        parts: The runtime's parts.
        place: The address between `/media/` and its last part, as it was received.
        signature: The last part.

    Raises:
        Unavailable: The database is down.
    """
    media_id = check_address(parts.settings.media_secrets, place, signature, now=parts.clock.now())
    if media_id is None:
        return None
    async with parts.database.single() as uow:
        return await media.load_content(uow, media_id)


def check_address(secrets: Sequence[bytes], place: str, signature: str, *, now: datetime) -> MediaId | None:
    """The file an address is for, if one of the secrets signed it and its time is not over."""
    given = signature.encode("utf-8", "replace")
    # each is tried, so that the time this takes tells nothing
    signed = [hmac.compare_digest(_sign(secret, place).encode(), given) for secret in secrets]
    found = _PLACE.fullmatch(place)
    if not any(signed) or found is None or int(found["expires"]) <= now.timestamp():
        return None
    return MediaId(UUID(found["id"]))


def _sign(secret: bytes, place: str) -> str:
    digest = hmac.digest(secret, place.encode("utf-8", "replace"), "sha256")
    return base64.urlsafe_b64encode(digest[:_SIGNATURE_BYTES]).decode("ascii")
