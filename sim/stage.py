"""Production's runtime on a stage: a virtual clock, the offline model, emulated Twilio, a real Postgres.

A `Stage` is a database with its stepwise connections and serves one conversation after another. A
`Scene` is the runtime put together for one of them, seeded, with its own clock.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cache, partial
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec
import psycopg

from runtime.adapters.openai import OpenAIModel
from runtime.adapters.twilio.media import TwilioMedia
from runtime.adapters.twilio.messenger import STATUS_PATH, TwilioAccount, TwilioMessenger
from runtime.adapters.twilio.signature import SignatureChecker
from runtime.adapters.twilio.templates import compose_content
from runtime.agent.prompts import load_prompt
from runtime.bootstrap import open_parts
from runtime.domain.enums import TemplateStatus
from runtime.domain.errors import Unavailable
from runtime.domain.ids import ConversationId
from runtime.domain.templates import CATALOGUE, Template
from runtime.media import MEDIA_PATH, open_address
from runtime.parts import Parts
from runtime.ports import Job
from runtime.settings import Settings
from runtime.store.database import Connect, Database, open_database
from runtime.store.templates import TemplateRow, describe_version
from runtime.webhook import receive
from sim.model_faults import FaultyTransport
from sim.model_transport import choose_transport
from sim.seeding import clear_world, is_superuser, seed_world, vacuum_tables
from sim.stepwise import DatabaseSwitch, make_connect
from sim.twilio.contents import NewContent
from sim.twilio.emulator import Account, TwilioEmulator
from sim.twilio.files import Fetched
from sim.twilio.transport import EmulatedHttp
from sim.virtual_time import SeededIds, VirtualClock, derive_seed
from sim.windows import STRICT_S, NamedWindows, OpenWindow, list_open_windows
from sim.worlds import World

OFFLINE_MODEL = "parlo-offline-1"
PUBLIC_URL = "https://api.parlo.example"
MESSAGES_URL = f"{PUBLIC_URL}/webhooks/twilio/messages"

SETTINGS = Settings(
    public_url=PUBLIC_URL,
    customer_model=OFFLINE_MODEL,
    classifier_model=OFFLINE_MODEL,
    transcription_model=OFFLINE_MODEL,
    vision_model=OFFLINE_MODEL,
    media_secret="emulated-media-secret",
)
"""Production's settings but for the names of things that are not real here."""


def describe_prompts(settings: Settings) -> dict[str, str]:
    """The prompts a replay uses, each with its hash."""
    references = (
        settings.customer_prompt,
        settings.staff_prompt,
        settings.owner_intent_prompt,
        settings.asks_human_prompt,
    )
    return {reference: load_prompt(reference, settings.prompt_drafts).digest for reference in references}


TIDY_EVERY = 50
"""Scenes leave dead rows behind, which slow the next ones down; tidying up has every plan made anew."""


class Stage:
    """A database for replays. Open with `open_stage`.

    Attributes:
        open_model: Opens what answers the next scene's model requests; the offline model in process unless it is
            replaced, for example by `sim.live_transport.LiveTransport`.
    """

    def __init__(
        self,
        database: Database,
        switch: DatabaseSwitch,
        settings: Settings,
        scenery: Database,
        owner: psycopg.Connection[Any],
    ) -> None:
        self.database = database
        self.switch = switch
        self.settings = settings
        self._scenery = scenery
        self.open_model: Callable[[], httpx2.AsyncBaseTransport] = partial(choose_transport, settings)
        self._owner = owner
        self._scenes = 0

    async def set_scene(
        self, world: World, starts_at: datetime, seed: int, windows: NamedWindows | None = None
    ) -> Scene:
        """Wipe the database, write a world into it, and put the runtime together around it.

        Args:
            world: Where it plays.
            starts_at: The moment it begins.
            seed: Of all chance.
            windows: Whose 24 hours are open; the provider keeps to them. With None it lets everything pass.
        """
        self.switch.bring_back()
        self._scenes += 1
        if self._scenes % TIDY_EVERY == 0:
            vacuum_tables(self._owner)
        clock = VirtualClock(starts_at)
        ids = SeededIds(clock, derive_seed(seed, "ids"))
        scene = Scene(self, clock, ids, seed)
        open_windows = list_open_windows(world, windows)
        if windows is not None:
            scene.keep_windows(open_windows)
        await clear_world(self._scenery)
        await seed_world(
            self._scenery,
            world,
            ids=ids,
            now=clock.now(),
            windows=open_windows,
            templates=shelve_templates(scene.twilio, clock.now()),
        )
        return scene

    async def restart(self) -> None:
        """Forget the connections of a process that was killed, as the one started in its place does."""
        self.switch.bring_back()
        await self.database.close()


