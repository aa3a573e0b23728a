"""Outbound messages: written with the state change they tell of, sent later, told apart by a dedupe key.

`claim_head`, `record_*` and `offer_due` are platform jobs: the sender serves every tenant.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from runtime.domain.enums import OutboxKind, OutboxState, TaskKind
from runtime.domain.ids import PLATFORM, ConversationId, HandoffId, MediaId, OrganizationId, OutboxId, TurnId
from runtime.store.database import UnitOfWork, rows_of
from runtime.store.tables import outbox, tasks

WINDOW = timedelta(hours=23, minutes=50)
"""How long after a person's last message they may be written to freely; ten minutes less than the platform says."""
FIRST_OFFER = timedelta(seconds=3)
"""Whoever queues a message also hands it to the broker; the ticker steps in when that is lost."""


class NewOutbound(msgspec.Struct, frozen=True):
    """A message about to be queued for one conversation.

    Attributes:
        organization_id: Whose message it is, where that is not the business the turn belongs to.
        counterpart_id: The conversation at the other end: whose words these are, or of whom they tell.
        media_id: A file that is sent with the words.
        template: Its name, with `template_values`. A relay waits for the receiver's window to open, and the template
            knocks meanwhile; anything else is sent as the template itself.
    """

    id: OutboxId
    conversation_id: ConversationId
    kind: OutboxKind
    dedupe_key: str
    body: str
    at: datetime
    organization_id: OrganizationId | None = None
    counterpart_id: ConversationId | None = None
    handoff_id: HandoffId | None = None
    media_id: MediaId | None = None
    template: str | None = None
    template_values: tuple[str, ...] | None = None


_QUEUE = text(
    """
    with new as (
      select * from jsonb_to_recordset(:new) as new (id uuid, conversation_id uuid, kind outbox_kind,
        dedupe_key text, body text, at timestamptz, counterpart_id uuid, handoff_id uuid, media_id uuid,
        template text, template_values jsonb)
    ), queued as (
      insert into outbox (organization_id, turn_id, id, conversation_id, kind, dedupe_key, body, created_at,
        not_before, due_at, counterpart_id, handoff_id, media_id, template, template_values)
      select :organization_id, :turn_id, id, conversation_id, kind, dedupe_key, body, at, at, at + :first_offer,
        counterpart_id, handoff_id, media_id, template, nullif(template_values, 'null')
      from new order by id
      on conflict (organization_id, dedupe_key) do nothing
      returning id
    )
    insert into messages (organization_id, turn_id, id, conversation_id, author, text, at)
    select :organization_id, :turn_id, id, conversation_id, 'assistant', body, at
    from new join queued using (id)
    where kind <> 'relay'
    """
).bindparams(bindparam("new", type_=JSONB))


async def queue_messages(
    uow: UnitOfWork, organization_id: OrganizationId, turn_id: TurnId | None, new: Sequence[NewOutbound]
) -> None:
    """Queue messages, and remember in each conversation's history what Parlo itself says.

    One whose dedupe key is already there changes nothing. Relayed words are remembered where they
    are relayed, as the words of whoever said them.
    """
    if not new:
        return
    parameters = {"organization_id": organization_id, "turn_id": turn_id, "new": list(new), "first_offer": FIRST_OFFER}
    await uow.run(_QUEUE, parameters)


class Outbound(msgspec.Struct, frozen=True):
    """The message at the head of a conversation's line, claimed for sending.

    Attributes:
        was: The state before; `submitting` means that an earlier try has an unknown outcome.
        as_template: An earlier try was sent as the template.
        window_open: The receiver may be written to freely.
        heard_at: When the receiver last wrote to us, or None.
    """

    organization_id: OrganizationId
    id: OutboxId
    conversation_id: ConversationId
    kind: OutboxKind
    body: str
    from_address: str
    to_address: str
    attempts: int
    was: OutboxState
    first_submitted_at: datetime | None
    media_id: MediaId | None
    template: str | None
    template_values: tuple[str, ...] | None
    as_template: bool
    window_open: bool
    heard_at: datetime | None
    counterpart_id: ConversationId | None
    handoff_id: HandoffId | None


