"""`parlo up`: all of Parlo on this machine, as it runs in production, with Twilio and the model emulated.

It starts the embedded Postgres and Valkey, migrates, writes the seed business, serves the Twilio emulator and (where
no key for a real model is set) the offline model in this process, and keeps web, worker and ticker running as
processes of their own. The Simulate page (`sim.simulate`) is served beside the emulator. Nothing leaves the machine
unless a key for a real model is set.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import cast

import aiohttp
import msgspec
from sqlalchemy import select

from runtime.adapters.embedded import choose_database_url, choose_redis_url, find_home
from runtime.adapters.system import SystemIds
from runtime.bootstrap import open_templates
from runtime.domain.errors import Broken
from runtime.domain.identity import canonical_key
from runtime.ports import Clock
from runtime.settings import read_settings
from runtime.store.database import Database, open_database
from runtime.store.migrate import migrate
from runtime.store.tables import channels
from runtime.templates import sync_templates
from sim.clock_file import ClockFile, clock_path
from sim.offline_model.server import OfflineApp
from sim.seeding import seed_world
from sim.serving import Asgi, address_of, listen, serve
from sim.simulate.app import Simulation
from sim.simulate.pages import create_app
from sim.simulate.rows import find_newest_moment, list_heard
from sim.supervising import Child, Program, supervise
from sim.twilio.emulator import Account, TwilioEmulator
from sim.twilio.reports import Behaviour
from sim.twilio.server import EmulatorApp, HttpFetcher, HttpSink
from sim.up_record import PROGRAM, UpRecord, compose_environment, list_announcement, record_path, write_record
from sim.windows import STRICT_S
from sim.worlds import World, load_world

USUAL_PORT = 8000
USUAL_SIMULATE_PORT = 8080
READ_S = 4.0
"""People on the page look at a message this long after it was sent."""
READY_LIMIT_S = 60.0
SERVERS_S = 2.0
"""How often the embedded servers are looked at."""

Tell = Callable[[str], None]


class UpOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What may be chosen. A port of None is any free one; web and page prefer 8000 and 8080."""

    world: str = "estetica-lupita"
    web_port: int | None = None
    twilio_port: int | None = None
    model_port: int | None = None
    simulate_port: int | None = None
    workers: int = 1


def run_up(options: UpOptions, environment: Mapping[str, str], tell: Tell) -> int:
    """Run everything until told to stop.

    Args:
        options: What was chosen.
        environment: Of this process; `DATABASE_URL`, `REDIS_URL` and `OPENAI_API_KEY` are respected.
        tell: Shows a line to the person at the terminal.

    Returns:
        The number of the signal that ended it.

    Raises:
        Broken: It runs already, or something does not start.
    """
    read_settings(environment)
    world = load_world(options.world)
    with _hold_home(environment):
        database_url, redis_url = choose_database_url(environment), choose_redis_url(environment)
        migrate(database_url)
        # bound here for web: between looking for a free port and taking it, another `up` could take it too
        with listen(options.web_port, USUAL_PORT) as door:
            return asyncio.run(_Up(options, world, environment, tell).run(database_url, redis_url, door))


