"""A chaos run: faults on while people write, then faults off until all is at rest, then every promise is checked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from runtime.adapters.system import SystemClock
from sim.bare_postgres import open_reader
from sim.chaos.carrier import OK, HttpCarrier
from sim.chaos.faults import Kind, draw_schedule
from sim.chaos.recovery import Heard, Recovery, measure_recoveries
from sim.chaos.servers import Servers
from sim.chaos.stage import Crew, Stage, open_stage
from sim.chaos.strikes import Lengths, Strikes
from sim.chaos.town import draw_town
from sim.say import MESSAGES_PATH
from sim.simulation.invariants import Seen, Violation, check
from sim.simulation.knobs import Dice, Knob, Profile
from sim.simulation.people import CustomerPlay, HumanPlay, Phone
from sim.simulation.plan import Customer, Human, Plan
from sim.simulation.play import AT_REST, REST_LIMIT_S, read_report
from sim.simulation.trace import Trace, render_story
from sim.twilio.messages import SentRecord
from sim.virtual_time import derive_seed

LOOK_S = 0.5
STILL_S = 3.0
"""How long nothing may be left to be done: a message is reported delivered two seconds after it was sent, and a report
may call for a receipt."""
BEYOND_LEASE_S = 8.0
"""How much longer than its lease a worker is stopped."""
TELLING = (
    "inbox",
    "turns",
    "steps",
    "messages",
    "outbox",
    "conversations",
    "appointments",
    "handoffs",
    "handoff_offers",
    "handoff_log",
    "events",
    "tasks",
)
"""Tables that are kept where a promise was broken."""
TELL_EVERY_S = 15.0

_COUNT_TAKEN = "select count(*) from inbox where sid = any(%s)"
_HEARD = """
select i.sid, extract(epoch from t.finished_at)::float8,
  coalesce(array_agg(o.id::text) filter (where o.id is not null), '{}')
from inbox i
left join turns t on t.organization_id = i.organization_id and t.id = i.turn_id
left join outbox o on o.organization_id = i.organization_id and o.turn_id = i.turn_id
group by i.sid, t.finished_at
"""
_COUNTS = """
select (select count(*) from conversations where last_inbound_at is not null), (select count(*) from inbox),
  (select count(*) from steps where kind = 'model'), (select count(*) from turns where state = 'dead'),
  (select count(*) from appointments), (select count(*) from handoffs)
