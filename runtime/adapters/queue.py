"""The broker: ids of conversations, carried by Dramatiq on Redis or Valkey.

The ticker and the turn hand ids over through `RedisQueue`; `runtime.worker` takes them out with `JobWorker`.
The broker may be flushed, restarted or absent: it holds nothing that the rows of the database do not say too.
So its own retries, delays, age limits and results are off; attempts and due times are counted in rows.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from uuid import UUID

import redis
import structlog
import uvloop
from dramatiq import Message, Worker, actor
from dramatiq.asyncio import EventLoopThread, set_event_loop_thread
from dramatiq.brokers.redis import RedisBroker
from redis.backoff import NoBackoff
from redis.retry import Retry

from runtime.domain.errors import Unavailable
from runtime.domain.ids import ConversationId
from runtime.ports import Job

NAMESPACE = "parlo"
QUEUE = "work"

CONNECT_TIMEOUT_S = 1.0
ANSWER_TIMEOUT_S = 2.0
PAUSE_S = 1.0
"""After a failure the broker is left alone for this long: a batch of ids does not wait out a time-out each."""

HEARTBEAT_TIMEOUT_MS = 15_000
EVERY_COMMAND = 1_000_000
"""Of a million commands, how many look for messages of dead workers. By default it would take hours."""

POLL_MS = 100
"""The longest an idle worker sleeps before it asks for messages again."""

JOB_LIMIT_S = 300.0
"""No job takes this long; one that hangs gives its thread back, and its row is offered again."""

# Smaller is sooner. A message to send is short work, and must not wait behind thinking models.
_PRIORITY = {Job.DELIVER: 0, Job.RUN_CONVERSATION: 10}

log = structlog.get_logger()

JobRunner = Callable[[Job, ConversationId], Awaitable[None]]
"""Does a job. What it raises is logged and forgotten: the row is due again."""

Opening = Callable[[], AbstractAsyncContextManager[JobRunner]]
"""Opens, on the worker's own event loop, all that jobs need, and closes it again."""


class RedisQueue:
    """Port `Queue`.

    Args:
        redis_url: `redis://…`; nothing is connected until the first id.
    """

    def __init__(self, redis_url: str) -> None:
        self._broker = open_broker(redis_url, NAMESPACE)
        self._silent_until = 0.0

    async def enqueue(self, job: Job, conversation_id: ConversationId) -> None:
        """Hand over an id, in a thread: the client blocks.

        Raises:
            Unavailable: The broker cannot be reached, or could not a moment ago.
        """
        if time.monotonic() < self._silent_until:
            raise Unavailable("the broker did not answer a moment ago")
        message: Message[None] = Message(
            queue_name=QUEUE, actor_name=job, args=(str(conversation_id),), kwargs={}, options={}
        )
        await self._ask(lambda: self._broker.enqueue(message))

    async def check(self) -> None:
        """Return if the broker answers.

        Raises:
            Unavailable: It does not.
        """
        await self._ask(self._broker.client.ping)

    async def _ask(self, question: Callable[[], object]) -> None:
        try:
            await asyncio.to_thread(question)
        except (redis.RedisError, OSError) as error:
            self._silent_until = time.monotonic() + PAUSE_S
            raise Unavailable(f"broker: {type(error).__name__}") from error
        self._silent_until = 0.0

    def close(self) -> None:
        """Close the connections."""
        self._broker.client.close()


class JobWorker:
    """Runs the broker's jobs in this process, on one event loop. One may exist at a time.

    An async job holds a thread while it waits, so `threads` is how many conversations may be under way.

    Args:
        redis_url: Where the jobs are.
        opening: Entered once, on the loop, before the first job, and left after the last.
        threads: How many jobs may run at a time.
    """

    def __init__(self, redis_url: str, opening: Opening, *, threads: int) -> None:
        self._opened = opening()
        self._loop_thread = EventLoopThread(logging.getLogger(__name__))
        self._loop_thread.loop.close()
        self._loop_thread.loop = uvloop.new_event_loop()
        self._broker = open_broker(redis_url, NAMESPACE)
        self._worker = Worker(self._broker, worker_timeout=POLL_MS, worker_threads=threads)

    def start(self) -> None:
        """Open what jobs need and begin. Raises whatever opening raises; a broker that is down is waited for."""
        self._loop_thread.daemon = True
        self._loop_thread.start(timeout=5.0)
        set_event_loop_thread(self._loop_thread)
        try:
            runner = self._loop_thread.run_coroutine(self._opened.__aenter__())
        except BaseException:
            self._stop_loop()
            raise
        for job in Job:
            _declare(self._broker, job, runner)
        self._worker.start()

    def stop(self, *, patience_s: float) -> None:
        """Take no more jobs, let those under way finish for so long, cancel the rest, and close everything."""
        try:
            self._worker.stop(timeout=int(patience_s * 1000))
        except redis.RedisError as error:
            # what was fetched and not begun comes back by its heartbeat
            log.warning("requeue_failed", error=type(error).__name__)
        self._loop_thread.run_coroutine(_cancel_others(patience_s=2.0))
        self._loop_thread.run_coroutine(self._opened.__aexit__(None, None, None))
        self._stop_loop()
        self._broker.client.close()

    def _stop_loop(self) -> None:
        self._loop_thread.stop()  # type: ignore[no-untyped-call]  # it has no annotations
        set_event_loop_thread(None)


class _Broker(RedisBroker):
    """Dramatiq's broker without a delay queue, which would only be polled: due times are rows."""

    def declare_queue(self, queue_name: str) -> None:
        """Make the queue known."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)


def open_broker(redis_url: str, namespace: str) -> RedisBroker:
    """The one place that says how the broker is reached and what it may do; queues of two namespaces never meet."""
    pool = redis.ConnectionPool.from_url(
        redis_url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S,
        # a connection left over from before a restart fails once
        retry=Retry(NoBackoff(), 1),
    )
    return _Broker(  # type: ignore[no-untyped-call]  # its constructor has no annotations
        client=redis.Redis(connection_pool=pool),
        middleware=[],
        namespace=namespace,
        heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
        maintenance_chance=EVERY_COMMAND,
    )


def _declare(broker: RedisBroker, job: Job, runner: JobRunner) -> None:
    async def run(conversation_id: str) -> None:
        try:
            async with asyncio.timeout(JOB_LIMIT_S):
                await runner(job, ConversationId(UUID(conversation_id)))
        except Exception as error:
            # the edge of a worker: whatever broke, the row is due again
            log.error("job_failed", job=job, conversation=conversation_id, exc_info=error)

    actor(actor_name=job, queue_name=QUEUE, priority=_PRIORITY[job], broker=broker)(run)


async def _cancel_others(*, patience_s: float) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=patience_s)
