"""Promises about what happened, as far as rows alone cannot tell it: what was answered, sent, and reported when.

What the provider was given and what was answered comes from the simulation. Only how many copies of a message are
excused hangs on which faults there were.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from uuid import UUID

from runtime.domain import words
from runtime.domain.enums import OutboxState
from runtime.outbox import PROVIDER_STATES
from sim.handoff_log import Change, Verdict, judge_log
from sim.simulation.invariants.seen import MOST_NAMED, Case, Check, Violation
from sim.simulation.knobs import Knob

_RANK = {state: rank for rank, state in enumerate(OutboxState)}
_OUT = (words.OPTED_OUT, words.OPTED_OUT_IN_HANDOFF)
_IN = (words.OPTED_IN, words.OPTED_IN_AGAIN)


def _find_lost(case: Case) -> list[Violation]:
    stored = {sid for (sid,) in case.owner.execute("select sid from inbox")}
    found = [Violation("inbox.none_lost", sid) for sid in sorted(case.seen.accepted - stored)]
    found += [Violation("inbox.stored_first", sid) for sid in sorted(case.seen.hasty)]
    if case.seen.never_taken:
        found.append(Violation("inbox.all_taken", f"{case.seen.never_taken} messages"))
    return found


def _find_copies(case: Case) -> list[Violation]:
    """Excused is a process that slept through its lease with the call in its hand: others have gone on meanwhile."""
    seen = case.seen
    copies = Counter(sent.outbox_id for sent in seen.sent if sent.failure is None)
    doubled = {outbox_id: count - 1 for outbox_id, count in copies.items() if count > 1}
    excused = case.struck.get(Knob.PROCESS_STOPPED, 0)
    found = [Violation("outbox.one_copy_more", str(it)) for it, extra in doubled.items() if extra > 1]
    if sum(doubled.values()) > excused:
        found.append(Violation("outbox.copies", f"{sum(doubled.values())} copies, {excused} excuses"))
    if seen.unmarked > excused:
        found.append(Violation("outbox.marked_first", f"{seen.unmarked} messages, {excused} excuses"))
    sent = {sent.outbox_id for sent in seen.sent}
    claimed = case.owner.execute(
        "select id::text from outbox where state not in ('queued', 'submitting', 'failed', 'undelivered')"
    )
    found += [Violation("outbox.said_but_not_sent", outbox_id) for (outbox_id,) in claimed if outbox_id not in sent]
    return found


def _find_inversions(case: Case) -> list[Violation]:
    rows = case.owner.execute(
        # by their ends: whoever sleeps between the clock and a claim writes down a beginning long past
        "select o.id::text, o.conversation_id::text, t.conversation_id::text,"
        " coalesce(t.finished_at, '9000-01-01Z'), o.id"
        " from outbox o join turns t on t.organization_id = o.organization_id and t.id = o.turn_id"
        " where o.refused_sid is null and o.template is null"
    )
    place = {row[0]: ((row[1], row[2]), (row[3], row[4])) for row in rows}
    latest: dict[tuple[str, str], tuple[datetime, UUID]] = {}
    found, first = [], set()
    for sent in case.seen.sent:
        known = place.get(sent.outbox_id or "")
        if known is None or sent.outbox_id in first:
            continue
        first.add(sent.outbox_id)
        way, key = known
        if key < latest.get(way, key):
            found.append(Violation("outbox.order", f"{sent.outbox_id} {sent.body[:40]!r}"))
        latest[way] = max(key, latest.get(way, key))
    return found[:MOST_NAMED]


def _find_downgraded(case: Case) -> list[Violation]:
    rows = case.owner.execute("select id::text, state::text, provider_sid from outbox")
    states = {row[0]: (row[1], row[2]) for row in rows}
    best: dict[str, OutboxState] = {}
    for report in case.seen.reported:
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


def _find_overdue_silence(case: Case) -> list[Violation]:
    rows = case.owner.execute(
        "select h.id::text from handoffs h where h.state = 'active' and %s > interval '31 minutes' + greatest("
        " h.connected_at, h.offered_at, (select max(m.at) from messages m where m.organization_id = h.organization_id"
        " and m.conversation_id = h.conversation_id and m.author = 'human'))",
        (case.seen.now,),
    )
    return [Violation("handoffs.silence_ends", row[0]) for row in rows]


def _judge_line(case: Case) -> list[Violation]:
    logs: defaultdict[UUID, list[Change]] = defaultdict(list)
    rows = case.owner.execute(
        "select organization_id, seq, handoff_id, staff_id, state, requested_at, conversation_id::text"
        " from handoff_log order by seq"
    )
    for organization_id, *change in rows:
        logs[organization_id].append(Change(*change))
    unwilling = {
        (row[0], row[1])
        for row in case.owner.execute(
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


def _find_told_against_will(case: Case) -> list[Violation]:
    """Until they want messages again; a human's own words, and an apology for a failure, are not meant.

    Two processes' clocks may differ by a second.
    """
    rows = case.owner.execute(
        "select b.id::text, left(b.body, 40) from outbox a join outbox b on b.organization_id = a.organization_id"
        " and b.conversation_id = a.conversation_id and b.created_at > a.created_at + interval '1 second'"
        " where a.body = any(%(out)s) and b.kind in ('reply', 'notice', 'alert') and b.body <> all(%(fixed)s)"
        " and not exists (select from outbox i where i.organization_id = a.organization_id"
        "  and i.conversation_id = a.conversation_id and i.created_at > a.created_at and i.created_at <= b.created_at"
        "  and i.body = any(%(back)s)) order by b.id",
        {"out": list(_OUT), "back": list(_IN), "fixed": [*_OUT, words.STILL_OUT]},
    ).fetchmany(MOST_NAMED)
    return [Violation("consent.kept", f"{row[0]} {row[1]!r}") for row in rows]


def _find_forged(case: Case) -> list[Violation]:
    rows = case.owner.execute("select sid from inbox where sid = any(%s) order by 1", (list(case.seen.forged),))
    return [Violation("inbox.only_signed", sid) for (sid,) in rows.fetchmany(MOST_NAMED)]


CHECKS = (
    Check({"inbox.only_signed": "nothing is taken in without a signature of its own"}, _find_forged),
    Check(
        {
            "inbox.none_lost": "what was answered 200 is there",
            "inbox.stored_first": "what is answered 200 is committed by then",
            "inbox.all_taken": "whatever people write is taken in the end",
        },
        _find_lost,
    ),
    Check(
        {
            "outbox.one_copy_more": "no message reaches the provider three times",
            "outbox.copies": "a message is sent once; a copy more only for a process that slept through its lease",
            "outbox.said_but_not_sent": "what we say was sent, the provider has",
            "outbox.marked_first": "that a message is being sent is committed before the provider is called",
        },
        _find_copies,
    ),
    Check(
        {"outbox.order": "what one conversation's turns say to one receiver arrives in the order in which it was said"},
        _find_inversions,
    ),
    Check(
        {"outbox.not_downgraded": "what was reported as delivered or read stays so, whatever is reported late"},
        _find_downgraded,
    ),
    Check(
        {"handoffs.silence_ends": "nobody keeps a customer for half an hour without a word, whoever else writes"},
        _find_overdue_silence,
    ),
    Check(
        {
            "handoffs.one_at_a_time": "nobody has two customers at any moment",
            "handoffs.in_order": "nobody who asked later is served before",
        },
        _judge_line,
    ),
    Check(
        {"consent.kept": "whoever was told that they get no more messages is told nothing more until they want to be"},
        _find_told_against_will,
    ),
)
