"""One seed in two phases: faults on until everybody has said what they wanted, then off until all is at rest."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import psycopg
from psycopg import sql
from sqlalchemy.exc import SQLAlchemyError

from runtime.adapters.twilio.signature import SignatureChecker
from runtime.domain.permissions import Actor
from runtime.store.database import Database, open_database
from runtime.tools.registry import specs_for
from runtime.web.serving import LOCK_TIMEOUT_S
from sim.hostile_model import Attack, list_attacks
from sim.model_faults import USABLE, FaultyTransport
from sim.offline_model import OfflineTransport
from sim.seeding import clear_world, is_superuser, seed_world
from sim.simulation.broker import FaultyBroker
from sim.simulation.carrier import OK, Carrier
from sim.simulation.errands import run_errands
from sim.simulation.invariants import Reported, Seen, Violation, check
from sim.simulation.knobs import Dice, Knob, Profile
from sim.simulation.metering import MeteredModel
from sim.simulation.people import CustomerPlay, HumanPlay, Phone
from sim.simulation.plan import SKEW_S, Customer, Human, Plan, draw_plan
from sim.simulation.processes import Outage, Process, Surroundings, Work, tick_along, work_through
from sim.simulation.trace import Line, Trace
from sim.stage import PUBLIC_URL, SETTINGS, shelve_templates
from sim.stepwise import DatabaseSwitch, Killed, LockWaits, make_connect
from sim.twilio.emulator import Account, PostedCallback, TwilioEmulator
from sim.twilio.messages import SentRecord
from sim.virtual_time import SeededIds, VirtualClock, VirtualLoop, derive_seed
from sim.windows import STRICT_S, list_open_windows

PLAY_LIMIT_S = 5_400.0
"""Whoever has not said everything by then says no more."""
TAKEN_LIMIT_S = 3_600.0
"""How long after the last word whatever was written is brought again and again."""
REST_LIMIT_S = 120.0
"""How long after the last fault everything must be final."""
LOOK_S = 1.0
RECONCILE_S, UNDER_WAY_S = 30.0, 15.0
"""What could not be delivered is looked for more often than in production, or it would not come to rest in time."""
MISHAP_EVERY_S = 20.0
"""How often a release, or a restart of the database, has its chance."""
RESTART_S = (0.5, 6.0)

AT_REST = """
select (select count(*) from inbox where state = 'accepted')
  + (select count(*) from outbox where state in ('queued', 'submitting') and not held)
  + (select count(*) from turns where state = 'running')
  + (select count(*) from handoffs where due_at <= %s)
"""
"""How much is left to be done; of handoffs what was due at a moment."""


_SOME_IDS = sql.SQL("select {} from {} order by 1 limit 3")

_DO_NOT_WAIT = "set local lock_timeout = '20ms'"
_REMOVE = (
    "update staff s set active = false from organizations o where o.organization_id = s.organization_id"
    " and o.name = %s and s.name = %s"
)
Phones = dict[tuple[str, int], Phone]
_END_OTHERS = (
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
    " and pid <> pg_backend_pid() and backend_type = 'client backend'"
)
_COUNT_OTHERS = (
    "select count(*) from pg_stat_activity where datname = current_database()"
    " and pid <> pg_backend_pid() and backend_type = 'client backend'"
)
_GONE_LIMIT_S = 10.0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one seed.

    Attributes:
        conversations: Between somebody and one of our numbers.
        messages: That people wrote and we took.
        faults: How often each really struck.
        model_calls: All there were.
        sent: Messages the provider accepted.
        virtual_s: How long it lasted for those in it.
        rested_after_s: From the last fault to rest; None where it never came to rest.
    """

    seed: int
    conversations: int
    messages: int
    sent: int
    model_calls: int
    faults: dict[str, int]
    violations: list[Violation]
    crashes: list[str]
    trace_hash: str
    virtual_s: float
    rested_after_s: float | None
    lines: list[Line]


def read_report(callback: PostedCallback) -> Reported:
    """What a callback said."""
    outbox_id = parse_qs(urlsplit(callback.url).query).get("outbox", [""])[0]
    return Reported(outbox_id, callback.form["MessageSid"], callback.form["MessageStatus"])


