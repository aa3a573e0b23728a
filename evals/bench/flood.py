"""A flood from one sender: what it costs, and how much later customers of other businesses are answered for it.

All of Parlo runs as `parlo up` runs it, on a database of its own. Before, during and after the flood, customers of
other businesses write at an even pace, each once; both calm stretches are what the flooded one is compared with.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from evals.bench.figures import Figure, Measurement, Unit, percentile
from evals.bench.ground import Ground, fresh_database
from evals.bench.switchboard import Posted, Saying, Switchboard, key_of
from evals.live import run_up
from runtime.settings import Settings
from sim.bare_postgres import read_number
from sim.crowd import customer_of, number_of, seed_crowd
from sim.twilio.messages import SentRecord

MOST_RATIO = 1.2
FLOODED = 0
"""The business that is flooded; nobody else writes there."""
_QUIET_MS = Settings().quiet_s * 1000
_DRAIN_S = 120.0
_CALLS = """
select s.at from steps s join turns t on t.organization_id = s.organization_id and t.id = s.turn_id
join conversations c on c.organization_id = t.organization_id and c.id = t.conversation_id
where s.kind = 'model' and c.their_key = %s order by s.at
"""
_FLOODERS = "select state::text, count(*) from inbox i join conversations c on c.id = i.conversation_id"
_STATES = f"{_FLOODERS} where c.their_key = %s group by 1"
_DEAD = "select count(*) from turns where state = 'dead'"


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """How much of everything; the defaults are what `parlo bench flood` measures. Times in seconds."""

    businesses: int = 10
    rate: float = 5.0
    flood_per_minute: int = 1000
    quiet_stretch_s: float = 40.0
    flood_s: float = 60.0
    workers: int = 2


class _Seen(msgspec.Struct, frozen=True):
    calm_ms: list[float]
    flooded_ms: list[float]
    unanswered: int
    flood: int
    final: int
    calls: list[datetime]
    dead: int


def measure_flood(ground: Ground, load: Load | None = None) -> Measurement:
    """Let others write, then others and one who floods, then others again."""
    load = load or Load()
    with fresh_database(ground.durable_url, "flood") as url:
        asyncio.run(seed_crowd(url, [1] * (load.businesses + 1)))
        with tempfile.TemporaryDirectory(prefix="parlo-bench-") as folder:
            log = Path(folder) / "up.log"
            with run_up(url, ground.redis_url, workers=load.workers, log=log) as record:

                async def play() -> _Seen:
                    async with Switchboard(record) as board:
                        return await _play(board, load)

                seen = asyncio.run(play())
        seen = msgspec.structs.replace(seen, dead=read_number(url, _DEAD))
    return Measurement(name="flood", figures=[*_describe_others(seen, load), *_describe_flood(seen, load)])


async def _play(board: Switchboard, load: Load) -> _Seen:
    # everything is warm before the first figure
    await board.say(_compose_others(load, 5.0, first=9000))
    await board.rest()
    before = await board.say(_compose_others(load, load.quiet_stretch_s, first=0))
    await board.rest()
    flooding = _compose_flood(load)
    others = _compose_others(load, load.flood_s, first=2000)
    posted = await board.say([*others, *flooding])
    during = [each for each in posted if each.saying.to != number_of(FLOODED)]
    await board.rest(_DRAIN_S)
    after = await board.say(_compose_others(load, load.quiet_stretch_s, first=4000))
    await board.rest()
    heard = _list_first_answers(await board.list_sent())
    calm_ms, flooded_ms = _measure([*before, *after], heard), _measure(during, heard)
    flooder = key_of(customer_of(FLOODED, 0))
    states = {str(state): int(str(count)) for state, count in await board.read_rows(_STATES, flooder)}
    calls = [moment for (moment,) in await board.read_rows(_CALLS, flooder) if isinstance(moment, datetime)]
    asked = len(before) + len(during) + len(after)
    unanswered = asked - len(calm_ms) - len(flooded_ms)
    return _Seen(calm_ms, flooded_ms, unanswered, len(flooding), states.get("done", 0), calls, dead=0)


def _compose_others(load: Load, seconds: float, *, first: int) -> list[Saying]:
    """Customers of all businesses but the flooded one, each in their turn and once."""
    return [
        Saying(
            customer_of(1 + number % load.businesses, first + number // load.businesses),
            number_of(1 + number % load.businesses),
            "¿qué servicios tienen?",
            after_s=number / load.rate,
        )
        for number in range(int(seconds * load.rate))
    ]


def _compose_flood(load: Load) -> list[Saying]:
    sender, to = customer_of(FLOODED, 0), number_of(FLOODED)
    count = int(load.flood_s * load.flood_per_minute / 60)
    gap_s = 60 / load.flood_per_minute
    return [Saying(sender, to, f"¿qué servicios tienen? {n}", after_s=n * gap_s) for n in range(count)]


def _list_first_answers(sent: Sequence[SentRecord]) -> dict[str, float]:
    """When each number was first sent something, in seconds since 1970."""
    first: dict[str, float] = {}
    for each in sent:
        key = key_of(each.to_address)
        first[key] = min(first.get(key, float("inf")), each.created_at.timestamp())
    return first


def _measure(posted: Sequence[Posted], heard: dict[str, float]) -> list[float]:
    """Milliseconds from the webhook to the provider's receipt of the answer."""
    keys = [(each, key_of(each.saying.sender)) for each in posted]
    return [(heard[key] - each.at) * 1000 for each, key in keys if key in heard]


