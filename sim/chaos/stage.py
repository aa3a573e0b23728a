"""Everything of a chaos run: our processes, each to be killed by itself, and around them what they need.

Web, workers and ticker run as in production and reach Postgres and Valkey through proxies. The Twilio emulator and
the offline model are served over HTTP from the run's own process.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from runtime.adapters.system import SystemClock, SystemIds
from runtime.domain.errors import Broken
from runtime.settings import Settings
from runtime.store.database import open_database
from sim.chaos.carrier import Reporter
from sim.chaos.model import FailingApp
from sim.chaos.proxy import Proxy
from sim.chaos.servers import Servers, port_of, with_port
from sim.handoff_log import watch_handoffs
from sim.seeding import seed_world
from sim.serving import address_of, listen, serve
from sim.stage import shelve_templates
from sim.supervising import Child, Program, supervise
from sim.twilio.emulator import Account, TwilioEmulator
from sim.twilio.reports import Behaviour
from sim.twilio.server import EmulatorApp, HttpSink
from sim.up import READ_S, wait_until_ready
from sim.up_record import PROGRAM, UpRecord, compose_environment
from sim.windows import STRICT_S, list_open_windows
from sim.worlds import World

RESTART_S = 1.0
"""What dies is started again after this long, and after longer if it dies again at once."""
WEBS = 2
RECONCILE_S, UNDER_WAY_S = 20.0, 20.0
"""What could not be delivered is looked for more often than in production, or a run would not come to rest in time."""


class Crew(msgspec.Struct, frozen=True):
    """Which processes of ours there are, and what they are told besides the addresses."""

    workers: int = 2
    settings: Mapping[str, str] = {}

    @property
    def lease_s(self) -> float:
        """How long a worker may hold a conversation."""
        return float(self.settings.get("PARLO_LEASE_S", Settings().lease_s))


class Stage:
    """What runs. Open with `open_stage`.

    Attributes:
        database: The proxy before Postgres.
        broker: The proxy before Valkey.
        children: Our processes by name.
        sink: Brings people's messages to our web.
        reporter: Brings the provider's reports there.
    """

    def __init__(self, servers: Servers, crew: Crew) -> None:
        self.servers = servers
        self.crew = crew
        self.clock = SystemClock()
        self.database = Proxy(port_of(servers.database_url))
        self.broker = Proxy(port_of(servers.redis_url))
        self.model = FailingApp()
        self.sink = HttpSink()
        self.reporter = Reporter(self.sink, self.clock)
        self.children: dict[str, Child] = {}
        self.web = ""
        self.twilio = TwilioEmulator(self.clock)

    def list_children(self, kind: str) -> list[Child]:
        """Our processes of one kind: web, worker or ticker."""
        return [child for name, child in self.children.items() if name.partition("-")[0] == kind]


@asynccontextmanager
async def open_stage(
    servers: Servers, world: World, crew: Crew, folder: Path, environment: Mapping[str, str]
) -> AsyncIterator[Stage]:
    """Write the world, serve what is around, start our processes, and end them all whatever happens.

    Args:
        servers: With an empty, migrated database.
        world: That is written into it.
        crew: Which processes.
        folder: Where they log, a file each.
        environment: Of this process.

    Raises:
        Broken: Web does not become ready.
    """
    stage = Stage(servers, crew)
    door, twilio_door, model_door = listen(None), listen(None), listen(None)
    stage.web = address_of(door)
    stage.twilio = TwilioEmulator(
        stage.clock,
        seed=SystemIds().new().int,
        account=Account(api_url=address_of(twilio_door)),
        behaviour=Behaviour(read_s=READ_S, window_s=STRICT_S),
        sink=stage.reporter,
    )
    await _write_world(stage, world)
    async with (
        _close_behind(stage, door),
        stage.database.serve(),
        stage.broker.serve(),
        serve(EmulatorApp(stage.twilio), twilio_door),
        serve(stage.model, model_door),
    ):
        variables = {
            **{name: value for name, value in environment.items() if not name.startswith(("PARLO_", "OPENAI_"))},
            **compose_environment(_describe(stage, address_of(model_door))),
            "PARLO_CENTRAL_NUMBER": world.central,
            "PARLO_RECONCILE_S": str(RECONCILE_S),
            "PARLO_UNDER_WAY_S": str(UNDER_WAY_S),
            **crew.settings,
        }
        stage.children = _make_children(crew, variables, door, folder)
        async with _supervise(stage):
            yield stage


@asynccontextmanager
async def _close_behind(stage: Stage, door: socket.socket) -> AsyncIterator[None]:
    """Close what is still open when nobody posts anything any more."""
    try:
        yield
    finally:
        door.close()
        await stage.reporter.wait()
        await stage.sink.aclose()


def _describe(stage: Stage, model: str) -> UpRecord:
    account = stage.twilio.account
    return UpRecord(
        web=stage.web,
        simulate="",
        twilio=account.api_url,
        model=f"{model}/v1",
        database_url=with_port(stage.servers.database_url, stage.database.port),
        redis_url=with_port(stage.servers.redis_url, stage.broker.port),
        account_sid=account.account_sid,
        auth_token=account.auth_token,
        numbers={},
        processes={},
    )


async def _write_world(stage: Stage, world: World) -> None:
    now = stage.clock.now()
    windows = list_open_windows(world)
    for window in windows:
        stage.twilio.open_window(f"whatsapp:{window.ours}", f"whatsapp:{window.theirs}", now)
    database = open_database(stage.servers.database_url, pool_size=1)
    try:
        templates = shelve_templates(stage.twilio, now)
        await seed_world(database, world, ids=SystemIds(), now=now, windows=windows, templates=templates)
    finally:
        await database.close()
    await asyncio.to_thread(watch_handoffs, stage.servers.database_url)


def _make_children(crew: Crew, variables: Mapping[str, str], door: socket.socket, folder: Path) -> dict[str, Child]:
    commands: dict[str, tuple[str, ...]] = {
        **{f"web-{n + 1}": ("web", "--socket", str(door.fileno())) for n in range(WEBS)},
        **{f"worker-{n + 1}": ("worker",) for n in range(crew.workers)},
        "ticker": ("ticker",),
    }
    programs = {
        name: Program(
            (*PROGRAM, *command, "--with-parent"),
            variables,
            (door.fileno(),) if command[0] == "web" else (),
            folder / f"{name}.log",
        )
        for name, command in commands.items()
    }
    # its log says what becomes of each
    return {name: Child(name, it, lambda _line: None, restart_s=RESTART_S) for name, it in programs.items()}


@asynccontextmanager
async def _supervise(stage: Stage) -> AsyncIterator[None]:
    ended, hurried = asyncio.Event(), asyncio.Event()
    supervising = asyncio.ensure_future(supervise(list(stage.children.values()), ended, hurried))
    try:
        if not await wait_until_ready(stage.web, ended):
            raise Broken("web does not become ready; its log says why")
        yield
    except BaseException:
        # nothing is measured any more: what is under way need not come to an end
        hurried.set()
        raise
    finally:
        ended.set()
        await supervising
