"""What must hold when a simulation has come to rest: each promise with a name, a reason, and what breaks it.

Rows are read as the owner of the database, past every policy; what the provider was given and what was answered comes
from the simulation. Nothing here knows which faults there were, but for how many copies of a message they may explain.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec
import psycopg

from runtime.domain.enums import OutboxState
from runtime.outbox import PROVIDER_STATES
from sim.handoff_log import Change, Verdict, judge_log
from sim.simulation.knobs import Knob
from sim.simulation.plan import Plan
from sim.twilio.messages import SentRecord

_MOST_NAMED = 3
_RANK = {state: rank for rank, state in enumerate(OutboxState)}


class Violation(msgspec.Struct, frozen=True):
    """A promise that was not kept, and by what."""

    invariant: str
    detail: str


class Reported(msgspec.Struct, frozen=True):
    """A status that the provider reported, and that we answered with 200."""

    outbox_id: str
    sid: str
    status: str


class Seen(msgspec.Struct):
    """What was seen from outside: sids we answered 200, what the provider accepted, what it reported."""

    accepted: set[str] = msgspec.field(default_factory=set)
    accepted_by: Counter[str] = msgspec.field(default_factory=Counter)
    sent: list[SentRecord] = msgspec.field(default_factory=list)
    reported: list[Reported] = msgspec.field(default_factory=list)
    now: datetime | None = None


class Rule(msgspec.Struct, frozen=True):
    """A promise as a query: every row it gives is a breach."""

    name: str
    reason: str
    query: LiteralString


_OCCUPYING: LiteralString = "('pending', 'confirmed', 'completed', 'no_show')"

RULES = (
    Rule(
        "inbox.final",
        "whatever was accepted reaches an end",
        "select sid, state::text from inbox where state = 'accepted'",
    ),
    Rule(
        "inbox.once",
        "a message is stored once, however often it comes",
        """
        select sid, count(*) from inbox group by sid having count(*) > 1
    """,
    ),
    Rule(
        "inbox.one_turn",
        "each answered message belongs to one turn, and stands in the history once",
        """
        select t.id::text from turns t
        where (select count(*) from inbox i where i.organization_id = t.organization_id and i.turn_id = t.id)
          <> (select count(*) from messages m where m.organization_id = t.organization_id and m.turn_id = t.id
                and m.author <> 'assistant')
    """,
    ),
    Rule("turns.over", "no turn is left running", "select id::text from turns where state = 'running'"),
    Rule(
        "turns.answered",
        "a customer who writes to the assistant is answered",
        """
        select t.id::text from turns t where t.state = 'done' and t.route = '5' and not exists (
          select from outbox o where o.organization_id = t.organization_id and o.turn_id = t.id)
    """,
    ),
    Rule(
        "turns.dead_are_told",
        "what could not be answered is a task, and the customer has an apology",
        """
        select t.id::text from turns t where t.state = 'dead' and (
          not exists (select from tasks k where k.organization_id = t.organization_id
            and k.dedupe_key = 'dead:' || t.id)
          or not exists (select from outbox o where o.organization_id = t.organization_id and o.turn_id = t.id
            and o.kind = 'apology'))
    """,
    ),
    Rule(
        "conversations.at_rest",
        "nothing is due, and nobody holds a conversation",
        """
        select c.id::text from conversations c where c.due_at is not null and exists (
          select from inbox i where i.organization_id = c.organization_id and i.conversation_id = c.id
            and i.state = 'accepted')
    """,
    ),
    Rule(
        "outbox.final",
        "whatever was written is sent, or waits for its receiver to write",
        """
        select id::text, state::text from outbox where state in ('queued', 'submitting') and not held
    """,
    ),
    Rule(
        "outbox.failures_are_told",
        "what could not be sent is a task for a person",
        """
        select o.id::text from outbox o where o.state in ('failed', 'undelivered') and not exists (
          select from tasks k where k.organization_id = o.organization_id
            and k.dedupe_key = 'undelivered:' || o.id)
    """,
    ),
    Rule(
        "bookings.staff_free",
        "nobody has two appointments at a time",
        f"""
        select a.id::text, b.id::text from appointments a join appointments b
          on a.organization_id = b.organization_id and a.staff_id = b.staff_id and a.id < b.id
          and tstzrange(a.starts_at, a.occupied_until) && tstzrange(b.starts_at, b.occupied_until)
        where a.status in {_OCCUPYING} and b.status in {_OCCUPYING}
    """,
    ),
    Rule(
        "bookings.spot_free",
        "no chair has two appointments at a time",
        f"""
        select a.id::text, b.id::text from appointments a join appointments b
          on a.organization_id = b.organization_id and a.spot_id = b.spot_id and a.id < b.id
          and tstzrange(a.starts_at, a.occupied_until) && tstzrange(b.starts_at, b.occupied_until)
        where a.status in {_OCCUPYING} and b.status in {_OCCUPYING}
    """,
    ),
    Rule(
        "bookings.once",
        "a customer does not come twice for one wish",
        f"""
        select a.id::text, b.id::text from appointments a join appointments b
          on a.organization_id = b.organization_id and a.customer_id = b.customer_id and a.id < b.id
          and a.starts_at = b.starts_at
        where a.status in {_OCCUPYING} and b.status in {_OCCUPYING}
    """,
    ),
    Rule(
        "bookings.have_an_event",
        "each appointment that was made is told of once",
        """
        select a.id::text, count(e.id) from appointments a left join events e
          on e.organization_id = a.organization_id and e.subject_id = a.id and e.kind = 'appointment_booked'
        group by a.organization_id, a.id having count(e.id) <> 1
    """,
    ),
    Rule(
        "bookings.told_are_made",
        "nobody is told of a booking that is not there",
        """
        select o.conversation_id::text, count(*) from outbox o
        where o.kind = 'reply' and o.body ~* 'qued[oó] agendada'
        group by o.organization_id, o.conversation_id
        having count(*) > (select count(*) from events e where e.organization_id = o.organization_id
          and e.conversation_id = o.conversation_id and e.kind = 'appointment_booked')
    """,
    ),
    Rule(
        "handoffs.one_each",
        "a human has one customer at a time, and a customer one handoff",
        """
        select staff_id::text, count(*) from handoffs where state in ('offered', 'active')
        group by organization_id, staff_id having count(*) > 1
        union all
        select conversation_id::text, count(*) from handoffs where state <> 'ended'
        group by organization_id, conversation_id having count(*) > 1
    """,
    ),
    Rule(
        "handoffs.planned",
        "nobody waits for a handoff that nobody looks at",
        """
        select id::text, state::text from handoffs where state <> 'ended' and due_at is null
    """,
    ),
    Rule(
        "handoffs.not_early",
        "silence ends a handoff after half an hour without a human's word, not before",
        """
        select h.id::text from handoffs h
        where h.end_reason = 'timeout' and h.ended_at < interval '30 minutes' + (
          select max(m.at) from messages m where m.organization_id = h.organization_id
            and m.conversation_id = h.conversation_id and m.author = 'human' and m.at <= h.ended_at
            and m.at >= h.requested_at)
    """,
    ),
    Rule(
        "tenants.own_numbers",
        "a conversation belongs to the business whose number it is on",
        """
        select c.id::text from conversations c
        join channels ch on ch.organization_id = c.organization_id and ch.id = c.channel_id
        where ch.kind = 'business' and ch.address <> c.our_key
    """,
    ),
)
"""What the rows must say."""


def check(owner: psycopg.Connection[Any], plan: Plan, seen: Seen, struck: Mapping[Knob, int]) -> list[Violation]:
    """Every promise that was not kept, in the order of the rules."""
    found = [violation for rule in RULES for violation in _ask(owner, rule)]
    checks: Sequence[Callable[[], list[Violation]]] = (
        lambda: _check_lost(owner, seen),
        lambda: _check_copies(owner, seen, struck),
        lambda: _check_order(owner, seen),
        lambda: _check_statuses(owner, seen),
        lambda: _check_overdue_silence(owner, seen),
        lambda: _check_line(owner),
        lambda: _check_tenants(plan, seen),
        lambda: _check_walls(owner),
    )
    for each in checks:
        found += each()
    return found


def _ask(owner: psycopg.Connection[Any], rule: Rule) -> list[Violation]:
    rows = owner.execute(rule.query).fetchmany(_MOST_NAMED)
    return [Violation(rule.name, " ".join(str(value) for value in row)) for row in rows]


def _check_lost(owner: psycopg.Connection[Any], seen: Seen) -> list[Violation]:
    """What was answered 200 is there."""
    stored = {sid for (sid,) in owner.execute("select sid from inbox")}
    return [Violation("inbox.none_lost", sid) for sid in sorted(seen.accepted - stored)]


def _check_copies(owner: psycopg.Connection[Any], seen: Seen, struck: Mapping[Knob, int]) -> list[Violation]:
    """A message is sent once; a copy more only where a process slept through its lease with the call in its hand."""
    copies = Counter(sent.outbox_id for sent in seen.sent if sent.failure is None)
    doubled = {outbox_id: count - 1 for outbox_id, count in copies.items() if count > 1}
    excused = struck.get(Knob.PROCESS_STOPPED, 0)
    found = [Violation("outbox.one_copy_more", str(it)) for it, extra in doubled.items() if extra > 1]
    if sum(doubled.values()) > excused:
        found.append(Violation("outbox.copies", f"{sum(doubled.values())} copies, {excused} excuses"))
    sent = {sent.outbox_id for sent in seen.sent}
    claimed = owner.execute(
        "select id::text from outbox where state not in ('queued', 'submitting', 'failed', 'undelivered')"
    )
    found += [Violation("outbox.said_but_not_sent", outbox_id) for (outbox_id,) in claimed if outbox_id not in sent]
    return found


def _check_order(owner: psycopg.Connection[Any], seen: Seen) -> list[Violation]:
    """What one conversation's turns say to one receiver arrives in the order in which it was said."""
    rows = owner.execute(
        "select o.id::text, o.conversation_id::text, t.conversation_id::text, t.started_at, o.id"
        " from outbox o join turns t on t.organization_id = o.organization_id and t.id = o.turn_id"
        " where o.refused_sid is null and o.template is null"
    )
    place = {row[0]: ((row[1], row[2]), (row[3], row[4])) for row in rows}
    latest: dict[tuple[str, str], tuple[datetime, UUID]] = {}
    found, first = [], set()
    for sent in seen.sent:
        known = place.get(sent.outbox_id or "")
        if known is None or sent.outbox_id in first:
            continue
        first.add(sent.outbox_id)
        way, key = known
        if key < latest.get(way, key):
            found.append(Violation("outbox.order", f"{sent.outbox_id} {sent.body[:40]!r}"))
        latest[way] = max(key, latest.get(way, key))
    return found[:_MOST_NAMED]


