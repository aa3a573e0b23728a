"""A queue beside production's, on the same broker: names of pieces of work, for processes that do nothing else.

Evaluations are spread over a fleet by it. As with production's jobs, the broker holds nothing that a database does not
say too: a name may come twice, late, or never, and whoever gave it out looks after it.
"""

from __future__ import annotations

from collections.abc import Callable

import redis
import structlog
from dramatiq import Message, Worker, actor

from runtime.adapters.queue import POLL_MS, open_broker
from runtime.domain.errors import Unavailable

QUEUE = "shards"
ACTOR = "play_shard"
NAMESPACE = "parlo-evals"

log = structlog.get_logger()


class ShardQueue:
    """Gives out names.

    Args:
        redis_url: Nothing is connected until the first name.
    """

    def __init__(self, redis_url: str) -> None:
        self._broker = open_broker(redis_url, NAMESPACE)

    def offer(self, name: str) -> None:
        """Have some worker take this up.

        Raises:
            Unavailable: The broker cannot be reached.
        """
        message: Message[None] = Message(queue_name=QUEUE, actor_name=ACTOR, args=(name,), kwargs={}, options={})
        try:
            self._broker.enqueue(message)
        except (redis.RedisError, OSError) as error:
            raise Unavailable(f"broker: {type(error).__name__}") from error

    def close(self) -> None:
        """Close the connections."""
        self._broker.client.close()


class ShardWorker:
    """Takes names, one at a time, in a thread of its own.

    Args:
        redis_url: Where they are.
        work: Does what a name stands for. What it raises is logged; the name is offered again by whoever waits for it.
    """

    def __init__(self, redis_url: str, work: Callable[[str], None]) -> None:
        self._broker = open_broker(redis_url, NAMESPACE)

        def run(name: str) -> None:
            try:
                work(name)
            except Exception as error:
                # the edge of a worker; critical, since replays silence whatever is less
                log.critical("shard_failed", shard=name, exc_info=error)

        actor(actor_name=ACTOR, queue_name=QUEUE, broker=self._broker)(run)
        self._worker = Worker(self._broker, worker_timeout=POLL_MS, worker_threads=1)

    def start(self) -> None:
        """Begin; a broker that is down is waited for."""
        self._worker.start()

    def stop(self, *, patience_s: float) -> None:
        """Take no more; what is under way may go on for so long."""
        try:
            self._worker.stop(timeout=int(patience_s * 1000))
        except redis.RedisError as error:
            log.warning("requeue_failed", error=type(error).__name__)
        self._broker.client.close()
