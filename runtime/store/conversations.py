"""Accept, offer, claim and finish: the life of a conversation's lease.

A conversation is held by one worker at a time. The lease has a due time and a fencing number:
whoever claims raises the number, and work under an old number is refused. Platform jobs
`accept`, `offer_due`, `claim` and `sweep` cross tenants; the rest runs inside one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import msgspec
from sqlalchemy import text

from runtime.domain.enums import ChannelKind, HandoffState, InboxState, OrganizationStatus, StaffRole
from runtime.domain.errors import LeaseLost
from runtime.domain.ids import (
    PLATFORM,
    ChannelId,
    ConversationId,
    HandoffId,
    InboxId,
    OrganizationId,
    PersonId,
    StaffId,
    TurnId,
)
from runtime.store.database import UnitOfWork, rows_of

_NAMESPACE = UUID("6f1c2a4e-4f0d-5d6a-9a3b-0d5a7b1c2e3f")


def conversation_id_of(our_key: str, their_key: str) -> ConversationId:
    """The id of the conversation between one of our numbers and one identity: the same for ever."""
    return ConversationId(uuid5(_NAMESPACE, f"{our_key}|{their_key}"))


class Arrival(msgspec.Struct, frozen=True):
    """An inbound message about to be stored."""

    inbox_id: InboxId
    sid: str
    our_key: str
    our_address: str
    their_key: str
    their_address: str
    kind: str
    body: str
    payload: dict[str, str]
    received_at: datetime
    quiet_until: datetime


# A message joins the burst before it while that is still coming in, or waits to be taken up. A burst pushes
# the moment on with each message, but never beyond its own limit.
_SAME_BURST = (
    "(c.quiet_until > excluded.last_inbound_at"
    " or (c.due_at is not null and not coalesce(c.lease_until > excluded.last_inbound_at, false)))"
)
_QUIET_UNTIL = f"""
  case when {_SAME_BURST}
  then greatest(c.quiet_until, least(excluded.quiet_until, c.quiet_started_at + :burst))
  else excluded.quiet_until end"""

# In order of sid, and then of conversation: two batches that share some never wait for each other.
_ACCEPT = text(
    f"""
    with arrived as (
      select * from jsonb_to_recordset(cast(:arrivals as jsonb)) as a (
        inbox_id uuid, conversation_id uuid, sid text, kind text, body text, payload jsonb, received_at timestamptz,
        our_key text, our_address text, their_key text, their_address text, quiet_until timestamptz)
    ), placed as (
      select a.*, channel.organization_id, channel.id as channel_id
      from arrived a cross join lateral (
        select organization_id, id from channels
        where address = a.our_key or kind = 'unknown'
        order by kind = 'unknown' limit 1) channel
    ), stored as (
      insert into inbox (organization_id, id, conversation_id, provider, sid, kind, body, payload, received_at)
      select organization_id, inbox_id, conversation_id, 'twilio', sid, kind, body, payload, received_at
      from placed order by sid
      on conflict (provider, sid) do nothing
      returning id
    ), conversation as (
      insert into conversations as c (organization_id, id, channel_id, our_key, our_address, their_key,
        their_address, last_inbound_at, due_at, quiet_until, quiet_started_at, created_at)
      select organization_id, conversation_id, channel_id, our_key, our_address, their_key,
        their_address, received_at, quiet_until, quiet_until, received_at, received_at
      from placed where inbox_id in (select id from stored) order by conversation_id
      on conflict (id) do update set
        our_address = excluded.our_address,
        their_address = excluded.their_address,
        last_inbound_at = excluded.last_inbound_at,
        quiet_until = {_QUIET_UNTIL},
        quiet_started_at = case when {_SAME_BURST} then c.quiet_started_at else excluded.last_inbound_at end,
        due_at = case when c.lease_until > excluded.last_inbound_at then c.due_at else {_QUIET_UNTIL} end
    )
    select id from stored
    """
)


async def accept(uow: UnitOfWork, arrivals: Sequence[Arrival], *, burst: timedelta) -> set[InboxId]:
    """Store inbound messages and mark their conversations as having work. One statement, so it is all or nothing.

    Args:
        uow: A platform unit of work.
        arrivals: At most one message of each conversation.
        burst: How long messages in a row may put off their answer.

    Returns:
        The messages that are new. A sid the provider had already delivered changes nothing.
    """
    rows = [
        msgspec.structs.asdict(each) | {"conversation_id": conversation_id_of(each.our_key, each.their_key)}
        for each in arrivals
    ]
    result = await uow.run(_ACCEPT, {"arrivals": msgspec.json.encode(rows).decode(), "burst": burst})
    return {InboxId(row.id) for row in result}


_OFFER = text(
    """
    with due as (
      select organization_id, id, due_at from conversations
      where due_at <= :now and (lease_until is null or lease_until <= :now)
      order by due_at, id limit :most for no key update skip locked
    )
    update conversations c set due_at = :again_at
    from due where c.organization_id = due.organization_id and c.id = due.id
    returning c.id, due.due_at
    """
)


async def offer_due(uow: UnitOfWork, *, now: datetime, again_at: datetime, most: int) -> list[ConversationId]:
    """Conversations whose time has come, the longest due first; each is due again in case the offer is lost."""
    result = await uow.run(_OFFER, {"now": now, "again_at": again_at, "most": most})
    return [ConversationId(row.id) for row in sorted(result, key=lambda row: (row.due_at, row.id))]


class Claim(msgspec.Struct, frozen=True):
    """A lease on one conversation, good until `lease_until` under the number `fence`.

    Attributes:
        paid_until: The sender's bucket of model calls; see `runtime.domain.allowance`.
    """

    organization_id: OrganizationId
    id: ConversationId
    channel_id: ChannelId
    person_id: PersonId | None
    our_key: str
    our_address: str
    their_key: str
    their_address: str
    fence: int
    attempts: int
    lease_until: datetime
    paid_until: datetime | None = None


_CLAIM = text(
    """
    update conversations
    set lease_until = :lease_until, due_at = :lease_until, fence = fence + 1, attempts = attempts + 1
    where id = :id and due_at is not null and (quiet_until is null or quiet_until <= :now)
      and (lease_until is null or lease_until <= :now)
    returning organization_id, id, channel_id, person_id, our_key, our_address, their_key, their_address,
      fence, attempts, lease_until, paid_until
    """
)


async def claim(
    uow: UnitOfWork, conversation_id: ConversationId, *, now: datetime, lease_until: datetime
) -> Claim | None:
    """Take the lease, or None when somebody holds it, a burst is still coming in, or nothing is due."""
    result = await uow.run(_CLAIM, {"id": conversation_id, "now": now, "lease_until": lease_until})
    found = rows_of(Claim, result)
    return found[0] if found else None


_CLAIM_BLINDLY = text(
    """
    update conversations
    set due_at = :lease_until, attempts = attempts + 1
    where id = :id and due_at is not null and (quiet_until is null or quiet_until <= :now)
    returning organization_id, id, channel_id, person_id, our_key, our_address, their_key, their_address,
      fence, attempts, cast(:lease_until as timestamptz) as lease_until
    """
)


async def claim_blindly(
    uow: UnitOfWork, conversation_id: ConversationId, *, now: datetime, lease_until: datetime
) -> Claim | None:
    """Like `claim`, whoever else may have it: no lease is taken, and no fence raised."""
    result = await uow.run(_CLAIM_BLINDLY, {"id": conversation_id, "now": now, "lease_until": lease_until})
    found = rows_of(Claim, result)
    return found[0] if found else None


class Pending(msgspec.Struct, frozen=True):
    """An inbound message that belongs to the turn under way."""

    id: InboxId
    turn_id: TurnId
    sid: str
    kind: str
    body: str
    payload: dict[str, str]
    received_at: datetime
    turn_started_at: datetime
    resumed: bool


_OPEN_TURN = text(
    """
    with running as (
      select id, started_at from turns
      where organization_id = :organization_id and conversation_id = :conversation_id and state = 'running'
    ), waiting as (
      select id from inbox
      where organization_id = :organization_id and conversation_id = :conversation_id
        and state = 'accepted' and turn_id is null
    ), opened as (
      insert into turns (organization_id, id, conversation_id, state, started_at)
      select :organization_id, :turn_id, :conversation_id, 'running', :now
      where not exists (select from running) and exists (select from waiting)
      returning id, started_at
    ), turn as (select id, started_at, true as resumed from running
                union all select id, started_at, false from opened)
    update inbox i set turn_id = turn.id
    from turn
    where i.organization_id = :organization_id and i.conversation_id = :conversation_id and i.state = 'accepted'
      and (i.turn_id = turn.id or (i.turn_id is null and not turn.resumed))
    returning i.id, i.turn_id, i.sid, i.kind, i.body, i.payload, i.received_at,
      turn.started_at as turn_started_at, turn.resumed
    """
)


async def open_turn(uow: UnitOfWork, claimed: Claim, *, turn_id: TurnId, now: datetime) -> list[Pending]:
    """Resume the turn under way, or open one over every message not yet answered; in order of arrival."""
    result = await uow.run(
        _OPEN_TURN,
        {
            "organization_id": claimed.organization_id,
            "conversation_id": claimed.id,
            "turn_id": turn_id,
            "now": now,
        },
    )
    return sorted(rows_of(Pending, result), key=lambda pending: (pending.received_at, pending.id))


_ADOPT = text(
    """
    with found as (
      select person_id from addresses
      where organization_id = :organization_id and key = any(:keys)
      order by key limit 1
    ), born as (
      insert into people (organization_id, id, created_at)
      select :organization_id, :person_id, :now where not exists (select from found)
    ), named as (
      insert into addresses (organization_id, key, person_id, raw)
      select :organization_id, key, coalesce((select person_id from found), :person_id), :raw
      from unnest(cast(:keys as text[])) key
      on conflict do nothing
      returning key
    ), adopted as (
      update conversations set person_id = coalesce((select person_id from found), :person_id)
      where organization_id = :organization_id and id = :id
    )
    select (select person_id from found) as found, (select count(*) from named) as named
    """
)


async def adopt_person(
    uow: UnitOfWork, claimed: Claim, *, person_id: PersonId, also: str | None, now: datetime
) -> PersonId:
    """Find or make the person behind this conversation, and give them both addresses.

    Args:
        uow: A platform unit of work.
        claimed: The lease.
        person_id: The id to use if nobody has these addresses yet.
        also: A second address key of the same person (a user id beside the number), or None.
        now: The present moment.
    """
    keys = [claimed.their_key] + ([also] if also else [])
    parameters: dict[str, object] = {
        "organization_id": claimed.organization_id,
        "id": claimed.id,
        "keys": keys,
        "raw": claimed.their_address,
        "person_id": person_id,
        "now": now,
    }
    row = (await uow.run(_ADOPT, parameters)).one()
    if row.found is None and row.named < len(keys):
        # another conversation was quicker to give somebody an address that we share: now it can be seen
        row = (await uow.run(_ADOPT, parameters)).one()
    return PersonId(row.found or person_id)


class BusinessOfStaff(msgspec.Struct, frozen=True):
    """A business the sender works for, seen from the central number."""

    organization_id: OrganizationId
    name: str
    status: OrganizationStatus
    timezone: str
    address: str | None
    staff_id: StaffId
    role: StaffRole


class Serving(msgspec.Struct, frozen=True):
    """A customer the sender has or is asked to take, or was asked to take and nobody else has yet.

    Attributes:
        staff_id: The sender, in that business.
        own: False where somebody else is asked by now.
    """

    organization_id: OrganizationId
    business: str
    timezone: str
    address: str | None
    handoff_id: HandoffId
    state: HandoffState
    staff_id: StaffId
    own: bool
    conversation_id: ConversationId
    customer: str | None


class FactsRow(msgspec.Struct, frozen=True):
    """What is known about the sender at the moment of routing; see `runtime.router.Facts`.

    Attributes:
        servings: On a business number at most one; on the central number one for each business.
        has_held: Messages wait for this person to write, which they have done now.
        calls_today: Model calls the business has caused since its midnight, counted up to the limit.
    """

    channel_kind: ChannelKind
    organization_status: OrganizationStatus
    organization_name: str
    timezone: str
    opted_out: bool
    profile_name: str | None
    staff_id: StaffId | None
    staff_name: str | None
    staff_role: StaffRole | None
    first_message_at: datetime | None
    businesses: list[BusinessOfStaff]
    handoff_id: HandoffId | None
    servings: list[Serving]
    has_held: bool
    calls_today: int = 0


_SERVING = """
    (select coalesce(jsonb_agg(jsonb_build_object('organization_id', h3.organization_id, 'business', o3.name,
        'timezone', o3.timezone, 'handoff_id', h3.id, 'state', h3.state, 'staff_id', me.id,
        'own', h3.staff_id is not distinct from me.id, 'conversation_id', h3.conversation_id,
        'customer', coalesce(cu3.name, p3.profile_name), 'address',
        (select c3.address from channels c3 where c3.organization_id = h3.organization_id and c3.kind = 'business'
           order by c3.id limit 1)) order by h3.requested_at, h3.id), '[]'::jsonb)
      from {me} me
      join handoffs h3 on h3.organization_id = me.organization_id and h3.state <> 'ended'
      join organizations o3 on o3.organization_id = h3.organization_id
      join conversations v3 on v3.organization_id = h3.organization_id and v3.id = h3.conversation_id
      left join people p3 on p3.organization_id = v3.organization_id and p3.id = v3.person_id
      left join customers cu3 on cu3.organization_id = v3.organization_id and cu3.person_id = v3.person_id
      where (h3.staff_id = me.id and h3.state in ('offered', 'active')) or (h3.state in ('waiting', 'offered')
        and exists (select from handoff_offers f where f.organization_id = h3.organization_id
          and f.handoff_id = h3.id and f.staff_id = me.id and f.outcome = 'expired')))"""
_SELF = "(select s.organization_id, s.id)"
_SELVES = """
    (select s2.organization_id, s2.id from addresses a2
     join staff s2 on s2.organization_id = a2.organization_id and s2.person_id = a2.person_id and s2.active
     where a2.key = c.their_key)"""
_FACTS = text(
    f"""
    select ch.kind as channel_kind, o.status as organization_status, o.name as organization_name, o.timezone,
      p.opted_out_at is not null as opted_out, p.profile_name,
      s.id as staff_id, s.name as staff_name, s.role as staff_role, s.first_message_at,
      case when ch.kind <> 'central' then '[]'::jsonb else coalesce((
        select jsonb_agg(jsonb_build_object('organization_id', o2.organization_id, 'name', o2.name,
          'status', o2.status, 'timezone', o2.timezone, 'staff_id', s2.id, 'role', s2.role, 'address',
          (select c2.address from channels c2 where c2.organization_id = o2.organization_id
             and c2.kind = 'business' order by c2.id limit 1)) order by o2.name, o2.organization_id)
        from addresses a2
        join staff s2 on s2.organization_id = a2.organization_id and s2.person_id = a2.person_id and s2.active
        join organizations o2 on o2.organization_id = a2.organization_id
        where a2.key = c.their_key and o2.organization_id <> :platform), '[]'::jsonb) end as businesses,
      case when ch.kind = 'central' then {_SERVING.format(me=_SELVES)}
        when s.id is null then '[]'::jsonb
        else {_SERVING.format(me=_SELF)} end as servings,
      h.id as handoff_id,
      exists (select from outbox held where held.organization_id = c.organization_id
        and held.conversation_id = c.id and held.held) as has_held,
      case when ch.kind = 'business' and :most_calls > 0 then (select count(*) from (
        select from steps m where m.organization_id = c.organization_id and m.kind = 'model'
          and m.at >= date_trunc('day', cast(:now as timestamptz) at time zone o.timezone) at time zone o.timezone
        limit :most_calls) used) else 0 end as calls_today
    from conversations c
    join channels ch on ch.organization_id = c.organization_id and ch.id = c.channel_id
    join organizations o on o.organization_id = c.organization_id
    left join people p on p.organization_id = c.organization_id and p.id = c.person_id
    left join staff s on s.organization_id = c.organization_id and s.person_id = c.person_id and s.active
    left join handoffs h on h.organization_id = c.organization_id and h.conversation_id = c.id and h.state <> 'ended'
    where c.organization_id = :organization_id and c.id = :id
    """
)


async def gather_facts(uow: UnitOfWork, claimed: Claim, *, now: datetime, most_calls: int) -> FactsRow:
    """Everything the router needs, in one query; the day's model calls are counted up to `most_calls`."""
    parameters: dict[str, object] = {
        "organization_id": claimed.organization_id,
        "id": claimed.id,
        "platform": PLATFORM,
        "now": now,
        "most_calls": most_calls,
    }
    result = await uow.run(_FACTS, parameters)
    return msgspec.convert(dict(result.one()._mapping), FactsRow, strict=False)


