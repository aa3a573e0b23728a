"""The worker over a real broker: jobs arrive, and losing broker, job or process loses and doubles nothing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
import pytest_asyncio

from runtime.adapters.queue import JobRunner, JobWorker, RedisQueue
from runtime.domain.errors import Broken, Unavailable
from runtime.domain.ids import ConversationId
from runtime.ports import Job
from runtime.settings import Settings
from runtime.store.database import Database
from runtime.worker import start_worker
from sim.twilio.inbound import Inbound
from tests.runtime.working import BUSINESS, Surroundings, surroundings

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SOMEBODY = ConversationId(UUID("00000000-0000-7000-8000-0000000000aa"))


@pytest_asyncio.fixture
async def around(database: Database, database_url: str) -> AsyncIterator[Surroundings]:
    async with surroundings(database, database_url) as found:
        yield found


@asynccontextmanager
async def _working(around: Surroundings) -> AsyncIterator[None]:
    """A worker on its own loop within this process."""
    worker = await asyncio.to_thread(start_worker, around.settings)
    try:
        yield
    finally:
        await asyncio.to_thread(worker.stop, patience_s=5.0)


async def test_an_accepted_message_is_answered_through_broker_and_worker(around: Surroundings) -> None:
    """From the stored row to the provider, with nothing but an id on the broker."""
    async with _working(around):
        await around.write("¿cuánto cuesta el corte de dama?", "SM1")
        await around.wait_for_answers(1)

    assert "$250" in around.twilio.sent[0].body
    assert await around.count_rows() == ({"done": 1}, 1)


async def test_a_worker_fetches_what_no_webhook_brought(around: Surroundings) -> None:
    """A process of its own, over HTTP: the provider's list is read, and what is missing is answered."""
    process = await around.start_process(PARLO_RECONCILE_S="0.5", PARLO_UNDER_WAY_S="0.1")
    message = Inbound(
        from_address="whatsapp:+5215512345678", to_address=BUSINESS, text="¿cuánto cuesta el corte de dama?"
    )
    around.twilio.compose_inbound(message)

    await around.wait_for_answers(1)
    await asyncio.sleep(1.5)
    process.terminate()
    await process.wait()

    assert "$250" in around.twilio.sent[0].body
    assert await around.count_rows() == ({"done": 1}, 1)


async def test_a_flushed_broker_costs_seconds_and_no_message(around: Surroundings) -> None:
    """Flushed before anybody took the job, and again under a running worker, scripts and all."""
    await around.write("¿a qué hora abren?", "SM1")
    await asyncio.sleep(0.3)
    around.flush_broker()

    async with _working(around):
        await around.wait_for_answers(1)
        around.flush_broker()
        await around.write("¿dónde están?", "SM2")
        await around.wait_for_answers(2)

    assert await around.count_rows() == ({"done": 2}, 2)


async def test_workers_killed_in_the_middle_of_a_turn_are_taken_over_from(around: Surroundings) -> None:
    """kill -9 before the first answer of the model, and again after its tool ran: one answer, nothing asked twice."""
    around.model.held = {1, 3}
    first = await around.start_process()
    await around.write("hola, ¿tienen lugar mañana a las 4 para un corte de dama?", "SM1")
    await around.wait_for(lambda: around.model.asked == 1, "the first question")
    first.kill()

    second = await around.start_process()
    await around.wait_for(lambda: around.model.asked == 3, "the same question again, a tool, and the next question")
    second.kill()
    await asyncio.gather(first.wait(), second.wait())
    async with _working(around):
        await around.wait_for_answers(1)
        await asyncio.sleep(1.0)

    assert [message.to_address for message in around.twilio.sent] == ["whatsapp:+5215512345678"]
    assert await around.count_rows() == ({"done": 1}, 1)
    assert around.model.asked == 4, "what the journal held was asked again"


async def test_a_worker_told_to_stop_finishes_the_turn_it_is_in(around: Surroundings) -> None:
    """SIGTERM drains: the turn under way ends, then the process does, with 0."""
    around.model.held = {1}
    process = await around.start_process()
    await around.write("¿cuánto cuesta el corte de dama?", "SM1")
    await around.wait_for(lambda: around.model.asked == 1, "the first question")

    process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.3)
    around.model.held.clear()
    code = await asyncio.wait_for(process.wait(), 30)

    assert code == 0
    assert await around.count_rows() == ({"done": 1}, 1)


async def test_a_job_that_fails_stops_no_other(around: Surroundings) -> None:
    """A crash in one job is logged, acknowledged and forgotten."""
    done: list[tuple[Job, ConversationId]] = []

    @asynccontextmanager
    async def opening() -> AsyncIterator[JobRunner]:
        async def run(job: Job, conversation_id: ConversationId) -> None:
            done.append((job, conversation_id))
            if job is Job.RUN_CONVERSATION:
                raise ValueError("a bug")

        yield run

    worker = JobWorker(around.settings.redis_url or "", opening, threads=1)
    await asyncio.to_thread(worker.start)
    for job in (Job.RUN_CONVERSATION, Job.DELIVER, Job.DELIVER):
        await around.parts.queue.enqueue(job, SOMEBODY)
    await around.wait_for(lambda: len(done) == 3, "every job")
    await asyncio.to_thread(worker.stop, patience_s=5.0)

    assert sorted(job for job, _ in done) == [Job.DELIVER, Job.DELIVER, Job.RUN_CONVERSATION]
    assert {conversation_id for _, conversation_id in done} == {SOMEBODY}


async def test_a_broker_that_is_down_says_so_at_once() -> None:
    """And is not asked again for a moment, so that a batch does not wait out a time-out for each id."""
    queue = RedisQueue("redis://127.0.0.1:1/0")
    loop = asyncio.get_running_loop()
    began_at = loop.time()

    for _ in range(50):
        with pytest.raises(Unavailable):
            await queue.enqueue(Job.DELIVER, SOMEBODY)

    assert loop.time() - began_at < 1.0


def test_a_worker_without_its_settings_does_not_start() -> None:
    """It names the variable that is missing."""
    with pytest.raises(Broken, match="REDIS_URL"):
        start_worker(Settings())
    with pytest.raises(Broken, match=r"DATABASE_URL|OPENAI_API_KEY"):
        start_worker(Settings(redis_url="redis://127.0.0.1:1/0"))
