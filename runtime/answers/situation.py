"""What an answer is made from and what it comes to; shared by the answers of every route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from zoneinfo import ZoneInfo

import msgspec

from runtime.domain import words
from runtime.domain.enums import Author, OutboxKind
from runtime.domain.files import Attachment
from runtime.domain.ids import InboxId, OutboxId, PersonId, TurnId
from runtime.domain.whatsapp import MessageKind, parse_inbound, split_body
from runtime.flows.handoff import Line, Scene
from runtime.media import take_in
from runtime.parts import Parts
from runtime.router import Facts, Route
from runtime.store.conversations import Claim, FactsRow, Pending, Serving
from runtime.store.database import UnitOfWork
from runtime.store.outbox import NewOutbound, Quoted


class Reroute(Exception):
    """The world changed while the answer was made: route again with fresh facts."""


class Situation(msgspec.Struct, frozen=True):
    """A claimed conversation: who wrote what, what is known of them, and which way it goes.

    Attributes:
        serving: The customer the sender has, where it is clear which.
        quotes: Our messages that some of these answer.
    """

    claimed: Claim
    person_id: PersonId
    turn_id: TurnId
    pending: list[Pending]
    row: FactsRow
    facts: Facts
    route: Route
    serving: Serving | None = None
    quotes: Mapping[InboxId, Quoted] = {}


class Draft(msgspec.Struct, frozen=True):
    """A message to whoever wrote; `part` tells the messages of one turn apart."""

    text: str
    kind: OutboxKind = OutboxKind.REPLY
    part: int = 0


Act = Callable[[UnitOfWork], Awaitable[list[NewOutbound]]]


class Outcome(msgspec.Struct, frozen=True):
    """An answer: what to say, what to change with it, and who wrote, for the history.

    Attributes:
        only_alone: The answer is dropped, and the turn routed again, if a person has taken the conversation meanwhile.
        crosses: The changes are another organization's than the conversation's, as when a human answers on the
            central number: the last transaction is then the platform's.
    """

    drafts: tuple[Draft, ...] = ()
    act: Act | None = None
    author: Author = Author.CUSTOMER
    prompt: str | None = None
    prompt_hash: str | None = None
    model: str | None = None
    only_alone: bool = False
    crosses: bool = False


def say(text: str, *, act: Act | None = None, author: Author = Author.CUSTOMER) -> Outcome:
    """Answer in words, in as many messages as they need."""
    drafts = tuple(Draft(part, part=index) for index, part in enumerate(split_body(text)))
    return Outcome(drafts, act, author)


def open_scene(parts: Parts, uow: UnitOfWork, situation: Situation) -> Scene:
    """The handoff's scene in the business that was written to."""
    row = situation.row
    return Scene(
        uow,
        parts.ids,
        situation.claimed.organization_id,
        parts.clock.now(),
        row.organization_name,
        ZoneInfo(row.timezone),
    )


def reply_to(situation: Situation, parts: Parts, key: str, text: str) -> NewOutbound:
    """A message to whoever wrote, from a place where their business is not the one that changes."""
    return NewOutbound(
        id=OutboxId(parts.ids.new()),
        conversation_id=situation.claimed.id,
        kind=OutboxKind.REPLY,
        dedupe_key=f"reply:{situation.turn_id}:{key}",
        body=text,
        at=parts.clock.now(),
        organization_id=situation.claimed.organization_id,
    )


async def read_lines(parts: Parts, situation: Situation) -> list[Line]:
    """The turn's messages as they are passed on, their files taken in.

    Raises:
        Unavailable: A file cannot be had now; the turn is tried again.
    """
    lines = []
    for message in situation.pending:
        sent = parse_inbound(message.payload) if "From" in message.payload else None
        attachments: list[Attachment] = []
        if sent is not None and sent.media:
            claimed = situation.claimed
            attachments = await take_in(parts, claimed.organization_id, claimed.id, message.id, message.payload)
        place = sent.location if sent is not None else None
        lines.append(Line(message.id, MessageKind(message.kind), message.body, place, tuple(attachments)))
    return lines


def list_said(situation: Situation) -> tuple[str, ...]:
    """Each message as one line of words, with what it carried besides."""
    return tuple(words.describe_message(MessageKind(each.kind), each.body) for each in situation.pending)
