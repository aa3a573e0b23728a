"""`parlo up`: all of Parlo on this machine, as it runs in production, with Twilio and the model emulated.

It starts the embedded Postgres and Valkey, migrates, writes the seed business, serves the Twilio emulator and (where
no key for a real model is set) the offline model in this process, and keeps web, worker and ticker running as
processes of their own. Nothing leaves the machine unless a key for a real model is set.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress

import aiohttp
import msgspec
from sqlalchemy import select

from runtime.adapters.embedded import choose_database_url, choose_redis_url, find_home
from runtime.adapters.system import SystemClock, SystemIds
from runtime.domain.errors import Broken
from runtime.domain.identity import canonical_key
from runtime.settings import read_settings
from runtime.store.database import open_database
from runtime.store.migrate import migrate
from runtime.store.tables import channels
from sim.offline_model.protocol import MODEL_NAME
from sim.offline_model.server import OfflineApp
from sim.seeding import seed_world
from sim.serving import HOST, address_of, bind, listen, serve
from sim.supervising import Child, supervise
from sim.twilio.emulator import Account, TwilioEmulator
from sim.twilio.server import EmulatorApp, HttpSink
from sim.up_record import UpRecord, record_path
from sim.worlds import World, load_world

USUAL_PORT = 8000
READY_LIMIT_S = 60.0
SERVERS_S = 2.0
"""How often the embedded servers are looked at."""
OFFLINE_KEY = "offline"

Tell = Callable[[str], None]


class UpOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What may be chosen. A port of None is any free one; for the web, 8000 if it is free."""

    world: str = "estetica-lupita"
    web_port: int | None = None
    twilio_port: int | None = None
    model_port: int | None = None
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
        return asyncio.run(_Up(options, world, environment, tell).run(database_url, redis_url))