def most_in_a_minute(moments: Sequence[datetime]) -> int:
    """Most moments that fall within any one minute."""
    minute = timedelta(minutes=1)
    return max((sum(start <= each < start + minute for each in moments) for start in moments), default=0)


def _describe_others(seen: _Seen, load: Load) -> list[Figure]:
    how = f"webhook to the provider's receipt; {load.rate:.0f}/s over {load.businesses} other businesses"
    stretches = {"calm": seen.calm_ms, "flooded": seen.flooded_ms}
    shares = [
        Figure(
            name=f"others, {name}, p{share * 100:.0f}",
            value=percentile(values, share),
            unit=Unit.MILLISECONDS,
            n=len(values),
            how=f"{how}, {load.workers} workers; quiet period of {_QUIET_MS:.0f} ms included",
        )
        for name, values in stretches.items()
        for share in (0.5, 0.95)
    ]
    calm_ms, flooded_ms = (percentile(values, 0.95) for values in stretches.values())
    return [
        *shares,
        Figure(
            name="flooded to calm, p95",
            value=flooded_ms / calm_ms,
            unit=Unit.RATIO,
            n=len(seen.flooded_ms),
            how="what another business's customer waits",
            most=MOST_RATIO,
        ),
        Figure(
            name="  less the quiet period",
            value=(flooded_ms - _QUIET_MS) / (calm_ms - _QUIET_MS),
            unit=Unit.RATIO,
            n=len(seen.flooded_ms),
            how="of Parlo's own work alone",
            most=MOST_RATIO,
        ),
        _count("  unanswered", seen.unanswered, len(seen.calm_ms) + len(seen.flooded_ms), "heard nothing"),
    ]


def _describe_flood(seen: _Seen, load: Load) -> list[Figure]:
    how = f"one sender, {load.flood_per_minute} messages a minute for {load.flood_s:.0f} s"
    return [
        Figure(
            name="model calls in a minute",
            value=most_in_a_minute(seen.calls),
            unit=Unit.COUNT,
            n=len(seen.calls),
            how=f"most in any minute; {how}",
            most=Settings().sender_calls_per_minute,
        ),
        _count("  not final", seen.flood - seen.final, seen.flood, "of the flood, once it is over"),
        _count("turns given up", seen.dead, seen.flood, "state dead"),
    ]


def _count(name: str, value: int, n: int, how: str) -> Figure:
    return Figure(name=name, value=value, unit=Unit.COUNT, n=n, how=how, most=0)
