"""Promises to people, as queries: appointments, handoffs, businesses.

Every row that a query gives is a breach. Nothing here knows which faults there were.
"""

from __future__ import annotations

from typing import LiteralString

from sim.simulation.invariants.seen import Rule

_OCCUPYING: LiteralString = "('pending', 'confirmed', 'completed', 'no_show')"
_ACTS: LiteralString = (
    "('handoff_offer', 'handoff_take', 'handoff_take_over', 'handoff_pass_on', 'handoff_snooze', 'handoff_undo')"
)
"""After which a human has been asked or heard, and silence is counted anew."""

OF_PEOPLE = (
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
        where h.end_reason = 'timeout' and h.ended_at < interval '30 minutes' + greatest(h.last_human_at, (
          select max(m.at) from messages m where m.organization_id = h.organization_id
            and m.conversation_id = h.conversation_id and m.author = 'human' and m.at <= h.ended_at
            and m.at >= h.requested_at))
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
    Rule(
        "handoffs.silence_is_the_humans",
        "silence is counted from what a human did or was asked, not from what a customer writes",
        f"""
        select h.id::text, h.last_human_at::text from handoffs h
        where h.last_human_at is not null and not exists (
          select from events e where e.organization_id = h.organization_id and e.subject_id = h.id
            and e.kind in {_ACTS} and e.at = h.last_human_at)
        and not exists (
          select from messages m where m.organization_id = h.organization_id and m.conversation_id = h.conversation_id
            and m.author = 'human' and m.at = h.last_human_at)
    """,
    ),
    Rule(
        "handoffs.looked_at_in_time",
        "whoever has a customer, or is asked to take one, is looked at before half an hour of silence is over",
        """
        select id::text, due_at::text from handoffs
        where state in ('offered', 'active') and due_at > last_human_at + interval '30 minutes'
    """,
    ),
    Rule(
        "handoffs.reminded_once",
        "a human is reminded of a customer once at a time",
        """
        select a.id::text, b.id::text from outbox a join outbox b
          on a.organization_id = b.organization_id and a.handoff_id = b.handoff_id
          and a.conversation_id = b.conversation_id and a.id < b.id
          and b.created_at - a.created_at < interval '1 minute'
        where a.dedupe_key like 'handoff-reminder:%' and b.dedupe_key like 'handoff-reminder:%'
    """,
    ),
)
