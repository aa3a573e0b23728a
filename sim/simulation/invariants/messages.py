"""Promises about a message's way, as queries: accepted, taken up, journaled, answered, sent.

Every row that a query gives is a breach. Nothing here knows which faults there were.
"""

from __future__ import annotations

from sim.simulation.invariants.seen import Rule

OF_MESSAGES = (
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
        "journal.numbered",
        "the steps of a turn are numbered from one without a gap: each is stored before the next is taken",
        """
        select turn_id::text, count(*), max(number) from steps group by organization_id, turn_id
        having count(*) <> max(number)
    """,
    ),
    Rule(
        "journal.answers",
        "a model's words are journaled before they are used",
        """
        select t.id::text from turns t where t.state = 'done' and t.model is not null and not exists (
          select from steps s where s.organization_id = t.organization_id and s.turn_id = t.id and s.kind = 'model')
    """,
    ),
    Rule(
        "journal.effects",
        "what a tool changed is journaled with it: once, and never without the other",
        """
        select coalesce(done.conversation_id, told.conversation_id)::text, coalesce(done.kind, told.kind),
          done.count, told.count
        from (select organization_id, conversation_id, kind, count(*) from events
              where kind in ('appointment_booked', 'appointment_moved', 'appointment_cancelled') group by 1, 2, 3) done
        full join (
          select s.organization_id, t.conversation_id, case split_part(s.name, '_', 1) when 'book'
              then 'appointment_booked' when 'reschedule' then 'appointment_moved'
              else 'appointment_cancelled' end as kind, count(*)
          from steps s join turns t on t.organization_id = s.organization_id and t.id = s.turn_id
          where s.kind = 'tool' and (s.response ->> 'ok')::boolean
            and coalesce(s.response ->> 'content', '') not like '%"status":"asked"%'
            and s.name in ('book_appointment', 'reschedule_appointment', 'cancel_appointment',
              'book_for_customer', 'reschedule_for_customer', 'cancel_for_customer') group by 1, 2, 3) told
          using (organization_id, conversation_id, kind)
        where done.count is distinct from told.count
    """,
    ),
    Rule(
        "outbox.told_once",
        "a fact is told once to whom it is told",
        """
        select dedupe_key, count(*) from outbox group by organization_id, dedupe_key having count(*) > 1
    """,
    ),
    Rule(
        "outbox.falls_back",
        "what is refused for the 24 hours goes as its template, or waits for its receiver",
        """
        select o.id::text from outbox o
        where o.state in ('failed', 'undelivered') and o.error_code = 63016 and not o.as_template and exists (
          select from templates t where t.name = o.template and t.status = 'approved')
    """,
    ),
)
