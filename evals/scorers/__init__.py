"""Scores a record: what its transcript expects, and the rules that hold for every replay.

To add a scorer: one short file here, a function `Reading -> Iterator[Verdict]`, its name in one of
the two tables below. A scorer never raises on a record that can be decoded, and never reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from evals.reading import Reading
from evals.scorers.answers import check_answered, check_needless_apologies, check_no_repeats, check_order
from evals.scorers.driver import score_driver_checks, score_unreadable
from evals.scorers.final_rows import score_final_rows
from evals.scorers.handoff_rules import check_handoff_was_asked_for, check_silence_in_handoff
from evals.scorers.handoffs import score_handoff_states
from evals.scorers.inventions import check_one_question, check_prices
from evals.scorers.one_route_one_end import check_one_final_state, check_one_route, check_server_errors
from evals.scorers.promises import check_promises
from evals.scorers.replies import score_http, score_replies, score_silence
from evals.scorers.routes import score_routes
from evals.scorers.spanish import check_format, check_spanish
from evals.scorers.times import check_times
from evals.scorers.tools import score_tools
from evals.verdicts import Verdict, VerdictKind
from sim.record import ConversationRecord

Scorer = Callable[[Reading], Iterator[Verdict]]

EXPECTATIONS: tuple[Scorer, ...] = (
    score_unreadable,
    score_driver_checks,
    score_routes,
    score_tools,
    score_replies,
    score_silence,
    score_http,
    score_handoff_states,
    score_final_rows,
)

RULES: dict[str, Scorer] = {
    "rule/one-route": check_one_route,
    "rule/one-final-state": check_one_final_state,
    "rule/no-server-error": check_server_errors,
    "rule/handoff-asked-for": check_handoff_was_asked_for,
    "rule/silent-in-handoff": check_silence_in_handoff,
    "rule/nothing-uncommitted": check_promises,
    "rule/answered": check_answered,
    "rule/no-needless-apology": check_needless_apologies,
    "rule/no-double-answer": check_no_repeats,
    "rule/answers-in-order": check_order,
    "rule/one-question": check_one_question,
    "rule/no-invented-price": check_prices,
    "rule/no-invented-time": check_times,
    "rule/spanish": check_spanish,
    "rule/format": check_format,
}

SCORER_NAMES: frozenset[str] = frozenset(RULES) | {
    *("route", "tools", "reply", "no_reply", "http", "handoff"),
    *("final/appointments", "final/handoffs", "final/tasks", "final/customers", "final/inbox"),
}
"""What verdicts of these scorers are called; a driver's own checks come with their names."""


def score(record: ConversationRecord) -> list[Verdict]:
    """Every verdict on a record: expectations in the transcript's order by scorer, then one or more for each rule.

    A rule that holds gives one met verdict; a broken one gives a verdict for each place where it
    breaks. A record whose harness failed, or whose simulated customer did not keep to what
    they want, gives one infrastructure verdict and is not scored.
    """
    if record.failure is not None:
        return [Verdict("infrastructure", None, record.failure, None, VerdictKind.INFRASTRUCTURE)]
    if record.customer_fault is not None:
        reason = f"customer_fault: the simulated customer {record.customer_fault}"
        return [Verdict("customer", None, reason, None, VerdictKind.INFRASTRUCTURE)]
    reading = Reading(record)
    try:
        verdicts = [verdict for scorer in EXPECTATIONS for verdict in scorer(reading)]
        for rule, check in RULES.items():
            broken = list(check(reading))
            verdicts += broken or [Verdict(rule, True, _holds(check), None, VerdictKind.RULE)]
    except msgspec.ValidationError as error:
        reason = f"the record cannot be read: {error}"
        return [Verdict("infrastructure", None, reason, None, VerdictKind.INFRASTRUCTURE)]
    return verdicts


def _holds(check: Scorer) -> str:
    return (check.__doc__ or "holds").strip().splitlines()[0]
