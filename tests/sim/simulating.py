"""The Simulate page over a real database, the emulator and the real webhook, without a network in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from litestar import Litestar
from sqlalchemy import insert, select, update

from runtime.adapters.absent import AbsentMessenger, AbsentModel
from runtime.adapters.queue import RedisQueue
from runtime.adapters.system import SystemIds
from runtime.bootstrap import open_parts
from runtime.parts import Parts
from runtime.settings import Settings
from runtime.store.database import Database, open_database
from runtime.store.tables import conversations, handoffs, inbox, outbox, staff, turns
from runtime.web.app import create_app as create_web
from sim.clock_file import ClockFile
from sim.seeding import seed_world
from sim.simulate.app import Simulation
from sim.simulate.pages import create_app
from sim.twilio.api import ApiRequest
from sim.twilio.emulator import Account, TwilioEmulator
from sim.worlds import load_world

WEB = "http://127.0.0.1:8000"
WEBHOOK = f"{WEB}/webhooks/twilio/messages"
HOST = "127.0.0.1:8080"
PAGE = f"http://{HOST}"
OURS = {"origin": PAGE, "hx-request": "true"}
"""What a browser says of a form of the page itself."""
ANA, LUPITA, BUSINESS = "525512345678", "522220000101", "522220000001"
ANA_CHAT, LUPITA_CHAT = f"{ANA}-{BUSINESS}", f"{LUPITA}-{BUSINESS}"

IDS = SystemIds()


class Page:
    """The page, what it stands on, and rows for it to show."""

    def __init__(self, simulation: Simulation, client: httpx.AsyncClient, parts: Parts) -> None:
        self.simulation = simulation
        self.client = client
        self.parts = parts
        self.emulator = simulation.emulator

    async def read(self) -> str:
        """The page as a browser gets it, after everything that was said has arrived."""
        await self.settle()
        answer = await self.client.get("/")
        assert answer.status_code == 200
        return answer.text

    async def say(
        self, chat: str, data: Mapping[str, str], files: Mapping[str, tuple[str, bytes, str]] | None = None
    ) -> httpx.Response:
        """Post a composer's form."""
        answer = await self.client.post(
            f"/chats/{chat}/mensajes", data=dict(data), files=dict(files) if files else None, headers=OURS
        )
        await self.settle()
        return answer

    async def settle(self) -> None:
        """Wait until everything that was said has been handed over."""
        await self.simulation.speaker.wait()

    async def send(
        self, body: str, *, to: str = "+5215512345678", outbox_id: object = None, media_url: str | None = None
    ) -> str:
        """Ask the emulator to send something of ours; its sid."""
        account = self.emulator.account
        form = [("To", f"whatsapp:{to}"), ("From", f"whatsapp:+{BUSINESS}"), ("Body", body)]
        form += [("StatusCallback", f"{WEB}/webhooks/twilio/status?outbox={outbox_id}")] if outbox_id else []
        form += [("MediaUrl", media_url)] if media_url else []
        path = f"/2010-04-01/Accounts/{account.account_sid}/Messages.json"
        credentials = (account.account_sid, account.auth_token)
        answer = await self.emulator.request(ApiRequest("POST", path, (), form, credentials))
        assert answer.status == 201
        return self.emulator.sent[-1].sid

    async def find_conversation(self, their_key: str = f"+{ANA}") -> dict[str, Any]:
        """Somebody's conversation with the business; they must have written."""
        async with self.parts.database.platform() as uow:
            found = await uow.run(select(conversations).where(conversations.c.their_key == their_key))
            return dict(found.mappings().one())

    async def write_outbox(self, body: str, **values: object) -> object:
        """A message of ours in Ana's conversation; its id."""
        conversation, row_id = await self.find_conversation(), IDS.new()
        now = self.parts.clock.now()
        row = {"kind": "reply", "state": "sent", "attempts": 1, "created_at": now, "not_before": now} | values
        async with self.parts.database.platform() as uow:
            await uow.run(
                insert(outbox).values(
                    organization_id=conversation["organization_id"],
                    id=row_id,
                    conversation_id=conversation["id"],
                    dedupe_key=str(row_id),
                    body=body,
                    **row,
                )
            )
            await uow.commit()
        return row_id

    async def finish_turn(self, sid: str, **values: object) -> object:
        """Route and finish a stored message; the turn's id."""
        conversation, turn_id = await self.find_conversation(), IDS.new()
        now = self.parts.clock.now()
        turn: dict[str, object] = {"state": "done", "route": "5", "reason": "anyone else on a business number"}
        turn |= {"prompt": "customer@1"}
        turn |= {"model": "parlo-offline-1", "started_at": now, "finished_at": now} | values
        async with self.parts.database.platform() as uow:
            tenant = conversation["organization_id"]
            await uow.run(
                insert(turns).values(organization_id=tenant, id=turn_id, conversation_id=conversation["id"], **turn)
            )
            done = update(inbox).where(inbox.c.sid == sid)
            await uow.run(done.values(state="done", route=turn["route"], turn_id=turn_id, finished_at=now))
            await uow.commit()
        return turn_id

    async def write_handoff(self, their_key: str, human: str | None, **values: object) -> None:
        """Somebody asked for a person; `human` is the name of whoever attends."""
        conversation = await self.find_conversation(their_key)
        tenant = conversation["organization_id"]
        async with self.parts.database.platform() as uow:
            staff_id = (await uow.run(select(staff.c.id).where(staff.c.name == human))).scalar() if human else None
            await uow.run(
                insert(handoffs).values(
                    organization_id=tenant,
                    id=IDS.new(),
                    conversation_id=conversation["id"],
                    staff_id=staff_id,
                    **{"reason": "quiere hablar con alguien"} | values,
                )
            )
            await uow.commit()


