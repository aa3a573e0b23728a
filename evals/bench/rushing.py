"""Everybody asks one business for a person in the same instant, and its humans then see to them one after the other.

`evals.bench.handoff` calls `rush` on a running Parlo. Whether somebody was served twice or passed over is read from
the log that `sim.handoff_log` keeps.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence

import msgspec

from evals.bench.switchboard import POLL_S, Posted, Saying, Switchboard, key_of
from runtime.domain.errors import Broken
from runtime.domain.words import waiting
from sim.crowd import customer_of, number_of
from sim.handoff_log import Verdict, count_misplaced, judge_log, read_log
from sim.twilio.messages import SentRecord

ASKING = "una persona"
ENDING = "listo"
READING_S = 2.2
"""A word that comes sooner after an alert is taken for the customer before."""
TOLD_LIMIT_S = 120.0
SERVED_LIMIT_S = 240.0
_PLACE = re.compile(r"lugar (\d+)")
_NEXT = waiting(1)
_OPEN = """
    select h.id::text, h.state::text, a.key from handoffs h
    join channels ch on ch.organization_id = h.organization_id and ch.address = %s
    left join staff s on s.organization_id = h.organization_id and s.id = h.staff_id
    left join addresses a on a.organization_id = s.organization_id and a.person_id = s.person_id
    where h.state <> 'ended'
"""


class Rush(msgspec.Struct, frozen=True):
    """What came of it.

    Attributes:
        told_ms: From each one's webhook to the provider's receipt of the first answer.
        decided_s: From the first webhook to the last first answer.
        unanswered: Who heard nothing.
        misplaced: Who were told a place that is not theirs in the order of requests.
        repeated: Places that more than one was told.
        drained_s: From the first end to the last.
        verdict: Of the log, of the whole time.
    """

    told_ms: list[float]
    decided_s: float
    unanswered: int
    misplaced: int
    repeated: int
    drained_s: float
    verdict: Verdict


async def rush(board: Switchboard, business: int, customers: int) -> Rush:
    """Let so many ask at once; when all have been answered, let each human end whom they have until nobody is left."""
    number = number_of(business)
    phones = [customer_of(business, customer) for customer in range(customers)]
    posted = await board.say([Saying(phone, number, ASKING, f"Clienta {n}") for n, phone in enumerate(phones)])
    await board.rest(TOLD_LIMIT_S)
    answers = _find_answers(posted, await board.list_sent())
    times = {key: sent.created_at.timestamp() for key, sent in answers.items()}
    told_ms = [
        (times[key_of(each.saying.sender)] - each.at) * 1000 for each in posted if key_of(each.saying.sender) in times
    ]
    places = read_places(answers)
    misplaced = count_misplaced(read_log(board.record.database_url, number), places)
    started = time.monotonic()
    await _serve_all(board, number)
    drained_s = time.monotonic() - started
    await board.rest()
    return Rush(
        told_ms=told_ms,
        decided_s=max(times.values()) - min(each.at for each in posted),
        unanswered=customers - len(answers),
        misplaced=misplaced,
        repeated=len(places) - len(set(places.values())),
        drained_s=drained_s,
        verdict=judge_log(read_log(board.record.database_url, number)),
    )


def _find_answers(posted: Sequence[Posted], sent: Sequence[SentRecord]) -> dict[str, SentRecord]:
    """The first message to each, by their key."""
    keys = {key_of(each.saying.sender) for each in posted}
    answers: dict[str, SentRecord] = {}
    for each in sent:
        key = key_of(each.to_address)
        if key in keys:
            answers.setdefault(key, each)
    return answers


def read_places(answers: Mapping[str, SentRecord]) -> dict[str, int]:
    """The place in line that each was told; whoever was not put in line is not there."""
    places = {}
    for key, answer in answers.items():
        named = _PLACE.search(answer.body)
        if named is not None:
            places[key] = int(named[1])
        elif answer.body == _NEXT:
            places[key] = 1
    return places


async def _serve_all(board: Switchboard, number: str) -> None:
    """Each human ends whom they are asked to take, as soon as they can have read that they are."""
    ending: set[str] = set()
    give_up_at = time.monotonic() + SERVED_LIMIT_S
    while time.monotonic() < give_up_at:
        rows = await board.read_rows(_OPEN, number)
        if not rows:
            return
        called = [(str(row[0]), str(row[2])) for row in rows if row[1] == "offered" and str(row[0]) not in ending]
        ending |= {handoff for handoff, _ in called}
        await asyncio.sleep(READING_S if called else 0.0)
        await board.say([Saying(human, number, ENDING) for _, human in called])
        await asyncio.sleep(POLL_S)
    raise Broken(f"{len(rows)} customers were still not served after {SERVED_LIMIT_S:.0f} s")