_HOLD = text(
    """
    select c.fence, h.id is not null as handed_off
    from conversations c
    left join handoffs h on h.organization_id = c.organization_id and h.conversation_id = c.id and h.state <> 'ended'
    where c.organization_id = :organization_id and c.id = :id for no key update of c
    """
)


async def hold(uow: UnitOfWork, organization_id: OrganizationId, conversation_id: ConversationId, fence: int) -> bool:
    """Lock the conversation's row for this transaction, if the lease is still ours.

    Returns:
        Whether a person has the conversation by now, or is asked to take it.

    Raises:
        LeaseLost: The fencing number moved on; nothing of this transaction may stand.
    """
    result = await uow.run(_HOLD, {"organization_id": organization_id, "id": conversation_id})
    row = result.one()
    if row.fence != fence:
        raise LeaseLost(f"conversation {conversation_id}: fence {fence} is no longer current")
    return bool(row.handed_off)


_LOOK = text(
    """
    select exists (select from handoffs h where h.organization_id = :organization_id
      and h.conversation_id = :id and h.state <> 'ended')
    """
)


async def look(uow: UnitOfWork, organization_id: OrganizationId, conversation_id: ConversationId, fence: int) -> bool:
    """Like `hold`, without locking or comparing anything; whether a person has the conversation by now."""
    result = await uow.run(_LOOK, {"organization_id": organization_id, "id": conversation_id})
    return bool(result.scalar_one())


