"""How long a relayed message takes while many handoffs are active at once, and what its time goes to.

`evals.bench.handoff` calls `measure_relays` on a running Parlo. Each of a pair's messages says something that is said
only once, so that it is known again at the other end.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from evals.bench.switchboard import Posted, Saying, Switchboard, key_of
from runtime.settings import Settings
from sim.crowd import customer_of, human_of, number_of
from sim.twilio.messages import SentRecord

ASKING = "quiero hablar con una persona"
TAKING = "hola, ya te leo, ¿en qué te ayudo?"
_IN_STATE = "select count(*) from handoffs where state = %s"
_STAGES = """
    select i.sid, extract(epoch from i.received_at)::float8, extract(epoch from t.started_at)::float8,
      extract(epoch from t.finished_at)::float8, extract(epoch from o.submitted_at)::float8
    from inbox i join turns t on t.organization_id = i.organization_id and t.id = i.turn_id
    join outbox o on o.organization_id = i.organization_id and o.dedupe_key = 'relay:' || i.id
"""
STAGES = ("accepted", "taken up", "turn", "broker hop", "provider")
"""What a relay's time goes to, the quiet period taken off: see `_divide`."""


class Way(StrEnum):
    """Who is passed on to whom."""

    TO_HUMAN = "customer → human"
    TO_CUSTOMER = "human → customer"


class Pair(msgspec.Struct, frozen=True):
    """A customer and the human who has them."""

    customer: str
    human: str
    business: str


class Relays(msgspec.Struct, frozen=True):
    """What came of the relays of one way.

    Attributes:
        whole_ms: From the webhook to the provider, of each that came.
        stages_ms: The parts of it, by `STAGES`, in the same order.
        lost: That never came.
        doubled: That came more than once.
        crossed: That came after one its sender had written later.
    """

    way: Way
    whole_ms: list[float]
    stages_ms: dict[str, list[float]]
    lost: int
    doubled: int
    crossed: int


class Pace(msgspec.Struct, frozen=True):
    """How much is said: so many messages a second over all pairs and both ways, for so many seconds."""

    rate: float
    seconds: float


async def connect(board: Switchboard, businesses: int, humans: int) -> list[Pair]:
    """One customer asks for each human, and each human answers."""
    asking = [
        Saying(customer_of(business, customer), number_of(business), ASKING, f"Clienta {customer}")
        for business in range(businesses)
        for customer in range(humans)
    ]
    await board.say(asking)
    await board.wait_for(_IN_STATE, len(asking), "offered")
    await board.rest()
    pairs = await _list_pairs(board)
    await board.say([Saying(pair.human, pair.business, TAKING) for pair in pairs])
    await board.wait_for(_IN_STATE, len(asking), "active")
    await board.rest()
    assert {pair.human for pair in pairs} == {human_of(b, h) for b in range(businesses) for h in range(humans)}
    return pairs


async def _list_pairs(board: Switchboard) -> list[Pair]:
    rows = await board.read_rows(
        """
        select c.their_key, a.key, c.our_key from handoffs h
        join conversations c on c.organization_id = h.organization_id and c.id = h.conversation_id
        join staff s on s.organization_id = h.organization_id and s.id = h.staff_id
        join addresses a on a.organization_id = h.organization_id and a.person_id = s.person_id
        where h.state = 'offered' order by c.our_key, c.their_key
        """
    )
    return [Pair(*(str(field) for field in row)) for row in rows]


