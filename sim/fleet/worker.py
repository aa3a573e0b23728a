"""A worker of the fleet: takes shards up, replays their conversations, puts the records down.

`parlo eval-worker` runs it, as many as there are cores on as many machines as one likes; they need the same broker and
the same Postgres. One conversation is replayed at a time, in one thread, since the virtual loop is that thread's.
"""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import structlog

from runtime.adapters.shard_queue import ShardWorker
from runtime.adapters.system import SystemClock
from runtime.domain.errors import Broken
from sim.fleet.shards import Place, Shelf, Staging, Taken, parse_name
from sim.record import ConversationRecord
from sim.theatre import Theatre

HOLD_EVERY_S = 3.0
DRAIN_S = 5.0
"""A shard under way is let go after this long: its time runs out, and another worker has it."""

log = structlog.get_logger()


def run_fleet_worker(server_url: str, redis_url: str, *, code_version: str, openai_api_key: str | None) -> int:
    """Work until told to stop (SIGTERM, SIGINT).

    Args:
        server_url: The fleet's Postgres.
        redis_url: The fleet's broker.
        code_version: Of this worker.
        openai_api_key: This worker's own.

    Returns:
        The number of the signal that ended it.
    """
    ended = threading.Event()
    received: list[int] = []

    def end(number: int, _frame: object) -> None:
        received.append(number)
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    player = ShardPlayer(server_url, code_version, openai_api_key)
    worker = ShardWorker(redis_url, player.play)
    worker.start()
    log.info("fleet_worker_started")
    ended.wait()
    player.give_up()
    worker.stop(patience_s=DRAIN_S)
    player.close()
    log.info("fleet_worker_stopped", signal=received[0])
    return received[0]


def name_database(pid: int) -> str:
    """The database of a worker of this machine."""
    return f"parlo_fleet_{pid}_{socket.gethostname().lower()}"[:63]


class ShardPlayer:
    """Plays shards by name, `RUN NUMBER`. The theatre of the last staging stays open for the next shard.

    Args:
        server_url: The fleet's Postgres.
        code_version: Of this worker; shards of another one are refused.
        openai_api_key: This worker's own.
    """

    def __init__(self, server_url: str, code_version: str, openai_api_key: str | None = None) -> None:
        self._server_url = server_url
        self._code_version = code_version
        self._openai_api_key = openai_api_key
        self._clock = SystemClock()
        self._database = name_database(os.getpid())
        self._staging: Staging | None = None
        self._theatre: Theatre | None = None
        self._exits = ExitStack()
        self._over = threading.Event()
        self._playing = threading.Lock()

    def give_up(self) -> None:
        """Stop after the conversation that is being replayed."""
        self._over.set()

    def play(self, name: str) -> None:
        """Replay a shard, if it is there to be taken."""
        if self._over.is_set():
            return
        with self._playing, Shelf(self._server_url) as shelf:
            place = parse_name(name)
            taken = shelf.take_up(place, self._clock.now())
            if taken is None:
                return
            try:
                self._play(shelf, place, taken)
            except Exception as error:
                shelf.fail(place, taken.tries, f"{type(error).__name__}: {error}", self._clock.now())
                raise

    def close(self) -> None:
        """Drop the database, after the conversation that is being replayed."""
        with self._playing:
            self._close()

    def _play(self, shelf: Shelf, place: Place, taken: Taken) -> None:
        work = taken.work
        with self._holding(place, taken.tries) as lost:
            theatre = self._open(work.staging)
            records: list[ConversationRecord] = []
            for trial in work.trials:
                if self._over.is_set():
                    shelf.let_go(place, taken.tries)
                    return
                if lost.is_set():
                    return
                records.append(theatre.play(trial))
            shelf.put_down(place, records)

    @contextmanager
    def _holding(self, place: Place, tries: int) -> Iterator[threading.Event]:
        """Say that the shard is ours as long as this lasts, however long a conversation takes; set when it is not."""
        lost, done = threading.Event(), threading.Event()

        def hold() -> None:
            with Shelf(self._server_url) as shelf:
                while not done.wait(HOLD_EVERY_S):
                    if not shelf.hold_on(place, tries, self._clock.now()):
                        lost.set()
                        return

        holder = threading.Thread(target=hold, name="holder", daemon=True)
        holder.start()
        try:
            yield lost
        finally:
            done.set()
            holder.join()

    def _open(self, staging: Staging) -> Theatre:
        if self._theatre is not None and self._staging == staging:
            return self._theatre
        if staging.code_version != self._code_version:
            raise Broken(f"the run is of code {staging.code_version}, this worker of {self._code_version}")
        self._close()
        folder = self._exits.enter_context(tempfile.TemporaryDirectory(prefix="parlo-drafts-"))
        for reference, text in staging.drafts.items():
            (Path(folder) / f"{reference}.md").write_text(text, encoding="utf-8")
        settings = msgspec.structs.replace(staging.settings, prompt_drafts=folder, openai_api_key=self._openai_api_key)
        self._theatre = self._exits.enter_context(Theatre(self._server_url, self._database, settings))
        self._staging = staging
        return self._theatre

    def _close(self) -> None:
        self._staging = self._theatre = None
        self._exits.close()