@asynccontextmanager
async def open_page(
    database_url: str,
    home: Path,
    *,
    world: str = "estetica-lupita",
    seed: bool = True,
    secret: str | None = None,
    read_url: str | None = None,
) -> AsyncIterator[Page]:
    """The page of a world.

    Args:
        database_url: Of the webhook, and of the page too unless `read_url` says otherwise.
        home: Where the clock and added phones are kept.
        world: Its name.
        seed: Write it first.
        secret: What the webhook verifies with, if not what the emulator signs with.
        read_url: Of the page alone.
    """
    given, file = load_world(world), ClockFile(home / "clock")
    account = Account()
    settings = Settings(
        public_url=WEB, twilio_auth_token=secret or account.auth_token, redis_url="redis://127.0.0.1:1/0"
    )
    parts = _open_parts(settings, open_database(database_url, pool_size=2), file)
    if seed:
        await seed_world(parts.database, given, ids=IDS, now=file.clock.now())
    web = create_web(parts)
    async with web.lifespan(), _knock(web, WEB) as twilio:

        async def post(url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> int:
            address = urlsplit(url)
            path = f"{address.path}?{address.query}" if address.query else address.path
            return (await twilio.post(path, data=dict(form), headers=dict(headers))).status_code

        emulator = TwilioEmulator(file.clock, seed=IDS.new().int, account=account, sink=post)
        own = open_database(read_url or database_url, pool_size=1)
        simulation = Simulation(given, own, emulator, WEBHOOK, file, home / "phones.json")
        app = create_app(simulation)
        async with app.lifespan(), _knock(app, PAGE) as client:
            yield Page(simulation, client, parts)


def _knock(app: Litestar, base_url: str) -> httpx.AsyncClient:
    """A client on this same loop, unlike Litestar's own."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]  # its own names
    return httpx.AsyncClient(transport=transport, base_url=base_url)


def _open_parts(settings: Settings, database: Database, file: ClockFile) -> Parts:
    return open_parts(
        settings,
        clock=file.clock,
        database=database,
        model=AbsentModel(),
        messenger=AbsentMessenger(),
        queue=RedisQueue(settings.redis_url or ""),
    )
