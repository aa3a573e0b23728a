"""What a worker process needs around it: emulated vendors on the network, a ticker, a broker of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import redis
from sqlalchemy import func, select

from runtime.adapters.absent import AbsentMedia, AbsentMessenger, AbsentModel
from runtime.adapters.embedded import choose_redis_url
from runtime.adapters.queue import RedisQueue
from runtime.adapters.system import SystemClock, SystemIds
from runtime.bootstrap import open_parts
from runtime.inbox import accept
from runtime.parts import Parts
from runtime.settings import Settings, read_settings
from runtime.store.database import Database
from runtime.store.tables import inbox, outbox
from runtime.ticker import run_forever
from sim.offline_model.protocol import MODEL_NAME
from sim.offline_model.server import OfflineApp
from sim.seeding import seed_world
from sim.serving import address_of, listen, serve
from sim.twilio.emulator import Account, TwilioEmulator
from sim.twilio.server import EmulatorApp
from sim.worlds import load_world

LIMIT_S = 60.0
BUSINESS = "whatsapp:+522220000001"


class GatedModel:
    """The offline model behind a gate.

    Attributes:
        asked: How many questions have come.
        held: Numbers of the questions that wait, the first being 1; empty lets everything through.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.held: set[int] = set()
        self._app = OfflineApp()

    async def __call__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            self.asked += 1
            number = self.asked
            while number in self.held:
                await asyncio.sleep(0.02)
        await self._app(scope, receive, send)


class Surroundings:
    """A seeded business, emulated vendors, a ticker, and whatever workers a test starts."""

    def __init__(self, parts: Parts, twilio: TwilioEmulator, model: GatedModel, environment: Mapping[str, str]) -> None:
        self.parts = parts
        self.twilio = twilio
        self.model = model
        self.environment = environment
        self.settings: Settings = parts.settings

    async def write(self, text: str, sid: str, sender: str = "+5215512345678") -> None:
        """A person writes to the business."""
        form = {"MessageSid": sid, "From": f"whatsapp:{sender}", "To": BUSINESS, "Body": text, "ProfileName": "Ana"}
        await accept(self.parts, form)

    async def start_process(self, **settings: str) -> asyncio.subprocess.Process:
        """A worker of its own process, which can be killed; it ends with this one. `settings` are for it alone."""
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "evals.cli", "worker", "--with-parent",
            env={**self.environment, **settings}, stdin=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Raises AssertionError when it does not come true."""
        try:
            async with asyncio.timeout(LIMIT_S):
                while not condition():
                    await asyncio.sleep(0.02)
        except TimeoutError as error:
            raise AssertionError(f"{what} did not happen within {LIMIT_S} s") from error

    async def wait_for_answers(self, count: int) -> None:
        """So many messages were accepted by the provider."""
        await self.wait_for(lambda: len(self.twilio.sent) >= count, f"answer {count}")

    async def count_rows(self) -> tuple[dict[str, int], int]:
        """Inbound messages by state, and outbound messages."""
        async with self.parts.database.platform() as uow:
            states = await uow.run(select(inbox.c.state, func.count().label("number")).group_by(inbox.c.state))
            sent = await uow.run(select(func.count()).select_from(outbox))
            return {str(row["state"]): int(row["number"]) for row in states.mappings()}, int(sent.scalar_one())

    def flush_broker(self) -> None:
        """The broker forgets everything, its scripts too."""
        with redis.Redis.from_url(self.settings.redis_url or "") as client:
            client.flushdb()
            client.script_flush()


@asynccontextmanager
async def surroundings(database: Database, database_url: str) -> AsyncIterator[Surroundings]:
    """All of it, and a ticker that runs meanwhile."""
    world = load_world("estetica-lupita")
    await seed_world(database, world, ids=SystemIds(), now=SystemClock().now())
    model, twilio_socket, model_socket = GatedModel(), listen(None), listen(None)
    account = Account(api_url=address_of(twilio_socket))
    twilio = TwilioEmulator(SystemClock(), seed=7, account=account)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
        "DATABASE_URL": database_url,
        "REDIS_URL": _own_redis(),
        "TWILIO_BASE_URL": account.api_url,
        "TWILIO_ACCOUNT_SID": account.account_sid,
        "TWILIO_AUTH_TOKEN": account.auth_token,
        "OPENAI_API_KEY": "offline",
        "OPENAI_BASE_URL": f"{address_of(model_socket)}/v1",
        "PARLO_CUSTOMER_MODEL": MODEL_NAME,
        "PARLO_CLASSIFIER_MODEL": MODEL_NAME,
        "PARLO_CENTRAL_NUMBER": world.central,
        "PARLO_QUIET_S": "0.05",
        "PARLO_TICK_S": "0.05",
        "PARLO_LEASE_S": "2",
        "PARLO_REOFFER_S": "0.5",
        "PARLO_WORKER_THREADS": "4",
        "PARLO_POOL_SIZE": "3",
    }
    settings = read_settings({name: environment[name] for name in environment if name != "PARLO_HOME"})
    queue = RedisQueue(settings.redis_url or "")
    parts = open_parts(
        settings,
        database=database,
        model=AbsentModel(),
        messenger=AbsentMessenger(),
        media=AbsentMedia(),
        queue=queue,
    )
    async with serve(EmulatorApp(twilio), twilio_socket), serve(model, model_socket):
        around = Surroundings(parts, twilio, model, environment)
        around.flush_broker()
        ticking = asyncio.ensure_future(run_forever(parts))
        try:
            yield around
        finally:
            model.held.clear()
            ticking.cancel()
            await asyncio.wait({ticking})
            queue.close()


def _own_redis() -> str:
    """One of the server's databases for each test process: a flush of one is not felt by the others."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw14").removeprefix("gw")) % 15 + 1
    return f"{choose_redis_url(os.environ).rpartition('/')[0]}/{number}"