async def measure_relays(board: Switchboard, pairs: Sequence[Pair], pace: Pace, mark: str) -> list[Relays]:
    """Let all pairs talk at an even pace, each in its turn, both ways by turns.

    Args:
        board: Of the Parlo they talk through.
        pairs: Who talks; every handoff of theirs is active.
        pace: How much is said.
        mark: A word that makes these messages different from those of other times.
    """
    count = max(2 * len(pairs), int(pace.rate * pace.seconds))
    sayings = {way: _compose(pairs, way, count // 2, pace.rate / 2, mark) for way in Way}
    posted = await board.say([saying for each in sayings.values() for saying in each])
    await board.rest()
    return await _collect(board, pairs, posted)


async def measure_burst(board: Switchboard, pairs: Sequence[Pair], way: Way, mark: str) -> Relays:
    """All on one side write in the same instant."""
    posted = await board.say(_compose(pairs, way, len(pairs), 0.0, mark))
    await board.rest()
    return next(each for each in await _collect(board, pairs, posted) if each.way is way)


def _compose(pairs: Sequence[Pair], way: Way, count: int, rate: float, mark: str) -> list[Saying]:
    sayings = []
    for number in range(count):
        pair = pairs[number % len(pairs)]
        # the sides of a pair do not speak at once
        shift = 0.5 if way is Way.TO_CUSTOMER else 0.0
        after_s = (number + shift) / rate if rate else 0.0
        if way is Way.TO_HUMAN:
            text = f"¿y me queda bien el color castaño? va la foto {mark}{number}"
            sayings.append(Saying(pair.customer, pair.business, text, f"Clienta {number % len(pairs)}", after_s))
        else:
            text = f"claro que sí, te queda muy bien el tono {mark}{number}"
            sayings.append(Saying(pair.human, pair.business, text, after_s=after_s))
    return sayings


async def _collect(board: Switchboard, pairs: Sequence[Pair], posted: Sequence[Posted]) -> list[Relays]:
    arrived: dict[tuple[str, str], list[SentRecord]] = {}
    for sent in await board.list_sent():
        # "Clienta 1: …" is how a human reads it
        text = sent.body.partition(": ")[2] or sent.body
        arrived.setdefault((key_of(sent.to_address), text), []).append(sent)
    times = {str(row[0]): [float(str(each)) for each in row[1:]] for row in await board.read_rows(_STAGES)}
    receivers = {pair.customer: pair.human for pair in pairs} | {pair.human: pair.customer for pair in pairs}
    customers = {pair.customer for pair in pairs}
    found = []
    for way in Way:
        own = [each for each in posted if (each.saying.sender in customers) is (way is Way.TO_HUMAN)]
        copies = [arrived.get((receivers[each.saying.sender], each.saying.text), []) for each in own]
        found.append(_compare(way, own, copies, times))
    return found


def _compare(
    way: Way, posted: Sequence[Posted], copies: Sequence[Sequence[SentRecord]], times: dict[str, list[float]]
) -> Relays:
    whole_ms: list[float] = []
    stages_ms: dict[str, list[float]] = {stage: [] for stage in STAGES}
    last: dict[str, float] = {}
    crossed = 0
    for each, came in zip(posted, copies, strict=True):
        if not came:
            continue
        arrived_at = came[0].created_at.timestamp()
        whole_ms.append((arrived_at - each.at) * 1000)
        for stage, value_ms in zip(STAGES, _divide(each.at, times[each.sid], arrived_at), strict=True):
            stages_ms[stage].append(value_ms)
        crossed += arrived_at < last.get(each.saying.sender, 0.0)
        last[each.saying.sender] = arrived_at
    lost, doubled = sum(not came for came in copies), sum(len(came) > 1 for came in copies)
    return Relays(way, whole_ms, stages_ms, lost, doubled, crossed)


def _divide(posted_at: float, times: Sequence[float], arrived_at: float) -> list[float]:
    """The parts of a relay's time in milliseconds, in the order of `STAGES`."""
    received_at, started_at, finished_at, submitted_at = times
    quiet_s = Settings().quiet_s
    parts_s = (
        received_at - posted_at,
        started_at - received_at - quiet_s,
        finished_at - started_at,
        submitted_at - finished_at,
        arrived_at - submitted_at,
    )
    return [each * 1000 for each in parts_s]