def _check_statuses(owner: psycopg.Connection[Any], seen: Seen) -> list[Violation]:
    """What was reported as delivered or read stays so, whatever is reported late."""
    states = {
        row[0]: (row[1], row[2]) for row in owner.execute("select id::text, state::text, provider_sid from outbox")
    }
    best: dict[str, OutboxState] = {}
    for report in seen.reported:
        state = PROVIDER_STATES.get(report.status)
        row = states.get(report.outbox_id)
        if row is None or row[1] != report.sid or state not in (OutboxState.DELIVERED, OutboxState.READ):
            continue
        best[report.outbox_id] = max(state, best.get(report.outbox_id, state), key=_RANK.__getitem__)
    return [
        Violation("outbox.not_downgraded", f"{outbox_id} is {states[outbox_id][0]} after {state}")
        for outbox_id, state in best.items()
        if _is_below(OutboxState(states[outbox_id][0]), state)
    ]


def _is_below(now: OutboxState, reported: OutboxState) -> bool:
    return now in (OutboxState.UNDELIVERED, OutboxState.FAILED) or _RANK[now] < _RANK[reported]


def _check_overdue_silence(owner: psycopg.Connection[Any], seen: Seen) -> list[Violation]:
    """Nobody keeps a customer for half an hour without a word to them, whoever else writes."""
    rows = owner.execute(
        "select h.id::text from handoffs h where h.state = 'active' and %s > interval '31 minutes' + greatest("
        " h.connected_at, h.offered_at, (select max(m.at) from messages m where m.organization_id = h.organization_id"
        " and m.conversation_id = h.conversation_id and m.author = 'human'))",
        (seen.now,),
    )
    return [Violation("handoffs.silence_ends", row[0]) for row in rows]