class Ground:
    """A database that simulations may use, one after the other. Open with a context of your own."""

    def __init__(self, database_url: str, observer: psycopg.Connection[Any]) -> None:
        self.database_url = database_url
        self.observer = observer
        self.check_references = not is_superuser(observer)

    def clear(self) -> None:
        """End whatever an earlier play has left: a transaction that is still open would be waited for without end."""
        self.observer.execute(_END_OTHERS)
        give_up_at = time.monotonic() + _GONE_LIMIT_S
        while time.monotonic() < give_up_at:
            row = self.observer.execute(_COUNT_OTHERS).fetchone()
            if row is None or row[0] == 0:
                break
            time.sleep(0.001)
        self.observer.execute("truncate handoff_log restart identity")


def is_unmarked(owner: psycopg.Connection[Any], sent: SentRecord) -> bool:
    """Whether our row of a message that the provider was given still says to others that it waits."""
    row = owner.execute("select state = 'queued' from outbox where id = %s", (sent.outbox_id,)).fetchone()
    return row is not None and bool(row[0])


def is_taken_in(owner: psycopg.Connection[Any], sid: str) -> bool:
    """Whether a message that a person sent is in an inbox of ours."""
    row = owner.execute("select exists (select from inbox where sid = %s)", (sid,)).fetchone()
    return row is not None and bool(row[0])


def try_to_remove(owner: psycopg.Connection[Any], business: str, name: str) -> bool:
    """Have somebody of the team leave; False where a simulated process has the row in its hand.

    To wait for it here would let that process, and everything else, wait for ever.
    """
    try:
        with owner.transaction():
            owner.execute(_DO_NOT_WAIT)
            owner.execute(_REMOVE, (business, name))
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def play(ground: Ground, seed: int, profile: Profile = Profile.ALL) -> Outcome:
    """Play one seed, on a loop of its own."""
    ground.clear()
    loop = VirtualLoop()
    # what is collected closes connections, and must not do so in the middle
    gc.disable()
    try:
        return loop.run_until_complete(_Play(ground, seed, profile, loop).run())
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        gc.enable()
        gc.collect()


class _Play:
    def __init__(self, ground: Ground, seed: int, profile: Profile, loop: VirtualLoop) -> None:
        # futures of a killed process have nobody left to hear of their end
        loop.set_exception_handler(self._note_surprise)
        self._surprises: list[str] = []
        self._ground = ground
        self._seed = seed
        plan, dice = draw_plan(seed, profile)
        self._plan: Plan = plan
        self._dice: Dice = dice
        self._twilio_struck: Counter[str] = Counter()

    def _note_surprise(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None and not isinstance(error, Killed | psycopg.Error | SQLAlchemyError):
            self._surprises.append(f"simulation: {type(error).__name__}: {error}"[:300])

    async def run(self) -> Outcome:
        plan, dice = self._plan, self._dice
        clock = VirtualClock(plan.starts_at)
        trace = Trace(clock)
        twilio = TwilioEmulator(clock, seed=derive_seed(self._seed, "twilio"), account=Account())
        twilio.behaviour = msgspec.structs.replace(twilio.behaviour, window_s=STRICT_S, read_s=4.0)
        await self._write_world(clock, twilio)
        meter = MeteredModel(OfflineTransport())
        model = FaultyTransport(meter, clock)
        around = Surroundings(
            database_url=self._ground.database_url,
            observer=self._ground.observer,
            clock=clock,
            trace=trace,
            dice=dice,
            twilio=twilio,
            model=model,
            broker=FaultyBroker(dice, trace),
            settings=msgspec.structs.replace(
                SETTINGS, tick_s=plan.tick_s, reconcile_s=RECONCILE_S, under_way_s=UNDER_WAY_S
            ),
            seed=self._seed,
            latency_s=plan.latency_s,
            attacks=self._list_attacks(),
            outage=Outage(clock),
            waits=LockWaits(self._ground.observer),
            walls=plan.walls,
        )
        processes = self._make_processes(around)
        webs = [each for each in processes if each.name.startswith("web")]
        checker = SignatureChecker(PUBLIC_URL, (twilio.account.auth_token,))
        carrier = Carrier(twilio, webs, checker, partial(is_taken_in, self._ground.observer))
        twilio.sink = carrier.post
        for process in processes:
            process.start()
        background = [
            asyncio.ensure_future(twilio.run()),
            asyncio.ensure_future(around.broker.flush_now_and_then()),
            asyncio.ensure_future(self._upset(around, processes)),
        ]
        phones, seen = self._hand_out_phones(carrier, trace, twilio)
        await self._let_people_play(phones)
        await self._let_arrive(carrier)
        await asyncio.sleep(plan.lingers_s)
        rested_after_s = await self._heal(around, processes, clock, carrier)
        for task in background:
            task.cancel()
        for process in processes:
            await process.end()
        for lane in carrier.accepted.values():
            seen.accepted_by[lane] += 1
        seen.accepted |= set(carrier.accepted)
        seen.reported += [read_report(each) for each in twilio.callbacks if each.answered == OK]
        seen.now = clock.now()
        seen.never_taken = carrier.under_way
        seen.forged |= carrier.forged
        seen.hasty |= carrier.hasty
        # what is wrong in them is no reason to ask again: they are answers like others
        seen.model_answers = meter.answered + sum(model.struck[kind] for kind in USABLE)
        violations = check(self._ground.observer, plan, seen, dice.struck)
        if rested_after_s is None:
            violations.insert(0, Violation("rest", "work was left two minutes after the last fault"))
        return self._conclude(around, seen, violations, rested_after_s, processes)

    def _make_processes(self, around: Surroundings) -> list[Process]:
        plan = self._plan
        work = partial(work_through, broker=around.broker, threads=plan.threads)
        skews = Random(derive_seed(self._seed, "clocks"))

        def make(name: str, doing: Work | None = None, lock_timeout_s: float = 0.0) -> Process:
            skew_s = skews.uniform(-SKEW_S, SKEW_S) if plan.skewed else 0.0
            return Process(name, around, doing, lock_timeout_s=lock_timeout_s, skew_s=skew_s)

        return [
            *(make(f"web-{n + 1}", lock_timeout_s=LOCK_TIMEOUT_S) for n in range(2)),
            *(make(f"worker-{n + 1}", work) for n in range(plan.workers)),
            *(make(f"ticker-{n + 1}", tick_along) for n in range(plan.tickers)),
        ]

    def _list_attacks(self) -> list[Attack]:
        """What a model that obeys an injection may try, with ids and numbers of everybody there is."""
        known = {"number": self._plan.humans[0].phone, "customer": self._plan.customers[0].phone}
        for table in ("organizations", "staff", "services", "people", "conversations"):
            key = "organization_id" if table == "organizations" else "id"
            rows = self._ground.observer.execute(_SOME_IDS.format(sql.Identifier(key), sql.Identifier(table)))
            known |= {f"{table} {number}": str(row[0]) for number, row in enumerate(rows)}
        return list_attacks(specs_for(Actor.CUSTOMER), known)

    async def _upset(self, around: Surroundings, processes: Sequence[Process]) -> None:
        """Releases, and restarts of the database, from time to time; until cancelled."""
        dice = self._dice
        while True:
            await asyncio.sleep(MISHAP_EVERY_S)
            if dice.strikes(Knob.PROCESS_DEPLOYED):
                for process in processes:
                    process.drain()
            if dice.strikes(Knob.DATABASE_RESTARTED):
                around.trace.add("database", "is restarted")
                around.outage.begin(dice.random.uniform(*RESTART_S))
                for process in processes:
                    process.lose_connections()

    async def _write_world(self, clock: VirtualClock, twilio: TwilioEmulator) -> None:
        ground, plan = self._ground, self._plan
        connect = make_connect(ground.observer, DatabaseSwitch())
        scenery: Database = open_database(
            ground.database_url, connect=connect, pool_size=1, check_references=ground.check_references
        )
        windows = list_open_windows(plan.world)
        for window in windows:
            twilio.open_window(f"whatsapp:{window.ours}", f"whatsapp:{window.theirs}", clock.now())
        try:
            await clear_world(scenery)
            await seed_world(
                scenery,
                plan.world,
                ids=SeededIds(clock, derive_seed(self._seed, "world")),
                now=clock.now(),
                windows=windows,
                templates=shelve_templates(twilio, clock.now()),
            )
        finally:
            await scenery.close()

    def _hand_out_phones(self, carrier: Carrier, trace: Trace, twilio: TwilioEmulator) -> tuple[Phones, Seen]:
        plan, seen = self._plan, Seen()
        phones: Phones = {}
        people: tuple[Customer | Human, ...] = (*plan.customers, *plan.humans)
        for person in people:
            number = plan.world.organizations[person.business].channel
            phone = Phone(person.name, f"whatsapp:{person.phone}", f"whatsapp:{number}", carrier, trace)
            phones[person.phone, person.business] = phone
        businesses = {f"whatsapp:{it.channel}": place for place, it in enumerate(plan.world.organizations)}

        def arrive(sent: SentRecord) -> None:
            seen.sent.append(sent)
            seen.unmarked += is_unmarked(self._ground.observer, sent)
            trace.add("twilio", f"accepts {sent.outbox_id} for {sent.to_address}: {sent.failure or ''} {sent.body!r}")
            business = businesses.get(sent.from_address, -1)
            phone = phones.get((sent.to_address.removeprefix("whatsapp:"), business))
            if phone is not None and sent.failure is None:
                phone.receive(sent)

        twilio.subscribe(arrive)
        return phones, seen

    async def _let_people_play(self, phones: Phones) -> None:
        plan, dice = self._plan, self._dice
        team = [
            HumanPlay(human, phones[human.phone, human.business], dice, partial(self._list_colleagues, phones, human))
            for human in plan.humans
        ]
        humans = [asyncio.ensure_future(play.run()) for play in team]
        customers = [
            asyncio.ensure_future(CustomerPlay(customer, phones[customer.phone, customer.business], dice).run())
            for customer in plan.customers
        ]
        humans.append(asyncio.ensure_future(self._remove_somebody()))
        errands = [
            asyncio.ensure_future(
                run_errands(phones[it.phone, it.business], it.errands, self._seed, f"{it.phone} {it.business}")
            )
            for it in plan.humans
        ]
        await asyncio.wait([*customers, *errands], timeout=PLAY_LIMIT_S)
        for task in (*customers, *humans, *errands):
            task.cancel()
        await asyncio.wait({*customers, *humans, *errands})
        for task in (*customers, *humans, *errands):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _let_arrive(self, carrier: Carrier) -> None:
        for _ in range(round(TAKEN_LIMIT_S / LOOK_S)):
            if not carrier.under_way:
                return
            await asyncio.sleep(LOOK_S)

    def _list_colleagues(self, phones: Phones, own: Human) -> list[Phone]:
        team = [it for it in self._plan.humans if it.business == own.business and it.phone != own.phone]
        return [phones[it.phone, it.business] for it in team]

    async def _remove_somebody(self) -> None:
        """Somebody of the team leaves the business in the middle of it."""
        dice, plan = self._dice, self._plan
        await asyncio.sleep(dice.random.uniform(5.0, 120.0))
        if dice.strikes(Knob.HUMAN_REMOVED):
            human = dice.random.choice(plan.humans)
            while not try_to_remove(self._ground.observer, plan.world.organizations[human.business].name, human.name):
                await asyncio.sleep(LOOK_S)

    async def _heal(
        self, around: Surroundings, processes: Sequence[Process], clock: VirtualClock, carrier: Carrier
    ) -> float | None:
        """Nothing goes wrong any more; how long until everything is final."""
        around.trace.add("world", "is sound from here")
        self._dice.on = False
        self._twilio_struck = Counter(around.twilio.faults.struck)
        around.twilio.faults.clear()
        # who was stopped goes on by and by; until then the last fault is not over
        await asyncio.sleep(max(0.0, *(process.stopped_until_s - clock.elapsed_s for process in processes)))
        began_s = clock.elapsed_s
        limit = clock.now() + timedelta(seconds=REST_LIMIT_S)
        while clock.now() < limit:
            await asyncio.sleep(LOOK_S)
            row = self._ground.observer.execute(AT_REST, (clock.now() - timedelta(seconds=5),)).fetchone()
            if row is not None and row[0] == 0 and not carrier.under_way:
                return clock.elapsed_s - began_s
        return None

    def _conclude(
        self,
        around: Surroundings,
        seen: Seen,
        violations: list[Violation],
        rested_after_s: float | None,
        processes: list[Process],
    ) -> Outcome:
        faults = {str(knob): count for knob, count in self._dice.struck.items() if not knob.startswith("twilio.")}
        faults |= {f"twilio.{kind}": count for kind, count in self._twilio_struck.items()}
        row = self._ground.observer.execute(
            "select (select count(*) from conversations where last_inbound_at is not null),"
            " (select count(*) from inbox), (select count(*) from steps where kind = 'model')"
        ).fetchone()
        assert row is not None
        return Outcome(
            seed=self._seed,
            conversations=row[0],
            messages=row[1],
            sent=len(seen.sent),
            model_calls=row[2],
            faults=dict(sorted(faults.items())),
            violations=violations,
            crashes=[crash for process in processes for crash in process.crashes] + self._surprises,
            trace_hash=around.trace.digest,
            virtual_s=around.clock.elapsed_s,
            rested_after_s=rested_after_s,
            lines=around.trace.lines,
        )