class _Up:
    def __init__(self, options: UpOptions, world: World, environment: Mapping[str, str], tell: Tell) -> None:
        self._options = options
        self._world = world
        self._environment = environment
        self._tell = tell
        self._children: list[Child] = []
        self._signals: list[int] = []

    async def run(self, database_url: str, redis_url: str) -> int:
        await _seed(database_url, self._world)
        ended, hurried = self._watch_signals()
        web = f"http://{HOST}:{_choose_port(self._options.web_port)}"
        async with self._serve_twilio(web) as (twilio, account), self._serve_model() as model:
            record = UpRecord(
                web=web,
                twilio=twilio,
                model=model,
                database_url=database_url,
                redis_url=redis_url,
                account_sid=account.account_sid,
                auth_token=account.auth_token,
                numbers=_list_numbers(self._world),
                processes={},
            )
            self._children = self._make_children(record)
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
    async def _serve_twilio(self, web: str) -> AsyncIterator[tuple[str, Account]]:
        listening = listen(self._options.twilio_port)
        address = address_of(listening)
        account = Account(api_url=address)
        # Sids must differ from those of the last time: the database remembers them.
        seed = SystemIds().new().int
        emulator = TwilioEmulator(SystemClock(), seed=seed, account=account, sink=HttpSink())
        async with serve(EmulatorApp(emulator, f"{web}/webhooks/twilio/messages"), listening):
            yield address, account

    @asynccontextmanager
    async def _serve_model(self) -> AsyncIterator[str | None]:
        if self._environment.get("OPENAI_API_KEY"):
            yield None
            return
        listening = listen(self._options.model_port)
        async with serve(OfflineApp(), listening):
            yield f"{address_of(listening)}/v1"

    def _make_children(self, record: UpRecord) -> list[Child]:
        environment = {
            **self._environment,
            "DATABASE_URL": record.database_url,
            "REDIS_URL": record.redis_url,
            "TWILIO_BASE_URL": record.twilio,
            "TWILIO_ACCOUNT_SID": record.account_sid,
            "TWILIO_AUTH_TOKEN": record.auth_token,
            "PARLO_PUBLIC_URL": record.web,
            "PARLO_CENTRAL_NUMBER": self._world.central,
        }
        if record.model is not None:
            environment |= {
                "OPENAI_API_KEY": OFFLINE_KEY,
                "OPENAI_BASE_URL": record.model,
                "PARLO_CUSTOMER_MODEL": MODEL_NAME,
                "PARLO_CLASSIFIER_MODEL": MODEL_NAME,
            }
        program = [sys.executable, "-m", "evals.cli"]
        port = record.web.rpartition(":")[2]
        words = {"web": ["web", "--host", HOST, "--port", port], "ticker": ["ticker"]}
        words |= {"worker" if n == 0 else f"worker-{n + 1}": ["worker"] for n in range(self._options.workers)}
        return [
            Child(name, [*program, *command, "--with-parent"], environment, self._tell)
            for name, command in words.items()
        ]

    async def _announce(self, record: UpRecord, ended: asyncio.Event) -> None:
        if not await _wait_until_ready(record.web, ended):
            if ended.is_set():
                return
            raise Broken(f"web did not become ready within {READY_LIMIT_S:.0f} s; what it wrote stands above")
        business = self._world.business
        self._write(record)
        for line in (
            f"{business.name} is open on WhatsApp {business.channel} (central number {self._world.central})",
            f"  web     {record.web}/health/ready",
            f"  twilio  {record.twilio}/emulator/sent (emulated)",
            f"  model   {record.model or 'as OPENAI_API_KEY says'}" + (" (offline)" if record.model else ""),
            f"  record  {record_path(self._environment)}",
            "write to it:",
            '  ./just parlo say --as +5215512345678 "hola, quiero un corte mañana a las 4"',
            f"  curl {record.twilio}/emulator/inbound -d '"
            + msgspec.json.encode(
                {
                    "from_address": "whatsapp:+5215512345678",
                    "to_address": f"whatsapp:{business.channel}",
                    "text": "hola",
                }
            ).decode()
            + "'",
            "Ctrl-C stops it all.",
        ):
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
        """Tell which processes run. Replaced at once, so that nobody reads half of it."""
        pids = {child.name: child.pid for child in self._children if child.pid is not None}
        now = msgspec.structs.replace(record, processes={"up": os.getpid(), **pids})
        path = record_path(self._environment)
        content = msgspec.json.format(msgspec.json.encode(now), indent=2)
        if path.exists() and path.read_bytes() == content:
            return
        draft = path.with_suffix(".new")
        # it holds passwords, if only of servers that listen to this machine alone
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        draft.replace(path)


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


async def _seed(database_url: str, world: World) -> None:
    """Write the world, unless its central number is there already."""
    key = canonical_key(world.central)
    database = open_database(database_url, pool_size=1)
    try:
        async with database.platform() as uow:
            known = select(channels.c.id).where(channels.c.address == (key.value if key else world.central))
            found = (await uow.run(known)).first()
        if found is None:
            await seed_world(database, world, ids=SystemIds(), now=SystemClock().now())
    finally:
        await database.close()


def _list_numbers(world: World) -> dict[str, str]:
    named = {business.name: business.channel for business in world.organizations if business.channel}
    return {**named, "central": world.central}


def _choose_port(given: int | None) -> int:
    """A port for a process that is not started yet, and may be started again."""
    for port in (given,) if given else (USUAL_PORT, 0):
        try:
            with bind(port) as probe:
                return int(probe.getsockname()[1])
        except OSError:
            continue
    raise Broken(f"port {given} is taken")


async def _wait_until_ready(web: str, ended: asyncio.Event) -> bool:
    deadline = asyncio.get_running_loop().time() + READY_LIMIT_S
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        while asyncio.get_running_loop().time() < deadline and not ended.is_set():
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with session.get(f"{web}/health/ready") as answer:
                    if answer.status == 200:
                        return True
            await asyncio.sleep(0.1)
    return False
