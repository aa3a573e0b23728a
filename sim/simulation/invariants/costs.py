"""Promises about what a conversation costs: a breach harms nobody but whoever pays, so no other invariant sees it."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from runtime.agent.journal import OUTAGE
from sim.simulation.invariants.seen import MOST_NAMED, Case, Check, Violation
from sim.simulation.knobs import Knob
from sim.stage import SETTINGS

_WASTED_BY_ONE = 8
"""Model answers that one dying process, or one lost connection, may have in its hands at most."""
_SLACK = timedelta(seconds=1)
"""Two processes' clocks may differ by so much."""
_THINKING = timedelta(seconds=20)
"""A call is paid when it begins, and journaled when it is answered."""


def _find_wasted_calls(case: Case) -> list[Violation]:
    """Each usable answer is journaled; only who dies with one in its hands, or cannot write it down, wastes it."""
    if case.seen.model_answers is None:
        return []
    row = case.owner.execute(
        "select count(*) from steps where kind = 'model' and response ->> 'finish' <> %s", (OUTAGE,)
    ).fetchone()
    wasted = case.seen.model_answers - (row[0] if row is not None else 0)
    excuses = sum(count for knob, count in case.struck.items() if knob.startswith(("process.", "database.")))
    if wasted <= _WASTED_BY_ONE * excuses:
        return []
    return [Violation("cost.model_calls", f"{wasted} of {case.seen.model_answers} answers wasted, {excuses} excuses")]


def _find_spenders(case: Case) -> list[Violation]:
    calls: defaultdict[str, list[datetime]] = defaultdict(list)
    rows = case.owner.execute(
        "select t.conversation_id::text, s.at from steps s"
        " join turns t on t.organization_id = s.organization_id and t.id = s.turn_id"
        " where s.kind = 'model' and s.response ->> 'finish' <> %s order by s.at",
        (OUTAGE,),
    )
    for conversation, at in rows:
        calls[conversation].append(at)
    worst = {conversation: _count_most_over(moments) for conversation, moments in calls.items()}
    return [
        Violation("cost.sender", f"{conversation} had {over} calls more than it may")
        for conversation, over in worst.items()
        if over > 0
    ][:MOST_NAMED]


def _count_most_over(moments: list[datetime]) -> int:
    """By how many the calls of some stretch of time exceed what a full bucket and its refilling allow."""
    per_s = SETTINGS.sender_calls_per_minute / 60
    worst = 0
    for first, begin in enumerate(moments):
        for last in range(first + SETTINGS.sender_burst, len(moments)):
            refilled = (moments[last] - begin + _THINKING).total_seconds() * per_s
            worst = max(worst, last - first + 1 - SETTINGS.sender_burst - int(refilled) - 1)
    return worst


def _find_hasty_turns(case: Case) -> list[Violation]:
    """A burst is waited for, but no longer than its limit; what came during another turn follows it at once."""
    quiet, burst = timedelta(seconds=SETTINGS.quiet_s), timedelta(seconds=SETTINGS.burst_s)
    rows = case.owner.execute(
        "select t.conversation_id, t.id::text, t.started_at, t.finished_at, min(i.received_at), max(i.received_at)"
        " from turns t join inbox i on i.organization_id = t.organization_id and i.turn_id = t.id"
        " group by t.organization_id, t.id order by t.conversation_id, t.finished_at, t.id"
    )
    found = []
    before: tuple[object, datetime | None] = (None, None)
    for conversation, turn, started_at, finished_at, first, last in rows:
        during = before[0] == conversation and before[1] is not None and before[1] + _SLACK >= last
        # whoever was stopped between the clock and the claim took up what came meanwhile
        slept = started_at < last and case.struck.get(Knob.PROCESS_STOPPED, 0) > 0
        if not during and not slept and started_at + _SLACK < min(last + quiet, first + burst):
            found.append(Violation("turns.bursts", f"{turn} began {(started_at - last).total_seconds():.1f} s after"))
        before = (conversation, finished_at)
    return found[:MOST_NAMED]


CHECKS = (
    Check(
        {"cost.model_calls": "the model is asked once for each step, but for who dies before it is journaled"},
        _find_wasted_calls,
    ),
    Check({"cost.sender": "one sender has the model asked no oftener than they may"}, _find_spenders),
    Check({"turns.bursts": "quick messages are waited for and answered together"}, _find_hasty_turns),
)