@asynccontextmanager
async def open_stage(
    database_url: str,
    settings: Settings = SETTINGS,
    *,
    connecting: Callable[[psycopg.Connection[Any], DatabaseSwitch], Connect] = make_connect,
) -> AsyncIterator[Stage]:
    """Open a database for replays; it must hold the newest schema and nothing anybody wants to keep.

    Args:
        database_url: Its address.
        settings: Of the runtime.
        connecting: Makes what connects, from a connection that looks for lock waits.
    """
    switch = DatabaseSwitch()
    with psycopg.connect(database_url, autocommit=True) as observer:
        connect = connecting(observer, switch)
        database = open_database(database_url, connect=connect, pool_size=20)
        # a world is written for each conversation, and its references were checked when it was written in a test
        scenery = open_database(database_url, connect=connect, pool_size=1, check_references=not is_superuser(observer))
        try:
            yield Stage(database, switch, settings, scenery, observer)
        finally:
            switch.bring_back()
            await scenery.close()
            await database.close()


class Scene:
    """The runtime for one conversation, and the outside world around it.

    Attributes:
        twilio: The emulated provider; what people receive is in `twilio.sent`.
        model: Where faults of the model are injected.
    """

    def __init__(self, stage: Stage, clock: VirtualClock, ids: SeededIds, seed: int) -> None:
        self.stage = stage
        self.clock = clock
        self.model = FaultyTransport(stage.open_model(), clock)
        self.twilio = TwilioEmulator(clock, seed=derive_seed(seed, "twilio"), account=Account(), sink=self.post)
        self.twilio.fetcher = self.fetch
        self.queue = LocalQueue()
        account = self.twilio.account
        identity = TwilioAccount(account.account_sid, account.auth_token)
        provider = EmulatedHttp(self.twilio)
        http_client = httpx2.AsyncClient(transport=self.model)
        model = OpenAIModel(
            api_key="offline", base_url="http://offline/v1", clock=clock, ids=ids, http_client=http_client
        )
        self.parts: Parts = open_parts(
            stage.settings,
            clock=clock,
            ids=ids,
            database=stage.database,
            model=model,
            perception=model,
            messenger=TwilioMessenger(identity, PUBLIC_URL, http_client=provider),
            media=TwilioMedia(identity, download=provider),
            queue=self.queue,
        )
        self._checker = SignatureChecker(PUBLIC_URL, (account.auth_token,))

    def keep_windows(self, windows: Sequence[OpenWindow]) -> None:
        """Have the provider refuse words to whoever has not written for a day; these have just now."""
        self.twilio.behaviour = msgspec.structs.replace(self.twilio.behaviour, window_s=STRICT_S)
        for window in windows:
            self.twilio.open_window(f"whatsapp:{window.ours}", f"whatsapp:{window.theirs}", self.clock.now())

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> int:
        """Hand a webhook to the runtime's own door and give the HTTP status."""
        split = urlsplit(url)
        path = f"{split.path}?{split.query}" if split.query else split.path
        return await receive(self.parts, self._checker, path, list(form.items()), headers)

    async def fetch(self, url: str) -> Fetched:
        """Ask for one of our addresses as anybody may, and give what the web process would answer."""
        if not url.startswith(f"{PUBLIC_URL}/"):
            return Fetched(0)
        place, _, signature = url.removeprefix(f"{PUBLIC_URL}{MEDIA_PATH}/").rpartition("/")
        try:
            file = await open_address(self.parts, place, signature)
        except Unavailable:
            return Fetched(503)
        return Fetched(200, file.content_type, file.content) if file else Fetched(404)

    async def report(self, address: str, status: str, error_code: int | None) -> int:
        """Post a status callback for the latest message sent to an address, out of the provider's own course."""
        sent = next(each for each in reversed(self.twilio.sent) if each.to_address == address)
        form = {"MessageSid": sent.sid, "MessageStatus": status, "To": sent.to_address, "From": sent.from_address}
        if error_code is not None:
            form["ErrorCode"] = str(error_code)
        url = f"{PUBLIC_URL}{STATUS_PATH}?outbox={sent.outbox_id}"
        return await self.post(url, form, self.twilio.sign(url, form))


def shelve_templates(twilio: TwilioEmulator, now: datetime) -> list[TemplateRow]:
    """Have the provider know every template of the catalogue as approved; what our own tables say of it."""
    shelved = [(template, twilio.contents.shelve(new)) for template, new in _compose_contents()]
    return [describe_version(template, content.sid, TemplateStatus.APPROVED, at=now) for template, content in shelved]


@cache
def _compose_contents() -> tuple[tuple[Template, NewContent], ...]:
    return tuple((it, msgspec.convert(compose_content(it), NewContent)) for it in CATALOGUE.values())


class LocalQueue:
    """The port `Queue` within one process: jobs in order, each waiting at most once."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[Job, ConversationId], None] = {}

    async def enqueue(self, job: Job, conversation_id: ConversationId) -> None:
        """Keep the job until it is taken."""
        self._waiting[job, conversation_id] = None

    def take_all(self) -> list[tuple[Job, ConversationId]]:
        """Everything that waits, in order."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken
