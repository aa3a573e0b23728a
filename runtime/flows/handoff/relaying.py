"""What a customer and a human say to each other: each message passed on once, in order, whatever it carries.

Every function returns the messages to queue. What cannot be passed on is told to both.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from runtime.domain import words
from runtime.domain.enums import Author, HandoffState, OutboxKind
from runtime.domain.files import Attachment, takes_caption
from runtime.domain.ids import ConversationId, InboxId
from runtime.domain.templates import clean_value
from runtime.domain.whatsapp import MessageKind, Place, split_body
from runtime.flows.handoff.scene import (
    ANSWER_TEMPLATE,
    WAITING_TEMPLATE,
    Scene,
    fill_waiting,
    name_of,
    with_template,
)
from runtime.store import handoffs
from runtime.store.handoffs import Handoff
from runtime.store.outbox import NewOutbound

"""WhatsApp shows words under these; other files go without."""


class Line(msgspec.Struct, frozen=True):
    """One inbound message as it is passed on."""

    inbox_id: InboxId
    kind: MessageKind
    text: str
    place: Place | None = None
    attachments: tuple[Attachment, ...] = ()


class _Way(msgspec.Struct, frozen=True):
    """From whom to whom: the receiver's chat, and what is put before the sender's words (nothing for a customer)."""

    to: ConversationId
    sender: ConversationId
    handoff: Handoff
    name: str | None
    template: str
    values: tuple[str, ...]


async def relay_to_human(scene: Scene, handoff: Handoff, lines: Sequence[Line]) -> tuple[NewOutbound, ...]:
    """Pass a customer's messages on to the human who has them or is asked to; in line, say at which place.

    Args:
        scene: Where and when.
        handoff: The customer's open handoff, locked.
        lines: In order of arrival.
    """
    if handoff.staff_id is None:
        place = await handoffs.place_in_line(scene.uow, scene.organization_id, handoff.id)
        key = f"waiting:{lines[-1].inbox_id}"
        text = words.still_waiting(place)
        return (scene.message(handoff.conversation_id, OutboxKind.REPLY, key, text, handoff),)
    if handoff.unanswered_since is None:
        changes: dict[str, object] = {"unanswered_since": scene.now}
        changes |= {"nudges": 0} if handoff.state is HandoffState.ACTIVE else {}
        handoff = await scene.change(handoff, changes)
    assert handoff.staff_id is not None
    way = _Way(
        to=await scene.conversation_with(handoff.staff_id),
        sender=handoff.conversation_id,
        handoff=handoff,
        name=name_of(handoff),
        template=WAITING_TEMPLATE,
        values=fill_waiting(scene, handoff),
    )
    return tuple(message for line in lines for message in _pass_on(scene, way, line))


async def relay_to_customer(
    scene: Scene, handoff: Handoff, lines: Sequence[Line], *, sender: ConversationId
) -> tuple[NewOutbound, ...]:
    """Pass a human's messages on as the business, and count the silence anew while the handoff is open.

    Args:
        scene: Where and when.
        handoff: Open and the human's own, or over and answered by quoting.
        lines: In order of arrival.
        sender: The human's chat with the business, where they are told of a failure.
    """
    for line in lines:
        said = words.describe_message(line.kind, line.text)
        await scene.remember(handoff.conversation_id, Author.HUMAN, said, handoff.staff_id)
    if handoff.state is HandoffState.ACTIVE:
        spoken: dict[str, object] = {"last_human_at": scene.now, "unanswered_since": None, "nudges": 0}
        spoken |= {"first_answer_at": scene.now} if handoff.first_answer_at is None else {}
        handoff = await scene.change(handoff, spoken)
    way = _Way(
        to=handoff.conversation_id,
        sender=sender,
        handoff=handoff,
        name=None,
        template=ANSWER_TEMPLATE,
        values=(clean_value(handoff.customer_name or "amiga, amigo"), clean_value(scene.business)),
    )
    return tuple(message for line in lines for message in _pass_on(scene, way, line))


def _pass_on(scene: Scene, way: _Way, line: Line) -> list[NewOutbound]:
    """One message as what the receiver gets, and a word to the sender about what could not be passed."""
    kept = [each for each in line.attachments if each.media_id is not None]
    captioned = len(kept) == 1 and takes_caption(kept[0].kind)
    told: list[NewOutbound] = []
    if line.text.strip() and not captioned:
        told += _say(scene, way, f"relay:{line.inbox_id}", line.text)
    if line.place is not None:
        text = words.place(line.place.label or line.place.address, line.place.latitude, line.place.longitude)
        told += _say(scene, way, f"relay:{line.inbox_id}:place", text)
    for attachment in line.attachments:
        key = f"relay:{line.inbox_id}:file:{attachment.position}"
        if attachment.media_id is None:
            told += _tell_lost(scene, way, key, attachment)
            continue
        caption = line.text.strip() if captioned else ""
        if takes_caption(attachment.kind):
            body = words.relay_to_human(way.name, caption).strip() if way.name else caption
        else:
            body = ""
            told.append(_send(scene, way, f"{key}:intro", words.sent_file(way.name, attachment.kind)))
        told.append(_send(scene, way, key, body, attachment))
    return told or _say(scene, way, f"relay:{line.inbox_id}", words.describe_message(line.kind, line.text))


def _say(scene: Scene, way: _Way, key: str, text: str) -> list[NewOutbound]:
    """Words, in as many messages as they need."""
    whole = words.relay_to_human(way.name, text) if way.name else text
    parts = split_body(whole) or (whole,)
    return [_send(scene, way, key if number == 0 else f"{key}:{number}", part) for number, part in enumerate(parts)]


def _send(scene: Scene, way: _Way, key: str, body: str, attachment: Attachment | None = None) -> NewOutbound:
    message = scene.message(way.to, OutboxKind.RELAY, key, body, way.handoff, way.sender)
    if attachment is not None:
        message = msgspec.structs.replace(message, media_id=attachment.media_id)
    return with_template(message, way.template, way.values)


def _tell_lost(scene: Scene, way: _Way, key: str, attachment: Attachment) -> list[NewOutbound]:
    assert attachment.refusal is not None
    lost = words.file_lost(way.name, attachment.kind, attachment.refusal)
    refused = words.file_refused(attachment.kind, attachment.refusal)
    return [
        _send(scene, way, key, lost),
        scene.message(way.sender, OutboxKind.NOTICE, f"{key}:refused", refused, way.handoff, way.to),
    ]