_FINISH = text(
    """
    with answered as (
      update inbox set state = :inbox_state, route = :route, finished_at = :now
      where organization_id = :organization_id and turn_id = :turn_id
    ), closed as (
      update turns set state = :turn_state, route = :route, reason = :reason, prompt = :prompt,
        prompt_hash = :prompt_hash, model = :model, error = :error, finished_at = :now
      where organization_id = :organization_id and id = :turn_id
    )
    update conversations c set lease_until = null, attempts = 0, due_at = (
      select case when count(*) = 0 then null else greatest(c.quiet_until, :now) end from inbox
      where organization_id = :organization_id and conversation_id = c.id
        and state = 'accepted' and turn_id is null)
    where c.organization_id = :organization_id and c.id = :conversation_id
    """
)


class Closing(msgspec.Struct, frozen=True):
    """How a turn ends."""

    turn_id: TurnId
    inbox_state: InboxState
    turn_state: str
    route: str
    reason: str
    prompt: str | None = None
    prompt_hash: str | None = None
    model: str | None = None
    error: str | None = None


async def close_turn(uow: UnitOfWork, claimed: Claim, closing: Closing, *, now: datetime) -> None:
    """Mark the turn and its messages final and give the lease back. `hold` must have been called before.

    The conversation is due again at once when messages arrived meanwhile.
    """
    parameters: dict[str, object] = {
        "organization_id": claimed.organization_id,
        "conversation_id": claimed.id,
        "now": now,
        **msgspec.structs.asdict(closing),
    }
    await uow.run(_FINISH, parameters)