def _check_line(owner: psycopg.Connection[Any]) -> list[Violation]:
    """Nobody has two customers at any moment, and nobody who asked later is served before."""
    logs: defaultdict[UUID, list[Change]] = defaultdict(list)
    rows = owner.execute(
        "select organization_id, seq, handoff_id, staff_id, state, requested_at, conversation_id::text"
        " from handoff_log order by seq"
    )
    for organization_id, *change in rows:
        logs[organization_id].append(Change(*change))
    unwilling = {
        (row[0], row[1])
        for row in owner.execute(
            "select handoff_id, staff_id from handoff_offers where outcome in ('declined', 'expired', 'removed')"
        )
    }
    verdicts: list[Verdict] = [judge_log(log, unwilling) for log in logs.values()]
    found = []
    if doubly := sum(verdict.doubly_served for verdict in verdicts):
        found.append(Violation("handoffs.one_at_a_time", f"{doubly} moments"))
    if overtaken := sum(verdict.overtaken for verdict in verdicts):
        found.append(Violation("handoffs.in_order", f"{overtaken} passed over"))
    return found


def _check_tenants(plan: Plan, seen: Seen) -> list[Violation]:
    """No business's people or prices appear in another's messages."""
    marks = {
        business.channel: {business.name}
        | {member.name for member in business.staff}
        | {f"${service.price_cents // 100}" for service in business.services}
        for business in plan.world.organizations
    }
    found = []
    for sent in seen.sent:
        number = sent.from_address.removeprefix("whatsapp:")
        foreign = {mark for other, own in marks.items() if other != number for mark in own}
        if number in marks and (leaked := [mark for mark in sorted(foreign) if mark in sent.body]):
            found.append(Violation("tenants.no_leak", f"{leaked[0]!r} in {sent.body[:60]!r}"))
    return found[:_MOST_NAMED]


def _check_walls(owner: psycopg.Connection[Any]) -> list[Violation]:
    """One business's transaction sees no other's rows, by the database's own policies and without any filter."""
    tables = [
        row[0]
        for row in owner.execute(
            "select table_name from information_schema.columns where table_schema = 'public'"
            " and column_name = 'organization_id' and table_name <> 'handoff_log' order by 1"
        )
    ]
    one = owner.execute("select organization_id from organizations order by organization_id desc limit 1").fetchone()
    assert one is not None
    found = []
    with owner.transaction(force_rollback=True):
        owner.execute("set local role parlo_app")
        owner.execute("select set_config('app.organization_id', %s, true)", (str(one[0]),))
        for table in tables:
            query = psycopg.sql.SQL("select count(*) from {} where organization_id <> %s").format(
                psycopg.sql.Identifier(table)
            )
            row = owner.execute(query, one).fetchone()
            if row is not None and row[0]:
                found.append(Violation("tenants.walls", f"{row[0]} rows of others in {table}"))
    return found