_CLAIM_HEAD = text(
    """
    with head as (
      select o.organization_id, o.id, o.state, o.submitted_at, o.not_before, o.lease_until,
        coalesce(c.last_inbound_at > :window_since
          and (c.window_closed_at is null or c.last_inbound_at > c.window_closed_at), false) as open,
        c.our_address, c.their_address, c.last_inbound_at
      from outbox o
      join conversations c on c.organization_id = o.organization_id and c.id = o.conversation_id
      where o.conversation_id = :conversation_id and o.organization_id = (
          select organization_id from conversations where id = :conversation_id)
        and o.state in ('queued', 'submitting') and not o.held
      order by o.id limit 1 for update of o
    )
    update outbox o
    set state = 'submitting', attempts = o.attempts + 1, lease_until = :lease_until, due_at = :lease_until,
      submitted_at = coalesce(o.submitted_at, :now)
    from head
    where o.organization_id = head.organization_id and o.id = head.id
      and head.not_before <= :now and (head.lease_until is null or head.lease_until <= :now)
    returning o.organization_id, o.id, o.conversation_id, o.kind, o.body, head.our_address as from_address,
      head.their_address as to_address, o.attempts, head.state as was, head.submitted_at as first_submitted_at,
      o.media_id, o.template, o.template_values, o.as_template, o.counterpart_id, o.handoff_id,
      head.open as window_open, head.last_inbound_at as heard_at
    """
)


async def claim_head(
    uow: UnitOfWork, conversation_id: ConversationId, *, now: datetime, lease_until: datetime
) -> Outbound | None:
    """Take the oldest unsent message of a conversation; None when it is taken, not due, or there is none.

    Only the head may be taken, so that messages leave in the order they were written. What is kept
    until the receiver's window opens does not stand in the way.
    """
    parameters: dict[str, object] = {
        "conversation_id": conversation_id,
        "now": now,
        "lease_until": lease_until,
        "window_since": now - WINDOW,
    }
    found = rows_of(Outbound, await uow.run(_CLAIM_HEAD, parameters))
    return found[0] if found else None


_LET_GO = text(
    """
    update outbox set lease_until = null, due_at = :now, not_before = :now
    where conversation_id = :conversation_id and organization_id = (
        select organization_id from conversations where id = :conversation_id)
      and state = 'submitting' and lease_until = :lease_until
    """
)


async def let_go(uow: UnitOfWork, conversation_id: ConversationId, *, lease_until: datetime, now: datetime) -> None:
    """Give back a message whose claim was not answered, or that was not handed over after all; known by its lease.

    It stays `submitting`, so that whoever takes it next looks at the provider first.
    """
    await uow.run(_LET_GO, {"conversation_id": conversation_id, "lease_until": lease_until, "now": now})


async def mark_as_template(uow: UnitOfWork, head: Outbound) -> None:
    """Write down, before it is sent, that a claimed message goes as its template."""
    await uow.run(
        update(outbox)
        .where(outbox.c.organization_id == head.organization_id, outbox.c.id == head.id)
        .values(as_template=True)
    )


_HOLD_BACK = text(
    """
    update outbox o set state = 'queued', held = true, attempts = :attempts ::integer - 1,
      lease_until = null, due_at = null, submitted_at = null
    from conversations c
    where o.organization_id = :organization_id and o.id = :id
      and c.organization_id = o.organization_id and c.id = o.conversation_id
      and c.last_inbound_at is not distinct from :heard_at ::timestamptz
    returning o.id
    """
)


async def hold_back(uow: UnitOfWork, head: Outbound) -> bool:
    """Keep a claimed relay until its receiver's window opens; False where they have written since it was claimed.

    Their turn may have released what was kept by then, and would not find this one.
    """
    parameters: dict[str, object] = {
        "organization_id": head.organization_id,
        "id": head.id,
        "attempts": head.attempts,
        "heard_at": head.heard_at,
    }
    return bool((await uow.run(_HOLD_BACK, parameters)).all())


_RELEASE = text(
    """
    update outbox set held = false, due_at = :now, not_before = :now
    where organization_id = :organization_id and conversation_id = :conversation_id and held
    """
)


async def release_held(
    uow: UnitOfWork, organization_id: OrganizationId, conversation_id: ConversationId, *, now: datetime
) -> None:
    """The receiver has written: what was kept for them is sent, in its old order."""
    parameters = {"organization_id": organization_id, "conversation_id": conversation_id, "now": now}
    await uow.run(_RELEASE, parameters)


_RECORD_SENT = text(
    """
    update outbox set provider_sid = coalesce(provider_sid, :sid), lease_until = null, due_at = null,
      state = case when state in ('queued', 'submitting') then :state ::outbox_state else state end
    where organization_id = :organization_id and id = :id and refused_sid is distinct from :sid
    returning exists (
      select from outbox next where next.organization_id = :organization_id
        and next.conversation_id = :conversation_id and next.state in ('queued', 'submitting') and not next.held
        and next.id <> :id)
    """
)


