"""The worker process: takes ids from the broker, runs conversations, delivers messages, fetches undelivered ones.

`parlo worker` calls `run_worker`. A job carries a conversation's id and nothing else; all that is known about
it stands in the database, so a job may come twice, late, or never.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from runtime.adapters.openai import OpenAIModel
from runtime.adapters.queue import JobRunner, JobWorker
from runtime.adapters.twilio.media import TwilioMedia
from runtime.adapters.twilio.messenger import TwilioMessenger
from runtime.bootstrap import open_parts
from runtime.domain.errors import Broken, Unavailable
from runtime.domain.ids import ConversationId
from runtime.outbox import deliver
from runtime.parts import Parts
from runtime.ports import Job
from runtime.reconcile import reconcile_forever
from runtime.settings import Settings
from runtime.turn import run_conversation

DRAIN_S = 20.0
"""How long turns under way may take to end after the process was told to. Leases cover those that do not."""

OpenParts = Callable[[Settings], Parts]

log = structlog.get_logger()


def run_worker(settings: Settings, *, opening: OpenParts = open_parts) -> int:
    """Work until told to stop (SIGTERM, SIGINT), then let what is under way finish.

    Returns:
        The number of the signal that ended it.

    Raises:
        Broken: A setting that a part needs is missing.
    """
    ended = threading.Event()
    received: list[int] = []

    def end(number: int, _frame: object) -> None:
        received.append(number)
        ended.set()

    worker = start_worker(settings, opening=opening)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    log.info("worker_started", threads=settings.worker_threads)
    ended.wait()
    log.info("worker_draining", signal=received[0])
    worker.stop(patience_s=DRAIN_S)
    log.info("worker_stopped")
    return received[0]


def start_worker(settings: Settings, *, opening: OpenParts = open_parts) -> JobWorker:
    """Begin to work in the background of this process; the caller stops it."""
    if not settings.redis_url:
        raise Broken("REDIS_URL is not set")
    worker = JobWorker(settings.redis_url, lambda: _open_runner(settings, opening), threads=settings.worker_threads)
    worker.start()
    return worker


async def run_job(parts: Parts, job: Job, conversation_id: ConversationId) -> None:
    """Do what a job says.

    Raises:
        Unavailable: The database is down.
    """
    if job is Job.DELIVER:
        await deliver(parts, conversation_id)
    else:
        await run_conversation(parts, conversation_id)


@asynccontextmanager
async def _open_runner(settings: Settings, opening: OpenParts) -> AsyncIterator[JobRunner]:
    """Open the parts on the loop they belong to, for as long as jobs come."""
    parts = opening(settings)

    async def run(job: Job, conversation_id: ConversationId) -> None:
        try:
            await run_job(parts, job, conversation_id)
        except Unavailable as error:
            log.warning("job_postponed", job=job, conversation=str(conversation_id), error=str(error))

    reconciling = asyncio.ensure_future(reconcile_forever(parts))
    try:
        yield run
    finally:
        reconciling.cancel()
        await asyncio.wait({reconciling})
        await parts.database.close()
        if isinstance(parts.model, OpenAIModel):
            await parts.model.close()
        if isinstance(parts.messenger, TwilioMessenger):
            await parts.messenger.aclose()
        if isinstance(parts.media, TwilioMedia):
            await parts.media.aclose()
