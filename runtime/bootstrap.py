"""The composition root: settings in, the runtime's parts out. Web, worker and ticker all start here.

Every argument has its real default, so production, `parlo up`, the simulator and the tests start
the same way and differ only in what they pass. The vendors' SDKs are imported where their parts are built:
web and ticker do without, which saves each 45 MB and more than a second.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from runtime.adapters.absent import AbsentPerception
from runtime.adapters.shifted_clock import ShiftedClock
from runtime.adapters.system import SystemClock, SystemIds
from runtime.domain.errors import Broken
from runtime.parts import Parts
from runtime.ports import Clock, Ids, MediaSource, Messenger, Model, Perception, Queue, TemplateRegistry
from runtime.settings import Settings
from runtime.store.database import Database, open_database
from runtime.store.intake import Intake

if TYPE_CHECKING:
    from runtime.adapters.openai import OpenAIModel
    from runtime.adapters.twilio.messenger import TwilioAccount


def open_parts(  # noqa: PLR0913 - one for each port, all with their real default
    settings: Settings,
    *,
    clock: Clock | None = None,
    ids: Ids | None = None,
    database: Database | None = None,
    model: Model | None = None,
    perception: Perception | None = None,
    messenger: Messenger | None = None,
    media: MediaSource | None = None,
    queue: Queue | None = None,
) -> Parts:
    """Put the runtime together; nothing is connected until it is used.

    A model that is given brings its own perception, or there is none.

    Raises:
        Broken: A setting that a real part needs is missing.
    """
    clock = clock or open_clock(settings)
    ids = ids or SystemIds()
    database = database or open_database(_require(settings.database_url, "DATABASE_URL"), pool_size=settings.pool_size)
    if model is None:
        model = own = _open_model(settings, clock, ids)
        perception = perception or own
    return Parts(
        database=database,
        intake=Intake(database, timedelta(seconds=settings.burst_s)),
        clock=clock,
        ids=ids,
        model=model,
        perception=perception or AbsentPerception(),
        messenger=messenger or _open_messenger(settings),
        media=media or _open_media(settings),
        queue=queue or _open_queue(settings),
        settings=settings,
    )


def open_clock(settings: Settings) -> Clock:
    """Real time; under `parlo up` the time that its clock file makes.

    Raises:
        Broken: The clock file cannot be used.
    """
    return ShiftedClock(settings.clock_file) if settings.clock_file else SystemClock()


def _open_queue(settings: Settings) -> Queue:
    from runtime.adapters.queue import RedisQueue  # noqa: PLC0415 - a replay brings its own

    return RedisQueue(_require(settings.redis_url, "REDIS_URL"))


def _open_model(settings: Settings, clock: Clock, ids: Ids) -> OpenAIModel:
    from runtime.adapters.openai import OpenAIModel  # noqa: PLC0415 - only workers think

    return OpenAIModel(
        api_key=_require(settings.openai_api_key, "OPENAI_API_KEY"),
        base_url=settings.openai_base_url or "https://api.openai.com/v1",
        clock=clock,
        ids=ids,
    )


def open_templates(settings: Settings) -> TemplateRegistry:
    """Where templates are registered; nothing is connected until it is used, and within the running loop only.

    Raises:
        Broken: A setting that it needs is missing.
    """
    from runtime.adapters.twilio.templates import TwilioTemplates  # noqa: PLC0415 - one command registers

    return TwilioTemplates(_describe_account(settings))


def _open_messenger(settings: Settings) -> Messenger:
    from runtime.adapters.twilio.messenger import TwilioMessenger  # noqa: PLC0415 - only workers send

    return TwilioMessenger(_describe_account(settings), settings.public_url)


def _open_media(settings: Settings) -> MediaSource:
    from runtime.adapters.twilio.media import TwilioMedia  # noqa: PLC0415 - only workers fetch

    return TwilioMedia(_describe_account(settings))


def _describe_account(settings: Settings) -> TwilioAccount:
    from runtime.adapters.twilio.messenger import TwilioAccount  # noqa: PLC0415 - only workers have one

    return TwilioAccount(
        account_sid=settings.twilio_account_sid,
        auth_token=_require(settings.twilio_secrets[0] if settings.twilio_secrets else None, "TWILIO_AUTH_TOKEN"),
        base_url=settings.twilio_base_url,
    )


def _require(value: str | None, name: str) -> str:
    if not value:
        raise Broken(f"{name} is not set")
    return value