class _Up:
    def __init__(self, options: UpOptions, world: World, environment: Mapping[str, str], tell: Tell) -> None:
        self._options = options
        self._world = world
        self._environment = environment
        self._tell = tell
        self._children: list[Child] = []
        self._signals: list[int] = []
        self._file = ClockFile(clock_path(environment))

    async def run(self, database_url: str, redis_url: str, door: socket.socket) -> int:
        await self._prepare(database_url)
        ended, hurried = self._watch_signals()
        web = address_of(door)
        async with (
            self._serve_twilio(web) as emulator,
            self._serve_model() as model,
            self._serve_simulate(web, database_url, emulator) as simulate,
        ):
            record = UpRecord(
                web=web,
                simulate=simulate,
                twilio=emulator.account.api_url,
                model=model,
                database_url=database_url,
                redis_url=redis_url,
                account_sid=emulator.account.account_sid,
                auth_token=emulator.account.auth_token,
                numbers=_list_numbers(self._world),
                processes={},
            )
            await _recall(record, emulator, self._file.clock)
            self._children = self._make_children(record, door.fileno())
            supervising = asyncio.ensure_future(supervise(self._children, ended, hurried))
            servers = asyncio.ensure_future(self._keep_servers(record))
            try:
                await self._announce(record, ended)
                while not ended.is_set():
                    self._write(record)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.25):
                            await ended.wait()
            finally:
                servers.cancel()
                record_path(self._environment).unlink(missing_ok=True)
                ended.set()
                self._tell("stopping")
                await supervising
        return self._signals[0] if self._signals else signal.SIGTERM

    def _watch_signals(self) -> tuple[asyncio.Event, asyncio.Event]:
        """Two events: told to end, and told again."""
        ended, hurried = asyncio.Event(), asyncio.Event()

        def end(number: int) -> None:
            self._signals.append(number)
            (hurried if ended.is_set() else ended).set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, end, number)
        return ended, hurried

    @asynccontextmanager
    async def _serve_twilio(self, web: str) -> AsyncIterator[TwilioEmulator]:
        listening = listen(self._options.twilio_port)
        emulator = TwilioEmulator(
            self._file.clock,
            # Sids must differ from those of the last time: the database remembers them.
            seed=SystemIds().new().int,
            account=Account(api_url=address_of(listening)),
            behaviour=Behaviour(read_s=READ_S, window_s=STRICT_S),
            sink=HttpSink(),
        )
        emulator.fetcher = HttpFetcher()
        async with serve(EmulatorApp(emulator, _webhook_of(web)), listening):
            yield emulator

    @asynccontextmanager
    async def _serve_simulate(self, web: str, database_url: str, emulator: TwilioEmulator) -> AsyncIterator[str]:
        listening = listen(self._options.simulate_port, USUAL_SIMULATE_PORT)
        database = open_database(database_url, pool_size=1)
        phones = find_home(self._environment) / "phones.json"
        simulation = Simulation(self._world, database, emulator, _webhook_of(web), self._file, phones)
        async with serve(cast(Asgi, create_app(simulation)), listening):
            yield address_of(listening)

    async def _prepare(self, database_url: str) -> None:
        """Write the world, and let no row of an earlier run lie in the future."""
        database = open_database(database_url, pool_size=1)
        try:
            newest = await find_newest_moment(database)
            if newest is not None:
                self._file.reach(newest)
            await _seed(database, self._world, self._file.clock)
        finally:
            await database.close()

    @asynccontextmanager
    async def _serve_model(self) -> AsyncIterator[str | None]:
        if self._environment.get("OPENAI_API_KEY"):
            yield None
            return
        listening = listen(self._options.model_port)
        async with serve(OfflineApp(), listening):
            yield f"{address_of(listening)}/v1"

    def _make_children(self, record: UpRecord, door: int) -> list[Child]:
        environment = {
            **self._environment,
            **compose_environment(record),
            "PARLO_CENTRAL_NUMBER": self._world.central,
            "PARLO_CLOCK_FILE": str(self._file.path),
        }
        words = {"web": ["web", "--socket", str(door)], "ticker": ["ticker"]}
        words |= {"worker" if n == 0 else f"worker-{n + 1}": ["worker"] for n in range(self._options.workers)}
        return [
            Child(
                name,
                Program([*PROGRAM, *command, "--with-parent"], environment, (door,) if name == "web" else ()),
                self._tell,
            )
            for name, command in words.items()
        ]

    async def _announce(self, record: UpRecord, ended: asyncio.Event) -> None:
        if not await wait_until_ready(record.web, ended):
            if ended.is_set():
                return
            raise Broken(f"web did not become ready within {READY_LIMIT_S:.0f} s; what it wrote stands above")
        self._write(record)
        for line in list_announcement(record, self._world.business.name, self._environment):
            self._tell(line)

    async def _keep_servers(self, record: UpRecord) -> None:
        """Start the embedded servers again when they die; those that were given from outside are somebody else's."""
        while True:
            await asyncio.sleep(SERVERS_S)
            try:
                database_url = await asyncio.to_thread(choose_database_url, self._environment)
                redis_url = await asyncio.to_thread(choose_redis_url, self._environment)
            except Broken as error:
                self._tell(str(error))
                continue
            if (database_url, redis_url) != (record.database_url, record.redis_url):
                self._tell("an embedded server had to take another port: stop this and start it again")

    def _write(self, record: UpRecord) -> None:
        """Tell which processes run."""
        pids = {child.name: child.pid for child in self._children if child.pid is not None}
        write_record(self._environment, msgspec.structs.replace(record, processes={"up": os.getpid(), **pids}))


@contextmanager
def _hold_home(environment: Mapping[str, str]) -> Iterator[None]:
    """One `up` at a time for each home: two would answer the same messages through two emulators."""
    home = find_home(environment)
    home.mkdir(parents=True, exist_ok=True)
    with (home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Broken(f"it is up already: {record_path(environment)} says where") from error
        yield


async def _seed(database: Database, world: World, clock: Clock) -> None:
    """Write the world, unless its central number is there already."""
    key = canonical_key(world.central)
    async with database.platform() as uow:
        known = select(channels.c.id).where(channels.c.address == (key.value if key else world.central))
        found = (await uow.run(known)).first()
    if found is None:
        await seed_world(database, world, ids=SystemIds(), now=clock.now())


def _webhook_of(web: str) -> str:
    return f"{web}/webhooks/twilio/messages"


async def _recall(record: UpRecord, emulator: TwilioEmulator, clock: Clock) -> None:
    """Have the emulator know who wrote when, and the templates: it forgot them when it ended, the database did not."""
    account = {"TWILIO_ACCOUNT_SID": record.account_sid, "TWILIO_AUTH_TOKEN": record.auth_token}
    # the vendor's SDK takes a second to import, and the servers must go on meanwhile
    registry = await asyncio.to_thread(open_templates, read_settings({**account, "TWILIO_BASE_URL": record.twilio}))
    database = open_database(record.database_url, pool_size=1)
    try:
        for heard in await list_heard(database):
            emulator.open_window(heard.our_address, heard.their_address, heard.last_inbound_at)
        await sync_templates(database, registry, clock)
    finally:
        await database.close()
        await registry.aclose()


def _list_numbers(world: World) -> dict[str, str]:
    named = {business.name: business.channel for business in world.organizations if business.channel}
    return {**named, "central": world.central}


async def wait_until_ready(web: str, ended: asyncio.Event) -> bool:
    """Wait until web says that it is ready; False where it does not in time, or `ended` came before."""
    deadline = asyncio.get_running_loop().time() + READY_LIMIT_S
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        while asyncio.get_running_loop().time() < deadline and not ended.is_set():
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with session.get(f"{web}/health/ready") as answer:
                    if answer.status == 200:
                        return True
            await asyncio.sleep(0.1)
    return False