_RELEASE = text(
    """
    update conversations c set lease_until = null, due_at = :due_at
    where c.organization_id = :organization_id and c.id = :id and c.fence = :fence
      and (cast(:turn_id as uuid) is null or exists (
        select from turns t where t.organization_id = c.organization_id and t.id = :turn_id and t.state = 'running'))
    """
)


async def release(uow: UnitOfWork, claimed: Claim, *, due_at: datetime | None, turn_id: TurnId | None = None) -> bool:
    """Give the lease back without an answer; the conversation is due again at `due_at`.

    Args:
        uow: A unit of work of the conversation's business.
        claimed: The lease.
        due_at: When somebody should look at it again; None is when something is written.
        turn_id: Only while this turn runs: it may have ended, when the answer to its last commit was lost.

    Returns:
        Whether there was anything to give back.
    """
    parameters = {
        "organization_id": claimed.organization_id,
        "id": claimed.id,
        "fence": claimed.fence,
        "due_at": due_at,
        "turn_id": turn_id,
    }
    return (await uow.run(_RELEASE, parameters)).rowcount == 1


_LET_GO = text(
    """
    update conversations set lease_until = null, due_at = :now, attempts = greatest(attempts - 1, 0)
    where id = :id and lease_until = :lease_until
    """
)


async def let_go(uow: UnitOfWork, conversation_id: ConversationId, *, lease_until: datetime, now: datetime) -> None:
    """Give back a lease whose claim was not answered, if it stands; known by its end, since its fence is not.

    Should another worker's lease end in the same microsecond, that one loses it, which the fence lets do no harm.
    A platform job.
    """
    await uow.run(_LET_GO, {"id": conversation_id, "lease_until": lease_until, "now": now})