"""

Tell = Callable[[str], None]


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be played.

    Attributes:
        seconds: Of the first phase.
        messages: That people write in it, roughly.
        kinds: Of faults.
        lengths: How long lasting faults go on; None takes what goes with the crew's lease.
    """

    seconds: float
    messages: int
    seed: int
    kinds: tuple[Kind, ...]
    crew: Crew = Crew()
    lengths: Lengths | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run.

    Attributes:
        written: Messages that people wrote; `messages` are those we have.
        brought_again: Tries of the provider after the first.
        given_up: Messages that were never answered 200; `fetched` are those of them that we have all the same.
        copies: Messages that reached the provider twice; `excuses` are those that a stopped worker explains.
        dead_turns: That ended with an apology and a task.
        restarts: How often each process was started again.
        rested_after_s: From the end of the faults to rest; None where it never came to rest.
    """

    seed: int
    seconds: float
    written: int
    messages: int
    conversations: int
    sent: int
    model_calls: int
    appointments: int
    handoffs: int
    faults: dict[str, int]
    brought_again: int
    given_up: int
    fetched: int
    copies: int
    excuses: int
    dead_turns: int
    restarts: dict[str, int]
    answer_p50_s: float
    answer_p95_s: float
    rested_after_s: float | None
    recoveries: list[Recovery]
    violations: list[Violation]
    folder: str
    logs: dict[str, str]


async def play(servers: Servers, wishes: Wishes, folder: Path, environment: Mapping[str, str], tell: Tell) -> Outcome:
    """Play one run on servers of its own.

    Args:
        servers: With an empty, migrated database.
        wishes: What is to be played.
        folder: Where everything of the run is kept.
        environment: Of this process.
        tell: Shows a line of progress.

    Raises:
        Broken: Something does not start.
    """
    now = SystemClock().now()
    plan = draw_town(wishes.seed, messages=wishes.messages, seconds=wishes.seconds, now=now)
    async with open_stage(servers, plan.world, wishes.crew, folder, environment) as stage:
        return await _Play(stage, plan, wishes, folder, tell).run()


class _Play:
    def __init__(self, stage: Stage, plan: Plan, wishes: Wishes, folder: Path, tell: Tell) -> None:
        self._stage = stage
        self._plan = plan
        self._wishes = wishes
        self._folder = folder
        self._tell = tell
        self._began_at = stage.clock.now().timestamp()
        self._trace = Trace(stage.clock)
        self._seen = Seen()
        # people's whims; what befalls processes is drawn apart
        self._dice = Dice(Random(derive_seed(wishes.seed, "people")), 1.0, Profile.HUMAN)
        self._carrier = HttpCarrier(stage.twilio, stage.sink, f"{stage.web}{MESSAGES_PATH}", stage.clock, self._trace)
        lengths = wishes.lengths or Lengths(worker_stopped_s=wishes.crew.lease_s + BEYOND_LEASE_S)
        faults = Random(derive_seed(wishes.seed, "faults"))
        self._strikes = Strikes(stage, faults, lengths, self._tell_of_fault)
        self._schedule = draw_schedule(faults, wishes.kinds, wishes.seconds)

    async def run(self) -> Outcome:
        phones = self._hand_out_phones()
        self._tell(
            f"{len(self._plan.customers)} customers, {len(self._schedule)} faults in {self._wishes.seconds:.0f} s"
        )
        progress = asyncio.ensure_future(self._tell_progress())
        try:
            async with self._let_people_play(phones), asyncio.TaskGroup() as group:
                group.create_task(self._strikes.run(self._schedule))
                group.create_task(asyncio.sleep(self._wishes.seconds))
            while self._carrier.under_way:
                await asyncio.sleep(LOOK_S)
            self._tell("no more faults, nobody writes any more")
            rested_after_s = await self._rest()
        finally:
            progress.cancel()
            story = render_story(self._trace.lines, self._plan.starts_at)
            (self._folder / "story.txt").write_text(story, encoding="utf-8")
        return await asyncio.to_thread(self._conclude, rested_after_s)

    def _hand_out_phones(self) -> dict[str, Phone]:
        plan, phones = self._plan, dict[str, Phone]()
        people: tuple[Customer | Human, ...] = (*plan.customers, *plan.humans)
        for person in people:
            number = plan.world.organizations[person.business].channel
            phones[person.phone] = Phone(
                person.name, f"whatsapp:{person.phone}", f"whatsapp:{number}", self._carrier, self._trace
            )

        def arrive(sent: SentRecord) -> None:
            self._seen.sent.append(sent)
            phone = phones.get(sent.to_address.removeprefix("whatsapp:"))
            if phone is not None and sent.failure is None:
                phone.receive(sent)

        self._stage.twilio.subscribe(arrive)
        return phones

    @asynccontextmanager
    async def _let_people_play(self, phones: dict[str, Phone]) -> AsyncIterator[None]:
        """Everybody writes while this is entered, and puts the phone away then."""
        plan, dice = self._plan, self._dice
        plays: list[CustomerPlay | HumanPlay] = [
            HumanPlay(human, phones[human.phone], dice, partial(self._list_colleagues, phones, human))
            for human in plan.humans
        ]
        plays += [CustomerPlay(customer, phones[customer.phone], dice) for customer in plan.customers]
        tasks = [asyncio.ensure_future(each.run()) for each in plays]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    def _list_colleagues(self, phones: dict[str, Phone], human: Human) -> list[Phone]:
        same = [it for it in self._plan.humans if it.business == human.business and it.phone != human.phone]
        return [phones[it.phone] for it in same]

    async def _rest(self) -> float | None:
        """How long until nothing was left to be done, and nothing came up; None if not in two minutes."""
        began_at = self._stage.clock.now()
        still_since: datetime | None = None
        reader = await open_reader(self._stage.servers.database_url)
        given_up = self._carrier.given_up
        try:
            while (now := self._stage.clock.now()) < began_at + timedelta(seconds=REST_LIMIT_S):
                [(left,)] = await reader.read(AT_REST, (now - timedelta(seconds=5),))
                [(fetched,)] = await reader.read(_COUNT_TAKEN, (given_up,))
                if left or fetched != len(given_up) or self._stage.reporter.under_way:
                    still_since = None
                elif still_since is None:
                    still_since = now
                elif now >= still_since + timedelta(seconds=STILL_S):
                    return (still_since - began_at).total_seconds()
                await asyncio.sleep(LOOK_S)
        finally:
            await reader.close()
        return None

    def _tell_of_fault(self, line: str) -> None:
        self._trace.add("chaos", line)
        self._tell(f"{self._elapsed_s():4.0f} s  {line}")

    async def _tell_progress(self) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            written, taken = len(self._carrier.written), len(self._carrier.accepted)
            self._tell(f"{self._elapsed_s():4.0f} s  {written} written, {taken} taken in, {len(self._seen.sent)} sent")

    def _elapsed_s(self) -> float:
        return self._stage.clock.now().timestamp() - self._began_at

    # -- afterwards ---------------------------------------------------------------------------------------------

    def _conclude(self, rested_after_s: float | None) -> Outcome:
        seen, carrier = self._seen, self._carrier
        seen.accepted |= set(carrier.accepted)
        seen.accepted_by.update(carrier.accepted.values())
        seen.reported += [read_report(each) for each in self._stage.reporter.posted if each.answered == OK]
        seen.now = self._stage.clock.now()
        copies = Counter(sent.outbox_id for sent in seen.sent if sent.failure is None)
        doubled = {outbox_id for outbox_id, count in copies.items() if count > 1}
        excuses = len(doubled & self._strikes.in_hand)
        owner: psycopg.Connection[Any]
        with psycopg.connect(self._stage.servers.database_url, autocommit=True) as owner:
            violations = check(owner, self._plan, seen, {Knob.PROCESS_STOPPED: excuses})
            if rested_after_s is None:
                violations.insert(0, Violation("rest", f"work was left {REST_LIMIT_S:.0f} s after the last fault"))
            rows = {row[0]: (row[1], row[2]) for row in owner.execute(_HEARD)}
            counts = owner.execute(_COUNTS).fetchone()
            assert counts is not None
            if violations:
                keep_rows(owner, self._folder / "rows")
        heard = self._list_heard(rows)
        waits_s = sorted(it.answered_at - it.written_at for it in heard if it.answered_at is not None)
        return Outcome(
            seed=self._wishes.seed,
            seconds=self._wishes.seconds,
            written=len(carrier.written),
            messages=counts[1],
            conversations=counts[0],
            sent=len(seen.sent),
            model_calls=counts[2],
            appointments=counts[4],
            handoffs=counts[5],
            faults=dict(Counter(struck.kind.value for struck in self._strikes.struck)),
            brought_again=carrier.again,
            given_up=len(carrier.given_up),
            fetched=len(set(carrier.given_up) & set(rows)),
            copies=sum(copies.values()) - len(copies),
            excuses=excuses,
            dead_turns=counts[3],
            restarts={name: child.starts - 1 for name, child in self._stage.children.items()},
            answer_p50_s=waits_s[len(waits_s) // 2] if waits_s else 0.0,
            answer_p95_s=waits_s[len(waits_s) * 95 // 100] if waits_s else 0.0,
            rested_after_s=rested_after_s,
            recoveries=measure_recoveries(self._strikes.struck, heard, self._began_at),
            violations=violations,
            folder=str(self._folder),
            logs={name: str(path) for name, path in self._stage.servers.logs.items()},
        )

    def _list_heard(self, rows: Mapping[str, tuple[float | None, list[str]]]) -> list[Heard]:
        """When each message was written and when the last word on it was sent, or its turn ended without one."""
        sent_at = {sent.outbox_id: sent.created_at.timestamp() for sent in reversed(self._seen.sent)}
        heard = []
        for sid, written_at in self._carrier.written.items():
            finished_at, outbox_ids = rows.get(sid, (None, []))
            said_at = [sent_at[each] for each in outbox_ids if each in sent_at]
            heard.append(Heard(written_at, max(said_at, default=finished_at)))
        return heard


def keep_rows(owner: psycopg.Connection[Any], folder: Path) -> None:
    """Write every table that a breach may have to be looked into with, a CSV file each."""
    folder.mkdir(exist_ok=True)
    for table in TELLING:
        query = sql.SQL("copy (select * from {}) to stdout with (format csv, header)").format(sql.Identifier(table))
        with owner.cursor() as cursor, cursor.copy(query) as rows, (folder / f"{table}.csv").open("wb") as file:
            for row in rows:
                file.write(row)