async def record_sent(uow: UnitOfWork, sent: Outbound, *, sid: str, state: OutboxState) -> bool:
    """The provider accepted the message. A status that came in earlier by callback stays, and so does a refusal.

    Returns:
        True when more of the conversation's messages wait. Whoever queues one later offers it anew.
    """
    parameters = {
        "organization_id": sent.organization_id,
        "conversation_id": sent.conversation_id,
        "id": sent.id,
        "sid": sid,
        "state": state,
    }
    more = (await uow.run(_RECORD_SENT, parameters)).scalar_one_or_none()
    # no row: it was refused for the window before its own answer came, and waits again
    return True if more is None else bool(more)


async def postpone(uow: UnitOfWork, sent: Outbound, *, state: OutboxState, due_at: datetime) -> None:
    """Try again at `due_at`: as `queued` (certainly not accepted) or `submitting` (look first).

    A message whose fate became known meanwhile by callback is left alone.
    """
    await uow.run(
        update(outbox)
        .where(
            outbox.c.organization_id == sent.organization_id,
            outbox.c.id == sent.id,
            outbox.c.state == OutboxState.SUBMITTING,
        )
        .values(state=state, not_before=due_at, due_at=due_at, lease_until=None)
    )


_KNOWN_SIDS = text(
    """
    select provider_sid as sid from outbox where provider_sid = any(:sids)
    union all
    select refused_sid from outbox
    where organization_id = :organization_id and conversation_id = :conversation_id and refused_sid = any(:sids)
    """
)


async def known_sids(uow: UnitOfWork, head: Outbound, sids: Sequence[str]) -> set[str]:
    """Which of these provider ids already belong to a message of ours, or to a try of it that was refused.

    Args:
        uow: A platform unit of work.
        head: Whose conversation the provider was asked about.
        sids: What it gave.
    """
    parameters = {
        "sids": list(sids),
        "organization_id": head.organization_id,
        "conversation_id": head.conversation_id,
    }
    return {row.sid for row in await uow.run(_KNOWN_SIDS, parameters)}


class StatusChange(msgspec.Struct, frozen=True):
    """A delivery state to reach, and the states it may be reached from."""

    outbox_id: OutboxId
    state: OutboxState
    from_states: tuple[OutboxState, ...]
    sid: str | None
    error_code: int | None


class Moved(msgspec.Struct, frozen=True):
    """A message whose delivery state has changed.

    Attributes:
        to_customer: A human's words on their way to a customer.
        held: It waits until the receiver writes.
        last_of_turn: No other relay of its turn is still on its way.
        name: Of whoever it was for, as far as it is known.
    """

    organization_id: OrganizationId
    id: OutboxId
    conversation_id: ConversationId
    kind: OutboxKind
    body: str
    turn_id: TurnId | None
    handoff_id: HandoffId | None
    counterpart_id: ConversationId | None
    template: str | None
    template_values: tuple[str, ...] | None
    held: bool
    heard_at: datetime | None
    to_customer: bool
    last_of_turn: bool
    name: str | None


_MOVED = """
    select m.*, c.last_inbound_at as heard_at,
      exists (select from handoffs h where h.organization_id = m.organization_id and h.id = m.handoff_id
        and h.conversation_id = m.conversation_id) as to_customer,
      not exists (select from outbox o where o.organization_id = m.organization_id and o.turn_id = m.turn_id
        and o.kind = 'relay' and o.id <> m.id and o.state in ('queued', 'submitting', 'accepted', 'sending', 'sent'))
        as last_of_turn,
      coalesce(cu.name, p.profile_name) as name
    from moved m
    join conversations c on c.organization_id = m.organization_id and c.id = m.conversation_id
    left join people p on p.organization_id = c.organization_id and p.id = c.person_id
    left join customers cu on cu.organization_id = c.organization_id and cu.person_id = c.person_id
"""
_RETURNING = """
      returning o.organization_id, o.id, o.conversation_id, o.kind, o.body, o.turn_id, o.handoff_id, o.counterpart_id,
        o.template, o.template_values, o.held
"""
# A report names our row in its address and the provider's message in its form. One that is known as another row's is
# none of this one; one that nobody knows may be of a send whose answer was lost.
_REPORTED = """not exists (
          select from outbox other where other.provider_sid = :sid ::text and other.id <> o.id)"""
_ADVANCE = text(
    f"""
    with moved as (
      update outbox o set state = :state ::outbox_state, lease_until = null, due_at = null,
        provider_sid = coalesce(provider_sid, :sid), error_code = coalesce(:error_code ::integer, error_code)
      where id = :id and state = any(:from_states ::outbox_state[])
        and (:sid ::text is null or refused_sid is distinct from :sid) and {_REPORTED}
      {_RETURNING}
    )
    {_MOVED}
    """
)