_PAUSE = text(
    """
    update conversations set lease_until = null, due_at = :until, quiet_until = greatest(quiet_until, :until),
      attempts = greatest(attempts - 1, 0), paid_until = greatest(paid_until, :paid_until)
    where organization_id = :organization_id and id = :id and fence = :fence
    """
)


async def pause(uow: UnitOfWork, claimed: Claim, *, until: datetime, paid_until: datetime | None = None) -> None:
    """Give the lease back for somebody who has used up their model calls; it does not count as an attempt.

    What they write meanwhile joins the burst, as it does in the quiet period, and offers nothing sooner.
    """
    parameters = {
        "organization_id": claimed.organization_id,
        "id": claimed.id,
        "fence": claimed.fence,
        "until": until,
        "paid_until": paid_until,
    }
    await uow.run(_PAUSE, parameters)


_UNOPEN = text(
    """
    with freed as (
      update inbox set turn_id = null where organization_id = :organization_id and turn_id = :turn_id
    )
    delete from turns where organization_id = :organization_id and id = :turn_id
    """
)


async def unopen_turn(uow: UnitOfWork, claimed: Claim, turn_id: TurnId) -> None:
    """Take back a turn that was opened in this transaction: its messages wait for the next one, with what follows."""
    await uow.run(_UNOPEN, {"organization_id": claimed.organization_id, "turn_id": turn_id})


_PAY = text(
    """
    update conversations set paid_until = :paid_until
    where organization_id = :organization_id and id = :id and fence = :fence
    """
)


async def pay(uow: UnitOfWork, claimed: Claim, paid_until: datetime) -> None:
    """Write down a model call that came to nothing; one that came to a step is paid with it."""
    await uow.run(
        _PAY,
        {
            "organization_id": claimed.organization_id,
            "id": claimed.id,
            "fence": claimed.fence,
            "paid_until": paid_until,
        },
    )


_SWEEP = text(
    """
    update conversations c set due_at = :now
    where c.due_at is null and exists (
      select from inbox i where i.organization_id = c.organization_id and i.conversation_id = c.id
        and i.state = 'accepted')
    returning c.id
    """
)


async def sweep(uow: UnitOfWork, *, now: datetime) -> list[ConversationId]:
    """Put back on the clock any conversation that has unanswered messages and no due time.

    No known path leads there; this is the net below the net.
    """
    result = await uow.run(_SWEEP, {"now": now})
    return [ConversationId(row.id) for row in result]