async def advance(uow: UnitOfWork, change: StatusChange) -> Moved | None:
    """Move a message to a later state. None = nothing moved."""
    parameters = {
        "id": change.outbox_id,
        "state": change.state.value,
        "from_states": [state.value for state in change.from_states],
        "sid": change.sid,
        "error_code": change.error_code,
    }
    found = rows_of(Moved, await uow.run(_ADVANCE, parameters))
    return found[0] if found else None


_REVIVE = text(
    f"""
    with refused as (
      select o.organization_id, o.id, o.conversation_id, o.kind = 'relay' as is_relay,
        coalesce(c.last_inbound_at > o.submitted_at, false) as open_again
      from outbox o
      join conversations c on c.organization_id = o.organization_id and c.id = o.conversation_id
      where o.id = :id and o.state = any(:from_states ::outbox_state[])
        and (:sid ::text is null or o.refused_sid is distinct from :sid) and {_REPORTED}
        and not o.as_template and exists (
          select from templates t where t.organization_id = :platform and t.name = o.template
            and t.status = 'approved')
      for update of o
    ), moved as (
      update outbox o set state = 'queued', held = r.is_relay and not r.open_again, refused_sid = :sid,
        provider_sid = null, submitted_at = null, lease_until = null, attempts = 0, not_before = :now,
        due_at = case when r.open_again or not r.is_relay then :now ::timestamptz end
      from refused r where o.organization_id = r.organization_id and o.id = r.id
      {_RETURNING}
    ), closed as (
      update conversations c set window_closed_at = :now from refused r
      where c.organization_id = r.organization_id and c.id = r.conversation_id and not r.open_again
    )
    {_MOVED}
    """
)


async def revive(uow: UnitOfWork, change: StatusChange, *, now: datetime) -> Moved | None:
    """The provider says that the receiver's window is closed: send the template, or wait for them to write.

    Where they have written since it was submitted, the window is open by now, and the words go once more.

    Returns:
        The message that is queued again; None where there is no approved template to fall back to.
    """
    parameters = {
        "id": change.outbox_id,
        "from_states": [state.value for state in change.from_states],
        "sid": change.sid,
        "now": now,
        "platform": PLATFORM,
    }
    found = rows_of(Moved, await uow.run(_REVIVE, parameters))
    return found[0] if found else None


class Quoted(msgspec.Struct, frozen=True):
    """A message of ours that somebody answers by quoting it."""

    organization_id: OrganizationId
    conversation_id: ConversationId
    counterpart_id: ConversationId | None
    handoff_id: HandoffId | None


_QUOTED = text(
    """
    select organization_id, conversation_id, counterpart_id, handoff_id from outbox where provider_sid = :sid
    order by id limit 1
    """
)


async def find_quoted(uow: UnitOfWork, sid: str) -> Quoted | None:
    """Our message with this provider id (a platform job: whoever quotes may write on another number)."""
    found = rows_of(Quoted, await uow.run(_QUOTED, {"sid": sid}))
    return found[0] if found else None


_OFFER = text(
    """
    with due as (
      select organization_id, id from outbox
      where due_at <= :now and (lease_until is null or lease_until <= :now)
      order by due_at, id limit :most for update skip locked
    ), offered as (
      update outbox o set due_at = :again_at from due
      where o.organization_id = due.organization_id and o.id = due.id
      returning o.conversation_id
    )
    select distinct conversation_id from offered order by conversation_id
    """
)


async def offer_due(uow: UnitOfWork, *, now: datetime, again_at: datetime, most: int) -> list[ConversationId]:
    """Conversations with a message whose time to be sent has come."""
    result = await uow.run(_OFFER, {"now": now, "again_at": again_at, "most": most})
    return [ConversationId(row.conversation_id) for row in result]


class NewTask(msgspec.Struct, frozen=True):
    """Something a person has to look at. `summary` is Spanish and names nobody's number."""

    id: UUID
    kind: TaskKind
    dedupe_key: str
    summary: str
    created_at: datetime
    conversation_id: ConversationId | None = None


async def add_task(uow: UnitOfWork, organization_id: OrganizationId, task: NewTask) -> None:
    """Leave something for a person; a second task for the same fact changes nothing."""
    await uow.run(
        insert(tasks)
        .values(organization_id=organization_id, **msgspec.structs.asdict(task))
        .on_conflict_do_nothing(index_elements=["organization_id", "dedupe_key"])
    )
